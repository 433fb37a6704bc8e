//! An address of the web, as the world calls the server.

use std::fmt;
use std::str::FromStr;

/// `http://` or `https://`, a host, perhaps a port and a path: `"https://lns.example/iot"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebUrl(url::Url);

impl WebUrl {
    /// The host, without a port; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.0.host_str().expect("reading it has looked for a host")
    }

    /// The host, with the port where it is not the usual one.
    pub fn authority(&self) -> &str {
        self.0.authority()
    }
}

/// Without a slash at its end.
impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl FromStr for WebUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || "it is no address; write it like \"https://lns.example\"".to_owned();
        let url = url::Url::parse(text).map_err(|_| wanted())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wanted());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it has a user in it; everybody is told this address".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it has a ? or # in it; paths are put behind it".to_owned());
        }
        Ok(Self(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_web_has_them() {
        for (text, same, host, authority) in [
            ("https://lns.example", "https://lns.example", "lns.example", "lns.example"),
            ("https://LNS.example:443/", "https://lns.example", "lns.example", "lns.example"),
            ("http://[::1]:8080", "http://[::1]:8080", "[::1]", "[::1]:8080"),
            ("https://a:8443/iot/", "https://a:8443/iot", "a", "a:8443"),
        ] {
            let url: WebUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), same);
            assert_eq!((url.host(), url.authority()), (host, authority));
        }
        for text in
            ["", "lns.example", "ftp://a", "https://", "http://u@a", "http://a/?x", "http://a/#x"]
        {
            assert!(text.parse::<WebUrl>().is_err(), "{text}");
        }
    }
}
