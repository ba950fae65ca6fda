#!/usr/bin/env node
// day1_2 with Node: records come from a stream, in pieces of any size; but for "needs no more memory for a long body", because
// each piece is a buffer of its own until the garbage is collected.

import { endianness } from "node:os";

function fail(why) {
  console.error(why);
  process.exitCode = 1;
  process.exit();
}

function convert(what, bits, values) {
  for (const text of values) {
    if (what === "enc") {
      if (!/^\d+$/.test(text) || BigInt(text) >> BigInt(bits)) fail(`a bad value: ${text}`);
      process.stdout.write(BigInt(text).toString(16).padStart(bits / 4, "0") + "\n");
    } else {
      if (!/^[\da-f]+$/i.test(text) || text.length !== bits / 4) fail(`a bad value: ${text}`);
      process.stdout.write(BigInt("0x" + text).toString() + "\n");
    }
  }
}

function readRecords() {
  let header = Buffer.alloc(0), body = 0, line = null;
  process.stdin.on("error", (error) => fail(`cannot read: ${error.message}`));
  process.stdin.on("end", () => (header.length || line !== null) && fail("the record is cut"));
  process.stdin.on("data", (bytes) => {
    for (;;) {
      if (line === null) {
        const piece = bytes.subarray(0, 16 - header.length);
        header = Buffer.concat([header, piece]);
        bytes = bytes.subarray(piece.length);
        if (header.length < 16) return;
        body = header.readUInt32BE(4);
        line = `${header.readUInt16BE(0)} ${header.readUInt16BE(2)} ${body} ${header.readBigUInt64BE(8)}\n`;
        header = Buffer.alloc(0);
      }
      const piece = Math.min(body, bytes.length);
      bytes = bytes.subarray(piece);
      body -= piece;
      if (body) return;
      process.stdout.write(line);
      line = null;
    }
  });
}

const [what, ...values] = process.argv.slice(2);
const [, kind, bits] = /^(enc|dec)(16|32|64)$/.exec(what ?? "") ?? [];
process.stdout.on("error", (error) => fail(`cannot print: ${error.message}`));
if (kind && values.length) {
  convert(kind, Number(bits), values);
} else if (what === "host" && !values.length) {
  console.log(endianness() === "LE" ? "little" : "big");
} else if (what === "rec" && !values.length) {
  readRecords();
} else {
  console.error("usage: enc16|… NUMBER..., dec16|… HEX..., host, rec");
  process.exit(2);
}
