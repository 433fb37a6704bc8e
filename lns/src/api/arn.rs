//! Amazon Resource Names: emitted because clients expect them, read where they name a resource.
//!
//! What a client writes in the place of account and region is not looked at.

use std::fmt::Display;

use crate::registry::Kind;

use super::ApiError;
use super::routing::Service;

/// The ARN of a resource.
pub fn of(kind: Kind, id: &impl Display) -> String {
    kind.arn(id)
}

/// The ARN of a resource whose kind goes by this name; `None` when no kind does.
pub fn of_name(name: &str, id: &impl Display) -> Option<String> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name)?;
    Some(of(kind, id))
}

/// The resource of a service that an ARN names.
pub fn parse(service: Service, arn: &str) -> Result<(Kind, String), ApiError> {
    let (scope, example) = match service {
        Service::IotWireless => ("iotwireless", of(Kind::WirelessDevice, &"<id>")),
        Service::Iot | Service::IotData => ("iot", of(Kind::Thing, &"<name>")),
    };
    let problem = || {
        let cut: String = arn.chars().take(128).collect();
        ApiError::validation(format!("{cut:?} is no ARN like {example}"))
    };
    let mut parts = arn.splitn(6, ':');
    if (parts.next(), parts.next(), parts.next()) != (Some("arn"), Some("aws"), Some(scope)) {
        return Err(problem());
    }
    let resource = parts.nth(2).ok_or_else(problem)?;
    let named = |kind: Kind| {
        let (owner, word) = kind.arn_words();
        let id = resource.strip_prefix(word)?.strip_prefix('/')?;
        (owner == scope && !id.is_empty()).then(|| (kind, id.to_owned()))
    };
    Kind::ALL.into_iter().find_map(named).ok_or_else(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_its_resource() {
        let wireless = |arn: &str| parse(Service::IotWireless, arn);
        let arn = of(Kind::Destination, &"default");
        assert_eq!(wireless(&arn).unwrap(), (Kind::Destination, "default".to_owned()));
        let elsewhere = "arn:aws:iotwireless:eu-west-1:123456789012:WirelessGateway/x/y";
        assert_eq!(wireless(elsewhere).unwrap(), (Kind::WirelessGateway, "x/y".to_owned()));
        for bad in [
            "",
            "arn:aws:iot:a:b:WirelessDevice/x",
            "arn:aws:iotwireless:a:b:Lamp/x",
            "arn:aws:iotwireless:a:b:WirelessDevice/",
            "arn:aws:iot:a:b:thing/x",
        ] {
            assert!(wireless(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_kind_of_iot_reads_back() {
        for kind in Kind::ALL.into_iter().filter(|kind| kind.is_of_iot()) {
            assert_eq!(parse(Service::Iot, &of(kind, &"a:b")).unwrap(), (kind, "a:b".to_owned()));
        }
        assert_eq!(of(Kind::Thing, &"lamp"), "arn:aws:iot:local:000000000000:thing/lamp");
        assert!(parse(Service::Iot, &of(Kind::WirelessDevice, &"x")).is_err());
    }
}
