#!/usr/bin/env python3
"""day3_2 in Python: the socket has a time limit, with which send, too, asks for room first."""

import os
import socket
import sys
import time


def end(status, reason):
    sys.stderr.write("ask: %s\n" % reason)
    sys.stderr.flush()
    os._exit(status)


def number(word, most):
    if not word.isdigit() or not 1 <= int(word) <= most:
        end(2, "a number is out of its range")
    return int(word)


def read_arguments(words):
    limit, tries = 500, 4
    while words and words[0].startswith(b"-"):
        option, value, words = words[0], b"".join(words[1:2]), words[2:]
        if option == b"-t":
            limit = number(value, 1000000)
        elif option == b"-n":
            tries = number(value, 100)
        else:
            end(2, "unknown option")
    if len(words) != 2:
        end(2, "usage: [-t MS] [-n TRIES] ADDRESS:PORT TEXT")
    ip, _, port = words[0].partition(b":")
    try:
        socket.inet_pton(socket.AF_INET, ip.decode("ascii"))
    except (OSError, ValueError):
        end(2, "no address")
    if not port.isdigit() or int(port) > 65535:
        end(2, "no port")
    return limit / 1000, tries, (ip.decode("ascii"), int(port)), words[1]


def ask(limit, tries, server, text):
    question = os.urandom(4) + text
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(server)
        for _ in range(tries):
            client.send(question)
            deadline = time.monotonic() + limit
            while (left := deadline - time.monotonic()) > 0:
                client.settimeout(left)
                try:
                    answer = client.recv(65536)
                except TimeoutError:
                    break
                if answer[:4] == question[:4]:
                    return answer[4:]
    end(1, "no answer")


task = read_arguments([os.fsencode(word) for word in sys.argv[1:]])
try:
    answer = ask(*task)
except ConnectionRefusedError:
    end(1, "refused")
except OSError as error:
    end(1, error)
try:
    sys.stdout.buffer.write(answer + b"\n")
    sys.stdout.buffer.flush()
except OSError as error:
    end(1, error)
