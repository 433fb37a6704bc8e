//! A device's MAC, after the text of the standard and byte by byte: it shares no code with the
//! server. TS001-1.0.4 §5 and LoRaWAN 1.0.3 §5; RP002-1.0.5 for EU868 and US915.

use std::collections::BTreeSet;

/// Which make: what differs between versions and implementations.
#[derive(Clone, Copy, Debug)]
pub struct Make {
    /// 72 channels instead of at most 16.
    pub us915: bool,
    /// 15 means "as it is" in LinkADRReq.
    pub knows_keep: bool,
    /// Answers a block of LinkADRReq once (1.1) instead of once for each request.
    pub one_answer: bool,
    /// Repeats TXParamSetupAns and PingSlotChannelAns.
    pub sticky_since_1_0_4: bool,
}

/// An uplink channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    pub hz: u32,
    pub least: u8,
    pub greatest: u8,
    pub rx1_hz: u32,
}

/// What the device does, and what it has to say.
#[derive(Clone, Debug)]
pub struct Model {
    pub make: Make,
    pub adr: bool,
    pub rx_delay: u8,
    pub rx1_dr_offset: u8,
    pub rx2: (u8, u32),
    pub channels: Vec<Option<Channel>>,
    pub enabled: BTreeSet<u8>,
    pub data_rate: u8,
    pub tx_power: u8,
    pub nb_trans: u8,
    pub max_duty_cycle: u8,
    pub adr_ack: (u8, u8),
    pub ping_slot: (u32, Option<u8>),
    pub beacon_hz: u32,
    /// What this piece of hardware cannot do.
    pub cannot: Cannot,
    /// Commands it has been given, by CID.
    pub obeyed: Vec<u8>,
    once: Vec<Vec<u8>>,
    sticky: Vec<Vec<u8>>,
}

/// Limits of the hardware.
#[derive(Clone, Debug, Default)]
pub struct Cannot {
    pub frequencies: Vec<u32>,
    pub data_rates: Vec<u8>,
    pub tx_powers: Vec<u8>,
    pub rx1_dr_offsets: Vec<u8>,
    /// Does not know these commands: what follows in the frame is lost too.
    pub cids: Vec<u8>,
}

impl Model {
    pub fn new(make: Make) -> Self {
        let default = |tenths: u32| {
            let hz = tenths * 100_000;
            Some(Channel { hz, least: 0, greatest: 5, rx1_hz: hz })
        };
        let (channels, enabled, rx2) = if make.us915 {
            (Vec::new(), (0..72).collect(), (8, 923_300_000))
        } else {
            let mut channels = vec![default(8681), default(8683), default(8685)];
            channels.resize(16, None);
            (channels, (0..3).collect(), (0, 869_525_000))
        };
        Model {
            make,
            adr: true,
            rx_delay: 1,
            rx1_dr_offset: 0,
            rx2,
            channels,
            enabled,
            data_rate: if make.us915 { 3 } else { 5 },
            tx_power: 0,
            nb_trans: 1,
            max_duty_cycle: 0,
            adr_ack: (6, 5),
            ping_slot: (0, None),
            beacon_hz: 0,
            cannot: Cannot::default(),
            obeyed: Vec::new(),
            once: Vec::new(),
            sticky: Vec::new(),
        }
    }

    /// The answers in its next uplink. Those that are not sticky are given once.
    pub fn speak(&mut self) -> Vec<u8> {
        let mut bytes = self.sticky.concat();
        bytes.extend(self.once.drain(..).flatten());
        bytes
    }

    /// Where it may send: the lowest channel in use.
    pub fn sends_on(&self) -> u32 {
        let lowest = *self.enabled.iter().next().expect("a device has a channel");
        if self.make.us915 {
            return 902_300_000 + u32::from(lowest) * 200_000;
        }
        self.channels[usize::from(lowest)].expect("one in use is defined").hz
    }

    /// A class A downlink, with these commands. Answers need not be repeated any more.
    pub fn hear(&mut self, commands: &[u8]) {
        self.sticky.clear();
        let mut rest = commands;
        while let [cid, after @ ..] = rest {
            let (cid, length) = (*cid, length_of(*cid));
            if self.cannot.cids.contains(&cid) || after.len() < length {
                return;
            }
            if cid == 0x03 {
                let block = rest.chunks(5).take_while(|one| one.len() == 5 && one[0] == 0x03);
                let block: Vec<[u8; 4]> =
                    block.map(|one| [one[1], one[2], one[3], one[4]]).collect();
                rest = &rest[block.len() * 5..];
                self.link_adr(&block);
                continue;
            }
            self.obey(cid, &after[..length]);
            rest = &after[length..];
        }
    }

    fn obey(&mut self, cid: u8, body: &[u8]) {
        self.obeyed.push(cid);
        match (cid, body) {
            (0x04, [limit]) => {
                self.max_duty_cycle = limit & 0x0f;
                self.once.push(vec![cid]);
            }
            (0x05, [settings, f0, f1, f2]) => self.rx_param_setup(*settings, [*f0, *f1, *f2]),
            (0x06, []) => self.once.push(vec![cid, 255, 5]),
            (0x07, [index, f0, f1, f2, range]) => {
                self.new_channel(*index, hz([*f0, *f1, *f2]), (range & 0x0f, range >> 4));
            }
            (0x08, [delay]) => {
                self.rx_delay = (delay & 0x0f).max(1);
                self.sticky.push(vec![cid]);
            }
            (0x0a, [index, f0, f1, f2]) => self.dl_channel(*index, hz([*f0, *f1, *f2])),
            (0x0c, [exponents]) => {
                self.adr_ack = (exponents >> 4, exponents & 0x0f);
                self.once.push(vec![cid]);
            }
            (0x11, [f0, f1, f2, data_rate]) => {
                let hz = hz([*f0, *f1, *f2]);
                let can = (self.can_use(hz), self.can_send(data_rate & 0x0f));
                if can == (true, true) {
                    self.ping_slot = (hz, Some(data_rate & 0x0f));
                }
                let answer = vec![cid, u8::from(can.0) | u8::from(can.1) << 1];
                if self.make.sticky_since_1_0_4 {
                    self.sticky.push(answer);
                } else {
                    self.once.push(answer);
                }
            }
            (0x13, [f0, f1, f2]) => {
                let hz = hz([*f0, *f1, *f2]);
                let can = self.can_use(hz);
                if can {
                    self.beacon_hz = hz;
                }
                self.once.push(vec![cid, u8::from(can)]);
            }
            _ => panic!("a command that this device was never to be given: {cid:02x} {body:02x?}"),
        }
    }

    fn can_use(&self, hz: u32) -> bool {
        !self.cannot.frequencies.contains(&hz)
    }

    fn can_send(&self, data_rate: u8) -> bool {
        !self.cannot.data_rates.contains(&data_rate)
    }

    fn rx_param_setup(&mut self, settings: u8, frequency: [u8; 3]) {
        let (offset, data_rate) = (settings >> 4 & 7, settings & 0x0f);
        let frequency = hz(frequency);
        let can_offset = offset <= 5 && !self.cannot.rx1_dr_offsets.contains(&offset);
        let can = (self.can_use(frequency), self.can_send(data_rate), can_offset);
        if can == (true, true, true) {
            self.rx1_dr_offset = offset;
            self.rx2 = (data_rate, frequency);
        }
        let status = u8::from(can.0) | u8::from(can.1) << 1 | u8::from(can.2) << 2;
        self.sticky.push(vec![0x05, status]);
    }

    fn new_channel(&mut self, index: u8, hz: u32, (least, greatest): (u8, u8)) {
        assert!(!self.make.us915, "a fixed plan has no NewChannelReq");
        if !(3..=15).contains(&index) {
            self.once.push(vec![0x07, 0]);
            return;
        }
        let place = &mut self.channels[usize::from(index)];
        if hz == 0 {
            *place = None;
            self.enabled.remove(&index);
            self.once.push(vec![0x07, 3]);
            return;
        }
        let in_band = (863_000_000..=870_000_000).contains(&hz);
        let can_hz = in_band && !self.cannot.frequencies.contains(&hz);
        let can_range = least <= greatest && !self.cannot.data_rates.contains(&greatest);
        if can_hz && can_range {
            *place = Some(Channel { hz, least, greatest, rx1_hz: hz });
            self.enabled.insert(index);
        }
        self.once.push(vec![0x07, u8::from(can_hz) | u8::from(can_range) << 1]);
    }

    fn dl_channel(&mut self, index: u8, hz: u32) {
        let can_hz = self.can_use(hz);
        let channel = self.channels.get_mut(usize::from(index)).and_then(Option::as_mut);
        let status = u8::from(can_hz) | u8::from(channel.is_some()) << 1;
        if let (true, Some(channel)) = (can_hz, channel) {
            channel.rx1_hz = hz;
        }
        self.sticky.push(vec![0x0a, status]);
    }

    /// With ADR on a block is taken as one or not at all. With ADR off each request is judged by
    /// itself, and of one that passes only the mask is taken.
    fn link_adr(&mut self, block: &[[u8; 4]]) {
        self.obeyed.push(0x03);
        if !self.adr {
            for request in block {
                let status = match self.masked(std::slice::from_ref(request)) {
                    Some(enabled) => {
                        self.enabled = enabled;
                        7
                    }
                    None => 6,
                };
                self.once.push(vec![0x03, status]);
            }
            return;
        }
        let enabled = self.masked(block);
        let [rates, _, _, redundancy] = block.last().expect("a block has a request");
        let (data_rate, tx_power) = (rates >> 4, rates & 0x0f);
        let keep = |value: u8| value == 15 && self.make.knows_keep;
        let fastest = if self.make.us915 { 4 } else { 5 };
        let most = if self.make.us915 { 10 } else { 7 };
        let can_rate = keep(data_rate) || (data_rate <= fastest && self.can_send(data_rate));
        let can_power =
            keep(tx_power) || (tx_power <= most && !self.cannot.tx_powers.contains(&tx_power));
        let status =
            u8::from(enabled.is_some()) | u8::from(can_rate) << 1 | u8::from(can_power) << 2;
        if let (Some(enabled), 7) = (enabled, status) {
            self.enabled = enabled;
            self.data_rate = if keep(data_rate) { self.data_rate } else { data_rate };
            self.tx_power = if keep(tx_power) { self.tx_power } else { tx_power };
            self.nb_trans = (redundancy & 0x0f).max(1);
        }
        let answers = if self.make.one_answer { 1 } else { block.len() };
        (0..answers).for_each(|_| self.once.push(vec![0x03, status]));
    }

    /// The channels in use after these requests; `None` where they are refused.
    fn masked(&self, block: &[[u8; 4]]) -> Option<BTreeSet<u8>> {
        let mut enabled = self.enabled.clone();
        for [_, low, high, redundancy] in block {
            let mask = u16::from_le_bytes([*low, *high]);
            let control = redundancy >> 4 & 7;
            let mut switch = |first: u8, count: u8, mask: u16| {
                for bit in 0..count {
                    if mask >> bit & 1 == 1 {
                        enabled.insert(first + bit);
                    } else {
                        enabled.remove(&(first + bit));
                    }
                }
            };
            match (self.make.us915, control) {
                (false, 0) => switch(0, 16, mask),
                (false, 6) => {
                    let defined = (0..16).filter(|at| self.channels[usize::from(*at)].is_some());
                    enabled = defined.collect();
                }
                (true, 0..=3) => switch(control * 16, 16, mask),
                (true, 4) => switch(64, 8, mask),
                (true, 6 | 7) => {
                    let narrow = if control == 6 { 0xffff } else { 0 };
                    (0..4).for_each(|word| switch(word * 16, 16, narrow));
                    switch(64, 8, mask);
                }
                _ => return None,
            }
        }
        let narrow = enabled.iter().filter(|channel| **channel < 64).count();
        let defined =
            |channel: &u8| self.make.us915 || self.channels[usize::from(*channel)].is_some();
        let enough = narrow >= if self.make.us915 { 2 } else { 1 };
        (enough && enabled.iter().all(defined)).then_some(enabled)
    }
}

/// Bytes after the CID, downlink.
fn length_of(cid: u8) -> usize {
    match cid {
        0x06 => 0,
        0x04 | 0x08 | 0x09 | 0x0c => 1,
        0x13 => 3,
        0x03 | 0x05 | 0x0a | 0x11 => 4,
        0x07 => 5,
        other => panic!("no request has this CID: {other:02x}"),
    }
}

fn hz([f0, f1, f2]: [u8; 3]) -> u32 {
    u32::from_le_bytes([f0, f1, f2, 0]) * 100
}
