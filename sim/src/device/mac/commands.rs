//! Each command of the network, obeyed and answered.

use lns_lorawan::mac::{
    Battery, BeaconFreqAns, BeaconFreqReq, DevStatusAns, DlChannelAns, DlChannelReq, NewChannelAns,
    NewChannelReq, PingSlotChannelAns, PingSlotChannelReq, RejoinParamSetupAns, RxParamSetupAns,
    RxParamSetupReq, TxParamSetupReq,
};
use lns_lorawan::{
    DownlinkMacCommand, DownlinkMacCommands, Frequency, MacVersion, RegParamsRevision,
    UplinkMacCommand,
};

use super::{Dwell, MacState, PingSlot};
use crate::device::channels::Channel;
use crate::device::plan::{Grid, Rates};
use crate::device::{Class, DeviceSpec};

use DownlinkMacCommand as Down;
use UplinkMacCommand as Up;

impl MacState {
    /// Obeys what can be obeyed and keeps the answers. Returns all that the device understands: the
    /// first command that it does not know ends the reading, since it cannot tell its length.
    pub(in crate::device) fn obey(
        &mut self,
        commands: &[u8],
        spec: &DeviceSpec,
    ) -> Vec<DownlinkMacCommand> {
        let read: Vec<_> = DownlinkMacCommands::new(commands)
            .map_while(Result::ok)
            .take_while(|command| self.knows(command, spec))
            .collect();
        let mut rest = read.as_slice();
        while let [first, after @ ..] = rest {
            let Down::LinkAdrReq(request) = first else {
                self.obey_one(first, spec);
                rest = after;
                continue;
            };
            let mut block = vec![*request];
            rest = after;
            while let [Down::LinkAdrReq(next), after @ ..] = rest {
                block.push(*next);
                rest = after;
            }
            self.link_adr(&block, spec);
        }
        read
    }

    /// Does a device of this version, class and region know it?
    fn knows(&self, command: &DownlinkMacCommand, spec: &DeviceSpec) -> bool {
        match command {
            Down::LinkCheckAns(_)
            | Down::LinkAdrReq(_)
            | Down::DutyCycleReq(_)
            | Down::RxParamSetupReq(_)
            | Down::DevStatusReq
            | Down::NewChannelReq(_)
            | Down::RxTimingSetupReq(_) => true,
            Down::TxParamSetupReq(_) | Down::DlChannelReq(_) => self.version >= MacVersion::V1_0_2,
            Down::DeviceTimeAns(_) => self.version >= MacVersion::V1_0_3,
            Down::ResetConf(_)
            | Down::RekeyConf(_)
            | Down::AdrParamSetupReq(_)
            | Down::ForceRejoinReq(_)
            | Down::RejoinParamSetupReq(_)
            | Down::DeviceModeConf(_) => self.version.is_1_1(),
            Down::PingSlotInfoAns
            | Down::PingSlotChannelReq(_)
            | Down::BeaconTimingAns(_)
            | Down::BeaconFreqReq(_) => matches!(spec.class, Class::B { .. }),
            Down::RelayConfReq(_)
            | Down::EndDeviceConfReq(_)
            | Down::FilterListReq(_)
            | Down::UpdateUplinkListReq(_)
            | Down::CtrlUplinkListReq(_)
            | Down::ConfigureFwdLimitReq(_) => false,
        }
    }

    fn obey_one(&mut self, command: &DownlinkMacCommand, spec: &DeviceSpec) {
        match command {
            Down::DutyCycleReq(request) => {
                self.max_duty_cycle = request.max_duty_cycle;
                self.answers.push(Up::DutyCycleAns);
            }
            Down::RxParamSetupReq(request) => {
                let answer = self.rx_param_setup(request, spec);
                self.answers.stick(Up::RxParamSetupAns(answer));
            }
            Down::DevStatusReq => {
                let (battery, margin) = spec.status;
                let battery = Battery::from_byte(battery);
                self.answers.push(Up::DevStatusAns(DevStatusAns { battery, margin }));
            }
            Down::NewChannelReq(request) if self.plan.is_dynamic() => {
                let answer = self.new_channel(request, spec);
                self.answers.push(Up::NewChannelAns(answer));
            }
            Down::RxTimingSetupReq(request) => {
                self.rx_delay = request.rx_delay.seconds();
                self.answers.stick(Up::RxTimingSetupAns);
            }
            Down::TxParamSetupReq(request) if self.plan.dwell.can_be_set() => {
                self.tx_param_setup(*request);
                self.stick_from_1_0_4(Up::TxParamSetupAns);
            }
            Down::DlChannelReq(request) if self.plan.is_dynamic() => {
                let answer = self.dl_channel(request, spec);
                self.answers.stick_beside(Up::DlChannelAns(answer));
            }
            Down::AdrParamSetupReq(request) => {
                self.adr_ack = *request;
                self.answers.push(Up::AdrParamSetupAns);
            }
            Down::RejoinParamSetupReq(request) => {
                self.rejoin = Some(*request);
                let time_ok = spec.keeps_rejoin_time;
                self.answers.push(Up::RejoinParamSetupAns(RejoinParamSetupAns { time_ok }));
            }
            Down::PingSlotChannelReq(request) => {
                let answer = self.ping_slot_channel(request, spec);
                self.stick_from_1_0_4(Up::PingSlotChannelAns(answer));
            }
            Down::BeaconFreqReq(request) => {
                let answer = self.beacon_freq(request, spec);
                self.answers.push(Up::BeaconFreqAns(answer));
            }
            // Devices of fixed plans do not answer these (TS001-1.0.4 §5.6), nor those of regions
            // without dwell times TXParamSetupReq (§5.8).
            Down::NewChannelReq(_) | Down::TxParamSetupReq(_) | Down::DlChannelReq(_) => {}
            // Blocks are taken as a whole; the others answer what the device has asked or concern
            // more than the MAC's state.
            Down::LinkAdrReq(_)
            | Down::ResetConf(_)
            | Down::LinkCheckAns(_)
            | Down::RekeyConf(_)
            | Down::DeviceTimeAns(_)
            | Down::ForceRejoinReq(_)
            | Down::PingSlotInfoAns
            | Down::BeaconTimingAns(_)
            | Down::DeviceModeConf(_) => {}
            Down::RelayConfReq(_)
            | Down::EndDeviceConfReq(_)
            | Down::FilterListReq(_)
            | Down::UpdateUplinkListReq(_)
            | Down::CtrlUplinkListReq(_)
            | Down::ConfigureFwdLimitReq(_) => {}
        }
    }

    /// TXParamSetupAns and PingSlotChannelAns stick from 1.0.4 on (TS001-1.0.4 §5.8 and §12).
    fn stick_from_1_0_4(&mut self, answer: UplinkMacCommand) {
        if self.version >= MacVersion::V1_0_4 {
            self.answers.stick(answer);
        } else {
            self.answers.push(answer);
        }
    }

    /// All three or nothing (TS001-1.0.4 §5.4).
    fn rx_param_setup(&mut self, request: &RxParamSetupReq, spec: &DeviceSpec) -> RxParamSetupAns {
        let data_rate = request.rx2_data_rate.value();
        let frequency = self.plan.from_frame(request.frequency);
        let willing = !spec.mischief.refuse.rx_params;
        let answer = RxParamSetupAns {
            channel_ack: self.plan.is_downlink_frequency(frequency) && willing,
            rx2_data_rate_ack: self.plan.down(data_rate, self.revision).is_some(),
            rx1_dr_offset_ack: request.rx1_dr_offset <= self.plan.max_rx1_dr_offset,
        };
        if answer.accepted() {
            self.rx1_dr_offset = request.rx1_dr_offset;
            self.rx2 = (frequency, data_rate);
        }
        answer
    }

    /// TS001-1.0.4 §5.6. Default channels cannot be touched.
    fn new_channel(&mut self, request: &NewChannelReq, spec: &DeviceSpec) -> NewChannelAns {
        let frequency = self.plan.from_frame(request.frequency);
        let free = self.channels.is_free(request.ch_index) && !spec.mischief.refuse.new_channel;
        let removed = frequency.hz() == 0;
        let rates = self.rates(request);
        let answer = NewChannelAns {
            channel_frequency_ack: free && (removed || self.is_uplink_frequency(frequency)),
            data_rate_range_ack: free && rates.is_some(),
        };
        if let Some(rates) = rates.filter(|_| answer.accepted()) {
            let channel = Channel::new(frequency, rates);
            self.channels.put(request.ch_index, (!removed).then_some(channel));
        }
        answer
    }

    fn is_uplink_frequency(&self, frequency: Frequency) -> bool {
        match self.plan.grid {
            Grid::Dynamic { range: (low, high), .. } => (low..=high).contains(&frequency.hz()),
            Grid::Fixed { .. } => false,
        }
    }

    /// From RP002-1.0.5 on, a range the wrong way round stands for a set: (min, max) of (1, 0) for
    /// DR0 to DR5, DR12 and DR13, (2, 0) for the same from DR1 on, and so on to (6, 0).
    fn rates(&self, request: &NewChannelReq) -> Option<Rates> {
        let known = |rate: u8| self.plan.up(rate, self.revision).is_some();
        match (request.min_data_rate.value(), request.max_data_rate.value()) {
            (min, max) if min <= max => (known(min) && known(max)).then_some(Rates::span(min, max)),
            (min @ 1..=6, 0) if self.revision >= RegParamsRevision::Rp002_1_0_5 && known(12) => {
                Some(Rates::span(min - 1, 5).and_also(Rates::span(12, 13)))
            }
            _ => None,
        }
    }

    /// TS001-1.0.4 §5.7.
    fn dl_channel(&mut self, request: &DlChannelReq, spec: &DeviceSpec) -> DlChannelAns {
        let channel = self.channels.channel(request.ch_index);
        let frequency = self.plan.from_frame(request.frequency);
        let willing = !spec.mischief.refuse.dl_channel;
        let answer = DlChannelAns {
            channel_frequency_ack: self.plan.is_downlink_frequency(frequency) && willing,
            uplink_frequency_exists: channel.is_some(),
        };
        if let Some(channel) = channel.filter(|_| answer.accepted()) {
            self.channels.move_rx1(request.ch_index, channel, frequency);
        }
        answer
    }

    /// TS001-1.0.4 §5.8.
    fn tx_param_setup(&mut self, request: TxParamSetupReq) {
        self.dwell = Dwell { up: request.uplink_dwell_time, down: request.downlink_dwell_time };
        self.max_eirp = Some(request.max_eirp_dbm());
        self.keep_dwell_time();
    }

    /// TS001-1.0.4 §12. Frequency 0 is the region's default.
    fn ping_slot_channel(
        &mut self,
        request: &PingSlotChannelReq,
        spec: &DeviceSpec,
    ) -> PingSlotChannelAns {
        let data_rate = request.data_rate.value();
        let frequency = self.chosen(request.frequency);
        let answer = PingSlotChannelAns {
            channel_frequency_ack: frequency.is_ok() && !spec.mischief.refuse.ping_slot_channel,
            data_rate_ack: self.plan.down(data_rate, self.revision).is_some(),
        };
        if let Ok(frequency) = frequency
            && answer.accepted()
        {
            self.ping_slot = PingSlot { frequency, data_rate, ..self.ping_slot };
        }
        answer
    }

    /// TS001-1.0.4 §12.2. Frequency 0 is the region's default.
    fn beacon_freq(&mut self, request: &BeaconFreqReq, spec: &DeviceSpec) -> BeaconFreqAns {
        let frequency = self.chosen(request.frequency);
        let beacon_frequency_ack = frequency.is_ok() && !spec.mischief.refuse.beacon_freq;
        if let Ok(frequency) = frequency
            && beacon_frequency_ack
        {
            self.beacon_frequency = frequency;
        }
        BeaconFreqAns { beacon_frequency_ack }
    }

    /// `None` for the default; an error if the radio cannot be tuned to it.
    fn chosen(&self, frequency: Frequency) -> Result<Option<Frequency>, ()> {
        let frequency = self.plan.from_frame(frequency);
        match frequency.hz() {
            0 => Ok(None),
            _ if self.plan.is_downlink_frequency(frequency) => Ok(Some(frequency)),
            _ => Err(()),
        }
    }
}
