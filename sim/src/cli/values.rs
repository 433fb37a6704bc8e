//! What the values of flags look like.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use lns_lorawan::{HexError, TimeDelta};
use sim::device::plan::Antenna;
use sim::device::{Class, Group, Payload};
use sim::gateway::Model;

/// `A`, `B`, `B:4`, `C`, in either case. Without a number, a slot every 128 s.
pub(super) fn class(text: &str) -> Result<Class, String> {
    let upper = text.to_ascii_uppercase();
    let periodicity = |digits: &str| digits.parse().ok().filter(|n| *n <= 7);
    match (upper.as_str(), upper.strip_prefix("B:").map(periodicity)) {
        ("A", _) => Ok(Class::A),
        ("B", _) => Ok(Class::B { periodicity: 7 }),
        ("C", _) => Ok(Class::C),
        (_, Some(Some(periodicity))) => Ok(Class::B { periodicity }),
        _ => Err("write A, B, B:0 to B:7, or C".into()),
    }
}

/// McAddr:McNwkSKey:McAppSKey.
pub(super) fn group(text: &str) -> Result<Group, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let [mc_addr, mc_nwk_s_key, mc_app_s_key] = parts.as_slice() else {
        return Err("write McAddr:McNwkSKey:McAppSKey".into());
    };
    let said = |error: HexError| error.to_string();
    Ok(Group {
        mc_addr: mc_addr.parse().map_err(said)?,
        mc_nwk_s_key: mc_nwk_s_key.parse().map_err(said)?,
        mc_app_s_key: mc_app_s_key.parse().map_err(said)?,
        place: None,
        periodicity: 7,
    })
}

/// `sx1301`.
pub(super) fn model(text: &str) -> Result<Model, String> {
    match text.to_ascii_lowercase().as_str() {
        "sx1301" => Ok(Model::Sx1301),
        "sx1302" => Ok(Model::Sx1302),
        _ => Err("write sx1301 or sx1302".into()),
    }
}

/// `20A`.
pub(super) fn antenna(text: &str) -> Result<Antenna, String> {
    match text.to_ascii_uppercase().as_str() {
        "20A" => Ok(Antenna::A20),
        "20B" => Ok(Antenna::B20),
        "26A" => Ok(Antenna::A26),
        "26B" => Ok(Antenna::B26),
        _ => Err("write 20A, 20B, 26A or 26B".into()),
    }
}

pub(super) fn within(flag: &str, value: usize, most: usize) -> Result<(), String> {
    let fits = (1..=most).contains(&value);
    fits.then_some(()).ok_or_else(|| format!("{flag} {value}: give 1 to {most}"))
}

pub(super) fn resolve(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|error| {
        format!("--server {text}: {error}; write it like 127.0.0.1:1700 or lns.example.org:1700")
    })?;
    found.next().ok_or_else(|| format!("--server {text}: this name has no address"))
}

pub(super) fn span(text: &str) -> Result<TimeDelta, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration < Duration::from_millis(10) {
        return Err("the shortest interval is 10ms".into());
    }
    Ok(TimeDelta::from_std(duration))
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    let value = text.parse::<f64>().map_err(|error| error.to_string())?;
    (0.0..=1.0).contains(&value).then_some(value).ok_or_else(|| "a share is 0 to 1".into())
}

/// What the devices are, in turn.
#[derive(Debug, Clone)]
pub(super) struct Payloads(pub Vec<Payload>);

pub(super) fn payloads(text: &str) -> Result<Payloads, String> {
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
