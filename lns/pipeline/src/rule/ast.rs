//! What a statement says, before names are looked up. It prints as SQL that says the same.

use std::fmt;

/// A place in the text. All places are equal: where something stands is not what it says.
#[derive(Clone, Copy, Debug)]
pub struct At(pub usize);

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A whole statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What SET defines, in order.
    pub variables: Vec<(At, String, Expr)>,
    /// What SELECT selects.
    pub selection: Selection,
    /// The topic filter.
    pub from: Option<(At, String)>,
    /// The condition.
    pub condition: Option<Expr>,
}

/// What stands between SELECT and FROM.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Whether VALUE follows SELECT.
    pub value: bool,
    /// The things selected, at least one.
    pub items: Vec<Item>,
}

/// One thing selected.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What it is.
    pub expr: Expr,
    /// What it is called, if the statement says so; more than one word nests.
    pub alias: Vec<String>,
}

/// A SELECT inside an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Where it begins.
    pub at: At,
    /// What it selects.
    pub selection: Selection,
    /// From what: an array, or an object.
    pub from: Expr,
    /// What an element is called.
    pub alias: Option<String>,
    /// Which elements.
    pub condition: Option<Expr>,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// NULL.
    Null,
    /// TRUE or FALSE.
    Boolean(bool),
    /// A number as it is written.
    Number(String),
    /// Text between quotes.
    Text(String),
    /// The payload, or the element of a query.
    Star,
    /// A variable.
    Variable(At, String),
    /// A key of the payload, or of the element of a query.
    Name(String),
    /// A key of a value, and a key of that, and so on.
    Member(Box<Expr>, Vec<String>),
    /// NOT.
    Not(Box<Expr>),
    /// A minus sign before a value.
    Negative(Box<Expr>),
    /// Values and what stands between them, to be computed from left to right. A long chain is not
    /// a deep one.
    Chain(Box<Expr>, Vec<(Operator, Expr)>),
    /// Whether a query finds anything.
    Exists(Box<Query>),
    /// CASE … WHEN … THEN … ELSE … END.
    Case(Box<Case>),
    /// An array of values.
    Array(At, Vec<Expr>),
    /// An object of values.
    Object(At, Vec<(String, Expr)>),
    /// A query and all that it finds.
    Query(Box<Query>),
    /// A value as another type.
    Cast(At, Box<Expr>, String),
    /// A function's result.
    Call(At, String, Vec<Expr>),
}

/// A choice among values.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What is compared.
    pub value: Expr,
    /// With what, and what it gives.
    pub arms: Vec<(Expr, Expr)>,
    /// What it gives else.
    pub otherwise: Option<Expr>,
}

/// What stands between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are named as they are spoken")]
pub enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Plus,
    Minus,
    Times,
    Divide,
    Modulo,
}

impl Operator {
    /// How tightly it binds: 1 is OR. NOT stands at 3.
    pub fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Equal
            | Self::NotEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::In => 4,
            Self::Plus | Self::Minus => 5,
            Self::Times | Self::Divide | Self::Modulo => 6,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Or => "OR",
            Self::And => "AND",
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "IN",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
        }
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (_, name, expr)) in self.variables.iter().enumerate() {
            f.write_str(if at == 0 { "SET " } else { ", " })?;
            write!(f, "@{name} = {expr}")?;
        }
        if !self.variables.is_empty() {
            f.write_str(" ")?;
        }
        write!(f, "SELECT {}", self.selection)?;
        if let Some((_, filter)) = &self.from {
            write!(f, " FROM {}", Quoted(filter))?;
        }
        match &self.condition {
            Some(condition) => write!(f, " WHERE {condition}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value {
            f.write_str("VALUE ")?;
        }
        list(f, &self.items, |f, item| {
            // A key that is called value would be read as the keyword, and the keyword before a
            // sign as a key.
            let signed = matches!(&item.expr, Expr::Number(text) if text.starts_with('-'));
            if self.value && signed || !self.value && begins_with_value(&item.expr) {
                write!(f, "({})", item.expr)?;
            } else {
                write!(f, "{}", item.expr)?;
            }
            match item.alias.as_slice() {
                [] => Ok(()),
                alias => write!(f, " AS {}", alias.join(".")),
            }
        })
    }
}

fn begins_with_value(expr: &Expr) -> bool {
    match expr {
        Expr::Name(name) | Expr::Call(_, name, _) => name.eq_ignore_ascii_case("value"),
        Expr::Member(base, _) => begins_with_value(base),
        _ => false,
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(SELECT {} FROM {}", self.selection, self.from)?;
        if let Some(alias) = &self.alias {
            write!(f, " AS {alias}")?;
        }
        if let Some(condition) = &self.condition {
            write!(f, " WHERE {condition}")?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Boolean(truth) => f.write_str(if *truth { "TRUE" } else { "FALSE" }),
            Self::Number(text) => f.write_str(text),
            Self::Text(text) => Quoted(text).fmt(f),
            Self::Star => f.write_str("*"),
            Self::Variable(_, name) => write!(f, "@{name}"),
            Self::Name(name) => f.write_str(name),
            Self::Member(base, keys) => match &**base {
                // A sign would be that of the member.
                Self::Number(text) if text.starts_with('-') => {
                    write!(f, "({text}).{}", keys.join("."))
                }
                base => write!(f, "{base}.{}", keys.join(".")),
            },
            Self::Not(operand) => write!(f, "(NOT {operand})"),
            Self::Negative(operand) => write!(f, "(- {operand})"),
            Self::Chain(first, rest) => {
                write!(f, "({first}")?;
                for (operator, right) in rest {
                    write!(f, " {} {right}", operator.text())?;
                }
                f.write_str(")")
            }
            Self::Exists(query) => write!(f, "EXISTS {query}"),
            Self::Case(case) => case.fmt(f),
            Self::Array(_, items) => {
                f.write_str("[")?;
                list(f, items, |f, item| item.fmt(f))?;
                f.write_str("]")
            }
            Self::Object(_, members) => {
                f.write_str("{")?;
                list(f, members, |f, (key, value)| write!(f, "{}: {value}", Quoted(key)))?;
                f.write_str("}")
            }
            Self::Query(query) => query.fmt(f),
            Self::Cast(_, value, kind) => write!(f, "CAST({value} AS {kind})"),
            Self::Call(_, name, arguments) => {
                write!(f, "{name}(")?;
                list(f, arguments, |f, argument| argument.fmt(f))?;
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CASE {}", self.value)?;
        for (when, then) in &self.arms {
            write!(f, " WHEN {when} THEN {then}")?;
        }
        if let Some(otherwise) = &self.otherwise {
            write!(f, " ELSE {otherwise}")?;
        }
        f.write_str(" END")
    }
}

/// A text with quotes around it.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\\', "\\\\").replace('\'', "''"))
    }
}

fn list<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    mut one: impl FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        one(f, item)?;
    }
    Ok(())
}
