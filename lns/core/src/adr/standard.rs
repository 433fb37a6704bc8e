//! Semtech's algorithm, which ChirpStack, The Things Stack and AWS run variants of.
//!
//! The best SNR of the last twenty frames, less what the data rate needs, less the installation
//! margin, is what the link has to spare. Every 3 dB of it are one step: first to the next faster
//! data rate, then to the next lower power. Where it lacks 3 dB the power goes up again; the data
//! rate goes down only by the device's own back-off. NbTrans follows the share of lost frames.
//!
//! Ours differs where the original swings:
//! * SNRs are compared as they would be at full power in 125 kHz, so that the history outlives a
//!   change and the change does not prompt the next one.
//! * Power changes only after twenty frames at the power that it has.
//! * Each saving that had to be taken back, by us or by the device, puts 3 dB on the price of the
//!   next; it wears off.
//! * NbTrans falls after a time that doubles each time it had to rise again.

use super::{Advice, Decision, NbTrans, Question, Target};
use lns_lorawan::{DataRateIndex, Db, TxPowerIndex};

/// What a step costs, hundredths of a dB: half a dB more than from one spreading factor to the
/// next.
const STEP: i32 = 300;

/// Judges one device.
pub(super) fn advise(question: &Question<'_>) -> Advice {
    let Question { limits, current, .. } = *question;
    let nb_trans = limits.clamp_nb_trans(nb_trans(question));
    let tx_power = limits.clamp_tx_power(current.tx_power);
    let here = Target { data_rate: current.data_rate, tx_power, nb_trans };
    match margin(question, (current.data_rate, tx_power)) {
        None => without_snr(question, here),
        Some(margin) => {
            let (target, decision) = step(question, here, margin);
            let margin = i16::try_from(margin).ok().map(Db::from_hundredths);
            Advice { target, margin, decision }
        }
    }
}

/// What the link would have to spare there.
fn margin(question: &Question<'_>, at: (DataRateIndex, TxPowerIndex)) -> Option<i32> {
    let Question { history, limits, policy, .. } = question;
    let (data_rate, tx_power) = at;
    let snr = history.best(limits)? - limits.below_full(tx_power);
    Some(snr - limits.floor(data_rate)? - i32::from(policy.installation_margin.hundredths()))
}

fn step(question: &Question<'_>, here: Target, margin: i32) -> (Target, Decision) {
    let Question { history, limits, current, .. } = question;
    // Towards zero: between −3 and 3 dB all is well.
    let steps = margin / STEP;
    if steps < 0 {
        return more_power(question, here, steps.unsigned_abs());
    }
    let mut steps = (steps - i32::from(history.caution())).max(0);
    let mut target = here;
    let holds = |target: &Target| {
        self::margin(question, (target.data_rate, target.tx_power)).is_some_and(|left| left >= 0)
    };
    if history.is_backed_off() {
        return (here, Decision::BackedOff);
    }
    while steps > 0 {
        let Some(data_rate) = limits.faster(target.data_rate) else { break };
        let faster = Target { data_rate, ..target };
        if !holds(&faster) {
            return (target, decision(here, target));
        }
        (target, steps) = (faster, steps - 1);
    }
    if steps > 0 && limits.weaker(target.tx_power).is_some() && !history.is_full(*current) {
        let waits = if target == here { Decision::Waiting } else { Decision::Faster };
        return (target, waits);
    }
    while steps > 0 {
        let Some(tx_power) = limits.weaker(target.tx_power) else { break };
        let weaker = Target { tx_power, ..target };
        if !holds(&weaker) {
            break;
        }
        (target, steps) = (weaker, steps - 1);
    }
    (target, decision(here, target))
}

fn more_power(question: &Question<'_>, here: Target, steps: u32) -> (Target, Decision) {
    let Question { history, limits, current, .. } = question;
    if limits.stronger(here.tx_power).is_none() {
        return (here, Decision::Keep);
    }
    if !history.is_full(*current) {
        return (here, Decision::Waiting);
    }
    let mut target = here;
    for _ in 0..steps {
        let Some(tx_power) = limits.stronger(target.tx_power) else { break };
        target.tx_power = tx_power;
    }
    (target, Decision::MorePower)
}

/// No SNR counts. Where too few gateways hear the device although it could send with more power,
/// it should.
fn without_snr(question: &Question<'_>, here: Target) -> Advice {
    let Question { history, limits, policy, .. } = question;
    let has_snr = limits.floor(here.data_rate).is_some();
    let (target, decision) = match has_snr && policy.min_gateways > 1 {
        _ if history.is_empty() => (here, Decision::NoSamples),
        true if limits.stronger(here.tx_power).is_some() => more_power(question, here, 1),
        true | false => (here, Decision::NoSnr),
    };
    Advice { target, margin: None, decision }
}

fn decision(here: Target, target: Target) -> Decision {
    if target.data_rate != here.data_rate {
        Decision::Faster
    } else if target.tx_power != here.tx_power {
        Decision::LessPower
    } else {
        Decision::Keep
    }
}

/// NbTrans by the share of lost frames and by what it is now. With a target of 10 % the rows are
/// Semtech's: below 5 %, 10 %, 30 %, and beyond.
fn nb_trans(question: &Question<'_>) -> NbTrans {
    let Question { history, policy, current, .. } = question;
    let now = current.nb_trans;
    if !history.tells_loss(*current) {
        return now;
    }
    let (lost, frames) = history.lost();
    let (lost, allowed) = (u32::from(lost) * 200, u32::from(policy.target_per) * u32::from(frames));
    let row = match lost {
        _ if lost < allowed => [1, 1, 2],
        _ if lost < allowed * 2 => [1, 2, 3],
        _ if lost < allowed * 6 => [2, 3, 3],
        _ => [3, 3, 3],
    };
    let wanted = NbTrans::clamped(row[usize::from(now.value().min(3)) - 1]);
    if wanted < now && !history.is_calm(*current) { now } else { wanted }
}
