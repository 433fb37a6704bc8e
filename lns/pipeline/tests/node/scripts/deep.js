// A script that walks its bytes by calling itself, for each byte several times.
function depth(n) { return n > 0 ? 1 + depth(n - 1) : 0; }
function Decoder(bytes) {
  var result = {};
  for (var i = 0, at = result; i < 100; i++) { at = at.next = {}; }
  return { depth: depth(1500), result: result };
}
