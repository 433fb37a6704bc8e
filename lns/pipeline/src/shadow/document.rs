//! A shadow as it is kept: two sections of values, each with the time of its last change.

use std::collections::BTreeMap;

use super::json::{self, Json};
use super::metadata;

/// Seconds since 1970 UTC.
pub type Seconds = u64;

/// The members of a section, or of an object in it.
pub type Branch = BTreeMap<Box<str>, Node>;

/// A value in a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// An object: its members change one by one.
    Branch(Branch),
    /// Anything else, replaced whole. Never `null` and never an object, though a list may hold
    /// objects.
    Leaf {
        /// The value.
        value: Json,
        /// When it was last written.
        written: Seconds,
    },
}

/// What is wanted, and what is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// What applications want.
    pub desired: Branch,
    /// What the device says.
    pub reported: Branch,
}

/// One shadow, as it lies in the store. The default is one that never was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shadow {
    /// How many updates were accepted, over all lives of this name.
    pub version: u64,
    /// `None`: there is no such shadow, or no longer.
    pub state: Option<State>,
}

impl Node {
    /// Whether both mean the same, whenever they were written.
    pub fn same(&self, other: &Node) -> bool {
        match (self, other) {
            (Node::Leaf { value: a, .. }, Node::Leaf { value: b, .. }) => a.same(b),
            (Node::Branch(a), Node::Branch(b)) => {
                let mut pairs = a.iter().zip(b);
                a.len() == b.len() && pairs.all(|((j, a), (k, b))| j == k && a.same(b))
            }
            (Node::Leaf { .. }, Node::Branch(_)) | (Node::Branch(_), Node::Leaf { .. }) => false,
        }
    }

    /// Appends the value.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Node::Leaf { value, .. } => value.write(out),
            Node::Branch(members) => write_branch(out, members),
        }
    }
}

/// Appends the values of a section.
pub fn write_branch(out: &mut Vec<u8>, members: &Branch) {
    out.push(b'{');
    for (at, (name, node)) in members.iter().enumerate() {
        json::separate(out, at);
        json::write_name(out, name);
        node.write(out);
    }
    out.push(b'}');
}

impl State {
    /// The sections that are there: one that is empty is not.
    pub fn sections(&self) -> impl Iterator<Item = (&'static str, &Branch)> {
        [("desired", &self.desired), ("reported", &self.reported)]
            .into_iter()
            .filter(|(_, section)| !section.is_empty())
    }

    /// Appends both sections' values, as an object.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (at, (name, section)) in self.sections().enumerate() {
            json::separate(out, at);
            json::write_name(out, name);
            write_branch(out, section);
        }
        out.push(b'}');
    }

    /// Appends the desired values, as an object.
    pub fn write_desired(&self, out: &mut Vec<u8>) {
        write_branch(out, &self.desired);
    }

    /// Appends when they were written.
    pub fn write_desired_metadata(&self, out: &mut Vec<u8>) {
        metadata::write_branch(out, &self.desired);
    }

    /// Appends both sections' times, as an object.
    pub fn write_metadata(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (at, (name, section)) in self.sections().enumerate() {
            json::separate(out, at);
            json::write_name(out, name);
            metadata::write_branch(out, section);
        }
        out.push(b'}');
    }
}
