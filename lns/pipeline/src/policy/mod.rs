//! Who may do what: AWS IoT policies.
//!
//! A [`Policy`] is a JSON document that has been read and found sound. [`Permissions`] are what
//! some policies come to for one connection: variables are filled in and conditions decided once,
//! when somebody connects or a policy changes, so that asking costs a few comparisons of text and
//! no memory. An explicit Deny wins; what nothing allows is denied.
//!
//! Grammar and meaning follow the AWS IoT Core developer guide ("AWS IoT Core policies", "Policy
//! variables", "Publish/Subscribe policy examples", "Connect policy examples") and the IAM user
//! guide ("Condition operators", "Creating a condition with multiple keys or values"). Where we are
//! stricter stands in `docs/DEPARTURES.md`.
//!
//! # What a value may not do
//! A client chooses its own identifier, and with it the value of `${iot:ClientId}`. No such value
//! can widen what a policy grants: it stands for itself, never for a wildcard; and where a pattern
//! grants topics, a value that is empty, or has `+` or `#` in it, or was chosen by the client and
//! has `/` in it, makes that pattern match nothing. Where a pattern takes something away, every
//! value stands.

mod action;
mod condition;
mod context;
mod document;
mod glob;
mod permissions;
mod resource;
mod template;
#[cfg(test)]
mod tests;
mod variable;

pub use action::{Action, Target};
pub use context::{Connect, Context, Thing};
pub use document::{MAX_LENGTH, Malformed, Policy, VERSION};
pub use permissions::{Decision, Permissions};
pub use resource::{ACCOUNT, Named, REGION};
