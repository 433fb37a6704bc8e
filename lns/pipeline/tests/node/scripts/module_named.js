// A module, as newer templates have it: strict, and its functions are what it exports.
const kinds = { 1: 'door', 2: 'window' };

export function decodeUplink(input) {
  const strict = (function () { return this === undefined; })();
  return { data: { kind: kinds[input.bytes[0]] || 'none', strict }, warnings: ['module'] };
}

export function encodeDownlink(input) {
  return { bytes: [input.data.interval >> 8, input.data.interval & 255], fPort: input.fPort };
}
