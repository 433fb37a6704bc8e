//! Time on air against Semtech's own transceiver driver, for every length.
//!
//! The sums are those of `sx126x_get_lora_time_on_air_numerator` and
//! `lr_fhss_get_time_on_air_numerator` of the SX126x driver in LoRa Basics Modem (SWL2001, as
//! packaged in the crate `smtc-modem-cores-sys` 0.2.1), run with 8 symbols of preamble, explicit
//! header, coding rate 4/5 and the low data rate optimization for symbols above 16 ms. A wrong
//! microsecond at one length moves the sum, at two lengths the weighted one.

use lns_lorawan::{
    Bandwidth, CodingRate, Direction, LrFhssCoding, Modulation, SpreadingFactor, time_on_air,
};

/// Spreading factor, bandwidth in Hz, payload CRC (uplinks have one), the sum over 1 to 255 bytes
/// in µs, and the sum of each multiplied by its length.
const LORA: [(u8, u32, Direction, u64, u64); 48] = [
    (5, 125_000, Direction::Down, 18_294_720, 3_049_120_000),
    (5, 125_000, Direction::Up, 18_555_840, 3_082_543_360),
    (5, 250_000, Direction::Down, 9_147_360, 1_524_560_000),
    (5, 250_000, Direction::Up, 9_277_920, 1_541_271_680),
    (5, 500_000, Direction::Down, 4_573_680, 762_280_000),
    (5, 500_000, Direction::Up, 4_638_960, 770_635_840),
    (6, 125_000, Direction::Down, 30_975_360, 5_143_802_880),
    (6, 125_000, Direction::Up, 31_410_560, 5_199_726_080),
    (6, 250_000, Direction::Down, 15_487_680, 2_571_901_440),
    (6, 250_000, Direction::Up, 15_705_280, 2_599_863_040),
    (6, 500_000, Direction::Down, 7_743_840, 1_285_950_720),
    (6, 500_000, Direction::Up, 7_852_640, 1_299_931_520),
    (7, 125_000, Direction::Down, 53_594_880, 8_881_090_560),
    (7, 125_000, Direction::Up, 54_342_400, 8_977_331_200),
    (7, 250_000, Direction::Down, 26_797_440, 4_440_545_280),
    (7, 250_000, Direction::Up, 27_171_200, 4_488_665_600),
    (7, 500_000, Direction::Down, 13_398_720, 2_220_272_640),
    (7, 500_000, Direction::Up, 13_585_600, 2_244_332_800),
    (8, 125_000, Direction::Down, 95_116_800, 15_711_928_320),
    (8, 125_000, Direction::Up, 96_417_280, 15_879_045_120),
    (8, 250_000, Direction::Down, 47_558_400, 7_855_964_160),
    (8, 250_000, Direction::Up, 48_208_640, 7_939_522_560),
    (8, 500_000, Direction::Down, 23_779_200, 3_927_982_080),
    (8, 500_000, Direction::Up, 24_104_320, 3_969_761_280),
    (9, 125_000, Direction::Down, 170_859_520, 28_158_955_520),
    (9, 125_000, Direction::Up, 173_173_760, 28_453_724_160),
    (9, 250_000, Direction::Down, 85_429_760, 14_079_477_760),
    (9, 250_000, Direction::Up, 86_586_880, 14_226_862_080),
    (9, 500_000, Direction::Down, 42_714_880, 7_039_738_880),
    (9, 500_000, Direction::Up, 43_293_440, 7_113_431_040),
    (10, 125_000, Direction::Down, 311_777_280, 51_226_869_760),
    (10, 125_000, Direction::Up, 315_955_200, 51_761_643_520),
    (10, 250_000, Direction::Down, 155_888_640, 25_613_434_880),
    (10, 250_000, Direction::Up, 157_977_600, 25_880_821_760),
    (10, 500_000, Direction::Down, 77_944_320, 12_806_717_440),
    (10, 500_000, Direction::Up, 78_988_800, 12_940_410_880),
    (11, 125_000, Direction::Down, 678_768_640, 112_039_280_640),
    (11, 125_000, Direction::Up, 688_107_520, 113_227_694_080),
    (11, 250_000, Direction::Down, 286_300_160, 46_935_818_240),
    (11, 250_000, Direction::Up, 290_150_400, 47_427_706_880),
    (11, 500_000, Direction::Down, 143_150_080, 23_467_909_120),
    (11, 500_000, Direction::Up, 145_075_200, 23_713_853_440),
    (12, 125_000, Direction::Down, 1_238_753_280, 203_846_287_360),
    (12, 125_000, Direction::Up, 1_255_464_960, 205_960_314_880),
    (12, 250_000, Direction::Down, 619_376_640, 101_923_143_680),
    (12, 250_000, Direction::Up, 627_732_480, 102_980_157_440),
    (12, 500_000, Direction::Down, 265_984_000, 43_479_367_680),
    (12, 500_000, Direction::Up, 269_506_560, 43_928_494_080),
];

/// Sum and weighted sum of what a frame of 1 to `longest` bytes takes.
fn sums(modulation: Modulation, direction: Direction, longest: u64) -> (u64, u64) {
    let micros = |length: u64| {
        let length = usize::try_from(length).expect("a frame is short");
        time_on_air(modulation, CodingRate::Cr45, direction, length).micros().unsigned_abs()
    };
    let sum = (1..=longest).map(micros).sum();
    (sum, (1..=longest).map(|length| length * micros(length)).sum())
}

#[test]
fn lora_takes_as_long_as_semtechs_driver_says_at_every_length() {
    for (factor, hz, direction, sum, weighted) in LORA {
        let spreading_factor = SpreadingFactor::new(factor).expect("a spreading factor");
        let bandwidth = Bandwidth::from_khz(hz / 1000).expect("a bandwidth");
        let modulation = Modulation::lora(spreading_factor, bandwidth);
        let got = sums(modulation, direction, 255);
        assert_eq!(got, (sum, weighted), "SF{factor} at {hz} Hz, {direction:?}");
    }
}

/// Up to 150 bytes, more than the 123 + 13 that LR-FHSS data rates carry.
#[test]
fn lr_fhss_takes_as_long_as_semtechs_driver_says_at_every_length() {
    let cases = [
        (LrFhssCoding::Cr13, 706_252_800, 67_721_523_200),
        (LrFhssCoding::Cr23, 370_790_400, 35_194_394_624),
    ];
    for (coding, sum, weighted) in cases {
        let modulation = Modulation::LrFhss { coding, ocw_hz: 137_000 };
        assert_eq!(sums(modulation, Direction::Up, 150), (sum, weighted), "{coding}");
    }
}
