//! What rules may ask besides the message: shadows, things, and descriptors of Protocol Buffers.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use lns_pipeline::rule::{
    Descriptors, LookupError, MAX_DESCRIPTOR_BYTES, MessageTypes, Shadows, Things, Value,
    parse_json,
};
use parking_lot::Mutex;
use serde_json::json;

use crate::registry::{Registry, Thing};

/// `accountid()`: the account of the server's ARNs.
pub(super) const ACCOUNT: &str = "000000000000";

/// Descriptors that are kept ready; more and all are read again.
const DESCRIPTORS: usize = 64;

/// Who knows the shadows' documents.
pub trait Sheets: Send + Sync {
    /// The document that a get of a shadow answers; `None` when there is no such shadow.
    fn shadow(&self, thing: &str, name: Option<&str>) -> Result<Option<Vec<u8>>, String>;
}

/// What rules may ask.
pub struct Knowledge {
    registry: Arc<Registry>,
    sheets: Arc<dyn Sheets>,
    /// Its folders stand for AWS's buckets.
    descriptors: PathBuf,
    ready: Mutex<HashMap<(String, String), Arc<MessageTypes>>>,
}

impl Knowledge {
    /// Of these; `descriptors` is the folder with descriptor files, a folder a bucket.
    pub fn new(registry: Arc<Registry>, sheets: Arc<dyn Sheets>, descriptors: PathBuf) -> Self {
        Self { registry, sheets, descriptors, ready: Mutex::default() }
    }

    fn thing(&self, name: &str) -> Option<Arc<Thing>> {
        self.registry.find::<Thing>(&name.to_owned())
    }
}

fn value(json: &serde_json::Value) -> Option<Value> {
    parse_json(json.to_string().as_bytes())
}

impl Shadows for Knowledge {
    fn shadow(&self, thing: &str, name: Option<&str>) -> Result<Option<Value>, LookupError> {
        let document = self
            .sheets
            .shadow(thing, name)
            .map_err(|why| LookupError { what: format!("the shadow of {thing}"), why })?;
        Ok(document.and_then(|document| parse_json(&document)))
    }
}

impl Things for Knowledge {
    fn describe(&self, thing: &str) -> Result<Option<Value>, LookupError> {
        let Some(thing) = self.thing(thing) else { return Ok(None) };
        let mut document = json!({
            "thingName": thing.name,
            "thingId": thing.id.to_string(),
            "attributes": thing.attributes,
            "version": thing.version,
        });
        if let Some(kind) = &thing.thing_type {
            document["thingTypeName"] = json!(kind);
        }
        Ok(value(&document))
    }

    fn groups(&self, thing: &str) -> Result<Option<Value>, LookupError> {
        let Some(thing) = self.thing(thing) else { return Ok(None) };
        let groups = thing.groups.iter().map(|group| json!({ "groupName": group }));
        Ok(value(&json!({ "thingGroups": groups.collect::<Vec<_>>() })))
    }
}

impl Descriptors for Knowledge {
    fn types(&self, bucket: &str, key: &str) -> Result<Option<Arc<MessageTypes>>, LookupError> {
        let at = (bucket.to_owned(), key.to_owned());
        if let Some(ready) = self.ready.lock().get(&at) {
            return Ok(Some(Arc::clone(ready)));
        }
        let failed =
            |why: String| LookupError { what: format!("the descriptor {bucket}/{key}"), why };
        let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']);
        if bucket.contains('/') || !plain(bucket) || !key.split('/').all(plain) {
            return Err(failed("it is no path below the folder of descriptors".to_owned()));
        }
        let path = self.descriptors.join(bucket).join(key);
        let Ok(found) = std::fs::metadata(&path) else { return Ok(None) };
        if found.len() > MAX_DESCRIPTOR_BYTES as u64 {
            return Err(failed(format!("it is larger than {MAX_DESCRIPTOR_BYTES} bytes")));
        }
        let bytes = std::fs::read(&path).map_err(|error| failed(error.to_string()))?;
        let types = MessageTypes::parse(&bytes).map_err(|error| failed(error.to_string()))?;
        let types = Arc::new(types);
        let mut ready = self.ready.lock();
        if ready.len() >= DESCRIPTORS {
            ready.clear();
        }
        ready.insert(at, Arc::clone(&types));
        Ok(Some(types))
    }
}
