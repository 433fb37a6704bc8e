// Arguments that are the parameters, and functions that know themselves.
function first(a, b) { arguments[0] = a + 1; b = 9; return [a, arguments[1], arguments.length, first.length]; }
function same(a, a) { return a; }
function withDefault(a, b = 2) { arguments[0] = 7; return a + b; }
function Decoder(bytes) {
  var factorial = function (n) { return n < 2 ? 1 : n * arguments.callee(n - 1); };
  return {
    first: first(bytes[0], bytes[1], 3), few: first(1), same: same(1, 2), f: factorial(5), d: withDefault(1),
    list: Array.prototype.slice.call(arguments, 0).length, joined: Array.prototype.join.call(bytes, '-')
  };
}
