//! Substitution templates: text with expressions in it, `device/${topic(2)}/state`.
//!
//! An expression sees the original payload, functions and the statement's variables, not what the
//! statement selects. What it gives is put in as text; `Undefined` and `Null` as nothing.

use super::compile::{self, Node};
use super::env::{Env, Payload};
use super::error::{EvalError, SqlError};
use super::eval;
use super::parse;
use super::value::Value;
use super::version::SqlVersion;

/// The longest template, and the longest text that one makes, in bytes.
pub const MAX_TEMPLATE_BYTES: usize = 64 * 1024;

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the template {text:?}: {error}")]
pub struct TemplateError {
    /// Its beginning.
    pub text: String,
    /// What is wrong with it.
    pub error: SqlError,
}

/// A template that is ready to be filled in.
#[derive(Debug)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
    version: SqlVersion,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Expression(Node),
}

impl Template {
    /// Reads a template of a rule whose statement sets these variables.
    pub fn compile(
        text: &str,
        version: SqlVersion,
        variables: &[String],
    ) -> Result<Self, TemplateError> {
        let refused = |error| TemplateError { text: text.chars().take(80).collect(), error };
        if text.len() > MAX_TEMPLATE_BYTES {
            let (length, limit) = (text.len(), MAX_TEMPLATE_BYTES);
            return Err(refused(SqlError::TooLong { length, limit }));
        }
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(found) = text[at..].find("${") {
            if found > 0 {
                parts.push(Part::Text(text[at..at + found].to_owned()));
            }
            let (expr, end) = parse::template(text, at + found + 2).map_err(refused)?;
            let node = compile::template(&expr, version, variables).map_err(refused)?;
            parts.push(match node {
                Node::Constant(value) => Part::Text(substituted(&value)),
                node => Part::Expression(node),
            });
            at = end;
        }
        if at < text.len() {
            parts.push(Part::Text(text[at..].to_owned()));
        }
        Ok(Self { text: text.to_owned(), parts, version })
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text, if it is the same for all messages.
    pub fn constant(&self) -> Option<String> {
        let texts = self.parts.iter().map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Expression(_) => None,
        });
        texts.collect()
    }

    /// The text for one message. `variables` are what its statement has set.
    pub fn render(
        &self,
        env: &Env<'_>,
        payload: &Payload,
        variables: &[Value],
    ) -> Result<String, EvalError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Expression(node) => {
                    let value = eval::expression(node, self.version, (env, payload), variables)?;
                    text.push_str(&substituted(&value));
                }
            }
            if text.len() > MAX_TEMPLATE_BYTES {
                return Err(EvalError::TooLarge { length: text.len(), limit: MAX_TEMPLATE_BYTES });
            }
        }
        Ok(text)
    }
}

/// `${*}` of a payload that is text is that text.
fn substituted(value: &Value) -> String {
    match value {
        Value::Binary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => other.to_text().map(|text| text.to_string()).unwrap_or_default(),
    }
}
