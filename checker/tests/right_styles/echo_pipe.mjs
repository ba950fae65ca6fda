#!/usr/bin/env node
// day2_2 with Node: libuv's loop, its helper threads, and a stream that pipes into itself; but for "waits while there is no
// descriptor for the next client", because libuv accepts and closes those clients.

import { createServer, isIPv4 } from "node:net";

const [text, ...more] = process.argv.slice(2);
const [, ip, port] = /^(.*):(\d+)$/.exec(text ?? "") ?? [];
if (more.length || !isIPv4(ip ?? "") || Number(port) > 65535) {
  console.error("usage: ADDRESS:PORT");
  process.exit(2);
}
const server = createServer({ allowHalfOpen: true }, (client) => {
  client.on("error", (error) => console.error("a client is lost:", error.message));
  client.pipe(client);
});
server.on("error", (error) => {
  console.error("cannot listen:", error.message);
  process.exit(1);
});
server.listen({ host: ip, port: Number(port), backlog: 128 }, () => {
  const { address, port } = server.address();
  console.log(`listening ${address}:${port}`);
});
