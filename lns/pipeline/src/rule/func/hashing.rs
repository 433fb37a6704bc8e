//! Hashes of text, as lower-case hex.

use md2::Md2;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::{Answer, Call, Function};
use crate::rule::value::Value;

pub const FUNCTIONS: &[Function] = &[
    Function::new("md2", hash::<Md2>),
    Function::new("md5", hash::<Md5>),
    Function::new("sha1", hash::<Sha1>),
    Function::new("sha224", hash::<Sha224>),
    Function::new("sha256", hash::<Sha256>),
    Function::new("sha384", hash::<Sha384>),
    Function::new("sha512", hash::<Sha512>),
];

fn hash<D: Digest>(call: &mut Call<'_>) -> Answer {
    let text = call.exactly().and_then(|[value]: &[Value; 1]| value.to_text());
    let Some(text) = text else { return Ok(Value::Undefined) };
    call.budget.charge(text.len() / 16)?;
    Ok(Value::string(&hex::encode(D::digest(text.as_bytes()))))
}
