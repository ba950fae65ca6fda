#!/usr/bin/env python3
"""day4_1 in Python: the signals are blocked, and sigwaitinfo takes them one by one."""
import os
import re
import signal
import sys


def say(line):
    rest = (line + "\n").encode()
    while rest:
        rest = rest[os.write(1, rest):]


def count():
    usr1, usr2, rt = signal.SIGUSR1, signal.SIGUSR2, signal.SIGRTMIN
    wanted = {usr1, usr2, rt, signal.SIGTERM}
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        wanted.add(signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    for number in wanted:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    say(f"ready {os.getpid()}")
    counts = dict.fromkeys(wanted, 0)
    while not (counts[signal.SIGTERM] or counts.get(signal.SIGINT)):
        counts[signal.sigwaitinfo(wanted).si_signo] += 1
    while info := signal.sigtimedwait(wanted, 0):
        counts[info.si_signo] += 1
    say(f"usr1={counts[usr1]} usr2={counts[usr2]} rt={counts[rt]}")


def try_to_catch(number):
    try:
        signal.signal(number, lambda number, frame: None)
    except (ValueError, OSError):  # ValueError: no such number. OSError: EINVAL is the only one that sigaction has.
        say("EINVAL")
    else:
        say("ok")


def main():
    arguments = sys.argv[1:]
    number = None
    if len(arguments) == 2 and arguments[0] == "-t" and re.fullmatch("[+-]?[0-9]+", arguments[1]):
        number = int(arguments[1])
    if arguments and (number is None or not -2**31 <= number < 2**31):
        sys.stderr.write("usage: day4_1_sigaction [-t NUMBER]\n")
        sys.exit(2)
    try:
        if number is None:
            count()
        else:
            try_to_catch(number)
    except OSError as error:
        sys.stderr.write(f"day4_1_sigaction: {error}\n")
        os._exit(1)
    os._exit(0)


main()
