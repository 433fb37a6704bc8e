//! What the network has set in a device, and how the device answers MAC commands. TS001-1.0.4
//! §5.

use lns_lorawan::mac::{
    Battery, DevStatusAns, DlChannelAns, DlChannelReq, LinkAdrAns, LinkAdrReq, NewChannelAns,
    NewChannelReq, RxParamSetupAns, RxParamSetupReq,
};
use lns_lorawan::{DownlinkMacCommand, DownlinkMacCommands, Frequency, Region, UplinkMacCommand};

use super::channels::{Channel, Channels};
use super::{DeviceSpec, plan};

/// Bytes of FOpts.
const F_OPTS: usize = 15;

/// What the network may change: the truth that a server's ledger has to agree with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacState {
    /// Channels, and which are on.
    pub channels: Channels,
    /// Index of the uplink data rate.
    pub data_rate: u8,
    /// Index of the power.
    pub tx_power: u8,
    /// How often an unconfirmed uplink is sent.
    pub nb_trans: u8,
    /// RX1DROffset.
    pub rx1_dr_offset: u8,
    /// RX2: frequency and data-rate index.
    pub rx2: (Frequency, u8),
    /// Seconds from the end of an uplink to RX1.
    pub rx_delay: u8,
    /// n of a duty cycle of 1/2ⁿ.
    pub max_duty_cycle: u8,
    /// Uplinks since the last downlink.
    pub adr_ack_cnt: u32,
    /// To be sent once.
    answers: Vec<UplinkMacCommand>,
    /// To be sent with every uplink until a downlink shows that the network has heard them.
    sticky: Vec<UplinkMacCommand>,
}

impl MacState {
    /// As after a reset.
    pub(super) fn new(spec: &DeviceSpec) -> Self {
        Self {
            channels: Channels::new(spec.region, spec.sub_band),
            data_rate: spec.data_rate.value(),
            tx_power: 0,
            nb_trans: 1,
            rx1_dr_offset: 0,
            rx2: plan::rx2(spec.region),
            rx_delay: 1,
            max_duty_cycle: 0,
            adr_ack_cnt: 0,
            answers: Vec::new(),
            sticky: Vec::new(),
        }
    }

    /// FOpts of the next uplink: as many whole commands as fit. What was to be sent once is gone
    /// then, so that a forgotten answer makes the network ask again.
    pub(super) fn f_opts(&mut self, requests: &[UplinkMacCommand], room: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let answers = core::mem::take(&mut self.answers);
        for command in self.sticky.iter().chain(&answers).chain(requests) {
            let mut one = Vec::new();
            let fits =
                command.encode(&mut one).is_ok() && bytes.len() + one.len() <= F_OPTS.min(room);
            if fits {
                bytes.append(&mut one);
            }
        }
        bytes
    }

    /// A downlink has shown that the network hears.
    pub(super) fn unstick(&mut self) {
        self.sticky.clear();
    }

    /// The latest answer replaces the one before.
    fn stick(&mut self, answer: UplinkMacCommand) {
        self.sticky.retain(|before| before.cid() != answer.cid());
        self.sticky.push(answer);
    }

    /// Is anything waiting to be answered?
    pub fn has_answers(&self) -> bool {
        !self.answers.is_empty() || !self.sticky.is_empty()
    }

    /// Obeys what can be obeyed and keeps the answers. Returns all that could be read.
    pub(super) fn obey(&mut self, commands: &[u8], spec: &DeviceSpec) -> Vec<DownlinkMacCommand> {
        let read: Vec<_> = DownlinkMacCommands::new(commands).map_while(Result::ok).collect();
        let mut rest = read.as_slice();
        while let [first, after @ ..] = rest {
            let DownlinkMacCommand::LinkAdrReq(request) = first else {
                self.obey_one(first, spec);
                rest = after;
                continue;
            };
            let mut block = vec![*request];
            rest = after;
            while let [DownlinkMacCommand::LinkAdrReq(next), after @ ..] = rest {
                block.push(*next);
                rest = after;
            }
            self.link_adr(&block, spec);
        }
        read
    }

    fn obey_one(&mut self, command: &DownlinkMacCommand, spec: &DeviceSpec) {
        use DownlinkMacCommand as Down;
        use UplinkMacCommand as Up;
        match command {
            Down::DutyCycleReq(request) => {
                self.max_duty_cycle = request.max_duty_cycle;
                self.answers.push(Up::DutyCycleAns);
            }
            Down::RxParamSetupReq(request) => {
                let answer = self.rx_param_setup(request, spec.region);
                self.stick(Up::RxParamSetupAns(answer));
            }
            Down::DevStatusReq => {
                let (battery, margin) = spec.status;
                let battery = Battery::from_byte(battery);
                self.answers.push(Up::DevStatusAns(DevStatusAns { battery, margin }));
            }
            Down::NewChannelReq(request) => match spec.region {
                Region::Eu868 | not_simulated!() => {
                    let answer = self.new_channel(request);
                    self.answers.push(Up::NewChannelAns(answer));
                }
                // Devices of fixed plans do not know it (TS001-1.0.4 §5.6).
                Region::Us915 => {}
            },
            Down::RxTimingSetupReq(request) => {
                self.rx_delay = request.rx_delay.seconds();
                self.stick(Up::RxTimingSetupAns);
            }
            Down::DlChannelReq(request) => match spec.region {
                Region::Eu868 | not_simulated!() => {
                    let answer = self.dl_channel(request);
                    self.sticky.push(Up::DlChannelAns(answer));
                }
                Region::Us915 => {}
            },
            // Answers to what we asked; and what a device of this class, version and region does
            // not know or does not answer.
            Down::LinkAdrReq(_)
            | Down::ResetConf(_)
            | Down::LinkCheckAns(_)
            | Down::TxParamSetupReq(_)
            | Down::RekeyConf(_)
            | Down::AdrParamSetupReq(_)
            | Down::DeviceTimeAns(_)
            | Down::ForceRejoinReq(_)
            | Down::RejoinParamSetupReq(_)
            | Down::PingSlotInfoAns
            | Down::PingSlotChannelReq(_)
            | Down::BeaconTimingAns(_)
            | Down::BeaconFreqReq(_)
            | Down::DeviceModeConf(_)
            | Down::RelayConfReq(_)
            | Down::EndDeviceConfReq(_)
            | Down::FilterListReq(_)
            | Down::UpdateUplinkListReq(_)
            | Down::CtrlUplinkListReq(_)
            | Down::ConfigureFwdLimitReq(_) => {}
        }
    }

    /// A block is one request: all of it or nothing, and one answer for each part, all the same
    /// (TS001-1.0.4 §5.2).
    /// With ADR off the reference device judges each part alone and takes only its mask.
    fn link_adr(&mut self, block: &[LinkAdrReq], spec: &DeviceSpec) {
        let parts: Vec<&[LinkAdrReq]> =
            if spec.adr { vec![block] } else { block.chunks(1).collect() };
        for part in parts {
            let answer = self.link_adr_part(part, spec);
            let answers = core::iter::repeat_n(UplinkMacCommand::LinkAdrAns(answer), part.len());
            self.answers.extend(answers);
        }
    }

    /// Data rate, power and repetitions are the last request's.
    fn link_adr_part(&mut self, part: &[LinkAdrReq], spec: &DeviceSpec) -> LinkAdrAns {
        let mask = self.channels.masked(part);
        let last = part.last().filter(|_| spec.adr);
        let wanted = |value: u8, current: u8| match value {
            15 if spec.mac_version.link_adr_can_keep() => current,
            value => value,
        };
        let data_rate =
            last.map_or(self.data_rate, |it| wanted(it.data_rate.value(), self.data_rate));
        let tx_power = last.map_or(self.tx_power, |it| wanted(it.tx_power.value(), self.tx_power));
        let judged = mask.unwrap_or(*self.channels.enabled());
        let carried = self.channels.carries(&judged, data_rate);
        let answer = LinkAdrAns {
            channel_mask_ack: mask.is_some() && (spec.adr || carried),
            data_rate_ack: carried || !spec.adr,
            power_ack: tx_power <= plan::max_tx_power(spec.region),
        };
        if answer.accepted() {
            self.channels.enable(judged);
            self.data_rate = data_rate;
            self.tx_power = tx_power;
            // NbTrans 0 means 1 (TS001-1.0.4 §5.2).
            self.nb_trans = last.map_or(self.nb_trans, |it| it.nb_trans.max(1));
        }
        answer
    }

    /// All three or nothing (TS001-1.0.4 §5.4).
    fn rx_param_setup(&mut self, request: &RxParamSetupReq, region: Region) -> RxParamSetupAns {
        let data_rate = request.rx2_data_rate.value();
        let answer = RxParamSetupAns {
            channel_ack: plan::is_downlink_frequency(region, request.frequency),
            rx2_data_rate_ack: plan::down(region, data_rate).is_some(),
            rx1_dr_offset_ack: request.rx1_dr_offset <= plan::max_rx1_dr_offset(region),
        };
        if answer.accepted() {
            self.rx1_dr_offset = request.rx1_dr_offset;
            self.rx2 = (request.frequency, data_rate);
        }
        answer
    }

    fn new_channel(&mut self, request: &NewChannelReq) -> NewChannelAns {
        let (min_dr, max_dr) = (request.min_data_rate.value(), request.max_data_rate.value());
        let free = self.channels.is_free(request.ch_index);
        let frequency = request.frequency;
        let removed = frequency.hz() == 0;
        let usable = removed || plan::is_downlink_frequency(Region::Eu868, frequency);
        let answer = NewChannelAns {
            channel_frequency_ack: free && usable,
            data_rate_range_ack: free && min_dr <= max_dr && max_dr <= 7,
        };
        if answer.accepted() {
            let channel = Channel { frequency, min_dr, max_dr, rx1: None };
            self.channels.put(request.ch_index, (!removed).then_some(channel));
        }
        answer
    }

    fn dl_channel(&mut self, request: &DlChannelReq) -> DlChannelAns {
        let channel = self.channels.channel(request.ch_index);
        let answer = DlChannelAns {
            channel_frequency_ack: plan::is_downlink_frequency(Region::Eu868, request.frequency),
            uplink_frequency_exists: channel.is_some(),
        };
        if let Some(channel) = channel.filter(|_| answer.accepted()) {
            self.channels.move_rx1(request.ch_index, channel, request.frequency);
        }
        answer
    }

    /// Another uplink without an answer; whether it must ask for one (ADRACKReq).
    ///
    /// After 64 a device asks; after 96 it takes full power, and every 32 more a slower data rate,
    /// until it is at the slowest and takes its default channels again. TS001-1.0.4 §4.3.1.1.
    pub(super) fn count_uplink(&mut self, spec: &DeviceSpec) -> bool {
        const LIMIT: u32 = 64;
        const DELAY: u32 = 32;
        if !spec.adr {
            return false;
        }
        let count = self.adr_ack_cnt;
        self.adr_ack_cnt = count.saturating_add(1);
        if count >= LIMIT + DELAY && (count - LIMIT).is_multiple_of(DELAY) {
            match (self.tx_power, self.data_rate) {
                (1.., _) => self.tx_power = 0,
                (0, 1..) => self.data_rate -= 1,
                (0, 0) => {
                    let defaults = Channels::new(spec.region, spec.sub_band);
                    let enabled = self.channels.enabled();
                    let both = enabled.or(defaults.enabled());
                    self.channels.enable(both);
                    self.nb_trans = 1;
                }
            }
        }
        count >= LIMIT
    }
}
