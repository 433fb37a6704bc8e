//! Filters that do not overlap.
//!
//! Of a message that several of a client's subscriptions cover, a broker may send one copy or one for
//! each (MQTT 3.1.1 §3.3.5, MQTT 5.0 §3.3.4), and nothing tells two copies from two messages. So we
//! subscribe to filters of which at most one covers a topic: one that is covered by another is left
//! out, and two that overlap in part are widened to one that covers both. What comes in besides is let
//! pass by, as nobody here wants it.

use lns_broker::wire::client::Wish;

use crate::broker::filter::overlaps;

/// Where what is retained says how things are, and not that something has happened.
pub(super) const STATES: &str = "lns/v1/bridge/+/state";

/// How to subscribe to a filter.
pub(super) fn wish(filter: &str) -> Wish {
    if overlaps(filter, STATES) { Wish::WithRetained } else { Wish::Fresh }
}

/// Filters, no two of which overlap, that cover at least what `filters` do.
pub(super) fn disjoint(filters: &[String]) -> Vec<String> {
    let mut apart: Vec<String> = Vec::with_capacity(filters.len());
    for filter in filters {
        let mut filter = filter.clone();
        // A wider one may overlap more of them; each round there is one less.
        while let Some(at) = apart.iter().position(|other| meet(other, &filter)) {
            filter = joined(&apart.swap_remove(at), &filter);
        }
        apart.push(filter);
    }
    apart.sort_unstable();
    apart
}

/// Whether some topic is covered by both. A wildcard at the start does not stand for a level that
/// begins with `$` (MQTT 5.0 §4.7.2).
fn meet(a: &str, b: &str) -> bool {
    let of_system = |filter: &str| filter.starts_with('$');
    let wild = |filter: &str| filter.starts_with(['+', '#']);
    let strangers = (of_system(a) && wild(b)) || (of_system(b) && wild(a));
    !strangers && overlaps(a, b)
}

/// The narrowest filter that covers what either does. They overlap, so where both name a level they
/// name the same.
fn joined(a: &str, b: &str) -> String {
    let (mut mine, mut yours) = (a.split('/'), b.split('/'));
    let mut levels = Vec::new();
    loop {
        match (mine.next(), yours.next()) {
            (None, None) => break,
            (Some(level), Some(same)) if level == same => levels.push(level),
            (Some("#"), _) | (_, Some("#")) | (None, Some(_)) | (Some(_), None) => {
                levels.push("#");
                break;
            }
            (Some(_), Some(_)) => levels.push("+"),
        }
    }
    levels.join("/")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::broker::filter::covers;

    fn apart(filters: &[&str]) -> Vec<String> {
        disjoint(&filters.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn a_filter_that_another_covers_is_left_out() {
        for (filters, expected) in [
            (&["a/+", "a/b"][..], &["a/+"][..]),
            (&["a/b", "a/#", "a/+"], &["a/#"]),
            (&["a", "a/#"], &["a/#"]),
            (&["#", "lorawan/+/down", "$aws/rules/#"], &["#", "$aws/rules/#"]),
            (&["a/+", "b/+"], &["a/+", "b/+"]),
            (&["+/x", "$aws/x"], &["$aws/x", "+/x"]),
        ] {
            assert_eq!(apart(filters), expected, "{filters:?}");
        }
    }

    #[test]
    fn two_that_overlap_in_part_become_one() {
        for (filters, expected) in [
            (&["a/+/c", "+/b/c"][..], &["+/+/c"][..]),
            (&["site/#", "+/+/t"], &["+/#"]),
            (&["a/+", "+/b", "c/d/e"], &["+/+", "c/d/e"]),
            (&["a/+/#", "+/b"], &["+/+/#"]),
            // Widened, it meets a third.
            (&["x/z", "a/+", "+/b"], &["+/+"]),
        ] {
            assert_eq!(apart(filters), expected, "{filters:?}");
        }
    }

    fn filter() -> impl Strategy<Value = String> {
        let level = prop::sample::select(vec!["a", "b", "$aws", "+", ""]);
        (prop::collection::vec(level, 1..4), prop::bool::ANY).prop_map(|(mut levels, rest)| {
            if rest {
                levels.push("#");
            }
            levels.join("/")
        })
    }

    fn topic() -> impl Strategy<Value = String> {
        let level = prop::sample::select(vec!["a", "b", "$aws", "c", ""]);
        prop::collection::vec(level, 1..5).prop_map(|levels| levels.join("/"))
    }

    proptest! {
        /// Every message that is wanted comes, and comes once.
        #[test]
        fn each_wanted_topic_is_covered_once(
            filters in prop::collection::vec(filter(), 0..8),
            topic in topic(),
        ) {
            let apart = disjoint(&filters);
            let copies = apart.iter().filter(|filter| covers(filter, &topic)).count();
            prop_assert!(copies <= 1, "{:?} of {:?} for {}", apart, filters, topic);
            let wanted = filters.iter().any(|filter| covers(filter, &topic));
            prop_assert!(copies == 1 || !wanted, "{:?} of {:?} for {}", apart, filters, topic);
        }
    }
}
