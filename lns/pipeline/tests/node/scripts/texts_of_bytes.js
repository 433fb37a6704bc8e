// Bytes as text, in the encodings that decoders have names for.
function Decoder(bytes) {
  var list = new Uint8Array(bytes.filter(function (b) { return b < 0x80 || b > 0x9f; }));
  var answer = { utf8: new TextDecoder().decode(new Uint8Array(bytes)) };
  ['utf-8', 'ascii', 'latin1', 'iso-8859-1', 'windows-1252', 'utf-16le', 'ebcdic'].forEach(function (label) {
    try {
      var decoder = new TextDecoder(label);
      answer[label] = decoder.encoding + ' ' + decoder.decode(list);
    } catch (error) {
      answer[label] = error.name;
    }
  });
  return answer;
}
