//! The command line, and what it comes to.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use lns_lorawan::{AppKey, DataRateIndex, DevEui, JoinEui, MacVersion, Region, TimeDelta};
use sim::device::Payload;
use sim::provision::{Base, Provision};
use sim::{AirSpec, Scenario};

/// The most devices and gateways of one process: each gateway is a socket and a thread.
const MOST_DEVICES: usize = 1_000_000;
const MOST_GATEWAYS: usize = 1000;

/// A fleet of simulated LoRaWAN devices and gateways, against any Semtech UDP server.
///
/// The devices must be known to the server: see --provision and --list.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Args {
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
    /// Stops after this; without it, at Ctrl-C.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    /// The share of uplinks that are confirmed, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    confirmed: f64,
    /// What devices send: temperature, switch, tracker, mix (all three), or FPORT:HEX.
    #[arg(long, value_name = "KIND", default_value = "mix", value_parser = payloads)]
    payload: Payloads,
    /// What the devices were built to, 1.0.0 to 1.0.4.
    #[arg(long, value_name = "VERSION", default_value = "1.0.3")]
    mac_version: MacVersion,
    /// The data rate that devices begin with [default: the fastest of 125 kHz].
    #[arg(long, value_name = "DR")]
    data_rate: Option<u8>,
    /// Keeps the network from setting data rates.
    #[arg(long)]
    no_adr: bool,
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
        if self.mac_version.is_1_1() {
            return Err("--mac-version 1.1: these devices speak 1.0.0 to 1.0.4".into());
        }
        Ok(Scenario {
            seed: self.seed,
            region: self.region,
            sub_band: self.sub_band()?,
            gateways: self.gateways,
            devices: self.devices,
            interval: self.interval,
            confirmed_share: self.confirmed,
            payloads: self.payload.0.clone(),
            mac_version: self.mac_version,
            data_rate: self.data_rate.map(|value| self.data_rate(value)).transpose()?,
            adr: !self.no_adr,
            join_eui: self.join_eui,
            app_key: self.app_key.clone(),
            dev_eui_base: self.dev_eui_base,
            gateway_eui_base: self.gateway_eui_base.value(),
            air: AirSpec { loss_up: self.loss, loss_down: self.loss, ..AirSpec::default() },
            ..Scenario::default()
        })
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

fn within(flag: &str, value: usize, most: usize) -> Result<(), String> {
    let fits = (1..=most).contains(&value);
    fits.then_some(()).ok_or_else(|| format!("{flag} {value}: give 1 to {most}"))
}

fn resolve(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|error| {
        format!("--server {text}: {error}; write it like 127.0.0.1:1700 or lns.example.org:1700")
    })?;
    found.next().ok_or_else(|| format!("--server {text}: this name has no address"))
}

fn span(text: &str) -> Result<TimeDelta, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration < Duration::from_millis(10) {
        return Err("the shortest interval is 10ms".into());
    }
    Ok(TimeDelta::from_std(duration))
}

fn share(text: &str) -> Result<f64, String> {
    let value = text.parse::<f64>().map_err(|error| error.to_string())?;
    (0.0..=1.0).contains(&value).then_some(value).ok_or_else(|| "a share is 0 to 1".into())
}

/// What the devices are, in turn.
#[derive(Debug, Clone)]
struct Payloads(Vec<Payload>);

fn payloads(text: &str) -> Result<Payloads, String> {
    let kinds = match text {
        "temperature" => vec![Payload::Temperature],
        "switch" => vec![Payload::Switch],
        "tracker" => vec![Payload::Tracker],
        "mix" => vec![Payload::Temperature, Payload::Switch, Payload::Tracker],
        other => vec![fixed(other).ok_or(
            "write temperature, switch, tracker, mix, or a port from 1 to 223 and up to 51 bytes \
             like 2:0a1b",
        )?],
    };
    Ok(Payloads(kinds))
}

/// `2:0a1b`.
fn fixed(text: &str) -> Option<Payload> {
    let (f_port, digits) = text.split_once(':')?;
    let f_port = f_port.parse().ok().filter(|f_port| (1..=223).contains(f_port))?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_hex || digits.len() % 2 != 0 || digits.len() > 102 {
        return None;
    }
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    let bytes = pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect::<Option<_>>()?;
    Some(Payload::Fixed { f_port, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn work(line: &str) -> Result<Work, String> {
        let args = std::iter::once("sim").chain(line.split_whitespace());
        Args::try_parse_from(args).map_err(|error| error.to_string())?.work()
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn flags_make_a_fleet() {
        let work = work(
            "--server 127.0.0.1:1700 --gateways 2 --devices 5 --interval 1m --region us915 \
             --sub-band 7 --duration 90s --confirmed 0.25 --payload 2:0a1B --seed 9 --data-rate 2 \
             --dev-eui-base 00-11-22-33-44-55-66-77 --app-key 000102030405060708090a0b0c0d0e0f",
        )
        .unwrap();
        let scenario = work.scenario;
        assert_eq!((scenario.gateways, scenario.devices, scenario.sub_band), (2, 5, Some(7)));
        assert_eq!(scenario.interval, TimeDelta::from_secs(60));
        assert_eq!(work.duration, Some(Duration::from_secs(90)));
        assert_eq!(scenario.dev_eui_base.value(), 0x0011_2233_4455_6677);
        assert!(
            matches!(&scenario.payloads[..], [Payload::Fixed { f_port: 2, bytes }] if bytes == &[10, 27])
        );
        assert_eq!(work.server, Some(([127, 0, 0, 1], 1700).into()));
    }

    #[test]
    fn what_makes_no_sense_is_said_so() {
        let table = [
            ("", "nothing to do"),
            ("--server nowhere", "--server nowhere"),
            ("--list --devices 0", "--devices 0: give 1 to"),
            ("--list --gateways 1001", "--gateways 1001: give 1 to"),
            ("--list --sub-band 2", "EU868 has none"),
            ("--list --region US915 --sub-band 9", "US915 has 1 to 8"),
            ("--list --region EU915", "the regions are"),
            ("--list --mac-version 1.1", "1.0.0 to 1.0.4"),
            ("--list --data-rate 6", "0 to 5"),
            ("--list --confirmed 1.5", "a share is 0 to 1"),
            ("--list --interval 0s", "the shortest interval"),
            ("--list --payload 0:00", "write temperature"),
            ("--list --payload 1:0", "write temperature"),
            ("--list --provision https://x", "http://127.0.0.1:8080"),
            ("--list --codecs dir", "--provision"),
        ];
        for (line, expected) in table {
            let said = work(line).unwrap_err();
            assert!(said.contains(expected), "{line}: {said}");
        }
    }
}
