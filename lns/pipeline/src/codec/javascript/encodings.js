// Text to bytes and back, and what browsers offer for it: atob, btoa, TextEncoder, TextDecoder.
// The value of this file is the function that finds an encoding by its name; buffer.js needs it.
//
// Behaviour here and there follows Node.js 20 as its documentation tells it; where that is an
// error, the kind of error is the same and the text is ours.
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

  // By the names the Encoding standard gives them, which calls Latin-1 by the name of its extension.
  var LABELS = {
    'utf-8': 'utf-8', 'utf8': 'utf-8', 'unicode-1-1-utf-8': 'utf-8',
    'windows-1252': 'windows-1252', 'cp1252': 'windows-1252', 'ascii': 'windows-1252',
    'us-ascii': 'windows-1252', 'latin1': 'windows-1252', 'iso-8859-1': 'windows-1252', 'l1': 'windows-1252',
    'utf-16le': 'utf-16le', 'utf-16': 'utf-16le', 'ucs-2': 'utf-16le'
  };
  // What it has for 0x80 to 0x9f.
  var WINDOWS_1252 = '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f'
    + '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178';

  function toWindows1252(bytes) {
    return toLatin1(bytes, 0, bytes.length, 0xff).replace(/[\x80-\x9f]/g, function (c) {
      return WINDOWS_1252[c.charCodeAt(0) - 0x80];
    });
  }

  function toWellFormedUtf16(bytes, fatal) {
    var text = toUtf16(bytes, 0, bytes.length) + (bytes.length % 2 === 1 ? '\ufffd' : '');
    if (fatal && (bytes.length % 2 === 1 || !text.isWellFormed())) {
      throw new TypeError('The encoded data was not valid for encoding utf-16le');
    }
    return text.toWellFormed();
  }

  function TextDecoder(label, options) {
    var name = LABELS[label === undefined ? 'utf-8' : String(label).trim().toLowerCase()];
    if (name === undefined) {
      throw new RangeError('The "' + label + '" encoding is not supported; utf-8, utf-16le and latin1 are');
    }
    hidden(this, 'encoding', name);
    hidden(this, 'fatal', Boolean(options && options.fatal));
    hidden(this, 'ignoreBOM', Boolean(options && options.ignoreBOM));
  }
  hidden(TextDecoder.prototype, 'decode', function (input) {
    var bytes = input === undefined ? [] : input instanceof ArrayBuffer ? new Uint8Array(input)
      : new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    if (this.encoding === 'windows-1252') {
      return toWindows1252(bytes);
    }
    if (this.encoding === 'utf-16le') {
      var wide = toWellFormedUtf16(bytes, this.fatal);
      return wide[0] === '\ufeff' && !this.ignoreBOM ? wide.slice(1) : wide;
    }
    var marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    return toUtf8(bytes, marked && !this.ignoreBOM ? 3 : 0, bytes.length, this.fatal);
  });
  hidden(globalThis, 'TextDecoder', TextDecoder);

  encoding.isKnown = function (name) {
    return typeof name === 'string' && ENCODINGS[name.toLowerCase()] !== undefined;
  };
  encoding.UTF8 = UTF8;
  return encoding;
})()
