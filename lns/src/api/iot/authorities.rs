//! Authorities whose certificates clients may show.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::certificates::{PEM, read, take_active};
use super::policies::nothing;
use super::reading::{self, time};
use crate::api::common::{json_of, list_of, page_of};
use crate::api::fields::{Fields, wrong};
use crate::api::params::{Label, Params};
use crate::api::{Answer, ApiError, ApiState, ErrorType, Shared, arn, operation};
use crate::identity::{Authority, Parsed};
use crate::registry::{ACCOUNT, CaCertificate, CertificateMode, Kind, Registry};

pub(super) fn routes() -> Router<Arc<ApiState>> {
    let one = get(show).put(update).delete(remove);
    Router::new()
        .route("/registrationcode", operation(get(registration_code)))
        .route("/cacertificate", operation(post(register)))
        .route("/cacertificate/{id}", operation(one))
        .route("/cacertificates", operation(get(list)))
}

/// GetRegistrationCode.
async fn registration_code(State(state): Shared) -> Answer {
    let code = state.certify(|_, authority| Ok(authority.registration_code())).await?;
    json_of(StatusCode::OK, json!({ "registrationCode": code }))
}

/// Refuses templates, which register things with certificates.
fn no_template(fields: &mut Fields) -> Result<(), ApiError> {
    match fields.take("registrationConfig") {
        None => Ok(()),
        Some(_) => Err(wrong("registrationConfig", "this server has no provisioning templates")),
    }
}

/// RegisterCACertificate. In the mode DEFAULT it comes with a certificate that it has signed over
/// the registration code, which proves that somebody has its key; in SNI_ONLY without.
async fn register(State(state): Shared, mut params: Params, body: Bytes) -> Answer {
    let active = take_active(&mut params)?;
    let itself = params.word("allowAutoRegistration", &["true", "false"])?;
    params.finish()?;
    let mut fields = Fields::parse(&body)?;
    let pem = fields.text("caCertificate", 1..=PEM)?;
    let pem = fields.required("caCertificate", pem)?;
    let proof = fields.text("verificationCertificate", 1..=PEM)?;
    let mode = match fields.word("certificateMode", &["DEFAULT", "SNI_ONLY"])?.as_deref() {
        Some("SNI_ONLY") => CertificateMode::SniOnly,
        _ => CertificateMode::Default,
    };
    no_template(&mut fields)?;
    let tags = reading::tags(&mut fields)?;
    fields.finish()?;
    let parsed = read("caCertificate", &pem)?;
    if !parsed.is_ca {
        let message = "caCertificate: its basic constraints do not say that it may sign others";
        return Err(ApiError::new(ErrorType::CertificateValidation, message));
    }
    let now = (state.surroundings.now)();
    let made = state.certify(move |registry, authority| {
        if mode == CertificateMode::Default {
            let proof = fields_proof(proof)?;
            verify(&proof, &parsed, authority)?;
        }
        Ok(registry.create(CaCertificate {
            id: parsed.id,
            pem,
            active,
            registers_itself: itself.as_deref() == Some("true"),
            mode,
            not_before: parsed.not_before,
            not_after: parsed.not_after,
            created_at: now,
            changed_at: now,
            version: 1,
            tags,
        })?)
    });
    let id = made.await?.record().id.clone();
    let arn = arn::of(Kind::CaCertificate, &id);
    json_of(StatusCode::OK, json!({ "certificateArn": arn, "certificateId": id }))
}

fn fields_proof(proof: Option<String>) -> Result<Parsed, ApiError> {
    let proof = proof.ok_or_else(|| {
        wrong("verificationCertificate", "it is missing; only the mode SNI_ONLY does without")
    })?;
    read("verificationCertificate", &proof)
}

/// Refuses a proof that another key has signed, or over another code.
fn verify(proof: &Parsed, ca: &Parsed, authority: &Authority) -> Result<(), ApiError> {
    if !proof.is_signed_by(ca) {
        let message = "verificationCertificate: caCertificate has not signed it";
        return Err(ApiError::new(ErrorType::CertificateValidation, message));
    }
    let code = authority.registration_code();
    if proof.common_name() != Some(&code) {
        let message = format!("verificationCertificate: its common name is not {code}");
        return Err(ApiError::new(ErrorType::RegistrationCode, message));
    }
    Ok(())
}

fn status(ca: &CaCertificate) -> &'static str {
    if ca.active { "ACTIVE" } else { "INACTIVE" }
}

/// DescribeCACertificate.
async fn show(State(state): Shared, Label(id): Label) -> Answer {
    let ca = state.registry.require::<CaCertificate>(&id)?;
    let description = json!({
        "certificateArn": arn::of(Kind::CaCertificate, &ca.id),
        "certificateId": ca.id,
        "status": status(&ca),
        "certificatePem": ca.pem,
        "ownedBy": ACCOUNT,
        "creationDate": time(ca.created_at),
        "autoRegistrationStatus": if ca.registers_itself { "ENABLE" } else { "DISABLE" },
        "lastModifiedDate": time(ca.changed_at),
        "customerVersion": ca.version,
        "generationId": ca.version.to_string(),
        "validity": { "notBefore": time(ca.not_before), "notAfter": time(ca.not_after) },
        "certificateMode": ca.mode.name(),
    });
    json_of(StatusCode::OK, json!({ "certificateDescription": description }))
}

/// ListCACertificates.
async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.marked_page()?;
    params.finish()?;
    let start = page.start(|id| Some(id.to_owned()))?;
    let (authorities, marker) = page_of(&state.registry, (&page, start), |_: &CaCertificate| true);
    let entry = |ca: &Arc<CaCertificate>| {
        json!({
            "certificateArn": arn::of(Kind::CaCertificate, &ca.id),
            "certificateId": ca.id,
            "status": status(ca),
            "creationDate": time(ca.created_at),
        })
    };
    let list: Vec<Value> = authorities.iter().map(entry).collect();
    list_of(("certificates", "nextMarker"), list, marker)
}

/// UpdateCACertificate. Certificates that it has signed stay as they are.
async fn update(State(state): Shared, Label(id): Label, mut params: Params, body: Bytes) -> Answer {
    let active = params.word("newStatus", &["ACTIVE", "INACTIVE"])?;
    let itself = params.word("newAutoRegistrationStatus", &["ENABLE", "DISABLE"])?;
    params.finish()?;
    let mut fields = Fields::parse(&body)?;
    no_template(&mut fields)?;
    fields.flag("removeAutoRegistration")?;
    fields.finish()?;
    let now = (state.surroundings.now)();
    let change = move |ca: &mut CaCertificate| {
        if let Some(word) = active {
            ca.active = word == "ACTIVE";
        }
        if let Some(word) = itself {
            ca.registers_itself = word == "ENABLE";
        }
        ca.changed_at = now;
        ca.version += 1;
        Ok::<(), ApiError>(())
    };
    state.change(move |registry: &Registry| registry.update(&id, change)).await?;
    nothing()
}

/// DeleteCACertificate. It must not be ACTIVE.
async fn remove(State(state): Shared, Label(id): Label) -> Answer {
    let inactive = |ca: &CaCertificate| {
        if !ca.active {
            return Ok(());
        }
        let message = format!("authority {} is ACTIVE; set it INACTIVE first", ca.id);
        Err(ApiError::new(ErrorType::CertificateState, message))
    };
    state.change(move |registry: &Registry| registry.remove_when(&id, inactive)).await?;
    nothing()
}
