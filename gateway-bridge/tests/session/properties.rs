//! What holds for any input.

use gateway_bridge::semtech::packet::Verdict;
use gateway_link::Refusal;
use proptest::prelude::*;

use crate::bench::{Bench, ELSEWHERE, EUI, HOME, SECOND};

proptest! {
    #[test]
    fn any_datagram_is_survived(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..300),
        header in prop_oneof![Just(None), (1..=2_u8, 0..=6_u8).prop_map(Some)],
    ) {
        if let (Some((version, kind)), [first, _, _, fourth, ..]) = (header, bytes.as_mut_slice()) {
            (*first, *fourth) = (version, kind);
        }
        let mut bench = Bench::connected();
        bench.receive(HOME, &bytes);
        bench.receive(ELSEWHERE, &bytes);
    }

    #[test]
    fn any_json_is_survived(text in "\\{\"(rxpk|stat|txpk_ack)\":[\\[\\]\\{\\}\":,a-z0-9.\\\\-]{0,80}", kind in 0..=5_u8) {
        let mut datagram = vec![2, 0, 0, kind];
        datagram.extend_from_slice(&EUI.0);
        datagram.extend_from_slice(text.as_bytes());
        Bench::connected().receive(HOME, &datagram);
    }

    #[test]
    fn every_downlink_has_exactly_one_answer(steps in proptest::collection::vec(0..6_u8, 1..60)) {
        let mut bench = Bench::connected();
        let mut asked = 0;
        for step in steps {
            match step {
                0 | 1 => {
                    bench.send_rx1_rx2();
                    asked += 1;
                }
                2 if !bench.sent.is_empty() => bench.refuse(Refusal::TxPower),
                3 if !bench.sent.is_empty() => bench.refuse(Refusal::TooEarly),
                4 if !bench.sent.is_empty() => bench.answer(Verdict::Accepted),
                _ => bench.wait(400_000),
            }
        }
        bench.wait(20 * SECOND);
        prop_assert_eq!(bench.acks.len(), asked);
    }
}
