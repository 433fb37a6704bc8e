//! The first words to an external broker: CONNECT, and what it says to that.

use std::time::Duration;

use bytes::BytesMut;
use lns_broker::{ReasonCode, Version};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::time::timeout;

use super::connection::KEEP_ALIVE;
use super::read::{Got, Pen, Source, unreadable};
use super::stream::Stream;
use super::{Link, MAX_PACKET};
use lns_broker::wire::answer::{self, Answer, Welcome};
use lns_broker::wire::client::{self, Opening};

/// How long a broker may think about CONNECT.
const GREETING: Duration = Duration::from_secs(10);
/// How many messages of up to 1 MiB we let a broker send ahead, where it asks (MQTT 5).
const RECEIVE_MAXIMUM: u16 = 256;

/// How far a connection came that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// There was none.
    Reach,
    /// The broker does not know this MQTT.
    Version,
    /// No answer to CONNECT, or none that can be read.
    Mute,
    /// CONNECT was refused.
    Refused,
    /// It was there.
    Established,
}

pub(super) type Reader = Source<ReadHalf<Box<dyn Stream>>>;
pub(super) type Writer = Pen<WriteHalf<Box<dyn Stream>>>;

/// Who we are, and what we take.
pub(super) fn opening(link: &Link, version: Version) -> Opening<'_> {
    let credentials = link.url.credentials.as_ref();
    Opening {
        version,
        client_id: &link.client_id,
        credentials: credentials.map(|who| (who.username.as_str(), who.password.as_str())),
        keep_alive: KEEP_ALIVE.as_secs() as u16,
        receive_maximum: RECEIVE_MAXIMUM,
        maximum_packet_size: MAX_PACKET as u32,
        kept: true,
    }
}

/// Reaches the broker, says CONNECT, and hears what it says to that.
pub(super) async fn open(
    link: &Link,
    opening: &Opening<'_>,
) -> Result<(Welcome, Reader, Writer), (String, Stage)> {
    let stream = link.way.reach().await.map_err(|why| (why, Stage::Reach))?;
    let (reader, writer) = tokio::io::split(stream);
    let (mut reader, mut writer) = (Source::new(reader, MAX_PACKET), Pen::new(writer));
    let version = opening.version;
    let mut hello = BytesMut::new();
    client::connect(opening, &mut hello);
    let greeting = async {
        writer.write(hello).await.map_err(|error| error.to_string())?;
        reader.next().await
    };
    let got = match timeout(GREETING, greeting).await {
        Ok(Ok(got)) => got,
        Ok(Err(why)) => return Err((why, Stage::Mute)),
        Err(_) => return Err(("it does not answer CONNECT".to_owned(), Stage::Mute)),
    };
    let Got::Frame(frame) = got else {
        return Err(("it answers CONNECT with something else".to_owned(), Stage::Mute));
    };
    match answer::parse(&frame, version) {
        Ok(Answer::ConnAck(welcome)) => {
            let_in(&welcome, version).map(|()| (welcome, reader, writer))
        }
        Ok(_) => Err(("it answers CONNECT with something else".to_owned(), Stage::Mute)),
        Err(error) => Err((unreadable(error), Stage::Mute)),
    }
}

/// Whether we are let in, and can stay; why not, for people, with what to do where we know.
fn let_in(welcome: &Welcome, version: Version) -> Result<(), (String, Stage)> {
    let refused = |why: String| Err((why, Stage::Refused));
    match welcome.reason {
        ReasonCode::Success if welcome.takes_qos_1 => Ok(()),
        ReasonCode::Success => refused("it takes no messages at QoS 1; use another broker".into()),
        ReasonCode::UnsupportedProtocolVersion => {
            let name = name_of(version);
            let why = format!("it does not speak MQTT {name}: set mqtt.broker_version to \"auto\"");
            Err((why, Stage::Version))
        }
        ReasonCode::BadUserNameOrPassword | ReasonCode::NotAuthorized => {
            refused("it refuses user or password: check mqtt.username and mqtt.password".to_owned())
        }
        reason => {
            let words = welcome.words.clone().unwrap_or_else(|| reason.name().to_owned());
            refused(format!("it refuses the connection: {words}"))
        }
    }
}

fn name_of(version: Version) -> &'static str {
    match version {
        Version::V311 => "3.1.1",
        Version::V5 => "5",
    }
}
