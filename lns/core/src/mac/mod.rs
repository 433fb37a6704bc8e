//! MAC commands: what a device is asked, and what it is answered.
//!
//! One command pair a file. A request of ours has `needed` (is it time?), `request` (its bytes) and
//! `on_answer`; a request of the device's has `answer`. TS001-1.0.4 §5.

pub mod ask;
pub mod channel_plan;
pub mod dev_status;
pub mod device_time;
pub mod link_adr;
pub mod link_check;

use lns_lorawan::mac::{DownlinkMacCommand, MacStop, UplinkMacCommand, UplinkMacCommands};
use lns_lorawan::{DataRateIndex, FCntUp, GpsTime, Timestamp};
use serde::{Deserialize, Serialize};

use crate::env::Network;
use crate::event::{Freshness, Reception, UplinkHeard};
use crate::note::Note;
use crate::profile::Profile;
use crate::session::Session;

use ask::Ask;
use dev_status::DevStatus;
use link_check::LinkCheck;

/// What a device has told and was asked in MAC commands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MacState {
    /// Data rate of its last uplink.
    pub data_rate: Option<DataRateIndex>,
    /// ADR bit of its last uplink.
    pub adr: bool,
    /// Its battery and margin.
    pub dev_status: DevStatus,
    /// The LinkADRReq block that selects its channels.
    pub link_adr: Ask,
}

/// Answers to the commands of one uplink; each is given once, however often it was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Answers {
    /// LinkCheckAns.
    pub link_check: Option<LinkCheck>,
    /// DeviceTimeAns: when the uplink ended.
    pub device_time: Option<GpsTime>,
}

/// A set of requests of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// DevStatusReq.
    pub dev_status: bool,
    /// The LinkADRReq block that selects the channels.
    pub link_adr: bool,
}

/// What an uplink's commands have come to.
#[derive(Debug, Default)]
pub struct Received {
    /// To be answered.
    pub answers: Answers,
    /// The device repeats an answer until it hears any downlink.
    pub repeats_until_heard: bool,
    /// What was seen.
    pub notes: Vec<Note>,
}

/// When and for whom it is decided what to ask.
pub struct Moment<'a> {
    /// Now.
    pub now: Timestamp,
    /// Whether the uplink is new.
    pub freshness: Freshness,
    /// The counter of the uplink that opens the windows.
    pub f_cnt_up: FCntUp,
    /// The device's make.
    pub profile: &'a Profile,
    /// The network's settings.
    pub network: &'a Network,
}

impl MacState {
    /// An uplink's data rate and ADR bit.
    pub fn hear_parameters(&mut self, data_rate: DataRateIndex, adr: bool) {
        self.data_rate = Some(data_rate);
        self.adr = adr;
    }

    /// Reads the commands of an uplink. In a repeat only the device's questions count: its answers
    /// have been taken.
    pub fn hear(
        &mut self,
        session: &mut Session,
        heard: &UplinkHeard,
        moment: &Moment<'_>,
    ) -> Received {
        let mut received = Received::default();
        let mut link_adr = link_adr::Answered::default();
        for command in UplinkMacCommands::new(heard.opened.mac_commands()) {
            match command {
                Ok(command) if is_question(&command) => {
                    received.answer(&command, &heard.receptions)
                }
                Ok(_) if moment.freshness == Freshness::Repeat => {}
                Ok(UplinkMacCommand::LinkAdrAns(answer)) => link_adr.add(answer),
                Ok(UplinkMacCommand::DevStatusAns(answer)) => {
                    received.notes.push(self.dev_status.on_answer(answer, moment.now));
                }
                Ok(other) => {
                    received.repeats_until_heard |= is_sticky(&other);
                    received.notes.push(Note::UnexpectedMacAnswer { cid: other.cid() });
                }
                Err(MacStop::UnknownCid { cid, .. } | MacStop::Truncated { cid, .. }) => {
                    received.notes.push(Note::UnknownMacCommand { cid });
                }
            }
        }
        if link_adr.is_some() {
            let note = link_adr::on_answer(&mut self.link_adr, session, (link_adr, moment));
            received.notes.extend(note);
        }
        received
    }
}

/// A question that we answer.
fn is_question(command: &UplinkMacCommand) -> bool {
    matches!(command, UplinkMacCommand::LinkCheckReq | UplinkMacCommand::DeviceTimeReq)
}

/// An answer that a device repeats in every uplink until it hears any downlink, so that a lost frame
/// cannot leave the two ends with different parameters: RXParamSetupAns (LoRaWAN 1.0.3 §5.4),
/// RXTimingSetupAns (TS001-1.0.4 §5.7), TXParamSetupAns (§5.8), DlChannelAns (LoRaWAN 1.0.3 §5.6),
/// PingSlotChannelAns (TS001-1.0.4 §12).
fn is_sticky(command: &UplinkMacCommand) -> bool {
    matches!(
        command,
        UplinkMacCommand::RxParamSetupAns(_)
            | UplinkMacCommand::RxTimingSetupAns
            | UplinkMacCommand::TxParamSetupAns
            | UplinkMacCommand::DlChannelAns(_)
            | UplinkMacCommand::PingSlotChannelAns(_)
    )
}

/// Appends a command of ours.
fn write(command: DownlinkMacCommand, commands: &mut Vec<u8>) {
    let written = command.encode(commands);
    written.expect("only a frequency can be impossible to write, and no command here has one");
}

impl Received {
    fn answer(&mut self, question: &UplinkMacCommand, receptions: &[Reception]) {
        if *question == UplinkMacCommand::LinkCheckReq {
            self.answers.link_check = Some(link_check::answer(receptions));
        } else {
            self.answers.device_time = device_time::answer(receptions);
        }
    }
}

impl Answers {
    /// Whether nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.link_check.is_none() && self.device_time.is_none()
    }

    /// The answers as they are sent: at most nine bytes, which FOpts have room for.
    pub fn write(&self, commands: &mut Vec<u8>) {
        if let Some(link_check) = self.link_check {
            link_check.write(commands);
        }
        if let Some(time) = self.device_time {
            device_time::write(time, commands);
        }
    }
}

impl Requests {
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self == Requests::default()
    }

    /// Both sets.
    pub fn and(self, other: Requests) -> Requests {
        Requests {
            dev_status: self.dev_status || other.dev_status,
            link_adr: self.link_adr || other.link_adr,
        }
    }
}

/// Our requests and where each of them stands.
impl MacState {
    /// What is to be asked in answer to an uplink.
    pub fn due(&self, session: &Session, moment: &Moment<'_>) -> Requests {
        Requests {
            dev_status: self.dev_status.needed(moment),
            link_adr: link_adr::needed(&self.link_adr, session, moment),
        }
    }

    /// These requests as bytes, most urgent first.
    pub fn requests(
        &self,
        wanted: Requests,
        profile: &Profile,
        network: &Network,
    ) -> Vec<(Requests, Vec<u8>)> {
        let mut requests = Vec::new();
        if wanted.link_adr {
            let set = Requests { link_adr: true, ..Requests::default() };
            requests.push((set, link_adr::request(self, profile, network)));
        }
        if wanted.dev_status {
            let set = Requests { dev_status: true, ..Requests::default() };
            requests.push((set, dev_status::request()));
        }
        requests.retain(|(_, bytes)| !bytes.is_empty());
        requests
    }

    /// A frame with these requests was filled.
    pub fn asked(&mut self, requests: Requests) {
        self.each(requests, Ask::asked);
    }

    /// The frame with these requests was not sent.
    pub fn not_sent(&mut self, requests: Requests) {
        self.each(requests, Ask::not_sent);
    }

    /// A new uplink has been read: what it has not answered has no answer.
    pub fn unanswered(&mut self, f_cnt_up: FCntUp) {
        let all = Requests { dev_status: true, link_adr: true };
        self.each(all, |ask| ask.unanswered(f_cnt_up));
    }

    fn each(&mut self, requests: Requests, mut change: impl FnMut(&mut Ask)) {
        if requests.dev_status {
            change(&mut self.dev_status.ask);
        }
        if requests.link_adr {
            change(&mut self.link_adr);
        }
    }
}
