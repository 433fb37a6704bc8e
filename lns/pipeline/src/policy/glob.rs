//! Texts with `*` (any characters, none included) and `?` (one character) in them.

/// One step of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// This byte of UTF-8.
    Byte(u8),
    /// Any one character.
    One,
    /// Any characters, none included; `/` is one of them.
    Many,
}

impl Token {
    /// Puts a letter of ASCII into lower case.
    pub fn lower(&mut self) {
        if let Token::Byte(byte) = self {
            byte.make_ascii_lowercase();
        }
    }
}

/// A pattern, in the form that is quickest to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Glob {
    All,
    Exact(Box<[u8]>),
    Prefix(Box<[u8]>),
    Mixed(Box<[Token]>),
}

impl Glob {
    /// The pattern that these steps make.
    pub fn new(tokens: &[Token]) -> Self {
        let plain = |tokens: &[Token]| {
            let byte = |token: &Token| match token {
                Token::Byte(byte) => Some(*byte),
                Token::One | Token::Many => None,
            };
            tokens.iter().map(byte).collect::<Option<Box<[u8]>>>()
        };
        if let Some(text) = plain(tokens) {
            return Glob::Exact(text);
        }
        let first_many = tokens.iter().position(|token| *token == Token::Many);
        let Some((start, rest)) = first_many.map(|at| tokens.split_at(at)) else {
            return Glob::Mixed(tokens.into());
        };
        if rest.iter().any(|token| *token != Token::Many) {
            return Glob::Mixed(tokens.into());
        }
        match plain(start) {
            Some(text) if text.is_empty() => Glob::All,
            Some(text) => Glob::Prefix(text),
            None => Glob::Mixed(tokens.into()),
        }
    }

    /// The pattern that a text with wildcards is.
    pub fn of_pattern(text: &str) -> Self {
        let token = |byte| match byte {
            b'*' => Token::Many,
            b'?' => Token::One,
            byte => Token::Byte(byte),
        };
        Self::new(&text.bytes().map(token).collect::<Vec<_>>())
    }

    /// Whether the whole of `text` is as the pattern says. Takes no memory.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Glob::All => true,
            Glob::Exact(exact) => **exact == *text.as_bytes(),
            Glob::Prefix(prefix) => text.as_bytes().starts_with(prefix),
            Glob::Mixed(tokens) => mixed(tokens, text.as_bytes()),
        }
    }
}

/// The last `*` alone is worth going back to: whatever an earlier one could take, the last can.
fn mixed(tokens: &[Token], text: &[u8]) -> bool {
    let (mut step, mut at) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        let taken = match (tokens.get(step), text.get(at)) {
            (Some(Token::Many), _) => {
                back = Some((step + 1, at));
                Some(0)
            }
            (Some(Token::Byte(wanted)), Some(byte)) => (wanted == byte).then_some(1),
            (Some(Token::One), Some(byte)) => width(*byte),
            (None, None) => return true,
            (None, Some(_)) | (Some(Token::Byte(_) | Token::One), None) => None,
        };
        match (taken, &mut back) {
            (Some(taken), _) => (step, at) = (step + 1, at + taken),
            (None, Some((after, from))) if *from < text.len() => {
                *from += 1;
                (step, at) = (*after, *from);
            }
            (None, Some(_) | None) => return false,
        }
    }
}

/// How many bytes the character takes that begins with this one; `None`: no character does.
fn width(first: u8) -> Option<usize> {
    match first {
        0x00..=0x7f => Some(1),
        0xc0..=0xdf => Some(2),
        0xe0..=0xef => Some(3),
        0xf0..=0xff => Some(4),
        0x80..=0xbf => None,
    }
}

/// What is left of a pattern behind `prefix`: each is a pattern for the rest of a text that begins
/// with `prefix`, which matches the whole pattern exactly if one of them matches its rest.
pub(super) fn behind<'a>(tokens: &'a [Token], prefix: &str) -> Vec<&'a [Token]> {
    // The steps at which the pattern may stand, in order, without doubles.
    let mut places = reach(tokens, vec![0]);
    let mut bytes = prefix.as_bytes();
    while let Some((&byte, rest)) = bytes.split_first() {
        let mut next = Vec::new();
        for &place in &places {
            match tokens.get(place) {
                Some(Token::Byte(wanted)) if *wanted == byte => next.push(place + 1),
                Some(Token::Many) => next.push(place),
                // Our prefixes are ASCII, so a byte is a character.
                Some(Token::One) => next.push(place + 1),
                Some(Token::Byte(_)) | None => {}
            }
        }
        places = reach(tokens, next);
        bytes = rest;
    }
    // What is left from a `*` on also matches what is left from any step before it.
    let many = places.iter().rposition(|place| tokens.get(*place) == Some(&Token::Many));
    places.drain(..many.unwrap_or(0));
    places.into_iter().map(|place| &tokens[place..]).collect()
}

/// Adds the steps behind each `*`, which may take nothing.
fn reach(tokens: &[Token], mut places: Vec<usize>) -> Vec<usize> {
    let mut at = 0;
    while at < places.len() {
        if tokens.get(places[at]) == Some(&Token::Many) {
            places.push(places[at] + 1);
        }
        at += 1;
    }
    places.sort_unstable();
    places.dedup();
    places
}
