//! What is attached to whom, and what must not go while it is.

use lns_lorawan::Timestamp;

use super::*;

fn policy(name: &str) -> Policy {
    let document = r#"{"Version":"2012-10-17","Statement":
        {"Effect":"Allow","Action":"iot:*","Resource":"*"}}"#;
    Policy::new(name.to_owned(), document.to_owned(), Timestamp::from_secs(1))
}

fn certificate(id: &str) -> Certificate {
    Certificate {
        id: id.to_owned(),
        pem: String::new(),
        status: CertificateStatus::Active,
        mode: CertificateMode::Default,
        ca: Some("authority".to_owned()),
        not_before: Timestamp::from_secs(1),
        not_after: Timestamp::from_secs(2),
        created_at: Timestamp::from_secs(1),
        changed_at: Timestamp::from_secs(1),
        version: 1,
    }
}

#[test]
fn what_is_attached_holds_its_ends_and_outlives_a_restart() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let registry = open(&store);
    let one = PrincipalName::certificate("one");
    let missing = registry.attach_policy("p", &one).unwrap_err();
    assert!(matches!(missing, RegistryError::NotFound { kind: Kind::Certificate, .. }));
    registry.create(certificate("one")).unwrap();
    let missing = registry.attach_policy("p", &one).unwrap_err();
    assert!(matches!(missing, RegistryError::NotFound { kind: Kind::Policy, .. }));

    registry.create(policy("p")).unwrap();
    registry.create(things::thing("lamp")).unwrap();
    registry.attach_policy("p", &one).unwrap();
    registry.attach_policy("p", &one).unwrap();
    registry.attach_thing("lamp", &one, false).unwrap();
    drop(registry);

    let registry = open(&store);
    let attached = registry.principal(&one).unwrap();
    assert!(attached.policies().contains("p") && attached.things().contains_key("lamp"));
    assert_eq!(registry.linked::<Principal>("policy/p").len(), 1);
    assert_eq!(registry.linked::<Certificate>(&CaCertificate::link("authority")).len(), 1);
    let held = |outcome: Result<(), RegistryError>| {
        assert!(matches!(outcome.unwrap_err(), RegistryError::InUse { .. }));
    };
    held(registry.remove::<Policy>(&"p".to_owned()).map(drop));
    held(registry.remove::<Thing>(&"lamp".to_owned()).map(drop));
    held(registry.remove::<Certificate>(&"one".to_owned()).map(drop));

    registry.detach_policy("p", &one).unwrap();
    registry.detach_policy("p", &one).unwrap();
    registry.detach_thing("lamp", &one).unwrap();
    assert!(registry.linked::<Principal>("policy/p").is_empty());
    registry.remove::<Policy>(&"p".to_owned()).unwrap();
    registry.remove::<Thing>(&"lamp".to_owned()).unwrap();
    registry.remove::<Certificate>(&"one".to_owned()).unwrap();
}

#[test]
fn a_thing_that_is_somebodys_alone_is_nobody_elses() {
    let registry = empty();
    for id in ["one", "two"] {
        registry.create(certificate(id)).unwrap();
        registry.create(things::thing(id)).unwrap();
    }
    let [one, two] = ["one", "two"].map(PrincipalName::certificate);
    registry.attach_thing("one", &one, true).unwrap();
    assert!(matches!(registry.attach_thing("one", &two, false), Err(RegistryError::Unfit(_))));
    assert!(matches!(registry.attach_thing("two", &one, false), Err(RegistryError::Unfit(_))));
    registry.attach_thing("one", &one, false).unwrap();
    registry.attach_thing("one", &two, false).unwrap();
    assert!(matches!(registry.attach_thing("one", &two, true), Err(RegistryError::Unfit(_))));
}

#[test]
fn policies_have_bounds() {
    let registry = empty();
    registry.create(certificate("one")).unwrap();
    let one = PrincipalName::certificate("one");
    for n in 0..MAX_POLICIES {
        registry.create(policy(&n.to_string())).unwrap();
        registry.attach_policy(&n.to_string(), &one).unwrap();
    }
    registry.create(policy("more")).unwrap();
    let full = registry.attach_policy("more", &one).unwrap_err();
    assert!(matches!(full, RegistryError::Full { kind: Kind::Policy, limit: MAX_POLICIES }));
    assert_eq!(registry.principal(&one).unwrap().policies().len(), MAX_POLICIES);
}

#[test]
fn an_arn_names_a_principal() {
    let name = PrincipalName::of_arn("arn:aws:iot:eu-west-1:123456789012:cert/ab").unwrap();
    assert_eq!(name, PrincipalName::certificate("ab"));
    assert_eq!(name.arn(), "arn:aws:iot:local:000000000000:cert/ab");
    assert_eq!(PrincipalName::of_arn(&name.arn()), Some(name));
    for bad in
        ["", "cert/ab", "arn:aws:s3:::cert/ab", "arn:aws:iot:r:1:cert/", "arn:aws:iot:r:1:topic/a"]
    {
        assert_eq!(PrincipalName::of_arn(bad), None, "{bad}");
    }
}
