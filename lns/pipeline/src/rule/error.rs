//! Why a statement is refused, and why an evaluation stops.

use super::env::LookupError;
use crate::topic::FilterError;

/// Why a statement, or the expression of a template, is not accepted. `at` counts bytes from the
/// start of the statement or template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// Longer than a rule may be.
    #[error("the SQL has {length} bytes; at most {limit} are accepted")]
    TooLong {
        /// How long it is.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A character that no word, number or operator has.
    #[error("byte {at}: {character:?} is not part of the language")]
    UnexpectedCharacter {
        /// Where it stands.
        at: usize,
        /// What it is.
        character: char,
    },
    /// A comment. AWS has none either.
    #[error("byte {at}: comments are not supported")]
    Comment {
        /// Where it begins.
        at: usize,
    },
    /// Quotes that are not closed.
    #[error("byte {at}: the text that begins here has no closing quote")]
    UnclosedText {
        /// Where it begins.
        at: usize,
    },
    /// Something else was to come.
    #[error("byte {at}: {expected} expected, found {found}")]
    Unexpected {
        /// Where.
        at: usize,
        /// What could have come.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// Expressions in expressions in expressions.
    #[error("byte {at}: the expression is nested more than {limit} deep")]
    TooDeep {
        /// Where it is too deep.
        at: usize,
        /// How deep it may be.
        limit: usize,
    },
    /// Not a topic filter.
    #[error("byte {at}: FROM {error}")]
    BadFilter {
        /// Where the filter stands.
        at: usize,
        /// What is wrong with it.
        error: FilterError,
    },
    /// Nobody knows this function.
    #[error("byte {at}: there is no function {name}")]
    UnknownFunction {
        /// Where it is called.
        at: usize,
        /// Its name.
        name: String,
    },
    /// A function that asks a service of AWS, which is not here.
    #[error("byte {at}: {name} asks a service of AWS and is not available; {instead}")]
    NeedsService {
        /// Where it is called.
        at: usize,
        /// Its name.
        name: &'static str,
        /// What serves in its place.
        instead: &'static str,
    },
    /// Something that the older version of the language does not have.
    #[error("byte {at}: {what} needs awsIotSqlVersion 2016-03-23")]
    NotInVersion {
        /// Where it stands.
        at: usize,
        /// What it is.
        what: String,
    },
    /// `cast` to something that is no type.
    #[error("byte {at}: {name} is no type that a value can be cast to")]
    UnknownType {
        /// Where it stands.
        at: usize,
        /// Its name.
        name: String,
    },
    /// A variable that SET does not define before.
    #[error("byte {at}: @{name} is not set before it is used")]
    UnknownVariable {
        /// Where it is used.
        at: usize,
        /// Its name, without the @.
        name: String,
    },
    /// A variable set twice.
    #[error("byte {at}: @{name} is set twice; a variable does not change")]
    VariableSetTwice {
        /// Where it is set again.
        at: usize,
        /// Its name, without the @.
        name: String,
    },
    /// More variables than a statement may have.
    #[error("SET defines {count} variables; at most {limit} are accepted")]
    TooManyVariables {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A function that a statement may call once only.
    #[error("byte {at}: {name} may be called {limit} times in a statement at most")]
    CalledTooOften {
        /// Where it is called once more.
        at: usize,
        /// Its name.
        name: &'static str,
        /// How often it may be.
        limit: usize,
    },
    /// An argument that must be written in the statement is computed.
    #[error("byte {at}: {name} needs {what} as a constant")]
    NotConstant {
        /// Where the function is called.
        at: usize,
        /// Its name.
        name: &'static str,
        /// Which argument.
        what: &'static str,
    },
    /// `SELECT VALUE` with more than one thing.
    #[error("SELECT VALUE selects one thing; this selects {count}")]
    ManyValues {
        /// How many it selects.
        count: usize,
    },
    /// A version of the language that nobody knows.
    #[error("awsIotSqlVersion {0:?} is none of 2015-10-08, 2016-03-23, beta")]
    UnknownVersion(String),
}

/// Why an evaluation gives no result. What is wrong with a *value* is no error: it is `Undefined`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// The statement asks for more than one message may cost.
    #[error("the statement takes more than {limit} steps for this message")]
    TooManySteps {
        /// How many it may take.
        limit: u64,
    },
    /// A text or a result larger than anything may be.
    #[error("a value of {length} bytes; at most {limit} are made")]
    TooLarge {
        /// How large it would be.
        length: usize,
        /// How large it may be.
        limit: usize,
    },
    /// `SELECT *, …` of a payload that is no JSON object.
    #[error("the payload is no JSON object, so nothing can be added to *")]
    NoObject,
    /// `SELECT VALUE` of an array, in the older version.
    #[error("an array as the whole result needs awsIotSqlVersion 2016-03-23")]
    ArrayResult,
    /// A shadow, a thing or a descriptor could not be read.
    #[error(transparent)]
    Lookup(#[from] LookupError),
}
