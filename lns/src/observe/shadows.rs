//! What is seen of device shadows.

use super::Observer;
use crate::store::StoreError;

impl Observer {
    /// Labels that are shown before they have happened.
    pub(super) fn shadows_begin_at_zero(&self) {
        for verb in ["get", "update", "delete"] {
            self.shadows.requests.with_label_values(&[verb, "200"]);
        }
        for reply in ["accepted", "rejected", "delta", "documents"] {
            self.shadows.messages.with_label_values(&[reply]);
        }
        for what in ["queued", "superseded", "settled", "failed", "given_up"] {
            self.shadows.downlinks.with_label_values(&[what]);
        }
    }

    /// A request was answered.
    pub fn shadow_asked(&self, verb: &str, code: u16) {
        self.shadows.requests.with_label_values(&[verb, &code.to_string()]).inc();
    }

    /// A message was handed to the broker, and so many of those before it were given up.
    pub fn shadow_said(&self, reply: &str, dropped: u64) {
        self.shadows.messages.with_label_values(&[reply]).inc();
        self.shadows.dropped.inc_by(dropped);
    }

    /// What became of a downlink that a desired state has asked for.
    pub fn shadow_downlink(&self, what: &str) {
        self.shadows.downlinks.with_label_values(&[what]).inc();
    }

    /// The store refused shadows; who asked was told so. The store says once that it fails.
    pub fn store_refused_shadows(&self, error: &StoreError) {
        self.store_errors.inc();
        tracing::debug!(%error, "the store refused shadows; who asked was told: 500");
    }
}
