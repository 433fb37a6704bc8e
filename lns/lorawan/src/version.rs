//! Which edition of the standard a device was built to.

use core::fmt;
use core::str::FromStr;

/// Text that names no version of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Not a LoRaWAN link-layer version.
    #[error("cannot read MAC version {text:?}: write 1.0.0, 1.0.1, 1.0.2, 1.0.3, 1.0.4 or 1.1")]
    Mac {
        /// What was written.
        text: String,
    },
    /// Not a revision of the regional parameters.
    #[error(
        "cannot read regional parameters {text:?}: write RP001-1.0.2-revA, RP001-1.0.2-revB, \
         RP001-1.0.3-revA, RP001-1.1-revA, RP001-1.1-revB or RP002-1.0.0 to RP002-1.0.5"
    )]
    RegParams {
        /// What was written.
        text: String,
    },
}

macro_rules! versions {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(non_camel_case_types, missing_docs)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// All of them, oldest first.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $text,)*
                })
            }
        }

        /// Always as text: a stored number would change its meaning when a version is added.
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

versions! {
    /// The link layer, TS001.
    MacVersion {
        V1_0_0 = "1.0.0",
        V1_0_1 = "1.0.1",
        V1_0_2 = "1.0.2",
        V1_0_3 = "1.0.3",
        V1_0_4 = "1.0.4",
        V1_1_0 = "1.1",
    }
}

versions! {
    /// The regional parameters, RP001 and RP002, in the order in which their tables grew.
    RegParamsRevision {
        Rp001_1_0_2A = "RP001-1.0.2-revA",
        Rp001_1_0_2B = "RP001-1.0.2-revB",
        Rp001_1_0_3A = "RP001-1.0.3-revA",
        Rp001_1_1A = "RP001-1.1-revA",
        Rp001_1_1B = "RP001-1.1-revB",
        Rp002_1_0_0 = "RP002-1.0.0",
        Rp002_1_0_1 = "RP002-1.0.1",
        Rp002_1_0_2 = "RP002-1.0.2",
        Rp002_1_0_3 = "RP002-1.0.3",
        Rp002_1_0_4 = "RP002-1.0.4",
        Rp002_1_0_5 = "RP002-1.0.5",
    }
}

impl MacVersion {
    /// Two root keys, three network session keys (LoRaWAN 1.1 §6.1), two downlink counters
    /// (§4.3.1.5)?
    pub const fn is_1_1(self) -> bool {
        match self {
            Self::V1_0_0 | Self::V1_0_1 | Self::V1_0_2 | Self::V1_0_3 | Self::V1_0_4 => false,
            Self::V1_1_0 => true,
        }
    }

    /// Is DevNonce a counter (TS001-1.0.4 §6.2.5, LoRaWAN 1.1 §6.2.2) rather than random?
    pub const fn counts_dev_nonce(self) -> bool {
        match self {
            Self::V1_0_0 | Self::V1_0_1 | Self::V1_0_2 | Self::V1_0_3 => false,
            Self::V1_0_4 | Self::V1_1_0 => true,
        }
    }

    /// The greatest step of FCntUp that is accepted, until 1.0.3 (LoRaWAN 1.0.3 §4.3.1.5); later
    /// versions have no such rule.
    pub const fn max_f_cnt_gap(self) -> Option<u32> {
        match self {
            Self::V1_0_0 | Self::V1_0_1 | Self::V1_0_2 | Self::V1_0_3 => Some(16_384),
            Self::V1_0_4 | Self::V1_1_0 => None,
        }
    }

    /// Do a data rate and power of 15 in LinkADRReq mean "keep"? TS001-1.0.4 §5.2, LoRaWAN 1.1
    /// §5.3.
    pub const fn link_adr_can_keep(self) -> bool {
        match self {
            Self::V1_0_0 | Self::V1_0_1 | Self::V1_0_2 | Self::V1_0_3 => false,
            Self::V1_0_4 | Self::V1_1_0 => true,
        }
    }

    /// The regional parameters to assume for a device whose profile names none: the first edition
    /// that belongs to the version, so that nothing newer is asked of it.
    pub const fn default_reg_params(self) -> RegParamsRevision {
        match self {
            Self::V1_0_0 | Self::V1_0_1 | Self::V1_0_2 => RegParamsRevision::Rp001_1_0_2A,
            Self::V1_0_3 => RegParamsRevision::Rp001_1_0_3A,
            Self::V1_0_4 => RegParamsRevision::Rp002_1_0_0,
            Self::V1_1_0 => RegParamsRevision::Rp001_1_1A,
        }
    }
}

impl RegParamsRevision {
    /// The document of its own that regional parameters have been since 2019.
    pub const fn is_rp002(self) -> bool {
        match self {
            Self::Rp001_1_0_2A
            | Self::Rp001_1_0_2B
            | Self::Rp001_1_0_3A
            | Self::Rp001_1_1A
            | Self::Rp001_1_1B => false,
            Self::Rp002_1_0_0
            | Self::Rp002_1_0_1
            | Self::Rp002_1_0_2
            | Self::Rp002_1_0_3
            | Self::Rp002_1_0_4
            | Self::Rp002_1_0_5 => true,
        }
    }

    /// May a Join-Accept carry channel masks (CFList type 1)? From 1.0.3 and 1.1.
    pub const fn has_cf_list_type_1(self) -> bool {
        match self {
            Self::Rp001_1_0_2A | Self::Rp001_1_0_2B => false,
            Self::Rp001_1_0_3A
            | Self::Rp001_1_1A
            | Self::Rp001_1_1B
            | Self::Rp002_1_0_0
            | Self::Rp002_1_0_1
            | Self::Rp002_1_0_2
            | Self::Rp002_1_0_3
            | Self::Rp002_1_0_4
            | Self::Rp002_1_0_5 => true,
        }
    }
}

/// `1.0.3`; also `v1.0.3`, `LoRaWAN 1.0.3`, `1.0`, `1.1.0`.
impl FromStr for MacVersion {
    type Err = VersionError;
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let number = text.trim_start_matches(|c: char| !c.is_ascii_digit()).trim_end();
        Ok(match number {
            "1.0" | "1.0.0" => Self::V1_0_0,
            "1.0.1" => Self::V1_0_1,
            "1.0.2" => Self::V1_0_2,
            "1.0.3" => Self::V1_0_3,
            "1.0.4" => Self::V1_0_4,
            "1.1" | "1.1.0" => Self::V1_1_0,
            _ => return Err(VersionError::Mac { text: text.into() }),
        })
    }
}

/// Any way of writing it that others use: `RP001-1.0.2-revB`, `RP001_V1_0_2_REV_B`,
/// `Regional Parameters v1.0.2rB`, `PHY_V1_0_2_REV_B`, `RP002-1.0.3`.
impl FromStr for RegParamsRevision {
    type Err = VersionError;
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let bare: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        let bare = bare.to_ascii_lowercase();
        let bare = ["rp001", "regionalparameters", "phy"]
            .iter()
            .find_map(|prefix| bare.strip_prefix(prefix))
            .unwrap_or(&bare);
        let bare = bare.trim_start_matches('v').replace("rev", "").replace('r', "");
        Ok(match bare.as_str() {
            "102a" | "102" => Self::Rp001_1_0_2A,
            "102b" => Self::Rp001_1_0_2B,
            "103a" | "103" => Self::Rp001_1_0_3A,
            "11a" | "110a" | "11" => Self::Rp001_1_1A,
            "11b" | "110b" => Self::Rp001_1_1B,
            "p002100" | "p002v100" => Self::Rp002_1_0_0,
            "p002101" | "p002v101" => Self::Rp002_1_0_1,
            "p002102" | "p002v102" => Self::Rp002_1_0_2,
            "p002103" | "p002v103" => Self::Rp002_1_0_3,
            "p002104" | "p002v104" => Self::Rp002_1_0_4,
            "p002105" | "p002v105" => Self::Rp002_1_0_5,
            _ => return Err(VersionError::RegParams { text: text.into() }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_reads_back() {
        for version in MacVersion::ALL {
            assert_eq!(version.to_string().parse(), Ok(*version));
        }
        for revision in RegParamsRevision::ALL {
            assert_eq!(revision.to_string().parse(), Ok(*revision));
        }
    }

    #[test]
    fn other_spellings_are_read() {
        let same = [
            ("Regional Parameters v1.0.2rB", RegParamsRevision::Rp001_1_0_2B),
            ("PHY_V1_0_2_REV_B", RegParamsRevision::Rp001_1_0_2B),
            ("RP001_V1_0_3_REV_A", RegParamsRevision::Rp001_1_0_3A),
            ("RP001_V1_1_REV_B", RegParamsRevision::Rp001_1_1B),
            ("RP002_V1_0_4", RegParamsRevision::Rp002_1_0_4),
            ("rp002-1.0.1", RegParamsRevision::Rp002_1_0_1),
            ("Regional Parameters v1.0.3rA", RegParamsRevision::Rp001_1_0_3A),
        ];
        for (text, revision) in same {
            assert_eq!(text.parse(), Ok(revision), "{text}");
        }
        assert_eq!("LoRaWAN 1.0.3".parse(), Ok(MacVersion::V1_0_3));
        assert_eq!("1.1.0".parse(), Ok(MacVersion::V1_1_0));
        for text in ["", "1.0.5", "2.0", "one"] {
            assert!(text.parse::<MacVersion>().is_err(), "{text}");
            assert!(text.parse::<RegParamsRevision>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_changed_with_which_version() {
        assert!(!MacVersion::V1_0_3.counts_dev_nonce() && MacVersion::V1_0_4.counts_dev_nonce());
        assert!(MacVersion::V1_0_3.max_f_cnt_gap().is_some());
        assert!(!RegParamsRevision::Rp001_1_0_2B.has_cf_list_type_1());
        assert!(RegParamsRevision::Rp001_1_0_3A.has_cf_list_type_1());
    }
}
