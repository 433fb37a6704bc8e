// A module that exports one object.
class Reader {
  #at = 0;
  constructor(bytes) { this.bytes = bytes; }
  u8() { return this.bytes[this.#at++] ?? null; }
}

function decodeUplink({ bytes, fPort }) {
  const reader = new Reader(bytes);
  return { data: { first: reader.u8(), second: reader.u8(), port: fPort } };
}

export default { decodeUplink };
