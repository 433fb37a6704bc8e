// What Node.js has of the language and this interpreter has not, or has in another way: the order
// that `sort` makes of comparisons that contradict each other, numbers and dates in the manner of a
// country; copies of whole structures. What is not here follows the interpreter.
//
// `zoneOffset(name, ms)` is how far a time zone is ahead of UTC at an instant, in minutes; NaN if
// there is no such zone. The value of this file is a function that takes it.
(function (zoneOffset) {
  'use strict';


  function replace(proto, name, make) {
    var value = make(proto[name]);
    Object.defineProperty(proto, name, { value: value, writable: true, configurable: true, enumerable: false });
    Object.defineProperty(value, 'name', { value: name });
  }

  // --- sort ----------------------------------------------------------------------------------------

  // Comparisons such as `a > b`, or `a > b ? 1 : -1`, contradict themselves, and then the order that
  // comes out is that of the algorithm. Scripts were tried with the one of V8, Timsort, which up to
  // 63 elements is a sort by binary insertion behind the run that is in order already.
  var LONGEST_INSERTION = 63;

  function insertionSort(list, compare) {
    function order(a, b) {
      var result = +compare(a, b);
      return result === result ? result : 0;
    }
    var run = ascendingRun(list, order);
    for (var start = run; start < list.length; start++) {
      var pivot = list[start];
      var left = 0;
      var right = start;
      while (left < right) {
        var middle = (left + right) >> 1;
        if (order(pivot, list[middle]) < 0) {
          right = middle;
        } else {
          left = middle + 1;
        }
      }
      for (var at = start; at > left; at--) {
        list[at] = list[at - 1];
      }
      list[left] = pivot;
    }
  }

  // How many elements from the first are in order, after turning them round if they descend.
  function ascendingRun(list, order) {
    if (list.length < 2) {
      return list.length;
    }
    var descends = order(list[1], list[0]) < 0;
    var run = 2;
    while (run < list.length && (order(list[run], list[run - 1]) < 0) === descends) {
      run += 1;
    }
    for (var i = 0, j = run - 1; descends && i < j; i++, j--) {
      var first = list[i];
      list[i] = list[j];
      list[j] = first;
    }
    return run;
  }

  replace(Array.prototype, 'sort', function (native) {
    return function (compare) {
      if (typeof compare !== 'function' || !Array.isArray(this) || this.length > LONGEST_INSERTION) {
        return Reflect.apply(native, this, arguments);
      }
      var values = [];
      var undefineds = 0;
      for (var i = 0; i < this.length; i++) {
        if (i in this && this[i] !== undefined) {
          values[values.length] = this[i];
        } else if (i in this) {
          undefineds += 1;
        }
      }
      var length = this.length;
      insertionSort(values, compare);
      for (var at = 0; at < length; at++) {
        if (at < values.length) {
          this[at] = values[at];
        } else if (at < values.length + undefineds) {
          this[at] = undefined;
        } else {
          delete this[at];
        }
      }
      return this;
    };
  });
  replace(Array.prototype, 'toSorted', function (native) {
    return function (compare) {
      if (typeof compare !== 'function' || !Array.isArray(this) || this.length > LONGEST_INSERTION) {
        return Reflect.apply(native, this, arguments);
      }
      var values = Array.from(this);
      return Reflect.apply(Array.prototype.sort, values, [compare]);
    };
  });

  // --- numbers as English has them -----------------------------------------------------------------

  function grouped(digits, use) {
    return use === false ? digits : digits.replace(/\B(?=(\d{3})+$)/g, ',');
  }

  function digitsOption(options, name, high, missing) {
    var value = options[name];
    if (value === undefined) {
      return missing;
    }
    value = Math.floor(+value);
    if (!(value >= 0 && value <= high)) {
      throw new RangeError(name + ' value is out of range.');
    }
    return value;
  }

  // `size` with `places` digits behind the point. It is the shortest decimal form that is rounded, as
  // people read it, and not the binary number, as `toFixed` has it: 1.005 is 1.01.
  function decimal(size, places) {
    var shortest = String(size).split('e');
    var parts = shortest[0].split('.');
    var point = parts[0].length + +(shortest[1] || 0);
    var digits = parts[0] + (parts[1] || '');
    var keep = point + places;
    if (keep < 0) {
      return '0.' + '0'.repeat(places);
    }
    var kept = BigInt('0' + digits.padEnd(keep, '0').slice(0, keep)) + (digits[keep] >= '5' ? 1n : 0n);
    var all = kept.toString().padStart(places + 1, '0');
    return all.slice(0, all.length - places) + '.' + all.slice(all.length - places);
  }

  function localNumber(number, options) {
    if (number !== number) {
      return 'NaN';
    }
    var sign = number < 0 || Object.is(number, -0) ? '-' : '';
    var size = Math.abs(number);
    if (size === Infinity) {
      return sign + '∞';
    }
    var least = digitsOption(options, 'minimumFractionDigits', 20, undefined);
    var most = digitsOption(options, 'maximumFractionDigits', 20, Math.max(least || 0, 3));
    least = Math.min(least || 0, most);
    var parts = decimal(size, most).split('.');
    var fraction = parts[1] || '';
    while (fraction.length > least && fraction[fraction.length - 1] === '0') {
      fraction = fraction.slice(0, -1);
    }
    var whole = parts[0].padStart(digitsOption(options, 'minimumIntegerDigits', 21, 1), '0');
    return sign + grouped(whole, options.useGrouping) + (fraction === '' ? '' : '.' + fraction);
  }

  replace(Number.prototype, 'toLocaleString', function () {
    return function (locales, options) {
      return localNumber(Number.prototype.valueOf.call(this), options || {});
    };
  });
  replace(BigInt.prototype, 'toLocaleString', function () {
    return function () {
      var text = BigInt.prototype.toString.call(this);
      return text[0] === '-' ? '-' + grouped(text.slice(1)) : grouped(text);
    };
  });

  // --- dates ---------------------------------------------------------------------------------------

  function two(number) {
    return number < 10 ? '0' + number : '' + number;
  }

  function clock24(t) {
    return two(t.hour) + ':' + two(t.minute) + ':' + two(t.second);
  }

  function clock12(t) {
    return (t.hour % 12 || 12) + ':' + two(t.minute) + ':' + two(t.second) + (t.hour < 12 ? ' AM' : ' PM');
  }

  // How some countries write a day and a time, and what stands between. Others get the first.
  var MANNERS = [
    ['en', function (t) { return t.month + '/' + t.day + '/' + t.year; }, clock12, ', '],
    ['en-GB', function (t) { return two(t.day) + '/' + two(t.month) + '/' + t.year; }, clock24, ', '],
    ['de', function (t) { return t.day + '.' + t.month + '.' + t.year; }, clock24, ', '],
    ['fr', function (t) { return two(t.day) + '/' + two(t.month) + '/' + t.year; }, clock24, ' '],
    ['sv', function (t) { return t.year + '-' + two(t.month) + '-' + two(t.day); }, clock24, ' ']
  ];

  function mannerOf(locales) {
    var wanted = String(Array.isArray(locales) ? locales[0] : locales);
    var language = wanted.split('-')[0];
    return MANNERS.find(function (manner) { return manner[0] === wanted; })
      || MANNERS.find(function (manner) { return manner[0] === language; }) || MANNERS[0];
  }

  // A date's fields in the zone that `options` name, else in that of this machine.
  function fields(date, options) {
    var ahead = options.timeZone === undefined ? -date.getTimezoneOffset()
      : zoneOffset(String(options.timeZone), date.getTime());
    if (ahead !== ahead) {
      throw new RangeError('Invalid time zone specified: ' + options.timeZone);
    }
    var local = new Date(date.getTime() + ahead * 60000);
    return {
      year: local.getUTCFullYear(), month: local.getUTCMonth() + 1, day: local.getUTCDate(),
      hour: local.getUTCHours(), minute: local.getUTCMinutes(), second: local.getUTCSeconds()
    };
  }

  function localDate(name, withDay, withTime) {
    replace(Date.prototype, name, function () {
      return function (locales, options) {
        if (isNaN(Date.prototype.valueOf.call(this))) {
          return 'Invalid Date';
        }
        options = options || {};
        var manner = mannerOf(locales);
        var t = fields(this, options);
        var clock = options.hour12 === undefined ? manner[2] : options.hour12 ? clock12 : clock24;
        var day = withDay ? manner[1](t) : '';
        return day + (withDay && withTime ? manner[3] : '') + (withTime ? clock(t) : '');
      };
    });
  }

  localDate('toLocaleString', true, true);
  localDate('toLocaleDateString', true, false);
  localDate('toLocaleTimeString', false, true);

  // Node.js adds the zone's long name. Of those we know one: a machine that is at UTC in winter and
  // in summer is called so.
  var atUtc = new Date(2024, 0, 1).getTimezoneOffset() === 0 && new Date(2024, 6, 1).getTimezoneOffset() === 0;

  function withZone(native) {
    return function () {
      var text = Reflect.apply(native, this, []);
      return atUtc && text.endsWith('GMT+0000') ? text + ' (Coordinated Universal Time)' : text;
    };
  }
  replace(Date.prototype, 'toString', withZone);
  replace(Date.prototype, 'toTimeString', withZone);

  // --- structuredClone -----------------------------------------------------------------------------

  var ERRORS = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];

  function uncloneable(value) {
    var error = new Error(String(value) + ' could not be cloned.');
    error.name = 'DataCloneError';
    return error;
  }

  // What an object with contents of its own kind begins as; undefined if it has none.
  function shellOf(value) {
    if (Array.isArray(value)) {
      return new Array(value.length);
    }
    if (value instanceof Date) {
      return new Date(value.getTime());
    }
    if (value instanceof RegExp) {
      return new RegExp(value.source, value.flags);
    }
    if (value instanceof Boolean || value instanceof Number || value instanceof String) {
      return Object(value.valueOf());
    }
    if (value instanceof ArrayBuffer) {
      return value.slice(0);
    }
    if (value instanceof DataView) {
      return new DataView(value.buffer.slice(0), value.byteOffset, value.byteLength);
    }
    if (value instanceof Error) {
      var kind = ERRORS.find(function (known) { return value instanceof known; }) || Error;
      return new kind(value.message);
    }
    return value instanceof Map ? new Map() : value instanceof Set ? new Set() : undefined;
  }

  function typedCopy(value) {
    // A Buffer comes out as the bytes that it is.
    var kind = value instanceof Uint8Array ? Uint8Array : value.constructor;
    return new kind(value);
  }

  function copy(value, seen) {
    if (typeof value === 'function' || typeof value === 'symbol') {
      throw uncloneable(value);
    }
    if (typeof value !== 'object' || value === null) {
      return value;
    }
    if (seen.has(value)) {
      return seen.get(value);
    }
    var typed = ArrayBuffer.isView(value) && !(value instanceof DataView);
    var shell = typed ? typedCopy(value) : shellOf(value);
    var result = shell === undefined ? {} : shell;
    seen.set(value, result);
    if (result instanceof Map) {
      value.forEach(function (member, key) { result.set(copy(key, seen), copy(member, seen)); });
    } else if (result instanceof Set) {
      value.forEach(function (member) { result.add(copy(member, seen)); });
    } else if (shell === undefined || Array.isArray(result)) {
      Object.keys(value).forEach(function (key) { result[key] = copy(value[key], seen); });
    }
    return result;
  }

  Object.defineProperty(globalThis, 'structuredClone', {
    value: function structuredClone(value) {
      if (arguments.length === 0) {
        throw new TypeError('The "value" argument must be specified');
      }
      return copy(value, new Map());
    },
    writable: true, configurable: true, enumerable: true
  });
})
