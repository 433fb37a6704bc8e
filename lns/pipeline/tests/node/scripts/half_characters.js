// Texts that are cut in the middle of a character.
function Decoder(bytes) {
  var text = '\u{1f321} ' + bytes[0] + ' \\ud83c "quoted" ';
  var result = { whole: text, low: text.substring(1), high: text.slice(0, 1), both: '\ud800\ud800\udc00\udc00' };
  result['key\udc00'] = 1;
  return result;
}
