// What JSON makes of values that it has not.
function Reading(value) { this.value = value; }
Reading.prototype.inherited = 1;
Object.defineProperty(Reading.prototype, 'twice', { get: function () { return this.value * 2; }, enumerable: true });

function Decoder(bytes) {
  var hidden = new Reading(bytes[0]);
  Object.defineProperty(hidden, 'hidden', { value: 1 });
  return {
    z: -0, nan: NaN, high: Infinity, low: -Infinity, gone: undefined, nothing: null, call: function () {},
    symbol: Symbol('s'), [Symbol('k')]: 1, at: new Date(bytes[1] * 1e10), never: new Date(NaN),
    boxed: [new Boolean(false), new Number(3), new String('text')], list: [undefined, NaN, , Symbol(), 1],
    map: new Map([[1, 2]]), set: new Set([1]), pattern: /x/g, error: new Error('x'), large: 1e300, small: 5e-324,
    hidden: hidden, own: { toJSON: function (key) { return 'as ' + key; } }, get computed() { return bytes.length; },
    10: 'ten', 2: 'two', b: 1, a: 2, '-1': 0, bare: Object.assign(Object.create(null), { x: 1 })
  };
}
