//! The properties of MQTT 5, as clients send them. MQTT 5.0 §2.2.2.

use crate::Properties;
use bytes::Bytes;

use super::WireError;
use super::reader::Reader;

/// A property, by its number on the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Id {
    PayloadFormat = 0x01,
    Expiry = 0x02,
    ContentType = 0x03,
    ResponseTopic = 0x08,
    Correlation = 0x09,
    Subscription = 0x0B,
    SessionExpiry = 0x11,
    AssignedName = 0x12,
    ServerKeepAlive = 0x13,
    AuthMethod = 0x15,
    AuthData = 0x16,
    ProblemInformation = 0x17,
    WillDelay = 0x18,
    ResponseInformation = 0x19,
    Reason = 0x1F,
    ReceiveMaximum = 0x21,
    TopicAliasMaximum = 0x22,
    TopicAlias = 0x23,
    User = 0x26,
    MaximumPacketSize = 0x27,
}

/// Those that a client may send, each once but for the user's.
const OF_CLIENTS: [Id; 18] = [
    Id::PayloadFormat,
    Id::Expiry,
    Id::ContentType,
    Id::ResponseTopic,
    Id::Correlation,
    Id::Subscription,
    Id::SessionExpiry,
    Id::AuthMethod,
    Id::AuthData,
    Id::ProblemInformation,
    Id::WillDelay,
    Id::ResponseInformation,
    Id::Reason,
    Id::ReceiveMaximum,
    Id::TopicAliasMaximum,
    Id::TopicAlias,
    Id::User,
    Id::MaximumPacketSize,
];

/// Where properties may stand.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Connect,
    Will,
    Publish,
    Subscribe,
    Unsubscribe,
    Ack,
    Disconnect,
    Auth,
}

impl Place {
    fn allows(self, id: Id) -> bool {
        use Id as I;
        let message =
            [I::PayloadFormat, I::Expiry, I::ContentType, I::ResponseTopic, I::Correlation];
        match self {
            Self::Connect => matches!(
                id,
                I::SessionExpiry
                    | I::ReceiveMaximum
                    | I::MaximumPacketSize
                    | I::TopicAliasMaximum
                    | I::ResponseInformation
                    | I::ProblemInformation
                    | I::User
                    | I::AuthMethod
                    | I::AuthData
            ),
            Self::Will => message.contains(&id) || matches!(id, I::WillDelay | I::User),
            Self::Publish => {
                message.contains(&id) || matches!(id, I::TopicAlias | I::Subscription | I::User)
            }
            Self::Subscribe => matches!(id, I::Subscription | I::User),
            Self::Unsubscribe => id == I::User,
            Self::Ack => matches!(id, I::Reason | I::User),
            Self::Disconnect => matches!(id, I::SessionExpiry | I::Reason | I::User),
            Self::Auth => matches!(id, I::AuthMethod | I::AuthData | I::Reason | I::User),
        }
    }
}

/// What a client has said in properties.
#[derive(Default)]
pub(super) struct Said {
    pub message: Properties,
    pub expiry: Option<u32>,
    pub subscription: Option<u32>,
    pub session_expiry: Option<u32>,
    pub has_auth_method: bool,
    pub has_auth_data: bool,
    pub problem_information: Option<bool>,
    pub will_delay: Option<u32>,
    pub receive_maximum: Option<u16>,
    pub topic_alias_maximum: Option<u16>,
    pub topic_alias: Option<u16>,
    pub maximum_packet_size: Option<u32>,
    /// One bit for each id that has been said.
    seen: u64,
}

impl Said {
    /// Reads the properties that stand in `place`.
    pub fn parse(reader: &mut Reader<'_>, place: Place) -> Result<Self, WireError> {
        let mut section = reader.section()?;
        let mut said = Self::default();
        while !section.is_empty() {
            let number = section.varint()?;
            let id = OF_CLIENTS.into_iter().find(|id| *id as u32 == number);
            let id = id
                .filter(|id| place.allows(*id))
                .ok_or(WireError::Malformed("a property that may not stand here"))?;
            let bit = 1 << (id as u8);
            if id != Id::User && said.seen & bit != 0 {
                return Err(WireError::Protocol("a property that is there twice"));
            }
            said.seen |= bit;
            said.take(id, &mut section)?;
        }
        Ok(said)
    }

    fn take(&mut self, id: Id, from: &mut Reader<'_>) -> Result<(), WireError> {
        match id {
            Id::PayloadFormat => self.message.payload_is_text = Some(from.flag()?),
            Id::Expiry => self.expiry = Some(from.u32()?),
            Id::ContentType => self.message.content_type = Some(from.text()?.into()),
            Id::ResponseTopic => self.message.response_topic = Some(from.topic()?.into()),
            Id::Correlation => {
                self.message.correlation_data = Some(Bytes::copy_from_slice(from.binary()?));
            }
            Id::Subscription => self.subscription = Some(from.varint()?),
            Id::SessionExpiry => self.session_expiry = Some(from.u32()?),
            Id::AuthMethod => {
                from.text()?;
                self.has_auth_method = true;
            }
            Id::AuthData => {
                from.binary()?;
                self.has_auth_data = true;
            }
            Id::ProblemInformation => self.problem_information = Some(from.flag()?),
            Id::WillDelay => self.will_delay = Some(from.u32()?),
            // We have no response information, so it changes nothing whether it is wanted.
            Id::ResponseInformation => drop(from.flag()?),
            Id::Reason => drop(from.text()?),
            Id::ReceiveMaximum => self.receive_maximum = Some(from.u16()?),
            Id::TopicAliasMaximum => self.topic_alias_maximum = Some(from.u16()?),
            Id::TopicAlias => self.topic_alias = Some(from.u16()?),
            Id::User => self.message.user.push((from.text()?.into(), from.text()?.into())),
            Id::MaximumPacketSize => self.maximum_packet_size = Some(from.u32()?),
            Id::AssignedName | Id::ServerKeepAlive => {
                return Err(WireError::Malformed("a property that only servers send"));
            }
        }
        Ok(())
    }

    /// What travels with a message, if there is any.
    pub fn of_message(self) -> Option<Box<Properties>> {
        (!self.message.is_empty()).then(|| Box::new(self.message))
    }
}
