// All that a console can do.
function Decoder(bytes) {
  console.table(bytes);
  console.dir({ a: 1 });
  console.assert(bytes.length > 0);
  console.time('decoding');
  console.group('bytes');
  console.count();
  console.groupEnd();
  console.timeLog('decoding');
  console.timeEnd('decoding');
  return { done: true };
}
