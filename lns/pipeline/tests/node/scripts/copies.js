// Copies of whole structures, cycles and all.
var DEFAULTS = { unit: 'C', limits: [0, 50], seen: new Date(1000), marks: new Map([[1, { a: 2 }]]), few: new Set([1, 'x']) };

function kindOf(value) {
  return Object.prototype.toString.call(value);
}

function attempt(value) {
  try {
    return kindOf(structuredClone(value));
  } catch (error) {
    return error.name;
  }
}

function decodeUplink(input) {
  var own = structuredClone(DEFAULTS);
  own.limits[0] = input.bytes[0] === undefined ? -1 : input.bytes[0];
  own.marks.get(1).a = 3;
  var round = { name: 'round', sparse: [1, , 3] };
  round.self = round;
  var again = structuredClone(round);
  var bytes = new Uint8Array(input.bytes);
  var both = structuredClone([bytes, bytes, bytes.buffer]);
  var point = structuredClone(new (function Point() { this.x = 1; })());
  return {
    data: {
      limits: own.limits, kept: DEFAULTS.limits, marks: [own.marks.get(1).a, DEFAULTS.marks.get(1).a],
      few: Array.from(own.few), seen: own.seen.getTime(), another: own.seen !== DEFAULTS.seen,
      cycle: again.self === again && again !== round, hole: 1 in again.sparse, length: again.sparse.length,
      shared: both[0] === both[1], bytes: Array.from(both[0]), size: both[2].byteLength,
      point: point.x,
      kinds: [new Error('a'), new RangeError('b'), /x/gi, Object(1), Object('s'), Object(true), [1], null, 7n, NaN,
        new Float32Array(2), Buffer.from([1]), new DataView(new ArrayBuffer(4)), function () {}, Symbol('s')].map(attempt),
      message: structuredClone(new TypeError('told')).message, flags: structuredClone(/x/gi).flags,
      nothing: structuredClone(undefined) === undefined
    }
  };
}
