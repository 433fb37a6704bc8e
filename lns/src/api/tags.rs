//! `/tags`: a resource's tags, in AWS's shape. The tag `lns:codec` is the codec's name itself.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::registry::{
    CaCertificate, Destination, DeviceProfile, Id, Kept, Kind, MulticastGroup, Policy, Registry,
    RegistryError, ServiceProfile, Tags, ThingGroup, ThingType, TopicRule, WirelessDevice,
    WirelessGateway,
};

use super::common::{CODEC_TAG, done, few_enough, json_of, tags};
use super::fields::Fields;
use super::params::Params;
use super::routing::Service;
use super::{Answer, ApiError, Shared, arn};

/// A record with tags.
trait Tagged: Kept {
    fn tags(&mut self) -> &mut Tags;

    /// The codec that the record names, for the kinds that can.
    fn codec(&mut self) -> Option<&mut Option<String>> {
        None
    }

    /// Reads the name of a record of this kind.
    fn read_key(text: &str) -> Option<Self::Key>;

    /// All tags, the codec's among them.
    fn all_tags(&self) -> Tags {
        let mut record = self.clone();
        let codec = record.codec().and_then(|codec| codec.clone());
        let mut tags = std::mem::take(record.tags());
        tags.extend(codec.map(|codec| (CODEC_TAG.to_owned(), codec)));
        tags
    }

    /// Replaces all tags, the codec's among them.
    fn set_tags(&mut self, mut tags: Tags) {
        if let Some(codec) = self.codec() {
            *codec = tags.remove(CODEC_TAG);
        }
        *self.tags() = tags;
    }
}

macro_rules! tagged {
    ($kind:ty, $read:expr) => {
        impl Tagged for $kind {
            fn tags(&mut self) -> &mut Tags {
                &mut self.tags
            }
            fn read_key(text: &str) -> Option<Self::Key> {
                $read(text)
            }
        }
    };
    ($kind:ty, $read:expr, codec) => {
        impl Tagged for $kind {
            fn tags(&mut self) -> &mut Tags {
                &mut self.tags
            }
            fn codec(&mut self) -> Option<&mut Option<String>> {
                Some(&mut self.codec)
            }
            fn read_key(text: &str) -> Option<Self::Key> {
                $read(text)
            }
        }
    };
}

tagged!(DeviceProfile, Id::parse, codec);
tagged!(WirelessDevice, Id::parse, codec);
tagged!(ServiceProfile, Id::parse);
tagged!(WirelessGateway, Id::parse);
tagged!(MulticastGroup, Id::parse);
tagged!(Destination, named);
tagged!(ThingType, named);
tagged!(ThingGroup, named);
tagged!(TopicRule, named);
tagged!(Policy, named);
tagged!(CaCertificate, named);

/// A kind whose records are called by their names.
fn named(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// What is done to a resource's tags.
pub enum Act {
    /// They are shown.
    Look,
    /// These come, or take the place of those with their keys.
    Add(Tags),
    /// Those with these keys go.
    Drop(Vec<String>),
}

fn act<T: Tagged>(registry: &Registry, id: &str, act: Act) -> Result<Tags, ApiError> {
    let key = T::read_key(id).ok_or_else(|| ApiError::not_found(T::KIND, id))?;
    let change = |edit: &dyn Fn(&mut Tags)| {
        registry.update::<T, ApiError>(&key, |record| {
            let mut tags = record.all_tags();
            edit(&mut tags);
            few_enough(&tags)?;
            record.set_tags(tags);
            Ok(())
        })
    };
    let record = match act {
        Act::Look => registry.require::<T>(&key)?,
        Act::Add(more) => change(&|tags| tags.extend(more.clone()))?,
        Act::Drop(keys) => change(&|tags| tags.retain(|key, _| !keys.contains(key)))?,
    };
    Ok(record.all_tags())
}

/// Does something to a resource's tags; gives all that it has.
pub fn act_on(
    registry: &Registry,
    (kind, id): (Kind, String),
    what: Act,
) -> Result<Tags, ApiError> {
    match kind {
        Kind::DeviceProfile => act::<DeviceProfile>(registry, &id, what),
        Kind::ServiceProfile => act::<ServiceProfile>(registry, &id, what),
        Kind::Destination => act::<Destination>(registry, &id, what),
        Kind::WirelessDevice => act::<WirelessDevice>(registry, &id, what),
        Kind::WirelessGateway => act::<WirelessGateway>(registry, &id, what),
        Kind::MulticastGroup => act::<MulticastGroup>(registry, &id, what),
        Kind::ThingType => act::<ThingType>(registry, &id, what),
        Kind::ThingGroup => act::<ThingGroup>(registry, &id, what),
        Kind::TopicRule => act::<TopicRule>(registry, &id, what),
        Kind::Policy => act::<Policy>(registry, &id, what),
        Kind::CaCertificate => act::<CaCertificate>(registry, &id, what),
        Kind::Codec
        | Kind::Thing
        | Kind::TopicRuleDestination
        | Kind::EventConfiguration
        | Kind::Certificate
        | Kind::MqttUser
        | Kind::Principal => {
            let message = format!("{kind} {id} cannot have tags");
            Err(ApiError::from(RegistryError::Unfit(message)))
        }
    }
}

/// TagResource.
pub async fn tag(State(state): Shared, mut params: Params, body: Bytes) -> Answer {
    let resource = arn::parse(Service::IotWireless, &params.required("resourceArn")?)?;
    params.finish()?;
    let mut fields = Fields::parse(&body)?;
    fields.required("Tags", fields.has("Tags").then_some(()))?;
    let tags = tags(&mut fields)?;
    fields.finish()?;
    state.change(move |registry| act_on(registry, resource, Act::Add(tags))).await?;
    done()
}

/// ListTagsForResource.
pub async fn list(State(state): Shared, mut params: Params) -> Answer {
    let resource = arn::parse(Service::IotWireless, &params.required("resourceArn")?)?;
    params.finish()?;
    let tags = act_on(&state.registry, resource, Act::Look)?;
    let list: Vec<Value> =
        tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    json_of(StatusCode::OK, json!({ "Tags": list }))
}

/// UntagResource.
pub async fn untag(State(state): Shared, mut params: Params) -> Answer {
    let resource = arn::parse(Service::IotWireless, &params.required("resourceArn")?)?;
    let keys = params.take_all("tagKeys");
    params.finish()?;
    if keys.is_empty() {
        return Err(ApiError::validation("tagKeys: the query lacks it"));
    }
    state.change(move |registry| act_on(registry, resource, Act::Drop(keys))).await?;
    done()
}
