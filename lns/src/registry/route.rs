//! All that delivering one device's message takes.

use std::sync::Arc;

use lns_lorawan::DevEui;
use lns_pipeline::codec::CodecSpec;

use super::{CAYENNE_LPP, Destination, DeviceProfile, Registry, WirelessDevice};

/// What a message of a device needs on its way out. The records agree with each other.
#[derive(Clone, Debug)]
pub struct Route {
    /// The device.
    pub device: Arc<WirelessDevice>,
    /// The name of the thing that it is associated with.
    pub thing: Option<Box<str>>,
    /// Its make.
    pub profile: Arc<DeviceProfile>,
    /// Where its messages go.
    pub destination: Arc<Destination>,
    /// How its payloads are read: the device's own codec, else its profile's, else none.
    pub codec: CodecSpec,
    /// Whether messages carry what each gateway measured.
    pub add_gw_metadata: bool,
}

impl Route {
    /// What the operator calls the codec, if there is one.
    pub fn codec_name(&self) -> Option<&str> {
        self.device.codec.as_deref().or(self.profile.codec.as_deref())
    }
}

impl Registry {
    /// The route of a device's messages; `None` for a device that is not described.
    ///
    /// The devices are held still meanwhile: a destination, profile or codec is removed only after
    /// the last device that refers to it has been pointed elsewhere, so all of them are there.
    pub fn route(&self, dev_eui: DevEui) -> Option<Route> {
        let devices = self.devices.read();
        let device = Arc::clone(devices.find_by_eui(dev_eui.value())?);
        let profiles = self.device_profiles.read();
        let profile = Arc::clone(profiles.find(&device.device_profile_id)?);
        let codec = device.codec.as_deref().or(profile.codec.as_deref());
        let codec = codec.map_or(CodecSpec::None, |name| self.codec_spec(name));
        let destination = self.find(&device.destination.to_string())?;
        let service = device.service_profile_id.and_then(|id| {
            let services = self.service_profiles.read();
            services.find(&id).and_then(|service| service.add_gw_metadata)
        });
        drop((devices, profiles));
        let add_gw_metadata = service != Some(false);
        let thing = device.thing.clone();
        Some(Route { device, thing, profile, destination, codec, add_gw_metadata })
    }

    fn codec_spec(&self, name: &str) -> CodecSpec {
        if name == CAYENNE_LPP {
            return CodecSpec::CayenneLpp;
        }
        self.codecs
            .read()
            .find(&name.to_owned())
            .map_or(CodecSpec::None, |codec| codec.spec().clone())
    }
}
