//! `/wireless-devices/{Id}/thing` and `/wireless-gateways/{Id}/thing`: which thing stands for a device
//! or a gateway. A thing stands for one of each at most, and stays as long as it does.

use axum::body::Bytes;
use axum::extract::State;
use serde_json::{Map, Value, json};

use crate::registry::{Kind, Registry, WirelessDevice, WirelessGateway};

use super::common::{done, id};
use super::fields::{Fields, wrong};
use super::params::Label;
use super::routing::Service;
use super::{Answer, ApiError, Change, Shared, arn};

/// Puts the thing's name and ARN into the document of a device or gateway.
pub fn put(document: &mut Map<String, Value>, thing: Option<&str>) {
    let Some(name) = thing else { return };
    document.insert("ThingName".to_owned(), json!(name));
    document.insert("ThingArn".to_owned(), json!(arn::of(Kind::Thing, &name)));
}

fn read(body: &[u8]) -> Result<Box<str>, ApiError> {
    let mut fields = Fields::parse(body)?;
    let arn = fields.text("ThingArn", 0..=2048)?;
    let arn = fields.required("ThingArn", arn)?;
    fields.finish()?;
    match arn::parse(Service::Iot, &arn)? {
        (Kind::Thing, name) => Ok(name.into()),
        (kind, name) => Err(wrong("ThingArn", format!("{kind} {name} is no thing"))),
    }
}

/// AssociateWirelessDeviceWithThing.
pub async fn put_device(state: Shared, label: Label, body: Bytes) -> Answer {
    device(state, label, Some(read(&body)?)).await
}

/// DisassociateWirelessDeviceFromThing.
pub async fn drop_device(state: Shared, label: Label) -> Answer {
    device(state, label, None).await
}

async fn device(State(state): Shared, Label(label): Label, thing: Option<Box<str>>) -> Answer {
    let id = id(&label, Kind::WirelessDevice)?;
    let before = state.registry.find::<WirelessDevice>(&id).and_then(|it| it.thing.clone());
    let after = thing.clone();
    let change = move |device: &mut WirelessDevice| -> Change {
        device.thing = thing;
        Ok(())
    };
    state.change(move |registry: &Registry| registry.update(&id, change)).await?;
    state.bound([before, after]);
    done()
}

/// AssociateWirelessGatewayWithThing.
pub async fn put_gateway(state: Shared, label: Label, body: Bytes) -> Answer {
    gateway(state, label, Some(read(&body)?)).await
}

/// DisassociateWirelessGatewayFromThing.
pub async fn drop_gateway(state: Shared, label: Label) -> Answer {
    gateway(state, label, None).await
}

async fn gateway(State(state): Shared, Label(label): Label, thing: Option<Box<str>>) -> Answer {
    let id = id(&label, Kind::WirelessGateway)?;
    let change = move |gateway: &mut WirelessGateway| -> Change {
        gateway.thing = thing;
        Ok(())
    };
    state.change(move |registry: &Registry| registry.update(&id, change)).await?;
    done()
}
