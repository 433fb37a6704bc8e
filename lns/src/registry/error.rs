//! Why the registry says no.

use crate::store::StoreError;

use super::Kind;

/// A refusal or an incident of the registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is no such record.
    #[error("there is no {kind} {key}")]
    NotFound {
        /// What was looked for.
        kind: Kind,
        /// Its name.
        key: String,
    },
    /// Its name, EUI or token is taken.
    #[error("{what} belongs to {kind} {key} already")]
    Taken {
        /// What is taken, with its value.
        what: String,
        /// The kind of record that has it.
        kind: Kind,
        /// The record that has it.
        key: String,
    },
    /// A ClientRequestToken came a second time with another request.
    #[error(
        "ClientRequestToken was used before, for another request, which made {kind} {key}; use a \
         new token for a new request"
    )]
    TokenReused {
        /// What the first request made.
        kind: Kind,
        /// Its name.
        key: String,
    },
    /// Somebody still refers to it.
    #[error("{kind} {key} is used by {user_kind} {user}; point that to another {kind} first")]
    InUse {
        /// What should have gone.
        kind: Kind,
        /// Its name.
        key: String,
        /// The kind of its user.
        user_kind: Kind,
        /// One that uses it.
        user: String,
    },
    /// It comes with the server.
    #[error("{kind} {key} is built in and cannot be removed")]
    BuiltIn {
        /// What should have gone.
        kind: Kind,
        /// Its name.
        key: String,
    },
    /// As many as we keep.
    #[error("there are {limit} records of kind {kind}, which is the limit; remove one first")]
    Full {
        /// Of what kind.
        kind: Kind,
        /// How many.
        limit: usize,
    },
    /// It contradicts itself, or what it refers to.
    #[error("{0}")]
    Unfit(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored record is of a format that this release does not know.
    #[error("cannot read {kind} {key} from the store: {cause}")]
    Unreadable {
        /// Of what kind.
        kind: Kind,
        /// Its key, in hexadecimal.
        key: String,
        /// What is wrong with it, and what to do.
        cause: String,
    },
}
