//! Tokens to a statement, or to the expression of a template.
//!
//! Precedence, from loose to tight: OR, AND, NOT, comparisons and IN, `+ -`, `* / %`, a sign.

use super::ast::{At, Case, Expr, Item, Operator, Query, Selection, Statement};
use super::error::SqlError;
use super::lex::{Lexer, Token};

/// The longest statement, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// How deep expressions may stand in each other. Reading and evaluating recurse: at this depth they
/// take less than half of the 2 MiB that a thread's stack has.
pub const MAX_DEPTH: usize = 64;

/// Words that are no names, unless they follow a point or AS.
const RESERVED: [&str; 16] = [
    "SELECT", "FROM", "WHERE", "AS", "AND", "OR", "NOT", "IN", "CASE", "WHEN", "THEN", "ELSE",
    "END", "TRUE", "FALSE", "NULL",
];

/// Reads a whole statement.
pub fn statement(text: &str) -> Result<Statement, SqlError> {
    let mut parser = Parser::new(text, 0)?;
    let variables = parser.variables()?;
    parser.keyword("SELECT", "SELECT")?;
    let selection = parser.selection()?;
    let from = match parser.take("FROM")? {
        true => Some(parser.filter()?),
        false => None,
    };
    let condition = parser.condition()?;
    parser.symbol_if(";")?;
    match parser.token {
        Token::End => Ok(Statement { variables, selection, from, condition }),
        _ => Err(parser.unexpected("the end of the statement")),
    }
}

/// Reads the expression of a template that begins at a byte of the text, and the brace that ends
/// it. Gives the place behind the brace.
pub fn template(text: &str, at: usize) -> Result<(Expr, usize), SqlError> {
    let mut parser = Parser::new(text, at)?;
    // `${*}` is the whole payload.
    let expr = match parser.token {
        Token::Symbol("*") => {
            parser.advance()?;
            Expr::Star
        }
        _ => parser.expr(0)?,
    };
    if parser.token != Token::Symbol("}") {
        return Err(parser.unexpected("} at the end of the template"));
    }
    Ok((expr, parser.at + 1))
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token to be read next.
    token: Token,
    /// Where it begins.
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, at: usize) -> Result<Self, SqlError> {
        if text.len() > MAX_BYTES {
            return Err(SqlError::TooLong { length: text.len(), limit: MAX_BYTES });
        }
        let mut lexer = Lexer::new(text, at);
        let (at, token) = lexer.next()?;
        Ok(Self { lexer, token, at, depth: 0 })
    }

    /// Takes the token and goes on. Behind a closing brace nothing is read: a template may end
    /// there, and what follows need not be SQL.
    fn advance(&mut self) -> Result<Token, SqlError> {
        let (at, token) = self.lexer.next()?;
        self.at = at;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn peek(&self) -> Token {
        let mut ahead = self.lexer;
        ahead.next().map_or(Token::End, |(_, token)| token)
    }

    fn unexpected(&self, expected: &'static str) -> SqlError {
        SqlError::Unexpected { at: self.at, expected, found: self.token.describe() }
    }

    fn take(&mut self, keyword: &str) -> Result<bool, SqlError> {
        let there = self.token.is(keyword);
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    fn keyword(&mut self, keyword: &str, expected: &'static str) -> Result<(), SqlError> {
        if self.take(keyword)? { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn symbol_if(&mut self, symbol: &'static str) -> Result<bool, SqlError> {
        let there = self.token == Token::Symbol(symbol);
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    fn symbol(&mut self, symbol: &'static str) -> Result<(), SqlError> {
        if self.symbol_if(symbol)? { Ok(()) } else { Err(self.unexpected(symbol)) }
    }

    fn name(&mut self, expected: &'static str) -> Result<String, SqlError> {
        match &self.token {
            Token::Word(_) => match self.advance()? {
                Token::Word(word) => Ok(word),
                _ => unreachable!("it was a word"),
            },
            _ => Err(self.unexpected(expected)),
        }
    }

    fn variables(&mut self) -> Result<Vec<(At, String, Expr)>, SqlError> {
        let mut variables = Vec::new();
        if !self.take("SET")? {
            return Ok(variables);
        }
        loop {
            let at = At(self.at);
            let Token::Variable(name) = &self.token else {
                return Err(self.unexpected("a variable such as @name"));
            };
            let name = name.clone();
            if name.is_empty() || name.len() > 64 || !name.is_ascii() {
                return Err(
                    self.unexpected("a variable of at most 64 letters, digits and underscores")
                );
            }
            self.advance()?;
            self.symbol("=")?;
            variables.push((at, name, self.expr(0)?));
            if !self.symbol_if(",")? {
                return Ok(variables);
            }
        }
    }

    fn filter(&mut self) -> Result<(At, String), SqlError> {
        let at = At(self.at);
        match self.advance()? {
            Token::Text(filter) => Ok((at, filter)),
            found => Err(SqlError::Unexpected {
                at: at.0,
                expected: "a topic filter in single quotes",
                found: found.describe(),
            }),
        }
    }

    fn condition(&mut self) -> Result<Option<Expr>, SqlError> {
        Ok(if self.take("WHERE")? { Some(self.expr(0)?) } else { None })
    }

    fn selection(&mut self) -> Result<Selection, SqlError> {
        let value = self.token.is("VALUE") && self.value_is_keyword();
        if value {
            self.advance()?;
        }
        let mut items = Vec::new();
        loop {
            items.push(self.item()?);
            if !self.symbol_if(",")? {
                return Ok(Selection { value, items });
            }
        }
    }

    /// VALUE is a keyword where something to select follows it, and else the name of a key. Before
    /// a sign or a star it is a key that is computed with, unless the star is all there is.
    fn value_is_keyword(&self) -> bool {
        let mut ahead = self.lexer;
        match ahead.next() {
            Ok((_, Token::Symbol("*"))) => match ahead.next() {
                Ok((_, Token::End | Token::Symbol("," | ")" | ";"))) => true,
                Ok((_, token)) => token.is("FROM") || token.is("WHERE") || token.is("AS"),
                Err(_) => true,
            },
            Ok((_, Token::Symbol(symbol))) => matches!(symbol, "(" | "[" | "{"),
            Ok((_, Token::Word(word))) => {
                let follows = ["FROM", "WHERE", "AS", "AND", "OR", "IN"];
                !follows.iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
            }
            Ok((_, Token::Variable(_) | Token::Number(_) | Token::Text(_))) => true,
            Ok((_, Token::End)) | Err(_) => false,
        }
    }

    fn item(&mut self) -> Result<Item, SqlError> {
        let expr = match self.token {
            Token::Symbol("*") => {
                self.advance()?;
                Expr::Star
            }
            _ => self.expr(0)?,
        };
        let mut alias = Vec::new();
        if self.take("AS")? {
            alias.push(self.name("a name")?);
            while self.symbol_if(".")? {
                if alias.len() == MAX_DEPTH {
                    return Err(SqlError::TooDeep { at: self.at, limit: MAX_DEPTH });
                }
                alias.push(self.name("a name")?);
            }
        }
        Ok(Item { expr, alias })
    }

    /// An expression of operators that bind at least as tightly as `least`.
    fn expr(&mut self, least: u8) -> Result<Expr, SqlError> {
        self.deeper()?;
        let first = self.operand()?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator().filter(|found| found.precedence() >= least) {
            self.advance()?;
            rest.push((operator, self.expr(operator.precedence() + 1)?));
        }
        self.depth -= 1;
        Ok(if rest.is_empty() { first } else { Expr::Chain(Box::new(first), rest) })
    }

    fn deeper(&mut self) -> Result<(), SqlError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SqlError::TooDeep { at: self.at, limit: MAX_DEPTH });
        }
        Ok(())
    }

    fn operator(&self) -> Option<Operator> {
        Some(match &self.token {
            Token::Symbol(symbol) => match *symbol {
                "=" => Operator::Equal,
                "<>" | "!=" => Operator::NotEqual,
                "<" => Operator::Less,
                "<=" => Operator::LessOrEqual,
                ">" => Operator::Greater,
                ">=" => Operator::GreaterOrEqual,
                "+" => Operator::Plus,
                "-" => Operator::Minus,
                "*" => Operator::Times,
                "/" => Operator::Divide,
                "%" => Operator::Modulo,
                _ => return None,
            },
            token if token.is("OR") => Operator::Or,
            token if token.is("AND") => Operator::And,
            token if token.is("IN") => Operator::In,
            _ => return None,
        })
    }

    /// A value with the signs and the NOT before it.
    fn operand(&mut self) -> Result<Expr, SqlError> {
        if self.take("NOT")? {
            // NOT a = b is NOT (a = b).
            return Ok(Expr::Not(Box::new(self.expr(4)?)));
        }
        if self.symbol_if("+")? {
            return self.signed();
        }
        if self.symbol_if("-")? {
            return Ok(match self.signed()? {
                Expr::Number(text) if !text.starts_with('-') => Expr::Number(format!("-{text}")),
                operand => Expr::Negative(Box::new(operand)),
            });
        }
        self.postfix()
    }

    fn signed(&mut self) -> Result<Expr, SqlError> {
        self.deeper()?;
        let operand = self.operand();
        self.depth -= 1;
        operand
    }

    fn postfix(&mut self) -> Result<Expr, SqlError> {
        let expr = self.primary()?;
        let mut keys = Vec::new();
        while self.symbol_if(".")? {
            keys.push(self.name("a key after the point")?);
        }
        Ok(match expr {
            expr if keys.is_empty() => expr,
            Expr::Member(base, mut before) => {
                before.append(&mut keys);
                Expr::Member(base, before)
            }
            expr => Expr::Member(Box::new(expr), keys),
        })
    }

    fn primary(&mut self) -> Result<Expr, SqlError> {
        let at = At(self.at);
        match &self.token {
            Token::Number(text) => {
                let text = text.clone();
                self.advance()?;
                Ok(Expr::Number(text))
            }
            Token::Text(text) => {
                let text = text.clone();
                self.advance()?;
                Ok(Expr::Text(text))
            }
            Token::Variable(name) => {
                let name = name.clone();
                self.advance()?;
                Ok(Expr::Variable(at, name))
            }
            Token::Symbol("(") => self.parenthesis(),
            Token::Symbol("[") => {
                self.advance()?;
                Ok(Expr::Array(at, self.list("]", Self::argument)?))
            }
            Token::Symbol("{") => {
                self.advance()?;
                Ok(Expr::Object(at, self.list("}", Self::member)?))
            }
            Token::Word(_) => self.word(at),
            Token::Symbol(_) | Token::End => Err(self.unexpected("a value")),
        }
    }

    fn parenthesis(&mut self) -> Result<Expr, SqlError> {
        self.advance()?;
        if self.token.is("SELECT") {
            return Ok(Expr::Query(Box::new(self.query()?)));
        }
        let expr = self.expr(0)?;
        self.symbol(")")?;
        Ok(expr)
    }

    /// A query behind its opening parenthesis, and the closing one.
    fn query(&mut self) -> Result<Query, SqlError> {
        self.deeper()?;
        let at = At(self.at);
        self.keyword("SELECT", "SELECT")?;
        let selection = self.selection()?;
        self.keyword("FROM", "FROM")?;
        let from = self.postfix()?;
        let alias = if self.take("AS")? { Some(self.name("a name")?) } else { None };
        let condition = self.condition()?;
        self.symbol(")")?;
        self.depth -= 1;
        Ok(Query { at, selection, from, alias, condition })
    }

    fn word(&mut self, at: At) -> Result<Expr, SqlError> {
        let calls = self.peek() == Token::Symbol("(");
        if self.token.is("EXISTS") && calls {
            self.advance()?;
            self.advance()?;
            return Ok(Expr::Exists(Box::new(self.query()?)));
        }
        if self.token.is("CASE") {
            return self.case();
        }
        for (keyword, expr) in
            [("NULL", Expr::Null), ("TRUE", Expr::Boolean(true)), ("FALSE", Expr::Boolean(false))]
        {
            if self.take(keyword)? {
                return Ok(expr);
            }
        }
        if RESERVED.iter().any(|keyword| self.token.is(keyword)) {
            return Err(self.unexpected("a value"));
        }
        let name = self.name("a value")?;
        if !calls {
            return Ok(Expr::Name(name));
        }
        self.advance()?;
        if name.eq_ignore_ascii_case("cast") {
            return self.cast(at);
        }
        Ok(Expr::Call(at, name, self.list(")", Self::argument)?))
    }

    fn cast(&mut self, at: At) -> Result<Expr, SqlError> {
        let value = self.argument()?;
        self.keyword("AS", "AS and a type")?;
        let kind = self.name("a type")?;
        self.symbol(")")?;
        Ok(Expr::Cast(at, Box::new(value), kind))
    }

    fn case(&mut self) -> Result<Expr, SqlError> {
        self.advance()?;
        let value = self.expr(0)?;
        let mut arms = Vec::new();
        while self.take("WHEN")? {
            let when = self.expr(0)?;
            self.keyword("THEN", "THEN")?;
            arms.push((when, self.expr(0)?));
        }
        if arms.is_empty() {
            return Err(self.unexpected("WHEN"));
        }
        let otherwise = if self.take("ELSE")? { Some(self.expr(0)?) } else { None };
        self.keyword("END", "END")?;
        Ok(Expr::Case(Box::new(Case { value, arms, otherwise })))
    }

    /// Things with commas between them, up to a bracket.
    fn list<T>(
        &mut self,
        close: &'static str,
        mut one: impl FnMut(&mut Self) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, SqlError> {
        let mut items = Vec::new();
        if self.symbol_if(close)? {
            return Ok(items);
        }
        loop {
            items.push(one(self)?);
            if self.symbol_if(close)? {
                return Ok(items);
            }
            self.symbol(",")?;
        }
    }

    /// An expression, or the star if nothing stands behind it that it could be multiplied with.
    fn argument(&mut self) -> Result<Expr, SqlError> {
        if self.token == Token::Symbol("*") {
            self.advance()?;
            return Ok(Expr::Star);
        }
        self.expr(0)
    }

    fn member(&mut self) -> Result<(String, Expr), SqlError> {
        let Token::Text(key) = &self.token else {
            return Err(self.unexpected("a key in quotes"));
        };
        let key = key.clone();
        self.advance()?;
        self.symbol(":")?;
        Ok((key, self.argument()?))
    }
}
