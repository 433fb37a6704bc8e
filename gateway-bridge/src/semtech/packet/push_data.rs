//! PUSH_DATA — what a gateway has heard, and how it is. PROTOCOL.TXT, chapters 3.2 and 4.
//!
//! One datagram carries several frames, and a fault in one of them must not cost the others. The
//! fast path reads the whole body at once; when that fails, the slow path cuts the body into its
//! objects and reads each alone, so that what is whole survives truncation, a `nan`, or a stray byte.

use gateway_link::{GatewayEui, Stats};
use serde::Deserialize;

use super::PacketError;
use super::header::{DatagramToken, Kind, Version, build};
use super::rxpk::{RawRxpk, Rxpk, RxpkError};
use super::stat::{self, RawStat};

/// How many frames of one datagram are read. The concentrators hold far fewer.
pub const MAX_RXPK: usize = 256;

/// The body of a PUSH_DATA.
#[derive(Debug, Default, PartialEq)]
pub struct PushData {
    /// The frames, in order; a frame that cannot be used stands with its reason.
    pub rxpk: Vec<Result<Rxpk, RxpkError>>,
    /// What the gateway tells of itself.
    pub stat: Option<Box<Stats>>,
    /// What was wrong with the body as a whole. The other fields hold what could be saved.
    pub fault: Option<PacketError>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    rxpk: Vec<RawRxpk<'a>>,
    #[serde(default)]
    stat: Option<RawStat<'a>>,
}

impl PushData {
    /// Reads the JSON body. Total: any bytes give an answer.
    pub fn parse(body: &[u8]) -> Self {
        let body = super::trim(body);
        if body.first().is_some_and(|&first| first != b'{') {
            let fault = PacketError::JsonShape("the body is not an object".into());
            return Self { fault: Some(fault), ..Self::default() };
        }
        match serde_json::from_slice::<Body<'_>>(body) {
            Ok(whole) => Self::from_whole(&whole),
            Err(error) => Self::from_pieces(body, PacketError::from_json(&error)),
        }
    }

    fn from_whole(body: &Body<'_>) -> Self {
        Self {
            rxpk: body.rxpk.iter().take(MAX_RXPK).map(RawRxpk::read).collect(),
            stat: body.stat.as_ref().map(|stat| Box::new(stat.read())),
            fault: (body.rxpk.len() > MAX_RXPK).then_some(PacketError::TooManyRxpk),
        }
    }

    fn from_pieces(body: &[u8], fault: PacketError) -> Self {
        let text = String::from_utf8_lossy(body);
        let read = |object| match serde_json::from_str::<RawRxpk<'_>>(object) {
            Ok(raw) => raw.read(),
            Err(error) => Err(RxpkError::Json(error.to_string())),
        };
        let list = after_key(&text, "\"rxpk\"", '[').unwrap_or("");
        let stat = after_key(&text, "\"stat\"", '{').and_then(|rest| Objects(rest).next());
        Self {
            rxpk: Objects(list.strip_prefix('[').unwrap_or(list))
                .take(MAX_RXPK)
                .map(read)
                .collect(),
            stat: stat
                .and_then(|object| serde_json::from_str::<RawStat<'_>>(object).ok())
                .map(|raw| Box::new(raw.read())),
            fault: Some(fault),
        }
    }

    /// A whole datagram, for a gateway to send. Frames that stand with an error are left out.
    pub fn build(&self, version: Version, token: DatagramToken, eui: GatewayEui) -> Vec<u8> {
        let mut json = String::with_capacity(300 * self.rxpk.len() + 40);
        json.push('{');
        let mut first = true;
        for rxpk in self.rxpk.iter().flatten() {
            json.push_str(if first { "\"rxpk\":[" } else { "," });
            rxpk.write(&mut json);
            first = false;
        }
        if !first {
            json.push(']');
        }
        if let Some(stats) = &self.stat {
            json.push_str(if first { "\"stat\":" } else { ",\"stat\":" });
            json.push_str(&stat::to_json(stats).to_string());
        }
        json.push('}');
        build(version, token, Kind::PushData, &[&eui.0, json.as_bytes()])
    }
}

/// What follows the first `key` whose value begins with `opening`, from `opening` on.
fn after_key<'a>(text: &'a str, key: &str, opening: char) -> Option<&'a str> {
    text.match_indices(key).find_map(|(at, _)| {
        let rest = text.get(at + key.len()..)?.trim_start().strip_prefix(':')?.trim_start();
        rest.starts_with(opening).then_some(rest)
    })
}

/// The JSON objects at the top of a list, up to its end or the first that is cut off.
struct Objects<'a>(&'a str);

impl<'a> Iterator for Objects<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let start = self.0.find(['{', ']']).filter(|&at| self.0[at..].starts_with('{'))?;
        let from_start = self.0.get(start..)?;
        let (object, rest) = from_start.split_at_checked(end_of_object(from_start)?)?;
        self.0 = rest;
        Some(object)
    }
}

/// Length of the object that `text` begins with.
fn end_of_object(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{') => depth += 1,
            (false, b'}') if depth == 1 => return Some(at + 1),
            (false, b'}') => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"tmst":1,"freq":868.1,"stat":1,"modu":"LORA","datr":"SF7BW125","codr":"4/5","rssi":-35,"lsnr":5.1,"size":3,"data":"AQID"}"#;

    fn labels(body: &str) -> (Vec<&'static str>, Option<&'static str>) {
        let push = PushData::parse(body.as_bytes());
        let of =
            |rxpk: &Result<Rxpk, RxpkError>| rxpk.as_ref().map_or_else(RxpkError::label, |_| "ok");
        (push.rxpk.iter().map(of).collect(), push.fault.map(|fault| fault.label()))
    }

    #[test]
    fn a_fault_in_one_frame_does_not_cost_the_others() {
        let bad_type = GOOD.replace("868.1", "\"high\"");
        let not_json = GOOD.replace("5.1", "nan");
        let table = [
            (format!(r#"{{"rxpk":[{GOOD},{GOOD}]}}"#), vec!["ok", "ok"], None),
            (format!(r#"{{"rxpk":[{bad_type},{GOOD}]}}"#), vec!["freq", "ok"], None),
            (format!(r#"{{"rxpk":[{not_json},{GOOD}]}}"#), vec!["json", "ok"], Some("json_syntax")),
            (format!(r#"{{"rxpk":[null,{GOOD}]}}"#), vec!["ok"], Some("json_shape")),
            (format!(r#"{{"rxpk":[{GOOD},{}"#, &GOOD[..40]), vec!["ok"], Some("json_truncated")),
            (format!(r#"{{"rxpk":[{GOOD}]"#), vec!["ok"], Some("json_truncated")),
            (r#"{"rxpk":[]}"#.to_owned(), vec![], None),
            (r#"{}"#.to_owned(), vec![], None),
            (String::new(), vec![], Some("json_truncated")),
            ("[]".to_owned(), vec![], Some("json_shape")),
        ];
        for (body, rxpk, fault) in table {
            assert_eq!(labels(&body), (rxpk, fault), "{body}");
        }
    }

    #[test]
    fn stat_survives_a_broken_frame_beside_it() {
        let body = r#"{"rxpk":[{"lsnr":nan,"stat":1}],"stat":{"rxnb":3}}"#;
        let push = PushData::parse(body.as_bytes());
        assert_eq!(push.stat.unwrap().rxnb, Some(3));
    }

    #[test]
    fn more_frames_than_the_limit_are_cut_and_named() {
        let body = format!(r#"{{"rxpk":[{}]}}"#, vec![GOOD; MAX_RXPK + 1].join(","));
        let push = PushData::parse(body.as_bytes());
        assert_eq!((push.rxpk.len(), push.fault), (MAX_RXPK, Some(PacketError::TooManyRxpk)));
    }

    #[test]
    fn the_antenna_with_the_best_snr_wins() {
        let body = GOOD
            .replace(r#""rssi":-35,"lsnr":5.1"#, r#""rsig":[{"ant":0,"chan":7,"lsnr":1.0,"rssic":-95},{"ant":1,"chan":23,"lsnr":4.5,"rssic":-93}]"#);
        let push = PushData::parse(format!(r#"{{"rxpk":[{body}]}}"#).as_bytes());
        let rxpk = push.rxpk[0].clone().unwrap();
        assert_eq!(
            (rxpk.antenna, rxpk.channel, rxpk.snr, rxpk.rssi),
            (Some(1), Some(23), 450, -9300)
        );
    }
}
