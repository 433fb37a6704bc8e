//! Connecting, and connecting again; and in which MQTT.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lns_broker::Version;

use super::connection::{Connection, Ended};
use super::greeting::Stage;
use super::{ExternalConfig, Link};

/// Waits between attempts to connect: from here…
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// …doubling to here.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Which MQTT is spoken to an external broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Speech {
    /// MQTT 5, and 3.1.1 where the broker does not know it.
    #[default]
    Auto,
    /// MQTT 5 and nothing else.
    Five,
    /// MQTT 3.1.1 and nothing else: properties are not carried.
    ThreeOneOne,
}

impl fmt::Display for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Five => "5",
            Self::ThreeOneOne => "3.1.1",
        })
    }
}

impl FromStr for Speech {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Auto, Self::Five, Self::ThreeOneOne]
            .into_iter()
            .find(|speech| speech.to_string() == text)
            .ok_or_else(|| "it must be \"auto\", \"5\" or \"3.1.1\"".to_owned())
    }
}

/// What is remembered from one connection to the next.
struct Trouble {
    wait: Duration,
    /// Whether it has been said that the broker is missing.
    told: bool,
    /// Connections in a row that were made and lost without one acknowledgement.
    fruitless: u32,
    /// What is spoken next, and how often nothing came back to it in a row.
    version: Version,
    mute: u32,
}

/// So many in a row are not the network: the broker minds what we say.
const FRUITLESS: u32 = 3;
/// So often a broker closes at CONNECT before that is taken for not knowing MQTT 5; one that is just
/// stopping does so, too.
const MUTE: u32 = 2;

/// Connects, and connects again, until told to stop.
pub(super) async fn keep_connected(link: &Link, config: &ExternalConfig) {
    let mut trouble = Trouble::new(config.speech);
    loop {
        let begun = Instant::now();
        let acknowledged = link.counters.acknowledged.load(Ordering::Relaxed);
        let ended = Connection::run(link, config, trouble.version).await;
        link.counters.is_gone();
        let Ended::Lost { why, stage } = ended else { return };
        let fruitful = link.counters.acknowledged.load(Ordering::Relaxed) > acknowledged;
        let was = trouble.version;
        trouble.choose(config.speech, stage);
        if trouble.version == Version::V311 && was == Version::V5 {
            tracing::debug!(broker = %link.url, why, "MQTT 5 is refused; trying MQTT 3.1.1");
            if stage == Stage::Version {
                continue;
            }
        }
        trouble.say(link, &why, (stage == Stage::Established, fruitful));
        // One that drops us at once (two servers with one client id) is not hurried.
        if stage == Stage::Established && begun.elapsed() > LONGEST_WAIT {
            trouble.wait = FIRST_WAIT;
        }
        tokio::select! {
            () = tokio::time::sleep(trouble.wait) => {}
            () = link.told_to_stop() => return,
        }
        trouble.wait = (trouble.wait * 2).min(LONGEST_WAIT);
    }
}

impl Trouble {
    fn new(speech: Speech) -> Self {
        let version = match speech {
            Speech::Auto | Speech::Five => Version::V5,
            Speech::ThreeOneOne => Version::V311,
        };
        Self { wait: FIRST_WAIT, told: false, fruitless: 0, version, mute: 0 }
    }

    /// What to speak after a connection that ended in this stage. Each new one begins with MQTT 5
    /// again: the broker may have been replaced meanwhile.
    fn choose(&mut self, speech: Speech, stage: Stage) {
        if speech != Speech::Auto {
            return;
        }
        self.mute = if stage == Stage::Mute { self.mute + 1 } else { 0 };
        self.version = match (self.version, stage) {
            (Version::V5, Stage::Version) => Version::V311,
            (Version::V5, Stage::Mute) if self.mute >= MUTE => Version::V311,
            _ => Version::V5,
        };
    }

    /// Says once that the broker is missing, and once that it seems to mind a message.
    fn say(&mut self, link: &Link, why: &str, (established, fruitful): (bool, bool)) {
        self.told &= !established;
        if !self.told {
            self.told = true;
            tracing::warn!(
                broker = %link.url,
                why,
                "no MQTT broker: messages wait, the server runs on and keeps trying"
            );
        }
        self.fruitless = match (established, fruitful) {
            (true, false) => self.fruitless + 1,
            (true, true) => 0,
            (false, _) => self.fruitless,
        };
        if self.fruitless == FRUITLESS {
            let window = link.window.lock();
            let topic = window.oldest().unwrap_or("nothing");
            tracing::error!(
                broker = %link.url,
                topic,
                "the MQTT broker ends every connection before it acknowledges anything: see that \
                 it lets this user publish on the topic, and that nobody else uses the client id"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(speech: Speech, stages: &[Stage]) -> Vec<Version> {
        let mut trouble = Trouble::new(speech);
        let mut said = vec![trouble.version];
        for stage in stages {
            trouble.choose(speech, *stage);
            said.push(trouble.version);
        }
        said
    }

    #[test]
    fn a_broker_that_refuses_mqtt_5_is_spoken_to_in_3_1_1_until_that_connection_ends() {
        use Stage::{Established, Mute, Reach, Refused};
        use Version::{V5, V311};
        let refused = [Stage::Version, Established];
        assert_eq!(spoken(Speech::Auto, &refused), [V5, V311, V5]);
        assert_eq!(spoken(Speech::Auto, &[Mute, Mute, Mute, Mute]), [V5, V5, V311, V5, V311]);
        assert_eq!(spoken(Speech::Auto, &[Mute, Reach, Mute]), [V5; 4]);
        assert_eq!(spoken(Speech::Auto, &[Reach, Refused, Established]), [V5; 4]);
        assert_eq!(spoken(Speech::Five, &refused), [V5; 3]);
        assert_eq!(spoken(Speech::ThreeOneOne, &[Mute, Established]), [V311; 3]);
    }

    #[test]
    fn speech_is_written_as_it_is_read() {
        for text in ["auto", "5", "3.1.1"] {
            assert_eq!(text.parse::<Speech>().expect("one of them").to_string(), text);
        }
        assert!("4".parse::<Speech>().is_err());
    }
}
