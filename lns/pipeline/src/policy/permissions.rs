//! What some policies come to for one connection.

use super::action::{Action, Actions, Target};
use super::document::{Effect, Policy, Statement};
use super::glob::Glob;
use super::{Context, Named};

/// What one connection may do.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    /// By [`Target`]; those that deny come first.
    rules: [Box<[Rule]>; Target::ALL.len()],
}

/// A statement, for one kind of resource.
#[derive(Clone, Debug)]
struct Rule {
    denies: bool,
    actions: Actions,
    /// Whether it is about all that matches none of the patterns.
    inverted: bool,
    globs: Box<[Glob]>,
}

/// Why something is allowed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it, and none denies it.
    Allowed,
    /// A statement denies it.
    DeniedExplicitly,
    /// No statement allows it.
    DeniedImplicitly,
}

impl Permissions {
    /// What `policies` allow under these circumstances.
    pub fn new<'a>(policies: impl IntoIterator<Item = &'a Policy>, context: &Context) -> Self {
        let idle = Context { connect: None, ..context.clone() };
        let mut rules: [Vec<Rule>; Target::ALL.len()] = Default::default();
        for statement in policies.into_iter().flat_map(Policy::statements) {
            // Only somebody who connects has asked for a will or a session.
            let connecting = statement.actions.and(Actions::CONNECT);
            let other = statement.actions.without(Actions::CONNECT);
            let connecting = if statement.holds(context) { connecting } else { Actions::default() };
            let other = if statement.holds(&idle) { other } else { Actions::default() };
            let actions = connecting.or(other);
            for target in Target::ALL {
                let rule = rule(statement, actions.about(target), (target, context));
                rules[target.index()].extend(rule);
            }
        }
        Self {
            rules: rules.map(|mut rules| {
                rules.sort_by_key(|rule| !rule.denies);
                rules.into_boxed_slice()
            }),
        }
    }

    /// Whether `action` is allowed on what is called `name`: a topic, a topic filter, a client
    /// identifier, a thing, as [`Action::target`] says. Takes no memory.
    pub fn allows(&self, action: Action, name: &str) -> bool {
        self.decide(action, name) == Decision::Allowed
    }

    /// Whether a client may subscribe to `filter`.
    ///
    /// Of a shared subscription (`$share/{group}/{filter}`) the filter inside must be allowed, as it
    /// says what is delivered; a statement that denies the whole denies it, too.
    pub fn may_subscribe(&self, filter: &str) -> bool {
        let Some(inside) = shared(filter) else { return self.allows(Action::Subscribe, filter) };
        self.allows(Action::Subscribe, inside)
            && self.decide(Action::Subscribe, filter) != Decision::DeniedExplicitly
    }

    /// The same question, with the reason.
    pub fn decide(&self, action: Action, name: &str) -> Decision {
        for rule in &self.rules[action.target().index()] {
            let applies = rule.actions.has(action)
                && rule.globs.iter().any(|glob| glob.matches(name)) != rule.inverted;
            match (applies, rule.denies) {
                (true, true) => return Decision::DeniedExplicitly,
                (true, false) => return Decision::Allowed,
                (false, true | false) => {}
            }
        }
        Decision::DeniedImplicitly
    }

    /// The same question about an ARN. What the action cannot be about is not allowed.
    pub fn decide_arn(&self, action: Action, arn: &str) -> Decision {
        match Named::of(action, arn) {
            Some(named) => self.decide(action, named.name),
            None => Decision::DeniedImplicitly,
        }
    }
}

/// The filter inside a shared subscription; `None` when it is none, or a broken one.
fn shared(filter: &str) -> Option<&str> {
    let (_group, inside) = filter.strip_prefix("$share/")?.split_once('/')?;
    Some(inside)
}

/// A statement's rule for one kind of resource; `None`: it says nothing about it.
fn rule(
    statement: &Statement,
    actions: Actions,
    (target, context): (Target, &Context),
) -> Option<Rule> {
    if actions.is_empty() {
        return None;
    }
    let denies = statement.effect == Effect::Deny;
    // A pattern that matches grants something when it allows, or is an exception to what is denied.
    let grants = denies == statement.not_resource;
    let filled: Vec<Option<Vec<Glob>>> =
        statement.resources.iter().map(|r| r.globs(target, context, grants)).collect();
    // An exception that is not known could be anything: then nothing is allowed.
    if statement.not_resource && !denies && filled.iter().any(Option::is_none) {
        return None;
    }
    let globs: Box<[Glob]> = filled.into_iter().flatten().flatten().collect();
    (statement.not_resource || !globs.is_empty()).then_some(Rule {
        denies,
        actions,
        inverted: statement.not_resource,
        globs,
    })
}
