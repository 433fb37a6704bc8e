//! `/destinations`: AWS's shape. Only topics, until there are rules.

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
use super::{Answer, ApiError, Shared, arn};

/// The longest name, in characters.
const NAME: usize = 128;

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
    let topics = expression_type(&mut fields)?;
    fields.required("ExpressionType", topics)?;
    let topic = fields.text("Expression", 1..=EXPRESSION)?;
    let topic = fields.required("Expression", topic)?;
    let destination = Destination {
        name: name.clone(),
        expression: Expression::Topic(topic),
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

/// Takes the ExpressionType; a rule is refused until there are rules.
fn expression_type(fields: &mut Fields) -> Result<Option<()>, ApiError> {
    let word = fields.word("ExpressionType", &["MqttTopic", "RuleName"])?;
    if word.as_deref() == Some("RuleName") {
        let problem = "this server has no rules yet; use MqttTopic and subscribe to the topic";
        return Err(wrong("ExpressionType", format!("RuleName: {problem}")));
    }
    Ok(word.map(|_| ()))
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
    let (kind, expression) = match &destination.expression {
        Expression::Topic(topic) => ("MqttTopic", topic),
        Expression::Rule(rule) => ("RuleName", rule),
    };
    document.insert("Expression".to_owned(), json!(expression));
    document.insert("ExpressionType".to_owned(), json!(kind));
    put(&mut document, "Description", destination.description.clone());
    put(&mut document, "RoleArn", destination.role_arn.clone());
    document
}

/// UpdateDestination.
pub async fn update(State(state): Shared, Label(name): Label, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    expression_type(&mut fields)?;
    let topic = fields.text("Expression", 1..=EXPRESSION)?;
    let description = change_text(&mut fields, "Description", DESCRIPTION)?;
    let role_arn = fields.text("RoleArn", 20..=2048)?;
    fields.finish()?;
    let change = move |destination: &mut Destination| -> super::Change {
        if let Some(topic) = topic {
            destination.expression = Expression::Topic(topic);
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
