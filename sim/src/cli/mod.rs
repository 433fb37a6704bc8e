//! The command line, and what it comes to.

mod file;
mod habits;
#[cfg(test)]
mod tests;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use lns_lorawan::{
    AppKey, DataRateIndex, DevEui, JoinEui, MacVersion, RegParamsRevision, Region, TimeDelta,
};
use sim::device::plan::Antenna;
use sim::device::{Class, Group, Mischief};
use sim::gateway::Model;
use sim::provision::{Base, Provision};
use sim::{AirSpec, Scenario};

pub use file::work_of;
use habits::Habit;
use values::{Payloads, antenna, class, group, model, payloads, resolve, share, span, within};

/// The most devices and gateways of one process: each gateway is a socket and a thread.
const MOST_DEVICES: usize = 1_000_000;
const MOST_GATEWAYS: usize = 1000;
/// What TS005 gives a device.
const MOST_GROUPS: usize = 4;

/// A fleet of simulated LoRaWAN devices and gateways, against any Semtech UDP server.
///
/// The devices must be known to the server: see --provision and --list.
#[derive(Debug, Parser)]
#[command(version, args_override_self = true)]
pub struct Args {
    /// Takes flags from a file, in which `devices = 5` is --devices 5; what is given here goes first.
    /// Each [[fleet]] in it adds devices of another kind, on the same gateways.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// The server's Semtech UDP address, host:port. Without it, only --provision or --list is done.
    #[arg(long, value_name = "ADDR")]
    server: Option<String>,
    /// How many gateways; each hears every device within reach.
    #[arg(long, value_name = "G", default_value_t = 1)]
    gateways: usize,
    /// How many devices.
    #[arg(long, value_name = "N", default_value_t = 3)]
    devices: usize,
    /// From one uplink of a device to its next.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = span)]
    interval: TimeDelta,
    /// EU868, US915, AU915, AS923-1 to AS923-4, KR920, IN865, RU864, EU433, CN470, CN779 or ISM2400.
    #[arg(long, default_value = "EU868")]
    region: Region,
    /// US915 and AU915: the devices' sub-band, 1 to 8; 0 for all channels [default: 2].
    #[arg(long, value_name = "N")]
    sub_band: Option<u8>,
    /// A multicast group that devices belong to, as McAddr:McNwkSKey:McAppSKey in hexadecimal; four at
    /// most.
    #[arg(long, value_name = "GROUP", value_parser = group)]
    group: Vec<Group>,
    /// What the gateways are built on, with its forwarder's habits: sx1301 or sx1302.
    #[arg(long, value_name = "CHIP", default_value = "sx1302", value_parser = model)]
    concentrator: Model,
    /// US915 and AU915: the gateways listen on this sub-band only, 1 to 8 [default: on all].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=8))]
    gateway_sub_band: Option<u8>,
    /// Stops after this; without it, at Ctrl-C.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    /// The share of uplinks that are confirmed, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    confirmed: f64,
    /// What devices send: temperature, switch, tracker, mix (all three), or FPORT:HEX.
    #[arg(long, value_name = "KIND", default_value = "mix", value_parser = payloads)]
    payload: Payloads,
    /// When devices listen: A, B, B:N for a ping slot every 2^N seconds (0 to 7), or C. Class B makes
    /// the gateways send beacons.
    #[arg(long, default_value = "A", value_parser = class)]
    class: Class,
    /// What the devices were built to, 1.0.0 to 1.0.4 or 1.1.
    #[arg(long, value_name = "VERSION", default_value = "1.0.3")]
    mac_version: MacVersion,
    /// Which regional parameters they were built to, like RP002-1.0.3 [default: the first that belong
    /// to their version].
    #[arg(long, value_name = "REVISION")]
    reg_params: Option<RegParamsRevision>,
    /// CN470 from RP002 on: the network's antenna, 20A, 20B, 26A or 26B.
    #[arg(long, value_name = "PLAN", default_value = "20A", value_parser = antenna)]
    cn470: Antenna,
    /// The data rate that devices begin with [default: the fastest of 125 kHz].
    #[arg(long, value_name = "DR")]
    data_rate: Option<u8>,
    /// Keeps the network from setting data rates.
    #[arg(long)]
    no_adr: bool,
    /// Gives devices sessions from the start (ABP), so that they need not join.
    #[arg(long)]
    abp: bool,
    /// Makes devices keep the regulator's duty cycles, so that they may send later than they want to.
    #[arg(long)]
    duty_cycle: bool,
    /// Gives devices a bad habit; may be given often. See the README for all of them.
    #[arg(long, value_name = "HABIT")]
    mischief: Vec<Habit>,
    /// The share of frames that the air loses, each way, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    loss: f64,
    /// All devices' JoinEUI.
    #[arg(long, value_name = "EUI", default_value = "70b3d57ed0000000")]
    join_eui: JoinEui,
    /// All devices' AppKey; without it each has its own, from the seed.
    #[arg(long, value_name = "HEX")]
    app_key: Option<AppKey>,
    /// The first device's DevEUI; the others follow.
    #[arg(long, value_name = "EUI", default_value = "70b3d57ed0010000")]
    dev_eui_base: DevEui,
    /// The first gateway's EUI; the others follow.
    #[arg(long, value_name = "EUI", default_value = "0016c001ff100000")]
    gateway_eui_base: DevEui,
    /// The same seed gives the same fleet, keys included.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Prints everything that happens.
    #[arg(long)]
    events: bool,
    /// Creates the devices first, through the HTTP API at this address (http://127.0.0.1:8080).
    #[arg(long, value_name = "URL")]
    provision: Option<Base>,
    /// The destination of devices that are created.
    #[arg(long, value_name = "NAME", default_value = "default", requires = "provision")]
    destination: String,
    /// A folder with temperature.js, switch.js and tracker.js, to be stored as codecs and given to
    /// the devices that are created.
    #[arg(long, value_name = "DIR", requires = "provision")]
    codecs: Option<PathBuf>,
    /// Prints the devices' identifiers and keys as CSV, for other servers.
    #[arg(long)]
    list: bool,
}

/// What is to be done.
#[derive(Debug)]
pub struct Work {
    pub scenario: Scenario,
    pub server: Option<SocketAddr>,
    pub duration: Option<Duration>,
    pub events: bool,
    pub provision: Option<Provision>,
    pub list: bool,
}

impl Args {
    /// What it comes to; in words for the user if it makes no sense.
    pub fn work(self) -> Result<Work, String> {
        if self.server.is_none() && self.provision.is_none() && !self.list {
            return Err(
                "there is nothing to do: give --server ADDR, --provision URL or --list".into()
            );
        }
        let server = self.server.as_deref().map(resolve).transpose()?;
        let scenario = self.scenario()?;
        let (destination, codecs) = (self.destination, self.codecs);
        let provision = self.provision.map(|base| Provision { base, destination, codecs });
        let (duration, events, list) = (self.duration, self.events, self.list);
        Ok(Work { scenario, server, duration, events, provision, list })
    }

    fn scenario(&self) -> Result<Scenario, String> {
        within("--devices", self.devices, MOST_DEVICES)?;
        within("--gateways", self.gateways, MOST_GATEWAYS)?;
        let mut mischief = Mischief::default();
        self.mischief.iter().for_each(|habit| habit.apply(&mut mischief));
        Ok(Scenario {
            seed: self.seed,
            region: self.region,
            sub_band: self.sub_band()?,
            antenna: self.cn470,
            class: self.class,
            beacons: matches!(self.class, Class::B { .. }),
            personalized: self.abp,
            groups: self.groups()?,
            model: self.concentrator,
            gateway_sub_band: self.gateway_sub_band,
            gateways: self.gateways,
            devices: self.devices,
            interval: self.interval,
            confirmed_share: self.confirmed,
            payloads: self.payload.0.clone(),
            mac_version: self.mac_version,
            reg_params: self.reg_params,
            data_rate: self.data_rate.map(|value| self.data_rate(value)).transpose()?,
            adr: !self.no_adr,
            keeps_duty_cycle: self.duty_cycle,
            mischief,
            join_eui: self.join_eui,
            app_key: self.app_key.clone(),
            dev_eui_base: self.dev_eui_base,
            gateway_eui_base: self.gateway_eui_base.value(),
            air: AirSpec { loss_up: self.loss, loss_down: self.loss, ..AirSpec::default() },
            fleets: Vec::new(),
            numbers_from: 1,
        })
    }

    /// A class B device listens for a group as often as for itself.
    fn groups(&self) -> Result<Vec<Group>, String> {
        if self.group.len() > MOST_GROUPS {
            return Err(format!("--group: a device belongs to {MOST_GROUPS} at most"));
        }
        let periodicity = match self.class {
            Class::B { periodicity } => periodicity,
            Class::A | Class::C => 7,
        };
        Ok(self.group.iter().map(|group| Group { periodicity, ..group.clone() }).collect())
    }

    fn sub_band(&self) -> Result<Option<u8>, String> {
        let region = self.region;
        let has_sub_bands = matches!(region, Region::Us915 | Region::Au915);
        match (self.sub_band, has_sub_bands) {
            (None, true) => Ok(Some(2)),
            (None, false) | (Some(0), true) => Ok(None),
            (Some(number @ 1..=8), true) => Ok(Some(number)),
            (Some(number), true) => {
                Err(format!("--sub-band {number}: {region} has 1 to 8, and 0 for all channels"))
            }
            (Some(_), false) => {
                Err(format!("--sub-band: {region} has none; it is for US915 and AU915"))
            }
        }
    }

    fn data_rate(&self, value: u8) -> Result<DataRateIndex, String> {
        let region = self.region;
        let (low, high) = match region {
            Region::Us915 => (0, 4),
            Region::Au915 => (0, 6),
            Region::Ism2400 => (0, 7),
            Region::Eu868
            | Region::As923_1
            | Region::As923_2
            | Region::As923_3
            | Region::As923_4
            | Region::Eu433
            | Region::Cn470
            | Region::Cn779
            | Region::Ru864
            | Region::Kr920
            | Region::In865 => (0, 5),
        };
        let index = DataRateIndex::new(value).filter(|_| (low..=high).contains(&value));
        index.ok_or_else(|| {
            format!("--data-rate {value}: in {region} devices begin with {low} to {high}")
        })
    }
}
