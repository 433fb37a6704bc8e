//! `lns gateway-config REGION`: a `global_conf.json` for Semtech's packet forwarder on an SX1302 or
//! SX1303 with SX1250 radios, the usual gateway of today, that suits this server.
//!
//! What belongs to the board (RSSI offsets, the table of transmit powers, the SPI device) is what
//! Semtech's reference design has; a maker's own file is better there, and then only the channels
//! and `gateway_conf` need to be taken over.

use std::net::{IpAddr, UdpSocket};

use anyhow::{Context as _, bail};
use clap::Args;
use lns_lorawan::{GatewayEui, Region};
use serde_json::{Value, json};

use super::run::{RunArgs, problems_as_one};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct GatewayConfigArgs {
    /// EU868 or US915.
    region: String,
    /// This server's name or address, as the gateway sees it [default: this machine's address].
    #[arg(long, value_name = "HOST")]
    server: Option<String>,
    /// The gateway's EUI.
    #[arg(long, value_name = "EUI")]
    gateway_eui: Option<GatewayEui>,
    /// The sub-band of US915, 1 to 8 [default: 2].
    #[arg(long, value_name = "N")]
    sub_band: Option<String>,
    /// The server's configuration, for its port and channels.
    #[arg(long, value_name = "FILE")]
    config: Option<std::path::PathBuf>,
}

pub(super) fn print(args: &GatewayConfigArgs) -> anyhow::Result<()> {
    let run = RunArgs {
        config: args.config.clone(),
        region: Some(args.region.clone()),
        sub_band: args.sub_band.clone(),
        ..RunArgs::default()
    };
    let config = run.load().map_err(problems_as_one)?;
    let server = args.server.clone().or_else(own_address);
    let server = server.context("cannot tell this machine's address; name it with --server")?;
    if args.gateway_eui.is_none() {
        eprintln!("gateway_ID is a placeholder: put the gateway's own EUI there (--gateway-eui)");
    }
    let json = global_conf(&config, &server, args.gateway_eui)?;
    println!("{}", serde_json::to_string_pretty(&json).expect("it is plain JSON"));
    Ok(())
}

/// The address from which this machine would reach others. Nothing is sent.
fn own_address() -> Option<String> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    // TEST-NET-1 of RFC 5737: routed by default, and nobody's.
    socket.connect(("192.0.2.1", 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    Some(address).filter(|address| !address.is_unspecified()).as_ref().map(IpAddr::to_string)
}

/// The channels of one concentrator: two radios, and what lies within their reach.
struct Channels {
    /// Centres of radio 0 and radio 1, in Hz.
    centres: [u32; 2],
    /// The eight channels of 125 kHz and all spreading factors, in Hz.
    multi_sf: Vec<u32>,
    /// The one wide channel: Hz, bandwidth, spreading factor.
    wide: (u32, u32, u8),
    /// The FSK channel of 50 kbit/s, in Hz.
    fsk: Option<u32>,
    /// What the gateway may send on, in Hz.
    tx: (u32, u32),
}

/// How far from a radio's centre a channel of 125 kHz is heard, in Hz.
const REACH: u32 = 400_000;

fn global_conf(
    config: &Config,
    server: &str,
    gateway_eui: Option<GatewayEui>,
) -> anyhow::Result<Value> {
    let channels = match config.server.region {
        Region::Eu868 => eu868(config),
        Region::Us915 => us915(config),
        other => bail!("there is no example of a gateway in {other} yet"),
    };
    let Some(udp) = config.gateway.semtech_udp.address() else {
        bail!("gateway.semtech_udp is off, so that no packet forwarder can reach this server");
    };
    let gateway_id = gateway_eui.unwrap_or(GatewayEui::new(0xaa55_5a00_0000_0000));
    Ok(json!({
        "SX130x_conf": concentrator(&channels)?,
        "gateway_conf": {
            "gateway_ID": gateway_id.to_string().to_uppercase(),
            "server_address": server,
            "serv_port_up": udp.port(),
            "serv_port_down": udp.port(),
            "keepalive_interval": 10,
            "stat_interval": 30,
            "push_timeout_ms": 100,
            "forward_crc_valid": true,
            "forward_crc_error": false,
            "forward_crc_disabled": false
        }
    }))
}

/// The three channels that every device knows, and the configured ones (RP002, EU863-870).
fn eu868(config: &Config) -> Channels {
    let extra = config.region.eu868.extra_channels.iter().map(|channel| channel.0.hz());
    Channels {
        centres: [867_500_000, 868_500_000],
        multi_sf: [868_100_000, 868_300_000, 868_500_000].into_iter().chain(extra).collect(),
        wide: (868_300_000, 250_000, 7),
        fsk: Some(868_800_000),
        tx: (863_000_000, 870_000_000),
    }
}

/// Channel n is 902.3 MHz + n × 200 kHz, wide channel 64 + n is 903.0 MHz + n × 1.6 MHz, downlinks
/// are from 923.3 MHz (RP002, US902-928).
fn us915(config: &Config) -> Channels {
    let above = u32::from(config.region.us915.sub_band.number() - 1) * 1_600_000;
    let first = 902_300_000 + above;
    Channels {
        centres: [first + 400_000, first + 1_100_000],
        multi_sf: (0..8).map(|n| first + n * 200_000).collect(),
        wide: (903_000_000 + above, 500_000, 8),
        fsk: None,
        tx: (923_000_000, 928_000_000),
    }
}

fn concentrator(channels: &Channels) -> anyhow::Result<Value> {
    let mut json = json!({
        "com_type": "SPI",
        "com_path": "/dev/spidev0.0",
        "lorawan_public": true,
        "clksrc": 0,
        "antenna_gain": 0,
        "full_duplex": false,
        "fine_timestamp": { "enable": false, "mode": "all_sf" },
        "radio_0": radio(channels.centres[0], Some(channels.tx)),
        "radio_1": radio(channels.centres[1], None),
        "chan_multiSF_All": { "spreading_factor_enable": [5, 6, 7, 8, 9, 10, 11, 12] },
    });
    for (index, frequency) in channels.multi_sf.iter().enumerate() {
        json[format!("chan_multiSF_{index}")] = channel(&channels.centres, *frequency)?;
    }
    let (frequency, bandwidth, spreading_factor) = channels.wide;
    json["chan_Lora_std"] = channel(&channels.centres, frequency)?;
    json["chan_Lora_std"]["bandwidth"] = bandwidth.into();
    json["chan_Lora_std"]["spread_factor"] = spreading_factor.into();
    json["chan_FSK"] = match channels.fsk {
        Some(frequency) => channel(&channels.centres, frequency)?,
        None => json!({ "enable": false, "radio": 0, "if": 0 }),
    };
    json["chan_FSK"]["bandwidth"] = 125_000.into();
    json["chan_FSK"]["datarate"] = 50_000.into();
    Ok(json)
}

fn channel(centres: &[u32; 2], frequency: u32) -> anyhow::Result<Value> {
    let radio = usize::from(frequency.abs_diff(centres[1]) < frequency.abs_diff(centres[0]));
    if frequency.abs_diff(centres[radio]) > REACH {
        let [low, high] = centres.map(|centre| f64::from(centre) / 1e6);
        let channel = f64::from(frequency) / 1e6;
        bail!("no radio hears {channel} MHz: they are at {low} and {high} MHz and reach 0.4 MHz");
    }
    Ok(json!({
        "enable": true,
        "radio": radio,
        "if": i64::from(frequency) - i64::from(centres[radio]),
    }))
}

fn radio(frequency: u32, tx: Option<(u32, u32)>) -> Value {
    let mut json = json!({
        "enable": true,
        "type": "SX1250",
        "freq": frequency,
        "rssi_offset": -215.4,
        "rssi_tcomp": {
            "coeff_a": 0, "coeff_b": 0, "coeff_c": 20.41, "coeff_d": 2162.56, "coeff_e": 0
        },
        "tx_enable": tx.is_some(),
    });
    if let Some((lowest, highest)) = tx {
        json["tx_freq_min"] = lowest.into();
        json["tx_freq_max"] = highest.into();
        json["tx_gain_lut"] = TX_GAINS
            .iter()
            .map(|(dbm, pa, index)| json!({ "rf_power": dbm, "pa_gain": pa, "pwr_idx": index }))
            .collect();
    }
    json
}

/// dBm at the antenna port, amplifier on, index of power: Semtech's SX1302 reference design.
const TX_GAINS: [(u8, u8, u8); 16] = [
    (12, 0, 15),
    (13, 0, 16),
    (14, 0, 17),
    (15, 0, 19),
    (16, 0, 20),
    (17, 0, 22),
    (18, 1, 1),
    (19, 1, 2),
    (20, 1, 3),
    (21, 1, 4),
    (22, 1, 5),
    (23, 1, 6),
    (24, 1, 7),
    (25, 1, 9),
    (26, 1, 11),
    (27, 1, 14),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{RadioFrequency, Us915SubBand};

    fn conf(region: Region, change: impl FnOnce(&mut Config)) -> anyhow::Result<Value> {
        let mut config = Config::default();
        config.server.region = region;
        change(&mut config);
        global_conf(&config, "lns.example", Some(GatewayEui::new(0x1122_3344_5566_7788)))
    }

    /// The frequency that a channel comes to.
    fn frequency(json: &Value, channel: &str) -> i64 {
        let (conf, channel) = (&json["SX130x_conf"], &json["SX130x_conf"][channel]);
        let radio = channel["radio"].as_i64().unwrap();
        conf[format!("radio_{radio}")]["freq"].as_i64().unwrap() + channel["if"].as_i64().unwrap()
    }

    fn multi_sf(json: &Value) -> Vec<i64> {
        (0..8).map(|n| frequency(json, &format!("chan_multiSF_{n}")) / 1000).collect()
    }

    #[test]
    fn eu868_hears_the_channels_of_the_configuration() {
        let json = conf(Region::Eu868, |_| ()).unwrap();
        let expected = [868_100, 868_300, 868_500, 867_100, 867_300, 867_500, 867_700, 867_900];
        assert_eq!(multi_sf(&json), expected);
        assert_eq!(frequency(&json, "chan_Lora_std"), 868_300_000);
        assert_eq!(frequency(&json, "chan_FSK"), 868_800_000);
        let gateway = &json["gateway_conf"];
        assert_eq!(gateway["gateway_ID"], "1122334455667788");
        assert_eq!(gateway["server_address"], "lns.example");
        assert_eq!(gateway["serv_port_up"], 1700);
        assert_eq!(gateway["serv_port_down"], 1700);
    }

    /// Sub-band 2 as Semtech's own file for US915 has it.
    #[test]
    fn us915_hears_its_sub_band() {
        let json = conf(Region::Us915, |_| ()).unwrap();
        let radios = [&json["SX130x_conf"]["radio_0"], &json["SX130x_conf"]["radio_1"]];
        assert_eq!(radios.map(|radio| radio["freq"].as_i64().unwrap()), [904_300_000, 905_000_000]);
        assert_eq!(multi_sf(&json), (0..8).map(|n| 903_900 + n * 200).collect::<Vec<_>>());
        assert_eq!(frequency(&json, "chan_Lora_std"), 904_600_000);
        assert_eq!(json["SX130x_conf"]["chan_FSK"]["enable"], false);
        for number in 1..=8 {
            let json = conf(Region::Us915, |config| {
                config.region.us915.sub_band = Us915SubBand::new(number).unwrap();
            });
            let json = json.unwrap();
            let first = 8 * (number - 1);
            for (name, index) in [
                ("chan_multiSF_0", first),
                ("chan_multiSF_7", first + 7),
                ("chan_Lora_std", 64 + number - 1),
            ] {
                let channel = Region::Us915.tables().channel(index).unwrap();
                assert_eq!(frequency(&json, name), i64::from(channel.frequency.hz()), "{index}");
            }
        }
    }

    #[test]
    fn a_channel_that_no_radio_hears_is_named() {
        let error = conf(Region::Eu868, |config| {
            config.region.eu868.extra_channels = vec![RadioFrequency::from_khz(864_100)];
        });
        assert!(error.unwrap_err().to_string().contains("864.1 MHz"));
    }

    #[test]
    fn a_server_without_udp_is_told() {
        let off = |config: &mut Config| config.gateway.semtech_udp = crate::config::Listen::Off;
        assert!(conf(Region::Eu868, off).unwrap_err().to_string().contains("is off"));
    }
}
