//! Rules: what happens to a message that somebody publishes.
//!
//! A [`Rule`] is a statement in AWS IoT SQL and up to ten actions. It is compiled once, when it is
//! created; for each message it is *evaluated*, which gives tasks that somebody else carries out:
//! nothing here opens a socket. Evaluation is total and bounded: any payload gives an answer, at a
//! price that [`MAX_STEPS`] limits. The behaviour is that of AWS's pages "AWS IoT SQL reference"
//! and "AWS IoT rule actions"; where those leave a choice, `docs/DEPARTURES.md` says what we chose.

pub mod action;
pub mod ast;
mod compile;
mod decimal;
mod env;
mod error;
mod eval;
mod failure;
mod func;
mod json;
mod lex;
mod operator;
mod parse;

mod template;
mod topic_rule;
mod value;
mod version;

pub use compile::MAX_VARIABLES;
pub use decimal::Decimal;
pub use env::{
    Descriptors, Dice, Env, LookupError, Nothing, Origin, Payload, Seeded, Shadows, Things,
};
pub use error::{EvalError, SqlError};
pub use eval::{MAX_STEPS, MAX_TEXT_BYTES};
pub use failure::{Failure, error_message};
pub use func::proto::{DescriptorError, MAX_DESCRIPTOR_BYTES, MessageTypes};
pub use json::{MAX_DEPTH as MAX_JSON_DEPTH, parse as parse_json, write as write_json};
pub use parse::{MAX_BYTES as MAX_SQL_BYTES, MAX_DEPTH as MAX_SQL_DEPTH, statement as parse_sql};
pub use template::{MAX_TEMPLATE_BYTES, Template, TemplateError};
pub use topic_rule::{Evaluated, Outcome, Output, Rule, RuleError, is_rule_name};
pub use value::{Object, Value};
pub use version::SqlVersion;
