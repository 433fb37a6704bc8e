//! The configuration: what it is, where it comes from, and everything that is wrong with it.
//!
//! Flags beat the environment (`LNS_SECTION__KEY`), which beats the file, which beats the
//! defaults. Every key is one row of a table; `deploy/lns.example.toml` explains them to people,
//! and a test keeps the two the same. A problem never hides another: all are collected.

mod channel;
mod keys;
mod mqtt_limits;
mod problem;
mod region;
mod source;
#[cfg(test)]
mod tests;
mod units;
mod web_url;

use std::path::{Path, PathBuf};

pub use channel::NetworkChannel;
pub use mqtt_limits::MqttLimits;
pub use problem::{ConfigProblem, Place};
pub use region::{DynamicRegion, FixedRegion, RegionConfig, RegionSettings, SubBand};
pub use source::Overrides;
pub use units::{
    Anonymous, BrokerUrl, ByteSize, Listen, LogFormat, LogLevel, Period, RadioFrequency, Rx1Delay,
    Secret,
};
pub use web_url::WebUrl;

use lns_lorawan::Region;

use crate::broker::Speech;
use crate::store::StoreKind;

/// Everything that can be configured. The fields are the keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What the server is.
    pub server: ServerConfig,
    /// How gateways reach it.
    pub gateway: GatewayConfig,
    /// How copies of one transmission gather.
    pub dedup: DedupConfig,
    /// How applications reach it.
    pub mqtt: MqttConfig,
    /// The API for provisioning, health and metrics.
    pub http: HttpConfig,
    /// Where the records are.
    pub store: StoreConfig,
    /// What payload codecs may use up.
    pub codec: CodecConfig,
    /// How downlinks are queued and sent, where a profile or a request does not say.
    pub downlink: DownlinkConfig,
    /// Device shadows.
    pub shadow: ShadowConfig,
    /// Rules and what their actions may do.
    pub rules: RulesConfig,
    /// What regions leave open.
    pub region: RegionConfig,
}

/// `[server]`
#[derive(Clone, Debug, PartialEq)]
pub struct ServerConfig {
    /// The folder with everything that must survive a restart.
    pub data_dir: PathBuf,
    /// The region of gateways and profiles that do not name one.
    pub region: Region,
    /// The NetID; DevAddrs are assigned from its block.
    pub net_id: lns_lorawan::NetId,
    /// The block of addresses that DevAddrs are assigned from, where it is not the NetID's whole one.
    pub dev_addr_block: Option<lns_lorawan::DevAddrPrefix>,
    /// From which severity on the log shows.
    pub log_level: LogLevel,
    /// How the log is written.
    pub log_format: LogFormat,
    /// Threads that decide frames; 0 is one a core.
    pub partitions: u16,
}

/// `[gateway]`
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayConfig {
    /// Where Semtech's UDP protocol is heard.
    pub semtech_udp: Listen,
    /// Are gateways refused that nobody registered?
    pub require_registered_gateways: bool,
    /// How many gateways that nobody registered are listed.
    pub unknown_gateways: u32,
    /// What is asked of the system for the UDP socket.
    pub receive_buffer: ByteSize,
}

/// `[dedup]`
#[derive(Clone, Debug, PartialEq)]
pub struct DedupConfig {
    /// The longest that copies of one transmission gather.
    pub limit: Period,
}

/// `[mqtt]`
#[derive(Clone, Debug, PartialEq)]
pub struct MqttConfig {
    /// Where the embedded broker listens. Not used with `broker_url`.
    pub listen: Listen,
    /// Another broker instead of the embedded one.
    pub broker_url: Option<BrokerUrl>,
    /// Which MQTT is spoken to another broker.
    pub broker_version: Speech,
    /// A file with the authorities of another broker's certificate; empty: those of the system.
    pub broker_ca: PathBuf,
    /// A file with the certificate that is shown to another broker; empty: none.
    pub broker_certificate: PathBuf,
    /// A file with its key.
    pub broker_key: PathBuf,
    /// How the server calls itself at another broker.
    pub client_id: String,
    /// The user name at another broker; empty is none.
    pub username: String,
    /// The password at another broker; empty is none.
    pub password: Secret,
    /// The password of gateway bridges at the embedded broker; empty: only those on this machine.
    pub bridge_password: Secret,
    /// Where the embedded broker listens for TLS.
    pub tls_listen: Listen,
    /// The file with the server's certificate; empty: the server's own authority makes one.
    pub tls_certificate: PathBuf,
    /// The file with its key.
    pub tls_key: PathBuf,
    /// The names by which clients call the server, for the certificate that its own authority makes.
    pub tls_name: String,
    /// Is a client turned away that comes over TLS without a certificate?
    pub require_client_certificate: bool,
    /// How many clients may be connected, or have a session kept, at the embedded broker.
    pub max_clients: u32,
    /// Undelivered events beyond this are skipped, oldest first.
    pub backlog_size: ByteSize,
    /// Undelivered events older than this are skipped.
    pub backlog_age: Period,
    /// Who may come to the embedded broker as nobody.
    pub anonymous: Anonymous,
    /// How long the session of a client that is away is kept at most.
    pub session_expiry: Period,
    /// The largest packet of MQTT that a client may send.
    pub max_packet: ByteSize,
    /// Messages that wait for one client at most; then the oldest are dropped.
    pub queue_length: u32,
    /// The same in bytes.
    pub queue_size: ByteSize,
    /// Bytes that wait for all clients together.
    pub queue_memory: ByteSize,
    /// Retained messages.
    pub retained_length: u32,
    /// Bytes of all retained messages.
    pub retained_size: ByteSize,
    /// What is limited besides.
    pub limits: MqttLimits,
}

/// `[http]`
#[derive(Clone, Debug, PartialEq)]
pub struct HttpConfig {
    /// Where the API, `/healthz` and `/metrics` are.
    pub listen: Listen,
    /// Where the same is spoken over TLS.
    pub tls_listen: Listen,
    /// The file with the server's certificate; empty: the server's own authority makes one.
    pub tls_certificate: PathBuf,
    /// The file with its key.
    pub tls_key: PathBuf,
    /// The names by which clients call the server, as [`MqttConfig::tls_name`].
    pub tls_name: String,
    /// Is a client turned away that comes over TLS without a certificate?
    pub require_client_certificate: bool,
    /// How the world calls this server; `None`: by the address that it listens on.
    pub public_url: Option<WebUrl>,
}

/// `[store]`
#[derive(Clone, Debug, PartialEq)]
pub struct StoreConfig {
    /// Which implementation.
    pub kind: StoreKind,
}

/// `[codec]`
#[derive(Clone, Debug, PartialEq)]
pub struct CodecConfig {
    /// Threads that run payload codecs; 0 is one for two cores.
    pub workers: u16,
    /// Memory of one call.
    pub memory: ByteSize,
    /// Stack of one call.
    pub stack: ByteSize,
    /// CPU time of one call.
    pub time: Period,
    /// Limit hits in a row that suspend a codec.
    pub suspend_after: u32,
    /// How long it stays suspended.
    pub suspend_for: Period,
}

/// `[downlink]`
#[derive(Clone, Debug, PartialEq)]
pub struct DownlinkConfig {
    /// How long an occasion with something to say waits for more.
    pub reply_window: Period,
    /// Transmissions of a confirmed downlink before it has failed.
    pub attempts: u8,
    /// Queued downlinks of one device.
    pub queue_limit: u32,
    /// How long a downlink waits for its turn.
    pub expiry: Period,
    /// RxDelay that devices are given when they join.
    pub rx1_delay: Rx1Delay,
}

/// `[rules]`
#[derive(Clone, Debug, PartialEq)]
pub struct RulesConfig {
    /// The folder that file actions write below; empty: `files` in the data directory.
    pub files: String,
    /// Whether a line must be on the disk before it counts as written.
    pub sync_files: bool,
    /// To which hosts actions may connect; none: any.
    pub allowed_hosts: Vec<String>,
    /// Tasks that may wait for one action.
    pub queue_length: u32,
    /// Bytes that may wait for one action.
    pub queue_size: ByteSize,
    /// What could not be done for so long is given up.
    pub queue_age: Period,
    /// How often an endpoint that answers may fail to do one task.
    pub attempts: u8,
    /// Dead letters of one action that are kept.
    pub dead_letters: u32,
}

impl RulesConfig {
    /// The folder of files.
    pub fn files_dir(&self, data_dir: &Path) -> PathBuf {
        match self.files.as_str() {
            "" => data_dir.join("files"),
            folder => PathBuf::from(folder),
        }
    }
}

/// `[shadow]`
#[derive(Clone, Debug, PartialEq)]
pub struct ShadowConfig {
    /// Requests of one connection for one thing that may be under way; 0 is any number.
    pub in_flight: u32,
}

impl Config {
    /// Reads the file if there is one, then the environment, then the flags.
    ///
    /// `env` may be the whole environment: what is not ours is passed over.
    ///
    /// # Errors
    /// Everything that is wrong, file first.
    pub fn load(
        file: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
        flags: Overrides,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        let mut assignments = match file {
            Some(path) => source::from_file(path, &mut problems),
            None => Vec::new(),
        };
        assignments.extend(source::from_env(env, &mut problems));
        assignments.extend(flags.into_assignments());
        let mut config = Self::default();
        for assignment in assignments {
            if let Err(problem) = keys::assign(&mut config, assignment) {
                problems.push(problem);
            }
        }
        config.check(&mut problems);
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// What no key can be blamed for alone.
    fn check(&self, problems: &mut Vec<ConfigProblem>) {
        let of_net_id = self.server.net_id.prefix();
        if let Some(block) = self.server.dev_addr_block
            && (!of_net_id.contains(block.dev_addr) || block.length < of_net_id.length)
        {
            problems.push(ConfigProblem::Conflict {
                key: "server.dev_addr_block",
                reason: format!(
                    "{block} is no part of {of_net_id}, the block of server.net_id {}; give the \
                     NetID that the block is of",
                    self.server.net_id
                ),
            });
        }
        mqtt_limits::check(self, problems);
        let mqtt = &self.mqtt;
        self.check_ports(problems);
        if mqtt.broker_url.is_none() && mqtt.listen == Listen::Off {
            problems.push(ConfigProblem::Conflict {
                key: "mqtt.listen",
                reason: "it is off and mqtt.broker_url is empty, so that no application could \
                         hear anything; set one of them"
                    .to_owned(),
            });
        }
        if mqtt.broker_certificate.as_os_str().is_empty() != mqtt.broker_key.as_os_str().is_empty()
        {
            problems.push(ConfigProblem::Conflict {
                key: "mqtt.broker_certificate",
                reason:
                    "a certificate has a key, and a key a certificate; set mqtt.broker_key and \
                         this, or neither"
                        .to_owned(),
            });
        }
        let names_a_user = !mqtt.username.is_empty() || !mqtt.password.is_empty();
        if mqtt.broker_url.is_none() && names_a_user {
            problems.push(ConfigProblem::Conflict {
                key: "mqtt.username",
                reason: "user name and password are for another broker; set mqtt.broker_url, or \
                         take them out"
                    .to_owned(),
            });
        }
    }
}

impl Config {
    /// No two doors at one port.
    fn check_ports(&self, problems: &mut Vec<ConfigProblem>) {
        let (mqtt, http) = (&self.mqtt, &self.http);
        let ours = mqtt.broker_url.is_none();
        let ports = [
            ("mqtt.listen", mqtt.listen, ours),
            ("mqtt.tls_listen", mqtt.tls_listen, ours),
            ("http.listen", http.listen, true),
            ("http.tls_listen", http.tls_listen, true),
        ];
        let ports = ports.map(|(key, port, used)| (key, if used { port } else { Listen::Off }));
        for (at, (key, port)) in ports.iter().enumerate() {
            for (other, _) in ports[at + 1..].iter().filter(|(_, other)| port.clashes_with(*other))
            {
                let reason = format!("{port} is {other} too; give one another port");
                problems.push(ConfigProblem::Conflict { key, reason });
            }
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: ServerConfig {
                data_dir: PathBuf::from("./lns-data"),
                region: Region::Eu868,
                net_id: lns_lorawan::NetId::new(0).expect("0 has 24 bits"),
                dev_addr_block: None,
                log_level: LogLevel::Info,
                log_format: LogFormat::Text,
                partitions: 0,
            },
            gateway: GatewayConfig {
                semtech_udp: Listen::at([0, 0, 0, 0], 1700),
                require_registered_gateways: false,
                unknown_gateways: 1000,
                receive_buffer: ByteSize::mib(8),
            },
            dedup: DedupConfig { limit: Period::millis(200) },
            mqtt: MqttConfig {
                listen: Listen::at([127, 0, 0, 1], 1883),
                broker_url: None,
                broker_version: Speech::Auto,
                broker_ca: PathBuf::new(),
                broker_certificate: PathBuf::new(),
                broker_key: PathBuf::new(),
                client_id: "lns".to_owned(),
                username: String::new(),
                password: Secret::default(),
                bridge_password: Secret::default(),
                tls_listen: Listen::Off,
                tls_certificate: PathBuf::new(),
                tls_key: PathBuf::new(),
                tls_name: String::new(),
                require_client_certificate: false,
                max_clients: 50_000,
                backlog_size: ByteSize::mib(64),
                backlog_age: Period::hours(24),
                anonymous: Anonymous::Loopback,
                session_expiry: Period::hours(2),
                max_packet: ByteSize::mib(1),
                queue_length: 100_000,
                queue_size: ByteSize::mib(64),
                queue_memory: ByteSize::mib(512),
                retained_length: 100_000,
                retained_size: ByteSize::mib(256),
                limits: MqttLimits::default(),
            },
            http: HttpConfig {
                listen: Listen::at([127, 0, 0, 1], 8080),
                tls_listen: Listen::Off,
                tls_certificate: PathBuf::new(),
                tls_key: PathBuf::new(),
                tls_name: String::new(),
                require_client_certificate: false,
                public_url: None,
            },
            store: StoreConfig { kind: StoreKind::Sled },
            codec: CodecConfig {
                workers: 0,
                memory: ByteSize::mib(8),
                stack: ByteSize::mib(1),
                time: Period::millis(20),
                suspend_after: 5,
                suspend_for: Period::secs(60),
            },
            downlink: DownlinkConfig {
                reply_window: Period::millis(0),
                attempts: 3,
                queue_limit: 100,
                expiry: Period::hours(24),
                rx1_delay: Rx1Delay::Auto,
            },
            shadow: ShadowConfig { in_flight: 10 },
            rules: RulesConfig {
                files: String::new(),
                sync_files: true,
                allowed_hosts: Vec::new(),
                queue_length: 100_000,
                queue_size: ByteSize::mib(64),
                queue_age: Period::hours(24),
                attempts: 10,
                dead_letters: 1000,
            },
            region: RegionConfig::default(),
        }
    }
}
