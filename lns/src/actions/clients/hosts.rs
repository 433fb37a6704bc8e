//! To which hosts actions may connect.
//!
//! Whoever may make a rule chooses where the server connects to. An allow-list is the operator's
//! decision; what is refused in any case are addresses that only exist to be asked by the machine
//! itself: link-local ones, where clouds serve their machines' credentials, and those that name no
//! single host. Loopback and private addresses are not refused: that is where databases are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// EC2's metadata service by IPv6, which is not link-local.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Which hosts.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// Names and addresses, `*.example.com` for all below; empty: any.
    allowed: Arc<[String]>,
}

impl Hosts {
    /// These; any if there are none.
    pub fn allowing(allowed: &[String]) -> Self {
        Self { allowed: allowed.iter().map(|host| host.to_ascii_lowercase()).collect() }
    }

    /// Whether a name or address as written may be connected to; else why not.
    pub fn admit(&self, host: &str) -> Result<(), String> {
        let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        if let Ok(address) = host.parse::<IpAddr>() {
            admit_address(address)?;
        }
        let is_allowed = |allowed: &String| match allowed.strip_prefix('*') {
            Some(suffix) => host.ends_with(suffix),
            None => host == *allowed,
        };
        if self.allowed.is_empty() || self.allowed.iter().any(is_allowed) {
            return Ok(());
        }
        Err(format!("the host {host} is not among rules.allowed_hosts"))
    }
}

/// Whether an address may be connected to, by whatever name it was found.
pub fn admit_address(address: IpAddr) -> Result<(), String> {
    let address = match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    };
    let refused = match address {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4 == Ipv4Addr::UNSPECIFIED
        }
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || v6.is_multicast()
                || v6.is_unspecified()
                || v6 == METADATA_V6
        }
    };
    if refused {
        return Err(format!("{address} is an address that actions may not connect to"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_are_refused_however_they_are_written() {
        for host in [
            "169.254.169.254",
            "[fe80::1]",
            "::ffff:169.254.169.254",
            "fd00:ec2::254",
            "0.0.0.0",
            "[::]",
            "255.255.255.255",
            "224.0.0.1",
        ] {
            assert!(Hosts::default().admit(host).is_err(), "{host}");
        }
        for host in ["127.0.0.1", "10.1.2.3", "[::1]", "example.com", "8.8.8.8"] {
            assert_eq!(Hosts::default().admit(host), Ok(()), "{host}");
        }
    }

    #[test]
    fn an_allow_list_allows_names_addresses_and_all_below_a_domain() {
        let hosts = Hosts::allowing(&["DB.lan".into(), "*.example.com".into(), "10.0.0.7".into()]);
        for host in ["db.lan", "db.lan.", "a.example.com", "a.b.Example.com", "10.0.0.7"] {
            assert_eq!(hosts.admit(host), Ok(()), "{host}");
        }
        for host in ["example.com", "evilexample.com", "db.lan.evil", "10.0.0.70"] {
            assert!(hosts.admit(host).is_err(), "{host}");
        }
    }
}
