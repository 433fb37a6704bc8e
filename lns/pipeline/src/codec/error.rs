//! Why a codec gave no result.

use super::CayenneError;

/// Why a frame was not decoded, or an object not encoded.
///
/// The text is meant for whoever integrates the device: it says what was attempted and what to
/// change. [`label`](Self::label) is for metrics.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CodecError {
    /// The device has no codec.
    #[error("this device has no codec; assign one to its profile")]
    NoCodec,
    /// The script does not compile, or its top level fails. It will fail until it is changed.
    #[error("the codec script does not load: {0}")]
    Compile(String),
    /// The function threw, or returned `errors`.
    #[error("the codec script reports: {0}")]
    Script(String),
    /// The script ran too long.
    #[error(
        "the codec script used more than {} ms of CPU time and was stopped; look for a loop that \
         does not end", limit_us / 1000
    )]
    TimeLimit {
        /// CPU time allowed, in µs.
        limit_us: u64,
    },
    /// The script asked for too much memory.
    #[error(
        "the codec script asked for more than {} KiB of memory and was stopped; look for an array \
         or a string that grows without end", limit_bytes / 1024
    )]
    MemoryLimit {
        /// Memory allowed, in bytes.
        limit_bytes: usize,
    },
    /// The script called itself too deeply.
    #[error(
        "the codec script filled its stack of {} KiB and was stopped; look for a function that \
         calls itself without end", limit_bytes / 1024
    )]
    StackLimit {
        /// Stack allowed, in bytes.
        limit_bytes: usize,
    },
    /// The script hit limits repeatedly, and is not run for a while.
    #[error(
        "the codec script hit its limits repeatedly and rests until {until_us} µs after 1970; \
         correct the script, and the corrected one runs at once"
    )]
    Suspended {
        /// When it may run again, in µs since 1970 UTC.
        until_us: i64,
    },
    /// The script has no function for this direction.
    #[error("the codec script defines no function {wanted}")]
    NoFunction {
        /// The functions that would serve, the recommended one first.
        wanted: &'static str,
    },
    /// The function returned something that cannot be used.
    #[error("{function} of the codec script {problem}")]
    BadResult {
        /// The function that was called.
        function: &'static str,
        /// What is wrong with its result, as the end of a sentence.
        problem: String,
    },
    /// A Cayenne LPP frame or object that is not one.
    #[error(transparent)]
    Cayenne(#[from] CayenneError),
    /// The interpreter could not be started. Not the script's fault.
    #[error("the JavaScript interpreter could not start ({0}); is this machine out of memory?")]
    Engine(String),
}

impl CodecError {
    /// A short name, for metrics and logs.
    pub fn label(&self) -> &'static str {
        match self {
            Self::NoCodec => "no_codec",
            Self::Compile(_) => "compile",
            Self::Script(_) => "script",
            Self::TimeLimit { .. } => "time_limit",
            Self::MemoryLimit { .. } => "memory_limit",
            Self::StackLimit { .. } => "stack_limit",
            Self::Suspended { .. } => "suspended",
            Self::NoFunction { .. } => "no_function",
            Self::BadResult { .. } => "bad_result",
            Self::Cayenne(_) => "cayenne",
            Self::Engine(_) => "engine",
        }
    }

    /// Whether the script ran into one of its limits; its interpreter is then in doubt.
    pub(super) fn is_limit(&self) -> bool {
        match self {
            Self::TimeLimit { .. } | Self::MemoryLimit { .. } | Self::StackLimit { .. } => true,
            Self::NoCodec
            | Self::Compile(_)
            | Self::Script(_)
            | Self::Suspended { .. }
            | Self::NoFunction { .. }
            | Self::BadResult { .. }
            | Self::Cayenne(_)
            | Self::Engine(_) => false,
        }
    }
}
