//! Certificates of clients: made, signed, registered, switched off.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use lns_lorawan::Timestamp;
use serde_json::{Value, json};

use super::policies::nothing;
use super::reading::time;
use crate::api::common::{json_of, list_of, page_of};
use crate::api::fields::{Fields, wrong};
use crate::api::params::{Label, Params};
use crate::api::{Answer, ApiError, ApiState, ErrorType, Shared, arn, operation};
use crate::identity::Parsed;
use crate::registry::{
    ACCOUNT, CaCertificate, Certificate, CertificateMode, CertificateStatus, Created, Kind,
    PrincipalName, Registry,
};

/// The longest certificate, in characters of PEM.
pub(super) const PEM: usize = 65_536;
/// The longest signing request, in characters of PEM.
const CSR: usize = 4096;

pub(super) fn routes() -> Router<Arc<ApiState>> {
    let one = get(show).put(update).delete(remove);
    Router::new()
        .route("/keys-and-certificate", operation(post(create)))
        .route("/certificates", operation(post(sign).get(list)))
        .route("/certificates/{id}", operation(one))
        .route("/certificates-by-ca/{id}", operation(get(list_by_ca)))
        .route("/certificate/register", operation(post(register)))
        .route("/certificate/register-no-ca", operation(post(register_alone)))
}

/// Takes whether what is made is to be active at once.
pub(super) fn take_active(params: &mut Params) -> Result<bool, ApiError> {
    Ok(params.word("setAsActive", &["true", "false"])?.as_deref() == Some("true"))
}

/// Reads a certificate.
pub(super) fn read(field: &str, pem: &str) -> Result<Parsed, ApiError> {
    Parsed::of_pem(pem).map_err(|error| {
        ApiError::new(ErrorType::CertificateValidation, format!("{field}: {error}"))
    })
}

/// A new record.
fn record(
    parsed: &Parsed,
    (pem, status): (String, CertificateStatus),
    (ca, mode): (Option<String>, CertificateMode),
    now: Timestamp,
) -> Certificate {
    Certificate {
        id: parsed.id.clone(),
        pem,
        status,
        mode,
        ca,
        not_before: parsed.not_before,
        not_after: parsed.not_after,
        created_at: now,
        changed_at: now,
        version: 1,
    }
}

fn status_of_new(active: bool) -> CertificateStatus {
    if active { CertificateStatus::Active } else { CertificateStatus::Inactive }
}

/// Registers one that our own authority has signed.
fn register_own(
    registry: &Registry,
    pem: String,
    active: bool,
    now: Timestamp,
) -> Result<Arc<Certificate>, ApiError> {
    let parsed = read("certificatePem", &pem)?;
    let of = (None, CertificateMode::Default);
    let made = registry.create(record(&parsed, (pem, status_of_new(active)), of, now))?;
    Ok(Arc::clone(made.record()))
}

/// CreateKeysAndCertificate. The server forgets the private key with the answer.
async fn create(State(state): Shared, mut params: Params) -> Answer {
    let active = take_active(&mut params)?;
    params.finish()?;
    let now = (state.surroundings.now)();
    let made = state.certify(move |registry, authority| {
        let keys = authority.keys_and_certificate(now)?;
        let record = register_own(registry, keys.certificate.clone(), active, now)?;
        Ok((record, keys))
    });
    let (record, keys) = made.await?;
    json_of(
        StatusCode::OK,
        json!({
            "certificateArn": arn::of(Kind::Certificate, &record.id),
            "certificateId": record.id,
            "certificatePem": record.pem,
            "keyPair": { "PublicKey": keys.public_key, "PrivateKey": keys.private_key },
        }),
    )
}

/// CreateCertificateFromCsr.
async fn sign(State(state): Shared, mut params: Params, body: Bytes) -> Answer {
    let active = take_active(&mut params)?;
    params.finish()?;
    let mut fields = Fields::parse(&body)?;
    let csr = fields.text("certificateSigningRequest", 1..=CSR)?;
    let csr = fields.required("certificateSigningRequest", csr)?;
    fields.finish()?;
    let now = (state.surroundings.now)();
    let made = state.certify(move |registry, authority| {
        let pem = authority.sign_request(&csr, now).map_err(|error| {
            wrong("certificateSigningRequest", format!("it cannot be signed: {error}"))
        })?;
        register_own(registry, pem, active, now)
    });
    let record = made.await?;
    json_of(
        StatusCode::OK,
        json!({
            "certificateArn": arn::of(Kind::Certificate, &record.id),
            "certificateId": record.id,
            "certificatePem": record.pem,
        }),
    )
}

/// Takes the status of what is registered.
fn take_status(fields: &mut Fields) -> Result<Option<CertificateStatus>, ApiError> {
    let word = fields.word("status", &["ACTIVE", "INACTIVE"])?;
    Ok(word.and_then(|word| CertificateStatus::named(&word)))
}

/// RegisterCertificate: one that a registered authority, or our own, has signed.
async fn register(State(state): Shared, mut params: Params, body: Bytes) -> Answer {
    let active = take_active(&mut params)?;
    params.finish()?;
    let mut fields = Fields::parse(&body)?;
    let pem = fields.text("certificatePem", 1..=PEM)?;
    let pem = fields.required("certificatePem", pem)?;
    let ca = fields.text("caCertificatePem", 1..=PEM)?;
    let status = take_status(&mut fields)?.unwrap_or(status_of_new(active));
    fields.finish()?;
    let parsed = read("certificatePem", &pem)?;
    let ca = ca.map(|ca| read("caCertificatePem", &ca)).transpose()?;
    let now = (state.surroundings.now)();
    let made = state.certify(move |registry, authority| {
        let own = read("certificate of this server's authority", authority.pem())?;
        let signer = if parsed.is_signed_by(&own) {
            (None, CertificateMode::Default)
        } else {
            let ca = authority_of(registry, &parsed, ca.as_ref())?;
            (Some(ca.id.clone()), ca.mode)
        };
        Ok(registry.create(record(&parsed, (pem, status), signer, now))?)
    });
    registered(&made.await?)
}

/// The registered authority that has signed a certificate.
fn authority_of(
    registry: &Registry,
    parsed: &Parsed,
    named: Option<&Parsed>,
) -> Result<Arc<CaCertificate>, ApiError> {
    let signed = |ca: &CaCertificate| {
        let meant = named.is_none_or(|named| named.id == ca.id);
        meant && Parsed::of_pem(&ca.pem).is_ok_and(|ca| parsed.is_signed_by(&ca))
    };
    let Some(ca) = registry.first::<CaCertificate>(signed) else {
        let message = "certificatePem: no registered authority has signed it; register its \
                       authority first, or use RegisterCertificateWithoutCA";
        return Err(ApiError::new(ErrorType::CertificateValidation, message));
    };
    if !ca.active {
        let message = format!("authority {} is INACTIVE; set it ACTIVE first", ca.id);
        return Err(ApiError::new(ErrorType::CertificateState, message));
    }
    Ok(ca)
}

/// RegisterCertificateWithoutCA: one that anybody has signed.
async fn register_alone(State(state): Shared, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let pem = fields.text("certificatePem", 1..=PEM)?;
    let pem = fields.required("certificatePem", pem)?;
    let status = take_status(&mut fields)?.unwrap_or(CertificateStatus::Inactive);
    fields.finish()?;
    let parsed = read("certificatePem", &pem)?;
    let now = (state.surroundings.now)();
    let of = (None, CertificateMode::SniOnly);
    let record = record(&parsed, (pem, status), of, now);
    registered(&state.change(move |registry: &Registry| registry.create(record)).await?)
}

fn registered(made: &Created<Certificate>) -> Answer {
    let id = &made.record().id;
    let arn = arn::of(Kind::Certificate, id);
    json_of(StatusCode::OK, json!({ "certificateArn": arn, "certificateId": id }))
}

/// DescribeCertificate.
async fn show(State(state): Shared, Label(id): Label) -> Answer {
    let certificate = state.registry.require::<Certificate>(&id)?;
    let mut description = entry(&certificate);
    let more = json!({
        "certificatePem": certificate.pem,
        "ownedBy": ACCOUNT,
        "lastModifiedDate": time(certificate.changed_at),
        "customerVersion": certificate.version,
        "generationId": certificate.version.to_string(),
        "validity": {
            "notBefore": time(certificate.not_before),
            "notAfter": time(certificate.not_after),
        },
    });
    if let (Value::Object(description), Value::Object(more)) = (&mut description, more) {
        description.extend(more);
        if let Some(ca) = &certificate.ca {
            description.insert("caCertificateId".to_owned(), json!(ca));
        }
    }
    json_of(StatusCode::OK, json!({ "certificateDescription": description }))
}

/// A certificate in a list.
fn entry(certificate: &Certificate) -> Value {
    json!({
        "certificateArn": arn::of(Kind::Certificate, &certificate.id),
        "certificateId": certificate.id,
        "status": certificate.status.name(),
        "certificateMode": certificate.mode.name(),
        "creationDate": time(certificate.created_at),
    })
}

/// ListCertificates.
async fn list(State(state): Shared, params: Params) -> Answer {
    listed(&state, params, |_| true)
}

/// ListCertificatesByCA.
async fn list_by_ca(State(state): Shared, Label(id): Label, params: Params) -> Answer {
    listed(&state, params, |certificate| certificate.ca.as_ref() == Some(&id))
}

fn listed(state: &ApiState, mut params: Params, wanted: impl Fn(&Certificate) -> bool) -> Answer {
    let page = params.marked_page()?;
    params.finish()?;
    let start = page.start(|id| Some(id.to_owned()))?;
    let (certificates, marker) = page_of(&state.registry, (&page, start), wanted);
    let list = certificates.iter().map(|certificate| entry(certificate)).collect();
    list_of(("certificates", "nextMarker"), list, marker)
}

/// UpdateCertificate: its status. Who uses it is disconnected when it is no longer ACTIVE.
async fn update(State(state): Shared, Label(id): Label, mut params: Params) -> Answer {
    let word = params.word("newStatus", &["ACTIVE", "INACTIVE", "REVOKED"])?;
    params.finish()?;
    let status = word.and_then(|word| CertificateStatus::named(&word));
    let status = status.ok_or_else(|| wrong("newStatus", "the query lacks it"))?;
    let now = (state.surroundings.now)();
    let set = move |certificate: &mut Certificate| {
        certificate.status = status;
        certificate.changed_at = now;
        certificate.version += 1;
        Ok::<(), ApiError>(())
    };
    state.change(move |registry: &Registry| registry.update(&id, set)).await?;
    nothing()
}

/// DeleteCertificate. It must not be ACTIVE, and have no thing; nor a policy, unless forced.
async fn remove(State(state): Shared, Label(id): Label, mut params: Params) -> Answer {
    let forced = params.word("forceDelete", &["true", "false"])?.as_deref() == Some("true");
    params.finish()?;
    let inactive = |certificate: &Certificate| match certificate.status {
        CertificateStatus::Active => {
            let id = &certificate.id;
            let message = format!("certificate {id} is ACTIVE; set it INACTIVE or REVOKED first");
            Err(ApiError::new(ErrorType::CertificateState, message))
        }
        CertificateStatus::Inactive
        | CertificateStatus::Revoked
        | CertificateStatus::PendingActivation => Ok(()),
    };
    let gone = state.change(move |registry: &Registry| {
        inactive(&*registry.require::<Certificate>(&id)?)?;
        let name = PrincipalName::certificate(&id);
        let attached = registry.principal(&name);
        let only_policies = attached.as_ref().is_none_or(|attached| attached.things().is_empty());
        let policies = attached.as_ref().map(|attached| attached.policies().clone());
        for policy in policies.into_iter().flatten().filter(|_| forced && only_policies) {
            registry.detach_policy(&policy, &name)?;
        }
        registry.remove_when(&id, inactive)?;
        registry.detach_all(&name)?;
        Ok::<(), ApiError>(())
    });
    gone.await?;
    nothing()
}
