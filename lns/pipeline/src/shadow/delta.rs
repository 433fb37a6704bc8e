//! What is wanted and not so: desired − reported.

use super::document::{Branch, Node, State};
use super::json;
use super::metadata;

/// The desired values that differ from the reported ones, with the path to each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta<'a>(Vec<(&'a str, Part<'a>)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part<'a> {
    /// All of it: the device reports nothing of the kind.
    Whole(&'a Node),
    /// Some members of an object that both have.
    Within(Delta<'a>),
}

impl<'a> Delta<'a> {
    /// The delta of a state.
    pub fn of(state: &'a State) -> Self {
        Delta::between(&state.desired, &state.reported)
    }

    fn between(desired: &'a Branch, reported: &Branch) -> Self {
        let parts = desired.iter().filter_map(|(name, wanted)| {
            let part = match (wanted, reported.get(name)) {
                (Node::Branch(wanted), Some(Node::Branch(there))) => {
                    let within = Delta::between(wanted, there);
                    (!within.is_empty()).then_some(Part::Within(within))
                }
                (wanted, Some(there)) if wanted.same(there) => None,
                (wanted, Some(_) | None) => Some(Part::Whole(wanted)),
            };
            part.map(|part| (&**name, part))
        });
        Delta(parts.collect())
    }

    /// Whether everything is as desired.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends the desired values.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.write_with(out, &|out, node| node.write(out));
    }

    /// Appends when they were desired.
    pub fn write_metadata(&self, out: &mut Vec<u8>) {
        self.write_with(out, &|out, node| metadata::write_node(out, node));
    }

    fn write_with(&self, out: &mut Vec<u8>, write: &dyn Fn(&mut Vec<u8>, &Node)) {
        out.push(b'{');
        for (at, (name, part)) in self.0.iter().enumerate() {
            json::separate(out, at);
            json::write_name(out, name);
            match part {
                Part::Whole(node) => write(out, node),
                Part::Within(delta) => delta.write_with(out, write),
            }
        }
        out.push(b'}');
    }
}
