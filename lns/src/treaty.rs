//! gateway-link's words in ours, and ours in gateway-link's.

use std::sync::{Arc, LazyLock};

use gateway_link::{DownlinkItem, Token, When};
use lns_lorawan::{Bandwidth, GatewayEui, LrFhssCoding, Modulation, SpreadingFactor};

/// A gateway's EUI in our words.
pub fn eui(eui: gateway_link::GatewayEui) -> GatewayEui {
    GatewayEui::from_be_bytes(eui.0)
}

/// A gateway's EUI in gateway-link's words.
pub fn link_eui(eui: GatewayEui) -> gateway_link::GatewayEui {
    gateway_link::GatewayEui(eui.to_be_bytes())
}

/// A coding rate as text. The common ones are made once.
pub fn coding_rate(rate: gateway_link::CodingRate) -> Arc<str> {
    static TEXTS: LazyLock<[Arc<str>; 3]> = LazyLock::new(|| ["4/5", "OFF", "2/6"].map(Arc::from));
    let text = rate.as_str();
    TEXTS.iter().find(|known| ***known == *text).map_or_else(|| text.into(), Arc::clone)
}

/// A modulation in our words; `None` for one that no LoRaWAN region uses.
pub fn modulation(
    modulation: gateway_link::Modulation,
    coding_rate: gateway_link::CodingRate,
) -> Option<Modulation> {
    match modulation {
        gateway_link::Modulation::Lora { spreading_factor, bandwidth_hz } => {
            Some(Modulation::lora(
                SpreadingFactor::new(spreading_factor)?,
                Bandwidth::from_khz(bandwidth_hz / 1000)?,
            ))
        }
        gateway_link::Modulation::Fsk { bit_rate } => Some(Modulation::Fsk { bit_rate }),
        gateway_link::Modulation::LrFhss { ocw_hz, .. } => {
            let coding: LrFhssCoding = coding_rate.to_string().parse().ok()?;
            Some(Modulation::LrFhss { ocw_hz, coding })
        }
    }
}

/// A modulation in gateway-link's words.
pub fn link_modulation(modulation: Modulation) -> gateway_link::Modulation {
    match modulation {
        Modulation::Lora { spreading_factor, bandwidth } => gateway_link::Modulation::Lora {
            spreading_factor: spreading_factor.value(),
            bandwidth_hz: bandwidth.hz(),
        },
        Modulation::Fsk { bit_rate } => gateway_link::Modulation::Fsk { bit_rate },
        Modulation::LrFhss { ocw_hz, .. } => {
            gateway_link::Modulation::LrFhss { ocw_hz, grid_step: None }
        }
    }
}

/// When a frame leaves, in gateway-link's words.
fn when(when: &lns_core::event::When) -> Option<When> {
    use lns_core::event::When as Ours;
    Some(match when {
        Ours::After { token, delay } => When::After {
            token: Token::try_from(&**token).ok()?,
            delay_us: u32::try_from(delay.micros()).ok()?,
        },
        Ours::Tmst(tmst) => When::Tmst(tmst.0),
        // Slots begin on whole milliseconds (LoRaWAN 1.0.4, chapter on class B).
        Ours::Gps(moment) => When::Gps { tmms: moment.micros() / 1000 },
        Ours::Immediately => When::Immediately,
    })
}

/// 4/5, and 4/8 with long interleaving at 2.4 GHz.
fn link_coding_rate(modulation: Modulation) -> gateway_link::CodingRate {
    use lns_lorawan::CodingRate as Ours;
    match modulation.coding_rate() {
        Ours::Cr45 => gateway_link::CodingRate::Cr4_5,
        Ours::Cr46 => gateway_link::CodingRate::Cr4_6,
        Ours::Cr47 => gateway_link::CodingRate::Cr4_7,
        Ours::Cr48 => gateway_link::CodingRate::Cr4_8,
        Ours::CrLi45 => gateway_link::CodingRate::Cr4_5Li,
        Ours::CrLi46 => gateway_link::CodingRate::Cr4_6Li,
        Ours::CrLi48 => gateway_link::CodingRate::Cr4_8Li,
    }
}

/// One way of sending a frame, as an offer has it.
///
/// Devices listen with inverted polarity and without a payload CRC (RP002-1.0.5, physical layer of
/// each region).
pub fn item(offer: &lns_core::Offer, phy_payload: &[u8]) -> Option<DownlinkItem> {
    Some(DownlinkItem {
        phy_payload: phy_payload.to_vec(),
        when: when(&offer.when)?,
        frequency_hz: offer.frequency.hz(),
        modulation: link_modulation(offer.modulation),
        coding_rate: link_coding_rate(offer.modulation),
        power: offer.power.hundredths(),
        invert_polarity: true,
        no_crc: true,
        preamble: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lns_core::Offer;
    use lns_core::event::When as Ours;
    use lns_core::radio::odds::Odds;
    use lns_lorawan::{
        DataRateIndex, Db, Dbm, Frequency, GpsTime, TimeDelta, Timestamp, Tmst, Window,
    };

    fn offered(when: Ours) -> DownlinkItem {
        let offer = Offer {
            id: 1,
            gateway: GatewayEui::new(1),
            boot_epoch: 1,
            window: Window::Rx1,
            when,
            starts: Timestamp::from_secs(1),
            frequency: Frequency::from_hz(868_100_000),
            data_rate: DataRateIndex::DR0,
            modulation: "SF12BW125".parse().expect("a modulation"),
            power: Dbm::from_whole(16),
            max_phy_payload: 64,
            margin: Db::from_whole(3),
            odds: Odds { chance: 800, worth: 780 },
            reserved_until: Timestamp::from_secs(1),
        };
        item(&offer, &[0x60; 12]).expect("it can be said")
    }

    #[test]
    fn a_downlink_is_inverted_without_a_crc_and_says_when() {
        let token = Token::try_from([7_u8; 8].as_slice()).expect("it is short");
        let after = Ours::After { token: Box::from([7; 8]), delay: TimeDelta::from_secs(5) };
        let moment = GpsTime::from_micros(1_400_000_000_120_000);
        for (ours, theirs) in [
            (after, When::After { token, delay_us: 5_000_000 }),
            (Ours::Tmst(Tmst(77)), When::Tmst(77)),
            (Ours::Gps(moment), When::Gps { tmms: 1_400_000_000_120 }),
            (Ours::Immediately, When::Immediately),
        ] {
            let item = offered(ours);
            assert_eq!(item.when, theirs);
            assert_eq!((item.invert_polarity, item.no_crc, item.preamble), (true, true, None));
            assert_eq!((item.power, item.coding_rate), (1600, gateway_link::CodingRate::Cr4_5));
        }
    }
}
