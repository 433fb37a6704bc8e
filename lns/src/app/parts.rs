//! Settings of the rooms, from the configuration.

use std::path::PathBuf;
use std::sync::Arc;

use lns_core::Network;
use lns_core::env::ExtraChannel;
use lns_lorawan::{DevAddrPrefix, Region, RxDelay, TimeDelta, Timestamp};
use lns_pipeline::codec::Limits;

use super::certificates::Certificates;
use crate::broker::{
    Broker, BrokerTls, BrokerUrl, Credentials, Embedded, EmbeddedConfig, External, ExternalConfig,
    Surroundings,
};
use crate::config::{CodecConfig, Config, MqttConfig, Period, Rx1Delay};
use crate::identity::Identity;
use crate::outbox::{self, Bounds};
use crate::registry::{Defaults, RegionDefaults};
use crate::tls::TlsSettings;

/// An event takes about this much memory while it waits.
const EVENT: u64 = 512;

/// A broker, and where it listens when it is ours.
pub type Started = (Arc<dyn Broker>, Option<std::net::SocketAddr>);

/// The network's settings.
pub fn network(config: &Config) -> Network {
    Network {
        net_id: config.server.net_id,
        // Profiles have it from the registry, which knows each region's.
        sub_band: None,
        extra_channels: Region::ALL.into_iter().flat_map(|of| extra_channels(config, of)).collect(),
        queue_limit: config.downlink.queue_limit as usize,
    }
}

/// The channels that are configured for one region.
fn extra_channels(config: &Config, region: Region) -> impl Iterator<Item = ExtraChannel> {
    let channels = config.region.of(region).extra_channels.iter();
    channels.map(move |channel| channel.in_region(region))
}

/// The block that DevAddrs are given from: the one named, else all of the NetID's.
pub fn addresses(config: &Config) -> DevAddrPrefix {
    config.server.dev_addr_block.unwrap_or(config.server.net_id.prefix())
}

/// What profiles that leave something open mean.
pub fn defaults(config: &Config) -> Defaults {
    Defaults {
        region: config.server.region,
        confirmed_attempts: config.downlink.attempts,
        reply_window_ms: config.downlink.reply_window.0.as_millis() as u32,
        regions: Region::ALL.map(|region| region_defaults(config, region)).to_vec(),
        addresses: addresses(config),
    }
}

/// What the network has in one region.
fn region_defaults(config: &Config, region: Region) -> RegionDefaults {
    let settings = config.region.of(region);
    RegionDefaults {
        region,
        sub_band: settings.sub_band,
        rx2_frequency: settings.rx2_frequency.map(|frequency| frequency.0),
        rx2_data_rate: settings.rx2_data_rate,
    }
}

/// RxDelay of devices that join under a profile that names none; `None`: by the round trip.
pub fn rx_delay(config: &Config) -> Option<RxDelay> {
    match config.downlink.rx1_delay {
        Rx1Delay::Auto => None,
        Rx1Delay::Seconds(seconds) => RxDelay::new(seconds),
    }
}

/// How many partitions: as configured, else one for two cores, so that the rest of the walk has
/// cores, too.
pub fn partitions(config: &Config) -> u16 {
    match config.server.partitions {
        0 => cores().div_ceil(2).min(64),
        some => some,
    }
}

/// The outbox's settings.
pub fn outbox(config: &Config) -> outbox::Settings {
    let workers = match config.codec.workers {
        0 => usize::from(cores()).div_ceil(2),
        some => usize::from(some),
    };
    let bytes = config.mqtt.backlog_size.0 / workers as u64;
    outbox::Settings {
        workers,
        bounds: Bounds { events: (bytes / EVENT) as usize + 1024, bytes: bytes as usize },
        max_age: delta(config.mqtt.backlog_age),
        limits: codec_limits(&config.codec),
    }
}

/// What a codec may use.
pub fn codec_limits(config: &CodecConfig) -> Limits {
    Limits {
        memory_bytes: config.memory.0 as usize,
        stack_bytes: config.stack.0 as usize,
        call_us: config.time.0.as_micros() as u64,
        strikes: u8::try_from(config.suspend_after).unwrap_or(u8::MAX),
        suspension_us: config.suspend_for.0.as_micros() as i64,
        ..Limits::default()
    }
}

/// Starts the broker, ours or the way to another.
pub fn broker(
    config: &Config,
    around: Surroundings,
    (identity, certificates): (&Identity, &Certificates),
) -> anyhow::Result<Started> {
    let mqtt = &config.mqtt;
    if let Some(url) = &mqtt.broker_url {
        let mut external = ExternalConfig::new(BrokerUrl {
            host: url.host.clone(),
            port: url.port,
            tls: url.tls,
            credentials: credentials(&mqtt.username, mqtt.password.expose()),
        });
        external.client_id.clone_from(&mqtt.client_id);
        external.speech = mqtt.broker_version;
        external.tls = broker_tls(mqtt);
        let external = External::open(external, around.intake, around.store)?;
        return Ok((Arc::new(external), None));
    }
    let address = mqtt.listen.address().unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
    let mut embedded = EmbeddedConfig::new(address);
    embedded.bridge = credentials("bridge", mqtt.bridge_password.expose());
    embedded.clients = mqtt.max_clients as usize;
    super::broker_bounds::set(&mut embedded, mqtt);
    embedded.tls = tls(config, identity, around.clock.now())?;
    if let Some((_, settings)) = &embedded.tls {
        certificates.watch("mqtt", settings);
    }
    let broker = Embedded::open(embedded, around)?;
    let address = broker.address();
    Ok((Arc::new(broker), Some(address)))
}

/// Whom to trust as another broker, and what to show it.
fn broker_tls(mqtt: &MqttConfig) -> BrokerTls {
    let file = |path: &PathBuf| (!path.as_os_str().is_empty()).then(|| path.clone());
    BrokerTls {
        authorities: file(&mqtt.broker_ca),
        identity: file(&mqtt.broker_certificate).zip(file(&mqtt.broker_key)),
    }
}

/// Where MQTT is spoken over TLS, and how.
fn tls(
    config: &Config,
    identity: &Identity,
    now: Timestamp,
) -> anyhow::Result<Option<(std::net::SocketAddr, TlsSettings)>> {
    let mqtt = &config.mqtt;
    let Some(address) = mqtt.tls_listen.address() else { return Ok(None) };
    let mut settings = match mqtt.tls_certificate.as_os_str().is_empty() {
        true => own_tls(config, identity, now)?,
        false => TlsSettings::read(mqtt.tls_certificate.clone(), mqtt.tls_key.clone())?,
    };
    settings.require_certificate = mqtt.require_client_certificate;
    Ok(Some((address, settings)))
}

/// How HTTP is spoken over TLS.
pub fn http_tls(
    config: &Config,
    identity: &Identity,
    now: Timestamp,
) -> anyhow::Result<TlsSettings> {
    let http = &config.http;
    let mut settings = match http.tls_certificate.as_os_str().is_empty() {
        true => own_tls(config, identity, now)?,
        false => TlsSettings::read(http.tls_certificate.clone(), http.tls_key.clone())?,
    };
    settings.require_certificate = http.require_client_certificate;
    Ok(settings)
}

/// TLS with the certificate of the server's own authority: one for all doors, under all names.
fn own_tls(config: &Config, identity: &Identity, now: Timestamp) -> anyhow::Result<TlsSettings> {
    let (mqtt, http) = (&config.mqtt, &config.http);
    let given = [&mqtt.tls_name, &http.tls_name];
    let given = given.into_iter().flat_map(|names| names.split([',', ' ']));
    let mut names: Vec<String> = given.filter(|name| !name.is_empty()).map(Into::into).collect();
    names.extend(http.public_url.iter().map(|url| url.host().trim_matches(['[', ']']).into()));
    let listeners = [mqtt.tls_listen, http.tls_listen];
    names.extend(listeners.iter().filter_map(|at| Some(at.address()?.ip().to_string())));
    names.push("localhost".to_owned());
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let files = identity.authority()?.server(&names, now)?;
    Ok(TlsSettings::read(files.certificate, files.key)?)
}

/// A span of the configuration as a span of ours.
pub fn delta(period: Period) -> TimeDelta {
    TimeDelta::from_std(period.0)
}

fn credentials(username: &str, password: &str) -> Option<Credentials> {
    (!password.is_empty())
        .then(|| Credentials { username: username.into(), password: password.into() })
}

fn cores() -> u16 {
    std::thread::available_parallelism().map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(64))
}
