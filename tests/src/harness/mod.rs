//! What stands around a real server, over real sockets.
//!
//! * [`Node`]: a device, the stack `lorawan-device` behind a radio that hears a frame only if
//!   frequency, data rate, polarity and timing match the window that it opened;
//! * [`Gateway`]: a packet forwarder with a concentrator's clock, on its own reading of
//!   PROTOCOL.TXT;
//! * [`Application`]: an MQTT client with QoS 1; [`Http`]: just enough of an HTTP client;
//! * [`Live`]: a server in this process; [`Binary`]: the program itself, to be killed.
//!
//! Everything waits for what it waits for, with a deadline, and says what it has got instead.

mod application;
mod binary;
mod frames;
mod gateway;
mod http;
mod live;
mod node;
mod place;
mod provision;
mod radio;

pub use application::{Application, Message};
pub use binary::{Binary, Mosquitto};
pub use frames::{AbpSession, OpenedDownlink, join_request, open_join_accept};
pub use gateway::{Downlink, Emission, Gateway};
pub use http::{Answer, Http};
pub use live::Live;
pub use node::{Heard, Node, Outcome};
pub use place::Place;
pub use provision::{Provision, eui_text};
pub use radio::Listening;

use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine.
pub const LONG: Duration = Duration::from_secs(20);

/// Waits until `done`, which is looked at every few milliseconds.
///
/// # Panics
/// When it is not done within [`LONG`].
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !done() {
        assert!(Instant::now() < deadline, "not within {LONG:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
