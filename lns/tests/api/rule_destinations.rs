//! Where rules may send HTTP requests, as clients of iot see it.

use lns::message::RegistryEvent;
use lns::registry::RuleDestination;
use serde_json::{Value, json};

use super::Api;
use super::things::{done, iot, refused};

fn wanted(url: &str) -> Value {
    json!({ "destinationConfiguration": { "httpUrlConfiguration": { "confirmationUrl": url } } })
}

/// The token that the endpoint of a destination is sent.
fn token(api: &Api, arn: &str) -> String {
    let id = arn.rsplit('/').next().unwrap();
    let id = lns::registry::Id::parse(id).unwrap();
    api.fake.registry.get().unwrap().find::<RuleDestination>(&id).unwrap().token.clone()
}

async fn status(api: &Api, arn: &str) -> String {
    let shown = done(api, &format!("GET /destinations/{arn}"), json!(null)).await;
    shown["topicRuleDestination"]["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_endpoint_confirms_and_is_switched_on_and_off() {
    let api = Api::new();
    let made = done(&api, "POST /destinations", wanted("https://example.org/in")).await;
    let made = &made["topicRuleDestination"];
    assert_eq!(made["status"], "IN_PROGRESS");
    assert_eq!(made["httpUrlProperties"]["confirmationUrl"], "https://example.org/in");
    let arn = made["arn"].as_str().unwrap();
    assert!(arn.starts_with("arn:aws:iot:local:000000000000:ruledestination/http/"), "{arn}");
    let set = |status: &str| json!({ "arn": arn, "status": status });
    let early = refused(&api, "PATCH /destinations", set("ENABLED")).await;
    assert!(early.contains("has not confirmed"), "{early}");

    let first = token(&api, arn);
    done(&api, "PATCH /destinations", set("IN_PROGRESS")).await;
    let stale = refused(&api, &format!("GET /confirmdestination/{first}"), json!(null)).await;
    assert!(stale.starts_with("InvalidRequestException"), "a new one was given: {stale}");
    // Whoever confirms has no key to sign with.
    let line = format!("GET /confirmdestination/{}", token(&api, arn));
    assert_eq!(api.ask(&line, json!(null)).await.status, 200);
    assert_eq!(status(&api, arn).await, "ENABLED");
    done(&api, "PATCH /destinations", set("DISABLED")).await;
    assert_eq!(api.ask(&line, json!(null)).await.status, 200);
    assert_eq!(status(&api, arn).await, "DISABLED", "an old confirmation switches nothing on");
    done(&api, "PATCH /destinations", set("ENABLED")).await;
    assert_eq!(status(&api, arn).await, "ENABLED");
    done(&api, &format!("DELETE /destinations/{arn}"), json!(null)).await;
    let gone = refused(&api, &format!("GET /destinations/{arn}"), json!(null)).await;
    assert!(gone.starts_with("UnauthorizedException"), "{gone}");
    let told: Vec<RegistryEvent> = std::mem::take(&mut *api.fake.told.lock());
    assert!(told.is_empty(), "AWS has no events of destinations");
}

#[tokio::test]
async fn a_destination_that_could_not_work_is_refused() {
    let api = Api::new();
    let vpc = json!({ "destinationConfiguration": { "vpcConfiguration": {
        "vpcId": "v", "subnetIds": ["s"], "roleArn": "r",
    } } });
    for (body, problem) in [
        (json!({}), "destinationConfiguration: it is missing"),
        (vpc, "destinationConfiguration.vpcConfiguration"),
        (wanted("example.org"), "httpUrlConfiguration.confirmationUrl"),
        (wanted("ftp://example.org/"), "neither http:// nor https://"),
        (wanted(&format!("http://e/{}", "x".repeat(2000))), "characters"),
    ] {
        let message = refused(&api, "POST /destinations", body).await;
        assert!(message.starts_with("InvalidRequestException: "), "{message}");
        assert!(message.contains(problem), "{message}");
    }
    let set = json!({ "arn": "arn:aws:iot:a:b:ruledestination/http/x", "status": "ENABLED" });
    let none = refused(&api, "PATCH /destinations", set).await;
    assert!(none.starts_with("UnauthorizedException"), "{none}");
}

#[tokio::test]
async fn both_services_have_destinations_on_one_path() {
    let api = Api::new();
    for n in 0..3 {
        done(&api, "POST /destinations", wanted(&format!("http://example.org/{n}"))).await;
    }
    let first = iot(&api, "GET /destinations?maxResults=2", json!(null)).await.body;
    assert_eq!(first["destinationSummaries"].as_array().unwrap().len(), 2);
    let token = first["nextToken"].as_str().unwrap();
    let rest = done(&api, &format!("GET /destinations?nextToken={token}"), json!(null)).await;
    let rest = rest["destinationSummaries"].as_array().unwrap();
    assert!(rest[0]["httpUrlSummary"]["confirmationUrl"].is_string());
    assert_eq!(rest.len(), 1);
    let wireless = super::services::signed(&api, "iotwireless", "GET /destinations", json!(null));
    assert_eq!(wireless.await.body["DestinationList"][0]["Name"], "default");
}
