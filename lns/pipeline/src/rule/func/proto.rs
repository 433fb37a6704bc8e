//! Protocol Buffers: messages of types that an operator described, as JSON.

use prost_reflect::{DescriptorPool, DynamicMessage};

use crate::rule::json;
use crate::rule::value::Value;

/// The largest descriptor file, in bytes (AWS's page "Working with binary payloads").
pub const MAX_DESCRIPTOR_BYTES: usize = 32 * 1024;

/// Why a file describes no message types.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescriptorError {
    /// Larger than a descriptor may be.
    #[error("a descriptor file of {0} bytes; at most {MAX_DESCRIPTOR_BYTES} are read")]
    TooLarge(usize),
    /// Not what `protoc --descriptor_set_out --include_imports` writes.
    #[error("no FileDescriptorSet with all its imports: {0}")]
    NotADescriptor(String),
}

/// The message types of one descriptor file.
#[derive(Debug)]
pub struct MessageTypes(DescriptorPool);

impl MessageTypes {
    /// Reads a `FileDescriptorSet`.
    pub fn parse(bytes: &[u8]) -> Result<Self, DescriptorError> {
        if bytes.len() > MAX_DESCRIPTOR_BYTES {
            return Err(DescriptorError::TooLarge(bytes.len()));
        }
        let pool = DescriptorPool::decode(bytes);
        pool.map(Self).map_err(|error| DescriptorError::NotADescriptor(error.to_string()))
    }

    /// A message of a type of a `.proto` file, whose name has no extension here. `None` if there is
    /// no such type, or the bytes are none of it. The JSON is that of the Protocol Buffers
    /// documentation: 64-bit numbers are texts, bytes are base64, fields that are not set are left out.
    pub(crate) fn decode(&self, file: &str, message: &str, bytes: &[u8]) -> Option<Value> {
        let file = self.0.files().find(|known| {
            let name = known.name().strip_suffix(".proto").unwrap_or(known.name());
            let last = name.rsplit_once('/').map_or(name, |(_, last)| last);
            let wanted = file.strip_suffix(".proto").unwrap_or(file);
            name == wanted || last == wanted
        })?;
        let mut types = file.messages();
        let found = types.find(|known| known.full_name() == message || known.name() == message)?;
        let message = DynamicMessage::decode(found, bytes).ok()?;
        json::parse(&serde_json::to_vec(&message).ok()?)
    }
}
