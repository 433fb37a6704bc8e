//! Certificates that have registered themselves: `$aws/events/certificates/…`, as AWS words it.

use serde_json::{Value, json};

use super::{Events, message};
use crate::registry::{ACCOUNT, Certificate};

impl Events {
    /// A certificate has registered itself with its authority, and waits to be activated. Told
    /// whether or not somebody has opted into anything: to want such certificates is to want this.
    pub fn certificate_registered(&self, certificate: &Certificate) {
        let Some(ca) = &certificate.ca else { return };
        let body = json!({
            "certificateId": certificate.id,
            "caCertificateId": ca,
            "timestamp": self.clock.now().millis(),
            "certificateStatus": certificate.status.name(),
            "awsAccountId": ACCOUNT,
            "certificateRegistrationTimestamp": certificate.created_at.millis().to_string(),
        });
        let Value::Object(body) = body else { return };
        self.publish(message(format!("$aws/events/certificates/registered/{ca}"), body));
    }
}
