// Texts, expressions and the order of things.
function Decoder(b) {
  var s = String.fromCharCode.apply(null, b);
  var m = /(\d+)-(?<word>[a-z]+)/.exec('x 12-ab');
  var order = { b: 1, 2: 'two', a: 2, 1: 'one' };
  return {
    s: s, sub: 'abcdef'.substr(-3, 2), substring: 'abcdef'.substring(4, 1), slice: 'abcdef'.slice(-2), escaped: escape('ä b'), un: unescape('%41%u0042'),
    uri: decodeURIComponent(encodeURIComponent('ä/€')), m: m.slice(1), word: m.groups.word, index: m.index, split: 'a1b2c'.split(/\d/), keep: 'a1b'.split(/(\d)/),
    replaced: 'aXbX'.replace(/x/gi, function (all, at) { return at; }), dollars: 'abc'.replace('b', '[$&$`$\']'), behind: 'a1b2'.replace(/(?<=b)\d/, '-'),
    order: Object.keys(order).join(), sorted: [10, 9, 1].sort(), by: [3, 1, 2].sort(function (x, y) { return y - x; }), holes: [1, , 3],
    pad: (5).toString(16).padStart(4, '0'), at: [1, 2, 3].at(-1), flat: [[1], [2, [3]]].flat(), date: new Date(0).toISOString(), json: JSON.stringify({ a: undefined, b: [undefined] }),
    upper: 'ß'.toUpperCase(), norm: 'e\u0301'.normalize('NFC').length, code: '😀'.codePointAt(0), anchored: 'b'.bold(), trimmed: ' a '.trimLeft()
  };
}
