#!/usr/bin/env python3
"""day3_4_close with an event loop, a task for each client, and the timers of the loop. They come late where the machine is
busy."""

import asyncio
import re
import socket
import sys

MOST = 10_000_000
DIGITS = b"0123456789" * 10_000


def arguments(words):
    """The limit in seconds, and the address."""
    milliseconds = 3000
    if len(words) == 3 and words[0] == "-t" and re.fullmatch("[0-9]{1,1000}", words[1]):
        milliseconds = int(words[1])
    elif len(words) != 1:
        return None
    address = re.fullmatch(r"([0-9.]{7,15}):([0-9]{1,1000})", words[-1])
    if not address or not 1 <= milliseconds <= 1_000_000 or int(address[2]) > 65535:
        return None
    try:
        socket.inet_pton(socket.AF_INET, address[1])
    except OSError:
        return None
    return milliseconds / 1000, (address[1], int(address[2]))


def complain(*what):
    print("day3_4_close:", *what, file=sys.stderr, flush=True)


async def request(loop, client):
    """The number that it asks for, and how many bytes came behind the line."""
    line = bytearray()
    while len(line) < 100 and b"\n" not in line:
        piece = await loop.sock_recv(client, 100 - len(line))
        if not piece:
            return None, 0
        line += piece
    line, newline, behind = line.partition(b"\n")
    number = re.fullmatch(rb"GET ([0-9]+)", line)
    if not newline or not number or int(number[1]) > MOST:
        return None, len(behind)
    return int(number[1]), len(behind)


async def drain(loop, client, seen):
    while seen < 1_000_000:
        piece = await loop.sock_recv(client, min(1_000_000 - seen, 50_000))
        if not piece:
            return
        seen += len(piece)


async def attend(loop, client, limit):
    with client:
        try:
            number, behind = None, 0
            try:
                number, behind = await asyncio.wait_for(request(loop, client), limit)
            except asyncio.TimeoutError:
                pass
            if number is None:
                await loop.sock_sendall(client, b"bad request\n")
            else:
                for start in range(0, number, len(DIGITS)):
                    await loop.sock_sendall(client, DIGITS[: number - start])
            client.shutdown(socket.SHUT_WR)
            try:
                await asyncio.wait_for(drain(loop, client, behind), limit)
            except asyncio.TimeoutError:
                pass
        except OSError as error:
            complain("client lost:", error)


async def main(listener, limit):
    loop = asyncio.get_running_loop()
    print("listening %s:%d" % listener.getsockname(), flush=True)
    tasks = set()
    while True:
        try:
            client, _ = await loop.sock_accept(listener)
        except OSError as error:
            complain("accept:", error)
            await asyncio.sleep(0.2)
            continue
        client.setblocking(False)
        task = loop.create_task(attend(loop, client, limit))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


options = arguments(sys.argv[1:])
if not options:
    print("usage: day3_4_close [-t MS] ADDRESS:PORT", file=sys.stderr)
    sys.exit(2)
try:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(options[1])
    listener.listen(512)
    listener.setblocking(False)
except OSError as error:
    complain(error)
    sys.exit(1)
asyncio.run(main(listener, options[0]))
