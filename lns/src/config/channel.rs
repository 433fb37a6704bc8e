//! A channel that the network gives its devices, as written in the configuration.

use std::str::FromStr;

use lns_core::env::ExtraChannel;
use lns_lorawan::region::DataRateSet;
use lns_lorawan::{DataRateIndex, Direction, Region};

use super::RadioFrequency;

/// `"867.1MHz"`, `"868.8MHz DR7"`, `"867.9MHz DR0-3 RX1 868.1MHz"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkChannel {
    /// Where devices send.
    pub frequency: RadioFrequency,
    /// The slowest and the fastest data rate they may send at; `None`: as the region has it.
    pub data_rates: Option<(DataRateIndex, DataRateIndex)>,
    /// Where they open RX1; `None`: where they sent.
    pub rx1_frequency: Option<RadioFrequency>,
}

impl NetworkChannel {
    /// As the region has it, at this frequency.
    pub const fn usual(frequency: RadioFrequency) -> Self {
        Self { frequency, data_rates: None, rx1_frequency: None }
    }

    /// As the core knows it.
    pub fn in_region(self, region: Region) -> ExtraChannel {
        ExtraChannel {
            region: Some(region),
            frequency: self.frequency.0,
            data_rates: self.data_rates.map(|(least, most)| DataRateSet::range(least, most)),
            rx1_frequency: self.rx1_frequency.map(|frequency| frequency.0),
        }
    }

    /// Are these uplink data rates of the region?
    pub(super) fn check_data_rates(self, region: Region) -> Result<(), String> {
        let Some((least, most)) = self.data_rates else { return Ok(()) };
        let unknown = DataRateSet::range(least, most)
            .iter()
            .find(|rate| region.tables().data_rate(Direction::Up, *rate).is_none());
        let Some(rate) = unknown else { return Ok(()) };
        Err(format!("{} MHz: DR{rate} is no uplink data rate of {region}", self.frequency.0))
    }
}

impl FromStr for NetworkChannel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || {
            "it is no channel; write it like \"867.1MHz\", \"867.1MHz DR0-5\" or \
             \"867.1MHz DR0-5 RX1 868.1MHz\""
                .to_owned()
        };
        let mut words = text.split_ascii_whitespace();
        let frequency = words.next().ok_or_else(wanted)?.parse().map_err(|_| wanted())?;
        let mut channel = Self::usual(frequency);
        let mut next = words.next();
        if let Some(range) = next.and_then(|word| word.strip_prefix("DR")) {
            channel.data_rates = Some(data_rates(range).ok_or_else(wanted)?);
            next = words.next();
        }
        if next == Some("RX1") {
            let rx1 = words.next().ok_or_else(wanted)?;
            channel.rx1_frequency = Some(rx1.parse().map_err(|_| wanted())?);
            next = words.next();
        }
        if next.is_some() { Err(wanted()) } else { Ok(channel) }
    }
}

/// `0-5`, or `7` for one.
fn data_rates(text: &str) -> Option<(DataRateIndex, DataRateIndex)> {
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    let index = |text: &str| DataRateIndex::new(text.parse().ok()?);
    let (least, most) = (index(least)?, index(most)?);
    (least <= most).then_some((least, most))
}
