//! Gateways' protocols to gateway-link: the Semtech UDP packet-forwarder protocol.
