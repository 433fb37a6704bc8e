//! When each value was last written: one time for each leaf, and for each element of a list.

use super::document::{Branch, Node, Seconds};
use super::json::{self, Json, Object};

/// Appends the times of a section.
pub fn write_branch(out: &mut Vec<u8>, members: &Branch) {
    out.push(b'{');
    for (at, (name, node)) in members.iter().enumerate() {
        json::separate(out, at);
        json::write_name(out, name);
        write_node(out, node);
    }
    out.push(b'}');
}

/// Appends the times of one value.
pub fn write_node(out: &mut Vec<u8>, node: &Node) {
    match node {
        Node::Branch(members) => write_branch(out, members),
        Node::Leaf { value, written } => write_value(out, value, *written),
    }
}

/// Appends the times of a value that was written at once.
fn write_value(out: &mut Vec<u8>, value: &Json, written: Seconds) {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => {
            out.extend(format!(r#"{{"timestamp":{written}}}"#).bytes());
        }
        Json::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                json::separate(out, at);
                write_value(out, item, written);
            }
            out.push(b']');
        }
        Json::Object(members) => write_object(out, members, written),
    }
}

/// Appends the times of what a request has written; what it has deleted has none.
pub fn write_object(out: &mut Vec<u8>, members: &Object, written: Seconds) {
    out.push(b'{');
    let kept = members.iter().filter(|(_, value)| **value != Json::Null);
    for (at, (name, value)) in kept.enumerate() {
        json::separate(out, at);
        json::write_name(out, name);
        write_value(out, value, written);
    }
    out.push(b'}');
}
