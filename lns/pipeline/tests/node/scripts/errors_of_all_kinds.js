// `errors` as scripts leave it when there are none, and when there are.
function decodeUplink(input) {
  var errors = { 1: '', 2: false, 3: null, 4: [], 10: ['Wrong: too short', 'and wrong'] }[input.fPort];
  return { data: { port: input.fPort }, errors: errors, warnings: input.bytes[0] > 100 ? ['low battery', 'x'] : undefined };
}
function decodeDownlink(input) {
  return { data: { size: input.bytes.length, port: input.fPort } };
}
