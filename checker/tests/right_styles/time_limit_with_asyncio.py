#!/usr/bin/env python3
"""A command with a time limit (day4_3_timeout) with an event loop, which gives its handlers back before it ends: a signal that
comes then kills it. And its interpreter may be started by a second exec."""

import asyncio
import os
import re
import signal
import sys

USAGE = "usage: time_limit_with_asyncio.py LIMIT GRACE COMMAND [ARGUMENT]..."
PASSED_ON = [signal.SIGHUP, signal.SIGINT, signal.SIGTERM]


def seconds(text):
    if not re.fullmatch("[0-9]+", text, re.ASCII) or not 1 <= int(text) <= 10**9:
        raise ValueError
    return int(text) / 1000


def become(words):
    try:
        os.setpgid(0, 0)
        for number in range(1, signal.NSIG):
            try:
                signal.signal(number, signal.SIG_DFL)
            except (OSError, ValueError):
                pass
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execvp(words[0], words)
    except OSError as error:
        print(words[0], error, file=sys.stderr, flush=True)
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


class Runner:
    def __init__(self):
        self.child = 0
        self.is_late = False
        self.news = asyncio.Event()

    def tell(self, number):
        try:
            os.killpg(self.child, number)
            if number != signal.SIGKILL:
                os.killpg(self.child, signal.SIGCONT)
        except OSError:
            pass

    def has_ended(self):
        return os.waitid(os.P_PID, self.child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    async def wait(self):
        while not self.has_ended():
            await self.news.wait()
            self.news.clear()

    async def run(self, limit, grace, words):
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self.news.set)
        for number in PASSED_ON:
            loop.add_signal_handler(number, self.tell, number)
        # No handler may run before the child is there, nor in it.
        signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
        self.child = os.fork()
        if self.child == 0:
            become(words)
        try:
            os.setpgid(self.child, self.child)
        except OSError:
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        end = asyncio.ensure_future(self.wait())
        for time, number in (limit, signal.SIGTERM), (grace, signal.SIGKILL):
            await asyncio.wait([end], timeout=time)
            if self.has_ended():
                break
            self.is_late = True
            self.tell(number)
        await end
        self.tell(signal.SIGKILL)
        _, status = os.waitpid(self.child, 0)
        if self.is_late:
            return 124
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def main():
    try:
        limit, grace = seconds(sys.argv[1]), seconds(sys.argv[2])
        words = [os.fsencode(word) for word in sys.argv[3:]]
        words[0]
    except (ValueError, IndexError):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        return asyncio.run(Runner().run(limit, grace, words))
    except OSError as error:
        print(error, file=sys.stderr)
        return 1


sys.exit(main())
