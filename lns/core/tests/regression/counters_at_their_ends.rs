//! A server that computes the expected counter as "next minus one" underflows at 0 and takes the
//! first frame of a session for one of 4 billion frames ago. One that infers the upper half wrongly
//! loses the device at 65,536. And MAX_FCNT_GAP was dropped with 1.0.4: who goes on applying it
//! loses devices that were out of reach, who never applies it takes what 1.0.3 refuses.

use lns_core::Reject;
use lns_lorawan::{FCntUp, MacVersion};

use crate::bench::{Bench, Up, abp, eu868};

fn heard(version: MacVersion, counters: &[u32]) -> Result<Option<FCntUp>, Reject> {
    let mut bench = Bench::new(eu868(version), abp());
    for f_cnt in counters {
        bench.hear(&Up::at(*f_cnt))?;
    }
    Ok(bench.device.session.unwrap().f_cnt_up)
}

#[test]
fn the_first_frames_of_a_session_and_the_roll_over_are_followed() {
    let last = |counters: &[u32]| heard(MacVersion::V1_0_4, counters).unwrap().unwrap().0;
    assert_eq!(last(&[0]), 0);
    assert_eq!(last(&[0, 1]), 1);
    assert_eq!(last(&[1]), 1, "reference devices begin at 1");
    assert_eq!(last(&[65_535, 65_536, 65_537]), 65_537);
    assert_eq!(last(&[65_000, 66_000]), 66_000, "over the roll-over with losses");
}

#[test]
fn the_gap_is_refused_up_to_1_0_3_only() {
    let counters = [0, 16_385];
    let refused = Err(Reject::FCntGap { got: 16_385, last: 0 });
    assert_eq!(heard(MacVersion::V1_0_3, &counters), refused);
    assert_eq!(heard(MacVersion::V1_0_4, &counters), Ok(Some(FCntUp(16_385))));
    assert_eq!(heard(MacVersion::V1_0_3, &[0, 16_384]), Ok(Some(FCntUp(16_384))));
}
