//! What becomes of a frame that a device receives.

use lns_lorawan::{
    DownlinkMacCommand, EncryptedJoinAccept, Frame, JoinReqType, OpenedDownlink, PhyPayload,
    SealedDownlink, TimeDelta, Timestamp, Window,
};

use super::uplink::Flight;
use super::{
    Beacon, Class, ClassB, Device, Heard, HeardData, MacState, Next, Received, Session,
    TEST_F_PORT, Unheard, What,
};
use crate::air::OnAir;

impl Device {
    /// A downlink is in the air. Does it fit a window, and does the device understand it?
    pub fn hear(&mut self, frame: &OnAir) -> Heard {
        match self.receive(frame) {
            Ok(received) => Heard::Received(received),
            Err(reason) => Heard::Not(reason),
        }
    }

    /// A beacon is in the air.
    pub fn hear_beacon(&mut self, beacon: &Beacon) -> Result<(), Unheard> {
        if !matches!(self.spec.class, Class::B { .. }) || self.session.is_none() {
            return Err(Unheard::NotListening);
        }
        if self.spec.mischief.never_hears {
            return Err(Unheard::Lost);
        }
        let is_first = self.class_b.hear(beacon, &self.mac)?;
        self.tally.beacons += 1;
        if is_first {
            self.urge(beacon.starts + super::BEACON_RESERVED);
        }
        Ok(())
    }

    fn receive(&mut self, frame: &OnAir) -> Result<Received, Unheard> {
        let (window, offset) = self.tuned_to(frame)?;
        self.audible += 1;
        if self.spec.mischief.loses(self.audible) {
            return Err(Unheard::Lost);
        }
        let is_class_a = is_class_a(window);
        let what = match PhyPayload::parse(&frame.phy_payload) {
            Ok(Frame::JoinAccept(sealed)) if is_class_a => self.join(&sealed, frame.ends())?,
            Ok(Frame::Down(sealed)) => match self.group_of(&sealed) {
                Some(group) => self.receive_multicast(&sealed, group)?,
                None => self.receive_data(&sealed, (window, frame.ends()))?,
            },
            Ok(
                Frame::JoinAccept(_)
                | Frame::JoinRequest(_)
                | Frame::Rejoin(_)
                | Frame::Up(_)
                | Frame::Proprietary(_),
            ) => return Err(Unheard::ForAnother),
            Err(_) => return Err(Unheard::Malformed),
        };
        self.count_heard(window);
        if is_class_a {
            // A frame of its own ends the listening (TS001-1.0.4 §3.3.1).
            self.windows.clear();
            if !matches!(what, What::JoinAccept(_)) {
                self.settle(frame.ends());
            }
        }
        Ok(Received { window, offset, what })
    }

    fn count_heard(&mut self, window: Window) {
        let tally = &mut self.tally;
        match window {
            Window::Rx1 => tally.heard_rx1 += 1,
            Window::Rx2 => tally.heard_rx2 += 1,
            Window::Ping => tally.heard_ping += 1,
            Window::Rxc => tally.heard_rxc += 1,
        }
    }

    fn join(&mut self, sealed: &EncryptedJoinAccept<'_>, ends: Timestamp) -> Result<What, Unheard> {
        let joins = self.joins.as_mut().ok_or(Unheard::ForAnother)?;
        let accepted = joins.accept(sealed, &self.spec)?;
        let fields = accepted.fields;
        let is_1_1 = accepted.keys.scheme.is_1_1();
        let mut session = Session::new(fields.dev_addr, accepted.keys, self.spec.first_f_cnt_up);
        session.net_id = fields.net_id;
        self.session = Some(session);
        // A Rejoin-Request of type 2 leaves the radio as it is (LoRaWAN 1.1 §6.2.4.1); the others
        // set it back.
        if accepted.answers != JoinReqType::Rejoin2 {
            let place = self.joined_on();
            self.mac = MacState::new(&self.spec);
            self.move_home(place);
        }
        self.mac.rx1_dr_offset = fields.dl_settings.rx1_dr_offset;
        self.mac.rx2.1 = fields.dl_settings.rx2_data_rate.value();
        self.mac.rx_delay = fields.rx_delay.seconds();
        if let Some(cf_list) = &fields.cf_list {
            self.mac.channels.join(cf_list);
        }
        self.mac.adr_ack_cnt = 0;
        self.speak(is_1_1);
        (self.flight, self.first_frame) = (None, None);
        (self.ack_owed, self.prompt) = (false, false);
        self.class_b = ClassB::default();
        self.rejoins.start_over(ends);
        self.tally.joins += 1;
        // Not all at once: devices that were switched on together join together.
        let interval = self.spec.interval.millis();
        let pause = self.random.between(100, interval.clamp(100, 2000));
        self.planned = ends + TimeDelta::from_millis(pause);
        (self.next, self.due) = (Next::Uplink, self.planned);
        Ok(What::JoinAccept(fields))
    }

    fn receive_data(
        &mut self,
        sealed: &SealedDownlink<'_>,
        (window, ends): (Window, Timestamp),
    ) -> Result<What, Unheard> {
        let session = self.session.as_mut().ok_or(Unheard::ForAnother)?;
        let opened = session.open(sealed)?;
        let ack = opened.f_ctrl.ack;
        let acked = self.flight.as_mut().is_some_and(|flight| flight.answered(ack));
        self.tally.acked += u64::from(acked);
        let unanswered = self.flight.as_ref().is_some_and(Flight::awaits_ack);
        // The reference device keeps its sticky answers if an acknowledgement was due and missing.
        if is_class_a(window) && !unanswered {
            self.mac.answers.unstick(&self.spec.mischief);
        }
        self.mac.adr_ack_cnt = 0;
        let mac = self.mac.obey(opened.mac_commands(), &self.spec);
        mac.iter().for_each(|command| self.react(command, ends));
        self.deliver(&opened);
        if self.spec.certifiable && opened.f_port == Some(TEST_F_PORT) {
            self.obey_test(&opened.frm_payload, ends);
        }
        self.tally.confirmed_down += u64::from(opened.confirmed);
        self.ack_owed |= opened.confirmed;
        let prompt = opened.confirmed && (self.spec.prompt_ack || !is_class_a(window))
            || opened.f_ctrl.f_pending && self.spec.follow_f_pending;
        if prompt {
            self.urge(ends);
        }
        Ok(What::Data(HeardData {
            f_cnt_down: opened.f_cnt_down,
            f_port: opened.f_port,
            payload: opened.frm_payload.to_vec(),
            confirmed: opened.confirmed,
            ack,
            acked,
            f_pending: opened.f_ctrl.f_pending,
            mac,
        }))
    }

    /// What a command asks of more than the MAC's state.
    fn react(&mut self, command: &DownlinkMacCommand, ends: Timestamp) {
        use DownlinkMacCommand as Down;
        let uplink_ended = self.last_sent.map_or(ends, |(_, ended)| ended);
        match command {
            Down::ResetConf(_) | Down::RekeyConf(_) | Down::DeviceModeConf(_) => {
                self.mac.answers.confirm(command.cid());
            }
            Down::DeviceTimeAns(answer) => self.class_b.learn(*answer, uplink_ended),
            Down::BeaconTimingAns(answer) => self.class_b.learn_timing(*answer, ends),
            Down::PingSlotInfoAns => {
                self.class_b.announced();
                // The network learns from the next uplink's flag that ping slots are open.
                self.urge(ends);
            }
            Down::ForceRejoinReq(request) => self.force_rejoin(*request, ends),
            Down::LinkCheckAns(_)
            | Down::LinkAdrReq(_)
            | Down::DutyCycleReq(_)
            | Down::RxParamSetupReq(_)
            | Down::DevStatusReq
            | Down::NewChannelReq(_)
            | Down::RxTimingSetupReq(_)
            | Down::TxParamSetupReq(_)
            | Down::DlChannelReq(_)
            | Down::AdrParamSetupReq(_)
            | Down::RejoinParamSetupReq(_)
            | Down::PingSlotChannelReq(_)
            | Down::BeaconFreqReq(_)
            | Down::RelayConfReq(_)
            | Down::EndDeviceConfReq(_)
            | Down::FilterListReq(_)
            | Down::UpdateUplinkListReq(_)
            | Down::CtrlUplinkListReq(_)
            | Down::ConfigureFwdLimitReq(_) => {}
        }
    }

    fn deliver(&mut self, opened: &OpenedDownlink) {
        let Some(f_port) = opened.f_port.filter(|f_port| *f_port > 0) else { return };
        self.tally.payloads += 1;
        self.count_for_test();
        if let Some(interval) = self.appliance.obey(f_port, &opened.frm_payload) {
            self.spec.interval = interval;
        }
    }

    /// Which multicast group a frame is for.
    fn group_of(&self, sealed: &SealedDownlink<'_>) -> Option<usize> {
        self.groups.iter().position(|group| group.dev_addr == sealed.dev_addr())
    }

    /// Multicast frames carry a payload for the application and nothing else (TS001-1.0.4, chapters
    /// on multicast in class B and C): whatever else they want is refused.
    fn receive_multicast(
        &mut self,
        sealed: &SealedDownlink<'_>,
        group: usize,
    ) -> Result<What, Unheard> {
        let before = self.groups.get(group).cloned().ok_or(Unheard::ForAnother)?;
        let session = self.groups.get_mut(group).ok_or(Unheard::ForAnother)?;
        let opened = session.open(sealed)?;
        let is_plain = !opened.confirmed
            && !opened.f_ctrl.ack
            && opened.f_opts.is_empty()
            && opened.f_port.is_some_and(|f_port| f_port > 0);
        if !is_plain {
            *session = before;
            return Err(Unheard::Malformed);
        }
        self.deliver(&opened);
        self.tally.multicast += 1;
        let data = HeardData {
            f_cnt_down: opened.f_cnt_down,
            f_port: opened.f_port,
            payload: opened.frm_payload.to_vec(),
            confirmed: false,
            ack: false,
            acked: false,
            f_pending: opened.f_ctrl.f_pending,
            mac: Vec::new(),
        };
        Ok(What::Multicast { group: opened.dev_addr, data })
    }
}

/// After an uplink of its own, rather than at another time?
const fn is_class_a(window: Window) -> bool {
    match window {
        Window::Rx1 | Window::Rx2 => true,
        Window::Ping | Window::Rxc => false,
    }
}
