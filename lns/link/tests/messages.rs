//! Messages survive the wire, and no bytes upset the reader.

use gateway_link::{
    BridgeState, CodingRate, Downlink, DownlinkItem, GatewayEui, GatewayEvent, LinkError,
    Modulation, Outcome, Refusal, Stats, Token, TxAck, Uplink, VERSION, When,
};
use proptest::prelude::*;

fn modulation() -> impl Strategy<Value = Modulation> {
    prop_oneof![
        (5..=12_u8, any::<u32>()).prop_map(|(spreading_factor, bandwidth_hz)| {
            Modulation::Lora { spreading_factor, bandwidth_hz }
        }),
        any::<u32>().prop_map(|bit_rate| Modulation::Fsk { bit_rate }),
        (any::<u32>(), any::<Option<u8>>())
            .prop_map(|(ocw_hz, grid_step)| Modulation::LrFhss { ocw_hz, grid_step }),
    ]
}

fn token() -> impl Strategy<Value = Token> {
    proptest::collection::vec(any::<u8>(), 0..=32).prop_map(|bytes| Token::try_from(bytes).unwrap())
}

fn phy_payload() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 1..=255)
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        (token(), any::<u32>()).prop_map(|(token, delay_us)| When::After { token, delay_us }),
        any::<u32>().prop_map(When::Tmst),
        any::<u64>().prop_map(|tmms| When::Gps { tmms }),
        Just(When::Immediately),
    ]
}

prop_compose! {
    fn uplink()(
        eui in any::<[u8; 8]>(), phy_payload in phy_payload(), token in token(),
        numbers in any::<(u32, u32, i64, u32)>(), modulation in modulation(),
        levels in any::<(i16, i16)>(), chains in any::<(Option<u8>, Option<u8>, Option<u8>)>(),
        times in any::<(Option<i64>, Option<u64>, Option<u32>)>(),
    ) -> Uplink {
        Uplink {
            gateway_eui: GatewayEui(eui), phy_payload, token, tmst: numbers.0,
            boot_epoch: numbers.1, received_at: numbers.2, frequency_hz: numbers.3, modulation,
            coding_rate: CodingRate::Cr4_5, rssi: levels.0, snr: levels.1, channel: chains.0,
            rf_chain: chains.1, antenna: chains.2, time: times.0, tmms: times.1,
            fine_time_ns: times.2,
        }
    }
}

prop_compose! {
    fn item()(
        phy_payload in phy_payload(), when in when(), frequency_hz in any::<u32>(),
        modulation in modulation(), power in any::<i16>(), flags in any::<(bool, bool)>(),
        preamble in any::<Option<u16>>(),
    ) -> DownlinkItem {
        DownlinkItem {
            phy_payload, when, frequency_hz, modulation, coding_rate: CodingRate::Cr4_8Li, power,
            invert_polarity: flags.0, no_crc: flags.1, preamble,
        }
    }
}

prop_compose! {
    fn downlink()(
        eui in any::<[u8; 8]>(), id in any::<u64>(), boot_epoch in any::<u32>(),
        deadline in any::<i64>(), items in proptest::collection::vec(item(), 1..=8),
    ) -> Downlink {
        Downlink { gateway_eui: GatewayEui(eui), id, boot_epoch, deadline, items }
    }
}

proptest! {
    #[test]
    fn an_uplink_survives(uplink in uplink()) {
        prop_assert_eq!(Uplink::decode(&uplink.encode()), Ok(uplink));
    }

    #[test]
    fn a_downlink_survives(downlink in downlink()) {
        prop_assert_eq!(Downlink::decode(&downlink.encode()), Ok(downlink));
    }

    #[test]
    fn any_bytes_give_an_answer(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), ours in any::<bool>()) {
        if let (true, Some(first)) = (ours, bytes.first_mut()) {
            *first = VERSION;
        }
        let verdicts = [
            Uplink::decode(&bytes).err(),
            Downlink::decode(&bytes).err(),
            TxAck::decode(&bytes).err(),
            GatewayEvent::decode(&bytes).err(),
            BridgeState::decode(&bytes).err(),
        ];
        for error in verdicts.into_iter().flatten() {
            prop_assert!(!error.label().is_empty());
        }
    }
}

#[test]
fn acks_and_events_survive() {
    let ack = TxAck {
        gateway_eui: GatewayEui([1; 8]),
        id: 7,
        outcome: Outcome::AcceptedWithWarning(Refusal::TxPower),
        item: 1,
        refusals: vec![(0, Refusal::TooLate), (1, Refusal::Other("SHY".into()))],
        power: Some(1400),
        lead_us: Some(-3),
    };
    assert_eq!(TxAck::decode(&ack.encode()), Ok(ack));
    let stats = Stats { alti: Some(-5), ackr: Some(88.8), ..Stats::default() };
    let events = [
        GatewayEvent::Stat(Box::new(stats)),
        GatewayEvent::Connected { address: "[::1]:9".into(), protocol: 2, boot_epoch: 3 },
        GatewayEvent::Disconnected { silent_us: 90_000_000 },
        GatewayEvent::AddressChanged { from: "a".into(), to: "b".into() },
        GatewayEvent::AddressConflict { claimed_by: "a".into(), held_by: "b".into() },
        GatewayEvent::Rebooted { boot_epoch: 4 },
        GatewayEvent::Rtt { p50_us: 1, p99_us: 2, samples: 3 },
    ];
    for event in events {
        assert_eq!(GatewayEvent::decode(&event.encode()), Ok(event));
    }
    for state in [BridgeState::Here { version: "0.1.0".into() }, BridgeState::Gone] {
        assert_eq!(BridgeState::decode(&state.encode()), Ok(state));
    }
}

#[test]
fn another_version_is_refused_by_name() {
    let mut bytes = BridgeState::Gone.encode();
    bytes[0] = VERSION + 1;
    let error = BridgeState::decode(&bytes).unwrap_err();
    assert_eq!(error, LinkError::Version { message: "bridge state", found: VERSION + 1 });
    assert!(error.to_string().contains("same release"), "{error}");
}

#[test]
fn what_is_left_over_is_refused() {
    let mut bytes = BridgeState::Gone.encode();
    bytes.push(0);
    let error = BridgeState::decode(&bytes).unwrap_err();
    assert_eq!(error, LinkError::Trailing { message: "bridge state", count: 1 });
    assert_eq!(BridgeState::decode(&[]), Err(LinkError::Empty { message: "bridge state" }));
}

#[test]
fn a_downlink_without_items_is_refused() {
    let downlink = Downlink {
        gateway_eui: GatewayEui([0; 8]),
        id: 1,
        boot_epoch: 0,
        deadline: 0,
        items: Vec::new(),
    };
    let error = Downlink::decode(&downlink.encode()).unwrap_err();
    assert_eq!(error.label(), "limit");
}
