//! Where an external broker is: `mqtt://user:password@host:port`, or `mqtts://` for TLS.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::broker::{BrokerError, Credentials};

/// The port of MQTT over plain TCP, as registered with IANA.
const MQTT: u16 = 1883;
/// The port of MQTT over TLS.
const SECURE_MQTT: u16 = 8883;

/// Where an external broker is, and what to show there. Prints without the password.
#[derive(Clone, Debug)]
pub struct BrokerUrl {
    /// A name or an address, without the brackets of IPv6.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// What to show; `None`: nothing.
    pub credentials: Option<Credentials>,
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.credentials.iter().map(|who| who.username.as_str()).next();
        let (user, at) = user.map_or(("", ""), |user| (user, "@"));
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        if self.host.contains(':') {
            write!(f, "{scheme}://{user}{at}[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{user}{at}{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for BrokerUrl {
    type Err = BrokerError;

    fn from_str(text: &str) -> Result<Self, BrokerError> {
        let error = |reason: &str| BrokerError::Url { url: redacted(text), reason: reason.into() };
        let url = Url::parse(text).map_err(|problem| error(&problem.to_string()))?;
        let tls = match url.scheme() {
            "mqtt" | "tcp" => false,
            "mqtts" | "ssl" | "tls" => true,
            "ws" | "wss" => return Err(error("MQTT over WebSocket is not supported")),
            _ => return Err(error("it does not begin with mqtt:// or mqtts://")),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(error("it has no host"))?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(error("nothing may follow the port"));
        }
        let decoded = |text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .map(String::from)
                .map_err(|_| error("user or password is not UTF-8"))
        };
        let username = decoded(url.username())?;
        let password = decoded(url.password().unwrap_or_default())?;
        Ok(Self {
            host: host.trim_matches(['[', ']']).into(),
            port: url.port().unwrap_or(if tls { SECURE_MQTT } else { MQTT }),
            tls,
            credentials: (!username.is_empty()).then_some(Credentials { username, password }),
        })
    }
}

/// The text without what stands between the user's name and the `@`.
fn redacted(text: &str) -> String {
    let Some((before, host)) = text.rsplit_once('@') else { return text.into() };
    let start = before.find("://").map_or(0, |at| at + 3);
    match before[start..].find(':') {
        Some(colon) => format!("{}:…@{host}", &before[..start + colon]),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_as_whom() {
        for (text, host, port, who, printed) in [
            ("mqtt://localhost", "localhost", 1883, None, "mqtt://localhost:1883"),
            ("mqtt://10.0.0.5:1884/", "10.0.0.5", 1884, None, "mqtt://10.0.0.5:1884"),
            ("mqtt://[::1]:1884", "::1", 1884, None, "mqtt://[::1]:1884"),
            ("mqtt://u:p@h:1", "h", 1, Some(("u", "p")), "mqtt://u@h:1"),
            ("mqtt://u@h", "h", 1883, Some(("u", "")), "mqtt://u@h:1883"),
            ("mqtts://u:p@h", "h", 8883, Some(("u", "p")), "mqtts://u@h:8883"),
            ("mqtt://u:p%40%2F@h", "h", 1883, Some(("u", "p@/")), "mqtt://u@h:1883"),
        ] {
            let url: BrokerUrl = text.parse().unwrap();
            assert_eq!((url.host.as_str(), url.port), (host, port), "{text}");
            let shown =
                url.credentials.as_ref().map(|c| (c.username.as_str(), c.password.as_str()));
            assert_eq!(shown, who, "{text}");
            assert_eq!(url.to_string(), printed);
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_showing_its_password() {
        for (text, message) in [
            ("localhost:1883", "it does not begin with mqtt:// or mqtts://"),
            ("wss://u:secret@h", "MQTT over WebSocket is not supported"),
            ("mqtt://", "it has no host"),
            ("mqtt://u:secret@h/topic", "nothing may follow the port"),
            ("mqtt://h:99999", "invalid port number"),
        ] {
            let error = text.parse::<BrokerUrl>().unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
            assert!(error.contains("Write mqtt://user:password@host:1883"), "{error}");
        }
    }
}
