//! A statement made ready: names become places, functions pointers, constants values, and regular
//! expressions machines. What can be computed without a message is computed here.

use std::sync::Arc;

use super::ast::{self, At, Expr, Operator};
use super::error::SqlError;
use super::eval;
use super::func::{self, Function, Need, cast::Kind, regexp, time};
use super::json;
use super::value::{Object, Value};
use super::version::SqlVersion;
use crate::topic::TopicFilter;

/// The most variables of a statement (AWS's page "SET clause").
pub const MAX_VARIABLES: usize = 10;

/// A statement, ready to be evaluated.
#[derive(Debug)]
pub struct Program {
    pub version: SqlVersion,
    pub from: Option<TopicFilter>,
    pub variables: Vec<Node>,
    pub names: Vec<String>,
    pub selection: Select,
    pub condition: Option<Node>,
}

/// What to select.
#[derive(Debug)]
pub enum Select {
    /// A value, of any kind.
    Value(Node),
    /// The payload or element as it is.
    All { frame: usize },
    /// An object of columns, in order.
    Columns(Vec<Column>),
}

/// One thing of an object that is selected.
#[derive(Debug)]
pub enum Column {
    /// All keys of the payload or element.
    All { frame: usize },
    /// A value under a key, or under a key of a key.
    One { path: Vec<Arc<str>>, node: Node },
}

/// A nested query.
#[derive(Debug)]
pub struct Query {
    pub selection: Select,
    pub from: Node,
    pub condition: Option<Node>,
}

/// An expression. Frame 0 is the payload; each query inside another adds one.
#[derive(Debug)]
pub enum Node {
    Constant(Value),
    /// The payload or an element, and a key of it, and so on.
    Path {
        frame: usize,
        keys: Vec<Arc<str>>,
    },
    /// The payload's bytes, whatever they say.
    Raw,
    Variable(usize),
    Member(Box<Node>, Vec<Arc<str>>),
    Not(Box<Node>),
    Negative(Box<Node>),
    Chain(Box<Node>, Vec<(Operator, Node)>),
    Exists(Box<Query>),
    Query(Box<Query>),
    Case {
        value: Box<Node>,
        arms: Vec<(Node, Node)>,
        otherwise: Option<Box<Node>>,
    },
    Array(Vec<Node>),
    Object(Vec<(Arc<str>, Node)>),
    Cast(Box<Node>, Kind),
    Call(&'static Function, Vec<Node>),
    /// `regexp_…` with a constant expression, and replacement where it is constant too. They may be
    /// none.
    Regexp {
        which: regexp::Which,
        ready: Option<Box<regexp::Ready>>,
        arguments: Vec<Node>,
    },
    /// A time with a constant pattern and zone, which may be none.
    Time {
        which: time::Which,
        ready: Option<Box<time::Ready>>,
        value: Box<Node>,
    },
    /// `get_or_default`: what a look-up that fails is replaced with.
    OrDefault(Box<Node>, Option<Box<Node>>),
}

/// Makes a statement ready.
pub fn statement(statement: &ast::Statement, version: SqlVersion) -> Result<Program, SqlError> {
    let mut compiler =
        Compiler { version, names: Vec::new(), scopes: Vec::new(), counts: Vec::new() };
    if statement.variables.len() > MAX_VARIABLES {
        let count = statement.variables.len();
        return Err(SqlError::TooManyVariables { count, limit: MAX_VARIABLES });
    }
    let mut variables = Vec::new();
    for (at, name, expr) in &statement.variables {
        if compiler.names.contains(name) {
            return Err(SqlError::VariableSetTwice { at: at.0, name: name.clone() });
        }
        variables.push(compiler.expr(expr)?);
        compiler.names.push(name.clone());
    }
    let from = match &statement.from {
        Some((at, filter)) => Some(
            TopicFilter::parse(filter).map_err(|error| SqlError::BadFilter { at: at.0, error })?,
        ),
        None => None,
    };
    let selection = compiler.selection(&statement.selection)?;
    let condition = statement.condition.as_ref().map(|expr| compiler.expr(expr)).transpose()?;
    Ok(Program { version, from, variables, names: compiler.names, selection, condition })
}

/// Makes the expression of a template ready. It may use the statement's variables.
pub fn template(expr: &Expr, version: SqlVersion, names: &[String]) -> Result<Node, SqlError> {
    let names = names.to_vec();
    Compiler { version, names, scopes: Vec::new(), counts: Vec::new() }.expr(expr)
}

struct Compiler {
    version: SqlVersion,
    /// Variables set so far.
    names: Vec<String>,
    /// What the elements of the queries around are called, the outermost first.
    scopes: Vec<Option<String>>,
    /// How often functions with a limit were called.
    counts: Vec<(&'static str, usize)>,
}

impl Compiler {
    fn needs_2016(&self, at: At, what: impl Into<String>) -> Result<(), SqlError> {
        match self.version {
            SqlVersion::V2016_03_23 => Ok(()),
            SqlVersion::V2015_10_08 => Err(SqlError::NotInVersion { at: at.0, what: what.into() }),
        }
    }

    fn selection(&mut self, selection: &ast::Selection) -> Result<Select, SqlError> {
        let frame = self.scopes.len();
        let items = &selection.items;
        match items.as_slice() {
            [item] if selection.value => return Ok(Select::Value(self.expr(&item.expr)?)),
            items if selection.value => {
                return Err(SqlError::ManyValues { count: items.len() });
            }
            [item] if item.expr == Expr::Star && item.alias.is_empty() => {
                return Ok(Select::All { frame });
            }
            _ => {}
        }
        let mut columns = Vec::new();
        for item in items {
            columns.push(match (&item.expr, item.alias.as_slice()) {
                (Expr::Star, []) => Column::All { frame },
                (expr, []) => Column::One { path: vec![column_name(expr)], node: self.expr(expr)? },
                (expr, alias) => {
                    let path = alias.iter().map(|name| name.as_str().into()).collect();
                    Column::One { path, node: self.expr(expr)? }
                }
            });
        }
        Ok(Select::Columns(columns))
    }

    fn expr(&mut self, expr: &Expr) -> Result<Node, SqlError> {
        let frame = self.scopes.len();
        let node = match expr {
            Expr::Null => Node::Constant(Value::Null),
            Expr::Boolean(truth) => Node::Constant(Value::Boolean(*truth)),
            Expr::Number(text) => Node::Constant(self.version.settle(json::number(text))),
            Expr::Text(text) => Node::Constant(Value::string(text)),
            Expr::Star => Node::Path { frame, keys: Vec::new() },
            Expr::Variable(at, name) => {
                let known = self.names.iter().position(|known| known == name);
                let unknown = || SqlError::UnknownVariable { at: at.0, name: name.clone() };
                Node::Variable(known.ok_or_else(unknown)?)
            }
            Expr::Name(name) => self.path(name, &[]),
            Expr::Member(base, keys) => match &**base {
                Expr::Name(name) => self.path(name, keys),
                other => Node::Member(Box::new(self.expr(other)?), arcs(keys)),
            },
            Expr::Not(operand) => Node::Not(Box::new(self.expr(operand)?)),
            Expr::Negative(operand) => Node::Negative(Box::new(self.expr(operand)?)),
            Expr::Chain(first, rest) => {
                let first = Box::new(self.expr(first)?);
                let rest = rest.iter().map(|(operator, right)| Ok((*operator, self.expr(right)?)));
                Node::Chain(first, rest.collect::<Result<_, SqlError>>()?)
            }
            Expr::Exists(query) => Node::Exists(Box::new(self.query(query)?)),
            Expr::Query(query) => Node::Query(Box::new(self.query(query)?)),
            Expr::Case(case) => self.case(case)?,
            Expr::Array(at, items) => {
                self.needs_2016(*at, "an array literal")?;
                Node::Array(self.all(items)?)
            }
            Expr::Object(at, members) => {
                self.needs_2016(*at, "an object literal")?;
                let members = members
                    .iter()
                    .map(|(key, value)| Ok((Arc::from(key.as_str()), self.expr(value)?)));
                Node::Object(members.collect::<Result<_, SqlError>>()?)
            }
            Expr::Cast(at, value, kind) => self.cast(*at, value, kind)?,
            Expr::Call(at, name, arguments) => self.call(*at, name, arguments)?,
        };
        Ok(fold(node, self.version))
    }

    fn all(&mut self, exprs: &[Expr]) -> Result<Vec<Node>, SqlError> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    /// A name is what an element around is called, else a key of the innermost one.
    fn path(&self, name: &str, keys: &[String]) -> Node {
        let named = self.scopes.iter().rposition(|alias| alias.as_deref() == Some(name));
        match named {
            Some(scope) => Node::Path { frame: scope + 1, keys: arcs(keys) },
            None => {
                let keys = std::iter::once(name.into()).chain(arcs(keys)).collect();
                Node::Path { frame: self.scopes.len(), keys }
            }
        }
    }

    fn query(&mut self, query: &ast::Query) -> Result<Query, SqlError> {
        self.needs_2016(query.at, "a nested SELECT")?;
        let from = self.expr(&query.from)?;
        self.scopes.push(query.alias.clone());
        let selection = self.selection(&query.selection)?;
        let condition = query.condition.as_ref().map(|expr| self.expr(expr)).transpose()?;
        self.scopes.pop();
        Ok(Query { selection, from, condition })
    }

    fn case(&mut self, case: &ast::Case) -> Result<Node, SqlError> {
        let value = Box::new(self.expr(&case.value)?);
        let arms = case.arms.iter().map(|(when, then)| Ok((self.expr(when)?, self.expr(then)?)));
        let arms = arms.collect::<Result<_, SqlError>>()?;
        let otherwise = case.otherwise.as_ref().map(|expr| self.expr(expr)).transpose()?;
        Ok(Node::Case { value, arms, otherwise: otherwise.map(Box::new) })
    }

    fn cast(&mut self, at: At, value: &Expr, kind: &str) -> Result<Node, SqlError> {
        let value = Box::new(self.expr(value)?);
        let unknown = || SqlError::UnknownType { at: at.0, name: kind.to_owned() };
        let (kind, since) = Kind::named(kind).ok_or_else(unknown)?;
        if since == SqlVersion::V2016_03_23 {
            self.needs_2016(at, "a cast to Decimal or Boolean")?;
        }
        Ok(Node::Cast(value, kind))
    }

    fn call(&mut self, at: At, name: &str, arguments: &[Expr]) -> Result<Node, SqlError> {
        if let Some((name, instead)) = func::service(name) {
            return Err(SqlError::NeedsService { at: at.0, name, instead });
        }
        let unknown = || SqlError::UnknownFunction { at: at.0, name: name.to_owned() };
        let function = func::find(name).ok_or_else(unknown)?;
        if function.since == SqlVersion::V2016_03_23 {
            self.needs_2016(at, format!("the function {}", function.name))?;
        }
        self.count(at, function, arguments)?;
        let mut nodes = self.all(arguments)?;
        // encode and decode take the bytes of a payload, also of one that is JSON.
        let raw = function.raw_star && self.scopes.is_empty();
        if raw && arguments.first() == Some(&Expr::Star) {
            nodes[0] = Node::Raw;
        }
        Ok(match (function.need, nodes.len()) {
            (Need::Default, 1 | 2) => {
                let mut nodes = nodes.into_iter().map(Box::new);
                Node::OrDefault(nodes.next().expect("there is one"), nodes.next())
            }
            (Need::Regex(which), 2 | 3) => {
                ready_regexp(which, nodes).unwrap_or_else(|nodes| Node::Call(function, nodes))
            }
            (Need::Time(which), 2 | 3) => {
                ready_time(which, nodes).unwrap_or_else(|nodes| Node::Call(function, nodes))
            }
            (Need::ConstantFirst(what), _) if !matches!(nodes.first(), Some(Node::Constant(_))) => {
                return Err(SqlError::NotConstant { at: at.0, name: function.name, what });
            }
            _ => Node::Call(function, nodes),
        })
    }

    fn count(
        &mut self,
        at: At,
        function: &'static Function,
        arguments: &[Expr],
    ) -> Result<(), SqlError> {
        let Some((what, limit)) = function.limit(arguments) else { return Ok(()) };
        let count = 1 + self.counts.iter().filter(|(name, _)| *name == what).count();
        self.counts.push((what, count));
        if count > limit {
            return Err(SqlError::CalledTooOften { at: at.0, name: function.name, limit });
        }
        Ok(())
    }
}

/// A regular expression made ready, if it is a constant; else the arguments as they were.
fn ready_regexp(which: regexp::Which, mut nodes: Vec<Node>) -> Result<Node, Vec<Node>> {
    let Node::Constant(pattern) = &nodes[1] else { return Err(nodes) };
    let replacement = match nodes.get(2) {
        Some(Node::Constant(replacement)) if which == regexp::Which::Replace => Some(replacement),
        _ => None,
    };
    let ready = regexp::ready(pattern, replacement).map(Box::new);
    if replacement.is_some() {
        nodes.remove(2);
    }
    nodes.remove(1);
    Ok(Node::Regexp { which, ready, arguments: nodes })
}

/// A pattern of dates made ready, if it and the zone are constants; else the arguments as they were.
fn ready_time(which: time::Which, mut nodes: Vec<Node>) -> Result<Node, Vec<Node>> {
    let at = which.pattern_at();
    let zone = match (which, nodes.get(2)) {
        (_, None) => None,
        (time::Which::Format, Some(Node::Constant(zone))) => Some(zone),
        (time::Which::Format | time::Which::Read, Some(_)) => return Err(nodes),
    };
    let Node::Constant(pattern) = &nodes[at] else { return Err(nodes) };
    let ready = time::ready(pattern, zone).map(Box::new);
    let value = Box::new(nodes.swap_remove(1 - at));
    Ok(Node::Time { which, ready, value })
}

/// What a column is called that nobody named: a key by its last name, a function by its own, a
/// variable by its name, everything else by its text.
fn column_name(expr: &Expr) -> Arc<str> {
    match expr {
        Expr::Name(name) | Expr::Variable(_, name) | Expr::Call(_, name, _) => name.as_str().into(),
        Expr::Member(_, keys) => keys.last().map_or("", String::as_str).into(),
        other => other.to_string().into(),
    }
}

fn arcs(keys: &[String]) -> Vec<Arc<str>> {
    keys.iter().map(|key| key.as_str().into()).collect()
}

/// A node whose parts are constants is one, unless it asks the world.
fn fold(node: Node, version: SqlVersion) -> Node {
    let constant = |node: &Node| matches!(node, Node::Constant(_));
    let foldable = match &node {
        Node::Constant(_)
        | Node::Path { .. }
        | Node::Raw
        | Node::Variable(_)
        | Node::Exists(_)
        | Node::Query(_)
        | Node::Case { .. }
        | Node::OrDefault(..) => false,
        Node::Member(base, _) => constant(base),
        Node::Not(operand) | Node::Negative(operand) | Node::Cast(operand, _) => constant(operand),
        Node::Chain(first, rest) => constant(first) && rest.iter().all(|(_, node)| constant(node)),
        Node::Array(items) => items.iter().all(constant),
        Node::Object(members) => members.iter().all(|(_, node)| constant(node)),
        Node::Call(function, arguments) => function.pure && arguments.iter().all(constant),
        Node::Regexp { arguments, .. } => arguments.iter().all(constant),
        Node::Time { value, .. } => constant(value),
    };
    match foldable.then(|| eval::constant(&node, version)).flatten() {
        Some(value) => Node::Constant(value),
        None => node,
    }
}

/// An empty object.
pub fn empty_object() -> Value {
    Value::object(Object::new())
}
