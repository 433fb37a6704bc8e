// A room sensor.
//
// Uplink, port 1, big-endian:
//   0..2  temperature   int16   0.01 °C
//   2     humidity      uint8   0.5 %
//   3..5  battery       uint16  mV
//
// Downlink, port 10, big-endian:
//   0..2  interval      uint16  s between two reports

function uint16(bytes, at) {
  return (bytes[at] << 8) | bytes[at + 1];
}

function int16(bytes, at) {
  var value = uint16(bytes, at);
  return value > 0x7fff ? value - 0x10000 : value;
}

function decodeUplink(input) {
  var bytes = input.bytes;
  if (input.fPort !== 1) {
    return { errors: ['temperature sensors report on port 1, not on port ' + input.fPort] };
  }
  if (bytes.length !== 5) {
    return { errors: ['a report has 5 bytes, this one has ' + bytes.length] };
  }
  var battery = uint16(bytes, 3) / 1000;
  var warnings = [];
  if (battery < 2.4) {
    warnings.push('battery low');
  }
  return {
    data: { temperature: int16(bytes, 0) / 100, humidity: bytes[2] / 2, battery: battery },
    warnings: warnings
  };
}

function encodeDownlink(input) {
  var interval = input.data.interval;
  if (!(interval >= 1 && interval <= 65535) || interval % 1 !== 0) {
    return { errors: ['interval is a whole number of seconds from 1 to 65535, not ' + interval] };
  }
  return { bytes: [interval >> 8, interval & 0xff], fPort: 10 };
}

function decodeDownlink(input) {
  if (input.fPort !== 10 || input.bytes.length !== 2) {
    return { errors: ['a command is 2 bytes on port 10'] };
  }
  return { data: { interval: uint16(input.bytes, 0) } };
}
