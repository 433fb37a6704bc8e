//! republish: publish to another topic. AWS's page "Republish".

use serde::{Deserialize, Serialize};

use super::{ActionError, bad, is_template, map_option};
use crate::topic::is_topic_name;

/// Publish to another topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Republish<T> {
    /// AWS needs it; here it is accepted and not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// Where to.
    pub topic: T,
    /// 0 or 1.
    #[serde(default)]
    pub qos: u8,
    /// Properties of MQTT 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<MqttHeaders<T>>,
}

/// Properties of MQTT 5, all as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MqttHeaders<T> {
    /// `UNSPECIFIED_BYTES` or `UTF8_DATA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_format_indicator: Option<T>,
    /// The kind of content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<T>,
    /// Where an answer is expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_topic: Option<T>,
    /// Bytes in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_data: Option<T>,
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_expiry: Option<T>,
    /// Names and values, in order.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub user_properties: Vec<UserProperty<T>>,
}

/// A name and a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserProperty<T> {
    /// The name.
    pub key: T,
    /// The value.
    pub value: T,
}

impl<T> Republish<T> {
    pub(super) fn try_map<U, E>(
        &self,
        of: &mut impl FnMut(&T) -> Result<U, E>,
    ) -> Result<Republish<U>, E> {
        Ok(Republish {
            role_arn: self.role_arn.clone(),
            topic: of(&self.topic)?,
            qos: self.qos,
            headers: self.headers.as_ref().map(|headers| headers.try_map(of)).transpose()?,
        })
    }
}

impl<T> MqttHeaders<T> {
    fn try_map<U, E>(&self, of: &mut impl FnMut(&T) -> Result<U, E>) -> Result<MqttHeaders<U>, E> {
        let properties = self.user_properties.iter().map(|property| {
            Ok(UserProperty { key: of(&property.key)?, value: of(&property.value)? })
        });
        let user_properties = properties.collect::<Result<_, E>>()?;
        Ok(MqttHeaders {
            payload_format_indicator: map_option(&self.payload_format_indicator, of)?,
            content_type: map_option(&self.content_type, of)?,
            response_topic: map_option(&self.response_topic, of)?,
            correlation_data: map_option(&self.correlation_data, of)?,
            message_expiry: map_option(&self.message_expiry, of)?,
            user_properties,
        })
    }
}

impl Republish<String> {
    pub(super) fn check(&self) -> Result<(), ActionError> {
        const KIND: &str = "republish";
        if self.qos > 1 {
            return Err(bad(KIND, "qos", format!("is 0 or 1, not {}", self.qos)));
        }
        if !is_template(&self.topic) && !is_topic_name(&self.topic) {
            return Err(bad(KIND, "topic", format!("{:?} is no topic name", self.topic)));
        }
        let Some(headers) = &self.headers else { return Ok(()) };
        if headers.user_properties.len() > 100 {
            return Err(bad(KIND, "headers.userProperties", "are 100 at most"));
        }
        let indicator = headers.payload_format_indicator.as_deref();
        let known =
            |text: &str| is_template(text) || ["UNSPECIFIED_BYTES", "UTF8_DATA"].contains(&text);
        if indicator.is_some_and(|text| !known(text)) {
            let why = "is UNSPECIFIED_BYTES or UTF8_DATA";
            return Err(bad(KIND, "headers.payloadFormatIndicator", why));
        }
        let expiry = headers.message_expiry.as_deref();
        if expiry.is_some_and(|text| !is_template(text) && text.parse::<u32>().is_err()) {
            return Err(bad(KIND, "headers.messageExpiry", "is a number of seconds"));
        }
        Ok(())
    }
}
