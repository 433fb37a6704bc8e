//! What devices measure and do: the payloads that our example codecs read.

use std::fmt;
use std::sync::Arc;

use lns_lorawan::TimeDelta;

use crate::random::Random;

/// Makes a payload from the number of the uplink: FPort and bytes.
pub type Maker = Arc<dyn Fn(u32, &mut Random) -> (u8, Vec<u8>) + Send + Sync>;

/// What a device sends.
#[derive(Clone, Default)]
pub enum Payload {
    /// Port 1: temperature, humidity, battery; port 10 down sets the interval. Big-endian, as
    /// `codecs/temperature.js` reads it.
    #[default]
    Temperature,
    /// Port 2: state and energy meter; port 10 down switches.
    Switch,
    /// Port 3: a walk through a town; port 10 down sets the interval.
    Tracker,
    /// The same bytes each time.
    Fixed {
        /// 1 to 223.
        f_port: u8,
        /// FRMPayload.
        bytes: Vec<u8>,
    },
    /// No port and no payload.
    Empty,
    /// Whatever this makes.
    Made(Maker),
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Temperature => "Temperature",
            Self::Switch => "Switch",
            Self::Tracker => "Tracker",
            Self::Fixed { .. } => "Fixed",
            Self::Empty => "Empty",
            Self::Made(_) => "Made",
        })
    }
}

/// The application in a device: what it measures changes slowly, and it obeys.
#[derive(Debug, Clone)]
pub struct Appliance {
    payload: Payload,
    /// Hundredths of a degree.
    temperature: i16,
    on: bool,
    watt_hours: u32,
    /// Millionths of a degree: north, east.
    place: (i32, i32),
}

impl Appliance {
    pub(super) fn new(payload: Payload, random: &mut Random) -> Self {
        let offset = |random: &mut Random| i32::try_from(random.between(-20_000, 20_000));
        Self {
            payload,
            temperature: i16::try_from(random.between(1800, 2400)).unwrap_or(2000),
            on: false,
            watt_hours: u32::try_from(random.below(100_000)).unwrap_or(0),
            place: (
                48_137_000 + offset(random).unwrap_or(0),
                11_575_000 + offset(random).unwrap_or(0),
            ),
        }
    }

    /// Is the switch on?
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// FPort and FRMPayload of the next uplink.
    pub(super) fn measure(&mut self, count: u32, random: &mut Random) -> (Option<u8>, Vec<u8>) {
        match &self.payload {
            Payload::Temperature => {
                let step = i16::try_from(random.between(-15, 15)).unwrap_or(0);
                self.temperature = (self.temperature + step).clamp(-2000, 4500);
                let humidity = u8::try_from(random.between(80, 110)).unwrap_or(90);
                let mut bytes = self.temperature.to_be_bytes().to_vec();
                bytes.push(humidity);
                bytes.extend(3000u16.to_be_bytes());
                (Some(1), bytes)
            }
            Payload::Switch => {
                self.watt_hours += if self.on { 7 } else { 0 };
                let mut bytes = vec![u8::from(self.on)];
                bytes.extend(self.watt_hours.to_be_bytes());
                (Some(2), bytes)
            }
            Payload::Tracker => {
                let step = |random: &mut Random| i32::try_from(random.between(-300, 300));
                self.place.0 += step(random).unwrap_or(0);
                self.place.1 += step(random).unwrap_or(0);
                let mut bytes = self.place.0.to_be_bytes().to_vec();
                bytes.extend(self.place.1.to_be_bytes());
                bytes.extend(520u16.to_be_bytes());
                bytes.push(87);
                (Some(3), bytes)
            }
            Payload::Fixed { f_port, bytes } => (Some(*f_port), bytes.clone()),
            Payload::Empty => (None, Vec::new()),
            Payload::Made(maker) => {
                let (f_port, bytes) = maker(count, random);
                (Some(f_port), bytes)
            }
        }
    }

    /// Obeys a downlink; a new interval, if that is what it says.
    pub(super) fn obey(&mut self, f_port: u8, bytes: &[u8]) -> Option<TimeDelta> {
        match (&self.payload, f_port, bytes) {
            (Payload::Switch, 10, [state @ 0..=1]) => {
                self.on = *state == 1;
                None
            }
            (Payload::Temperature | Payload::Tracker, 10, [high, low]) => {
                let seconds = u16::from_be_bytes([*high, *low]).max(1);
                Some(TimeDelta::from_secs(i64::from(seconds)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_have_the_codecs_ports_and_lengths() {
        let mut random = Random::new(3);
        let mut measure = |payload| {
            let (f_port, bytes) = Appliance::new(payload, &mut random).measure(0, &mut random);
            (f_port, bytes.len())
        };
        assert_eq!(measure(Payload::Temperature), (Some(1), 5));
        assert_eq!(measure(Payload::Switch), (Some(2), 5));
        assert_eq!(measure(Payload::Tracker), (Some(3), 11));
        assert_eq!(measure(Payload::Empty), (None, 0));
        assert_eq!(
            measure(Payload::Made(Arc::new(|n, _| (9, vec![0; n as usize + 2])))),
            (Some(9), 2)
        );
    }

    #[test]
    fn a_switch_switches_and_a_sensor_changes_its_interval() {
        let mut random = Random::new(3);
        let mut switch = Appliance::new(Payload::Switch, &mut random);
        assert_eq!(switch.obey(10, &[1]), None);
        assert!(switch.is_on());
        assert_eq!(switch.measure(0, &mut random).1[0], 1);
        switch.obey(11, &[0]);
        assert!(switch.is_on());
        let mut sensor = Appliance::new(Payload::Temperature, &mut random);
        assert_eq!(sensor.obey(10, &[1, 0x2c]), Some(TimeDelta::from_secs(300)));
        assert_eq!(sensor.obey(10, &[1]), None);
    }
}
