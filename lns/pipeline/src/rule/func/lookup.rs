//! What other rooms know: shadows and things.
//!
//! AWS wants the ARN of a role as the last argument. Here it may be left out, and is not looked at.

use super::{Answer, Call, Function, Need, or_undefined};
use crate::rule::value::Value;

pub const FUNCTIONS: &[Function] = &[
    Function {
        need: Need::ConstantFirst("the operation"),
        ..Function::new("get_registry_data", registry).since_2016().impure()
    },
    Function::new("get_thing_shadow", shadow).since_2016().impure(),
];

/// What a question to another room costs.
const LOOKUP_STEPS: usize = 100;

/// With two arguments the second is a role if it looks like one, else a shadow's name.
fn shadow(call: &mut Call<'_>) -> Answer {
    let (thing, name) = match call.arguments {
        [Value::String(thing)] => (thing, None),
        [Value::String(thing), Value::String(role)] if role.starts_with("arn:") => (thing, None),
        [Value::String(thing), Value::String(name)]
        | [Value::String(thing), Value::String(name), _] => (thing, Some(&**name)),
        _ => return Ok(Value::Undefined),
    };
    call.budget.charge(LOOKUP_STEPS)?;
    or_undefined(call.env.shadows.shadow(thing, name)?)
}

fn registry(call: &mut Call<'_>) -> Answer {
    let (operation, thing) = match call.arguments {
        [Value::String(operation), Value::String(thing)]
        | [Value::String(operation), Value::String(thing), _] => (operation, thing),
        _ => return Ok(Value::Undefined),
    };
    call.budget.charge(LOOKUP_STEPS)?;
    match &**operation {
        "DescribeThing" => or_undefined(call.env.things.describe(thing)?),
        "ListThingGroupsForThing" => or_undefined(call.env.things.groups(thing)?),
        _ => Ok(Value::Undefined),
    }
}
