// Numbers and texts with leading zeros.
function Decoder(bytes, port) {
  return {
    octal: 010, eight: 08, nine: 0019, prefixed: 0o17, binary: 0b101, escape: '\101\60\7'.length,
    nul: '\0'.charCodeAt(0), parsed: parseInt('010'), hex: parseInt('0x1F'), mask: bytes[0] & 0177, text: '\x41\u0042'
  };
}
