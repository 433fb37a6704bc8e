//! The topics of shadows: `$aws/things/{thing}/shadow[/name/{shadow}]/…`.

use super::{NameError, ShadowId};

/// What is asked of a shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// The whole document.
    Get,
    /// A change.
    Update,
    /// That it be no more.
    Delete,
}

/// What is published of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reply {
    /// It was done.
    Accepted,
    /// It was not, and why.
    Rejected,
    /// After an update: what is desired and not reported.
    Delta,
    /// After an update: the document before and after.
    Documents,
}

/// What the server listens to.
pub const REQUESTS: [&str; 6] = [
    "$aws/things/+/shadow/get",
    "$aws/things/+/shadow/update",
    "$aws/things/+/shadow/delete",
    "$aws/things/+/shadow/name/+/get",
    "$aws/things/+/shadow/name/+/update",
    "$aws/things/+/shadow/name/+/delete",
];

impl Verb {
    /// As it stands in topics and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::Update => "update",
            Verb::Delete => "delete",
        }
    }

    fn parse(text: &str) -> Option<Verb> {
        [Verb::Get, Verb::Update, Verb::Delete].into_iter().find(|verb| verb.name() == text)
    }
}

impl Reply {
    /// As it stands in topics.
    pub fn name(self) -> &'static str {
        match self {
            Reply::Accepted => "accepted",
            Reply::Rejected => "rejected",
            Reply::Delta => "delta",
            Reply::Documents => "documents",
        }
    }
}

/// A topic that asks something of a shadow. The name may be one that no shadow can have: that is
/// worth an answer, too.
pub fn parse(topic: &str) -> Option<(Result<ShadowId, NameError>, Verb)> {
    let mut levels = topic.strip_prefix("$aws/things/")?.split('/');
    let thing = levels.next()?;
    if levels.next()? != "shadow" {
        return None;
    }
    let (name, verb) = match levels.next()? {
        "name" => (Some(levels.next()?), levels.next()?),
        verb => (None, verb),
    };
    if levels.next().is_some() {
        return None;
    }
    Some((ShadowId::new(thing, name), Verb::parse(verb)?))
}

impl ShadowId {
    /// Where something is said of a request.
    pub fn topic(&self, verb: Verb, reply: Reply) -> String {
        let (verb, reply, thing) = (verb.name(), reply.name(), self.thing());
        match self.name() {
            None => format!("$aws/things/{thing}/shadow/{verb}/{reply}"),
            Some(name) => format!("$aws/things/{thing}/shadow/name/{name}/{verb}/{reply}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::matches;

    #[test]
    fn every_request_is_read_and_answered_below_itself() {
        for (topic, thing, name, verb) in [
            ("$aws/things/t/shadow/get", "t", None, Verb::Get),
            ("$aws/things/t/shadow/update", "t", None, Verb::Update),
            ("$aws/things/t/shadow/delete", "t", None, Verb::Delete),
            ("$aws/things/t/shadow/name/s/get", "t", Some("s"), Verb::Get),
            ("$aws/things/t/shadow/name/get/update", "t", Some("get"), Verb::Update),
            ("$aws/things/shadow/shadow/name/name/delete", "shadow", Some("name"), Verb::Delete),
        ] {
            let (id, parsed) = parse(topic).expect(topic);
            let id = id.expect(topic);
            assert_eq!((id.thing(), id.name(), parsed), (thing, name, verb));
            assert_eq!(id.topic(verb, Reply::Rejected), format!("{topic}/rejected"));
            let heard = REQUESTS.iter().filter(|filter| matches(filter, topic));
            assert_eq!(heard.count(), 1, "{topic}");
        }
    }

    #[test]
    fn no_other_topic_is_a_request() {
        for topic in [
            "",
            "t",
            "$aws/things/t/shadow",
            "$aws/things/t/shadow/",
            "$aws/things/t/shadow/patch",
            "$aws/things/t/shadow/get/accepted",
            "$aws/things/t/shadow/name/s",
            "$aws/things/t/shadow/name/s/get/accepted",
            "$aws/things/t/jobs/get",
            "x/$aws/things/t/shadow/get",
            "$aws/things/t/shadow/update/delta",
        ] {
            assert_eq!(parse(topic), None, "{topic}");
        }
        let (id, _) = parse("$aws/things//shadow/get").expect("it asks for a nameless shadow");
        assert_eq!(id, Err(NameError::Thing));
        let (id, _) = parse("$aws/things/t/shadow/name/a b/get").expect("it asks");
        assert_eq!(id, Err(NameError::Shadow));
    }
}
