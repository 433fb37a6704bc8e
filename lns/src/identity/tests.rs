//! Clients that are known, that are not, and that are no longer.

use std::collections::BTreeMap;

use lns_broker::{Connect, Version};
use lns_lorawan::Region;
use lns_pipeline::policy::Action;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::json;

use super::*;
use crate::registry::{Defaults, Id, MqttToken, PrincipalName};
use crate::store::MemoryStore;

struct World {
    registry: Arc<Registry>,
    identity: Identity,
    _folder: tempfile::TempDir,
}

const NOBODY: Shown<'_> = Shown {
    client_id: "c",
    username: None,
    password: None,
    certificates: &[],
    server_name: None,
    source: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
};

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(MemoryStore::new());
        let registry = Arc::new(Registry::open(store, Defaults::of(Region::Eu868)).unwrap());
        let identity =
            Identity::new(Arc::clone(&registry), Clock::start(), folder.path().to_owned());
        Self { registry, identity, _folder: folder }
    }

    fn policy(&self, name: &str, statements: serde_json::Value) {
        let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let now = self.identity.clock.now();
        self.registry.put(Policy::new(name.to_owned(), document, now)).unwrap();
    }

    fn user(&self, name: &str, password: Option<&str>, tokens: Vec<MqttToken>) -> PrincipalName {
        let created_at = self.identity.clock.now();
        let password = password.map(|password| hash(password.as_bytes()));
        let user = MqttUser { name: name.to_owned(), password, tokens, created_at, version: 1 };
        self.registry.put(user).unwrap();
        PrincipalName::user(name)
    }

    /// A certificate of our own authority, registered, and its DER.
    fn certificate(&self, status: CertificateStatus) -> (PrincipalName, Vec<Vec<u8>>) {
        let now = self.identity.clock.now();
        let authority = self.identity.authority().unwrap();
        let pem = authority.keys_and_certificate(now).unwrap().certificate;
        let parsed = Parsed::of_pem(&pem).unwrap();
        let name = PrincipalName::certificate(&parsed.id);
        self.registry.put(record(&parsed, pem, status)).unwrap();
        (name, vec![parsed.der])
    }

    fn set_status(&self, name: &PrincipalName, status: CertificateStatus) {
        let id = name.parts().1.to_owned();
        let set = |certificate: &mut Certificate| {
            certificate.status = status;
            Ok::<(), crate::registry::RegistryError>(())
        };
        self.registry.update(&id, set).unwrap();
    }

    fn identify(&self, shown: &Shown<'_>) -> Result<Option<Identified>, ReasonCode> {
        self.identity.identify(shown)
    }

    fn refusal(&self, shown: &Shown<'_>) -> ReasonCode {
        match self.identify(shown) {
            Ok(_) => panic!("{:?} was not refused", shown.username),
            Err(reason) => reason,
        }
    }

    fn known(&self, shown: &Shown<'_>) -> Identified {
        self.identify(shown).unwrap().unwrap()
    }
}

fn record(parsed: &Parsed, pem: String, status: CertificateStatus) -> Certificate {
    Certificate {
        id: parsed.id.clone(),
        pem,
        status,
        mode: crate::registry::CertificateMode::Default,
        ca: None,
        not_before: parsed.not_before,
        not_after: parsed.not_after,
        created_at: parsed.not_before,
        changed_at: parsed.not_before,
        version: 1,
    }
}

fn thing(name: &str, attributes: &[(&str, &str)]) -> Thing {
    let attributes = attributes.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    Thing {
        name: name.to_owned(),
        id: Id::random(),
        thing_type: None,
        attributes,
        groups: BTreeSet::new(),
        version: 1,
    }
}

fn own_topics() -> serde_json::Value {
    json!([
        { "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" },
        { "Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"],
          "Resource": "arn:aws:iot:us-east-1:123456789012:topic/${iot:Connection.Thing.ThingName}/*" },
        { "Effect": "Allow", "Action": "iot:Subscribe",
          "Resource": "arn:aws:iot:us-east-1:123456789012:topicfilter/${iot:Connection.Thing.ThingName}/*" },
    ])
}

fn everything() -> serde_json::Value {
    json!({ "Effect": "Allow", "Action": "iot:*", "Resource": "*" })
}

#[test]
fn who_shows_nothing_is_left_to_others() {
    let world = World::new();
    assert!(world.identify(&NOBODY).unwrap().is_none());
    let stranger = Shown { username: Some("eve"), password: Some(b"x"), ..NOBODY };
    assert!(world.identify(&stranger).unwrap().is_none());
    assert_eq!(
        world.refusal(&Shown { certificates: &[vec![1, 2, 3]], ..NOBODY }),
        ReasonCode::NotAuthorized
    );
}

#[test]
fn a_user_is_known_by_its_password() {
    let world = World::new();
    let ann = world.user("ann", Some("secret"), Vec::new());
    world.policy("all", everything());
    world.registry.attach_policy("all", &ann).unwrap();
    let shown = Shown { username: Some("ann"), password: Some(b"secret"), ..NOBODY };
    let identified = world.known(&shown);
    assert_eq!((&*identified.principal, identified.thing), ("ann", None));
    assert!(identified.access.publish("a") && identified.access.retain("a"));
    // Not even all rights are the server's.
    for topic in ["lns/v1/gateway/0102030405060708/up", "lorawan/x/up", "$SYS/x", "$aws/events/x"] {
        assert!(!identified.access.publish(topic), "{topic}");
    }
    assert!(!identified.access.receive("lns/v1/gateway/0102030405060708/down"));
    assert!(!identified.access.subscribe("lns/#") && identified.access.subscribe("#"));

    let wrong = ReasonCode::BadUserNameOrPassword;
    assert_eq!(world.refusal(&Shown { password: Some(b"guess"), ..shown }), wrong);
    assert_eq!(world.refusal(&Shown { password: None, ..shown }), wrong);
    for _ in 0..9 {
        assert_eq!(world.refusal(&Shown { password: Some(b"guess"), ..shown }), wrong);
    }
    let again = Shown { password: Some(b"other"), ..shown };
    assert_eq!(world.refusal(&again), ReasonCode::ConnectionRateExceeded);
    world.known(&shown);
}

#[test]
fn a_token_is_good_until_it_expires_or_is_revoked() {
    let world = World::new();
    let now = world.identity.clock.now();
    let [good, old] = [new_token(), new_token()];
    let kept = |token: &NewToken, expires_at| MqttToken {
        id: token.id.clone(),
        hash: token.hash.clone(),
        created_at: now,
        expires_at,
    };
    let tokens = vec![kept(&good, None), kept(&old, Some(now))];
    world.user("ann", None, tokens);
    world.user("bob", None, Vec::new());
    let shown = Shown { username: Some("ann"), password: Some(good.secret.as_bytes()), ..NOBODY };
    let identified = world.known(&shown);
    assert_eq!(&*identified.principal, "ann");
    assert_eq!(&*world.known(&Shown { username: None, ..shown }).principal, "ann");
    let wrong = ReasonCode::BadUserNameOrPassword;
    assert_eq!(world.refusal(&Shown { username: Some("bob"), ..shown }), wrong);
    assert_eq!(world.refusal(&Shown { password: Some(old.secret.as_bytes()), ..shown }), wrong);
    let forged = format!("{}x", good.secret);
    assert_eq!(world.refusal(&Shown { password: Some(forged.as_bytes()), ..shown }), wrong);

    assert_eq!(world.identity.refresh(), Changes::default());
    world.user("ann", None, Vec::new());
    let gone = Changes { rights: true, gone: BTreeSet::from(["ann".to_owned()]) };
    assert_eq!(world.identity.refresh(), gone);
    assert_eq!(world.refusal(&shown), wrong);
}

#[test]
fn a_certificate_is_good_while_it_is_active() {
    let world = World::new();
    let (name, der) = world.certificate(CertificateStatus::Active);
    world.policy("own", own_topics());
    world.registry.attach_policy("own", &name).unwrap();
    world.registry.create(thing("lamp", &[])).unwrap();
    world.registry.attach_thing("lamp", &name, false).unwrap();
    let shown = Shown { client_id: "lamp", certificates: &der, ..NOBODY };
    let identified = world.known(&shown);
    assert_eq!(&*identified.principal, name.parts().1);
    assert_eq!(identified.thing.as_deref(), Some("lamp"));
    let access = &identified.access;
    assert!(access.publish("lamp/a") && !access.publish("door/a") && !access.retain("lamp/a"));
    assert!(access.subscribe("lamp/#") && !access.subscribe("#") && !access.subscribe("+/#"));
    // Under another name it is not that thing.
    let other = world.known(&Shown { client_id: "door", ..shown });
    assert!(other.thing.is_none() && !other.access.publish("lamp/a"));

    for status in [
        CertificateStatus::Inactive,
        CertificateStatus::Revoked,
        CertificateStatus::PendingActivation,
    ] {
        world.set_status(&name, status);
        let changes = world.identity.refresh();
        assert_eq!(changes.gone, BTreeSet::from([name.parts().1.to_owned()]));
        assert!(!access.publish("lamp/a") && !access.receive("lamp/a"));
        // A good password beside it does not help.
        world.user("ann", Some("secret"), Vec::new());
        let both = Shown { username: Some("ann"), password: Some(b"secret"), ..shown };
        assert_eq!(world.refusal(&both), ReasonCode::NotAuthorized);
        world.set_status(&name, CertificateStatus::Active);
        world.identity.refresh();
        assert!(access.publish("lamp/a"));
    }
}

#[test]
fn what_changes_is_told_while_connected() {
    let world = World::new();
    let ann = world.user("ann", Some("secret"), Vec::new());
    world.policy("all", everything());
    world.registry.attach_policy("all", &ann).unwrap();
    let shown = Shown { username: Some("ann"), password: Some(b"secret"), ..NOBODY };
    let access = world.known(&shown).access;
    assert!(access.publish("a"));
    let rights = Changes { rights: true, gone: BTreeSet::new() };

    let no_a =
        json!({ "Effect": "Deny", "Action": "iot:Publish", "Resource": "arn:aws:iot:r:1:topic/a" });
    world.policy("no-a", no_a);
    assert_eq!(world.identity.refresh(), Changes::default(), "it is attached to nobody");
    world.registry.attach_policy("no-a", &ann).unwrap();
    assert_eq!(world.identity.refresh(), rights);
    assert!(!access.publish("a") && access.publish("b"));
    let no_connect = json!({ "Effect": "Deny", "Action": "iot:Connect", "Resource": "*" });
    world.policy("no-a", no_connect);
    assert_eq!(world.identity.refresh().gone, BTreeSet::from(["ann".to_owned()]));

    let kept = world.identity.remembered("c", "ann").unwrap();
    assert!(kept.access.receive("a"));
    assert!(world.identity.remembered("c", "nobody").is_none());
}

#[test]
fn a_group_gives_its_policies_to_its_things() {
    let world = World::new();
    let (name, der) = world.certificate(CertificateStatus::Active);
    let group = ThingGroup {
        name: "lamps".to_owned(),
        id: Id::random().to_string(),
        parent: None,
        description: None,
        attributes: BTreeMap::new(),
        created_at: world.identity.clock.now(),
        version: 1,
        tags: BTreeMap::new(),
    };
    let groups = BTreeSet::from([group.id.clone()]);
    world.registry.create(group).unwrap();
    world.registry.create(Thing { groups, ..thing("lamp", &[]) }).unwrap();
    world.policy("own", own_topics());
    world.registry.attach_policy("own", &PrincipalName::thing_group("lamps")).unwrap();
    let shown = Shown { client_id: "lamp", certificates: &der, ..NOBODY };
    assert!(!world.known(&shown).access.publish("lamp/a"), "the thing is not attached");
    world.registry.attach_thing("lamp", &name, true).unwrap();
    assert!(world.known(&shown).access.publish("lamp/a"));
    // A thing that is its alone it is under any name.
    assert!(world.known(&Shown { client_id: "x", ..shown }).access.publish("lamp/a"));
}

#[test]
fn what_a_client_asks_for_as_it_connects_is_looked_at() {
    let world = World::new();
    let ann = world.user("ann", Some("secret"), Vec::new());
    let statements = json!({ "Effect": "Allow", "Action": "iot:Connect",
        "Resource": "arn:aws:iot:r:1:client/c",
        "Condition": { "ForAllValues:StringEquals": { "iot:ConnectAttributes": [] } } });
    world.policy("clean", statements);
    world.registry.attach_policy("clean", &ann).unwrap();
    let shown = Shown { username: Some("ann"), password: Some(b"secret"), ..NOBODY };
    let access = world.known(&shown).access;
    let plain = Connect::new(Version::V311, "c");
    assert_eq!(access.connect(&plain), Ok(()));
    let kept = Connect { clean_start: false, ..plain.clone() };
    assert_eq!(access.connect(&kept), Err(ReasonCode::NotAuthorized));
    let lasting = Connect { session_expiry: Some(60), ..Connect::new(Version::V5, "c") };
    assert_eq!(access.connect(&lasting), Err(ReasonCode::NotAuthorized));
    assert_eq!(access.connect(&Connect::new(Version::V5, "d")), Err(ReasonCode::NotAuthorized));
}

#[test]
fn a_certificate_may_register_itself_and_waits() {
    let world = World::new();
    let now = world.identity.clock.now();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let leaf_key = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(["d".to_owned()]).unwrap().signed_by(&leaf_key, &issuer).unwrap();
    let der = vec![leaf.der().to_vec()];
    let shown = Shown { certificates: &der, ..NOBODY };
    assert_eq!(world.refusal(&shown), ReasonCode::NotAuthorized);
    assert_eq!(world.registry.count::<Certificate>(), 0);

    let parsed = Parsed::of_pem(&ca.pem()).unwrap();
    let authority = CaCertificate {
        id: parsed.id.clone(),
        pem: ca.pem(),
        active: true,
        registers_itself: true,
        mode: crate::registry::CertificateMode::SniOnly,
        not_before: parsed.not_before,
        not_after: parsed.not_after,
        created_at: now,
        changed_at: now,
        version: 1,
        tags: BTreeMap::new(),
    };
    world.registry.create(authority).unwrap();
    let (say, said) = std::sync::mpsc::channel();
    let told = move |certificate: &Certificate| say.send(certificate.clone()).unwrap();
    world.identity.tell_registrations(Box::new(told));
    for _ in 0..2 {
        assert_eq!(world.refusal(&shown), ReasonCode::NotAuthorized);
    }
    let told = said.recv().unwrap();
    assert_eq!((told.id, told.ca.as_deref()), (id_of(&der[0]), Some(&*parsed.id)));
    assert!(said.try_recv().is_err(), "it is told once");
    let (stranger_key, mut stranger) = (KeyPair::generate().unwrap(), CertificateParams::default());
    stranger.is_ca = IsCa::NoCa;
    let stranger = vec![stranger.self_signed(&stranger_key).unwrap().der().to_vec()];
    assert_eq!(
        world.refusal(&Shown { certificates: &stranger, ..NOBODY }),
        ReasonCode::NotAuthorized
    );
    assert_eq!(world.registry.count::<Certificate>(), 1, "only what the authority signed");
    let registered = world.registry.first::<Certificate>(|_| true).unwrap();
    assert_eq!(registered.status, CertificateStatus::PendingActivation);
    assert_eq!(registered.id, id_of(&der[0]));
    world.set_status(&PrincipalName::certificate(&registered.id), CertificateStatus::Active);
    world.known(&shown);
}

#[test]
fn who_asks_over_http_has_no_client_identifier_and_may_what_counts_now() {
    let world = World::new();
    let (name, der) = world.certificate(CertificateStatus::Active);
    let topic = |rest: &str| format!("arn:aws:iot:us-east-1:123456789012:topic/{rest}");
    let statements = json!([
        { "Effect": "Allow", "Action": "iot:Publish", "Resource":
          [topic("${iot:ClientId}/a"), topic("${iot:Connection.Thing.ThingName}/a"), topic("lns/x")] },
        { "Effect": "Allow", "Action": "iot:GetRetainedMessage", "Resource": "*",
          "Condition": { "StringEquals": { "iot:DomainName": "lns.example" } } },
        { "Effect": "Allow", "Action": "iot:SendDirectMessage", "Resource": "*",
          "Condition": { "StringLike": { "iot:Topic": "door/*" } } },
    ]);
    world.policy("http", statements);
    world.registry.attach_policy("http", &name).unwrap();
    world.registry.create(thing("lamp", &[])).unwrap();
    world.registry.attach_thing("lamp", &name, true).unwrap();
    let shown = Shown { certificates: &der, client_id: "", ..NOBODY };
    let asker = |shown: &Shown<'_>| world.identity.asker(shown).unwrap().unwrap();
    let plain = asker(&shown);
    assert_eq!(&*plain.principal, name.parts().1);
    assert!(plain.may(Action::Publish, "lamp/a"), "the thing is its alone");
    for topic in ["/a", "c/a", "door/a", "lns/x"] {
        assert!(!plain.may(Action::Publish, topic), "{topic}");
    }
    assert!(!plain.may(Action::GetRetainedMessage, "a"), "it has called us by no name");
    let named = asker(&Shown { server_name: Some("lns.example"), ..shown });
    assert!(named.may(Action::GetRetainedMessage, "a"));
    assert!(!named.may(Action::GetRetainedMessage, "lns/v1/x"), "the server's own");
    assert!(Arc::ptr_eq(&plain, &asker(&shown)), "the same records make the same rights");
    world.registry.detach_policy("http", &name).unwrap();
    assert!(!asker(&shown).may(Action::Publish, "lamp/a"), "other records make others");
    world.registry.attach_policy("http", &name).unwrap();
    assert!(asker(&shown).may(Action::Publish, "lamp/a"));
    assert!(plain.may_send("any", "door/open") && !plain.may_send("any", "window"));
    assert!(!plain.may(Action::SendDirectMessage, "any"), "of no topic");
    world.set_status(&name, CertificateStatus::Inactive);
    assert!(world.identity.asker(&shown).is_err());
    let stranger =
        Shown { certificates: &[], username: Some("eve"), password: Some(b"x"), ..shown };
    assert!(world.identity.asker(&stranger).unwrap().is_none());
}

#[test]
fn the_authority_is_made_once_and_its_keys_are_ours_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let now = Clock::start().now();
    assert_eq!(Authority::certificate(folder.path()).unwrap(), None);
    let made = Authority::open(folder.path(), now).unwrap();
    assert_eq!(Authority::certificate(folder.path()).unwrap().as_deref(), Some(made.pem()));
    let again = Authority::open(folder.path(), now).unwrap();
    assert_eq!(made.pem(), again.pem());
    assert_eq!(made.registration_code(), again.registration_code());
    assert_eq!(made.registration_code().len(), 64);
    let other = Authority::open(tempfile::tempdir().unwrap().path(), now).unwrap();
    assert_ne!(made.registration_code(), other.registration_code());

    let ca = Parsed::of_pem(made.pem()).unwrap();
    assert!(ca.is_ca && ca.is_valid_at(now) && ca.is_signed_by(&ca));
    let client = Parsed::of_pem(&again.keys_and_certificate(now).unwrap().certificate).unwrap();
    assert!(client.is_signed_by(&ca) && !client.is_ca && client.is_valid_at(now));
    assert!(!client.is_signed_by(&Parsed::of_pem(other.pem()).unwrap()));
    assert_eq!(client.common_name(), Some("AWS IoT Certificate"));
    assert_eq!(client.fields["SerialNumber"].len(), 1);

    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let files = made.server(&names, now).unwrap();
    let first = std::fs::read_to_string(&files.certificate).unwrap();
    made.server(&names, now).unwrap();
    assert_eq!(first, std::fs::read_to_string(&files.certificate).unwrap(), "it is kept");
    made.server(&names[..1], now).unwrap();
    assert_ne!(first, std::fs::read_to_string(&files.certificate).unwrap(), "other names");
    let late = now.plus(TimeDelta::from_secs(700 * 24 * 3600));
    made.server(&names, late).unwrap();
    for key in [&files.key, &folder.path().join("tls/ca.key")] {
        assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(made.server(&["no name".to_owned()], now).is_err());

    std::fs::write(folder.path().join("tls/ca.key"), "-----BEGIN PRI").unwrap();
    let damaged = Authority::open(folder.path(), now).unwrap_err().to_string();
    assert!(damaged.contains("tls/ca.key") && damaged.contains("backup"), "{damaged}");
    std::fs::remove_file(folder.path().join("tls/ca.key")).unwrap();
    let torn = Authority::open(folder.path(), now).unwrap_err();
    assert!(matches!(torn, AuthorityError::Torn { .. }), "{torn}");
}

#[test]
fn a_request_gets_a_name_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let now = Clock::start().now();
    let authority = Authority::open(folder.path(), now).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["evil.example".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "pump");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let csr = params.serialize_request(&key).unwrap().pem().unwrap();
    let signed = Parsed::of_pem(&authority.sign_request(&csr, now).unwrap()).unwrap();
    assert_eq!(signed.common_name(), Some("pump"));
    assert!(!signed.is_ca && signed.is_signed_by(&Parsed::of_pem(authority.pem()).unwrap()));
    assert!(!signed.fields.keys().any(|field| field.contains("Subject.AlternativeName")));
    assert!(authority.sign_request("no request", now).is_err());
    assert!(Parsed::of_pem("no certificate").is_err() && Parsed::of_der(&[0x30, 0]).is_err());
}
