use proptest::prelude::*;

use super::*;

fn filter(text: &str) -> TopicFilter {
    TopicFilter::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

#[test]
fn filters_of_the_standard_are_taken() {
    // The examples of MQTT 5.0 chapter 4.7.1.
    for text in ["sport/tennis/player1/#", "sport/#", "#", "sport/tennis/#", "+", "+/tennis/#"] {
        assert_eq!(filter(text).as_str(), text);
    }
    for text in ["sport/+/player1", "+/+", "/+", "/", "//", " ", "$SYS/#", "$share/g/a/+"] {
        assert_eq!(filter(text).to_string(), text);
    }
    assert!(TopicFilter::parse(&"x".repeat(MAX_BYTES)).is_ok());
    assert!(TopicFilter::parse(&vec!["x"; MAX_FILTER_LEVELS].join("/")).is_ok());
}

#[test]
fn what_is_no_filter_is_refused_by_name() {
    let refused = |text: &str| TopicFilter::parse(text).expect_err(text);
    let part = |level, text: &str| FilterError::PartOfLevel { level, text: text.to_owned() };
    assert_eq!(refused(""), FilterError::Empty);
    assert_eq!(refused(&"x".repeat(MAX_BYTES + 1)), FilterError::TooLong(MAX_BYTES + 1));
    assert_eq!(refused(&"/".repeat(MAX_FILTER_LEVELS)), FilterError::TooManyLevels(201));
    assert_eq!(refused("a/\0"), FilterError::Nul(2));
    assert_eq!(refused("sport/tennis/#/ranking"), FilterError::HashNotLast(3));
    assert_eq!(refused("#/"), FilterError::HashNotLast(1));
    assert_eq!(refused("sport/tennis#"), part(2, "tennis#"));
    assert_eq!(refused("sport+"), part(1, "sport+"));
    assert_eq!(refused("a/++"), part(2, "++"));
    assert_eq!(refused("a/##"), part(2, "##"));
}

#[test]
fn names_have_no_wildcards() {
    for name in ["a", "/", "$SYS/broker", "a b", "Ä/ö"] {
        assert!(is_topic_name(name), "{name}");
    }
    for name in ["", "a/+", "#", "a\0", "a+b"] {
        assert!(!is_topic_name(name), "{name}");
    }
    assert!(is_topic_name(&"x".repeat(MAX_BYTES)));
    assert!(!is_topic_name(&"x".repeat(MAX_BYTES + 1)));
}

#[test]
fn filters_meet_what_the_standard_says_they_meet() {
    for (filter, topic) in [
        ("sport/tennis/player1/#", "sport/tennis/player1"),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking"),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"),
        ("sensor/#", "sensor"),
        ("#", "a/b/c"),
        ("#", "/"),
        ("sport/+", "sport/"),
        ("+/+", "/finance"),
        ("/+", "/finance"),
        ("$SYS/#", "$SYS/a/b"),
        ("$SYS/#", "$SYS"),
        ("$SYS/monitor/+", "$SYS/monitor/Clients"),
        ("a/$b/+", "a/$b/c"),
        ("+/x", "a/x"),
    ] {
        assert!(matches(filter, topic), "{filter} meets {topic}");
        assert_eq!(found(&[filter], topic), [filter]);
    }
    for (filter, topic) in [
        ("sport/+", "sport"),
        ("sport/+", "sport/a/b"),
        ("+", "/finance"),
        ("#", "$SYS/a"),
        ("+/monitor/Clients", "$SYS/monitor/Clients"),
        ("+", "$SYS"),
        ("ACCOUNTS", "Accounts"),
        ("/a", "a"),
        ("a/", "a"),
        ("a", "a/"),
        ("sensor/#", "sensors"),
    ] {
        assert!(!matches(filter, topic), "{filter} does not meet {topic}");
        assert!(found(&[filter], topic).is_empty());
    }
}

#[test]
fn a_deep_name_finds_a_short_filter() {
    let deep = "a/".repeat(MAX_BYTES / 2);
    assert_eq!(found(&["#", "a/#", "b/#", "a/+"], &deep), ["#", "a/#"]);
}

#[test]
fn one_filter_keeps_many_keys_apart() {
    let mut trie = Trie::new();
    let filter = filter("a/+/#");
    assert_eq!(trie.insert(&filter, "x", 1), None);
    assert_eq!(trie.insert(&filter, "y", 2), None);
    assert_eq!(trie.insert(&filter, "x", 3), Some(1));
    assert_eq!(trie.len(), 2);
    *trie.get_mut(&filter, &"y").expect("it is there") += 10;
    let mut seen = Vec::new();
    trie.for_each_match("a/b", |key, value| seen.push((*key, *value)));
    assert_eq!(seen, [("x", 3), ("y", 12)]);
    assert_eq!(trie.remove(&filter, &"z"), None);
    assert_eq!(trie.remove(&filter, &"x"), Some(3));
    assert_eq!(trie.remove(&filter, &"y"), Some(12));
    assert!(trie.is_empty());
}

/// Which of the filters the trie finds, in the order of the list.
fn found(filters: &[&str], topic: &str) -> Vec<String> {
    let mut trie = Trie::new();
    for (at, text) in filters.iter().enumerate() {
        trie.insert(&filter(text), at, *text);
    }
    let mut found = Vec::new();
    trie.for_each_match(topic, |at, text| found.push((*at, (*text).to_owned())));
    found.sort();
    found.into_iter().map(|(_, text)| text).collect()
}

fn level() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "a", "b", "$a", "ab"])
}

fn name() -> impl Strategy<Value = String> {
    let levels = prop::collection::vec(level(), 1..5).prop_map(|levels| levels.join("/"));
    levels.prop_filter("a name is not empty", |name| !name.is_empty())
}

fn any_filter() -> impl Strategy<Value = String> {
    let levels = prop::collection::vec(prop_oneof![3 => level(), 2 => Just("+")], 0..5);
    let filter = (levels, any::<bool>()).prop_map(|(mut levels, rest)| {
        levels.extend(rest.then_some("#"));
        levels.join("/")
    });
    filter.prop_filter("a filter is not empty", |filter| !filter.is_empty())
}

/// A second opinion: the filter as a regular expression of levels, by recursion.
fn naive(filter: &[&str], name: &[&str]) -> bool {
    match (filter, name) {
        (["#"], _) | ([], []) => true,
        ([level, filter @ ..], [first, name @ ..]) => {
            (*level == "+" || level == first) && naive(filter, name)
        }
        (_, []) | ([], _) => false,
    }
}

proptest! {
    #[test]
    fn trie_and_matcher_agree_with_the_naive_one(
        filters in prop::collection::vec(any_filter(), 0..12),
        kept in prop::collection::vec(any::<bool>(), 12),
        name in name(),
    ) {
        let mut trie = Trie::new();
        for (at, text) in filters.iter().enumerate() {
            trie.insert(&filter(text), at, ());
        }
        for (at, text) in filters.iter().enumerate() {
            if !kept[at] {
                prop_assert_eq!(trie.remove(&filter(text), &at), Some(()));
            }
        }
        let mut found = Vec::new();
        trie.for_each_match(&name, |at, ()| found.push(*at));
        found.sort_unstable();
        let meets = |text: &str| {
            let wild = text.starts_with(['+', '#']) && name.starts_with('$');
            let filter: Vec<&str> = text.split('/').collect();
            let name: Vec<&str> = name.split('/').collect();
            !wild && naive(&filter, &name)
        };
        let expected: Vec<usize> =
            (0..filters.len()).filter(|at| kept[*at] && meets(&filters[*at])).collect();
        prop_assert_eq!(found, expected);
        for text in &filters {
            prop_assert_eq!(matches(text, &name), meets(text));
        }
    }

    #[test]
    fn parse_takes_any_text_without_panic(text in ".{0,40}", topic in ".{0,40}") {
        if let Ok(filter) = TopicFilter::parse(&text) {
            filter.matches(&topic);
        }
        matches(&text, &topic);
        is_topic_name(&text);
    }
}
