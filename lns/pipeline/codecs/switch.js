// A switched socket with an energy meter.
//
// Uplink, port 2, big-endian:
//   0     state         uint8   0 off, 1 on
//   1..5  energy        uint32  Wh since manufacture
//
// Downlink, port 10:
//   0     state         uint8   0 off, 1 on

var STATES = ['off', 'on'];

function decodeUplink(input) {
  var bytes = input.bytes;
  if (input.fPort !== 2) {
    return { errors: ['switches report on port 2, not on port ' + input.fPort] };
  }
  if (bytes.length !== 5) {
    return { errors: ['a report has 5 bytes, this one has ' + bytes.length] };
  }
  if (bytes[0] > 1) {
    return { errors: ['state is 0 or 1, not ' + bytes[0]] };
  }
  // Shifting by 24 would make the upper half of the range negative.
  var energy = bytes[1] * 0x1000000 + ((bytes[2] << 16) | (bytes[3] << 8) | bytes[4]);
  return { data: { state: STATES[bytes[0]], energy: energy } };
}

function encodeDownlink(input) {
  var state = STATES.indexOf(input.data.state);
  if (state < 0) {
    return { errors: ['state is "on" or "off", not ' + JSON.stringify(input.data.state)] };
  }
  return { bytes: [state], fPort: 10 };
}

function decodeDownlink(input) {
  if (input.fPort !== 10 || input.bytes.length !== 1 || input.bytes[0] > 1) {
    return { errors: ['a command is one byte, 0 or 1, on port 10'] };
  }
  return { data: { state: STATES[input.bytes[0]] } };
}
