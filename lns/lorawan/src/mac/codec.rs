//! How commands follow each other: CID, payload, CID, payload, with lengths known by CID alone, so
//! that the first unknown one ends the reading (TS001-1.0.4 §5).

use crate::wire::{BuildError, Reader};

/// What stands after a CID.
pub(crate) trait Layout: Sized {
    /// Bytes, at least.
    const LENGTH: usize;
    /// Bytes.
    fn length(&self) -> usize {
        Self::LENGTH
    }
    /// `None` if the bytes end too early.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
    /// Appends.
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError>;
}

impl<const N: usize> Layout for [u8; N] {
    const LENGTH: usize = N;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.array()
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.extend(self);
        Ok(())
    }
}

/// Why reading commands stopped before the end. Nothing after it can be understood, since only a
/// known CID tells where the next command starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacStop<'a> {
    /// A CID that this direction does not have, proprietary ones included.
    UnknownCid {
        /// The CID.
        cid: u8,
        /// The bytes from the CID to the end.
        rest: &'a [u8],
    },
    /// The bytes end within a command, or a length in it is impossible.
    Truncated {
        /// The CID.
        cid: u8,
        /// The bytes from the CID to the end.
        rest: &'a [u8],
    },
}

/// Defines the commands of one direction.
macro_rules! commands {
    (
        $(#[$enum_doc:meta])* pub enum $command:ident;
        $(#[$iter_doc:meta])* pub struct $commands:ident;
        { $($cid:literal $name:ident $(($payload:ty))?, $doc:literal,)* }
    ) => {
        $(#[$enum_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $command {
            $(#[doc = $doc] $name $(($payload))?,)*
        }

        impl $command {
            /// The command's identifier.
            pub const fn cid(&self) -> u8 {
                match self {
                    $(Self::$name $((codec::binding!(_value $payload)))? => $cid,)*
                }
            }

            /// Bytes of CID and payload: what it takes of FOpts or FRMPayload.
            pub fn length(&self) -> usize {
                1 + match self {
                    $(Self::$name $((codec::binding!(value $payload)))? => {
                        codec::length!($(value $payload)?)
                    })*
                }
            }

            /// Appends CID and payload. On an error (a frequency that no frame can carry) `out`
            /// is as before.
            pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), $crate::wire::BuildError> {
                let before = out.len();
                out.push(self.cid());
                let written: Result<(), $crate::wire::BuildError> = match self {
                    $(Self::$name $((codec::binding!(value $payload)))? => {
                        codec::write!(out $(, value $payload)?)
                    })*
                };
                if written.is_err() {
                    out.truncate(before);
                }
                written
            }

            fn read(
                cid: u8,
                reader: &mut $crate::wire::Reader<'_>,
            ) -> Option<Option<Self>> {
                match cid {
                    $($cid => Some(codec::read!(reader, $name $(, $payload)?)),)*
                    _ => None,
                }
            }
        }

        $(#[$iter_doc])*
        #[derive(Debug, Clone)]
        pub struct $commands<'a> {
            rest: &'a [u8],
            step: $crate::units::FrequencyStep,
        }

        impl<'a> $commands<'a> {
            /// Commands from FOpts, or from FRMPayload with FPort 0, in clear.
            ///
            /// Gives every command that can be read, then at most one [`MacStop`], then ends.
            pub const fn new(bytes: &'a [u8]) -> Self {
                Self { rest: bytes, step: $crate::units::FrequencyStep::Hz100 }
            }

            /// The same commands in a region whose frequencies are carried in these steps.
            pub const fn in_steps_of(self, step: $crate::units::FrequencyStep) -> Self {
                Self { step, ..self }
            }
        }

        impl<'a> Iterator for $commands<'a> {
            type Item = Result<$command, MacStop<'a>>;

            fn next(&mut self) -> Option<Self::Item> {
                let rest = self.rest;
                let mut reader = $crate::wire::Reader::new(rest).in_steps_of(self.step);
                let cid = reader.byte()?;
                let outcome = $command::read(cid, &mut reader);
                self.rest = if matches!(outcome, Some(Some(_))) { reader.rest() } else { &[] };
                Some(match outcome {
                    Some(Some(command)) => Ok(command),
                    Some(None) => Err(MacStop::Truncated { cid, rest }),
                    None => Err(MacStop::UnknownCid { cid, rest }),
                })
            }
        }

        impl std::iter::FusedIterator for $commands<'_> {}
    };
}

/// The name, where the command has a payload to bind.
macro_rules! binding {
    ($value:ident $payload:ty) => {
        $value
    };
}

macro_rules! length {
    () => {
        0
    };
    ($value:ident $payload:ty) => {
        codec::Layout::length($value)
    };
}

macro_rules! write {
    ($out:ident) => {
        Ok(())
    };
    ($out:ident, $value:ident $payload:ty) => {
        codec::Layout::write($value, $out)
    };
}

macro_rules! read {
    ($reader:ident, $name:ident) => {
        Some(Self::$name)
    };
    ($reader:ident, $name:ident, $payload:ty) => {
        <$payload as codec::Layout>::read($reader).map(Self::$name)
    };
}

pub(crate) use {binding, commands, length, read, write};
