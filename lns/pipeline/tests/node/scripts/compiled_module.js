// What a TypeScript compiler makes of a module for Node.js.
"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.decodeUplink = void 0;
const { Buffer: Bytes } = require("node:buffer");
const decodeUplink = (input) => ({ data: { hex: Bytes.from(input.bytes).toString("hex") } });
exports.decodeUplink = decodeUplink;
if (require.main === module) {
  console.log(decodeUplink({ bytes: [1] }));
}
