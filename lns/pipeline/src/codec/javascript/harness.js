// What stands between a codec's script and the server. It runs before the script, keeps its own
// references to the built-in functions it needs, and is reachable from the script only through
// what it defines here: `console`, `module`, `exports`.
//
// `print(line)` takes one line of console output; `needsRequire` says whether the script cannot do
// without `require`. The value of this file is a function that takes both and returns the harness.
(function (print, needsRequire) {
  'use strict';

  var G = globalThis;
  var evaluate = eval;
  var keysOf = Reflect.ownKeys;
  var namesOf = Object.getOwnPropertyNames;
  var describe = Object.getOwnPropertyDescriptor;
  var define = Object.defineProperty;
  var remove = Reflect.deleteProperty;
  var restore = Reflect.set;
  var isArray = Array.isArray;
  var arrayFrom = Array.from;
  var isView = ArrayBuffer.isView;
  var stringify = JSON.stringify;
  var parse = JSON.parse;
  var text = String;
  var DateOf = Date;
  var PromiseOf = Promise;
  var apply = Reflect.apply;
  var sliceText = String.prototype.slice;
  var wellFormed = String.prototype.toWellFormed;
  var create = Object.create;
  var prototypeOf = Object.getPrototypeOf;
  var setPrototype = Object.setPrototypeOf;

  var MAX_TEXTS = 16;
  var MAX_CHARS = 256;
  var MAX_LINES = 32;
  var MAX_BYTES = 1024;

  function clip(value) {
    return apply(wellFormed, apply(sliceText, text(value), [0, MAX_CHARS]), []);
  }

  // --- console ---------------------------------------------------------------------------------

  var lines = 0;

  function shown(value) {
    if (typeof value !== 'object' || value === null || value instanceof Error) {
      return text(value);
    }
    try {
      return stringify(value);
    } catch (e) {
      return '[object]';
    }
  }

  function log() {
    if (lines >= MAX_LINES) {
      return;
    }
    lines += 1;
    var line = '';
    for (var i = 0; i < arguments.length && line.length < MAX_CHARS; i++) {
      line += (i > 0 ? ' ' : '') + shown(arguments[i]);
    }
    print(clip(line));
  }

  function hidden(object, name, value) {
    define(object, name, { value: value, writable: true, configurable: true, enumerable: false });
  }

  // Those that write a text; the others of Node.js are there and write nothing.
  var console = { log: log, info: log, warn: log, error: log, debug: log, trace: log, dir: log, table: log };
  ['assert', 'clear', 'count', 'countReset', 'dirxml', 'group', 'groupCollapsed', 'groupEnd', 'time',
    'timeEnd', 'timeLog'
  ].forEach(function (name) {
    console[name] = function () {};
  });
  hidden(G, 'console', console);
  hidden(G, 'global', G);
  // Bytes in a result are an array of numbers, whatever holds them.
  hidden(Object.getPrototypeOf(Uint8Array).prototype, 'toJSON', function toJSON() {
    return arrayFrom(this);
  });

  // --- loops that cannot be interrupted ---------------------------------------------------------

  // The interpreter asks for the time in loops of the script, not in those of its own functions.
  // Two kinds of these can run for minutes: over the holes of an array whose length is a large
  // number, and in search of a long text in a longer one. They refuse; no payload needs them.

  var MAX_ELEMENTS = 1e6;
  var MAX_COMPARISONS = 1e8;

  // An accessor could give another length when it is asked again.
  function lengthOf(list) {
    if (typeof list !== 'object' || list === null || isView(list)) {
      return 0;
    }
    for (var at = list; at !== null; at = prototypeOf(at)) {
      var property = describe(at, 'length');
      if (property !== undefined) {
        return property.get === undefined ? property.value : Infinity;
      }
    }
    return 0;
  }

  function short(list, name) {
    if (!isArray(list) ? lengthOf(list) > MAX_ELEMENTS : list.length > MAX_ELEMENTS) {
      throw new RangeError(name + ' of an array longer than ' + MAX_ELEMENTS);
    }
  }

  function guard(proto, name, wrap) {
    hidden(proto, name, wrap(proto[name]));
    define(proto[name], 'name', { value: name });
  }

  ['copyWithin', 'fill', 'join', 'reverse', 'shift', 'slice', 'sort', 'splice', 'toLocaleString',
    'toReversed', 'toSorted', 'toSpliced', 'unshift', 'with'
  ].forEach(function (name) {
    guard(Array.prototype, name, function (native) {
      return function () {
        short(this, name);
        return apply(native, this, arguments);
      };
    });
  });
  guard(Array.prototype, 'concat', function (native) {
    return function () {
      short(this, 'concat');
      for (var i = 0; i < arguments.length; i++) {
        short(arguments[i], 'concat');
      }
      return apply(native, this, arguments);
    };
  });
  // An array that holds itself many times over is endless to flatten without growing. A function
  // of ours is interrupted.
  function flatten(out, list, depth) {
    short(list, 'flat');
    for (var i = 0; i < list.length; i++) {
      if (i in list) {
        if (depth > 0 && isArray(list[i])) {
          flatten(out, list[i], depth - 1);
        } else {
          out[out.length] = list[i];
        }
      }
    }
    return out;
  }
  guard(Array.prototype, 'flat', function () {
    return function (depth) {
      return flatten([], this, depth === undefined ? 1 : +depth || 0);
    };
  });

  ['indexOf', 'lastIndexOf', 'includes', 'split', 'replace', 'replaceAll'].forEach(function (name) {
    guard(String.prototype, name, function (native) {
      return function (pattern, other) {
        // A RegExp is asked for the time; anything else becomes a text, once.
        if (typeof pattern === 'object' && pattern !== null
          && (pattern[Symbol.split] || pattern[Symbol.replace])) {
          return apply(native, this, arguments);
        }
        var within = this === undefined || this === null ? this : text(this);
        if (pattern !== undefined || name !== 'split') {
          pattern = text(pattern);
          if (within && pattern.length > 64 && within.length * pattern.length > MAX_COMPARISONS) {
            throw new RangeError(name + ' of a text too long in one too long');
          }
        }
        return arguments.length < 2 ? apply(native, within, [pattern]) : apply(native, within, [pattern, other]);
      };
    });
  });

  // --- the script's functions ------------------------------------------------------------------

  // Promises that nobody waits for are all that it would make.
  remove(G, 'queueMicrotask');

  var ours = { exports: {} };
  hidden(G, 'module', ours);
  hidden(G, 'exports', ours.exports);

  // For scripts that name one of these: many ask whether there is a `require` to learn where they run.
  var bufferModule = { Buffer: G.Buffer, atob: G.atob, btoa: G.btoa };
  var utilModule = { TextDecoder: G.TextDecoder, TextEncoder: G.TextEncoder };
  function load(name) {
    switch (text(name).replace(/^node:/, '')) {
      case 'buffer': return bufferModule;
      case 'util': return utilModule;
      default: {
        var missing = new Error("Cannot find module '" + text(name) + "'");
        missing.code = 'MODULE_NOT_FOUND';
        throw missing;
      }
    }
  }
  if (needsRequire) {
    hidden(G, 'require', load);
  }

  // What every script finds moves from the global object to an object behind it. So a script that
  // assigns or declares a name of the language makes a global of its own, as with Node.js, which
  // goes after the call; and what remains on the global object is the script's: few names, quickly
  // compared after each call. A script that reaches for the object behind changes itself alone.
  function retreat() {
    var behind = create(prototypeOf(G));
    var names = namesOf(G);
    for (var i = 0; i < names.length; i++) {
      var property = describe(G, names[i]);
      if (property.configurable && property.writable && property.value !== ours
        && property.value !== ours.exports) {
        property.configurable = false;
        define(behind, names[i], property);
        remove(G, names[i]);
      }
    }
    setPrototype(G, behind);
  }
  retreat();

  // `typeof` reaches `const` and `let` of the script, which are no properties of the global object.
  function lookup(name, namespace) {
    var places = [namespace, namespace && namespace['default'], G.module && G.module.exports, G.exports];
    for (var i = 0; i < places.length; i++) {
      if (places[i] && typeof places[i][name] === 'function') {
        return places[i][name];
      }
    }
    return evaluate('typeof ' + name + " === 'function' ? " + name + ' : undefined');
  }

  var known = [];
  var values = [];
  var isKnown = create(null);
  // Whether a global may vanish unnoticed: it can be deleted, and its value is that of none.
  var vague = false;
  var found = create(null);

  // After the script's top level: finds its functions and remembers its globals. A module hands over
  // what it exports.
  function seal(namespace) {
    var names = ['decodeUplink', 'Decoder', 'Decode', 'encodeDownlink', 'Encoder', 'Encode',
      'decodeDownlink'];
    var answer = [];
    for (var i = 0; i < names.length; i++) {
      found[names[i]] = lookup(names[i], namespace);
      answer[i] = typeof found[names[i]] === 'function';
    }
    remove(G, 'module');
    remove(G, 'exports');
    known = keysOf(G);
    for (var k = 0; k < known.length; k++) {
      var property = describe(G, known[k]);
      values[k] = G[known[k]];
      isKnown[known[k]] = true;
      vague = vague || (property.configurable && values[k] === undefined);
    }
    lines = 0;
    return answer;
  }

  // After every call: removes the globals it added and gives those of the script their first
  // values again. What a call changes inside an object, or in a `let`, stays.
  function sweep() {
    var now = keysOf(G);
    // As many names as before, each with its value of before: nothing was added.
    var same = now.length === known.length && !vague;
    for (var i = 0; i < known.length; i++) {
      var value = G[known[i]];
      // NaN differs from itself.
      if (value !== values[i] && (value === value || values[i] === values[i])) {
        same = false;
        restore(G, known[i], values[i]);
      }
    }
    if (same) {
      return;
    }
    for (var j = 0; j < now.length; j++) {
      if (!isKnown[now[j]]) {
        remove(G, now[j]);
      }
    }
  }

  // --- calls -----------------------------------------------------------------------------------

  // A list of texts, as it should be; or a text, or a flag that says there is none.
  function texts(list) {
    if (!list) {
      return [];
    }
    if (!isArray(list)) {
      return [clip(shown(list))];
    }
    var out = [];
    for (var i = 0; i < list.length && i < MAX_TEXTS; i++) {
      out[i] = clip(shown(list[i]));
    }
    return out;
  }

  function problem(what) {
    return { problem: what };
  }

  function unusable(result) {
    if (result instanceof PromiseOf) {
      return problem('returned a Promise; it must not be async');
    }
    if (typeof result !== 'object' || result === null) {
      return problem('returned ' + (result === null ? 'null' : typeof result)
        + ' where an object is expected');
    }
    return undefined;
  }

  function asData(data) {
    var bad = unusable(data);
    if (bad) {
      return bad;
    }
    return isArray(data) ? problem('returned an array where an object is expected') : { data: data };
  }

  function modernData(result) {
    var bad = unusable(result);
    if (bad) {
      return bad;
    }
    var errors = result.errors;
    if (errors !== undefined && (errors = texts(errors)).length > 0) {
      return { errors: errors };
    }
    if (result.data === undefined || result.data === null) {
      var warnings = texts(result.warnings);
      return problem('returned an object without "data" and without "errors"'
        + (warnings.length > 0 ? '; it warns: ' + warnings.join('; ') : ''));
    }
    var out = asData(result.data);
    if (out.problem === undefined && result.warnings !== undefined) {
      out.warnings = texts(result.warnings);
    }
    return out;
  }

  function asBytes(bytes) {
    if (isView(bytes)) {
      bytes = arrayFrom(bytes);
    }
    if (!isArray(bytes)) {
      return problem('returned no array of bytes');
    }
    if (bytes.length > MAX_BYTES) {
      return problem('returned ' + bytes.length + ' bytes; ' + MAX_BYTES + ' is the most');
    }
    for (var i = 0; i < bytes.length; i++) {
      var byte = bytes[i];
      if (typeof byte !== 'number' || !(byte >= 0 && byte <= 255) || byte % 1 !== 0) {
        return problem('returned ' + clip(shown(byte)) + ' at index ' + i
          + ' of the bytes; a byte is a whole number from 0 to 255');
      }
    }
    return { bytes: bytes };
  }

  function modernBytes(result) {
    var bad = unusable(result);
    if (bad) {
      return bad;
    }
    var errors = texts(result.errors);
    if (errors.length > 0) {
      return { errors: errors };
    }
    var out = asBytes(result.bytes);
    var port = result.fPort;
    if (out.problem !== undefined || port === undefined || port === null) {
      out.warnings = texts(result.warnings);
      return out;
    }
    if (typeof port !== 'number' || !(port >= 1 && port <= 255) || port % 1 !== 0) {
      return problem('returned fPort ' + clip(shown(port)) + '; a port is a whole number from 1 to 255');
    }
    out.port = port;
    out.warnings = texts(result.warnings);
    return out;
  }

  // JSON, or nothing where a device has none.
  function variablesOf(json) {
    return json === undefined ? {} : parse(json);
  }

  function decodeInput(bytes, port, at, variables) {
    return { bytes: bytes, fPort: port, recvTime: new DateOf(at), variables: variablesOf(variables) };
  }

  function decodeUplink(bytes, port, at, variables) {
    lines = 0;
    try {
      if (found.decodeUplink) {
        return stringify(modernData((0, found.decodeUplink)(decodeInput(bytes, port, at, variables))));
      }
      if (found.Decoder) {
        return stringify(asData((0, found.Decoder)(bytes, port)));
      }
      return stringify(asData((0, found.Decode)(port, bytes, variablesOf(variables))));
    } finally {
      sweep();
    }
  }

  function decodeDownlink(bytes, port, at, variables) {
    lines = 0;
    try {
      return stringify(modernData((0, found.decodeDownlink)(decodeInput(bytes, port, at, variables))));
    } finally {
      sweep();
    }
  }

  function encodeDownlink(object, port, variables) {
    lines = 0;
    var data = parse(object);
    try {
      if (found.encodeDownlink) {
        var input = { data: data, fPort: port, variables: variablesOf(variables) };
        return stringify(modernBytes((0, found.encodeDownlink)(input)));
      }
      if (found.Encoder) {
        return stringify(asBytes((0, found.Encoder)(data, port)));
      }
      return stringify(asBytes((0, found.Encode)(port, data, variablesOf(variables))));
    } finally {
      sweep();
    }
  }

  return {
    seal: seal,
    decodeUplink: decodeUplink,
    decodeDownlink: decodeDownlink,
    encodeDownlink: encodeDownlink
  };
})
