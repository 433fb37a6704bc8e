//! The requests of ours, and sets of them.

use lns_lorawan::mac::DownlinkMacCommand;
use lns_lorawan::{MacVersion, RegionTables};

use super::{
    MacState, Moment, adr_param_setup, beacon_freq, dev_status, dl_channel, duty_cycle, link_adr,
    new_channel, ping_slot_channel, rejoin_param_setup, rx_param_setup, rx_timing_setup,
    tx_param_setup,
};
use crate::session::{MacParams, Session};

/// One of our requests, most urgent first. A frame has them in this order, and so have answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Channels in use, data rate, power, repetitions.
    LinkAdr,
    /// When RX1 opens.
    RxTimingSetup,
    /// RX1's offset, RX2's data rate and frequency.
    RxParamSetup,
    /// Dwell times and power limit.
    TxParamSetup,
    /// Channels beyond the default ones.
    NewChannel,
    /// RX1 elsewhere than the uplink.
    DlChannel,
    /// A limit on all transmissions.
    DutyCycle,
    /// When the device doubts that it is heard.
    AdrParamSetup,
    /// How often the device rejoins by itself.
    RejoinParamSetup,
    /// Where ping slots are.
    PingSlotChannel,
    /// Where beacons are.
    BeaconFreq,
    /// Battery and margin.
    DevStatus,
}

/// All that a request may depend on.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Of which device.
    pub session: &'a Session,
    /// What it should do.
    pub desired: &'a MacParams,
    /// What it has told and was asked.
    pub mac: &'a MacState,
    /// When and for whom.
    pub moment: &'a Moment<'a>,
}

impl<'a> View<'a> {
    /// What the device does.
    pub fn current(&self) -> &'a MacParams {
        &self.session.current
    }

    /// Its region.
    pub fn tables(&self) -> &'static RegionTables {
        self.moment.profile.tables_after(self.session.current.joined_on)
    }

    /// What it has refused and is not to be asked again yet.
    pub(super) fn put_off(&self, kind: Kind) -> Option<&'a MacParams> {
        let ledger = self.mac.ledger.as_deref()?;
        let ask = ledger.ask(kind);
        (ask.refused && !ask.may_ask(self.moment.f_cnt_up)).then_some(&ledger.refused)
    }
}

impl Kind {
    /// All of them, most urgent first.
    pub const ALL: [Kind; 12] = [
        Kind::LinkAdr,
        Kind::RxTimingSetup,
        Kind::RxParamSetup,
        Kind::TxParamSetup,
        Kind::NewChannel,
        Kind::DlChannel,
        Kind::DutyCycle,
        Kind::AdrParamSetup,
        Kind::RejoinParamSetup,
        Kind::PingSlotChannel,
        Kind::BeaconFreq,
        Kind::DevStatus,
    ];

    /// How many there are.
    pub(super) const COUNT: usize = Self::ALL.len();

    /// The command's CID.
    pub const fn cid(self) -> u8 {
        match self {
            Kind::LinkAdr => 0x03,
            Kind::DutyCycle => 0x04,
            Kind::RxParamSetup => 0x05,
            Kind::DevStatus => 0x06,
            Kind::NewChannel => 0x07,
            Kind::RxTimingSetup => 0x08,
            Kind::TxParamSetup => 0x09,
            Kind::DlChannel => 0x0a,
            Kind::AdrParamSetup => 0x0c,
            Kind::RejoinParamSetup => 0x0f,
            Kind::PingSlotChannel => 0x11,
            Kind::BeaconFreq => 0x13,
        }
    }

    /// The command's name, without `Req`.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::LinkAdr => "LinkADR",
            Kind::DutyCycle => "DutyCycle",
            Kind::RxParamSetup => "RXParamSetup",
            Kind::DevStatus => "DevStatus",
            Kind::NewChannel => "NewChannel",
            Kind::RxTimingSetup => "RXTimingSetup",
            Kind::TxParamSetup => "TXParamSetup",
            Kind::DlChannel => "DlChannel",
            Kind::AdrParamSetup => "ADRParamSetup",
            Kind::RejoinParamSetup => "RejoinParamSetup",
            Kind::PingSlotChannel => "PingSlotChannel",
            Kind::BeaconFreq => "BeaconFreq",
        }
    }

    /// Whether devices of this version repeat the answer in every uplink until they hear a class A
    /// downlink, so that one lost frame cannot leave the two ends with different parameters:
    /// RXParamSetupAns, RXTimingSetupAns, DlChannelAns (LoRaWAN 1.0.3 §5.4, §5.6 and §5.7; older
    /// devices do not), TXParamSetupAns and PingSlotChannelAns (TS001-1.0.4 §5.8 and §12).
    pub fn is_sticky(self, version: MacVersion) -> bool {
        match self {
            Kind::RxTimingSetup | Kind::RxParamSetup | Kind::DlChannel => {
                version >= MacVersion::V1_0_2
            }
            Kind::TxParamSetup | Kind::PingSlotChannel => version >= MacVersion::V1_0_4,
            Kind::LinkAdr
            | Kind::NewChannel
            | Kind::DutyCycle
            | Kind::AdrParamSetup
            | Kind::RejoinParamSetup
            | Kind::BeaconFreq
            | Kind::DevStatus => false,
        }
    }

    /// Whether the device does not do what it should.
    pub(super) fn needed(self, view: &View<'_>) -> bool {
        match self {
            Kind::AdrParamSetup => adr_param_setup::needed(view),
            Kind::RejoinParamSetup => rejoin_param_setup::needed(view),
            Kind::BeaconFreq => beacon_freq::needed(view),
            Kind::DevStatus => dev_status::needed(view),
            Kind::DlChannel => dl_channel::needed(view),
            Kind::NewChannel => new_channel::needed(view),
            Kind::PingSlotChannel => ping_slot_channel::needed(view),
            Kind::LinkAdr
            | Kind::RxTimingSetup
            | Kind::RxParamSetup
            | Kind::TxParamSetup
            | Kind::DutyCycle => self.differs(view.current(), view.desired),
        }
    }

    /// Whether one does not do what the other should.
    pub(super) fn differs(self, one: &MacParams, desired: &MacParams) -> bool {
        match self {
            Kind::LinkAdr => link_adr::differs(one, desired),
            Kind::RxTimingSetup => rx_timing_setup::differs(one, desired),
            Kind::RxParamSetup => rx_param_setup::differs(one, desired),
            Kind::TxParamSetup => tx_param_setup::differs(one, desired),
            Kind::NewChannel => new_channel::differs(one, desired),
            Kind::DlChannel => dl_channel::differs(one, desired),
            Kind::DutyCycle => duty_cycle::differs(one, desired),
            Kind::AdrParamSetup => adr_param_setup::differs(one, desired),
            Kind::RejoinParamSetup => rejoin_param_setup::differs(one, desired),
            Kind::PingSlotChannel => ping_slot_channel::differs(one, desired),
            Kind::BeaconFreq => beacon_freq::differs(one, desired),
            Kind::DevStatus => false,
        }
    }

    /// Sets in `asked` what is to be asked now.
    pub(super) fn aim(self, view: &View<'_>, asked: &mut MacParams) {
        match self {
            Kind::LinkAdr => link_adr::aim(view, asked),
            Kind::RxTimingSetup => rx_timing_setup::aim(view, asked),
            Kind::RxParamSetup => rx_param_setup::aim(view, asked),
            Kind::TxParamSetup => tx_param_setup::aim(view, asked),
            Kind::NewChannel => new_channel::aim(view, asked),
            Kind::DlChannel => dl_channel::aim(view, asked),
            Kind::DutyCycle => duty_cycle::aim(view, asked),
            Kind::AdrParamSetup => adr_param_setup::aim(view, asked),
            Kind::RejoinParamSetup => rejoin_param_setup::aim(view, asked),
            Kind::PingSlotChannel => ping_slot_channel::aim(view, asked),
            Kind::BeaconFreq => beacon_freq::aim(view, asked),
            Kind::DevStatus => {}
        }
    }

    /// The request for what `asked` has: one command, or a block that belongs together. None where
    /// there is nothing to ask.
    pub(super) fn request(self, asked: &MacParams, view: &View<'_>) -> Vec<DownlinkMacCommand> {
        match self {
            Kind::LinkAdr => link_adr::request(asked, view),
            Kind::RxTimingSetup => vec![rx_timing_setup::request(asked)],
            Kind::RxParamSetup => vec![rx_param_setup::request(asked)],
            Kind::TxParamSetup => tx_param_setup::request(asked).into_iter().collect(),
            Kind::NewChannel => new_channel::request(asked, view),
            Kind::DlChannel => dl_channel::request(asked, view),
            Kind::DutyCycle => vec![duty_cycle::request(asked)],
            Kind::AdrParamSetup => vec![adr_param_setup::request(asked)],
            Kind::RejoinParamSetup => rejoin_param_setup::request(asked).into_iter().collect(),
            Kind::PingSlotChannel => ping_slot_channel::request(asked, view).into_iter().collect(),
            Kind::BeaconFreq => beacon_freq::request(asked).into_iter().collect(),
            Kind::DevStatus => vec![DownlinkMacCommand::DevStatusReq],
        }
    }

    /// The parameters that this request sets, from one to the other.
    pub(super) fn copy(self, from: &MacParams, to: &mut MacParams) {
        match self {
            Kind::LinkAdr => link_adr::copy(from, to),
            Kind::RxTimingSetup => rx_timing_setup::copy(from, to),
            Kind::RxParamSetup => rx_param_setup::copy(from, to),
            Kind::TxParamSetup => tx_param_setup::copy(from, to),
            Kind::NewChannel | Kind::DlChannel => to.channels = from.channels.clone(),
            Kind::DutyCycle => duty_cycle::copy(from, to),
            Kind::AdrParamSetup => adr_param_setup::copy(from, to),
            Kind::RejoinParamSetup => rejoin_param_setup::copy(from, to),
            Kind::PingSlotChannel => ping_slot_channel::copy(from, to),
            Kind::BeaconFreq => beacon_freq::copy(from, to),
            Kind::DevStatus => {}
        }
    }

    /// The device does what it was asked.
    pub(super) fn grant(self, asked: &MacParams, current: &mut MacParams) {
        match self {
            Kind::LinkAdr => link_adr::grant(asked, current),
            Kind::NewChannel | Kind::DlChannel => {
                let indices = self.indices(asked, current);
                indices.into_iter().for_each(|index| self.grant_one(index, asked, current));
            }
            Kind::RxTimingSetup
            | Kind::RxParamSetup
            | Kind::TxParamSetup
            | Kind::DutyCycle
            | Kind::AdrParamSetup
            | Kind::RejoinParamSetup
            | Kind::PingSlotChannel
            | Kind::BeaconFreq
            | Kind::DevStatus => self.copy(asked, current),
        }
    }

    /// Whether it is a number of requests, each about one channel and answered by itself.
    pub(super) fn is_about_channels(self) -> bool {
        matches!(self, Kind::NewChannel | Kind::DlChannel)
    }

    /// The channels that it is about.
    pub(super) fn indices(self, asked: &MacParams, current: &MacParams) -> Vec<u8> {
        if self == Kind::NewChannel {
            new_channel::indices(asked, current)
        } else {
            dl_channel::indices(asked, current)
        }
    }

    /// The device does what it was asked about one channel.
    pub(super) fn grant_one(self, index: u8, asked: &MacParams, current: &mut MacParams) {
        if self == Kind::NewChannel {
            new_channel::grant(index, asked, current);
        } else {
            dl_channel::grant(index, asked, current);
        }
    }

    /// The device may or may not have done what it was asked about one channel. DlChannelAns is
    /// repeated until the device has heard us: what it has not answered, it has not done.
    pub(super) fn forget_one(self, index: u8, current: &mut MacParams) {
        if self == Kind::NewChannel {
            new_channel::forget(index, current);
        }
    }

    /// An answer that was due did not come: the device may or may not have done what it was asked.
    ///
    /// Receive windows cannot be unknown, or nothing could be sent any more. They stay as they were:
    /// a device whose answer is not sticky has more likely missed the request than lost its answer.
    pub(super) fn forget(self, asked: &MacParams, current: &mut MacParams) {
        match self {
            Kind::LinkAdr => link_adr::forget(asked, current),
            Kind::TxParamSetup => current.tx_params = None,
            Kind::NewChannel => {
                let indices = new_channel::indices(asked, current);
                indices.into_iter().for_each(|index| new_channel::forget(index, current));
            }
            Kind::DutyCycle => current.max_duty_cycle = None,
            Kind::AdrParamSetup => current.adr_ack = None,
            Kind::RejoinParamSetup => current.rejoin = None,
            Kind::PingSlotChannel => current.ping_slot.channel = None,
            Kind::BeaconFreq => current.beacon = None,
            Kind::RxTimingSetup | Kind::RxParamSetup | Kind::DlChannel | Kind::DevStatus => {}
        }
    }
}

/// A set of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests(u16);

impl Requests {
    /// Just this one.
    pub const fn only(kind: Kind) -> Self {
        Requests(1 << kind as u16)
    }

    /// Whether it is one of them.
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & Self::only(kind).0 != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both sets.
    #[must_use]
    pub const fn and(self, other: Requests) -> Requests {
        Requests(self.0 | other.0)
    }

    /// Most urgent first.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<Kind> for Requests {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Requests::default(), |all, kind| all.and(Requests::only(kind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_place_of_its_own() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place, "{kind:?}");
        }
        let all: Requests = Kind::ALL.into_iter().collect();
        assert_eq!(all.iter().count(), Kind::COUNT);
    }
}
