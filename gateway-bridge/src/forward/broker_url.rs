//! `mqtt://host:port`.

use std::fmt;
use std::str::FromStr;

/// Where an MQTT broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerUrl {
    /// Host name or address; an IPv6 address keeps its brackets.
    pub host: String,
    /// TCP port; 1883 when the URL has none.
    pub port: u16,
}

/// Why a text is no broker URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerUrlError {
    /// The scheme is not `mqtt`.
    #[error("broker URL {0:?} does not begin with mqtt://; write mqtt://host:1883")]
    Scheme(String),
    /// TLS is asked for.
    #[error(
        "broker URL {0:?} asks for TLS, which the bridge does not speak; connect it to a broker on \
         its own host or network, and let that one bridge with TLS"
    )]
    Tls(String),
    /// User or password in the URL.
    #[error("put user and password into --username and --password-file, not into the broker URL")]
    Credentials,
    /// No host, or a port that is none.
    #[error("broker URL {0:?} has no host, or a port that is not 1 to 65535")]
    Host(String),
}

impl FromStr for BrokerUrl {
    type Err = BrokerUrlError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        if url.starts_with("mqtts://") || url.starts_with("ssl://") {
            return Err(BrokerUrlError::Tls(url.to_owned()));
        }
        let rest = url
            .strip_prefix("mqtt://")
            .or_else(|| url.strip_prefix("tcp://"))
            .ok_or_else(|| BrokerUrlError::Scheme(url.to_owned()))?;
        if rest.contains('@') {
            return Err(BrokerUrlError::Credentials);
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let refuse = || BrokerUrlError::Host(url.to_owned());
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().map_err(|_| refuse())?)
            }
            Some(_) | None => (authority, 1883),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let bracketed = bare.len() != host.len();
        let sound = !bare.is_empty() && port != 0 && (bracketed || !bare.contains([':', '/', ' ']));
        sound.then(|| Self { host: host.to_owned(), port }).ok_or_else(refuse)
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mqtt://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_the_rest_is_refused_by_name() {
        let at = |host: &str, port| Ok(BrokerUrl { host: host.into(), port });
        let host = |url: &str| Err(BrokerUrlError::Host(url.into()));
        let table = [
            ("mqtt://broker.example:2883", at("broker.example", 2883)),
            ("mqtt://broker.example/", at("broker.example", 1883)),
            ("tcp://192.0.2.1:1883", at("192.0.2.1", 1883)),
            ("mqtt://[::1]:1884", at("[::1]", 1884)),
            ("mqtt://[::1]", at("[::1]", 1883)),
            ("mqtts://broker", Err(BrokerUrlError::Tls("mqtts://broker".into()))),
            ("mqtt://user:secret@broker", Err(BrokerUrlError::Credentials)),
            ("broker:1883", Err(BrokerUrlError::Scheme("broker:1883".into()))),
            ("mqtt://", host("mqtt://")),
            ("mqtt://:1883", host("mqtt://:1883")),
            ("mqtt://broker:none", host("mqtt://broker:none")),
            ("mqtt://broker:0", host("mqtt://broker:0")),
            ("mqtt://::1:1883", host("mqtt://::1:1883")),
            ("mqtt://broker/path", host("mqtt://broker/path")),
        ];
        for (url, expected) in table {
            assert_eq!(url.parse(), expected, "{url}");
        }
    }
}
