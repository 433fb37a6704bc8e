//! Frequency 0 in PingSlotChannelReq and BeaconFreqReq.
//!
//! It means "as the region has it, hopping where it hops", so that it must be a frequency that a
//! frame can carry, and read as such; in NewChannelReq it removes a channel.

use lns_lorawan::mac::{BeaconFreqReq, DownlinkMacCommand, DownlinkMacCommands, NewChannelReq};
use lns_lorawan::{Frequency, FrequencyStep};

use super::dr;

#[test]
fn it_goes_through_the_codec_in_every_step() {
    let none = Frequency::from_hz(0);
    let commands = [
        DownlinkMacCommand::BeaconFreqReq(BeaconFreqReq { frequency: none }),
        DownlinkMacCommand::NewChannelReq(NewChannelReq {
            ch_index: 3,
            frequency: none,
            max_data_rate: dr(5),
            min_data_rate: dr(0),
        }),
    ];
    for command in commands {
        let mut bytes = Vec::new();
        command.encode(&mut bytes).unwrap();
        for step in [FrequencyStep::Hz100, FrequencyStep::Hz200] {
            let read: Vec<_> = DownlinkMacCommands::new(&bytes).in_steps_of(step).collect();
            assert_eq!(read, [Ok(command)]);
        }
    }
}
