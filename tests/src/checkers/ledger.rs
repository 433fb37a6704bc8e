//! Ledger: when a device is quiet, the server's `current` is what the device's MAC does.

use lns_core::session::MacParams;
use lns_lorawan::region::ChannelPlan;
use lns_lorawan::{ChMask, RegionTables};
use sim::device::MacState;

use super::{Verdict, against};

const NAME: &str = "ledger";

/// Channel indices that any region has.
const CHANNELS: u8 = 96;

/// Does a device do what the server thinks? What the server says that it does not know, it need not.
pub fn agrees(
    name: &str,
    device: &MacState,
    (server, tables): (&MacParams, &RegionTables),
) -> Verdict {
    let rx = &server.rx;
    let pairs = [
        (
            "RxDelay",
            format!("{} s", device.rx_delay.max(1)),
            format!("{} s", rx.rx_delay.seconds()),
        ),
        ("RX1DROffset", text(device.rx1_dr_offset), text(rx.rx1_dr_offset)),
        (
            "RX2",
            format!("{} DR{}", device.rx2.0, device.rx2.1),
            format!("{} DR{}", rx.rx2_frequency, rx.rx2_data_rate.value()),
        ),
    ];
    for (what, at_device, at_server) in pairs {
        same(name, what, at_device, at_server)?;
    }
    optional(name, "TXPower", device.tx_power, server.tx_power.map(|index| index.value()))?;
    optional(name, "NbTrans", device.nb_trans, server.nb_trans)?;
    optional(name, "MaxDutyCycle", device.max_duty_cycle, server.max_duty_cycle)?;
    let adr_ack = server.adr_ack.map(|it| (it.limit_exp, it.delay_exp));
    let at_device = (device.adr_ack.limit_exp, device.adr_ack.delay_exp);
    optional(name, "ADR_ACK_LIMIT and DELAY", at_device, adr_ack)?;
    if let Some(mask) = &server.ch_mask {
        same(name, "channels in use", mask_text(device.channels.enabled()), mask_text(mask))?;
    }
    channels(name, device, (server, tables))
}

/// In a dynamic plan: where each channel is, and where RX1 is after it.
fn channels(
    name: &str,
    device: &MacState,
    (server, tables): (&MacParams, &RegionTables),
) -> Verdict {
    match tables.plan {
        ChannelPlan::Fixed { .. } => return Ok(()),
        ChannelPlan::Dynamic { .. } => {}
    }
    for (index, slot) in server.channels.slots() {
        let Some(known) = slot.channel() else { continue };
        let at_server = format!("{} RX1 {}", known.frequency, known.rx1_frequency);
        let at_device = device.channels.channel(index).map_or("none".into(), |channel| {
            format!("{} RX1 {}", channel.frequency, channel.rx1.unwrap_or(channel.frequency))
        });
        same(name, &format!("channel {index}"), at_device, at_server)?;
    }
    Ok(())
}

fn optional<T: PartialEq + std::fmt::Debug>(
    name: &str,
    what: &str,
    at_device: T,
    at_server: Option<T>,
) -> Verdict {
    match at_server {
        Some(at_server) => same(name, what, text(at_device), text(at_server)),
        None => Ok(()),
    }
}

fn same(name: &str, what: &str, at_device: String, at_server: String) -> Verdict {
    if at_device == at_server {
        return Ok(());
    }
    against(NAME, format!("{what} of {name} is {at_device}, and {at_server} for the server"))
}

fn text(value: impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

fn mask_text(mask: &ChMask) -> String {
    let on: Vec<u8> = (0..CHANNELS).filter(|index| mask.contains(*index)).collect();
    text(on)
}
