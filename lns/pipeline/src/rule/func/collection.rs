//! Arrays and objects.

use super::{Answer, Call, Function, Need, or_undefined};
use crate::rule::value::Value;

pub const FUNCTIONS: &[Function] = &[
    Function::new("get", |call| match call.arguments {
        [collection, key] => or_undefined(part(collection, key)),
        _ => Ok(Value::Undefined),
    })
    .shallow(),
    Function {
        need: Need::Default,
        ..Function::new("get_or_default", |_| Ok(Value::Undefined)).since_2016()
    },
    Function {
        need: Need::ConstantFirst("the kind of transformation"),
        ..Function::new("transform", transform).since_2016().makes()
    },
];

fn part(collection: &Value, key: &Value) -> Option<Value> {
    let index = || key.to_int().and_then(|index| usize::try_from(index).ok());
    match (collection, key) {
        (Value::Array(items), _) => items.get(index()?).cloned(),
        (Value::String(text), _) => {
            let character = text.chars().nth(index()?)?;
            Some(Value::string(character.encode_utf8(&mut [0; 4])))
        }
        (Value::Object(object), Value::String(key)) => object.get(key).cloned(),
        _ => None,
    }
}

/// Each object of an array with the keys of another object. Where both have a key, the other's is
/// taken.
fn transform(call: &mut Call<'_>) -> Answer {
    let [Value::String(mode), Value::Object(attributes), Value::Array(items)] = call.arguments
    else {
        return Ok(Value::Undefined);
    };
    if &**mode != "enrichArray" {
        return Ok(Value::Undefined);
    }
    let mut enriched = Vec::with_capacity(items.len());
    for item in items.iter() {
        let Value::Object(item) = item else { return Ok(Value::Undefined) };
        call.budget.charge(item.len() + attributes.len())?;
        let mut object = (**item).clone();
        object.extend(attributes.iter().map(|(key, value)| (key.clone(), value.clone())));
        enriched.push(Value::object(object));
    }
    Ok(Value::array(enriched))
}
