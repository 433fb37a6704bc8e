//! A program and a message to a result. It ends: a statement has no loops, arrays are as long as
//! the message made them, and all work is paid from a budget.

use std::sync::Arc;

use super::compile::{Column, Node, Program, Query, Select, empty_object};
use super::env::{Env, Nothing, Origin, Payload, Seeded};
use super::error::EvalError;
use super::func::{Call, Function, cast, regexp, time};
use super::operator;
use super::value::{Object, Value};
use super::version::SqlVersion;

/// How many steps one evaluation may take: one for each operation, and one for each 64 bytes that
/// are made. A typical statement takes twenty; a message of 128 KiB can be walked several times. All
/// of them take some 50 ms.
pub const MAX_STEPS: u64 = 500_000;

/// The longest text and, as JSON, the largest array or object that a statement makes, in bytes.
pub const MAX_TEXT_BYTES: usize = 1024 * 1024;

/// What one evaluation may still cost.
#[derive(Debug)]
pub struct Budget {
    left: u64,
}

impl Budget {
    /// All of it.
    pub fn new() -> Self {
        Self { left: MAX_STEPS }
    }

    /// Pays for so many steps.
    pub fn charge(&mut self, steps: usize) -> Result<(), EvalError> {
        let left = u64::try_from(steps).ok().and_then(|steps| self.left.checked_sub(steps));
        self.left = left.ok_or(EvalError::TooManySteps { limit: MAX_STEPS })?;
        Ok(())
    }

    /// Pays for a text before it is made.
    pub fn text(&mut self, length: usize) -> Result<(), EvalError> {
        if length > MAX_TEXT_BYTES {
            return Err(EvalError::TooLarge { length, limit: MAX_TEXT_BYTES });
        }
        self.charge(length / 64)
    }
}

/// What a statement makes of a message: the variables' values, and what is selected if the
/// condition holds.
#[derive(Debug)]
pub struct Selected {
    pub variables: Vec<Value>,
    pub value: Option<Value>,
}

/// Runs a program.
pub fn program(program: &Program, env: &Env<'_>, payload: &Payload) -> Result<Selected, EvalError> {
    let mut eval = Eval::new(program.version, env, payload, Vec::new());
    for node in &program.variables {
        let value = eval.node(node)?;
        eval.variables.push(value);
    }
    let holds = match &program.condition {
        Some(condition) => eval.node(condition)?.to_boolean() == Some(true),
        None => true,
    };
    let value = holds.then(|| eval.select(&program.selection)).transpose()?;
    if program.version == SqlVersion::V2015_10_08
        && matches!((&program.selection, &value), (Select::Value(_), Some(Value::Array(_))))
    {
        return Err(EvalError::ArrayResult);
    }
    Ok(Selected { variables: eval.variables, value })
}

/// Evaluates the expression of a template.
pub fn expression(
    node: &Node,
    version: SqlVersion,
    message: (&Env<'_>, &Payload),
    variables: &[Value],
) -> Result<Value, EvalError> {
    Eval::new(version, message.0, message.1, variables.to_vec()).node(node)
}

/// The value of a node that needs no message.
pub fn constant(node: &Node, version: SqlVersion) -> Option<Value> {
    let (dice, origin, payload) = (Seeded::new(0), Origin::default(), Payload::new(""));
    let env = Env {
        now_ms: 0,
        dice: &dice,
        account_id: "",
        origin: &origin,
        shadows: &Nothing,
        things: &Nothing,
        descriptors: &Nothing,
    };
    Eval::new(version, &env, &payload, Vec::new()).node(node).ok()
}

struct Eval<'a> {
    version: SqlVersion,
    env: &'a Env<'a>,
    payload: &'a Payload,
    variables: Vec<Value>,
    /// Elements of the queries around, the outermost first.
    frames: Vec<Value>,
    budget: Budget,
}

impl<'a> Eval<'a> {
    fn new(
        version: SqlVersion,
        env: &'a Env<'a>,
        payload: &'a Payload,
        variables: Vec<Value>,
    ) -> Self {
        Self { version, env, payload, variables, frames: Vec::new(), budget: Budget::new() }
    }

    fn frame(&self, frame: usize) -> &Value {
        match frame.checked_sub(1) {
            None => self.payload.value(),
            Some(at) => &self.frames[at],
        }
    }

    fn node(&mut self, node: &Node) -> Result<Value, EvalError> {
        self.budget.charge(1)?;
        let value = match node {
            Node::Constant(value) => return Ok(value.clone()),
            Node::Path { frame, keys } => member(self.frame(*frame), keys).clone(),
            Node::Raw => Value::Binary(self.payload.bytes().clone()),
            Node::Variable(at) => return Ok(self.variables[*at].clone()),
            Node::Member(base, keys) => member(&self.node(base)?, keys).clone(),
            Node::Not(operand) => operator::not(&self.node(operand)?),
            Node::Negative(operand) => operator::negative(&self.node(operand)?),
            Node::Chain(first, rest) => {
                let mut left = self.node(first)?;
                for (operator, right) in rest {
                    let right = self.node(right)?;
                    let value = operator::apply(*operator, &left, &right, &mut self.budget)?;
                    left = self.version.settle(value);
                }
                left
            }
            Node::Exists(query) => Value::Boolean(match self.query(query)? {
                Value::Array(found) => !found.is_empty(),
                found => !found.is_undefined(),
            }),
            Node::Query(query) => {
                let found = self.query(query)?;
                self.made(found)?
            }
            Node::Case { value, arms, otherwise } => {
                return self.case(value, arms, otherwise.as_deref());
            }
            Node::Array(items) => {
                let items = self.all(items)?;
                self.made(Value::array(items))?
            }
            Node::Object(members) => {
                let mut object = Object::with_capacity(members.len());
                for (key, node) in members {
                    object.insert(key.clone(), self.node(node)?);
                }
                self.made(Value::object(object))?
            }
            Node::Cast(operand, kind) => {
                let operand = self.node(operand)?;
                self.budget.charge(operand.size(MAX_TEXT_BYTES) / 64)?;
                cast::cast(&operand, *kind)
            }
            Node::Call(function, nodes) => self.call(function, nodes)?,
            Node::Regexp { which, ready, arguments } => {
                let arguments = self.all(arguments)?;
                match ready {
                    Some(ready) => regexp::run(*which, ready, &arguments, &mut self.budget)?,
                    None => Value::Undefined,
                }
            }
            Node::Time { which, ready, value } => {
                let value = self.node(value)?;
                self.budget.charge(value.size(MAX_TEXT_BYTES) / 64)?;
                let ready = ready.as_ref();
                let answer = ready.and_then(|ready| time::run(*which, ready, &value));
                answer.unwrap_or(Value::Undefined)
            }
            Node::OrDefault(value, default) => self.or_default(value, default.as_deref())?,
        };
        Ok(self.version.settle(value))
    }

    fn call(&mut self, function: &Function, nodes: &[Node]) -> Result<Value, EvalError> {
        let arguments = self.all(nodes)?;
        if !function.shallow {
            let size: usize = arguments.iter().map(|value| value.size(MAX_TEXT_BYTES)).sum();
            self.budget.charge(size / 64)?;
        }
        let (env, version, budget) = (self.env, self.version, &mut self.budget);
        let value = (function.run)(&mut Call { arguments: &arguments, env, version, budget })?;
        if function.makes { self.made(value) } else { Ok(value) }
    }

    /// A value that was put together of others, if it is not too large.
    fn made(&mut self, value: Value) -> Result<Value, EvalError> {
        self.budget.text(value.size(MAX_TEXT_BYTES))?;
        Ok(value)
    }

    fn all(&mut self, nodes: &[Node]) -> Result<Vec<Value>, EvalError> {
        nodes.iter().map(|node| self.node(node)).collect()
    }

    fn or_default(&mut self, value: &Node, default: Option<&Node>) -> Result<Value, EvalError> {
        let frames = self.frames.len();
        match self.node(value) {
            // A look-up that failed may have left elements of queries behind.
            Ok(Value::Undefined | Value::Null) | Err(EvalError::Lookup(_)) => {
                self.frames.truncate(frames);
            }
            answer @ (Ok(_) | Err(_)) => return answer,
        }
        default.map_or(Ok(Value::Undefined), |node| self.node(node))
    }

    fn case(
        &mut self,
        value: &Node,
        arms: &[(Node, Node)],
        otherwise: Option<&Node>,
    ) -> Result<Value, EvalError> {
        let value = self.node(value)?;
        if value.is_undefined() {
            return Ok(Value::Undefined);
        }
        for (when, then) in arms {
            let when = self.node(when)?;
            if operator::equal(&value, &when, &mut self.budget)? == Some(true) {
                return self.node(then);
            }
        }
        otherwise.map_or(Ok(Value::Undefined), |node| self.node(node))
    }

    /// An array gives the elements that are selected, an object what is selected of it.
    fn query(&mut self, query: &Query) -> Result<Value, EvalError> {
        match self.node(&query.from)? {
            Value::Array(items) => {
                let mut found = Vec::new();
                for item in items.iter() {
                    let value = self.element(query, item.clone())?;
                    found.extend(Some(value).filter(|value| !value.is_undefined()));
                }
                Ok(Value::array(found))
            }
            object @ Value::Object(_) => self.element(query, object),
            Value::Undefined
            | Value::Null
            | Value::Boolean(_)
            | Value::Int(_)
            | Value::Decimal(_)
            | Value::String(_)
            | Value::Binary(_) => Ok(Value::Undefined),
        }
    }

    fn element(&mut self, query: &Query, element: Value) -> Result<Value, EvalError> {
        self.frames.push(element);
        let holds = match &query.condition {
            Some(condition) => self.node(condition)?.to_boolean() == Some(true),
            None => true,
        };
        let value = if holds { self.select(&query.selection)? } else { Value::Undefined };
        self.frames.pop();
        Ok(value)
    }

    fn select(&mut self, selection: &Select) -> Result<Value, EvalError> {
        match selection {
            Select::Value(node) => self.node(node),
            Select::All { frame } => Ok(self.frame(*frame).clone()),
            Select::Columns(columns) => {
                let mut object = Object::with_capacity(columns.len());
                for column in columns {
                    self.column(column, &mut object)?;
                }
                self.made(Value::object(object))
            }
        }
    }

    fn column(&mut self, column: &Column, object: &mut Object) -> Result<(), EvalError> {
        match column {
            Column::All { frame } => {
                // Nothing at all can be added to, too: AWS's page "Working with binary payloads".
                let nothing = *frame == 0 && self.payload.bytes().is_empty();
                let empty = empty_object();
                let all = if nothing { &empty } else { self.frame(*frame) };
                let Value::Object(all) = all.clone() else { return Err(EvalError::NoObject) };
                self.budget.charge(all.len())?;
                object.extend(all.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            Column::One { path, node } => {
                let value = self.node(node)?;
                insert(object, path, value);
            }
        }
        Ok(())
    }
}

fn member<'v>(value: &'v Value, keys: &[Arc<str>]) -> &'v Value {
    keys.iter().fold(value, |value, key| value.member(key))
}

/// Puts a value under a key, or under a key of the object under a key.
fn insert(object: &mut Object, path: &[Arc<str>], value: Value) {
    match path {
        [] => {}
        [key] => _ = object.insert(key.clone(), value),
        [key, rest @ ..] => {
            let below = object.entry(key.clone()).or_insert_with(empty_object);
            if !matches!(below, Value::Object(_)) {
                *below = empty_object();
            }
            if let Value::Object(below) = below {
                insert(Arc::make_mut(below), rest, value);
            }
        }
    }
}
