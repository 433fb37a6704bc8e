//! The types of configured values: each reads its own text, and says what it wanted instead.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use lns_lorawan::Frequency;

/// A span of time with its unit: `"200ms"`, `"5s"`, `"1m 30s"`, `"24h"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

impl Period {
    /// From milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// From seconds.
    pub const fn secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// From hours.
    pub const fn hours(hours: u64) -> Self {
        Self(Duration::from_secs(hours * 3600))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_zero() {
            return f.write_str("0ms");
        }
        write!(f, "{}", humantime::format_duration(self.0))
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if bare {
            return Err(format!("it has no unit; write \"{text}ms\", \"{text}s\" or \"{text}h\""));
        }
        humantime::parse_duration(text).map(Self).map_err(|_| {
            "it is no span of time; write it like \"200ms\", \"5s\", \"24h\"".to_owned()
        })
    }
}

/// A number of bytes with its unit: `"64MiB"`, `"256KiB"`, `"10MB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// The units of [`ByteSize`], and how many bytes each is; those that it prints come first.
const BYTE_UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl ByteSize {
    /// From units of 1024 bytes.
    pub const fn kib(kib: u64) -> Self {
        Self(kib << 10)
    }

    /// From units of 1024 × 1024 bytes.
    pub const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, bytes): &&(&str, u64)| self.0 >= *bytes && self.0.is_multiple_of(*bytes);
        let (unit, bytes) = BYTE_UNITS.iter().find(fits).unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / bytes)
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || "it is no size; write it like \"64MiB\", \"256KiB\"".to_owned();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| wanted())?;
        let unit = unit.trim_start();
        if unit.is_empty() {
            return Err(format!("it has no unit; write \"{number}KiB\" or \"{number}MiB\""));
        }
        let (_, bytes) = BYTE_UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .ok_or_else(wanted)?;
        number.checked_mul(*bytes).map(Self).ok_or_else(|| "it is too large".to_owned())
    }
}

/// Where to listen: an address and a port, or `"off"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere.
    Off,
    /// There. Port 0 lets the system choose.
    At(SocketAddr),
}

impl Listen {
    /// At an IPv4 address.
    pub fn at(address: [u8; 4], port: u16) -> Self {
        Self::At(SocketAddr::from((address, port)))
    }

    /// The address, unless off.
    pub const fn address(self) -> Option<SocketAddr> {
        match self {
            Listen::Off => None,
            Listen::At(address) => Some(address),
        }
    }

    /// Would both want the same port of the same address?
    pub(super) fn clashes_with(self, other: Self) -> bool {
        let (Listen::At(one), Listen::At(other)) = (self, other) else { return false };
        let any = |address: IpAddr| address.is_unspecified();
        let same = one.ip() == other.ip() || any(one.ip()) || any(other.ip());
        one.port() == other.port() && one.port() != 0 && same
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Off => f.write_str("off"),
            Listen::At(address) => write!(f, "{address}"),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let wanted = "it is no address with a port; write it like \"0.0.0.0:1700\", \"[::]:1700\", \
                      or \"off\"";
        text.parse().map(Self::At).map_err(|_| wanted.to_owned())
    }
}

/// Who may come to the embedded broker as nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anonymous {
    /// Who comes from this machine, while the broker listens on loopback alone.
    Loopback,
    /// Nobody.
    None,
}

impl fmt::Display for Anonymous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "loopback",
            Self::None => "none",
        })
    }
}

impl FromStr for Anonymous {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "loopback" => Ok(Self::Loopback),
            "none" => Ok(Self::None),
            _ => Err("it must be \"loopback\" or \"none\"".to_owned()),
        }
    }
}

/// Another MQTT broker: `mqtt://host` or `mqtt://host:port`, or `mqtts://` for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl {
    /// A name or an address; an IPv6 address without its brackets.
    pub host: String,
    /// 1883 where the URL has none, 8883 with TLS.
    pub port: u16,
    /// Is TLS spoken?
    pub tls: bool,
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracket = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        write!(f, "{scheme}://{}{}{}:{}", bracket.0, self.host, bracket.1, self.port)
    }
}

impl FromStr for BrokerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || "it is no broker; write it like \"mqtt://broker.example:1883\"".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(wanted)?;
        let tls = match scheme {
            "mqtt" | "tcp" => false,
            "mqtts" | "ssl" => true,
            _ => return Err(wanted()),
        };
        let rest = rest.trim_end_matches('/');
        if rest.contains('@') {
            return Err("it has a user in it; set mqtt.username and mqtt.password".to_owned());
        }
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let usual = if tls { 8883 } else { 1883 };
        let port = port.map_or(Ok(usual), |port| port.parse().map_err(|_| wanted()))?;
        if host.is_empty() || host.contains(['/', '?', '#', ' ']) {
            return Err(wanted());
        }
        Ok(Self { host: host.to_owned(), port, tls })
    }
}

/// A password: never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself. Not for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Is none set?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// RxDelay given to devices that join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rx1Delay {
    /// 1 s when the serving gateway answers fast enough, else 5 s.
    Auto,
    /// So many seconds, 1 to 15.
    Seconds(u8),
}

impl FromStr for Rx1Delay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let Period(period) = text.parse()?;
        let whole = period.subsec_nanos() == 0;
        let seconds = u8::try_from(period.as_secs()).ok().filter(|s| whole && (1..=15).contains(s));
        seconds.map(Self::Seconds).ok_or_else(|| {
            "devices know whole seconds from \"1s\" to \"15s\", or \"auto\"".to_owned()
        })
    }
}

/// A frequency in megahertz: `"867.1MHz"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RadioFrequency(pub Frequency);

impl RadioFrequency {
    /// From kilohertz.
    pub const fn from_khz(khz: u32) -> Self {
        Self(Frequency::from_hz(khz * 1000))
    }
}

impl FromStr for RadioFrequency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || "it is no frequency; write it like \"867.1MHz\"".to_owned();
        let number = text.strip_suffix("MHz").ok_or_else(wanted)?.trim_end();
        Frequency::from_mhz_str(number).map(Self).ok_or_else(wanted)
    }
}

/// An enum of names.
macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type { $($(#[$variant_doc])* $variant,)* }

        impl $type {
            /// The name in configuration files.
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)* }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        /// In any case.
        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                $(if text.eq_ignore_ascii_case($name) { return Ok($type::$variant); })*
                Err(format!("choose one of {}", [$($name),*].join(", ")))
            }
        }
    };
}

names! {
    /// From which severity on the log shows.
    LogLevel {
        /// Something failed that somebody must see to.
        Error = "error",
        /// Something is not as it should be.
        Warn = "warn",
        /// What an operator wants to read.
        Info = "info",
        /// Every frame.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

names! {
    /// How the log is written.
    LogFormat {
        /// For people.
        Text = "text",
        /// One object a line.
        Json = "json",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_carry_units() {
        assert_eq!("200ms".parse(), Ok(Period::millis(200)));
        assert_eq!("1m 30s".parse(), Ok(Period::secs(90)));
        assert_eq!(Period::hours(24).to_string(), "1day");
        assert!("200".parse::<Period>().unwrap_err().contains("\"200ms\""));
        assert!("soon".parse::<Period>().is_err());
    }

    #[test]
    fn sizes_carry_units() {
        for (text, bytes) in [("64MiB", 64 << 20), ("256 kib", 256 << 10), ("10MB", 10_000_000)] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        assert_eq!(ByteSize::mib(64).to_string(), "64MiB");
        assert_eq!(ByteSize(0).to_string(), "0B");
        for text in ["", "64", "MiB", "64Mi", "99999999999GiB", "-1B"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn listeners_take_both_families_and_off() {
        for text in ["0.0.0.0:1700", "[::]:1700", "off"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        for text in ["1700", "localhost:1700", ":1700", "::1700"] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
    }

    #[test]
    fn brokers_have_a_host_and_perhaps_a_port() {
        for (text, same) in [
            ("mqtt://a.example", "mqtt://a.example:1883"),
            ("mqtt://10.0.0.1:1884/", "mqtt://10.0.0.1:1884"),
            ("tcp://[::1]:1885", "mqtt://[::1]:1885"),
            ("mqtt://[::1]", "mqtt://[::1]:1883"),
            ("mqtts://a.example", "mqtts://a.example:8883"),
        ] {
            assert_eq!(text.parse::<BrokerUrl>().unwrap().to_string(), same);
        }
        for text in ["a.example", "mqtt://", "mqtt://a:b", "http://a", "ws://a", "mqtt://u:p@a"] {
            assert!(text.parse::<BrokerUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn rx1_delay_is_what_the_join_accept_can_say() {
        assert_eq!("auto".parse(), Ok(Rx1Delay::Auto));
        assert_eq!("5s".parse(), Ok(Rx1Delay::Seconds(5)));
        for text in ["0s", "16s", "1500ms", "5"] {
            assert!(text.parse::<Rx1Delay>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Secret::from("hunter2".to_owned())), "Secret(…)");
    }
}
