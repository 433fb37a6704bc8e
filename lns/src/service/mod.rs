//! The running server as its doors see it: devices, gateways and codecs, behind the mailboxes.

mod downlinks;
mod encoder;
mod groups;

use std::sync::Arc;

use lns_core::device::{Listening, Waits};
use lns_core::event::QueueItem;
use lns_core::mac::force_rejoin::ForceRejoin;
use lns_core::mac::{Account, account};
use lns_core::{Command, Description, Network};
use lns_lorawan::{DevEui, GatewayEui, TimeDelta};
use tokio::sync::oneshot;

use crate::api::{
    AdrSeen, CodecRefusal, Codecs, Counters, DeviceError, DeviceStatistics, Devices, Encoded,
    Encoding, GatewaySeen, Queued, QueuedItem, Reply as Promise, Which,
};
use crate::clock::Clock;
use crate::gateways::{Gateway, Gateways};
use crate::last_uplinks::LastUplinks;
use crate::message::{CommandError, Reply, ToPartition};
use crate::rooms::Partitions;
use crate::router::Router;

pub use downlinks::Downlinks;
pub use encoder::Encoder;

/// The devices and gateways of a running server.
pub struct Service {
    /// The partitions' doors.
    pub partitions: Partitions,
    /// Which device lives where.
    pub router: Arc<Router>,
    /// What is known of gateways.
    pub gateways: Arc<Gateways>,
    /// Encodes applications' objects.
    pub encoder: Encoder,
    /// Every device's last uplink.
    pub last_uplinks: Arc<LastUplinks>,
    /// How long a downlink waits when its request does not say.
    pub expiry: TimeDelta,
    /// The network's settings.
    pub network: Arc<Network>,
    /// The clock.
    pub clock: Clock,
}

impl Service {
    /// Gives a command to a device's partition; `then` is called after the commit.
    pub fn command(
        &self,
        dev_eui: DevEui,
        command: Command,
        then: impl FnOnce(Result<(), CommandError>) + Send + 'static,
    ) {
        let message = ToPartition::Command { dev_eui, command, reply: Reply::new(then) };
        // A message that does not fit is dropped, and its reply says so.
        let _ = self.partitions.try_send(self.router.partition_of(dev_eui), message);
    }

    fn ask<T: Send + 'static>(
        &self,
        dev_eui: DevEui,
        command: Command,
        answer: impl FnOnce() -> T + Send + 'static,
    ) -> Promise<T> {
        let (sender, receiver) = oneshot::channel();
        self.command(dev_eui, command, move |done| {
            let done = done.map(|()| answer()).map_err(|error| refused(dev_eui, error));
            let _ = sender.send(done);
        });
        receiver
    }

    fn look<T: Send + 'static>(
        &self,
        dev_eui: DevEui,
        view: impl FnOnce(&lns_core::Device) -> T + Send + 'static,
    ) -> Promise<T> {
        let (sender, receiver) = oneshot::channel();
        let view = Box::new(move |device: Option<&lns_core::Device>| {
            let _ = sender.send(device.map(view).ok_or(DeviceError::Unknown(dev_eui)));
        });
        let message = ToPartition::Look { dev_eui, view };
        let _ = self.partitions.try_send(self.router.partition_of(dev_eui), message);
        receiver
    }
}

impl Devices for Service {
    fn describe(&self, description: Arc<Description>) -> Promise<()> {
        self.ask(description.dev_eui, Command::Describe(description), || ())
    }

    fn forget(&self, dev_eui: DevEui) -> Promise<()> {
        let (sender, receiver) = oneshot::channel();
        self.last_uplinks.forget(dev_eui);
        let reply = Reply::new(move |done: Result<(), CommandError>| {
            let _ = sender.send(match done {
                Ok(()) | Err(CommandError::UnknownDevice) => Ok(()),
                Err(error) => Err(refused(dev_eui, error)),
            });
        });
        let message = ToPartition::Forget { dev_eui, reply };
        let _ = self.partitions.try_send(self.router.partition_of(dev_eui), message);
        receiver
    }

    fn enqueue(&self, dev_eui: DevEui, mut item: QueueItem) -> Promise<Queued> {
        item.expires_at.get_or_insert(item.queued_at + self.expiry);
        let id = item.id;
        self.ask(dev_eui, Command::Enqueue(item), move || Queued { id })
    }

    fn queue(&self, dev_eui: DevEui) -> Promise<Vec<QueuedItem>> {
        let now = self.clock.now();
        self.look(dev_eui, move |device| device.waiting(now).map(queued_item).collect())
    }

    fn mac(&self, dev_eui: DevEui) -> Promise<Option<Account>> {
        let (network, now) = (Arc::clone(&self.network), self.clock.now());
        self.look(dev_eui, move |device| account(device, &network, now))
    }

    fn adr(&self, dev_eui: DevEui) -> Promise<AdrSeen> {
        self.look(dev_eui, |device| {
            let session = device.session.as_ref();
            let current = session.map(|session| &session.current);
            AdrSeen {
                policy: device.about.adr.clone(),
                adr_bit: device.mac.adr,
                current: current.map_or((None, None, None), |current| {
                    (current.data_rate, current.tx_power, current.nb_trans)
                }),
                why: device.adr.why,
                samples: device.adr.history.frames().collect(),
            }
        })
    }

    fn drop_items(&self, dev_eui: DevEui, which: Which) -> Promise<usize> {
        let (sender, receiver) = oneshot::channel();
        let (command, wanted) = match which {
            Which::All => (Command::Clear, None),
            Which::One(id) => (Command::Drop(id), Some(id)),
        };
        // Looked at and carried out in this order by the one writer of the device.
        let (count_sender, count) = std::sync::mpsc::sync_channel(1);
        let view = Box::new(move |device: Option<&lns_core::Device>| {
            let matching =
                |queued: &&lns_core::device::Queued| wanted.is_none_or(|id| queued.item.id == id);
            let there = device.map_or(0, |device| device.queue.iter().filter(matching).count());
            let _ = count_sender.send(there);
        });
        let partition = self.router.partition_of(dev_eui);
        let _ = self.partitions.try_send(partition, ToPartition::Look { dev_eui, view });
        self.command(dev_eui, command, move |done| {
            let there = count.try_recv().unwrap_or(0);
            let _ = sender.send(done.map(|()| there).map_err(|error| refused(dev_eui, error)));
        });
        receiver
    }

    fn counters(&self, dev_eui: DevEui) -> Promise<Counters> {
        self.look(dev_eui, counters)
    }

    fn reset_counters(&self, dev_eui: DevEui) -> Promise<()> {
        self.ask(dev_eui, Command::AllowReset, || ())
    }

    fn force_rejoin(&self, dev_eui: DevEui, wish: ForceRejoin) -> Promise<()> {
        self.ask(dev_eui, Command::ForceRejoin(wish), || ())
    }

    fn statistics(&self, dev_eui: DevEui) -> Option<DeviceStatistics> {
        self.last_uplinks.of(dev_eui)
    }

    fn gateways(&self) -> Vec<GatewaySeen> {
        self.gateways.all().iter().filter_map(|gateway| seen(gateway)).collect()
    }

    fn gateway(&self, gateway_eui: GatewayEui) -> Option<GatewaySeen> {
        self.gateways.find(gateway_eui).as_deref().and_then(seen)
    }

    fn listening(&self, dev_eui: DevEui) -> Promise<Listening> {
        let now = self.clock.now();
        self.look(dev_eui, move |device| device.listening(now))
    }
}

impl Codecs for Service {
    fn encode(&self, wanted: Encoding) -> Promise<Encoded, CodecRefusal> {
        let (sender, receiver) = oneshot::channel();
        self.encoder.encode(wanted, move |encoded| {
            let _ = sender.send(encoded.map_err(CodecRefusal));
        });
        receiver
    }
}

fn queued_item((queued, waits): (&lns_core::device::Queued, Waits)) -> QueuedItem {
    QueuedItem {
        item: queued.item.clone(),
        in_flight: queued.state == lns_core::device::ItemState::Planned,
        attempts: queued.attempts,
        waits,
    }
}

fn counters(device: &lns_core::Device) -> Counters {
    let Some(session) = &device.session else { return Counters::default() };
    let is_1_1 = session.keys.scheme.is_1_1();
    Counters {
        f_cnt_up: session.f_cnt_up.map(|last| last.0),
        n_f_cnt_down: Some(session.n_f_cnt_down.next.0),
        a_f_cnt_down: is_1_1.then_some(session.a_f_cnt_down.next.0),
        forgotten: device.behind.is_some_and(|behind| behind.is_reset),
        reset_allowed: device.reset_allowed,
        heard_from_zero: session.is_heard_from_zero(),
    }
}

fn refused(dev_eui: DevEui, error: CommandError) -> DeviceError {
    match error {
        CommandError::UnknownDevice | CommandError::UnknownGroup => DeviceError::Unknown(dev_eui),
        CommandError::Overload => DeviceError::Busy,
        CommandError::QueueFull { limit } => DeviceError::QueueFull { limit },
        CommandError::Impossible(reason) => DeviceError::Refused(reason.into()),
    }
}

fn seen(gateway: &Gateway) -> Option<GatewaySeen> {
    Some(GatewaySeen {
        gateway: gateway.eui,
        connected: gateway.is_alive(),
        last_seen_at: gateway.last_seen()?,
        last_uplink_at: gateway.last_uplink(),
        address: gateway.address().and_then(|address| address.parse().ok()),
    })
}
