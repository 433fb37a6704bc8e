// What is thrown need not be an Error.
class Refusal extends Error {
  constructor(message) { super(message); this.name = 'Refusal'; }
}
function Decoder(bytes, port) {
  switch (port) {
    case 1: throw 'a text';
    case 2: throw { name: 'Own', message: 'an object' };
    case 3: throw new Refusal('a class');
    case 4: return JSON.parse('{');
    default: return bytes.nothing.at.all;
  }
}
