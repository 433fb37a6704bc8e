// What decoders do with bytes, and how numbers are written.
function Decoder(b) {
  var i32 = (b[0] << 24) | (b[1] << 16) | (b[2] << 8) | b[3];
  var view = new DataView(new Uint8Array(b).buffer);
  var bits = i32 >>> 0, sign = bits >>> 31 ? -1 : 1, e = bits >>> 23 & 0xff;
  var m = e === 0 ? (bits & 0x7fffff) << 1 : bits & 0x7fffff | 0x800000;
  return {
    i32: i32, u32: bits, float: sign * m * Math.pow(2, e - 150), view: view.getFloat32(0), little: view.getInt16(0, true),
    fixed: (i32 / 1000).toFixed(2), precise: +(i32 / 7).toPrecision(4), hex: bits.toString(16), two: (b[0] & 0xff).toString(2),
    shift: b[0] << 33, negative: -5 % 3, zero: -0, big: 1e21, small: 1e-7, sum: 0.1 + 0.2, nan: 0 / 0, inf: 1 / 0,
    round: [Math.round(-0.5), Math.round(2.5), Math.round(-2.5)], max: Math.max(), parse: [parseFloat('3.14abc'), Number(''), Number('0b11'), +'x'],
    exp: (123456).toExponential(2), half: (1.005).toFixed(2), log: Math.log10(1000), text: String(1e300) + -1e-300
  };
}
