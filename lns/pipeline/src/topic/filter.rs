//! A topic filter that is known to be one.

use std::fmt;
use std::sync::Arc;

use super::{MAX_BYTES, MAX_FILTER_LEVELS};

/// Why a text is no topic filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Nothing at all.
    #[error("a topic filter has at least one character")]
    Empty,
    /// Longer than the wire can say.
    #[error("a topic filter has at most {MAX_BYTES} bytes; this one has {0}")]
    TooLong(usize),
    /// Deeper than we keep.
    #[error("a topic filter has at most {MAX_FILTER_LEVELS} levels; this one has {0}")]
    TooManyLevels(usize),
    /// The character that no text of MQTT may have.
    #[error("a topic filter has no character U+0000; there is one at byte {0}")]
    Nul(usize),
    /// A `#` before the end.
    #[error("# stands at the end of a topic filter only; level {0} has one")]
    HashNotLast(usize),
    /// A wildcard beside other characters.
    #[error("a wildcard is a whole level; level {level} is {text:?}")]
    PartOfLevel {
        /// Which level, from 1.
        level: usize,
        /// What it is.
        text: String,
    },
}

/// A topic filter that obeys MQTT's rules. A clone is cheap.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicFilter(Arc<str>);

impl TopicFilter {
    /// Takes a filter as a client wrote it.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        if text.is_empty() {
            return Err(FilterError::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(FilterError::TooLong(text.len()));
        }
        if let Some(at) = text.find('\0') {
            return Err(FilterError::Nul(at));
        }
        let levels = text.split('/').count();
        if levels > MAX_FILTER_LEVELS {
            return Err(FilterError::TooManyLevels(levels));
        }
        for (level, name) in (1..).zip(text.split('/')) {
            if name == "#" && level != levels {
                return Err(FilterError::HashNotLast(level));
            }
            if name.len() > 1 && name.contains(['+', '#']) {
                return Err(FilterError::PartOfLevel { level, text: name.to_owned() });
            }
        }
        Ok(Self(text.into()))
    }

    /// The filter as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it meets this topic name.
    pub fn matches(&self, topic: &str) -> bool {
        super::matches(&self.0, topic)
    }

    /// Whether it has a wildcard, and can meet more than one name.
    pub fn is_wild(&self) -> bool {
        self.0.split('/').any(|level| level == "+" || level == "#")
    }

    /// Its levels, in order.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}
