//! Names of things and shadows.

use std::fmt;

/// The longest name of a thing, in bytes.
pub const MAX_THING_NAME: usize = 128;

/// The longest name of a shadow, in bytes.
pub const MAX_SHADOW_NAME: usize = 64;

/// Which shadow: a thing's classic one, or one of its named ones. The thing need not be registered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShadowId {
    thing: Box<str>,
    name: Option<Box<str>>,
}

/// A name that no thing or shadow can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The thing's.
    #[error("Invalid thing name: 1 to {MAX_THING_NAME} letters, digits, ':', '_' and '-'")]
    Thing,
    /// The shadow's.
    #[error("Invalid shadow name: 1 to {MAX_SHADOW_NAME} letters, digits, ':', '_', '-' and '$'")]
    Shadow,
}

impl ShadowId {
    /// The classic shadow of a thing.
    pub fn classic(thing: &str) -> Result<Self, NameError> {
        ShadowId::new(thing, None)
    }

    /// A named shadow of a thing.
    pub fn named(thing: &str, name: &str) -> Result<Self, NameError> {
        ShadowId::new(thing, Some(name))
    }

    /// The shadow `name` of a thing; `None`: its classic one.
    pub fn new(thing: &str, name: Option<&str>) -> Result<Self, NameError> {
        if !is_name(thing, MAX_THING_NAME, false) {
            return Err(NameError::Thing);
        }
        if name.is_some_and(|name| !is_name(name, MAX_SHADOW_NAME, true)) {
            return Err(NameError::Shadow);
        }
        Ok(ShadowId { thing: thing.into(), name: name.map(Into::into) })
    }

    /// The thing's name.
    pub fn thing(&self) -> &str {
        &self.thing
    }

    /// The shadow's name; `None` for the classic one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where its record lies: no name holds a zero byte, so that all shadows of a thing, and they
    /// alone, begin with [`prefix`](Self::prefix), the classic one first.
    pub fn key(&self) -> Vec<u8> {
        let mut key = ShadowId::prefix(&self.thing);
        key.extend(self.name.iter().flat_map(|name| name.bytes()));
        key
    }

    /// How the keys of all shadows of a thing begin.
    pub fn prefix(thing: &str) -> Vec<u8> {
        let mut key = Vec::with_capacity(thing.len() + 1 + MAX_SHADOW_NAME);
        key.extend(thing.bytes());
        key.push(0);
        key
    }

    /// The shadow whose record lies at `key`.
    pub fn from_key(key: &[u8]) -> Option<Self> {
        let (thing, name) = std::str::from_utf8(key).ok()?.split_once('\0')?;
        ShadowId::new(thing, Some(name).filter(|name| !name.is_empty())).ok()
    }
}

impl fmt::Display for ShadowId {
    /// As AWS names it in refusals: a classic shadow has its thing's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.as_deref().unwrap_or(&self.thing))
    }
}

fn is_name(text: &str, longest: usize, dollar: bool) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-') || dollar && byte == b'$'
    };
    (1..=longest).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_letters_and_lengths_that_aws_gives_them() {
        assert!(ShadowId::classic("my:Thing_1-a").is_ok());
        assert!(ShadowId::named("t", "$package:1_2-3").is_ok());
        assert!(ShadowId::named(&"t".repeat(128), &"s".repeat(64)).is_ok());
        for thing in ["", "a b", "a/b", "a+", "a$", "é", "a\0", &"t".repeat(129)] {
            assert_eq!(ShadowId::classic(thing), Err(NameError::Thing), "{thing:?}");
        }
        for name in ["", "a b", "a/b", "#", "é", "a\0", &"s".repeat(65)] {
            assert_eq!(ShadowId::named("t", name), Err(NameError::Shadow), "{name:?}");
        }
    }

    #[test]
    fn a_key_tells_its_shadow_and_sorts_under_its_thing() {
        let classic = ShadowId::classic("a").unwrap();
        let named = ShadowId::named("a", "x").unwrap();
        let other = ShadowId::classic("a-").unwrap();
        for id in [&classic, &named, &other] {
            assert_eq!(ShadowId::from_key(&id.key()).as_ref(), Some(id));
        }
        assert!(classic.key() < named.key() && named.key().starts_with(&ShadowId::prefix("a")));
        assert!(!other.key().starts_with(&ShadowId::prefix("a")));
        assert_eq!(ShadowId::from_key(b"no zero"), None);
    }
}
