//! RX windows: when, where and how a device listens after an uplink.
//!
//! A class A device listens twice: in RX1, on a channel and at a data rate that follow from the
//! uplink by the region's tables (TS001-1.0.4 §3.3.2), and a second later in RX2, on a channel and
//! at a data rate that the session has (§3.3.3). Delays count from the end of the uplink.

use lns_lorawan::region::{
    ChannelPlan, JOIN_ACCEPT_DELAY1, JOIN_ACCEPT_DELAY2, PayloadRules, RECEIVE_DELAY2_AFTER_RX1,
};
use lns_lorawan::{
    DataRateIndex, Db, Dbm, Direction, Frequency, GpsTime, Modulation, RegionTables, TimeDelta,
    Timestamp, Window,
};

use crate::event::Reception;
use crate::session::RxParams;

/// MHDR and MIC, which the region's M does not count.
const MHDR_AND_MIC: usize = 5;

/// When a window opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// So long after the end of the uplink, at each gateway by its own copy: RX1 and RX2.
    After(TimeDelta),
    /// At a moment of the satellites' clock: a ping slot. Only gateways that beacon can make it.
    At(GpsTime),
    /// As early as the air allows, between two moments: RXC, which is always open.
    Soon {
        /// Not before this.
        not_before: Timestamp,
        /// Not after this: then it is better asked anew.
        not_after: Timestamp,
    },
}

/// The longest downlink where dwell time is limited (RP002-1.0.5, AS923 and AU915).
pub const DWELL_TIME: TimeDelta = TimeDelta::from_millis(400);

/// One window in which a device will listen, as the standard and the session have it.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowPlan {
    /// Which.
    pub window: Window,
    /// When the downlink starts.
    pub start: Start,
    /// Frequency.
    pub frequency: Frequency,
    /// Data rate in the downlink table.
    pub data_rate: DataRateIndex,
    /// The same as a modulation.
    pub modulation: Modulation,
    /// The largest PHYPayload at this data rate, bytes (M + MHDR + MIC). Whoever knows how much there
    /// is to say may lower it, and RXC finds a place sooner.
    pub max_phy_payload: usize,
    /// The longest that a frame may be on air there, where the region limits a downlink's dwell time.
    pub max_air: Option<TimeDelta>,
    /// The most EIRP that the region allows on this frequency.
    pub max_eirp: Dbm,
}

/// What of an uplink its windows depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UplinkOn {
    /// Its frequency.
    pub frequency: Frequency,
    /// Its channel in a fixed plan, from which RX1's follows; of no account in a dynamic one.
    pub channel: Option<u8>,
    /// Its data rate in the uplink table.
    pub data_rate: DataRateIndex,
}

impl UplinkOn {
    /// By the copy that tells where RX1 is: the best one on a channel of the device, since a mirror
    /// frame shows the same bytes on a frequency where nothing was sent. The best one at all if
    /// none is: in a dynamic plan a device may have a channel that we were not told of.
    ///
    /// `receptions` are best first; `channel_of` is the index of the device's channel with a
    /// frequency. `None` without receptions.
    pub fn heard(
        receptions: &[Reception],
        data_rate: DataRateIndex,
        channel_of: impl Fn(Frequency) -> Option<u8>,
    ) -> Option<Self> {
        let on = |copy: &Reception| (copy.frequency, channel_of(copy.frequency));
        let on_channel = receptions.iter().map(on).find(|(_, channel)| channel.is_some());
        let (frequency, channel) = on_channel.or_else(|| receptions.first().map(on))?;
        Some(UplinkOn { frequency, channel, data_rate })
    }
}

/// What MAC commands have changed for one uplink's windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Where RX1 is, when DlChannelReq has moved it.
    pub rx1_frequency: Option<Frequency>,
    /// Whether downlinks are limited to 400 ms, when TXParamSetupReq has said so.
    pub downlink_dwell_time: Option<bool>,
}

impl Told {
    /// Whether downlinks are limited; `None` where nobody can know.
    fn dwell_time(&self, tables: &RegionTables) -> Option<bool> {
        self.downlink_dwell_time.or(tables.boot_dwell().downlink)
    }
}

/// The windows after a data frame, in order of time.
///
/// A window is left out where it has no channel, no data rate or may not be used for sending.
pub fn after_uplink(
    tables: &RegionTables,
    (rx, told): (&RxParams, &Told),
    uplink: &UplinkOn,
) -> Vec<WindowPlan> {
    let delay1 = TimeDelta::from_secs(i64::from(rx.rx_delay.seconds()));
    let dwell_time = told.dwell_time(tables);
    let place1 = rx1_place(tables, (rx.rx1_dr_offset, dwell_time), uplink)
        .map(|(frequency, data_rate)| (told.rx1_frequency.unwrap_or(frequency), data_rate));
    let place2 = Some((rx.rx2_frequency, rx.rx2_data_rate));
    let delay2 = delay1 + RECEIVE_DELAY2_AFTER_RX1;
    both((tables, dwell_time), (delay1, place1), (delay2, place2))
}

/// The windows after a Join-Request, in order of time: RX1DROffset 0, RX2 as the region has it,
/// with the delays of a join (LoRaWAN 1.1 §6.2.3).
pub fn after_join_request(tables: &RegionTables, uplink: &UplinkOn) -> Vec<WindowPlan> {
    let place1 = join_rx1_place(tables, uplink);
    let boot = (tables, tables.boot_dwell().downlink);
    both(boot, (JOIN_ACCEPT_DELAY1, place1), (JOIN_ACCEPT_DELAY2, Some(tables.rx2)))
}

/// How far a copy was above what its data rate needs; 0 dB where the need is no SNR (FSK, LR-FHSS),
/// so that such copies rank by strength and never count as comfortable.
pub fn margin(reception: &Reception) -> Db {
    match reception.modulation.required_snr() {
        Some(required) => reception.snr - required,
        None => Db::from_whole(0),
    }
}

/// Frequency and downlink data rate.
type Place = (Frequency, DataRateIndex);

fn rx1_place(
    tables: &RegionTables,
    (offset, dwell_time): (u8, Option<bool>),
    uplink: &UplinkOn,
) -> Option<Place> {
    let frequency = match tables.plan {
        ChannelPlan::Dynamic { .. } => uplink.frequency,
        ChannelPlan::Fixed { .. } => tables.rx1_frequency(uplink.channel?, uplink.frequency),
    };
    Some((frequency, tables.rx1_data_rate(uplink.data_rate, offset, dwell_time)?))
}

fn join_rx1_place(tables: &RegionTables, uplink: &UplinkOn) -> Option<Place> {
    let boot = tables.boot_dwell().downlink;
    let (frequency, data_rate) = rx1_place(tables, (0, boot), uplink)?;
    Some((tables.join_rx1.unwrap_or(frequency), data_rate))
}

fn both(
    (tables, dwell_time): (&RegionTables, Option<bool>),
    (delay1, place1): (TimeDelta, Option<Place>),
    (delay2, place2): (TimeDelta, Option<Place>),
) -> Vec<WindowPlan> {
    let windows = [(Window::Rx1, delay1, place1), (Window::Rx2, delay2, place2)];
    windows
        .into_iter()
        .filter_map(|(window, delay, place)| {
            limited(tables, (window, Start::After(delay)), place?, dwell_time)
        })
        .collect()
}

/// A window at a start, a frequency and a downlink data rate; `None` where the region has no such
/// data rate or forbids sending there.
pub fn plan(
    tables: &RegionTables,
    window: Window,
    start: Start,
    place: Place,
) -> Option<WindowPlan> {
    limited(tables, (window, start), place, tables.boot_dwell().downlink)
}

fn limited(
    tables: &RegionTables,
    (window, start): (Window, Start),
    (frequency, data_rate): Place,
    dwell_time: Option<bool>,
) -> Option<WindowPlan> {
    let modulation = tables.data_rate(Direction::Down, data_rate)?;
    // While nobody knows whether downlinks are limited, what is short enough is right either way.
    let rules = PayloadRules { dwell_time: dwell_time != Some(false), ..PayloadRules::default() };
    let largest = tables.max_payload(Direction::Down, data_rate, rules)?;
    let max_eirp = tables.downlink_max_eirp(frequency)?;
    let max_phy_payload = usize::from(largest.m) + MHDR_AND_MIC;
    Some(WindowPlan {
        window,
        start,
        frequency,
        data_rate,
        modulation,
        max_phy_payload,
        max_air: (dwell_time != Some(false)).then_some(DWELL_TIME),
        max_eirp,
    })
}
