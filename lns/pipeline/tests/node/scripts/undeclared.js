// A device whose maker never declares a variable.
function Decoder(bytes, port) {
  decoded = {};
  for (i = 0; i < bytes.length; i += 2) {
    value = (bytes[i] << 8) | bytes[i + 1];
    decoded['v' + i / 2] = toSigned(value);
  }
  decoded.kind = typeof neverSet;
  decoded.onGlobal = typeof globalThis.value;
  return decoded;
}
function toSigned(x) { signed = x > 0x7fff ? x - 0x10000 : x; return signed; }
