//! Encoding applications' objects: a thread of its own, so that a slow script delays no uplink.

use crossbeam_channel::{Sender, bounded};
use lns_pipeline::codec::{EncodeInput, Limits, Worker};

use crate::api::{Encoded, Encoding};
use crate::clock::Clock;

/// How many objects may wait; more are refused with a reason.
const WAITING: usize = 1024;

/// Called once with the bytes, or why there are none.
type Done = Box<dyn FnOnce(Result<Encoded, String>) + Send>;

/// The door to the encoding thread.
#[derive(Clone)]
pub struct Encoder {
    jobs: Sender<(Encoding, Done)>,
}

impl Encoder {
    /// Starts the thread; it ends when the last door is gone. Nobody waits for it: what it has not
    /// encoded was not promised to anybody.
    pub fn start(limits: Limits, clock: Clock) -> std::io::Result<Self> {
        let (jobs, inbox) = bounded::<(Encoding, Done)>(WAITING);
        std::thread::Builder::new()
            .name("encoder".into())
            .stack_size(1024 * 1024 + limits.stack_bytes)
            .spawn(move || {
                let mut worker = Worker::new(limits);
                for (wanted, done) in inbox {
                    done(encode(&mut worker, &wanted, &clock));
                }
            })?;
        Ok(Encoder { jobs })
    }

    /// Encodes an object; `done` is called on the encoding thread, or here when too many wait.
    pub fn encode(
        &self,
        wanted: Encoding,
        done: impl FnOnce(Result<Encoded, String>) + Send + 'static,
    ) {
        if let Err(error) = self.jobs.try_send((wanted, Box::new(done))) {
            let (_, done) = error.into_inner();
            done(Err(format!("more than {WAITING} payloads wait to be encoded; try again")));
        }
    }
}

fn encode(worker: &mut Worker, wanted: &Encoding, clock: &Clock) -> Result<Encoded, String> {
    let input = EncodeInput {
        object: &wanted.object,
        port: wanted.f_port,
        variables: Some(&wanted.variables).filter(|variables| !variables.is_empty()),
    };
    worker
        .encode(&wanted.codec, &input, clock.now().micros())
        .map(|encoded| Encoded { bytes: encoded.bytes, f_port: encoded.port })
        .map_err(|error| error.to_string())
}
