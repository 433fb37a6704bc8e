//! The sample codecs, and Cayenne LPP, by tables of frames.

use lns_pipeline::codec::{
    CodecSpec, DecodeInput, Dialect, EncodeInput, Functions, Limits, Worker, check,
};
use lns_pipeline::samples;
use proptest::prelude::*;
use serde_json::{Value, json};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.bytes().filter_map(|c| char::from(c).to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}

fn decode(spec: &CodecSpec, port: u8, frame: &str) -> Result<Value, String> {
    let bytes = hex(frame);
    let input = DecodeInput { bytes: &bytes, port, received_at_us: 0, variables: None };
    let mut worker = Worker::new(Limits::default());
    worker.decode(spec, &input, 0).map(|d| d.data).map_err(|error| error.to_string())
}

fn encode(spec: &CodecSpec, object: &Value) -> Result<(Vec<u8>, Option<u8>), String> {
    let input = EncodeInput { object, port: None, variables: None };
    let mut worker = Worker::new(Limits::default());
    worker.encode(spec, &input, 0).map(|e| (e.bytes, e.port)).map_err(|error| error.to_string())
}

#[test]
fn samples_decode_their_frames() {
    let cases = [
        (
            samples::TEMPERATURE,
            1,
            "08 fc 5b 0c e4",
            json!({"temperature":23.0,"humidity":45.5,"battery":3.3}),
        ),
        (
            samples::TEMPERATURE,
            1,
            "fd da c8 09 c4",
            json!({"temperature":-5.5,"humidity":100,"battery":2.5}),
        ),
        (
            samples::TEMPERATURE,
            1,
            "80 00 00 00 00",
            json!({"temperature":-327.68,"humidity":0,"battery":0}),
        ),
        (samples::SWITCH, 2, "01 00 00 30 39", json!({"state":"on","energy":12345})),
        (samples::SWITCH, 2, "00 ff ff ff ff", json!({"state":"off","energy":4294967295_u32})),
        (
            samples::TRACKER,
            3,
            "02d2cda2 008f5c34 0023 57",
            json!({"latitude":47.369634,"longitude":9.395252,"altitude":35,"battery":87}),
        ),
        (
            samples::TRACKER,
            3,
            "fdfa1680 f85a7900 ffff 00",
            json!({"latitude":-33.941888,"longitude":-128.288512,"altitude":65535,"battery":0}),
        ),
    ];
    for (script, port, frame, expected) in cases {
        let decoded = decode(&CodecSpec::javascript(script), port, frame).unwrap();
        // Compared as numbers: 23 and 23.0 are one.
        for (key, value) in expected.as_object().unwrap() {
            let (got, wanted) = (&decoded[key], value);
            assert!(
                got == wanted || got.as_f64() == wanted.as_f64() && got.is_number(),
                "{frame}: {key} is {got}, not {wanted}"
            );
        }
        assert_eq!(decoded.as_object().unwrap().len(), expected.as_object().unwrap().len());
    }
}

#[test]
fn samples_refuse_what_is_not_theirs() {
    let cases = [
        (
            samples::TEMPERATURE,
            2,
            "08fc5b0ce4",
            "temperature sensors report on port 1, not on port 2",
        ),
        (samples::TEMPERATURE, 1, "08fc5b0c", "a report has 5 bytes, this one has 4"),
        (samples::SWITCH, 2, "0200003039", "state is 0 or 1, not 2"),
        (samples::SWITCH, 1, "0100003039", "switches report on port 2, not on port 1"),
        (samples::TRACKER, 3, "7fffffff000000000000 00", "there is no place at 2147.483647, 0"),
        (samples::TRACKER, 3, "", "a report has 11 bytes, this one has 0"),
    ];
    for (script, port, frame, expected) in cases {
        let error = decode(&CodecSpec::javascript(script), port, frame).unwrap_err();
        assert_eq!(error, format!("the codec script reports: {expected}"));
    }
}

#[test]
fn samples_encode_their_commands_and_decode_them_again() {
    let cases = [
        (samples::TEMPERATURE, json!({"interval":600}), "0258"),
        (samples::SWITCH, json!({"state":"on"}), "01"),
        (samples::SWITCH, json!({"state":"off"}), "00"),
        (samples::TRACKER, json!({"interval":65535}), "ffff"),
    ];
    for (script, object, frame) in cases {
        let spec = CodecSpec::javascript(script);
        assert_eq!(encode(&spec, &object), Ok((hex(frame), Some(10))), "{object}");
        let bytes = hex(frame);
        let input = DecodeInput { bytes: &bytes, port: 10, received_at_us: 0, variables: None };
        let mut worker = Worker::new(Limits::default());
        assert_eq!(worker.decode_downlink(&spec, &input, 0).unwrap().data, object);
        let all = Functions {
            decode: Some(Dialect::Modern),
            encode: Some(Dialect::Modern),
            decode_downlink: true,
        };
        assert_eq!(check(script), Ok(all));
    }
    for interval in [json!(0), json!(65536), json!(1.5), json!("x"), json!(null), json!([5])] {
        let object = json!({ "interval": interval });
        let result = encode(&CodecSpec::javascript(samples::TRACKER), &object);
        assert_eq!(result.is_err(), interval != json!([5]), "{interval}: {result:?}");
    }
    assert!(encode(&CodecSpec::javascript(samples::SWITCH), &json!({"state":"dim"})).is_err());
}

#[test]
fn cayenne_lpp_decodes() {
    let cases = [
        ("", json!({})),
        // The two examples of myDevices' documentation.
        ("03 67 01 10 05 67 00 ff", json!({"temperature_3":27.2,"temperature_5":25.5})),
        ("06 71 04 d2 fb 2e 00 00", json!({"accelerometer_6":{"x":1.234,"y":-1.234,"z":0.0}})),
        ("01 67 ff d7", json!({"temperature_1":-4.1})),
        (
            "01 88 06 76 5f f2 96 0a 00 03 e8",
            json!({"gps_1":{"latitude":42.3519,"longitude":-87.9094,"altitude":10.0}}),
        ),
        (
            "00 00 01 01 01 64 02 02 fb 2e 03 03 01 c8",
            json!({"digital_in_0":1,"digital_out_1":100,"analog_in_2":-12.34,"analog_out_3":4.56}),
        ),
        (
            "04 65 ff ff 05 66 01 06 68 5b ff 73 27 89",
            json!({"luminosity_4":65535,"presence_5":1,"relative_humidity_6":45.5,"barometric_pressure_255":1012.1}),
        ),
        ("07 86 00 01 ff ff 7f ff", json!({"gyrometer_7":{"x":0.01,"y":-0.01,"z":327.67}})),
        (
            "01 64 ff ff ff ff 02 74 01 4a 03 75 00 7b 04 76 00 00 c3 50",
            json!({"generic_1":4294967295_u32,"voltage_2":3.3,"current_3":0.123,"frequency_4":50000}),
        ),
        (
            "05 78 64 06 79 ff fe 07 7d 01 90 08 80 00 3c",
            json!({"percentage_5":100,"altitude_6":-2,"concentration_7":400,"power_8":60}),
        ),
        (
            "09 82 00 00 05 dc 0a 83 00 00 00 01 0b 84 01 0e 0c 85 65 53 f1 00",
            json!({"distance_9":1.5,"energy_10":0.001,"direction_11":270,"unixtime_12":1700000000}),
        ),
        ("0d 87 ff 80 00 0e 8e 01", json!({"colour_13":{"r":255,"g":128,"b":0},"switch_14":1})),
    ];
    for (frame, expected) in cases {
        assert_eq!(decode(&CodecSpec::CayenneLpp, 1, frame), Ok(expected.clone()), "{frame}");
        let (bytes, port) = encode(&CodecSpec::CayenneLpp, &expected).unwrap();
        assert_eq!(port, None);
        let again: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(decode(&CodecSpec::CayenneLpp, 1, &again), Ok(expected), "{frame} as {again}");
    }
}

#[test]
fn cayenne_lpp_names_what_is_wrong() {
    let frames = [
        ("01", "Cayenne LPP: the frame ends after the channel at byte 0"),
        ("016700ff02", "Cayenne LPP: the frame ends after the channel at byte 4"),
        ("0167ff", "Cayenne LPP: temperature_1 at byte 2 needs 2 bytes, the frame has 1 left"),
        (
            "03880102030405060708",
            "Cayenne LPP: gps_3 at byte 2 needs 9 bytes, the frame has 8 left",
        ),
        (
            "016700ff020501",
            "Cayenne LPP: type 5 on channel 2 at byte 4 is unknown; does this port carry Cayenne LPP?",
        ),
    ];
    for (frame, expected) in frames {
        assert_eq!(decode(&CodecSpec::CayenneLpp, 1, frame), Err(expected.to_owned()), "{frame}");
    }
    let objects = [
        (json!([1]), "Cayenne LPP: an object such as {\"digital_out_1\":1} is needed"),
        (
            json!({"led":1}),
            "Cayenne LPP: \"led\" is no value; a key is a type and a channel from 0 to 255, such as analog_out_3",
        ),
        (
            json!({"digital_out_256":1}),
            "Cayenne LPP: \"digital_out_256\" is no value; a key is a type and a channel from 0 to 255, such as analog_out_3",
        ),
        (json!({"digital_out_1":"on"}), "Cayenne LPP: digital_out_1 must be a number"),
        (
            json!({"gps_1":{"latitude":1,"longitude":2}}),
            "Cayenne LPP: gps_1.altitude must be a number",
        ),
        (json!({"digital_out_1":256}), "Cayenne LPP: digital_out_1 is 256; it goes from 0 to 255"),
        (
            json!({"analog_out_1":327.68}),
            "Cayenne LPP: analog_out_1 is 327.68; it goes from -327.68 to 327.67",
        ),
    ];
    for (object, expected) in objects {
        assert_eq!(encode(&CodecSpec::CayenneLpp, &object), Err(expected.to_owned()), "{object}");
    }
    assert_eq!(
        encode(&CodecSpec::CayenneLpp, &json!({"digital_out_1":true})),
        Ok((vec![1, 1, 1], None))
    );
}

#[test]
fn a_value_that_comes_twice_is_told() {
    let input = DecodeInput {
        bytes: &hex("016700ff01670100"),
        port: 1,
        received_at_us: 0,
        variables: None,
    };
    let decoded = Worker::new(Limits::default()).decode(&CodecSpec::CayenneLpp, &input, 0).unwrap();
    assert_eq!(decoded.data, json!({ "temperature_1": 25.6 }));
    assert_eq!(decoded.warnings, ["temperature_1 occurs more than once; the last one counts"]);
}

proptest! {
    /// Any bytes give an answer; what decodes without a repeated value encodes to as many bytes.
    #[test]
    fn cayenne_lpp_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let input = DecodeInput { bytes: &bytes, port: 1, received_at_us: 0, variables: None };
        let mut worker = Worker::new(Limits::default());
        if let Ok(decoded) = worker.decode(&CodecSpec::CayenneLpp, &input, 0) {
            let back = EncodeInput { object: &decoded.data, port: None, variables: None };
            let encoded = worker.encode(&CodecSpec::CayenneLpp, &back, 0).unwrap();
            if decoded.warnings.is_empty() {
                prop_assert_eq!(encoded.bytes.len(), bytes.len());
            }
        }
    }

    /// Every temperature and humidity survives the way through two codecs.
    #[test]
    fn cayenne_lpp_values_survive(centi in -32768_i32..=32767, half in 0_i32..=255) {
        let object = json!({
            "analog_in_1": f64::from(centi) / 100.0,
            "relative_humidity_2": f64::from(half) / 2.0,
        });
        let (bytes, _) = encode(&CodecSpec::CayenneLpp, &object).unwrap();
        let input = DecodeInput { bytes: &bytes, port: 1, received_at_us: 0, variables: None };
        let decoded = Worker::new(Limits::default()).decode(&CodecSpec::CayenneLpp, &input, 0).unwrap();
        prop_assert_eq!(decoded.data, object);
    }
}
