//! Topics that are the server's own, whatever a policy says.

use crate::broker::filter;

/// The topics of the server and its gateway bridges.
const OURS: &str = "lns";
/// What only the server says, but for the requests of applications.
const SERVER: &str = "lorawan";
const REQUESTS: &str = "lorawan/+/down";
/// Topics with `$` that clients may publish to: shadows, and rules by basic ingest.
const OPEN: [&str; 2] = ["$aws/things/", "$aws/rules/"];

/// Whether a client may publish there, as far as a policy allows it.
pub fn may_publish(topic: &str) -> bool {
    if topic.starts_with('$') {
        return OPEN.iter().any(|open| topic.starts_with(open));
    }
    let ours = is_under(OURS, topic) || is_under(SERVER, topic);
    !ours || filter::covers(REQUESTS, topic)
}

/// Whether a client may hear of this, a topic or a filter, as far as a policy allows it. What a
/// wildcard covers besides is withheld at delivery.
pub(super) fn may_hear(topic: &str) -> bool {
    !is_under(OURS, topic)
}

/// Whether `topic` is `root` or below it.
fn is_under(root: &str, topic: &str) -> bool {
    topic.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_speaks_for_the_server() {
        for (topic, publish, hear) in [
            ("home/kitchen", true, true),
            ("lorawans", true, true),
            ("lorawan/0102030405060708/down", true, true),
            ("lorawan/0102030405060708/up", false, true),
            ("lns/v1/gateway/0102030405060708/up", false, false),
            ("lns", false, false),
            ("$aws/things/lamp/shadow/update", true, true),
            ("$aws/rules/r/x", true, true),
            ("$aws/events/presence/connected/c", false, true),
            ("$SYS/x", false, true),
        ] {
            assert_eq!(may_publish(topic), publish, "{topic}");
            assert_eq!(may_hear(topic), hear, "{topic}");
        }
    }
}
