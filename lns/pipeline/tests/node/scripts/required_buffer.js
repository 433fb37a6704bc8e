// A script that shadows the global with what it loads.
var Buffer = require('buffer').Buffer;
global.scale = 10;
function Decoder(bytes) {
  var buffer = Buffer.from(bytes);
  return { scaled: buffer.readInt16BE(0) / scale, swapped: buffer.subarray(0, 2).swap16().toString('hex') };
}
