// Corners of the language that only a sloppy script reaches.
<!-- a comment of another age
var oops = 1;
function Decoder(bytes, port) {
  try { throw 5; } catch (e) { var e = 6; }
  for (var i = 9 in {}) {}
  label: for (var a = 0; a < 3; a++) { for (;;) { if (a == 1) break label; continue label; } }
  let = 3; var yield = 4, static = 5; async = 6;
  var object = { __proto__: { inherited: 1 }, 'quoted': 2 };
  object.__defineGetter__('made', function () { return 3; });
  var assigned = {}; assigned.__proto__ = { x: 1 };
  if (1) function inIf() { return 8; }
  switch (bytes[0]) { default: var fell = 'd'; case 1: fell += '1'; break; case 2: fell = '2'; }
  return {
    e: typeof e, i: i, a: a, words: [let, yield, static, async], inherited: object.inherited, made: object.made, x: assigned.x, inIf: inIf(), fell: fell,
    year: new Date(2020, 5).getYear(), oops: oops, comma: (1, 2), voided: void 0 === undefined, typed: typeof null, loose: [null == undefined, '' == 0, '1' == 1, [] == false]
  };
}
