//! Why something was done or refused: the reason codes of MQTT 5, and what MQTT 3.1.1 has instead.

use serde::{Deserialize, Serialize};

macro_rules! reason_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// A reason code (MQTT 5.0 §2.4). Codes below 0x80 say that it was done.
        ///
        /// `Success` is also *Normal disconnection* and *Granted QoS 0*: all three are 0x00.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum ReasonCode {
            $($(#[$doc])* $name = $code,)*
        }

        impl ReasonCode {
            /// Each of them once, by code.
            pub const ALL: &'static [ReasonCode] = &[$(ReasonCode::$name,)*];

            /// The code on the wire as a reason; `None` for a byte that MQTT 5 does not define.
            pub fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Its name, for logs and metric labels.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

reason_codes! {
    /// Done; normal disconnection; QoS 0 granted.
    Success = 0x00,
    /// QoS 1 granted.
    GrantedQos1 = 0x01,
    /// QoS 2 granted.
    GrantedQos2 = 0x02,
    /// The client leaves and wants its will sent.
    DisconnectWithWill = 0x04,
    /// Taken, though nobody is subscribed.
    NoMatchingSubscribers = 0x10,
    /// There was no such subscription.
    NoSubscriptionExisted = 0x11,
    /// Extended authentication goes on.
    ContinueAuthentication = 0x18,
    /// Extended authentication begins again.
    ReAuthenticate = 0x19,
    /// No reason is told.
    UnspecifiedError = 0x80,
    /// A packet cannot be read.
    MalformedPacket = 0x81,
    /// A packet came when it must not.
    ProtocolError = 0x82,
    /// Valid, but not taken by this server.
    ImplementationSpecificError = 0x83,
    /// Not a version of MQTT that is spoken here.
    UnsupportedProtocolVersion = 0x84,
    /// The client identifier is not allowed.
    ClientIdentifierNotValid = 0x85,
    /// User name or password is wrong.
    BadUserNameOrPassword = 0x86,
    /// The client may not do this.
    NotAuthorized = 0x87,
    /// The server cannot serve now.
    ServerUnavailable = 0x88,
    /// The server has too much to do.
    ServerBusy = 0x89,
    /// The client is banned.
    Banned = 0x8A,
    /// The server stops.
    ServerShuttingDown = 0x8B,
    /// The method of authentication is not known.
    BadAuthenticationMethod = 0x8C,
    /// Nothing was heard in one and a half times the keep alive.
    KeepAliveTimeout = 0x8D,
    /// Another connection uses the same client identifier.
    SessionTakenOver = 0x8E,
    /// The topic filter is not allowed.
    TopicFilterInvalid = 0x8F,
    /// The topic name is not allowed.
    TopicNameInvalid = 0x90,
    /// The packet identifier stands for another message.
    PacketIdentifierInUse = 0x91,
    /// No message has this packet identifier.
    PacketIdentifierNotFound = 0x92,
    /// More unacknowledged messages than the receive maximum.
    ReceiveMaximumExceeded = 0x93,
    /// The topic alias is 0, unknown, or above the maximum.
    TopicAliasInvalid = 0x94,
    /// The packet is larger than is taken.
    PacketTooLarge = 0x95,
    /// Too much in too short a time.
    MessageRateTooHigh = 0x96,
    /// A limit of this server is reached.
    QuotaExceeded = 0x97,
    /// An operator has ended the connection.
    AdministrativeAction = 0x98,
    /// The payload is not what its format indicator says.
    PayloadFormatInvalid = 0x99,
    /// The server keeps no retained messages.
    RetainNotSupported = 0x9A,
    /// The server does not take this QoS.
    QosNotSupported = 0x9B,
    /// Use another server for now.
    UseAnotherServer = 0x9C,
    /// The server has moved.
    ServerMoved = 0x9D,
    /// The server takes no shared subscriptions.
    SharedSubscriptionsNotSupported = 0x9E,
    /// Connections come too fast.
    ConnectionRateExceeded = 0x9F,
    /// The longest time of a connection has passed.
    MaximumConnectTime = 0xA0,
    /// The server takes no subscription identifiers.
    SubscriptionIdentifiersNotSupported = 0xA1,
    /// The server takes no wildcards in subscriptions.
    WildcardSubscriptionsNotSupported = 0xA2,
}

impl ReasonCode {
    /// The byte on the wire of MQTT 5.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Whether it says that something was refused.
    pub fn is_refusal(self) -> bool {
        self.code() >= 0x80
    }

    /// What it means here, for the people who read a client's log; `None` where its name says all.
    pub fn words(self) -> Option<&'static str> {
        WORDS.iter().find(|(reason, _)| *reason == self).map(|(_, words)| *words)
    }

    /// The CONNACK return code of MQTT 3.1.1 (§3.2.2.3) that says this best.
    pub fn connect_return_code(self) -> u8 {
        match self.code() {
            0x00 => 0,
            0x84 => 1,
            0x85 => 2,
            0x86 | 0x8C => 4,
            0x87 | 0x8A => 5,
            _ => 3,
        }
    }

    /// The SUBACK return code of MQTT 3.1.1 (§3.9.3): the granted QoS, or 0x80.
    pub fn subscribe_return_code(self) -> u8 {
        self.code().min(0x80)
    }
}

/// Reason strings: what a client's maker or an operator can do about it.
const WORDS: [(ReasonCode, &str); 14] = [
    (ReasonCode::ProtocolError, "this packet must not come now, or not with these properties"),
    (ReasonCode::ClientIdentifierNotValid, "the client identifier is too long, or missing"),
    (ReasonCode::BadUserNameOrPassword, "user name, password or token is wrong"),
    (ReasonCode::NotAuthorized, "no policy of this client allows it, or one denies it"),
    (ReasonCode::KeepAliveTimeout, "nothing was heard for one and a half times the keep alive"),
    (ReasonCode::SessionTakenOver, "another connection has the same client identifier"),
    (ReasonCode::TopicFilterInvalid, "not a topic filter, or beyond a configured limit"),
    (ReasonCode::TopicNameInvalid, "not a topic name, or beyond a configured limit"),
    (ReasonCode::PacketIdentifierInUse, "a QoS 2 message has this identifier and is not released"),
    (ReasonCode::ReceiveMaximumExceeded, "more unacknowledged messages than CONNACK allows"),
    (ReasonCode::TopicAliasInvalid, "topic aliases go from 1 to the maximum that CONNACK says"),
    (ReasonCode::QuotaExceeded, "a bound or limit of the server's configuration is reached"),
    (ReasonCode::ServerShuttingDown, "the server stops"),
    (ReasonCode::AdministrativeAction, "an operator has ended the connection"),
];
