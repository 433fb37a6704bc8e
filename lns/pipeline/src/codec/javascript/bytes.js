// Buffer, atob, btoa, TextEncoder and TextDecoder for scripts written with Node.js or a browser in
// mind. Behaviour follows Node.js 20 as its documentation tells it; where that is an error, the
// kind of error is the same and the text is ours. Only scripts that name one of the five load this.
(function () {
  'use strict';

  var BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  var BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  var HEX = '0123456789abcdef';
  var BASE64_VALUES = { 45: 62, 95: 63 };
  for (var v = 0; v < 64; v++) {
    BASE64_VALUES[BASE64.charCodeAt(v)] = v;
  }

  function hidden(object, name, value) {
    Object.defineProperty(object, name,
      { value: value, writable: true, configurable: true, enumerable: false });
  }

  // --- text to bytes: each function gives an array of numbers --------------------------------------

  function fromUtf8(text) {
    var out = [];
    for (var i = 0; i < text.length; i++) {
      var c = text.codePointAt(i);
      if (c > 0xffff) {
        i += 1;
      } else if (c >= 0xd800 && c <= 0xdfff) {
        c = 0xfffd;
      }
      if (c < 0x80) {
        out.push(c);
      } else if (c < 0x800) {
        out.push(0xc0 | (c >> 6), 0x80 | (c & 63));
      } else if (c < 0x10000) {
        out.push(0xe0 | (c >> 12), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63));
      } else {
        out.push(0xf0 | (c >> 18), 0x80 | ((c >> 12) & 63), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63));
      }
    }
    return out;
  }

  // Ends at the first pair that is not two hexadecimal digits.
  function fromHex(text) {
    var out = [];
    for (var i = 0; i + 1 < text.length; i += 2) {
      var high = HEX.indexOf(text[i].toLowerCase());
      var low = HEX.indexOf(text[i + 1].toLowerCase());
      if (high < 0 || low < 0) {
        break;
      }
      out.push(high * 16 + low);
    }
    return out;
  }

  // Takes both alphabets, skips what is in neither, ends at the first `=`.
  function fromBase64(text) {
    var out = [];
    var bits = 0;
    var count = 0;
    for (var i = 0; i < text.length && text[i] !== '='; i++) {
      var value = BASE64_VALUES[text.charCodeAt(i)];
      if (value === undefined) {
        continue;
      }
      bits = ((bits << 6) | value) & 0xffff;
      count += 6;
      if (count >= 8) {
        count -= 8;
        out.push((bits >> count) & 0xff);
      }
    }
    return out;
  }

  function fromLatin1(text) {
    var out = [];
    for (var i = 0; i < text.length; i++) {
      out.push(text.charCodeAt(i) & 0xff);
    }
    return out;
  }

  function fromUtf16(text) {
    var out = [];
    for (var i = 0; i < text.length; i++) {
      var unit = text.charCodeAt(i);
      out.push(unit & 0xff, unit >> 8);
    }
    return out;
  }

  // --- bytes to text ----------------------------------------------------------------------------

  // How many bytes a sequence has by its first byte; 0 where no sequence begins so.
  function sequenceLength(first) {
    if (first < 0x80) {
      return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
      return 2;
    }
    if (first >= 0xe0 && first <= 0xef) {
      return 3;
    }
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  }

  // Whether `second` may follow `first`: no overlong form, no surrogate, nothing above U+10FFFF.
  function follows(first, second) {
    var low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    var high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high;
  }

  // A malformed sequence becomes one U+FFFD as far as it was well-formed, as the Encoding standard
  // has it; `fatal` throws instead.
  function toUtf8(bytes, start, end, fatal) {
    var out = '';
    var i = start;
    while (i < end) {
      var first = bytes[i];
      var length = sequenceLength(first);
      var code = length < 2 ? first : first & (0x7f >> length);
      var taken = 1;
      while (taken < length && i + taken < end) {
        var next = bytes[i + taken];
        if (taken === 1 ? !follows(first, next) : (next & 0xc0) !== 0x80) {
          break;
        }
        code = (code << 6) | (next & 63);
        taken += 1;
      }
      if (taken !== length && fatal) {
        throw new TypeError('The encoded data was not valid for encoding utf-8');
      }
      out += taken === length ? String.fromCodePoint(code) : '\ufffd';
      i += taken;
    }
    return out;
  }

  function toHex(bytes, start, end) {
    var out = '';
    for (var i = start; i < end; i++) {
      out += HEX[bytes[i] >> 4] + HEX[bytes[i] & 15];
    }
    return out;
  }

  function toBase64(bytes, start, end, alphabet, pad) {
    var out = '';
    for (var i = start; i < end; i += 3) {
      var left = end - i;
      var triple = (bytes[i] << 16) | ((left > 1 ? bytes[i + 1] : 0) << 8) | (left > 2 ? bytes[i + 2] : 0);
      out += alphabet[triple >> 18] + alphabet[(triple >> 12) & 63];
      out += left > 1 ? alphabet[(triple >> 6) & 63] : pad;
      out += left > 2 ? alphabet[triple & 63] : pad;
    }
    return out;
  }

  function toLatin1(bytes, start, end, mask) {
    var out = '';
    for (var i = start; i < end; i++) {
      out += String.fromCharCode(bytes[i] & mask);
    }
    return out;
  }

  function toUtf16(bytes, start, end) {
    var out = '';
    for (var i = start; i + 1 < end; i += 2) {
      out += String.fromCharCode(bytes[i] | (bytes[i + 1] << 8));
    }
    return out;
  }

  var UTF8 = { parse: fromUtf8, show: toUtf8 };
  var UTF16 = { parse: fromUtf16, show: toUtf16 };
  var LATIN1 = { parse: fromLatin1, show: function (b, s, e) { return toLatin1(b, s, e, 0xff); } };
  var ENCODINGS = {
    'utf8': UTF8,
    'utf-8': UTF8,
    'hex': { parse: fromHex, show: toHex },
    'base64': { parse: fromBase64, show: function (b, s, e) { return toBase64(b, s, e, BASE64, '='); } },
    'base64url': { parse: fromBase64, show: function (b, s, e) { return toBase64(b, s, e, BASE64URL, ''); } },
    'ascii': { parse: fromLatin1, show: function (b, s, e) { return toLatin1(b, s, e, 0x7f); } },
    'latin1': LATIN1,
    'binary': LATIN1,
    'utf16le': UTF16,
    'utf-16le': UTF16,
    'ucs2': UTF16,
    'ucs-2': UTF16
  };

  function encoding(name) {
    if (name === undefined || name === null || name === '') {
      return UTF8;
    }
    var found = ENCODINGS[String(name).toLowerCase()];
    if (found === undefined) {
      throw new TypeError('Unknown encoding: ' + name);
    }
    return found;
  }

  // --- Buffer -------------------------------------------------------------------------------------

  function Buffer(value, encodingOrOffset, length) {
    if (typeof value === 'number' || value instanceof ArrayBuffer) {
      return Reflect.construct(Uint8Array, arguments, new.target || Buffer);
    }
    return Buffer.from(value, encodingOrOffset, length);
  }
  Object.setPrototypeOf(Buffer, Uint8Array);
  Buffer.prototype = Object.create(Uint8Array.prototype);
  Object.defineProperty(Buffer, 'prototype', { writable: false, enumerable: false });
  hidden(Buffer.prototype, 'constructor', Buffer);

  function ofBytes(list) {
    var out = new Buffer(list.length);
    out.set(list);
    return out;
  }

  // Like `set`, but takes every number modulo 256 and everything else as 0.
  function ofArrayLike(list) {
    var out = new Buffer(list.length >>> 0);
    for (var i = 0; i < out.length; i++) {
      out[i] = list[i];
    }
    return out;
  }

  function noInput(value) {
    return new TypeError('The first argument must be a string, an array, a Buffer or an ArrayBuffer, not '
      + (value === null ? 'null' : typeof value));
  }

  function from(value, encodingOrOffset, length) {
    if (typeof value === 'string') {
      return ofBytes(encoding(encodingOrOffset).parse(value));
    }
    if (value instanceof ArrayBuffer) {
      return new Buffer(value, encodingOrOffset, length);
    }
    if (typeof value !== 'object' || value === null) {
      throw noInput(value);
    }
    if (typeof value.length === 'number') {
      return ofArrayLike(value);
    }
    if (value.type === 'Buffer' && Array.isArray(value.data)) {
      return ofArrayLike(value.data);
    }
    throw noInput(value);
  }

  function alloc(size, fill, enc) {
    if (typeof size !== 'number') {
      throw new TypeError('The "size" argument must be a number');
    }
    if (!(size >= 0)) {
      throw new RangeError('The value of "size" is out of range. Received ' + size);
    }
    var out = new Buffer(size);
    return fill === undefined || fill === 0 ? out : out.fill(fill, enc);
  }

  function concat(list, total) {
    if (!Array.isArray(list)) {
      throw new TypeError('The "list" argument must be an array of Buffers');
    }
    var length = 0;
    for (var i = 0; i < list.length; i++) {
      length += list[i].length;
    }
    var out = new Buffer(total === undefined ? length : total);
    var at = 0;
    for (var j = 0; j < list.length && at < out.length; j++) {
      var part = list[j].subarray(0, out.length - at);
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  function compare(a, b) {
    var length = Math.min(a.length, b.length);
    for (var i = 0; i < length; i++) {
      if (a[i] !== b[i]) {
        return a[i] < b[i] ? -1 : 1;
      }
    }
    return a.length === b.length ? 0 : a.length < b.length ? -1 : 1;
  }

  function byteLength(value, enc) {
    return typeof value === 'string' ? encoding(enc).parse(value).length : value.byteLength;
  }

  hidden(Buffer, 'from', from);
  hidden(Buffer, 'alloc', alloc);
  hidden(Buffer, 'allocUnsafe', function (size) { return alloc(size); });
  hidden(Buffer, 'concat', concat);
  hidden(Buffer, 'compare', compare);
  hidden(Buffer, 'byteLength', byteLength);
  hidden(Buffer, 'isBuffer', function (value) { return value instanceof Buffer; });
  hidden(Buffer, 'isEncoding', function (name) {
    return typeof name === 'string' && ENCODINGS[name.toLowerCase()] !== undefined;
  });

  // --- its methods -----------------------------------------------------------------------------------

  var proto = Buffer.prototype;

  function bound(value, otherwise, length) {
    var number = value === undefined ? otherwise : Math.trunc(Number(value)) || 0;
    return Math.max(0, Math.min(number, length));
  }

  hidden(proto, 'toString', function (enc, start, end) {
    var from = bound(start, 0, this.length);
    return encoding(enc).show(this, from, Math.max(from, bound(end, this.length, this.length)));
  });
  hidden(proto, 'toLocaleString', proto.toString);
  hidden(proto, 'toJSON', function () {
    return { type: 'Buffer', data: Array.from(this) };
  });
  hidden(proto, 'slice', function (start, end) {
    return this.subarray(start, end);
  });
  hidden(proto, 'equals', function (other) {
    return compare(this, other) === 0;
  });
  hidden(proto, 'compare', function (other) {
    return compare(this, other);
  });
  hidden(proto, 'copy', function (target, targetStart, start, end) {
    var at = bound(targetStart, 0, target.length);
    var from = bound(start, 0, this.length);
    var to = Math.max(from, bound(end, this.length, this.length));
    var part = this.subarray(from, Math.min(to, from + target.length - at));
    target.set(part, at);
    return part.length;
  });

  // write(text), write(text, encoding), write(text, offset[, length][, encoding])
  hidden(proto, 'write', function (text, offset, length, enc) {
    if (typeof offset === 'string') {
      return this.write(text, 0, undefined, offset);
    }
    if (typeof length === 'string') {
      return this.write(text, offset, undefined, length);
    }
    var at = place(this, offset === undefined ? 0 : offset, 0);
    var room = Math.min(length === undefined ? Infinity : length, this.length - at);
    var bytes = encoding(enc).parse(text);
    var count = Math.min(bytes.length, room);
    // A character is written whole or not at all.
    while (encoding(enc) === UTF8 && count < bytes.length && count > 0 && (bytes[count] & 0xc0) === 0x80) {
      count -= 1;
    }
    for (var i = 0; i < count; i++) {
      this[at + i] = bytes[i];
    }
    return count;
  });

  // fill(value[, start[, end]][, encoding]); a text or an array of bytes repeats.
  hidden(proto, 'fill', function (value, start, end, enc) {
    if (typeof start === 'string') {
      return this.fill(value, undefined, undefined, start);
    }
    if (typeof end === 'string') {
      return this.fill(value, start, undefined, end);
    }
    var pattern = typeof value === 'string' ? encoding(enc).parse(value)
      : typeof value === 'object' && value !== null ? value : [value];
    var to = bound(end, this.length, this.length);
    for (var i = bound(start, 0, this.length), p = 0; i < to; i++, p++) {
      this[i] = pattern.length === 0 ? 0 : pattern[p % pattern.length];
    }
    return this;
  });

  function matches(buffer, pattern, at) {
    for (var i = 0; i < pattern.length; i++) {
      if (buffer[at + i] !== pattern[i]) {
        return false;
      }
    }
    return true;
  }

  hidden(proto, 'indexOf', function (value, start, enc) {
    var pattern = typeof value === 'string' ? encoding(typeof start === 'string' ? start : enc).parse(value)
      : typeof value === 'number' ? [value & 0xff] : value;
    var from = typeof start === 'number' ? start : 0;
    for (var i = Math.max(0, from < 0 ? this.length + from : from); i + pattern.length <= this.length; i++) {
      if (matches(this, pattern, i)) {
        return i;
      }
    }
    return -1;
  });
  hidden(proto, 'includes', function (value, start, enc) {
    return this.indexOf(value, start, enc) >= 0;
  });

  // --- numbers in bytes ------------------------------------------------------------------------------

  // `offset`, if `size` bytes lie there.
  function place(buffer, offset, size) {
    if (typeof offset !== 'number') {
      throw new TypeError('The "offset" argument must be a number, not ' + typeof offset);
    }
    if (offset % 1 !== 0 || !(offset >= 0 && offset + size <= buffer.length)) {
      throw new RangeError('The value of "offset" is out of range: ' + size + ' bytes at ' + offset
        + ' of a Buffer of ' + buffer.length);
    }
    return offset;
  }

  function width(size) {
    if (typeof size !== 'number') {
      throw new TypeError('The "byteLength" argument must be a number, not ' + typeof size);
    }
    if (!(size >= 1 && size <= 6) || size % 1 !== 0) {
      throw new RangeError('The value of "byteLength" is out of range: ' + size + ' is not 1 to 6');
    }
    return size;
  }

  function inRange(value, min, max) {
    var number = Number(value);
    if (number < min || number > max) {
      throw new RangeError('The value of "value" is out of range: ' + number + ' is not ' + min + ' to ' + max);
    }
    return number;
  }

  function readUnsigned(buffer, at, size, little) {
    var value = 0;
    for (var i = 0; i < size; i++) {
      value = value * 256 + buffer[little ? at + size - 1 - i : at + i];
    }
    return value;
  }

  function readSigned(buffer, at, size, little) {
    var value = readUnsigned(buffer, at, size, little);
    var half = Math.pow(2, 8 * size - 1);
    return value >= half ? value - 2 * half : value;
  }

  function writeInteger(buffer, value, at, size, little) {
    // Toward zero, as the conversion to an integer type has it; NaN is 0.
    var rest = Math.trunc(value) || 0;
    for (var i = 0; i < size; i++) {
      buffer[little ? at + i : at + size - 1 - i] = rest - 256 * Math.floor(rest / 256);
      rest = Math.floor(rest / 256);
    }
    return at + size;
  }

  function view(buffer) {
    return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }

  // Node.js spells the unsigned ones both `readUInt…` and `readUint…`.
  function method(name, value) {
    hidden(proto, name, value);
    hidden(proto, name.replace('UInt', 'Uint'), value);
  }

  function integers(size, little, suffix) {
    var bits = 8 * size;
    method('readUInt' + bits + suffix, function (offset) {
      return readUnsigned(this, place(this, offset === undefined ? 0 : offset, size), size, little);
    });
    method('readInt' + bits + suffix, function (offset) {
      return readSigned(this, place(this, offset === undefined ? 0 : offset, size), size, little);
    });
    method('writeUInt' + bits + suffix, function (value, offset) {
      var number = inRange(value, 0, Math.pow(2, bits) - 1);
      return writeInteger(this, number, place(this, offset === undefined ? 0 : offset, size), size, little);
    });
    method('writeInt' + bits + suffix, function (value, offset) {
      var number = inRange(value, -Math.pow(2, bits - 1), Math.pow(2, bits - 1) - 1);
      return writeInteger(this, number, place(this, offset === undefined ? 0 : offset, size), size, little);
    });
  }

  function anyWidth(little, suffix) {
    method('readUInt' + suffix, function (offset, size) {
      return readUnsigned(this, place(this, offset, width(size)), size, little);
    });
    method('readInt' + suffix, function (offset, size) {
      return readSigned(this, place(this, offset, width(size)), size, little);
    });
    method('writeUInt' + suffix, function (value, offset, size) {
      var number = inRange(value, 0, Math.pow(2, 8 * width(size)) - 1);
      return writeInteger(this, number, place(this, offset, size), size, little);
    });
    method('writeInt' + suffix, function (value, offset, size) {
      var half = Math.pow(2, 8 * width(size) - 1);
      return writeInteger(this, inRange(value, -half, half - 1), place(this, offset, size), size, little);
    });
  }

  // Floating point and 64 bits, by the DataView methods `get` and `set` + `name`.
  function viewed(size, name, title, little, suffix) {
    method('read' + title + suffix, function (offset) {
      return view(this)['get' + name](place(this, offset === undefined ? 0 : offset, size), little);
    });
    method('write' + title + suffix, function (value, offset) {
      var at = place(this, offset === undefined ? 0 : offset, size);
      view(this)['set' + name](at, value, little);
      return at + size;
    });
  }

  integers(1, false, '');
  [[false, 'BE'], [true, 'LE']].forEach(function (order) {
    integers(2, order[0], order[1]);
    integers(4, order[0], order[1]);
    anyWidth(order[0], order[1]);
    viewed(4, 'Float32', 'Float', order[0], order[1]);
    viewed(8, 'Float64', 'Double', order[0], order[1]);
    viewed(8, 'BigInt64', 'BigInt64', order[0], order[1]);
    viewed(8, 'BigUint64', 'BigUInt64', order[0], order[1]);
  });

  hidden(globalThis, 'Buffer', Buffer);

  // --- what browsers have -------------------------------------------------------------------------------

  function invalidCharacter(message) {
    var error = new Error(message);
    error.name = 'InvalidCharacterError';
    return error;
  }

  hidden(globalThis, 'atob', function atob(text) {
    var compact = String(text).replace(/[\t\n\f\r ]/g, '');
    if (compact.length % 4 === 0) {
      compact = compact.replace(/==?$/, '');
    }
    if (compact.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(compact)) {
      throw invalidCharacter('The string to be decoded is not correctly encoded.');
    }
    var bytes = fromBase64(compact);
    return toLatin1(bytes, 0, bytes.length, 0xff);
  });

  hidden(globalThis, 'btoa', function btoa(text) {
    var binary = String(text);
    if (/[^\x00-\xff]/.test(binary)) {
      throw invalidCharacter('The string contains characters beyond U+00FF.');
    }
    return toBase64(fromLatin1(binary), 0, binary.length, BASE64, '=');
  });

  function TextEncoder() {
    if (!new.target) {
      throw new TypeError('Class constructor TextEncoder cannot be invoked without \'new\'');
    }
  }
  hidden(TextEncoder.prototype, 'encoding', 'utf-8');
  hidden(TextEncoder.prototype, 'encode', function (text) {
    return Uint8Array.from(fromUtf8(text === undefined ? '' : String(text)));
  });
  hidden(globalThis, 'TextEncoder', TextEncoder);

  function TextDecoder(label, options) {
    var name = label === undefined ? 'utf-8' : String(label).trim().toLowerCase();
    if (name !== 'utf-8' && name !== 'utf8') {
      throw new RangeError('The "' + label + '" encoding is not supported; utf-8 is');
    }
    hidden(this, 'fatal', Boolean(options && options.fatal));
    hidden(this, 'ignoreBOM', Boolean(options && options.ignoreBOM));
  }
  hidden(TextDecoder.prototype, 'encoding', 'utf-8');
  hidden(TextDecoder.prototype, 'decode', function (input) {
    var bytes = input === undefined ? [] : input instanceof ArrayBuffer ? new Uint8Array(input)
      : new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    var marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    return toUtf8(bytes, marked && !this.ignoreBOM ? 3 : 0, bytes.length, this.fatal);
  });
  hidden(globalThis, 'TextDecoder', TextDecoder);
})();
