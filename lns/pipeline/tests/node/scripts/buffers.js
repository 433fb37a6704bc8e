// A decoder that was written for Node.js.
function decodeUplink(input) {
  var b = Buffer.from(input.bytes);
  return { data: {
    hex: b.toString('hex'), be: b.readInt16BE(0), le: b.readUInt16LE(1), f: b.readFloatBE(0), cut: b.slice(1, 3).toString('hex'),
    own: Array.from(b).length, isBuffer: Buffer.isBuffer(b), base64: b.toString('base64'), equal: b.equals(Buffer.from(input.bytes)), json: JSON.stringify(b.slice(0, 1))
  } };
}
