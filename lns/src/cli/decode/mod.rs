//! `lns decode`: any PHYPayload explained, and opened where the keys are given.

mod data;
mod join;

use std::fmt;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use clap::Args;
use lns_lorawan::{
    AppKey, AppSKey, DevEui, DevNonce, FNwkSIntKey, Frame, JoinEui, NwkKey, NwkSEncKey, NwkSKey,
    PhyPayload, SNwkSIntKey,
};

#[derive(Debug, Default, Args)]
pub(super) struct DecodeArgs {
    /// The PHYPayload, in hexadecimal or base64.
    frame: String,
    /// 1.0.x: verifies data frames.
    #[arg(long, value_name = "KEY")]
    nwk_s_key: Option<NwkSKey>,
    /// Decrypts the application's payload.
    #[arg(long, value_name = "KEY")]
    app_s_key: Option<AppSKey>,
    /// 1.1: verifies uplinks.
    #[arg(long, value_name = "KEY", requires = "s_nwk_s_int_key")]
    f_nwk_s_int_key: Option<FNwkSIntKey>,
    /// 1.1: verifies downlinks, uplinks and Rejoin-Requests.
    #[arg(long, value_name = "KEY")]
    s_nwk_s_int_key: Option<SNwkSIntKey>,
    /// 1.1: decrypts MAC commands.
    #[arg(long, value_name = "KEY")]
    nwk_s_enc_key: Option<NwkSEncKey>,
    /// 1.0.x: verifies Join-Requests, decrypts Join-Accepts.
    #[arg(long, value_name = "KEY")]
    app_key: Option<AppKey>,
    /// 1.1: verifies Join- and Rejoin-Requests, decrypts Join-Accepts.
    #[arg(long, value_name = "KEY")]
    nwk_key: Option<NwkKey>,
    /// The full counter of a data frame; without it, the upper half is searched for.
    #[arg(long, value_name = "N")]
    f_cnt: Option<u32>,
    /// 1.1, with ACK: the full counter of the frame that is acknowledged.
    #[arg(long, value_name = "N")]
    conf_f_cnt: Option<u32>,
    /// 1.1: the uplink's data rate, 0 to 15; without it, it is searched for.
    #[arg(long, value_name = "DR")]
    tx_dr: Option<u8>,
    /// 1.1: the index of the uplink's channel; without it, it is searched for.
    #[arg(long, value_name = "INDEX")]
    tx_ch: Option<u8>,
    /// For a Join-Accept: the DevNonce of the request, in hexadecimal. Gives the session's keys.
    #[arg(long, value_name = "HEX", value_parser = dev_nonce)]
    dev_nonce: Option<DevNonce>,
    /// For a Join-Accept of 1.1.
    #[arg(long, value_name = "EUI")]
    dev_eui: Option<DevEui>,
    /// For a Join-Accept of 1.1.
    #[arg(long, value_name = "EUI")]
    join_eui: Option<JoinEui>,
}

fn dev_nonce(text: &str) -> Result<DevNonce, String> {
    u16::from_str_radix(text, 16)
        .map(DevNonce)
        .map_err(|_| "it is no number of four hexadecimal digits".to_owned())
}

/// What a frame says, line by line.
#[derive(Debug)]
struct Explanation {
    title: String,
    lines: Vec<(&'static str, String)>,
    /// Keys were given, and they do not fit.
    refused: bool,
}

impl Explanation {
    fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), lines: Vec::new(), refused: false }
    }

    fn line(&mut self, name: &'static str, text: impl fmt::Display) {
        self.lines.push((name, text.to_string()));
    }

    /// The MIC, and what became of it. `None`: there was no key to try.
    fn mic(&mut self, mic: impl fmt::Display, verified: Option<bool>, wanted: &str) {
        self.refused = verified == Some(false);
        let outcome = match verified {
            Some(true) => "verified".to_owned(),
            Some(false) => "DOES NOT VERIFY with this key and these values".to_owned(),
            None => format!("not verified: give {wanted}"),
        };
        self.line("MIC", format_args!("{mic}  {outcome}"));
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.title)?;
        for (name, text) in &self.lines {
            write!(f, "\n  {name:<14} {text}")?;
        }
        Ok(())
    }
}

/// Prints what the frame says. Fails when keys were given that do not fit.
pub(super) fn decode(args: &DecodeArgs) -> anyhow::Result<()> {
    let bytes = read(&args.frame)?;
    let explanation = explain(&bytes, args)?;
    println!("{explanation}");
    if explanation.refused {
        bail!("the frame was made with another key, counter or context");
    }
    Ok(())
}

fn read(text: &str) -> anyhow::Result<Vec<u8>> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let digits = text.strip_prefix("0x").unwrap_or(&text).replace([':', '-'], "");
    hex::decode(digits)
        .ok()
        .or_else(|| STANDARD.decode(&text).ok())
        .or_else(|| STANDARD_NO_PAD.decode(&text).ok())
        .context("the frame is neither hexadecimal nor base64")
}

fn explain(bytes: &[u8], args: &DecodeArgs) -> anyhow::Result<Explanation> {
    Ok(match PhyPayload::parse(bytes)? {
        Frame::JoinRequest(request) => join::request(&request, args),
        Frame::JoinAccept(accept) => join::accept(&accept, args),
        Frame::Rejoin(rejoin) => join::rejoin(&rejoin, args),
        Frame::Up(sealed) => data::up(&sealed, args),
        Frame::Down(sealed) => data::down(&sealed, args),
        Frame::Proprietary(rest) => {
            let mut explanation = Explanation::new("Proprietary frame");
            explanation.line("Bytes", with_length(rest));
            explanation
        }
    })
}

/// Bytes as hexadecimal, and how many.
fn with_length(bytes: &[u8]) -> String {
    match bytes.len() {
        0 => "none".to_owned(),
        1 => format!("{} (1 byte)", hex::encode(bytes)),
        length => format!("{} ({length} bytes)", hex::encode(bytes)),
    }
}

#[cfg(test)]
mod tests;
