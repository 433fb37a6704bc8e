// Decodes frames with scripts as a plain Node.js does, in its sloppy mode: each call in a context of
// its own. Reads a JSON array of {script, port, bytes} from standard input and writes one of results:
// what the script's function returned, as JSON, or the name of what it threw.
'use strict';
const vm = require('vm');

const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const results = cases.map(function (one) {
  const context = vm.createContext({ Buffer: Buffer, console: { log: function () {} } });
  try {
    vm.runInContext(one.script, context);
    const call = `(function (bytes, port) {
      if (typeof decodeUplink === 'function') return decodeUplink({ bytes: bytes, fPort: port }).data;
      if (typeof Decoder === 'function') return Decoder(bytes, port);
      return Decode(port, bytes);
    })(${JSON.stringify(one.bytes)}, ${one.port})`;
    return { data: JSON.parse(JSON.stringify(vm.runInContext(call, context))) };
  } catch (error) {
    return { error: error && error.name || String(error) };
  }
});
process.stdout.write(JSON.stringify(results));
