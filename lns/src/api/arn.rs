//! Amazon Resource Names: emitted because clients expect them, read where they name a resource.
//!
//! There is no account and no region behind this server, so both are fixed words; what a client
//! writes in their place is not looked at.

use std::fmt::Display;

use crate::registry::Kind;

use super::ApiError;

/// The ARN of a resource.
pub fn of(kind: Kind, id: &impl Display) -> String {
    format!("arn:aws:iotwireless:local:000000000000:{kind}/{id}")
}

/// The ARN of a resource whose kind goes by this name; `None` when no kind does.
pub fn of_name(name: &str, id: &impl Display) -> Option<String> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name)?;
    Some(of(kind, id))
}

/// The resource that an ARN names.
pub fn parse(arn: &str) -> Result<(Kind, String), ApiError> {
    let problem = || {
        let cut: String = arn.chars().take(128).collect();
        ApiError::validation(format!(
            "resourceArn: {cut:?} is not like {}",
            of(Kind::WirelessDevice, &"<id>")
        ))
    };
    let mut parts = arn.splitn(6, ':');
    if (parts.next(), parts.next(), parts.next()) != (Some("arn"), Some("aws"), Some("iotwireless"))
    {
        return Err(problem());
    }
    let (kind, id) = parts.nth(2).and_then(|rest| rest.split_once('/')).ok_or_else(problem)?;
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind).ok_or_else(problem)?;
    Ok((kind, id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_its_resource() {
        let arn = of(Kind::Destination, &"default");
        assert_eq!(parse(&arn).unwrap(), (Kind::Destination, "default".to_owned()));
        let elsewhere = "arn:aws:iotwireless:eu-west-1:123456789012:WirelessGateway/x/y";
        assert_eq!(parse(elsewhere).unwrap(), (Kind::WirelessGateway, "x/y".to_owned()));
        for bad in ["", "arn:aws:iot:a:b:WirelessDevice/x", "arn:aws:iotwireless:a:b:Lamp/x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
