// Node's Buffer. The value of this file is a function that takes the one of encodings.js and
// defines it. Unlike Node's, its methods are not enumerable.
(function (encoding) {
  'use strict';

  function hidden(object, name, value) {
    Object.defineProperty(object, name,
      { value: value, writable: true, configurable: true, enumerable: false });
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
  hidden(Buffer, 'isEncoding', encoding.isKnown);

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
    while (encoding(enc) === encoding.UTF8 && count < bytes.length && count > 0 && (bytes[count] & 0xc0) === 0x80) {
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

  function swaps(bits) {
    method('swap' + bits, function () {
      var size = bits / 8;
      if (this.length % size !== 0) {
        throw new RangeError('Buffer size must be a multiple of ' + bits + '-bits');
      }
      for (var at = 0; at < this.length; at += size) {
        this.subarray(at, at + size).reverse();
      }
      return this;
    });
  }
  [16, 32, 64].forEach(swaps);

  hidden(globalThis, 'Buffer', Buffer);
})
