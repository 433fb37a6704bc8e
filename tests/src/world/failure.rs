//! A run that has shown something wrong, with what it takes to see it again.

use std::fmt;

use lns_lorawan::Region;

use crate::checkers::Violation;

/// A property that did not hold in a world.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The world's seed.
    pub seed: u64,
    /// The world's region.
    pub region: Region,
    /// What did not hold.
    pub violation: Violation,
    /// The last lines of the transcript.
    pub tail: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { seed, region, violation, tail } = self;
        writeln!(f, "seed {seed}, {region}: {} does not hold", violation.property)?;
        writeln!(f, "{}", violation.what)?;
        writeln!(f, "the last lines of its transcript:\n{tail}")?;
        write!(
            f,
            "again: LNS_WORLD_SEED={seed} cargo test --profile ci -p system-tests --test world {}",
            format_args!("any_weather_in_{}", region.name().to_lowercase().replace('-', "_"))
        )
    }
}
