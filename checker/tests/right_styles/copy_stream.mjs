#!/usr/bin/env node
// day1_1 with Node: standard input is a stream of libuv's loop, and the file is written at once. Node takes arguments for
// text; so but for "takes a path that is not UTF-8".

import { closeSync, constants, openSync, writeSync } from "node:fs";

function fail(what, error) {
  console.error(`${what}: ${error.message}`);
  process.exit(1);
}

function writeAll(fd, bytes) {
  while (bytes.length) {
    bytes = bytes.subarray(writeSync(fd, bytes));
  }
}

const words = process.argv.slice(2);
const path = words.pop();
const option = { "-a": constants.O_APPEND, "-x": constants.O_EXCL }[words[0]] ?? constants.O_TRUNC;
if (path === undefined || path.startsWith("-") || words.length > 1 || (words.length && option === constants.O_TRUNC)) {
  console.error("usage: [-a|-x] PATH");
  process.exit(2);
}
let file, count = 0;
try {
  file = openSync(path, constants.O_WRONLY | constants.O_CREAT | option, 0o644);
} catch (error) {
  fail("cannot open", error);
}
process.stdin.on("error", (error) => fail("cannot read", error));
process.stdin.on("data", (bytes) => {
  try {
    writeAll(file, bytes);
    count += bytes.length;
  } catch (error) {
    fail("cannot write", error);
  }
});
process.stdin.on("end", () => {
  try {
    closeSync(file);
  } catch (error) {
    fail("cannot close", error);
  }
  process.stdout.on("error", (error) => fail("cannot print", error));
  process.stdout.write(`${count} bytes\n`);
});
