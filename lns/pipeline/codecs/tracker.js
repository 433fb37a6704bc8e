// A position tracker.
//
// Uplink, port 3, big-endian:
//   0..4   latitude     int32   0.000001 °, north positive
//   4..8   longitude    int32   0.000001 °, east positive
//   8..10  altitude     uint16  m
//   10     battery      uint8   %
//
// Downlink, port 10, big-endian:
//   0..2   interval     uint16  s between two reports

function int32(bytes, at) {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

function decodeUplink(input) {
  var bytes = input.bytes;
  if (input.fPort !== 3) {
    return { errors: ['trackers report on port 3, not on port ' + input.fPort] };
  }
  if (bytes.length !== 11) {
    return { errors: ['a report has 11 bytes, this one has ' + bytes.length] };
  }
  var latitude = int32(bytes, 0) / 1e6;
  var longitude = int32(bytes, 4) / 1e6;
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) {
    return { errors: ['there is no place at ' + latitude + ', ' + longitude] };
  }
  return {
    data: {
      latitude: latitude,
      longitude: longitude,
      altitude: (bytes[8] << 8) | bytes[9],
      battery: bytes[10]
    }
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
  return { data: { interval: (input.bytes[0] << 8) | input.bytes[1] } };
}
