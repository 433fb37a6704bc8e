//! Makes the fleet's devices known to a server, through the HTTP API in the shape of AWS IoT Core
//! for LoRaWAN: CreateDeviceProfile, CreateWirelessDevice.

mod http;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

pub use http::{Base, HttpError, UrlError};

use lns_lorawan::Region;

use crate::device::plan::Place;
use crate::device::{Activation, Class, DeviceSpec, Payload};
use crate::gateway::GatewaySpec;
use crate::scenario::Scenario;
use http::{Answer, Client};

/// What is made, and where.
#[derive(Debug, Clone)]
pub struct Provision {
    /// The API.
    pub base: Base,
    /// The destination that the devices' messages go to.
    pub destination: String,
    /// A folder with `temperature.js`, `switch.js` and `tracker.js`: stored on the server as codecs
    /// of these names (not part of AWS's API) and given to the devices of each kind.
    pub codecs: Option<PathBuf>,
}

/// What was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Provisioned {
    /// Devices that are new to the server.
    pub created: usize,
    /// Devices that it had already, whatever keys it has for them.
    pub already: usize,
}

/// Why the devices are not known to the server.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// No answer.
    #[error("cannot {what} at {base}: {why}")]
    Http {
        /// What was attempted.
        what: String,
        /// Where.
        base: String,
        /// What went wrong.
        why: HttpError,
    },
    /// An answer, but a no.
    #[error("cannot {what}: the server says {status}: {message}")]
    Refused {
        /// What was attempted.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// An answer without what it must contain.
    #[error("cannot {what}: the server's answer has no Id: {body}")]
    NoId {
        /// What was attempted.
        what: String,
        /// The answer.
        body: String,
    },
    /// A codec's file.
    #[error("cannot read the codec {}: {why}", path.display())]
    Codec {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
}

/// Makes a profile for each fleet, and its devices.
///
/// # Errors
/// The server does not answer, or refuses something that is not there yet.
pub fn provision(
    to: &Provision,
    scenario: &Scenario,
    mut progress: impl FnMut(usize),
) -> Result<Provisioned, ProvisionError> {
    let mut server = Server { client: Client::new(to.base.clone()), to };
    if let Some(folder) = &to.codecs {
        for kind in ["temperature", "switch", "tracker"] {
            server.put_codec(folder, kind)?;
        }
    }
    if scenario.beacons {
        // Class B needs to know who sends beacons; otherwise gateways need not be known.
        for spec in scenario.gateway_specs() {
            server.create_gateway(&spec, scenario.region)?;
        }
    }
    let mut made = Provisioned::default();
    for fleet in scenario.each() {
        let profile = server.create_profile(fleet)?;
        for spec in fleet.own_device_specs(lns_lorawan::Timestamp::default()) {
            match server.create_device(&spec, &profile)? {
                true => made.created += 1,
                false => made.already += 1,
            }
            progress(made.created + made.already);
        }
    }
    Ok(made)
}

struct Server<'a> {
    client: Client,
    to: &'a Provision,
}

impl Server<'_> {
    fn ask(
        &mut self,
        what: &str,
        (method, path): (&str, &str),
        body: &[u8],
    ) -> Result<Answer, ProvisionError> {
        let base = self.to.base.to_string();
        self.client.ask(method, path, body).map_err(|why| ProvisionError::Http {
            what: what.into(),
            base,
            why,
        })
    }

    fn put_codec(&mut self, folder: &Path, kind: &str) -> Result<(), ProvisionError> {
        let path = folder.join(format!("{kind}.js"));
        let script = std::fs::read(&path)
            .map_err(|why| ProvisionError::Codec { path: path.clone(), why })?;
        let what = format!("store the codec {kind}");
        let answer = self.ask(&what, ("PUT", &format!("/v1/codecs/{kind}")), &script)?;
        succeeded(&what, &answer)
    }

    fn create_profile(&mut self, scenario: &Scenario) -> Result<String, ProvisionError> {
        let (name, body) = profile_body(scenario);
        let what = format!("create the device profile {name:?}");
        let answer = self.ask(&what, ("POST", "/device-profiles"), body.to_string().as_bytes())?;
        succeeded(&what, &answer)?;
        let id = serde_json::from_slice::<Value>(&answer.body)
            .ok()
            .and_then(|body| Some(body.get("Id")?.as_str()?.to_owned()));
        id.ok_or_else(|| ProvisionError::NoId { what, body: answer.text() })
    }

    /// A gateway that is there already stays as it is.
    fn create_gateway(&mut self, spec: &GatewaySpec, region: Region) -> Result<(), ProvisionError> {
        let what = format!("create the gateway {}", spec.eui);
        let body = gateway_body(spec, region).to_string();
        let answer = self.ask(&what, ("POST", "/wireless-gateways"), body.as_bytes())?;
        if answer.status == 409 { Ok(()) } else { succeeded(&what, &answer) }
    }

    /// False: it was there already.
    fn create_device(&mut self, spec: &DeviceSpec, profile: &str) -> Result<bool, ProvisionError> {
        let what = format!("create the device {}", spec.dev_eui);
        let body = device_body(spec, (profile, &self.to.destination), self.to.codecs.is_some());
        let answer = self.ask(&what, ("POST", "/wireless-devices"), body.to_string().as_bytes())?;
        if answer.status == 409 {
            return Ok(false);
        }
        succeeded(&what, &answer)?;
        Ok(true)
    }
}

fn gateway_body(spec: &GatewaySpec, region: Region) -> Value {
    let mut lorawan = json!({ "GatewayEui": spec.eui.to_string(), "RfRegion": region.name() });
    if let Some(beacons) = &spec.beacons {
        let frequencies: Vec<u32> = match beacons.place {
            Place::At(hz) => vec![hz],
            Place::Hops(first, step) => (0..8).map(|n| first + n * step).collect(),
        };
        let data_rate = beacons.data_rate;
        lorawan["Beaconing"] = json!({ "DataRate": data_rate, "Frequencies": frequencies });
    }
    json!({ "Name": format!("sim {}", spec.eui), "LoRaWAN": lorawan })
}

/// The name of a fleet's profile, and what it says.
fn profile_body(scenario: &Scenario) -> (String, Value) {
    let (region, version) = (scenario.region, scenario.mac_version);
    let revision = scenario.reg_params();
    let class = match scenario.class {
        Class::A => String::new(),
        Class::B { periodicity } => format!(" class B {periodicity}"),
        Class::C => " class C".to_owned(),
    };
    let edition = match scenario.reg_params {
        None => String::new(),
        Some(revision) => format!(" {revision}"),
    };
    let abp = if scenario.personalized { " ABP" } else { "" };
    let name = format!("sim {region} {version}{class}{edition}{abp}");
    let mut lorawan = json!({
        "RfRegion": region.name(),
        "MacVersion": version.to_string(),
        "RegParamsRevision": revision.to_string(),
        "SupportsJoin": !scenario.personalized,
        "Supports32BitFCnt": true,
    });
    match scenario.class {
        Class::A => {}
        Class::B { periodicity } => {
            lorawan["SupportsClassB"] = true.into();
            // In slots of 30 ms from one ping slot to the next.
            lorawan["PingSlotPeriod"] = (32u32 << periodicity).into();
        }
        Class::C => lorawan["SupportsClassC"] = true.into(),
    }
    // The same fleet twice makes one profile. AWS allows no dots here.
    let token = name.replace([' ', '.'], "-");
    let body = json!({ "Name": name, "ClientRequestToken": token, "LoRaWAN": lorawan });
    (name, body)
}

fn device_body(spec: &DeviceSpec, (profile, destination): (&str, &str), codec: bool) -> Value {
    let mut lorawan = json!({ "DevEui": spec.dev_eui.to_string(), "DeviceProfileId": profile });
    match &spec.activation {
        Activation::Otaa { join_eui, app_key, .. } => {
            let name = if spec.mac_version.counts_dev_nonce() { "JoinEui" } else { "AppEui" };
            lorawan["OtaaV1_0_x"] =
                json!({ "AppKey": hex(app_key.as_bytes()), name: join_eui.to_string() });
        }
        Activation::Otaa11 { join_eui, nwk_key, app_key, .. } => {
            lorawan["OtaaV1_1"] = json!({
                "NwkKey": hex(nwk_key.as_bytes()),
                "AppKey": hex(app_key.as_bytes()),
                "JoinEui": join_eui.to_string(),
            });
        }
        Activation::Abp { dev_addr, nwk_s_key, app_s_key } => {
            lorawan["AbpV1_0_x"] = json!({
                "DevAddr": dev_addr.to_string(),
                "SessionKeys": {
                    "NwkSKey": hex(nwk_s_key.as_bytes()),
                    "AppSKey": hex(app_s_key.as_bytes()),
                },
            });
        }
        Activation::Abp11 { dev_addr, keys } => {
            lorawan["AbpV1_1"] = json!({
                "DevAddr": dev_addr.to_string(),
                "SessionKeys": {
                    "FNwkSIntKey": hex(keys.f_nwk_s_int_key.as_bytes()),
                    "SNwkSIntKey": hex(keys.s_nwk_s_int_key.as_bytes()),
                    "NwkSEncKey": hex(keys.nwk_s_enc_key.as_bytes()),
                    "AppSKey": hex(keys.app_s_key.as_bytes()),
                },
            });
        }
    }
    if let Some(name) = codec_of(&spec.payload).filter(|_| codec) {
        lorawan["Codec"] = name.into();
    }
    json!({
        "Type": "LoRaWAN",
        "Name": spec.name,
        "DestinationName": destination,
        "LoRaWAN": lorawan,
    })
}

fn codec_of(payload: &Payload) -> Option<&'static str> {
    match payload {
        Payload::Temperature => Some("temperature"),
        Payload::Switch => Some("switch"),
        Payload::Tracker => Some("tracker"),
        Payload::Fixed { .. } | Payload::Empty | Payload::Made(_) => None,
    }
}

fn succeeded(what: &str, answer: &Answer) -> Result<(), ProvisionError> {
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    let said = serde_json::from_slice::<Value>(&answer.body).ok().and_then(|body| {
        let message = body.get("Message").or_else(|| body.get("message"))?;
        Some(message.as_str()?.to_owned())
    });
    let message = said.unwrap_or_else(|| answer.text());
    Err(ProvisionError::Refused { what: what.into(), status: answer.status, message })
}

/// The fleet's identifiers and keys, one device a line, for servers without that API. The NwkKey is
/// empty before 1.1.
pub fn csv(scenario: &Scenario) -> String {
    let mut text = String::from("name,dev_eui,join_eui,app_key,nwk_key\n");
    for fleet in scenario.each() {
        for spec in fleet.own_device_specs(lns_lorawan::Timestamp::default()) {
            let (app_key, nwk_key) = match &spec.activation {
                Activation::Otaa { app_key, .. } => (hex(app_key.as_bytes()), String::new()),
                Activation::Otaa11 { app_key, nwk_key, .. } => {
                    (hex(app_key.as_bytes()), hex(nwk_key.as_bytes()))
                }
                Activation::Abp { .. } | Activation::Abp11 { .. } => continue,
            };
            let (name, dev_eui, join_eui) = (&spec.name, spec.dev_eui, fleet.join_eui);
            text.push_str(&format!("{name},{dev_eui},{join_eui},{app_key},{nwk_key}\n"));
        }
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use lns_lorawan::AppKey;
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;

    /// Answers one request after the other with these, and keeps what was asked.
    fn serve(answers: &[(u16, &'static str)]) -> (Base, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let answers = answers.to_vec();
        let serving = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let mut asked = Vec::new();
            for (status, body) in answers {
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    reader.read_line(&mut head).unwrap();
                }
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok())
                    .unwrap();
                let mut content = vec![0; length];
                reader.read_exact(&mut content).unwrap();
                let first = head.lines().next().unwrap();
                asked.push(format!("{first} {}", String::from_utf8(content).unwrap()));
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}");
                reader.get_mut().write_all(answer.as_bytes()).unwrap();
            }
            asked
        });
        (base, serving)
    }

    fn scenario() -> Scenario {
        Scenario { devices: 2, ..Scenario::default() }
    }

    fn to(base: Base) -> Provision {
        Provision { base, destination: "default".into(), codecs: None }
    }

    #[test]
    fn a_profile_and_its_devices_are_created_over_one_connection() {
        let (base, serving) =
            serve(&[(201, r#"{"Id":"p-1"}"#), (201, r#"{"Id":"d-1"}"#), (409, "{}")]);
        let mut counts = Vec::new();
        let made = provision(&to(base), &scenario(), |count| counts.push(count)).unwrap();
        assert_eq!(made, Provisioned { created: 1, already: 1 });
        assert_eq!(counts, [1, 2]);
        let asked = serving.join().unwrap();
        assert!(asked[0].starts_with("POST /device-profiles HTTP/1.0 {"), "{}", asked[0]);
        assert!(asked[0].contains(r#""ClientRequestToken":"sim-EU868-1-0-3""#), "{}", asked[0]);
        let (_, body) = asked[1].split_once("HTTP/1.0 ").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["DestinationName"], "default");
        assert_eq!(body["LoRaWAN"]["DevEui"], "70b3d57ed0010000");
        assert_eq!(body["LoRaWAN"]["DeviceProfileId"], "p-1");
        assert_eq!(body["LoRaWAN"]["OtaaV1_0_x"]["AppEui"], "70b3d57ed0000000");
        let key = body["LoRaWAN"]["OtaaV1_0_x"]["AppKey"].as_str().unwrap();
        assert_eq!(
            key.parse::<AppKey>(),
            Ok(scenario().app_key_of("70b3d57ed0010000".parse().unwrap()))
        );
    }

    #[test]
    fn a_refusal_carries_the_servers_words() {
        let (base, _serving) = serve(&[(400, r#"{"Message":"RfRegion: no such region"}"#)]);
        let error = provision(&to(base), &scenario(), |_| ()).unwrap_err().to_string();
        let expected = "cannot create the device profile \"sim EU868 1.0.3\": the server says 400: \
                        RfRegion: no such region";
        assert_eq!(error, expected);
    }

    #[test]
    fn the_list_has_a_line_for_each_device() {
        let text = csv(&Scenario { app_key: Some(AppKey::from_bytes([0xab; 16])), ..scenario() });
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        let key = "abababababababababababababababab";
        assert_eq!(lines[2], format!("switch-2,70b3d57ed0010001,70b3d57ed0000000,{key},"));
    }

    #[test]
    fn profiles_and_keys_follow_class_and_version() {
        let mut scenario = scenario();
        scenario.mac_version = lns_lorawan::MacVersion::V1_1_0;
        scenario.class = Class::C;
        let (name, body) = profile_body(&scenario);
        assert_eq!(name, "sim EU868 1.1 class C");
        assert_eq!(body["ClientRequestToken"], "sim-EU868-1-1-class-C");
        assert_eq!(body["LoRaWAN"]["SupportsClassC"], true);
        let spec = scenario.own_device_specs(lns_lorawan::Timestamp::default()).remove(0);
        let device = device_body(&spec, ("p-1", "default"), false);
        let keys = &device["LoRaWAN"]["OtaaV1_1"];
        assert_eq!(keys["JoinEui"], "70b3d57ed0000000");
        assert_ne!(keys["NwkKey"], keys["AppKey"]);
        assert!(csv(&scenario).lines().all(|line| line.split(',').count() == 5));
        scenario.personalized = true;
        let spec = scenario.own_device_specs(lns_lorawan::Timestamp::default()).remove(0);
        let device = device_body(&spec, ("p-1", "default"), false);
        assert!(device["LoRaWAN"]["AbpV1_1"]["SessionKeys"]["SNwkSIntKey"].is_string());
        assert_eq!(csv(&scenario).lines().count(), 1);
        let gateway = GatewaySpec::new(scenario.gateway_specs()[0].eui, Region::Us915);
        let body = gateway_body(&gateway.beaconing(Region::Us915), Region::Us915);
        let beaconing = &body["LoRaWAN"]["Beaconing"];
        assert_eq!(
            (&beaconing["DataRate"], &beaconing["Frequencies"][7]),
            (&json!(8), &json!(927_500_000))
        );
        scenario.class = Class::B { periodicity: 3 };
        let (_, body) = profile_body(&scenario);
        assert_eq!(body["LoRaWAN"]["SupportsClassB"], true);
        assert_eq!(body["LoRaWAN"]["PingSlotPeriod"], 256);
    }
}
