//! MAC parameters, and the account of our requests, in a record.

use lns_lorawan::region::{Cn470JoinChannel, DataRateSet};
use lns_lorawan::{ChMask, DataRateIndex, FCntUp, Frequency, RxDelay, TxPowerIndex};
use serde::{Deserialize, Serialize};

use crate::mac::ask::Ask;
use crate::mac::dev_status::DevStatus;
use crate::mac::{Kind, Ledger, MacState};
use crate::session::{
    AdrAck, Channels, DeviceChannel, MacParams, PingSlot, Place, RejoinPeriod, RxParams, Slot,
    TxParams,
};

/// What a device's MAC does.
#[derive(Serialize, Deserialize)]
pub(super) struct ParamsV2 {
    rx: RxParams,
    channels: Vec<SlotV2>,
    ch_mask: Option<ChMask>,
    data_rate: Option<DataRateIndex>,
    /// `None` where all is as at the start of a session, which is what most devices do.
    rest: Option<RestV2>,
}

/// What seldom differs from the start of a session.
#[derive(PartialEq, Serialize, Deserialize)]
struct RestV2 {
    tx_power: Option<TxPowerIndex>,
    nb_trans: Option<u8>,
    max_duty_cycle: Option<u8>,
    tx_params: Option<TxParams>,
    adr_ack: Option<AdrAck>,
    rejoin: Option<RejoinPeriod>,
    ping_slot: PingSlot,
    beacon: Option<Place>,
    joined_on: Option<Cn470JoinChannel>,
}

/// One channel index. Most channels listen where they send.
#[derive(Serialize, Deserialize)]
enum SlotV2 {
    Free,
    Unknown,
    Channel { frequency: Frequency, data_rates: DataRateSet },
    Moved { frequency: Frequency, data_rates: DataRateSet, rx1_frequency: Frequency },
}

/// What a device has told and was asked.
#[derive(Serialize, Deserialize)]
pub(super) struct MacV2 {
    adr: bool,
    dev_status: DevStatus,
    least_rx_delay: Option<RxDelay>,
    /// CIDs.
    repeated: Vec<u8>,
    ledger: Option<Box<LedgerV2>>,
}

/// Requests that are outstanding, refused or put off.
#[derive(Serialize, Deserialize)]
struct LedgerV2 {
    asked: ParamsV2,
    refused: ParamsV2,
    asks: Vec<AskV2>,
}

/// One of them, by its CID.
#[derive(Serialize, Deserialize)]
struct AskV2 {
    cid: u8,
    outstanding: bool,
    refused: bool,
    tries: u8,
    in_vain: u8,
    not_before: FCntUp,
}

impl From<&MacParams> for ParamsV2 {
    fn from(params: &MacParams) -> Self {
        let start = MacParams::at_start(params.rx, Channels::default(), None);
        let rest = RestV2::from(params);
        ParamsV2 {
            rx: params.rx,
            channels: params.channels.slots().map(|(_, slot)| slot.into()).collect(),
            ch_mask: params.ch_mask,
            data_rate: params.data_rate,
            rest: (rest != RestV2::from(&start)).then_some(rest),
        }
    }
}

impl From<&MacParams> for RestV2 {
    fn from(params: &MacParams) -> Self {
        RestV2 {
            tx_power: params.tx_power,
            nb_trans: params.nb_trans,
            max_duty_cycle: params.max_duty_cycle,
            tx_params: params.tx_params,
            adr_ack: params.adr_ack,
            rejoin: params.rejoin,
            ping_slot: params.ping_slot,
            beacon: params.beacon,
            joined_on: params.joined_on,
        }
    }
}

impl From<ParamsV2> for MacParams {
    fn from(record: ParamsV2) -> Self {
        let channels = Channels::of(record.channels.into_iter().map(Into::into));
        let start = MacParams {
            data_rate: record.data_rate,
            ..MacParams::at_start(record.rx, channels, record.ch_mask)
        };
        let Some(rest) = record.rest else { return start };
        MacParams {
            tx_power: rest.tx_power,
            nb_trans: rest.nb_trans,
            max_duty_cycle: rest.max_duty_cycle,
            tx_params: rest.tx_params,
            adr_ack: rest.adr_ack,
            rejoin: rest.rejoin,
            ping_slot: rest.ping_slot,
            beacon: rest.beacon,
            joined_on: rest.joined_on,
            ..start
        }
    }
}

impl From<Slot> for SlotV2 {
    fn from(slot: Slot) -> Self {
        match slot {
            Slot::Free => SlotV2::Free,
            Slot::Unknown => SlotV2::Unknown,
            Slot::Channel(DeviceChannel { frequency, data_rates, rx1_frequency }) => {
                if rx1_frequency == frequency {
                    SlotV2::Channel { frequency, data_rates }
                } else {
                    SlotV2::Moved { frequency, data_rates, rx1_frequency }
                }
            }
        }
    }
}

impl From<SlotV2> for Slot {
    fn from(record: SlotV2) -> Self {
        match record {
            SlotV2::Free => Slot::Free,
            SlotV2::Unknown => Slot::Unknown,
            SlotV2::Channel { frequency, data_rates } => {
                Slot::Channel(DeviceChannel::new(frequency, data_rates))
            }
            SlotV2::Moved { frequency, data_rates, rx1_frequency } => {
                Slot::Channel(DeviceChannel { frequency, data_rates, rx1_frequency })
            }
        }
    }
}

impl From<&MacState> for MacV2 {
    fn from(mac: &MacState) -> Self {
        MacV2 {
            adr: mac.adr,
            dev_status: mac.dev_status,
            least_rx_delay: mac.least_rx_delay,
            repeated: mac.repeated.iter().map(Kind::cid).collect(),
            ledger: mac.ledger.as_deref().map(|ledger| Box::new(ledger.into())),
        }
    }
}

impl From<MacV2> for MacState {
    fn from(record: MacV2) -> Self {
        MacState {
            adr: record.adr,
            dev_status: record.dev_status,
            target: None,
            least_rx_delay: record.least_rx_delay,
            repeated: record.repeated.into_iter().filter_map(kind_of).collect(),
            ledger: record.ledger.map(|ledger| Box::new((*ledger).into())),
        }
    }
}

fn kind_of(cid: u8) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.cid() == cid)
}

impl From<&Ledger> for LedgerV2 {
    fn from(ledger: &Ledger) -> Self {
        let of_interest = |kind: &Kind| *ledger.ask(*kind) != Ask::default();
        let asks = Kind::ALL.into_iter().filter(of_interest).map(|kind| {
            let Ask { outstanding, refused, tries, in_vain, not_before } = *ledger.ask(kind);
            AskV2 { cid: kind.cid(), outstanding, refused, tries, in_vain, not_before }
        });
        LedgerV2 {
            asked: (&ledger.asked).into(),
            refused: (&ledger.refused).into(),
            asks: asks.collect(),
        }
    }
}

impl From<LedgerV2> for Ledger {
    fn from(record: LedgerV2) -> Self {
        let asked = MacParams::from(record.asked);
        let mut ledger = Ledger::new(&asked);
        ledger.refused = record.refused.into();
        for ask in record.asks {
            if let Some(kind) = kind_of(ask.cid) {
                let AskV2 { outstanding, refused, tries, in_vain, not_before, .. } = ask;
                *ledger.ask_mut(kind) = Ask { outstanding, refused, tries, in_vain, not_before };
            }
        }
        ledger
    }
}
