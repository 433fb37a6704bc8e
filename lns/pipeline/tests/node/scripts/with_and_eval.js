// Statements that strict mode has taken away.
var settings = { offset: 40, factor: 0.5 };
function Decode(port, bytes) {
  var out = {};
  with (settings) { out.temperature = bytes[0] * factor - offset; offset = 41; }
  eval('var made = bytes[1] * 2');
  out.made = made;
  out.offset = settings.offset;
  var indirect = eval;
  indirect('var shared = 7');
  out.shared = shared;
  out.removed = delete settings.factor;
  out.kept = delete out;
  out.variable = (function () { var x = 1; return delete x; })();
  out.maker = new Function('a', 'b', 'return a + b + (this === undefined ? 1 : 0)')(1, 2);
  return out;
}
