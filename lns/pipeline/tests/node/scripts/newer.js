#!/usr/bin/env node
// Newer language: iteration, spread, private names, labels, look-behind, large integers.
function* each(bytes) { yield* bytes; }
function Decoder(bytes) {
  const { a = 1, ...rest } = { b: 2, c: 3 };
  const all = bytes.reduce((sum, byte) => (sum << 8n) + BigInt(byte), 0n);
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  let rounds = 0;
  outer: for (const i of bytes) {
    for (const j in bytes) {
      if (i > 100) continue outer;
      if (j > 2) break outer;
      rounds += 1_0;
    }
  }
  const view = new DataView(Uint8Array.from([...bytes, 0, 0, 0, 0]).buffer);
  return {
    ...rest, a, rounds, hex, count: [...each(bytes)].length, all: `${all} ${BigInt.asIntN(16, all)} ${all.toString(36)}`,
    float: view.getFloat32(0), little: view.getUint32(0, true), behind: hex.match(/(?<=0)[1-9a-f]/g),
    swapped: hex.replace(/(?<x>..)(?<y>..)/g, '$<y>$<x>'), pairs: [...hex.matchAll(/0(.)/g)].map((m) => m[1] + m.index),
    last: bytes.at(-1), found: bytes.findLast((byte) => byte < 100), flat: [[1, [2]]].flat(2), letters: /\p{L}+/u.exec('äb1')[0]
  };
}
