//! `[region.…]`: what the regional parameters leave to the network.

use lns_lorawan::{DataRateIndex, Direction, Region};

use super::{NetworkChannel, RadioFrequency};

/// `[region]`: one section for each.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionConfig {
    /// `[region.eu868]`
    pub eu868: DynamicRegion,
    /// `[region.us915]`
    pub us915: FixedRegion,
    /// `[region.au915]`
    pub au915: FixedRegion,
    /// `[region.as923_1]`
    pub as923_1: DynamicRegion,
    /// `[region.as923_2]`
    pub as923_2: DynamicRegion,
    /// `[region.as923_3]`
    pub as923_3: DynamicRegion,
    /// `[region.as923_4]`
    pub as923_4: DynamicRegion,
    /// `[region.eu433]`
    pub eu433: DynamicRegion,
    /// `[region.cn470]`
    pub cn470: FixedRegion,
    /// `[region.cn779]`
    pub cn779: DynamicRegion,
    /// `[region.ru864]`
    pub ru864: DynamicRegion,
    /// `[region.kr920]`
    pub kr920: DynamicRegion,
    /// `[region.in865]`
    pub in865: DynamicRegion,
    /// `[region.ism2400]`
    pub ism2400: DynamicRegion,
}

/// A region in which the network makes channels.
#[derive(Clone, Debug, PartialEq)]
pub struct DynamicRegion {
    /// Channels beyond those that every device knows. The first five go into the CFList.
    pub extra_channels: Vec<NetworkChannel>,
    /// RX2's frequency; `None`: the region's.
    pub rx2_frequency: Option<RadioFrequency>,
    /// RX2's data rate; `None`: the region's.
    pub rx2_data_rate: Option<DataRateIndex>,
}

/// A region in which the network chooses among channels that there are.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedRegion {
    /// The eight channels in a row that the gateways hear.
    pub sub_band: SubBand,
    /// RX2's frequency; `None`: the region's.
    pub rx2_frequency: Option<RadioFrequency>,
    /// RX2's data rate; `None`: the region's.
    pub rx2_data_rate: Option<DataRateIndex>,
}

/// Eight channels in a row of a fixed plan, counted from 1; 0: all of its channels. In US915 and
/// AU915 1 is channels 0 to 7 and 64, 8 is 56 to 63 and 71.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubBand(pub u8);

impl SubBand {
    /// The number; `None`: all channels.
    pub const fn number(self) -> Option<u8> {
        match self.0 {
            0 => None,
            number => Some(number),
        }
    }
}

/// What is configured for one region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegionSettings<'a> {
    /// Channels beyond those that every device knows; none in a fixed plan.
    pub extra_channels: &'a [NetworkChannel],
    /// The sub-band of a fixed plan; `None`: all channels, and in a dynamic plan.
    pub sub_band: Option<u8>,
    /// RX2's frequency; `None`: the region's.
    pub rx2_frequency: Option<RadioFrequency>,
    /// RX2's data rate; `None`: the region's.
    pub rx2_data_rate: Option<DataRateIndex>,
}

enum Section<'a> {
    Dynamic(&'a DynamicRegion),
    Fixed(&'a FixedRegion),
}

impl RegionConfig {
    /// What is configured for this region.
    pub fn of(&self, region: Region) -> RegionSettings<'_> {
        match self.section(region) {
            Section::Dynamic(dynamic) => RegionSettings {
                extra_channels: &dynamic.extra_channels,
                sub_band: None,
                rx2_frequency: dynamic.rx2_frequency,
                rx2_data_rate: dynamic.rx2_data_rate,
            },
            Section::Fixed(fixed) => RegionSettings {
                extra_channels: &[],
                sub_band: fixed.sub_band.number(),
                rx2_frequency: fixed.rx2_frequency,
                rx2_data_rate: fixed.rx2_data_rate,
            },
        }
    }

    fn section(&self, region: Region) -> Section<'_> {
        match region {
            Region::Eu868 => Section::Dynamic(&self.eu868),
            Region::Us915 => Section::Fixed(&self.us915),
            Region::Au915 => Section::Fixed(&self.au915),
            Region::As923_1 => Section::Dynamic(&self.as923_1),
            Region::As923_2 => Section::Dynamic(&self.as923_2),
            Region::As923_3 => Section::Dynamic(&self.as923_3),
            Region::As923_4 => Section::Dynamic(&self.as923_4),
            Region::Eu433 => Section::Dynamic(&self.eu433),
            Region::Cn470 => Section::Fixed(&self.cn470),
            Region::Cn779 => Section::Dynamic(&self.cn779),
            Region::Ru864 => Section::Dynamic(&self.ru864),
            Region::Kr920 => Section::Dynamic(&self.kr920),
            Region::In865 => Section::Dynamic(&self.in865),
            Region::Ism2400 => Section::Dynamic(&self.ism2400),
        }
    }
}

/// The usual extra channels of each region, and the sub-bands that most networks use.
impl Default for RegionConfig {
    fn default() -> Self {
        Self {
            eu868: DynamicRegion::usual(Region::Eu868),
            us915: FixedRegion::in_sub_band(2),
            au915: FixedRegion::in_sub_band(2),
            as923_1: DynamicRegion::usual(Region::As923_1),
            as923_2: DynamicRegion::usual(Region::As923_2),
            as923_3: DynamicRegion::usual(Region::As923_3),
            as923_4: DynamicRegion::usual(Region::As923_4),
            eu433: DynamicRegion::usual(Region::Eu433),
            cn470: FixedRegion::in_sub_band(11),
            cn779: DynamicRegion::usual(Region::Cn779),
            ru864: DynamicRegion::usual(Region::Ru864),
            kr920: DynamicRegion::usual(Region::Kr920),
            in865: DynamicRegion::usual(Region::In865),
            ism2400: DynamicRegion::usual(Region::Ism2400),
        }
    }
}

impl DynamicRegion {
    fn usual(region: Region) -> Self {
        let usual = region.tables().usual_extra_channels().iter();
        let extra_channels = usual.map(|hz| NetworkChannel::usual(RadioFrequency(*hz))).collect();
        Self { extra_channels, rx2_frequency: None, rx2_data_rate: None }
    }
}

impl FixedRegion {
    const fn in_sub_band(number: u8) -> Self {
        Self { sub_band: SubBand(number), rx2_frequency: None, rx2_data_rate: None }
    }
}

/// The least distance of two channels, in Hz: less, and they hear each other.
const SPACING: u32 = 200_000;

/// Do these channels lie in the band, apart from each other and from the default ones?
pub(super) fn extra_channels(region: Region, channels: &[NetworkChannel]) -> Result<(), String> {
    let tables = region.tables();
    let default: Vec<u32> = tables.default_channels().map(|(_, c)| c.frequency.hz()).collect();
    let room = usize::from(tables.plan.max_channels()) - default.len();
    if channels.len() > room {
        let count = channels.len();
        return Err(format!("there are {count} channels, and a device has room for {room}"));
    }
    for (index, channel) in channels.iter().enumerate() {
        in_band(region, channel.frequency)?;
        downlink_frequency(region, channel.rx1_frequency)?;
        channel.check_data_rates(region)?;
        let hz = channel.frequency.0.hz();
        let before = channels.iter().take(index).map(|other| other.frequency.0.hz());
        if let Some(near) = default.iter().copied().chain(before).find(|n| n.abs_diff(hz) < SPACING)
        {
            let near = lns_lorawan::Frequency::from_hz(near);
            return Err(format!(
                "{} MHz is too near to the channel at {near} MHz",
                channel.frequency.0
            ));
        }
    }
    Ok(())
}

/// May a gateway send here?
pub(super) fn downlink_frequency(
    region: Region,
    frequency: Option<RadioFrequency>,
) -> Result<(), String> {
    frequency.map_or(Ok(()), |frequency| in_band(region, frequency))
}

fn in_band(region: Region, frequency: RadioFrequency) -> Result<(), String> {
    let tables = region.tables();
    if tables.downlink_max_eirp(frequency.0).is_some() {
        return Ok(());
    }
    let (low, high) = tables.band;
    let what = if tables.contains(frequency.0) { "between its sub-bands" } else { "not within" };
    Err(format!("{} MHz is {what} {low} to {high} MHz of {region}", frequency.0))
}

/// Is it a downlink data rate?
pub(super) fn rx2_data_rate(region: Region, rate: Option<DataRateIndex>) -> Result<(), String> {
    match rate {
        Some(rate) if region.tables().data_rate(Direction::Down, rate).is_none() => {
            Err(format!("DR{rate} is no downlink data rate of {region}"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Is there such a sub-band?
pub(super) fn sub_band(region: Region, sub_band: SubBand) -> Result<(), String> {
    let most = region.tables().sub_bands_of_channels();
    if sub_band.0 <= most { Ok(()) } else { Err(format!("it must be from 1 to {most}, or 0")) }
}
