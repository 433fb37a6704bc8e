// A script that calls its own things by names of the language.
console = { log: function () { return 'mine'; } };
Map = { 1: 'one' };
escape = 5;
var Symbol = 6;
function parseInt(x) { return 'own ' + x; }
function Decoder(bytes) {
  Set = { has: 1 };
  return { log: console.log(), map: Map[bytes[0]], escape: escape, symbol: Symbol, parse: parseInt('7'), set: Set.has, status: typeof name };
}
