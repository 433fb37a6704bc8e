//! The table of keys: one row each, with what its value must be.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use lns_lorawan::{DataRateIndex, DevAddrPrefix, Region};
use toml::Value;

use super::source::{Assignment, Given};
use super::{
    Anonymous, BrokerUrl, ByteSize, Config, ConfigProblem, Listen, LogFormat, LogLevel,
    NetworkChannel, Period, RadioFrequency, Rx1Delay, Secret, SubBand, WebUrl, region,
};
use crate::broker::Speech;
use crate::store::StoreKind;

/// A key: its path, and how a value becomes the field of the same path.
pub(super) struct Key {
    pub(super) name: &'static str,
    set: fn(&mut Config, &Value) -> Result<(), Wrong>,
}

/// Why a value will not do.
enum Wrong {
    /// It is a number where a text belongs, and the like.
    Type(String),
    /// It is of the right type.
    Value(String),
}

impl Wrong {
    fn into_reason(self) -> String {
        match self {
            Wrong::Type(reason) | Wrong::Value(reason) => reason,
        }
    }
}

/// `section.field: check` for every key. The check may be left out.
macro_rules! keys {
    ($($section:ident $(. $field:ident)+ $(: $check:expr)?;)*) => {
        /// Every key there is.
        pub(super) const KEYS: &[Key] = &[$(Key {
            name: concat!(stringify!($section) $(, ".", stringify!($field))+),
            set: |config, value| {
                let value = Setting::read(value)?;
                $($check(&value).map_err(Wrong::Value)?;)?
                config.$section $(. $field)+ = value;
                Ok(())
            },
        }),*];
    };
}

keys! {
    server.data_dir: |value: &PathBuf| not_empty(value);
    server.region;
    server.net_id;
    server.dev_addr_block;
    server.log_level;
    server.log_format;
    server.partitions: |value| within(value, 0, 64);
    gateway.semtech_udp;
    gateway.require_registered_gateways;
    gateway.unknown_gateways: |value| within(value, 0, 1_000_000);
    gateway.receive_buffer: |value| within(value, ByteSize::kib(64), ByteSize::mib(1024));
    dedup.limit: |value| within(value, Period::millis(0), Period::millis(800));
    mqtt.listen;
    mqtt.broker_url;
    mqtt.broker_version;
    mqtt.broker_ca;
    mqtt.broker_certificate;
    mqtt.broker_key;
    mqtt.client_id: |value: &String| within_length(value, 1, 128);
    mqtt.username;
    mqtt.password;
    mqtt.bridge_password;
    mqtt.tls_listen;
    mqtt.tls_certificate;
    mqtt.tls_key;
    mqtt.tls_name;
    mqtt.require_client_certificate;
    mqtt.max_clients: |value| within(value, 1, 1_000_000);
    mqtt.backlog_size: |value| within(value, ByteSize::mib(1), ByteSize::mib(1 << 20));
    mqtt.backlog_age: |value| within(value, Period::secs(60), Period::hours(24 * 365));
    mqtt.anonymous;
    mqtt.session_expiry: |value| within(value, Period::secs(1), Period::hours(24 * 365));
    mqtt.max_packet: |value| within(value, ByteSize::kib(1), ByteSize::mib(255));
    mqtt.queue_length: |value| within(value, 1, 10_000_000);
    mqtt.queue_size: |value| within(value, ByteSize::kib(1), ByteSize::mib(1 << 20));
    mqtt.queue_memory: |value| within(value, ByteSize::mib(1), ByteSize::mib(1 << 20));
    mqtt.retained_length: |value| within(value, 0, 10_000_000);
    mqtt.retained_size: |value| within(value, ByteSize(0), ByteSize::mib(1 << 20));
    mqtt.limits.payload: |value| within(value, ByteSize(0), ByteSize::mib(255));
    mqtt.limits.topic_bytes: |value| within(value, 0, 65_535);
    mqtt.limits.topic_slashes: |value| within(value, 0, 65_535);
    mqtt.limits.client_id_bytes: |value| within(value, 0, 65_535);
    mqtt.limits.user_properties: |value| within(value, ByteSize(0), ByteSize::mib(255));
    mqtt.limits.filters_per_subscribe;
    mqtt.limits.subscriptions;
    mqtt.limits.shared_subscriptions;
    mqtt.limits.shared_subscription_members;
    mqtt.limits.unacknowledged;
    mqtt.limits.topic_aliases;
    mqtt.limits.publishes_per_second: |value| within(value, 0, 1_000_000);
    mqtt.limits.all_publishes_per_second: |value| within(value, 0, 1_000_000);
    mqtt.limits.bytes_per_second: |value| within(value, ByteSize(0), ByteSize::mib(1024));
    mqtt.limits.connects_per_second: |value| within(value, 0, 1_000_000);
    mqtt.limits.client_connects_per_second: |value| within(value, 0, 1_000_000);
    mqtt.limits.keep_alive_min: |value| within(value, Period::secs(0), Period::secs(65_535));
    mqtt.limits.keep_alive_max: |value| within(value, Period::secs(0), Period::secs(65_535));
    mqtt.limits.message_expiry: |value| within(value, Period::secs(0), Period::hours(24 * 365));
    mqtt.limits.retain_interval: |value| within(value, Period::secs(0), Period::hours(24));
    http.listen;
    http.tls_listen;
    http.tls_certificate;
    http.tls_key;
    http.tls_name;
    http.require_client_certificate;
    http.public_url;
    store.kind;
    codec.workers: |value| within(value, 0, 64);
    codec.memory: |value| within(value, ByteSize::kib(512), ByteSize::mib(256));
    codec.stack: |value| within(value, ByteSize::kib(64), ByteSize::mib(4));
    codec.time: |value| within(value, Period::millis(1), Period::secs(1));
    codec.suspend_after: |value| within(value, 1, 1000);
    codec.suspend_for: |value| within(value, Period::secs(1), Period::hours(1));
    downlink.reply_window: |value| within(value, Period::millis(0), Period::millis(800));
    downlink.attempts: |value| within(value, 1, 15);
    downlink.queue_limit: |value| within(value, 1, 10_000);
    downlink.expiry: |value| within(value, Period::secs(1), Period::hours(24 * 365));
    downlink.rx1_delay;
    shadow.in_flight: |value| within(value, 0, 10_000);
    rules.files;
    rules.sync_files;
    rules.allowed_hosts;
    rules.queue_length: |value| within(value, 1, 10_000_000);
    rules.queue_size: |value| within(value, ByteSize::mib(1), ByteSize::mib(1 << 20));
    rules.queue_age: |value| within(value, Period::secs(60), Period::hours(24 * 365));
    rules.attempts: |value| within(value, 1, 100);
    rules.dead_letters: |value| within(value, 1, 1_000_000);
    region.eu868.extra_channels: |value: &Vec<NetworkChannel>| region::extra_channels(Region::Eu868, value);
    region.eu868.rx2_frequency: |value: &Option<RadioFrequency>| region::downlink_frequency(Region::Eu868, *value);
    region.eu868.rx2_data_rate: |value: &Option<DataRateIndex>| region::rx2_data_rate(Region::Eu868, *value);
    region.us915.sub_band: |value: &SubBand| region::sub_band(Region::Us915, *value);
    region.us915.rx2_frequency: |value: &Option<RadioFrequency>| region::downlink_frequency(Region::Us915, *value);
    region.us915.rx2_data_rate: |value: &Option<DataRateIndex>| region::rx2_data_rate(Region::Us915, *value);
    region.au915.sub_band: |value: &SubBand| region::sub_band(Region::Au915, *value);
    region.au915.rx2_frequency: |value: &Option<RadioFrequency>| region::downlink_frequency(Region::Au915, *value);
    region.au915.rx2_data_rate: |value: &Option<DataRateIndex>| region::rx2_data_rate(Region::Au915, *value);
    region.as923_1.extra_channels: |value: &Vec<NetworkChannel>| region::extra_channels(Region::As923_1, value);
    region.as923_1.rx2_frequency: |value: &Option<RadioFrequency>| region::downlink_frequency(Region::As923_1, *value);
    region.as923_1.rx2_data_rate: |value: &Option<DataRateIndex>| region::rx2_data_rate(Region::As923_1, *value);
    region.as923_2.extra_channels: |value: &Vec<NetworkChannel>| region::extra_channels(Region::As923_2, value);
    region.as923_2.rx2_frequency: |value: &Option<RadioFrequency>| region::downlink_frequency(Region::As923_2, *value);
    region.as923_2.rx2_data_rate: |value: &Option<DataRateIndex>| region::rx2_data_rate(Region::As923_2, *value);
    region.as923_3.extra_channels: |value: &Vec<NetworkChannel>| region::extra_channels(Region::As923_3, value);
    region.as923_3.rx2_frequency: |value: &Option<RadioFrequency>| region::downlink_frequency(Region::As923_3, *value);
    region.as923_3.rx2_data_rate: |value: &Option<DataRateIndex>| region::rx2_data_rate(Region::As923_3, *value);
    region.as923_4.extra_channels: |value: &Vec<NetworkChannel>| region::extra_channels(Region::As923_4, value);
    region.as923_4.rx2_frequency: |value: &Option<RadioFrequency>| region::downlink_frequency(Region::As923_4, *value);
    region.as923_4.rx2_data_rate: |value: &Option<DataRateIndex>| region::rx2_data_rate(Region::As923_4, *value);
    region.eu433.extra_channels: |value: &Vec<NetworkChannel>| region::extra_channels(Region::Eu433, value);
    region.eu433.rx2_frequency: |value: &Option<RadioFrequency>| region::downlink_frequency(Region::Eu433, *value);
    region.eu433.rx2_data_rate: |value: &Option<DataRateIndex>| region::rx2_data_rate(Region::Eu433, *value);
    region.cn470.sub_band: |value: &SubBand| region::sub_band(Region::Cn470, *value);
    region.cn470.rx2_frequency: |value: &Option<RadioFrequency>| region::downlink_frequency(Region::Cn470, *value);
    region.cn470.rx2_data_rate: |value: &Option<DataRateIndex>| region::rx2_data_rate(Region::Cn470, *value);
    region.cn779.extra_channels: |value: &Vec<NetworkChannel>| region::extra_channels(Region::Cn779, value);
    region.cn779.rx2_frequency: |value: &Option<RadioFrequency>| region::downlink_frequency(Region::Cn779, *value);
    region.cn779.rx2_data_rate: |value: &Option<DataRateIndex>| region::rx2_data_rate(Region::Cn779, *value);
    region.ru864.extra_channels: |value: &Vec<NetworkChannel>| region::extra_channels(Region::Ru864, value);
    region.ru864.rx2_frequency: |value: &Option<RadioFrequency>| region::downlink_frequency(Region::Ru864, *value);
    region.ru864.rx2_data_rate: |value: &Option<DataRateIndex>| region::rx2_data_rate(Region::Ru864, *value);
    region.kr920.extra_channels: |value: &Vec<NetworkChannel>| region::extra_channels(Region::Kr920, value);
    region.kr920.rx2_frequency: |value: &Option<RadioFrequency>| region::downlink_frequency(Region::Kr920, *value);
    region.kr920.rx2_data_rate: |value: &Option<DataRateIndex>| region::rx2_data_rate(Region::Kr920, *value);
    region.in865.extra_channels: |value: &Vec<NetworkChannel>| region::extra_channels(Region::In865, value);
    region.in865.rx2_frequency: |value: &Option<RadioFrequency>| region::downlink_frequency(Region::In865, *value);
    region.in865.rx2_data_rate: |value: &Option<DataRateIndex>| region::rx2_data_rate(Region::In865, *value);
    region.ism2400.extra_channels: |value: &Vec<NetworkChannel>| region::extra_channels(Region::Ism2400, value);
    region.ism2400.rx2_frequency: |value: &Option<RadioFrequency>| region::downlink_frequency(Region::Ism2400, *value);
    region.ism2400.rx2_data_rate: |value: &Option<DataRateIndex>| region::rx2_data_rate(Region::Ism2400, *value);
}

/// Gives a key its value.
pub(super) fn assign(config: &mut Config, assignment: Assignment) -> Result<(), ConfigProblem> {
    let Some(key) = KEYS.iter().find(|key| key.name == assignment.key) else {
        let nearest = nearest(&assignment.key);
        return Err(ConfigProblem::UnknownKey {
            key: assignment.key,
            place: assignment.place,
            nearest,
        });
    };
    let result = match &assignment.given {
        Given::Toml(value) => (key.set)(config, value),
        Given::Text(text) => set_from_text(key, config, text),
    };
    result.map_err(|wrong| {
        let secret = key.name.ends_with("password");
        let shown = || without_password(&assignment.given.to_string());
        let value = if secret { "…".to_owned() } else { shown() };
        ConfigProblem::BadValue {
            key: key.name,
            place: assignment.place,
            value,
            reason: wrong.into_reason(),
        }
    })
}

/// An address with the password in it, if there is one, left out.
fn without_password(shown: &str) -> String {
    let Some((scheme, rest)) = shown.split_once("://") else { return shown.to_owned() };
    let Some((user, host)) = rest.rsplit_once('@') else { return shown.to_owned() };
    let user = user.split_once(':').map_or(user.to_owned(), |(name, _)| format!("{name}:…"));
    format!("{scheme}://{user}@{host}")
}

/// The environment and flags have text: it is the value where the key takes text, else it is read
/// as TOML (`true`, `3`, `["867.1MHz"]`).
fn set_from_text(key: &Key, config: &mut Config, text: &str) -> Result<(), Wrong> {
    let as_text = (key.set)(config, &Value::String(text.to_owned()));
    let Err(Wrong::Type(reason)) = as_text else { return as_text };
    let document: toml::Table = toml::from_str(&format!("value = {text}")).unwrap_or_default();
    match document.get("value") {
        Some(value) if document.len() == 1 => (key.set)(config, value),
        _ => Err(Wrong::Type(reason)),
    }
}

/// The key that looks most like `wanted`, if one does.
pub(super) fn nearest(wanted: &str) -> Option<&'static str> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let same_name = KEYS.iter().filter(|key| last(key.name) == last(wanted));
    let distance = |key: &&Key| edits(key.name, wanted);
    let closest = KEYS.iter().min_by_key(distance).filter(|key| distance(key) <= 4);
    closest.or_else(|| same_name.min_by_key(distance)).map(|key| key.name)
}

/// How many letters to insert, delete or replace to make `a` into `b`.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for j in 0..b.len() {
            let replaced = diagonal + usize::from(b[j] != letter);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn within<T: PartialOrd + Display>(value: &T, least: T, most: T) -> Result<(), String> {
    if (&least..=&most).contains(&value) {
        return Ok(());
    }
    Err(format!("it must be from {least} to {most}"))
}

fn within_length(text: &str, least: usize, most: usize) -> Result<(), String> {
    within(&text.len(), least, most).map_err(|_| format!("it must have {least} to {most} letters"))
}

fn not_empty(path: &Path) -> Result<(), String> {
    if path.as_os_str().is_empty() { Err("it is empty; name a folder".to_owned()) } else { Ok(()) }
}

/// A type that reads itself from a TOML value.
trait Setting: Sized {
    /// The value, or what was wanted.
    fn read(value: &Value) -> Result<Self, Wrong>;
}

fn text_of(value: &Value) -> Result<&str, Wrong> {
    match value {
        Value::String(text) => Ok(text),
        // Without the number: it may be a password.
        Value::Integer(_) => Err(Wrong::Type(
            "a text was expected; put it in quotes, a span of time or a size with its unit"
                .to_owned(),
        )),
        other => {
            let found = other.type_str();
            Err(Wrong::Type(format!("a text in quotes was expected, not a {found}")))
        }
    }
}

fn integer_of(value: &Value) -> Result<i64, Wrong> {
    value.as_integer().ok_or_else(|| Wrong::Type("a whole number was expected".to_owned()))
}

macro_rules! read_from_text {
    ($($type:ty),*) => {$(
        impl Setting for $type {
            fn read(value: &Value) -> Result<Self, Wrong> {
                text_of(value)?.parse().map_err(|error| Wrong::Value(format!("{error}")))
            }
        }
    )*};
}

read_from_text!(
    Anonymous,
    ByteSize,
    Listen,
    LogFormat,
    LogLevel,
    Period,
    RadioFrequency,
    NetworkChannel,
    Region,
    Rx1Delay,
    Speech,
    StoreKind,
    String,
    PathBuf,
    lns_lorawan::NetId
);

macro_rules! read_from_integer {
    ($($type:ty),*) => {$(
        impl Setting for $type {
            fn read(value: &Value) -> Result<Self, Wrong> {
                let out_of_range = |_| Wrong::Value(format!("it must be from 0 to {}", <$type>::MAX));
                integer_of(value)?.try_into().map_err(out_of_range)
            }
        }
    )*};
}

read_from_integer!(u8, u16, u32);

impl Setting for bool {
    fn read(value: &Value) -> Result<Self, Wrong> {
        value.as_bool().ok_or_else(|| Wrong::Type("true or false was expected".to_owned()))
    }
}

impl Setting for Secret {
    fn read(value: &Value) -> Result<Self, Wrong> {
        text_of(value).map(|text| Secret::from(text.to_owned()))
    }
}

impl Setting for SubBand {
    fn read(value: &Value) -> Result<Self, Wrong> {
        u8::read(value).map(SubBand)
    }
}

/// Empty is none.
impl Setting for Option<RadioFrequency> {
    fn read(value: &Value) -> Result<Self, Wrong> {
        match text_of(value)? {
            "" => Ok(None),
            text => RadioFrequency::from_str(text).map(Some).map_err(Wrong::Value),
        }
    }
}

/// Empty is none.
impl Setting for Option<DataRateIndex> {
    fn read(value: &Value) -> Result<Self, Wrong> {
        if value.as_str() == Some("") {
            return Ok(None);
        }
        let index = u8::try_from(integer_of(value)?).ok().and_then(DataRateIndex::new);
        index.map(Some).ok_or_else(|| Wrong::Value("it must be from 0 to 15".to_owned()))
    }
}

/// Empty is none.
impl Setting for Option<BrokerUrl> {
    fn read(value: &Value) -> Result<Self, Wrong> {
        match text_of(value)? {
            "" => Ok(None),
            text => BrokerUrl::from_str(text).map(Some).map_err(Wrong::Value),
        }
    }
}

/// Empty is none.
impl Setting for Option<WebUrl> {
    fn read(value: &Value) -> Result<Self, Wrong> {
        match text_of(value)? {
            "" => Ok(None),
            text => WebUrl::from_str(text).map(Some).map_err(Wrong::Value),
        }
    }
}

/// Empty is none.
impl Setting for Option<DevAddrPrefix> {
    fn read(value: &Value) -> Result<Self, Wrong> {
        match text_of(value)? {
            "" => Ok(None),
            text => DevAddrPrefix::from_str(text).map(Some).map_err(Wrong::Value),
        }
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let list = value.as_array();
        let list = list.ok_or_else(|| Wrong::Type("a list in brackets was expected".to_owned()))?;
        list.iter().map(T::read).collect()
    }
}
