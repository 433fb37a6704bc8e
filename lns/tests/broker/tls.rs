//! TLS, with the server's own authority and mosquitto's clients.

use std::process::Command;
use std::sync::{Arc, Mutex};

use lns::broker::{Admitted, Caller, Embedded, EmbeddedConfig, Gate, Surroundings, Transport};
use lns::clock::Clock;
use lns::identity::Authority;
use lns::store::MemoryStore;
use lns::tls::TlsSettings;
use lns_broker::{Access, ReasonCode, Unrestricted};

use crate::support::*;

/// Lets in who has a certificate, and remembers who asked.
#[derive(Default)]
struct ByCertificate(Mutex<Vec<(Transport, usize)>>);

impl Gate for ByCertificate {
    fn admit(&self, caller: &Caller) -> Result<Option<Admitted>, ReasonCode> {
        self.0.lock().unwrap().push((caller.transport, caller.certificates.len()));
        if caller.certificates.is_empty() {
            return Err(ReasonCode::NotAuthorized);
        }
        let principal = Some("certificate".into());
        Ok(Some(Admitted { principal, thing: None, access: Arc::new(Unrestricted) }))
    }

    fn turned_away(&self, _: &Caller) {}

    fn access(&self, _: &str, _: &str) -> Option<Arc<dyn Access>> {
        None
    }
}

#[test]
fn a_client_with_a_certificate_is_known_by_it_and_others_are_not_let_in() {
    let Some(publisher) = tool("mosquitto_pub") else { return };
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::start();
    let authority = Authority::open(folder.path(), clock.now()).unwrap();
    let names = ["127.0.0.1".to_owned()];
    let server = authority.server(&names, clock.now()).unwrap();
    let mine = authority.keys_and_certificate(clock.now()).unwrap();
    let (certificate, key) = (folder.path().join("client.pem"), folder.path().join("client.key"));
    std::fs::write(&certificate, &mine.certificate).unwrap();
    std::fs::write(&key, &mine.private_key).unwrap();
    let ca = folder.path().join("root.pem");
    std::fs::write(&ca, authority.pem()).unwrap();

    let address = "127.0.0.1:0".parse().unwrap();
    let settings = TlsSettings::read(server.certificate, server.key).unwrap();
    let config = EmbeddedConfig { tls: Some((address, settings)), ..loopback() };
    let (taken, gate) = (Taken::default(), Arc::new(ByCertificate::default()));
    let around = Surroundings {
        intake: taken.intake(),
        store: Arc::new(MemoryStore::new()),
        gate: Some(gate.clone()),
        clock,
    };
    let broker = Embedded::open(config, around).unwrap();
    let port = broker.tls_address().unwrap().port().to_string();
    for version in ["tlsv1.2", "tlsv1.3"] {
        for (own, welcome) in [(true, true), (false, false)] {
            let mut command = Command::new(&publisher);
            command.args(["-h", "127.0.0.1", "-p", &port, "-q", "1", "--tls-version", version]);
            command
                .args(["-t", "lorawan/0102030405060708/down", "-m", version])
                .arg("--cafile")
                .arg(&ca);
            if own {
                command.arg("--cert").arg(&certificate).arg("--key").arg(&key);
            }
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.success(), welcome, "{version} {own}: {said}");
        }
    }
    assert_eq!(taken.topics().len(), 2);
    let asked = gate.0.lock().unwrap().clone();
    let certificates: Vec<_> = asked.iter().map(|(_, count)| count.min(&1)).collect();
    assert_eq!(certificates, [&1, &0, &1, &0]);
    assert!(asked.iter().all(|(transport, _)| *transport == Transport::Tls));
}

#[test]
fn a_port_of_tls_that_is_taken_names_the_key_to_change() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::start();
    let authority = Authority::open(folder.path(), clock.now()).unwrap();
    let server = authority.server(&["127.0.0.1".to_owned()], clock.now()).unwrap();
    let settings = TlsSettings::read(server.certificate, server.key).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = EmbeddedConfig { tls: Some((address, settings)), ..loopback() };
    let error = Embedded::start(config, Taken::default().intake()).err().expect("it is taken");
    let line = error.to_string();
    assert!(line.contains(&address.to_string()) && line.contains("mqtt.tls_listen"), "{line}");
    assert!(!line.contains("--mqtt"), "{line}");
}
