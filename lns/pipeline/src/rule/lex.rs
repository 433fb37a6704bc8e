//! Text to tokens, one at a time: a template ends where its expression does, and what follows is
//! no SQL.

use super::error::SqlError;

/// What a statement is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A keyword, or a name.
    Word(String),
    /// A variable's name, without the `@`.
    Variable(String),
    /// A number without its sign, as it is written.
    Number(String),
    /// What stands between quotes.
    Text(String),
    /// An operator or a bracket.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

/// Longer ones first.
const SYMBOLS: [&str; 22] = [
    "<>", "<=", ">=", "!=", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", "[", "]", "{", "}",
    ",", ".", ":", ";",
];

impl Token {
    /// Whether this is the keyword, in any case.
    pub fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// The token for a reader of an error.
    pub fn describe(&self) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Variable(name) => format!("@{name}"),
            Self::Number(number) => number.clone(),
            Self::Text(text) => format!("the text {text:?}"),
            Self::Symbol(symbol) => (*symbol).to_owned(),
            Self::End => "the end".to_owned(),
        }
    }
}

/// Reads tokens from a text. A copy looks ahead.
#[derive(Clone, Copy, Debug)]
pub struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    /// Starts at a byte of the text.
    pub fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The next token and where it begins.
    pub fn next(&mut self) -> Result<(usize, Token), SqlError> {
        let spaces = self.rest().len() - self.rest().trim_start().len();
        self.at += spaces;
        let at = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok((at, Token::End)) };
        let token = match first {
            '\'' | '"' => self.quoted(first)?,
            '0'..='9' => self.number(),
            '.' if self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            '@' => {
                self.at += 1;
                Token::Variable(self.word().to_owned())
            }
            _ if begins_word(first) => Token::Word(self.word().to_owned()),
            _ => self.symbol(first)?,
        };
        Ok((at, token))
    }

    fn symbol(&mut self, first: char) -> Result<Token, SqlError> {
        let at = self.at;
        if ["--", "/*", "//"].iter().any(|comment| self.rest().starts_with(comment)) {
            // Two signs in a row are arithmetic only where a number follows: a --5.
            let negative = self.rest()[2..].starts_with(|c: char| c.is_ascii_digit());
            if !(first == '-' && negative) {
                return Err(SqlError::Comment { at });
            }
        }
        let symbol = SYMBOLS.iter().find(|symbol| self.rest().starts_with(**symbol));
        let symbol = symbol.ok_or(SqlError::UnexpectedCharacter { at, character: first })?;
        self.at += symbol.len();
        Ok(Token::Symbol(symbol))
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| !(begins_word(c) || c.is_ascii_digit()));
        let word = &rest[..end.unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// Digits, a point and digits, an exponent. A point without digits behind it is no part of it.
    fn number(&mut self) -> Token {
        let rest = self.rest();
        let digits =
            |from: usize| from + rest[from..].bytes().take_while(u8::is_ascii_digit).count();
        let mut end = digits(0);
        if rest[end..].starts_with('.') && digits(end + 1) > end + 1 {
            end = digits(end + 1);
        }
        if rest[end..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
            if digits(end + 1 + sign) > end + 1 + sign {
                end = digits(end + 1 + sign);
            }
        }
        self.at += end;
        let written = &rest[..end];
        // .5 is read as people write it, though JSON would not have it.
        let zero = if written.starts_with('.') { "0" } else { "" };
        Token::Number(format!("{zero}{written}"))
    }

    /// Text between quotes of either kind. A quote inside is doubled or follows a backslash; a
    /// backslash may follow one too. Every other backslash is itself, as in a regular expression.
    fn quoted(&mut self, quote: char) -> Result<Token, SqlError> {
        let at = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let mut rest = self.rest().chars();
            let first = rest.next().ok_or(SqlError::UnclosedText { at })?;
            let second = rest.next();
            self.at += first.len_utf8();
            match (first, second) {
                ('\\', Some(next)) if next == quote || next == '\\' => {
                    self.at += 1;
                    text.push(next);
                }
                (first, Some(next)) if first == quote && next == quote => {
                    self.at += 1;
                    text.push(quote);
                }
                (first, _) if first == quote => return Ok(Token::Text(text)),
                (first, _) => text.push(first),
            }
        }
    }
}

fn begins_word(character: char) -> bool {
    character.is_alphabetic() || character == '_'
}
