#!/usr/bin/env python3
"""A runner of commands (day3_6_fork_wait) with an event loop. It is woken once by the end of a command and once more by what
it learns of this end, and goes to sleep between the two, before it prints the line."""

import asyncio
import errno
import os
import signal
import sys

USAGE = "usage: commands_with_asyncio.py [-j N] FILE"


class Runner:
    def __init__(self, most):
        self.places = asyncio.Semaphore(most)
        self.counts = {True: 0, False: 0}

    async def run(self, lines):
        followers = []
        for number, line in enumerate(lines, 1):
            words = line.replace(b"\t", b" ").split(b" ")
            words = [word for word in words if word]
            if not words:
                continue
            await self.places.acquire()
            try:
                command = await asyncio.create_subprocess_exec(*words)
            except OSError as error:
                self.tell(f"{number} cannot run {errno.errorcode[error.errno]}", False)
            else:
                followers.append(asyncio.create_task(self.follow(number, command)))
        for follower in followers:
            await follower
        say(f"ok {self.counts[True]} failed {self.counts[False]}")

    async def follow(self, number, command):
        code = await command.wait()
        how = f"killed {-code}" if code < 0 else f"exited {code}"
        self.tell(f"{number} {how}", code == 0)

    def tell(self, line, is_success):
        self.counts[is_success] += 1
        say(line)
        self.places.release()


def say(line):
    try:
        print(line, flush=True)
    except OSError as error:
        give_up(error)


def give_up(error):
    print(error, file=sys.stderr, flush=True)
    # At its end the interpreter would try once more to write the line.
    os._exit(1)


def parse(arguments):
    match arguments:
        case [file]:
            most = "1"
        case ["-j", most, file]:
            pass
        case _:
            sys.exit(2)
    if not (most.isascii() and most.isdigit() and int(most) > 0) or file.startswith("-"):
        sys.exit(2)
    return int(most), file


def main():
    try:
        most, file = parse(sys.argv[1:])
    except SystemExit:
        print(USAGE, file=sys.stderr)
        raise
    try:
        with open(file, "rb") as commands:
            lines = commands.read().split(b"\n")
    except OSError as error:
        give_up(error)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    runner = Runner(most)
    asyncio.run(runner.run(lines))
    sys.exit(1 if runner.counts[False] else 0)


main()
