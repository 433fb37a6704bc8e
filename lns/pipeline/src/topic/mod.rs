//! Topics of MQTT: names, filters, and a trie that finds the filters which a name meets.
//!
//! The rules are those of MQTT 5.0 chapter 4.7, which are those of 3.1.1 too: levels stand between
//! slashes and may be empty, `+` stands for one whole level, `#` for all that follow and for none,
//! and no filter that begins with a wildcard meets a name that begins with `$`.

mod filter;
mod trie;

pub use filter::{FilterError, TopicFilter};
pub use trie::Trie;

/// The longest name or filter, in bytes of UTF-8. The length stands in two bytes on the wire.
pub const MAX_BYTES: usize = 65_535;

/// The most levels of a filter. The standard has no such limit; without one a filter of slashes
/// alone makes a trie that is 65,536 nodes deep. Names may have more.
pub const MAX_FILTER_LEVELS: usize = 200;

/// Whether a message may be published to this topic: not empty, at most [`MAX_BYTES`], without
/// wildcards, and without the character U+0000.
pub fn is_topic_name(text: &str) -> bool {
    let forbidden = |byte: u8| matches!(byte, b'+' | b'#' | 0);
    (1..=MAX_BYTES).contains(&text.len()) && !text.bytes().any(forbidden)
}

/// Whether a filter meets a topic name. Both are taken as they are: a text that is no filter meets
/// only what equals it level by level.
pub fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut names = topic.split('/');
    for level in filter.split('/') {
        if level == "#" {
            return true;
        }
        match names.next() {
            Some(name) if level == "+" || level == name => {}
            Some(_) | None => return false,
        }
    }
    names.next().is_none()
}

#[cfg(test)]
mod tests;
