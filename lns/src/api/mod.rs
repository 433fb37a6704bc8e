//! The HTTP API: AWS's shapes for provisioning, `/v1/` for what AWS does not have.
//!
//! `docs/HTTP.md` is the reference. A request comes in by one door, is read field by
//! field, changes the [registry](crate::registry), and only when that is durable is the device's
//! owner told; the answer leaves after the owner's commit.
//!
//! There is no authentication yet: listen on loopback.

mod arn;
mod association;
mod codecs;
mod common;
mod destinations;
mod device_profiles;
mod dialect;
mod door;
mod error;
mod event_configurations;
mod events;
mod fields;
mod iot;
mod iot_data;
mod keys;
mod multicast;
mod multicast_bulk;
mod multicast_session;
mod params;
mod queue;
mod routing;
mod row;
mod running;
mod serve;
mod service;
mod service_profiles;
mod statistics;
mod tags;
mod telling;
mod v1;
mod who;
mod wireless_devices;
mod wireless_gateways;

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use lns_broker::ReasonCode;
use lns_lorawan::Timestamp;
use tokio::sync::{Mutex, Semaphore};

use crate::broker::Broker;
use crate::identity::{Asker, Authority, AuthorityError, Shown};
use crate::message::RegistryEvent;
use crate::registry::{Registry, RegistryError};

pub use error::{ApiError, ErrorType};
pub use routing::Service;
pub use running::{
    AdrSeen, CodecRefusal, Codecs, Counters, DeviceError, DeviceStatistics, Devices, Encoded,
    Encoding, GatewaySeen, GroupSeen, Groups, Heard, Queued, QueuedItem, Reply, Shadows, Which,
};
pub use serve::{BindError, Peer, Port, Secure, bind, greeting, secure_greeting, serve};
pub use v1::topic_rules::TopicRules;

/// What the API works on.
pub struct ApiState {
    registry: Arc<Registry>,
    surroundings: Surroundings,
    settings: Settings,
    /// One per group of devices: see [`telling`].
    turns: Box<[Mutex<()>]>,
    /// Held while somebody switches events on or off.
    event_switches: Mutex<()>,
    /// One per request under way.
    places: Arc<Semaphore>,
    /// One per client that is asked who it is.
    asking: Semaphore,
}

/// Says who asks, as [`Identity::asker`](crate::identity::Identity::asker) does. May block.
pub type Askers = Arc<dyn Fn(&Shown<'_>) -> Result<Option<Arc<Asker>>, ReasonCode> + Send + Sync>;

/// Opens the server's own authority.
pub type OwnAuthority = Arc<dyn Fn() -> Result<Arc<Authority>, AuthorityError> + Send + Sync>;

/// The running server around the API.
#[derive(Clone)]
pub struct Surroundings {
    /// The devices and gateways.
    pub devices: Arc<dyn Devices>,
    /// The multicast groups.
    pub groups: Arc<dyn Groups>,
    /// The payload codecs.
    pub codecs: Arc<dyn Codecs>,
    /// The device shadows.
    pub shadows: Arc<dyn Shadows>,
    /// The rules, and what their actions could not do.
    pub rules: Arc<dyn TopicRules>,
    /// The server's own authority, made when it is first needed. May block.
    pub authority: OwnAuthority,
    /// Who knows the clients.
    pub askers: Askers,
    /// The MQTT broker.
    pub broker: Arc<dyn Broker>,
    /// The metrics' text, in the Prometheus format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// What is wrong with the server, for whoever watches over it; empty when nothing is.
    pub problems: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    /// Told of what has become of things, after it is durable. It must not block.
    pub registry_events: Arc<dyn Fn(RegistryEvent) + Send + Sync>,
    /// The present.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// What is configured of the API.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether the listener's address is loopback.
    pub loopback: bool,
    /// By what further names it may be called when it is; for a proxy in front.
    pub hosts: Vec<String>,
    /// By what further name the world calls it: who does is not on this machine, though a proxy is.
    pub public_host: Option<String>,
    /// Host and port by which the world calls it; `None`: as each request does.
    pub public_authority: Option<String>,
    /// Where gateways point their packet forwarders, as `udp://host:port`.
    pub gateway_endpoint: String,
}

impl ApiState {
    /// The state of an API over `registry`.
    pub fn new(registry: Arc<Registry>, surroundings: Surroundings, settings: Settings) -> Self {
        Self {
            registry,
            surroundings,
            settings,
            turns: telling::turns(),
            event_switches: Mutex::default(),
            places: Arc::new(Semaphore::new(door::MAX_REQUESTS)),
            asking: Semaphore::new(who::ASKED_AT_ONCE),
        }
    }

    /// Tells whoever has asked for it what has become of things.
    fn tell_of(&self, event: RegistryEvent) {
        (self.surroundings.registry_events)(event);
    }

    /// Tells whoever keeps their shadows that these things may stand for other devices than before.
    fn bound(&self, things: [Option<Box<str>>; 2]) {
        things.iter().flatten().for_each(|thing| self.surroundings.shadows.bound(thing));
    }

    /// Works on the registry and with the server's own authority where it may block.
    async fn certify<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Registry, &Authority) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let authority = Arc::clone(&self.surroundings.authority);
        self.change(move |registry| work(registry, &*authority()?)).await
    }

    /// Works on the registry where it may block.
    async fn change<T: Send + 'static, E: Into<ApiError> + Send + 'static>(
        &self,
        work: impl FnOnce(&Registry) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError> {
        let registry = Arc::clone(&self.registry);
        let done = tokio::task::spawn_blocking(move || work(&registry)).await;
        done.map_err(|_| {
            ApiError::new(ErrorType::Internal, "the registry has failed; the server's log says how")
        })?
        .map_err(Into::into)
    }

    /// Changes a topic rule; it is in force before the answer.
    async fn change_rule<T: Send + 'static, E: Into<ApiError> + Send + 'static>(
        &self,
        work: impl FnOnce(&Registry) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError> {
        let rules = Arc::clone(&self.surroundings.rules);
        let work = move |registry: &Registry| work(registry).inspect(|_| rules.follow());
        self.change(work).await
    }
}

/// What a handler answers.
type Answer = Result<Response, ApiError>;

/// The state as handlers get it.
type Shared = axum::extract::State<Arc<ApiState>>;

/// All routes. Serve it with [`serve`].
pub fn router(state: ApiState) -> Router {
    let state = Arc::new(state);
    let service = |service: Service, routes: Router<Arc<ApiState>>| -> Router {
        let said =
            map_response(move |answer: Response| async move { dialect::spoken(service, answer) });
        let routes = match service {
            Service::IotWireless | Service::Iot => routes.layer(from_fn(who::here)),
            Service::IotData => routes.layer(from_fn_with_state(Arc::clone(&state), who::known)),
        };
        routes.with_state(Arc::clone(&state)).layer(said)
    };
    let services = [
        service(Service::IotWireless, provisioning().merge(traffic())),
        service(Service::Iot, iot::routes()),
        service(Service::IotData, iot_data::routes()),
    ];
    let unknown = Router::new().fallback(service::unknown);
    let services = Router::new()
        .fallback(routing::route)
        .with_state(routing::Services::new(services, unknown));
    additions()
        .route("/healthz", operation(get(healthz)))
        .route("/metrics", operation(get(metrics)))
        .layer(from_fn(who::here))
        .fallback_service(services)
        .layer(from_fn_with_state(Arc::clone(&state), door::door))
        .with_state(state)
}

/// A path's methods; the others are refused in our words.
fn operation(methods: MethodRouter<Arc<ApiState>>) -> MethodRouter<Arc<ApiState>> {
    methods.fallback(service::wrong_method)
}

fn provisioning() -> Router<Arc<ApiState>> {
    use {
        association as at, destinations as d, device_profiles as dp, event_configurations as ev,
        service_profiles as sp,
    };
    use {wireless_devices as wd, wireless_gateways as wg};
    Router::new()
        .route("/device-profiles", operation(post(dp::create).get(dp::list)))
        .route("/device-profiles/{id}", operation(get(dp::show).delete(dp::remove)))
        .route("/service-profiles", operation(post(sp::create).get(sp::list)))
        .route("/service-profiles/{id}", operation(get(sp::show).delete(sp::remove)))
        .route("/destinations", operation(post(d::create).get(d::list)))
        .route("/destinations/{name}", operation(get(d::show).patch(d::update).delete(d::remove)))
        .route("/wireless-devices", operation(post(wd::create).get(wd::list)))
        .route(
            "/wireless-devices/{id}",
            operation(get(wd::show).patch(wd::update).delete(wd::remove)),
        )
        .route(
            "/wireless-devices/{id}/thing",
            operation(put(at::put_device).delete(at::drop_device)),
        )
        .route(
            "/wireless-gateways/{id}/thing",
            operation(put(at::put_gateway).delete(at::drop_gateway)),
        )
        .route("/wireless-gateways", operation(post(wg::create).get(wg::list)))
        .route(
            "/wireless-gateways/{id}",
            operation(get(wg::show).patch(wg::update).delete(wg::remove)),
        )
        .route("/event-configurations", operation(get(ev::list)))
        .route("/event-configurations/{id}", operation(get(ev::show).patch(ev::update)))
        .route(
            "/event-configurations-resource-types",
            operation(get(ev::show_all).patch(ev::update_all)),
        )
        .route("/tags", operation(post(tags::tag).get(tags::list).delete(tags::untag)))
        .route("/service-endpoint", operation(get(service::endpoint)))
}

fn traffic() -> Router<Arc<ApiState>> {
    Router::new()
        .route(
            "/wireless-devices/{id}/data",
            operation(post(queue::send).get(queue::list).delete(queue::drop_items)),
        )
        .route("/wireless-devices/{id}/statistics", operation(get(statistics::device)))
        .route("/wireless-gateways/{id}/statistics", operation(get(statistics::gateway)))
        .merge(multicast_groups())
}

fn multicast_groups() -> Router<Arc<ApiState>> {
    use {multicast as m, multicast_bulk as bulk, multicast_session as session};
    Router::new()
        .route("/multicast-groups", operation(post(m::create).get(m::list)))
        .route("/multicast-groups/{id}", operation(get(m::show).patch(m::update).delete(m::remove)))
        .route("/multicast-groups/{id}/wireless-device", operation(put(m::associate)))
        .route(
            "/multicast-groups/{id}/wireless-devices/{device}",
            operation(delete(m::disassociate)),
        )
        .route("/multicast-groups/{id}/bulk", operation(patch(bulk::associate).post(bulk::part)))
        .route(
            "/multicast-groups/{id}/session",
            operation(put(session::start).get(session::show).delete(session::cancel)),
        )
        .route("/multicast-groups/{id}/data", operation(post(session::send)))
}

fn additions() -> Router<Arc<ApiState>> {
    Router::new()
        .route("/v1/codecs", operation(get(codecs::list)))
        .route(
            "/v1/codecs/{name}",
            operation(get(codecs::show).put(codecs::put).delete(codecs::remove)),
        )
        .route(
            "/v1/event-configurations",
            operation(
                get(event_configurations::show_ours)
                    .merge(patch(event_configurations::update_ours)),
            ),
        )
        .route("/v1/device-profiles", operation(get(v1::profiles::list)))
        .route(
            "/v1/device-profiles/{id}",
            operation(get(v1::profiles::show).merge(patch(v1::profiles::update))),
        )
        .route("/v1/service-profiles", operation(get(v1::service_profiles::list)))
        .route(
            "/v1/service-profiles/{id}",
            operation(get(v1::service_profiles::show).merge(patch(v1::service_profiles::update))),
        )
        .route("/v1/wireless-devices", operation(get(v1::devices::list)))
        .route(
            "/v1/wireless-devices/{id}",
            operation(get(v1::devices::show).patch(v1::devices::update)),
        )
        .route("/v1/wireless-devices/{id}/counters", operation(get(v1::counters::show)))
        .route("/v1/wireless-devices/{id}/reset-counters", operation(post(v1::counters::reset)))
        .route("/v1/wireless-devices/{id}/adr", operation(get(v1::adr::show)))
        .route(
            "/v1/wireless-devices/{id}/queue",
            operation(
                post(v1::queue::send).get(v1::queue::list).merge(delete(v1::queue::drop_items)),
            ),
        )
        .route("/v1/wireless-devices/{id}/class", operation(get(v1::class::show)))
        .route("/v1/wireless-devices/{id}/rejoin", operation(post(v1::rejoin::force)))
        .route("/v1/wireless-devices/{id}/mac", operation(get(v1::mac::show)))
        .merge(v1::mqtt_users::routes())
        .merge(v1::ca::routes())
        .merge(v1::topic_rules::routes())
        .route("/v1/multicast-groups", operation(get(v1::multicast::list)))
        .route(
            "/v1/multicast-groups/{id}",
            operation(get(v1::multicast::show).merge(patch(v1::multicast::update))),
        )
        .route(
            "/v1/multicast-groups/{id}/queue",
            operation(post(v1::multicast::send).merge(delete(v1::multicast::drop_items))),
        )
        .route("/v1/wireless-gateways", operation(get(v1::gateways::list)))
        .route(
            "/v1/wireless-gateways/{id}",
            operation(get(v1::gateways::show).patch(v1::gateways::update)),
        )
}

/// 200 while all is well, else 503 with what is wrong.
async fn healthz(axum::extract::State(state): Shared) -> Response {
    let problems = (state.surroundings.problems)();
    let (status, word) = if problems.is_empty() {
        (axum::http::StatusCode::OK, "ok")
    } else {
        (axum::http::StatusCode::SERVICE_UNAVAILABLE, "failing")
    };
    let body = serde_json::json!({ "status": word, "problems": problems });
    (status, axum::Json(body)).into_response()
}

async fn metrics(axum::extract::State(state): Shared) -> Response {
    let text = (state.surroundings.metrics)();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

impl From<std::convert::Infallible> for ApiError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// A change of a record that ends in the registry's words.
type Change = Result<(), RegistryError>;
