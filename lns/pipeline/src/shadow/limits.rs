//! How large, how deep, how long. AWS's quotas, but for what says otherwise.

/// The longest state, in bytes: `desired` and `reported` as JSON without white space. Metadata does
/// not count.
pub const MAX_STATE: usize = 8 * 1024;

/// How many levels a section has at most, itself the first. AWS's page of quotas says 8, its table
/// of errors 6; who was told either is served by 8.
pub const MAX_DEPTH: usize = 8;

/// The longest `clientToken`, in bytes.
pub const MAX_CLIENT_TOKEN: usize = 64;

/// The longest request, in bytes: the largest state with every character escaped, and room for
/// white space. AWS names no such bound; without one a request of nothing but deletions has none.
pub const MAX_REQUEST: usize = 64 * 1024;
