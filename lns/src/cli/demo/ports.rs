//! Ports that are taken are replaced, and said.

use std::net::{SocketAddr, TcpListener, UdpSocket};

use crate::config::{Config, Listen};

/// Replaces each address that somebody else uses by a free port; answers a line for each.
pub(super) fn replace_taken(config: &mut Config) -> Vec<String> {
    let udp = |address: SocketAddr| UdpSocket::bind(address).is_ok();
    let tcp = |address: SocketAddr| TcpListener::bind(address).is_ok();
    let own_broker = config.mqtt.broker_url.is_none();
    let mut lines = Vec::new();
    lines.extend(replace("UDP", &mut config.gateway.semtech_udp, udp));
    if own_broker {
        lines.extend(replace("MQTT", &mut config.mqtt.listen, tcp));
    }
    lines.extend(replace("HTTP", &mut config.http.listen, tcp));
    lines
}

fn replace(
    what: &str,
    listen: &mut Listen,
    is_free: impl Fn(SocketAddr) -> bool,
) -> Option<String> {
    let address = listen.address()?;
    if is_free(address) {
        return None;
    }
    *listen = Listen::At(SocketAddr::new(address.ip(), 0));
    Some(format!("{what} {address} is taken; the demonstration takes a free port instead"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_replaced_and_a_free_one_kept() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("it is bound");
        let mut config = Config::default();
        config.http.listen = Listen::At(address);
        config.mqtt.listen = Listen::At(SocketAddr::from(([127, 0, 0, 1], 0)));
        config.gateway.semtech_udp = Listen::Off;
        let lines = replace_taken(&mut config);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(&address.to_string()), "{lines:?}");
        assert_eq!(config.http.listen.address().map(|at| at.port()), Some(0));
    }
}
