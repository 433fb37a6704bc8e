//! Many filters, and which of them a topic name meets.

use std::collections::{BTreeMap, HashMap};

use super::TopicFilter;

/// Values under topic filters. A filter may have many values, told apart by a key.
///
/// A look-up visits only levels that the name meets, and allocates nothing. What it visits comes
/// in an order that depends on the content alone, so that a simulation can be repeated: `#` before
/// `+` before the name itself at each level, and keys in their order.
#[derive(Clone, Debug)]
pub struct Trie<K, T> {
    root: Node<K, T>,
    len: usize,
}

/// What is known below one level. As deep as the longest filter, at most
/// [`MAX_FILTER_LEVELS`](super::MAX_FILTER_LEVELS): every walk may recurse.
#[derive(Clone, Debug)]
struct Node<K, T> {
    /// Filters that end here.
    here: BTreeMap<K, T>,
    /// Filters that end in `/#` here.
    rest: BTreeMap<K, T>,
    /// What follows `+`.
    any: Option<Box<Node<K, T>>>,
    /// What follows a name. Never walked in its own order.
    named: HashMap<Box<str>, Node<K, T>>,
}

impl<K: Ord, T> Trie<K, T> {
    /// A trie without filters.
    pub fn new() -> Self {
        Self { root: Node::new(), len: 0 }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts a value under a filter and a key; gives what stood there before.
    pub fn insert(&mut self, filter: &TopicFilter, key: K, value: T) -> Option<T> {
        let mut node = &mut self.root;
        let mut entries = None;
        for level in filter.levels() {
            match level {
                "#" => {
                    entries = Some(&mut node.rest);
                    break;
                }
                "+" => node = node.any.get_or_insert_with(|| Box::new(Node::new())),
                name => {
                    // Two look-ups for a new name spare an allocation for each known one.
                    if !node.named.contains_key(name) {
                        node.named.insert(name.into(), Node::new());
                    }
                    node = node.named.get_mut(name).expect("it was put there");
                }
            }
        }
        let before = match entries {
            Some(rest) => rest.insert(key, value),
            None => node.here.insert(key, value),
        };
        self.len += usize::from(before.is_none());
        before
    }

    /// Takes the value under a filter and a key away, and the nodes that nothing needs any more.
    pub fn remove(&mut self, filter: &TopicFilter, key: &K) -> Option<T> {
        let removed = self.root.remove(&mut filter.as_str().split('/'), key);
        self.len -= usize::from(removed.is_some());
        removed
    }

    /// The value under a filter and a key.
    pub fn get_mut(&mut self, filter: &TopicFilter, key: &K) -> Option<&mut T> {
        let mut node = &mut self.root;
        for level in filter.as_str().split('/') {
            match level {
                "#" => return node.rest.get_mut(key),
                "+" => node = node.any.as_mut()?,
                name => node = node.named.get_mut(name)?,
            }
        }
        node.here.get_mut(key)
    }

    /// Calls `visit` with each key and value whose filter meets the topic name.
    pub fn for_each_match<'a>(&'a self, topic: &str, mut visit: impl FnMut(&'a K, &'a T)) {
        if topic.starts_with('$') {
            let (first, rest) = topic.split_once('/').map_or((topic, None), |(a, b)| (a, Some(b)));
            if let Some(node) = self.root.named.get(first) {
                node.visit(rest, &mut visit);
            }
            return;
        }
        self.root.visit(Some(topic), &mut visit);
    }
}

impl<K: Ord, T> Default for Trie<K, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord, T> Node<K, T> {
    fn new() -> Self {
        Self { here: BTreeMap::new(), rest: BTreeMap::new(), any: None, named: HashMap::new() }
    }

    fn is_empty(&self) -> bool {
        self.here.is_empty() && self.rest.is_empty() && self.any.is_none() && self.named.is_empty()
    }

    fn visit<'a>(&'a self, levels: Option<&str>, visit: &mut impl FnMut(&'a K, &'a T)) {
        for (key, value) in &self.rest {
            visit(key, value);
        }
        let Some(levels) = levels else {
            for (key, value) in &self.here {
                visit(key, value);
            }
            return;
        };
        let (name, rest) = levels.split_once('/').map_or((levels, None), |(a, b)| (a, Some(b)));
        if let Some(any) = &self.any {
            any.visit(rest, visit);
        }
        if let Some(named) = self.named.get(name) {
            named.visit(rest, visit);
        }
    }

    fn remove(&mut self, levels: &mut std::str::Split<'_, char>, key: &K) -> Option<T> {
        match levels.next() {
            None => self.here.remove(key),
            Some("#") => self.rest.remove(key),
            Some("+") => {
                let any = self.any.as_mut()?;
                let removed = any.remove(levels, key);
                if any.is_empty() {
                    self.any = None;
                }
                removed
            }
            Some(name) => {
                let named = self.named.get_mut(name)?;
                let removed = named.remove(levels, key);
                if named.is_empty() {
                    self.named.remove(name);
                    // Clients come and go: a map that was large once must not stay so.
                    if self.named.len() * 4 < self.named.capacity() {
                        self.named.shrink_to_fit();
                    }
                }
                removed
            }
        }
    }
}
