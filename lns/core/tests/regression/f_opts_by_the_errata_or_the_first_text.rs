//! Trap: FOpts of 1.1 are encrypted by the errata, not by the text that was first published.
//!
//! In the first text one keystream serves NFCntDown and AFCntDown of the same value; the errata tell
//! them apart (LoRaMac-node, `LoRaMacCrypto.c`, does as the errata say). A server of the first text
//! reads noise where the device has written RekeyInd, answers nothing, and the device joins again
//! after 64 uplinks, for ever. Devices of the first text exist: for them there is a profile's switch.

use lns_core::Activation;
use lns_core::Note;
use lns_lorawan::{
    AppSKey, DataRateIndex, DataUp, FCntUp, FCtrlUp, FNwkSIntKey, MacVersion, NwkSEncKey,
    SNwkSIntKey, Scheme, SessionKeys, Uplink11Ctx,
};

use crate::bench::*;

fn keys(scheme: Scheme) -> SessionKeys {
    SessionKeys {
        scheme,
        f_nwk_s_int_key: FNwkSIntKey::from_bytes([1; 16]),
        s_nwk_s_int_key: SNwkSIntKey::from_bytes([2; 16]),
        nwk_s_enc_key: NwkSEncKey::from_bytes([3; 16]),
        app_s_key: AppSKey::from_bytes([4; 16]),
    }
}

/// Whether the server, by this profile, understands a LinkCheckReq of a device of this text.
fn is_understood(first_text: bool, device: Scheme) -> bool {
    let mut profile = eu868(MacVersion::V1_1_0);
    profile.f_opts_first_text = first_text;
    let keys_of_abp = keys(Scheme::V1_1);
    let activation =
        Activation::Abp { dev_addr: DEV_ADDR, keys: keys_of_abp, f_cnt_start: FCntUp(0) };
    let mut bench = Bench::new(profile, activation);
    let up = DataUp {
        confirmed: false,
        dev_addr: DEV_ADDR,
        f_ctrl: FCtrlUp::default(),
        f_cnt_up: FCntUp(0),
        f_opts: &[0x02],
        f_port: Some(1),
        frm_payload: b"hello",
    };
    let context = Uplink11Ctx { conf_f_cnt: 0, tx_dr: DataRateIndex::new(5).unwrap(), tx_ch: 0 };
    let bytes = up.build(&keys(device).schedules(), context).unwrap();
    // The MIC covers FOpts as they are sent, so the frame itself verifies either way.
    let heard = bench.matched(&bytes).unwrap();
    let step = bench.step(lns_core::Event::Uplink(Box::new(heard)));
    let noise = |note: &Note| {
        matches!(note, Note::UnknownMacCommand { .. } | Note::UnexpectedMacAnswer { .. })
    };
    assert_eq!(&*uplink(&step).unwrap().frm_payload, b"hello");
    !step.notes.iter().any(noise) && opening(&step).unwrap().something_to_say
}

#[test]
fn each_text_is_understood_by_its_own_profile_only() {
    assert!(is_understood(false, Scheme::V1_1));
    assert!(is_understood(true, Scheme::V1_1FirstText));
    assert!(!is_understood(false, Scheme::V1_1FirstText));
    assert!(!is_understood(true, Scheme::V1_1));
}
