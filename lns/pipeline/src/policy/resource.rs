//! What statements are about: ARNs with wildcards.
//!
//! `arn:aws:iot:{region}:{account}:topic/a/b`. There is one region and one account here, so that a
//! policy written for any region and account of AWS says the same here: the two are not compared.

use super::Target;
use super::glob::{Glob, Token, behind};
use super::template::{Template, Use};
use super::{Action, Context};

/// The region in our ARNs.
pub const REGION: &str = "local";
/// The account in our ARNs.
pub const ACCOUNT: &str = "000000000000";

/// How our ARNs begin.
const BEFORE: &str = "arn:aws:iot:local:000000000000:";

/// An element of `Resource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource(Template);

impl Resource {
    /// Reads `*`, or an ARN of `iot` with wildcards and variables.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Template::parse(text, true).map(Resource);
        }
        Template::parse(&as_ours(text)?, true).map(Resource)
    }

    /// The patterns that the name behind `client/`, `topic/` … must match.
    pub fn globs(&self, target: Target, context: &Context, grants: bool) -> Option<Vec<Glob>> {
        let topics = matches!(target, Target::Topic | Target::TopicFilter);
        let used = match (grants, topics) {
            (true, true) => Use::GrantsTopics,
            (true, false) => Use::Grants,
            (false, true | false) => Use::Else,
        };
        let tokens = self.0.fill(context, used)?;
        let before = format!("{BEFORE}{}", target.prefix());
        Some(behind(&tokens, &before).into_iter().map(Glob::new).collect())
    }

    /// The whole ARN as a pattern.
    pub fn whole(&self, context: &Context) -> Option<Vec<Token>> {
        self.0.fill(context, Use::Else)
    }
}

/// The ARN with our region and account in it.
fn as_ours(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let wrong = |problem: &str| {
        Err(format!("{text:?} {problem}; write arn:aws:iot:<region>:<account>:topic/a/b, or *"))
    };
    let (before, rest) = match parts.as_slice() {
        [before @ .., rest] if before.len() == 5 => (before, *rest),
        // `arn:aws:iot:*`: all that follows.
        [before @ .., last] if last.ends_with('*') && !before.is_empty() => {
            (before, if fits(before.len(), last) { "*" } else { return wrong("is no ARN") })
        }
        _ => return wrong("is no ARN"),
    };
    match before.iter().enumerate().find(|(at, part)| !fits(*at, part)) {
        None => Ok(format!("{BEFORE}{rest}")),
        Some((2, _)) => wrong("is of another service"),
        Some(_) => wrong("is no ARN"),
    }
}

/// Whether this can be the part of an ARN at this place, wildcards included.
fn fits(at: usize, part: &str) -> bool {
    let wild = part.contains(['*', '?']);
    let spelled = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-*?".contains(&b);
    let word = part.bytes().all(spelled);
    match at {
        0 => part == "arn",
        1 => word && (wild || part == "aws" || part.starts_with("aws-")),
        2 => {
            if wild {
                Glob::of_pattern(part).matches("iot")
            } else {
                part == "iot"
            }
        }
        3 => word,
        4 => part.bytes().all(|b| b.is_ascii_digit() || b"*?".contains(&b)),
        _ => false,
    }
}

/// A topic's ARN.
pub(super) fn topic_arn(topic: &str) -> String {
    format!("{BEFORE}{}{topic}", Target::Topic.prefix())
}

/// What an ARN without wildcards names: `topic/a/b`, for questions by ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    /// The kind.
    pub target: Target,
    /// The name.
    pub name: &'a str,
}

impl<'a> Named<'a> {
    /// What `arn` names, as the resource of `action`; `*` is everything. `None`: nothing that the
    /// action could be about.
    pub fn of(action: Action, arn: &'a str) -> Option<Self> {
        let target = action.target();
        if target == Target::Everything {
            return Some(Self { target, name: "*" });
        }
        let mut parts = arn.splitn(6, ':');
        let before: Vec<&str> = parts.by_ref().take(5).collect();
        let ours = before.len() == 5 && before.iter().enumerate().all(|(at, part)| fits(at, part));
        let name = parts.next()?.strip_prefix(target.prefix())?;
        ours.then_some(Self { target, name })
    }
}
