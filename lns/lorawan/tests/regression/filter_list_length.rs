//! The length in FilterListReq.
//!
//! It has five bits (TS011, relay commands). A decoder that masks with 0x17 instead of 0x1f loses
//! bit 3: it reads a list of eight bytes or more as shorter and takes the rest for other commands.

use lns_lorawan::mac::{DownlinkMacCommand, DownlinkMacCommands, FilterListReq};

#[test]
fn every_length_is_read_as_it_was_written() {
    for length in 0..=16 {
        let eui: Vec<u8> = (1..=length).collect();
        let request = FilterListReq::new([0xa0, 0x01], &eui).unwrap();
        let mut bytes = Vec::new();
        DownlinkMacCommand::FilterListReq(request).encode(&mut bytes).unwrap();
        // DevStatusReq, which must be found behind it.
        bytes.push(0x06);
        let read: Vec<_> = DownlinkMacCommands::new(&bytes).map(Result::unwrap).collect();
        let [DownlinkMacCommand::FilterListReq(back), DownlinkMacCommand::DevStatusReq] = read[..]
        else {
            panic!("{length} bytes of EUI: {read:?}")
        };
        assert_eq!(back.eui(), eui, "{length} bytes of EUI");
    }
}
