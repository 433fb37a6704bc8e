//! Bad habits by their names: `replay-every=3`, `refuse=power`, `never-hears`.

use std::str::FromStr;
use std::sync::Arc;

use lns_lorawan::DevNonce;
use sim::device::Mischief;

/// One habit, to be given to a device.
#[derive(Clone)]
pub(super) struct Habit(Arc<dyn Fn(&mut Mischief) + Send + Sync>);

impl Habit {
    pub(super) fn apply(&self, mischief: &mut Mischief) {
        (self.0)(mischief);
    }

    fn of(habit: impl Fn(&mut Mischief) + Send + Sync + 'static) -> Option<Self> {
        Some(Self(Arc::new(habit)))
    }
}

impl std::fmt::Debug for Habit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Habit")
    }
}

/// What there is, for people.
const ALL: &str = "replay-every=N, reset-after=N, reboot-every=N, stuck-nonce=HEX, few-nonces=N, \
                   wrong-key, lose-every=N, deaf=AFTER:COUNT, never-hears, drift=PPM, refuse=WHAT, \
                   mute=CID, answers-twice, answers-another, sticky-for-ever, unknown-cid-every=N, \
                   proprietary-every=N, off-mask-every=N; WHAT is channel-mask, data-rate, power, \
                   rx-params, new-channel, dl-channel, ping-slot-channel or beacon-freq";

impl FromStr for Habit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let found = if value.is_empty() { plain(name) } else { valued(name, value) };
        found.ok_or_else(|| format!("the habits are {ALL}"))
    }
}

fn plain(name: &str) -> Option<Habit> {
    match name {
        "wrong-key" => Habit::of(|it| it.wrong_key = true),
        "never-hears" => Habit::of(|it| it.never_hears = true),
        "answers-twice" => Habit::of(|it| it.answers_twice = true),
        "answers-another" => Habit::of(|it| it.answers_another = true),
        "sticky-for-ever" => Habit::of(|it| it.sticky_for_ever = true),
        _ => None,
    }
}

fn valued(name: &str, value: &str) -> Option<Habit> {
    let every = || value.parse::<u32>().ok().filter(|count| *count > 0);
    let hex = || u16::from_str_radix(value, 16).ok();
    match name {
        "replay-every" => every().and_then(|n| Habit::of(move |it| it.replay_every = Some(n))),
        "reset-after" => every().and_then(|n| Habit::of(move |it| it.reset_after = Some(n))),
        "reboot-every" => every().and_then(|n| Habit::of(move |it| it.reboot_every = Some(n))),
        "stuck-nonce" => {
            hex().and_then(|n| Habit::of(move |it| it.stuck_dev_nonce = Some(DevNonce(n))))
        }
        "few-nonces" => {
            let count = value.parse::<u16>().ok().filter(|count| *count > 0)?;
            Habit::of(move |it| it.few_dev_nonces = Some(count))
        }
        "lose-every" => every().and_then(|n| Habit::of(move |it| it.lose_every = Some(n))),
        "deaf" => {
            let (after, count) = value.split_once(':')?;
            let (after, count) = (after.parse().ok()?, count.parse().ok()?);
            Habit::of(move |it| it.deaf = Some((after, count)))
        }
        "drift" => {
            let ppm = value.parse().ok()?;
            Habit::of(move |it| it.drift_ppm = ppm)
        }
        "mute" => {
            let cid = u8::from_str_radix(value, 16).ok()?;
            Habit::of(move |it| it.mute.push(cid))
        }
        "refuse" => refuse(value),
        "unknown-cid-every" => {
            every().and_then(|n| Habit::of(move |it| it.unknown_cid_every = Some(n)))
        }
        "proprietary-every" => {
            every().and_then(|n| Habit::of(move |it| it.proprietary_every = Some(n)))
        }
        "off-mask-every" => every().and_then(|n| Habit::of(move |it| it.off_mask_every = Some(n))),
        _ => None,
    }
}

fn refuse(what: &str) -> Option<Habit> {
    match what {
        "channel-mask" => Habit::of(|it| it.refuse.channel_mask = true),
        "data-rate" => Habit::of(|it| it.refuse.data_rate = true),
        "power" => Habit::of(|it| it.refuse.power = true),
        "rx-params" => Habit::of(|it| it.refuse.rx_params = true),
        "new-channel" => Habit::of(|it| it.refuse.new_channel = true),
        "dl-channel" => Habit::of(|it| it.refuse.dl_channel = true),
        "ping-slot-channel" => Habit::of(|it| it.refuse.ping_slot_channel = true),
        "beacon-freq" => Habit::of(|it| it.refuse.beacon_freq = true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_habit_has_a_name() {
        let names = "replay-every=3 reset-after=4 reboot-every=5 stuck-nonce=00ff few-nonces=6 \
                     wrong-key lose-every=7 deaf=8:9 never-hears drift=-40 refuse=channel-mask \
                     refuse=data-rate refuse=power refuse=rx-params refuse=new-channel \
                     refuse=dl-channel refuse=ping-slot-channel refuse=beacon-freq mute=0a mute=03 \
                     answers-twice answers-another sticky-for-ever unknown-cid-every=10 \
                     proprietary-every=11 off-mask-every=12";
        let mut mischief = Mischief::default();
        for name in names.split_whitespace() {
            let before = mischief.clone();
            name.parse::<Habit>().unwrap().apply(&mut mischief);
            assert_ne!(mischief, before, "{name}");
        }
        assert_eq!(mischief.deaf, Some((8, 9)));
        assert_eq!((mischief.stuck_dev_nonce, mischief.drift_ppm), (Some(DevNonce(255)), -40));
        assert_eq!(mischief.mute, [0x0a, 0x03]);
        for wrong in ["", "replay-every", "replay-every=0", "deaf=3", "refuse=all", "wrong-key=1"] {
            assert!(wrong.parse::<Habit>().is_err(), "{wrong}");
        }
    }
}
