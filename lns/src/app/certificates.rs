//! How long the certificates last that the server shows: told before clients refuse them.

use lns_lorawan::{TimeDelta, Timestamp};
use parking_lot::Mutex;

use crate::observe::Observer;
use crate::tls::TlsSettings;

const DAY: TimeDelta = TimeDelta::from_secs(24 * 3600);

/// With so little left, the log says so each day.
const SOON: TimeDelta = DAY.times(14);

/// What is shown at each door that speaks TLS.
#[derive(Default)]
pub(super) struct Certificates {
    shown: Mutex<Vec<Shown>>,
}

struct Shown {
    door: &'static str,
    tls: TlsSettings,
    told: Option<Timestamp>,
}

impl Certificates {
    /// Watches what is shown at `door`.
    pub fn watch(&self, door: &'static str, tls: &TlsSettings) {
        self.shown.lock().push(Shown { door, tls: tls.clone(), told: None });
    }

    /// Takes over until when each is valid, and tells of those that end soon.
    pub fn look(&self, now: Timestamp, observer: &Observer) {
        for shown in self.shown.lock().iter_mut() {
            let Some(end) = shown.tls.not_after() else { continue };
            observer.certificate_ends(shown.door, end);
            if let Some(warning) = shown.warning(end, now) {
                tracing::warn!("{warning}");
            }
        }
    }
}

impl Shown {
    /// What is to be said today of a certificate that is valid until `end`.
    fn warning(&mut self, end: Timestamp, now: Timestamp) -> Option<String> {
        let left = end - now;
        if left > SOON {
            self.told = None;
            return None;
        }
        if self.told.is_some_and(|told| now - told < DAY) {
            return None;
        }
        self.told = Some(now);
        let (door, file) = (self.door, self.tls.certificate_file().display());
        let what = match left > TimeDelta::from_secs(0) {
            true => "ends",
            false => "has ended, and clients refuse it,",
        };
        Some(format!(
            "the TLS certificate {file} of {door} {what} at {}; renew it: its files are read again \
             without a restart (one that the server has made itself is renewed by a restart)",
            end.to_rfc3339()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::identity::Authority;

    #[test]
    fn a_certificate_that_ends_soon_is_told_of_once_a_day_until_it_is_renewed() {
        let folder = tempfile::tempdir().unwrap();
        let start = Clock::start().now();
        let authority = Authority::open(folder.path(), start).unwrap();
        let files = authority.server(&["localhost".to_owned()], start).unwrap();
        let tls = TlsSettings::read(files.certificate, files.key).unwrap();
        let end = tls.not_after().unwrap();
        assert!((end - start - DAY.times(825)).abs() <= TimeDelta::from_secs(1));

        let mut shown = Shown { door: "mqtt", tls, told: None };
        assert_eq!(shown.warning(end, end - DAY.times(15)), None);
        let soon = shown.warning(end, end - DAY.times(13)).unwrap();
        for expected in ["tls/server.pem", "of mqtt", "ends at", &end.to_rfc3339(), "renew it"] {
            assert!(soon.contains(expected), "{expected}: {soon}");
        }
        let hour = TimeDelta::from_secs(3600);
        assert_eq!(shown.warning(end, end - DAY.times(13) + hour), None, "told already");
        assert!(shown.warning(end, end - DAY.times(12)).is_some());
        let over = shown.warning(end, end + hour).unwrap();
        assert!(over.contains("has ended, and clients refuse it"), "{over}");
        assert_eq!(shown.warning(end + DAY.times(90), end + hour), None, "renewed");
        assert!(shown.warning(end, end + hour).is_some(), "and told anew");
    }
}
