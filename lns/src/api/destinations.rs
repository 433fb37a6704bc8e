//! `/destinations`: AWS's shape.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::registry::{Destination, Expression, Kind, Registry};

use super::common::{
    DESCRIPTION, change_text, done, identity, is_word, json_of, list_of, page_of, put, tags,
};
use super::fields::{Fields, wrong};
use super::params::{Label, Params};
use super::{Answer, Shared, arn};

/// The longest name, in characters.
const NAME: usize = 128;

/// What a destination may lead to: a topic of the broker, or a rule.
const TYPES: [&str; 2] = ["MqttTopic", "RuleName"];

/// The longest expression, in characters.
const EXPRESSION: usize = 2048;

/// CreateDestination.
pub async fn create(State(state): Shared, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let (_, made_by) = identity(&mut fields, Kind::Destination, &body)?;
    let name = fields.text("Name", 1..=NAME)?;
    let name = fields.required("Name", name)?;
    if !is_word(&name) {
        return Err(wrong("Name", format!("{name:?} may have letters, digits, '-' and '_'")));
    }
    let kind = fields.word("ExpressionType", &TYPES)?;
    let kind = fields.required("ExpressionType", kind)?;
    let text = fields.text("Expression", 1..=EXPRESSION)?;
    let text = fields.required("Expression", text)?;
    let destination = Destination {
        name: name.clone(),
        expression: expression(&kind, text),
        description: fields.text("Description", 0..=DESCRIPTION)?,
        role_arn: fields.text("RoleArn", 20..=2048)?,
        tags: tags(&mut fields)?,
        made_by,
    };
    fields.finish()?;
    state.change(move |registry| registry.create(destination)).await?;
    let arn = arn::of(Kind::Destination, &name);
    json_of(StatusCode::CREATED, json!({ "Arn": arn, "Name": name }))
}

/// What an expression of this type leads to.
fn expression(kind: &str, text: String) -> Expression {
    let [topic, _] = TYPES;
    if kind == topic { Expression::Topic(text) } else { Expression::Rule(text) }
}

/// What a destination leads to, as AWS writes it.
fn written(expression: &Expression) -> (&'static str, &String) {
    let [topic, rule] = TYPES;
    match expression {
        Expression::Topic(text) => (topic, text),
        Expression::Rule(text) => (rule, text),
    }
}

/// GetDestination.
pub async fn show(State(state): Shared, Label(name): Label) -> Answer {
    json_of(StatusCode::OK, document(&*state.registry.require::<Destination>(&name)?))
}

/// ListDestinations.
pub async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page()?;
    params.finish()?;
    let start = page.start(|name| Some(name.to_owned()))?;
    let (destinations, token) = page_of(&state.registry, (&page, start), |_: &Destination| true);
    let list = destinations.iter().map(|destination| document(destination).into()).collect();
    list_of(("DestinationList", "NextToken"), list, token)
}

fn document(destination: &Destination) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert("Arn".to_owned(), arn::of(Kind::Destination, &destination.name).into());
    document.insert("Name".to_owned(), json!(destination.name));
    let (kind, expression) = written(&destination.expression);
    document.insert("Expression".to_owned(), json!(expression));
    document.insert("ExpressionType".to_owned(), json!(kind));
    put(&mut document, "Description", destination.description.clone());
    put(&mut document, "RoleArn", destination.role_arn.clone());
    document
}

/// UpdateDestination.
pub async fn update(State(state): Shared, Label(name): Label, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let kind = fields.word("ExpressionType", &TYPES)?;
    let text = fields.text("Expression", 1..=EXPRESSION)?;
    let description = change_text(&mut fields, "Description", DESCRIPTION)?;
    let role_arn = fields.text("RoleArn", 20..=2048)?;
    fields.finish()?;
    let change = move |destination: &mut Destination| -> super::Change {
        if kind.is_some() || text.is_some() {
            let (kind_before, text_before) = written(&destination.expression);
            let kind = kind.unwrap_or_else(|| kind_before.to_owned());
            let text = text.unwrap_or_else(|| text_before.clone());
            destination.expression = expression(&kind, text);
        }
        if let Some(description) = description {
            destination.description = description;
        }
        if role_arn.is_some() {
            destination.role_arn = role_arn;
        }
        Ok(())
    };
    state.change(move |registry: &Registry| registry.update(&name, change)).await?;
    done()
}

/// DeleteDestination.
pub async fn remove(State(state): Shared, Label(name): Label) -> Answer {
    state.change(move |registry: &Registry| registry.remove::<Destination>(&name)).await?;
    done()
}
