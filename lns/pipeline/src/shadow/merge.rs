//! A request's section merged into the shadow's: as RFC 7396 merges, with times.

use super::document::{Branch, Node, Seconds};
use super::json::{Json, Object};

/// Merges `patch` into `section`: objects member by member, anything else whole; `null` deletes.
///
/// What the patch names is written at `now`, even when it has the value already; what it does not
/// name keeps its time.
pub fn merge(section: &mut Branch, patch: &Object, now: Seconds) {
    for (name, value) in patch {
        match value {
            Json::Null => {
                section.remove(name);
            }
            Json::Object(inner) => merge(branch(section, name), inner, now),
            Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Array(_) => {
                let leaf = Node::Leaf { value: value.clone(), written: now };
                section.insert(name.clone(), leaf);
            }
        }
    }
}

/// The object under this name; what is there and is no object gives way to an empty one.
fn branch<'a>(section: &'a mut Branch, name: &str) -> &'a mut Branch {
    let node = section.entry(name.into()).or_insert_with(|| Node::Branch(Branch::new()));
    if let Node::Leaf { .. } = node {
        *node = Node::Branch(Branch::new());
    }
    match node {
        Node::Branch(members) => members,
        Node::Leaf { .. } => unreachable!("it was replaced above"),
    }
}
