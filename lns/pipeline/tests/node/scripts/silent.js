// Assignments that fail without a word.
var frozen = Object.freeze({ v: 1 });
function Decoder(bytes) {
  frozen.v = 2; frozen.w = 3;
  undefined = 5; NaN = 1; Infinity = 2;
  'text'.length = 9; (5).x = 1;
  var fixed = {}; Object.defineProperty(fixed, 'a', { value: 1 });
  fixed.a = 2;
  var deleted = delete fixed.a;
  var named = (function f() { f = 1; return typeof f; })();
  var getter = { get x() { return 4; } };
  getter.x = 5;
  return {
    v: frozen.v, w: frozen.w === undefined, u: undefined === void 0, n: NaN !== NaN, fixed: fixed.a, deleted: deleted,
    named: named, getter: getter.x, infinite: 1 / 0 === Infinity
  };
}
