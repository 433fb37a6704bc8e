//! `lns demo`: the real server, and through real UDP on loopback a gateway and three devices.

mod application;
mod ports;
mod screen;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use lns_lorawan::{DevEui, TimeDelta};
use sim::provision::{Provision, provision};
use sim::{Config as Simulation, Scenario};

use super::run::{RunArgs, problems_as_one};
use crate::app::{Addresses, EndSignal, Server, init_logging};
use crate::config::{Config, LogLevel};
use application::Application;
use screen::Screen;

/// From one uplink of a device to its next.
const INTERVAL: TimeDelta = TimeDelta::from_secs(8);

/// The scripts that read the simulated devices' payloads.
const CODECS: [(&str, &str); 3] = [
    ("temperature.js", lns_pipeline::samples::TEMPERATURE),
    ("switch.js", lns_pipeline::samples::SWITCH),
    ("tracker.js", lns_pipeline::samples::TRACKER),
];

/// Which of the simulated devices is the switch.
const SWITCH: u64 = 1;

/// The flags of `run`, and when to stop.
#[derive(Clone, Debug, Args)]
pub(super) struct DemoArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Stop by itself after so long, such as 30s [default: never].
    #[arg(long, value_name = "TIME")]
    duration: Option<humantime::Duration>,
}

/// Runs the demonstration until it is told to end.
pub(super) fn demo(args: &DemoArgs) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("lns-demo-")
        .tempdir()
        .context("making a temporary folder for the demonstration's data")?;
    let mut config = args.run.load().map_err(problems_as_one)?;
    config.server.data_dir = folder.path().join("data");
    // The transcript is the demonstration; the log speaks up only when something is wrong.
    if config.server.log_level == LogLevel::Info {
        config.server.log_level = LogLevel::Warn;
    }
    init_logging(config.server.log_level, config.server.log_format);
    for line in ports::replace_taken(&mut config) {
        println!("{line}");
    }
    // Before anything that must not be cut off: the data are in a temporary folder.
    let end = EndSignal::listen().context("listening for SIGTERM")?;
    let server = Server::start(&config)?;
    let screen = Arc::new(Screen::new());
    screen.name_devices_of(&server);
    let addresses = server.addresses();
    greet(&config, &addresses);

    let scenario = scenario(&config);
    register(&addresses, &scenario, folder.path())?;
    let udp = addresses.semtech_udp.context("the demonstration needs UDP; leave it on")?;
    let on_event = Some(Arc::clone(&screen).on_event());
    let simulation =
        sim::run(Simulation { server: reachable(udp), scenario: scenario.clone(), on_event })?;
    let switch = DevEui::new(scenario.dev_eui_base.value() + SWITCH);
    let application = Application::start(addresses.mqtt.map(reachable), switch)?;

    match args.duration {
        Some(duration) => end.wait_at_most(Duration::from(duration)),
        None => end.wait(),
    }
    application.stop();
    println!("\n{}", simulation.stop());
    server.stop()
}

/// One gateway, a thermometer, a switch and a tracker.
fn scenario(config: &Config) -> Scenario {
    Scenario {
        region: config.server.region,
        sub_band: config.region.of(config.server.region).sub_band,
        interval: INTERVAL,
        confirmed_share: 0.2,
        ..Scenario::default()
    }
}

/// Makes the devices known through the same API that anybody would use.
fn register(
    addresses: &Addresses,
    scenario: &Scenario,
    folder: &std::path::Path,
) -> anyhow::Result<()> {
    let http = addresses.http.context("the demonstration needs the HTTP API; leave it on")?;
    for (name, script) in CODECS {
        std::fs::write(folder.join(name), script).context("writing the sample codecs")?;
    }
    let to = Provision {
        base: format!("http://{}", reachable(http)).parse()?,
        destination: crate::registry::DEFAULT_DESTINATION.to_owned(),
        codecs: Some(folder.to_owned()),
    };
    provision(&to, scenario, |_| ())?;
    Ok(())
}

/// Where everything is, and what to try.
fn greet(config: &Config, addresses: &Addresses) {
    let shown = |address: Option<SocketAddr>| {
        address.map_or_else(|| "off".to_owned(), |address| reachable(address).to_string())
    };
    let (http, mqtt) = (shown(addresses.http), addresses.mqtt.map(reachable));
    println!("lns demo — region {}; Ctrl-C ends it", config.server.region);
    println!("  gateways  udp://{}   (Semtech packet forwarder)", shown(addresses.semtech_udp));
    println!(
        "  MQTT      {}",
        mqtt.map_or_else(|| "another broker".into(), |at| format!("mqtt://{at}"))
    );
    println!("  HTTP      http://{http}   metrics at http://{http}/metrics");
    println!("Try in another terminal:");
    if let Some(at) = mqtt {
        let (host, port) = (at.ip(), at.port());
        println!("  mosquitto_sub -h {host} -p {port} -q 1 -v -t 'lorawan/#'");
        println!(
            "  mosquitto_pub -h {host} -p {port} -q 1 -t lorawan/70b3d57ed0010001/down \
             -m '{{\"FPort\":10,\"Payload\":{{\"state\":\"on\"}},\"Confirmed\":true}}'"
        );
    }
    println!("  curl -s http://{http}/v1/wireless-devices");
    println!();
}

/// An address to which somebody on this machine can connect: not "all of them".
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
