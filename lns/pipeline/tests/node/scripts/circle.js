// An object that holds itself, a getter that throws, a number JSON has not.
function Decoder(bytes, port) {
  var circle = { a: 1 };
  circle.self = circle;
  return [circle, { get x() { throw new RangeError('no'); } }, { big: 1n }][port % 3];
}
