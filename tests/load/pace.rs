//! Sending a volley: at a rate, as fast as it comes back, or as fast as it goes.

use std::io;
use std::time::{Duration, Instant};

use crate::flight::Flight;
use crate::volley::{FIRST_TMST, Volley};
use crate::wire::{self, BATCH, Header, Wire};

/// Between two looks at the clock.
const TICK: Duration = Duration::from_millis(1);

/// How fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Frames a second, whatever comes of them.
    Rate(f64),
    /// As fast as they arrive at the subscriber, with so many on their way.
    Window(u64),
    /// As fast as the system takes them.
    Flood,
}

/// The gateways that hear a volley.
pub struct Air {
    /// Their way to the server.
    pub wire: Wire,
    /// How many gateways hear each frame.
    pub copies: u32,
    /// How many gateways there are.
    pub gateways: u32,
    /// When the gateways had been on for [`FIRST_TMST`] µs.
    pub since: Instant,
}

/// Sends all of it, or until the other side has failed or `longest` is over; how many frames.
pub fn send(
    volley: &mut Volley,
    (air, pace): (&Air, Pace),
    flight: &Flight,
    longest: Duration,
) -> io::Result<usize> {
    let (mut next, mut sent) = (0, 0);
    let per_batch = BATCH / air.copies as usize;
    while next < volley.len() && !flight.failed() && flight.elapsed() < longest {
        let due = due(volley, pace, (flight, sent)).min(volley.len() - next).min(per_batch);
        if due == 0 {
            std::thread::sleep(TICK);
            continue;
        }
        sent += send_batch(volley, air, flight, next..next + due)?;
        next += due;
    }
    Ok(sent)
}

/// How many more datagrams may leave now, when `sent` frames have left.
fn due(volley: &Volley, pace: Pace, (flight, sent): (&Flight, usize)) -> usize {
    let per_datagram = volley.datagram(0).frames.1 as usize;
    let frames = match pace {
        Pace::Rate(rate) => {
            let reached = (flight.elapsed() + TICK).as_secs_f64() * rate;
            (reached as usize).saturating_sub(sent)
        }
        Pace::Window(window) => {
            let open = sent as u64 - flight.received();
            window.saturating_sub(open) as usize
        }
        Pace::Flood => usize::MAX,
    };
    frames / per_datagram
}

fn send_batch(
    volley: &mut Volley,
    air: &Air,
    flight: &Flight,
    datagrams: std::ops::Range<usize>,
) -> io::Result<usize> {
    let mut frames = 0;
    let tmst = FIRST_TMST + air.since.elapsed().as_micros() as u32;
    let at = flight.micros();
    for datagram in datagrams.clone().map(|at| volley.datagram(at)).collect::<Vec<_>>() {
        volley.stamp(datagram, tmst);
        flight.leave(datagram.frames, at);
        frames += datagram.frames.1 as usize;
    }
    let copies = datagrams.flat_map(|at| (0..air.copies).map(move |copy| (at, copy)));
    let batch: Vec<(Header, &[u8])> = copies
        .map(|(at, copy)| {
            let datagram = volley.datagram(at);
            let gateway = datagram.group * air.copies + copy;
            (wire::push_data(at as u16, gateway), volley.body(datagram))
        })
        .collect();
    air.wire.send(&batch)?;
    Ok(frames)
}
