//! Policies, certificates and who may do what, as clients of iot see them.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use super::Api;
use super::services::authorization;
use super::things::{done, refused};

fn document(effect: &str, action: &str, resource: &str) -> Value {
    let statement = json!({ "Effect": effect, "Action": action, "Resource": resource });
    let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
    json!({ "policyDocument": document.to_string() })
}

/// A request with a principal in a header.
async fn of_principal(api: &Api, line: &str, header: &str, principal: &str) -> super::Answered {
    let (method, path) = line.split_once(' ').unwrap();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", authorization("iot"))
        .header(header, principal)
        .body(Body::empty());
    api.send(request.unwrap()).await
}

#[tokio::test]
async fn a_policy_has_versions_of_which_one_counts() {
    let api = Api::new();
    let first = document("Allow", "iot:Connect", "*");
    let made = done(&api, "POST /policies/p", first.clone()).await;
    assert_eq!(made["policyArn"], "arn:aws:iot:local:000000000000:policy/p");
    assert_eq!(
        (&made["policyVersionId"], &made["policyDocument"]),
        (&json!("1"), &first["policyDocument"])
    );
    let taken = refused(&api, "POST /policies/p", first.clone()).await;
    assert!(taken.starts_with("ResourceAlreadyExistsException"), "{taken}");

    let second = document("Allow", "iot:*", "*");
    let made = done(&api, "POST /policies/p/version", second.clone()).await;
    assert_eq!((&made["policyVersionId"], &made["isDefaultVersion"]), (&json!("2"), &json!(false)));
    assert_eq!(done(&api, "GET /policies/p", Value::Null).await["defaultVersionId"], "1");
    let made = done(&api, "POST /policies/p/version?setAsDefault=true", second).await;
    assert_eq!(made["policyVersionId"], "3");
    done(&api, "PATCH /policies/p/version/2", Value::Null).await;
    let shown = done(&api, "GET /policies/p/version/2", Value::Null).await;
    assert_eq!(shown["isDefaultVersion"], true);
    done(&api, "DELETE /policies/p/version/3", Value::Null).await;
    for _ in 0..3 {
        done(&api, "POST /policies/p/version", first.clone()).await;
    }
    let full = refused(&api, "POST /policies/p/version", first).await;
    assert!(full.starts_with("VersionsLimitExceededException"), "{full}");
    let listed = done(&api, "GET /policies/p/version", Value::Null).await;
    let ids: Vec<&str> = listed["policyVersions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| version["versionId"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["6", "5", "4", "2", "1"], "no number is used twice");

    for (line, error) in [
        ("DELETE /policies/p/version/2", "DeleteConflictException"),
        ("DELETE /policies/p/version/9", "ResourceNotFoundException"),
        ("PATCH /policies/p/version/x", "ResourceNotFoundException"),
        ("GET /policies/p/version/3", "ResourceNotFoundException"),
        ("DELETE /policies/p", "DeleteConflictException"),
        ("GET /policies/q", "ResourceNotFoundException"),
    ] {
        let refusal = refused(&api, line, Value::Null).await;
        assert!(refusal.starts_with(error), "{line}: {refusal}");
    }
    for id in [1, 4, 5, 6] {
        done(&api, &format!("DELETE /policies/p/version/{id}"), Value::Null).await;
    }
    done(&api, "DELETE /policies/p", Value::Null).await;
    assert_eq!(done(&api, "GET /policies", Value::Null).await, json!({ "policies": [] }));
}

#[tokio::test]
async fn what_is_no_policy_is_malformed() {
    let api = Api::new();
    for body in [
        json!({ "policyDocument": "{" }),
        document("Allow", "s3:*", "*"),
        document("Allow", "iot:Publish", "topic/a"),
        document("Allow", "iot:Publish", "arn:aws:iot:r:1:topic/${iot:Nothing}"),
    ] {
        let refusal = refused(&api, "POST /policies/p", body).await;
        assert!(refusal.starts_with("MalformedPolicyException"), "{refusal}");
    }
    let refusal = refused(&api, "POST /policies/a%20b", document("Allow", "iot:*", "*")).await;
    assert!(refusal.starts_with("InvalidRequestException"), "{refusal}");
}

#[tokio::test]
async fn policies_are_listed_in_pages() {
    let api = Api::new();
    for name in ["a", "b", "c"] {
        done(&api, &format!("POST /policies/{name}"), document("Allow", "iot:*", "*")).await;
    }
    let page = done(&api, "GET /policies?pageSize=2&isAscendingOrder=true", Value::Null).await;
    assert_eq!(page["policies"].as_array().unwrap().len(), 2);
    let next = format!("GET /policies?marker={}", page["nextMarker"].as_str().unwrap());
    let page = done(&api, &next, Value::Null).await;
    assert_eq!(page["policies"][0]["policyName"], "c");
    assert!(page.get("nextMarker").is_none());
    let message = refused(&api, "GET /policies?marker=b", Value::Null).await;
    assert!(message.contains(": marker: "), "{message}");
}

#[tokio::test]
async fn a_certificate_is_made_attached_and_goes() {
    let api = Api::new();
    let made = done(&api, "POST /keys-and-certificate?setAsActive=true", Value::Null).await;
    let id = made["certificateId"].as_str().unwrap().to_owned();
    let arn = made["certificateArn"].as_str().unwrap().to_owned();
    assert_eq!((id.len(), &arn), (64, &format!("arn:aws:iot:local:000000000000:cert/{id}")));
    assert!(made["keyPair"]["PrivateKey"].as_str().unwrap().contains("BEGIN PRIVATE KEY"));
    assert!(made["keyPair"]["PublicKey"].as_str().unwrap().contains("BEGIN PUBLIC KEY"));
    let path = format!("/certificates/{id}");
    let shown = done(&api, &format!("GET {path}"), Value::Null).await;
    let shown = &shown["certificateDescription"];
    assert_eq!(
        (&shown["status"], &shown["certificatePem"]),
        (&json!("ACTIVE"), &made["certificatePem"])
    );
    assert!(!shown.to_string().contains("PRIVATE"), "the key is forgotten");

    done(&api, "POST /policies/p", document("Allow", "iot:*", "*")).await;
    done(&api, "POST /things/lamp", json!({})).await;
    done(&api, "PUT /target-policies/p", json!({ "target": arn })).await;
    let attach = of_principal(&api, "PUT /things/lamp/principals", "x-amzn-principal", &arn).await;
    assert_eq!(attach.status, StatusCode::OK, "{:?}", attach.body);
    let encoded = arn.replace('/', "%2F");
    let attached = done(&api, &format!("POST /attached-policies/{encoded}"), Value::Null).await;
    assert_eq!(attached["policies"][0]["policyName"], "p");
    let targets = done(&api, "POST /policy-targets/p", Value::Null).await;
    assert_eq!(targets, json!({ "targets": [arn] }));
    let principals = done(&api, "GET /things/lamp/principals", Value::Null).await;
    assert_eq!(principals, json!({ "principals": [arn] }));
    let typed = done(&api, "GET /things/lamp/principals-v2", Value::Null).await;
    assert_eq!(typed["thingPrincipalObjects"][0]["thingPrincipalType"], "NON_EXCLUSIVE_THING");
    let things = of_principal(&api, "GET /principals/things", "x-amzn-principal", &arn).await;
    assert_eq!(things.body, json!({ "things": ["lamp"] }));

    for (line, error) in [
        (format!("DELETE {path}"), "CertificateStateException"),
        ("DELETE /policies/p".to_owned(), "DeleteConflictException"),
        ("DELETE /things/lamp".to_owned(), "InvalidRequestException"),
        (format!("PUT {path}?newStatus=PENDING_TRANSFER"), "InvalidRequestException"),
    ] {
        let refusal = refused(&api, &line, Value::Null).await;
        assert!(refusal.starts_with(error), "{line}: {refusal}");
    }
    done(&api, &format!("PUT {path}?newStatus=REVOKED"), Value::Null).await;
    let held = refused(&api, &format!("DELETE {path}?forceDelete=true"), Value::Null).await;
    assert!(held.starts_with("DeleteConflictException"), "a thing holds it: {held}");
    of_principal(&api, "DELETE /things/lamp/principals", "x-amzn-principal", &arn).await;
    let held = refused(&api, &format!("DELETE {path}"), Value::Null).await;
    assert!(held.starts_with("DeleteConflictException"), "{held}");
    done(&api, &format!("DELETE {path}?forceDelete=true"), Value::Null).await;
    assert!(
        refused(&api, &format!("GET {path}"), Value::Null).await.starts_with("ResourceNotFound")
    );
    done(&api, "POST /target-policies/p", json!({ "target": arn })).await;
    done(&api, "DELETE /policies/p", Value::Null).await;
}

/// An authority, and the PEM of its certificate.
fn authority(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}

fn signed_by(issuer: &Issuer<'static, KeyPair>, name: &str) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap().pem()
}

#[tokio::test]
async fn an_authority_proves_that_it_has_its_key() {
    let api = Api::new();
    let code = done(&api, "GET /registrationcode", Value::Null).await;
    let code = code["registrationCode"].as_str().unwrap();
    let (issuer, pem) = authority("makers");
    let (stranger, _) = authority("strangers");
    let register = |proof: Value, mode: &str| json!({ "caCertificate": pem, "verificationCertificate": proof, "certificateMode": mode });
    let line = "POST /cacertificate?setAsActive=true&allowAutoRegistration=true";
    for (proof, error) in [
        (Value::Null, "InvalidRequestException"),
        (json!("no certificate"), "CertificateValidationException"),
        (json!(signed_by(&stranger, code)), "CertificateValidationException"),
        (json!(signed_by(&issuer, "0".repeat(64).as_str())), "RegistrationCodeValidationException"),
    ] {
        let refusal = refused(&api, line, register(proof, "DEFAULT")).await;
        assert!(refusal.starts_with(error), "{refusal}");
    }
    let leaf = signed_by(&issuer, "pump");
    let unknown =
        refused(&api, "POST /certificate/register", json!({ "certificatePem": leaf })).await;
    assert!(unknown.starts_with("CertificateValidationException"), "{unknown}");
    let made = done(&api, line, register(json!(signed_by(&issuer, code)), "DEFAULT")).await;
    let id = made["certificateId"].as_str().unwrap();
    let shown = done(&api, &format!("GET /cacertificate/{id}"), Value::Null).await;
    assert_eq!(shown["certificateDescription"]["autoRegistrationStatus"], "ENABLE");

    let body = json!({ "certificatePem": leaf, "caCertificatePem": pem, "status": "ACTIVE" });
    let made = done(&api, "POST /certificate/register", body.clone()).await;
    let again = refused(&api, "POST /certificate/register", body).await;
    assert!(again.starts_with("ResourceAlreadyExistsException"), "{again}");
    let by_ca = done(&api, &format!("GET /certificates-by-ca/{id}"), Value::Null).await;
    assert_eq!(by_ca["certificates"][0]["certificateId"], made["certificateId"]);

    let active = refused(&api, &format!("DELETE /cacertificate/{id}"), Value::Null).await;
    assert!(active.starts_with("CertificateStateException"), "{active}");
    done(&api, &format!("PUT /cacertificate/{id}?newStatus=INACTIVE"), json!({})).await;
    let other = json!({ "certificatePem": signed_by(&issuer, "valve") });
    let inactive = refused(&api, "POST /certificate/register", other.clone()).await;
    assert!(inactive.starts_with("CertificateStateException"), "{inactive}");
    done(&api, "POST /certificate/register-no-ca", other).await;
    done(&api, &format!("DELETE /cacertificate/{id}"), Value::Null).await;
    assert_eq!(done(&api, "GET /cacertificates", Value::Null).await, json!({ "certificates": [] }));
    done(&api, line, register(Value::Null, "SNI_ONLY")).await;
}

#[tokio::test]
async fn a_request_is_signed_and_the_authority_is_shown() {
    let api = Api::new();
    let key = KeyPair::generate().unwrap();
    let csr = CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let body = json!({ "certificateSigningRequest": csr });
    let made = done(&api, "POST /certificates", body).await;
    let listed = done(&api, "GET /certificates", Value::Null).await;
    assert_eq!(listed["certificates"][0]["certificateId"], made["certificateId"]);
    assert_eq!(listed["certificates"][0]["status"], "INACTIVE");
    let bad =
        refused(&api, "POST /certificates", json!({ "certificateSigningRequest": "x" })).await;
    assert!(bad.starts_with("InvalidRequestException"), "{bad}");
    let shown = api.ask("GET /v1/ca", Value::Null).await;
    assert!(shown.body.as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
}

#[tokio::test]
async fn what_would_be_allowed_is_told_with_its_reasons() {
    let api = Api::new();
    let made = done(&api, "POST /keys-and-certificate", Value::Null).await;
    let arn = made["certificateArn"].as_str().unwrap();
    let topic = |name: &str| format!("arn:aws:iot:eu-west-1:123456789012:topic/{name}");
    done(&api, "POST /policies/own", document("Allow", "iot:Publish", &topic("${iot:ClientId}/*")))
        .await;
    done(&api, "POST /policies/never", document("Deny", "iot:Publish", &topic("*/secret"))).await;
    done(&api, "PUT /target-policies/own", json!({ "target": arn })).await;
    let ask = |resource: &str, add: Value| {
        json!({
            "principal": arn, "policyNamesToAdd": add,
            "authInfos": [{ "actionType": "PUBLISH", "resources": [topic(resource)] }],
        })
    };
    for (resource, add, expected) in [
        ("c/a", json!([]), "ALLOWED"),
        ("d/a", json!([]), "IMPLICIT_DENY"),
        ("c/secret", json!(["never"]), "EXPLICIT_DENY"),
        ("c/secret", json!([]), "ALLOWED"),
    ] {
        let told = done(&api, "POST /test-authorization?clientId=c", ask(resource, add)).await;
        let told = &told["authResults"][0];
        assert_eq!(told["authDecision"], expected, "{resource}: {told}");
        if expected == "EXPLICIT_DENY" {
            assert_eq!(told["allowed"]["policies"][0]["policyName"], "own");
            let deny = &told["denied"]["explicitDeny"]["policies"];
            assert_eq!(deny[0]["policyName"], "never");
        }
    }
    let effective = done(&api, "POST /effective-policies", json!({ "principal": arn })).await;
    assert_eq!(effective["effectivePolicies"][0]["policyName"], "own");
}

#[tokio::test]
async fn users_of_mqtt_have_passwords_tokens_and_policies() {
    let api = Api::new();
    let create = json!({ "name": "ann", "password": "long enough" });
    let made = api.ask("POST /v1/mqtt-users", create.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    assert_eq!(made.body["arn"], "arn:aws:iot:local:000000000000:user/ann");
    assert!(!made.body.to_string().contains("argon2") && !made.body.to_string().contains("long"));
    assert_eq!(api.ask("POST /v1/mqtt-users", create).await.status, StatusCode::CONFLICT);
    for name in ["bridge", "", "a/b", &"0".repeat(64)] {
        let refused = api.ask("POST /v1/mqtt-users", json!({ "name": name })).await;
        assert!(refused.status.is_client_error(), "{name}");
    }
    let short = json!({ "name": "bob", "password": "short" });
    assert_eq!(api.ask("POST /v1/mqtt-users", short).await.status, StatusCode::BAD_REQUEST);

    done(&api, "POST /policies/p", document("Allow", "iot:*", "*")).await;
    let attach = api.ask("PUT /v1/mqtt-users/ann/policies/p", Value::Null).await;
    assert_eq!(attach.status, StatusCode::NO_CONTENT);
    let token = api.ask("POST /v1/mqtt-users/ann/tokens", json!({ "expires_in": 60 })).await;
    assert_eq!(token.status, StatusCode::CREATED);
    let id = token.body["id"].as_str().unwrap();
    let secret = token.body["token"].as_str().unwrap();
    let shown = api.ask("GET /v1/mqtt-users/ann", Value::Null).await.body;
    assert_eq!((&shown["tokens"][0]["id"], &shown["policies"]), (&json!(id), &json!(["p"])));
    assert!(!shown.to_string().contains(secret));
    let revoke = format!("DELETE /v1/mqtt-users/ann/tokens/{id}");
    assert_eq!(api.ask(&revoke, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(api.ask(&revoke, Value::Null).await.status, StatusCode::NOT_FOUND);
    let password = json!({ "password": "another one" });
    let set = api.ask("PUT /v1/mqtt-users/ann/password", password).await;
    assert_eq!(set.status, StatusCode::NO_CONTENT);

    assert_eq!(
        api.ask("DELETE /v1/mqtt-users/ann", Value::Null).await.status,
        StatusCode::NO_CONTENT
    );
    let listed = api.ask("GET /v1/mqtt-users", Value::Null).await.body;
    assert_eq!(listed, json!({ "mqtt_users": [] }));
    let again = api.ask("POST /v1/mqtt-users", json!({ "name": "ann" })).await;
    assert_eq!(again.body["policies"], json!([]), "what the other had is gone with it");
}
