//! Texts of policies: plain text, wildcards, and variables in `${…}`.

use super::Context;
use super::glob::Token;
use super::variable::Variable;

/// A text with holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    One,
    Many,
    Variable(Variable),
}

/// What matching a filled template does to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It grants something that is about topics.
    GrantsTopics,
    /// It grants something else.
    Grants,
    /// It takes something away, or decides a condition: every value stands for itself.
    Else,
}

impl Template {
    /// Reads a text. `wildcards`: whether `*` and `?` mean more than themselves.
    pub fn parse(text: &str, wildcards: bool) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let piece = match letter {
                '*' if wildcards => Piece::Many,
                '?' if wildcards => Piece::One,
                '$' if rest.starts_with("${") => {
                    let Some((name, behind)) = rest[2..].split_once('}') else {
                        return Err(format!("{text:?} has a ${{ without its }}"));
                    };
                    rest = behind;
                    match name {
                        "*" | "?" | "$" => plain.push_str(name),
                        name => {
                            let Some(variable) = Variable::named(name) else {
                                return Err(format!("{text:?}: there is no variable ${{{name}}}"));
                            };
                            flush(&mut plain, &mut pieces);
                            pieces.push(Piece::Variable(variable));
                        }
                    }
                    continue;
                }
                letter => {
                    plain.push(letter);
                    rest = &rest[letter.len_utf8()..];
                    continue;
                }
            };
            flush(&mut plain, &mut pieces);
            pieces.push(piece);
            rest = &rest[1..];
        }
        flush(&mut plain, &mut pieces);
        Ok(Self { pieces })
    }

    /// The pattern for one connection; `None`: a variable has no value that will do.
    pub fn fill(&self, context: &Context, used: Use) -> Option<Vec<Token>> {
        let mut tokens = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => tokens.extend(text.bytes().map(Token::Byte)),
                Piece::One => tokens.push(Token::One),
                Piece::Many => tokens.push(Token::Many),
                Piece::Variable(variable) => {
                    let value = variable.value(context)?;
                    if !will_do(variable, &value, used) {
                        return None;
                    }
                    tokens.extend(value.bytes().map(Token::Byte));
                }
            }
        }
        Some(tokens)
    }
}

fn flush(plain: &mut String, pieces: &mut Vec<Piece>) {
    if !plain.is_empty() {
        pieces.push(Piece::Text(std::mem::take(plain)));
    }
}

/// Whether a pattern with this value in it grants no more than with an ordinary one.
///
/// Empty, it would leave a `*` behind it without a beginning; `+` and `#` are wildcards in the topic
/// filter that it might grant; and with `/` a client `a/b` would stand among the topics of `a`.
fn will_do(variable: &Variable, value: &str, used: Use) -> bool {
    let among_others =
        value.contains(['+', '#']) || (variable.is_the_clients_choice() && value.contains('/'));
    match used {
        Use::GrantsTopics => !value.is_empty() && !among_others,
        Use::Grants => !value.is_empty(),
        Use::Else => true,
    }
}
