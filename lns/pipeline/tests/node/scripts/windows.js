// Written on Windows.
function Decoder(bytes) {
  return {
    size: bytes.length, lines: `a
b`
  };
}
<!-- and in the last century
--> too
