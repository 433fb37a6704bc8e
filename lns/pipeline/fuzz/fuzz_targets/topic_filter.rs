//! Any filters and a topic: the trie finds what the matcher finds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lns_pipeline::topic::{TopicFilter, Trie};

fuzz_target!(|input: (Vec<&str>, &str)| {
    let (texts, topic) = input;
    let filters: Vec<_> = texts.iter().filter_map(|text| TopicFilter::parse(text).ok()).collect();
    let mut trie = Trie::new();
    for (at, filter) in filters.iter().enumerate() {
        trie.insert(filter, at, ());
    }
    let mut found = Vec::new();
    trie.for_each_match(topic, |at, ()| found.push(*at));
    found.sort_unstable();
    let expected: Vec<_> = (0..filters.len()).filter(|at| filters[*at].matches(topic)).collect();
    assert_eq!(found, expected);
    for (at, filter) in filters.iter().enumerate() {
        assert_eq!(trie.remove(filter, &at), Some(()));
    }
    trie.for_each_match(topic, |_, ()| panic!("the trie is empty"));
});
