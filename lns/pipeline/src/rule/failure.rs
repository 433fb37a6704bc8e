//! What an error action is told. AWS's page "Error handling (error action)".

use serde::{Deserialize, Serialize};

use super::env::{Origin, Payload};
use super::func::base64;

/// One action that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Which kind: `RepublishAction`.
    pub failed_action: String,
    /// To what: a topic, a URL.
    pub failed_resource: String,
    /// What went wrong.
    pub error_message: String,
}

/// The document that an error action gets, one for each rule and message, as JSON.
pub fn error_message(
    rule: &str,
    origin: &Origin<'_>,
    payload: &Payload,
    failures: &[Failure],
) -> serde_json::Value {
    serde_json::json!({
        "ruleName": rule,
        "topic": origin.topic,
        "cloudwatchTraceId": origin.trace_id.unwrap_or_default(),
        "clientId": origin.client_id.unwrap_or("n/a"),
        "sourceIp": origin.source_ip.unwrap_or_default(),
        "base64OriginalPayload": base64(payload.bytes()),
        "failures": failures,
    })
}
