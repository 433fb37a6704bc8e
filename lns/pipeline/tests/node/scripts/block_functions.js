// Functions in blocks, which a sloppy script sees outside of them once the block was run.
function Decoder(bytes, port) {
  var before = typeof late;
  if (bytes[0] > 100) {
    function convert(x) { return x * 2; }
  } else {
    function convert(x) { return x + 1; }
  }
  { function late() { return 'late'; } }
  switch (port) { case 1: function inCase() { return 1; } }
  for (var k = 0; k < 1; k++) { function inLoop() { return k; } }
  return {
    value: convert(bytes[1]), before: before, after: typeof late, twice: twice(3), inCase: typeof inCase, inLoop: inLoop()
  };
  function twice(x) { return x * 2; }
  function twice(x) { return x * 22; }
}
