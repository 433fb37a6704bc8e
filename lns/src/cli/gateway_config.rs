//! `lns gateway-config REGION`: a `global_conf.json` for Semtech's packet forwarder on an SX1302 or
//! SX1303 with SX1250 radios, the usual gateway of today, that suits this server.
//!
//! What belongs to the board (RSSI offsets, the table of transmit powers, the SPI device) is what
//! Semtech's reference design has; a maker's own file is better there, and then only the channels
//! and `gateway_conf` need to be taken over.

use std::net::{IpAddr, UdpSocket};

use anyhow::{Context as _, bail};
use clap::Args;
use lns_lorawan::{Bandwidth, Direction, GatewayEui, Modulation, Region, SpreadingFactor};
use serde_json::{Value, json};

use super::run::{RunArgs, problems_as_one};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct GatewayConfigArgs {
    /// The region, such as EU868, US915 or AS923-1.
    region: String,
    /// This server's name or address, as the gateway sees it [default: this machine's address].
    #[arg(long, value_name = "HOST")]
    server: Option<String>,
    /// The gateway's EUI.
    #[arg(long, value_name = "EUI")]
    gateway_eui: Option<GatewayEui>,
    /// The sub-band of US915, AU915 or CN470 [default: 2; in CN470 11].
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
    wide: Option<(u32, u32, u8)>,
    /// The FSK channel of 50 kbit/s, in Hz.
    fsk: Option<u32>,
    /// What the gateway may send on, in Hz.
    tx: (u32, u32),
}

/// How far from a radio's centre a channel of 125 kHz is heard, in Hz.
const REACH: u32 = 400_000;

/// Channels of 125 kHz that a concentrator hears.
const MULTI_SF: usize = 8;

fn global_conf(
    config: &Config,
    server: &str,
    gateway_eui: Option<GatewayEui>,
) -> anyhow::Result<Value> {
    let region = config.server.region;
    let (name, radios) = match region {
        Region::Eu868 => ("SX130x_conf", concentrator(&eu868(config))?),
        Region::Us915 | Region::Au915 => ("SX130x_conf", concentrator(&seventy_two(config)?)?),
        Region::Cn470 => ("SX130x_conf", concentrator(&cn470(config)?)?),
        Region::As923_1
        | Region::As923_2
        | Region::As923_3
        | Region::As923_4
        | Region::Eu433
        | Region::Cn779
        | Region::Ru864
        | Region::Kr920
        | Region::In865 => ("SX130x_conf", concentrator(&dynamic(config)?)?),
        Region::Ism2400 => ("radio_conf", radios_at_2_4_ghz()),
    };
    let Some(udp) = config.gateway.semtech_udp.address() else {
        bail!("gateway.semtech_udp is off, so that no packet forwarder can reach this server");
    };
    let gateway_id = gateway_eui.unwrap_or(GatewayEui::new(0xaa55_5a00_0000_0000));
    Ok(json!({
        name: radios,
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

/// The channels that every device knows, and the configured ones, in Hz.
fn known_channels(config: &Config) -> Vec<u32> {
    let region = config.server.region;
    let default = region.tables().default_channels().map(|(_, channel)| channel.frequency.hz());
    let extra =
        config.region.of(region).extra_channels.iter().map(|channel| channel.frequency.0.hz());
    default.chain(extra).collect()
}

/// The band, in Hz.
fn band(region: Region) -> (u32, u32) {
    let (low, high) = region.tables().band;
    (low.hz(), high.hz())
}

/// Radios as in Semtech's own file, which leave room for the usual FSK channel (RP002, EU863-870).
fn eu868(config: &Config) -> Channels {
    Channels {
        centres: [867_500_000, 868_500_000],
        multi_sf: known_channels(config),
        wide: Some((868_300_000, 250_000, 7)),
        fsk: Some(868_800_000),
        tx: band(Region::Eu868),
    }
}

/// One radio amid the lowest channels that it reaches, the other amid the rest. A wide channel where
/// the region has SF7 at 250 kHz.
fn dynamic(config: &Config) -> anyhow::Result<Channels> {
    let region = config.server.region;
    let multi_sf = known_channels(config);
    let mut rising = multi_sf.clone();
    rising.sort_unstable();
    let low = *rising.first().context("every plan has channels")?;
    let (lower, upper): (Vec<u32>, Vec<u32>) =
        rising.into_iter().partition(|channel| *channel <= low + 2 * REACH);
    let amid = |channels: &[u32]| match channels {
        [first, .., last] => Some(first / 2 + last / 2),
        [only] => Some(*only),
        [] => None,
    };
    let first = amid(&lower).context("the lowest channel is one of them")?;
    let second = amid(&upper).unwrap_or(first);
    let sf7_250 = Modulation::lora(SpreadingFactor::Sf7, Bandwidth::Khz250);
    let has_wide = region.tables().data_rate_index(Direction::Up, sf7_250).is_some();
    let wide = multi_sf.get(1).filter(|_| has_wide).map(|channel| (*channel, 250_000, 7));
    Ok(Channels { centres: [first, second], multi_sf, wide, fsk: None, tx: band(region) })
}

/// A sub-band: eight channels of 125 kHz, 200 kHz apart, and the wide one amid them (RP002,
/// US902-928 and AU915-928).
fn seventy_two(config: &Config) -> anyhow::Result<Channels> {
    let region = config.server.region;
    let number = sub_band(config)?;
    let channel = |index| region.tables().channel(index).map(|channel| channel.frequency.hz());
    let first = channel(8 * (number - 1)).context("a sub-band has channels")?;
    let wide = channel(64 + number - 1).context("a sub-band has a wide channel")?;
    Ok(Channels {
        centres: [first + 400_000, first + 1_100_000],
        multi_sf: (0..8).map(|n| first + n * 200_000).collect(),
        wide: Some((wide, 500_000, 8)),
        fsk: None,
        tx: (923_000_000, 928_000_000),
    })
}

/// Eight channels of the plan of 96; plans since RP002 use some of the same (RP002, CN470-510).
fn cn470(config: &Config) -> anyhow::Result<Channels> {
    let first = 470_300_000 + u32::from(sub_band(config)? - 1) * 1_600_000;
    Ok(Channels {
        centres: [first + 300_000, first + 1_100_000],
        multi_sf: (0..8).map(|n| first + n * 200_000).collect(),
        wide: None,
        fsk: None,
        tx: band(Region::Cn470),
    })
}

fn sub_band(config: &Config) -> anyhow::Result<u8> {
    let chosen = config.region.of(config.server.region).sub_band;
    chosen.context("a gateway hears eight channels; choose them with --sub-band")
}

/// Semtech's 2.4 GHz gateway: three radios, each for one channel at one spreading factor.
fn radios_at_2_4_ghz() -> Value {
    let (lowest, highest) = band(Region::Ism2400);
    let mut json = json!({
        "tty_path": "/dev/ttyACM0",
        "antenna_gain": 0,
        "tx": { "enable": true, "tx_freq_min": lowest, "tx_freq_max": highest },
    });
    for (index, channel) in Region::Ism2400.tables().default_channels() {
        json[format!("chan_{index}")] = json!({
            "enable": true,
            "freq": channel.frequency.hz(),
            "bandwidth": 812_000,
            "spread_factor": 12,
            "rssi_offset": 0.0,
        });
    }
    json
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
    if channels.multi_sf.len() > MULTI_SF {
        let count = channels.multi_sf.len();
        bail!("there are {count} channels, and a concentrator hears eight: configure fewer");
    }
    for (index, frequency) in channels.multi_sf.iter().enumerate() {
        json[format!("chan_multiSF_{index}")] = channel(&channels.centres, *frequency)?;
    }
    json["chan_Lora_std"] = match channels.wide {
        Some((frequency, bandwidth, spreading_factor)) => {
            let mut wide = channel(&channels.centres, frequency)?;
            wide["bandwidth"] = bandwidth.into();
            wide["spread_factor"] = spreading_factor.into();
            wide
        }
        None => json!({ "enable": false, "radio": 0, "if": 0 }),
    };
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
    use crate::config::{NetworkChannel, RadioFrequency, SubBand};

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
                config.region.us915.sub_band = SubBand(number);
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

    /// Every channel that a device of the region starts with, or is given, is heard.
    #[test]
    fn every_region_has_its_file() {
        for region in Region::ALL {
            let json = conf(region, |_| ()).unwrap_or_else(|error| panic!("{region}: {error}"));
            if region == Region::Ism2400 {
                assert_eq!(json["radio_conf"]["chan_1"]["freq"], 2_425_000_000_u32);
                continue;
            }
            let channels = (0..8).map(|n| format!("chan_multiSF_{n}"));
            let heard: Vec<i64> = channels
                .filter(|name| json["SX130x_conf"][name]["enable"] == true)
                .map(|name| frequency(&json, &name))
                .collect();
            let known = known_channels(&Config {
                server: crate::config::ServerConfig { region, ..Config::default().server },
                ..Config::default()
            });
            if region.tables().plan.is_dynamic() {
                assert_eq!(heard, known.into_iter().map(i64::from).collect::<Vec<_>>(), "{region}");
            } else {
                assert_eq!(heard.len(), 8, "{region}");
                assert!(heard.iter().all(|hz| known.iter().any(|known| i64::from(*known) == *hz)));
            }
            let tx = &json["SX130x_conf"]["radio_0"];
            let rx2 = i64::from(region.tables().rx2.0.hz());
            assert!(tx["tx_freq_min"].as_i64().unwrap() <= rx2, "{region}");
            assert!(tx["tx_freq_max"].as_i64().unwrap() >= rx2, "{region}");
        }
    }

    #[test]
    fn china_hears_the_usual_sub_band_and_others() {
        let first = |sub_band: u8| {
            let json = conf(Region::Cn470, |config| {
                config.region.cn470.sub_band = SubBand(sub_band);
            });
            frequency(&json.unwrap(), "chan_multiSF_0")
        };
        assert_eq!((first(1), first(11), first(12)), (470_300_000, 486_300_000, 487_900_000));
        let none = |config: &mut Config| config.region.cn470.sub_band = SubBand(0);
        let error = conf(Region::Cn470, none).unwrap_err().to_string();
        assert!(error.contains("--sub-band"), "{error}");
    }

    #[test]
    fn a_channel_that_no_radio_hears_is_named() {
        let error = conf(Region::Eu868, |config| {
            config.region.eu868.extra_channels =
                vec![NetworkChannel::usual(RadioFrequency::from_khz(864_100))];
        });
        assert!(error.unwrap_err().to_string().contains("864.1 MHz"));
    }

    #[test]
    fn a_server_without_udp_is_told() {
        let off = |config: &mut Config| config.gateway.semtech_udp = crate::config::Listen::Off;
        assert!(conf(Region::Eu868, off).unwrap_err().to_string().contains("is off"));
    }
}
