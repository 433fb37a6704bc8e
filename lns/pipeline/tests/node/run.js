// Runs codecs as a plain Node.js does, in its sloppy mode: each call in a context of its own. Reads a
// JSON array of {script, call, port, bytes, object} from standard input and writes one of results:
// what the script's function returned, as JSON, or the name of what it threw.
//
// Needs `--experimental-vm-modules`, for scripts that are modules.
'use strict';
const vm = require('vm');

const NAMES = ['decodeUplink', 'Decoder', 'Decode', 'encodeDownlink', 'Encoder', 'Encode', 'decodeDownlink'];

// What each direction calls, the first that there is.
function choose(found, one, at) {
  const input = { bytes: one.bytes, fPort: one.port, recvTime: at, variables: {} };
  const wish = { data: one.object, fPort: one.port, variables: {} };
  const ways = {
    decode: [
      found.decodeUplink && (() => (0, found.decodeUplink)(input)),
      found.Decoder && (() => ({ data: (0, found.Decoder)(one.bytes, one.port) })),
      found.Decode && (() => ({ data: (0, found.Decode)(one.port, one.bytes, {}) })),
    ],
    encode: [
      found.encodeDownlink && (() => (0, found.encodeDownlink)(wish)),
      found.Encoder && (() => ({ bytes: (0, found.Encoder)(one.object, one.port) })),
      found.Encode && (() => ({ bytes: (0, found.Encode)(one.port, one.object, {}) })),
    ],
    decode_downlink: [found.decodeDownlink && (() => (0, found.decodeDownlink)(input))],
  };
  return ways[one.call].find((way) => way);
}

async function load(script, context) {
  const found = {};
  try {
    vm.runInContext(script, context);
  } catch (error) {
    if (error.name !== 'SyntaxError' || !/^\s*export\s/m.test(script)) {
      throw error;
    }
    const module = new vm.SourceTextModule(script, { context });
    await module.link(() => undefined);
    await module.evaluate();
    const whole = module.namespace.default || {};
    NAMES.forEach((name) => { found[name] = module.namespace[name] || whole[name]; });
    return found;
  }
  const own = context.module.exports;
  NAMES.forEach((name) => {
    const there = vm.runInContext(`typeof ${name} === 'function' ? ${name} : undefined`, context);
    const exported = [own, context.exports].find((place) => place && typeof place[name] === 'function');
    found[name] = exported ? exported[name] : there;
  });
  return found;
}

// Half a character is none in UTF-8.
function wellFormed(key, value) {
  if (typeof value === 'string') {
    return value.toWellFormed();
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return value;
  }
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name.toWellFormed(), inner]));
}

async function run(one) {
  const quiet = Object.fromEntries(Object.keys(console).map((name) => [name, function () {}]));
  const context = { Buffer, console: quiet, require, atob, btoa, TextDecoder, TextEncoder, structuredClone };
  context.module = { exports: {} };
  context.exports = context.module.exports;
  context.global = vm.createContext(context);
  try {
    // Objects of the same realm as the script's, as a program of its own would have them.
    const arrive = vm.runInContext('JSON.parse', context);
    const found = await load(one.script, context);
    const here = { ...one, bytes: arrive(JSON.stringify(one.bytes)), object: arrive(JSON.stringify(one.object)) };
    const way = choose(found, here, vm.runInContext('new Date(1000)', context));
    if (way === undefined) {
      return { error: 'no function' };
    }
    return JSON.parse(JSON.stringify(way()) || '{}', wellFormed);
  } catch (error) {
    return { error: error && error.name || String(error) };
  }
}

const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
Promise.all(cases.map(run)).then((results) => process.stdout.write(JSON.stringify(results)));
