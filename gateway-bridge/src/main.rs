//! The `gateway-bridge` binary: a packet-forwarder server next to its gateways, and an MQTT client
//! of the network server's broker.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Parser;
use gateway_bridge::forward::{BrokerUrl, MqttConfig, MqttForward};
use gateway_bridge::{Bridge, BridgeConfig, Policy};
use gateway_link::GatewayEui;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// Semtech UDP packet forwarders on one side, a network server's MQTT broker on the other.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Where packet forwarders send to; [::]:1700 takes IPv4 and IPv6.
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:1700")]
    semtech_udp: SocketAddr,
    /// The network server's broker, mqtt://host:1883.
    #[arg(long, value_name = "URL")]
    broker_url: BrokerUrl,
    /// MQTT client id: another for each bridge, the same after a restart.
    #[arg(long, value_name = "ID", default_value = "gateway-bridge", value_parser = client_id)]
    client_id: String,
    /// User at the broker.
    #[arg(long, value_name = "NAME", env = "GATEWAY_BRIDGE_USERNAME")]
    username: Option<String>,
    /// Password at the broker. Other users of this host can read flags: prefer the environment or
    /// --password-file.
    #[arg(long, value_name = "TEXT", env = "GATEWAY_BRIDGE_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// File that holds the password.
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    password_file: Option<PathBuf>,
    /// How many messages are kept while the broker is away; then the oldest are dropped.
    #[arg(long, value_name = "MESSAGES", default_value_t = 10_000)]
    buffer: usize,
    /// Serve this gateway; may be repeated. Without it, all are served.
    #[arg(long = "gateway", value_name = "EUI")]
    gateways: Vec<GatewayEui>,
}

fn client_id(text: &str) -> Result<String, String> {
    let sound = !text.is_empty() && text.len() <= 64 && !text.contains(['/', '+', '#']);
    sound.then(|| text.to_owned()).ok_or_else(|| "1 to 64 characters without / + #".into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let forward = Arc::new(MqttForward::new(mqtt_config(&args)?));
    let bridge = Bridge::bind(args.semtech_udp, bridge_config(&args), forward.clone())?;
    tracing::info!(address = %bridge.local_address(), "listening for packet forwarders");
    if let Some(warning) = bridge.receive_buffer_warning() {
        tracing::warn!("{warning}");
    }
    let handle = bridge.handle();
    let socket = bridge.spawn().context("the socket's thread does not start")?;
    let (stop, stopped) = watch::channel(false);
    let broker = tokio::spawn({
        let (forward, handle) = (forward.clone(), handle.clone());
        async move { forward.run(handle, stopped).await }
    });
    terminated().await?;
    tracing::info!("stopping");
    handle.stop();
    tokio::task::spawn_blocking(move || socket.join())
        .await?
        .map_err(|_| anyhow::anyhow!("the socket's thread panicked"))??;
    stop.send(true).context("the broker's task has ended")?;
    broker.await?;
    for (name, label, value) in handle.counters().into_iter().chain(forward.counters()) {
        if value > 0 {
            tracing::info!(name, label, value, "counted");
        }
    }
    Ok(())
}

fn bridge_config(args: &Args) -> BridgeConfig {
    let registered = args.gateways.iter().copied().collect();
    let policy = Policy { require_registered: !args.gateways.is_empty(), registered };
    BridgeConfig { policy, ..BridgeConfig::default() }
}

fn mqtt_config(args: &Args) -> anyhow::Result<MqttConfig> {
    let password = match &args.password_file {
        Some(file) => Some(read_password(file)?),
        None => args.password.clone(),
    };
    let credentials = match (&args.username, password) {
        (Some(user), password) => Some((user.clone(), password.unwrap_or_default())),
        (None, None) => None,
        (None, Some(_)) => bail!("a password needs a user: give --username"),
    };
    Ok(MqttConfig {
        broker: args.broker_url.clone(),
        client_id: args.client_id.clone(),
        credentials,
        buffer: args.buffer,
    })
}

fn read_password(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("password file {} cannot be read", file.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

async fn terminated() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
