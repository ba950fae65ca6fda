"""day3_3_shutdown. One thread and poll, also for a file on standard input; sends before it receives, and reads at once all
that the kernel holds. A write that fails is remembered, and the answer is printed before it is told."""

import os
import re
import select
import socket
import sys

SIZE = 1 << 18


def address(text):
    found = re.fullmatch(rb"([0-9.]+):([0-9]+)", os.fsencode(text))
    if not found or int(found[2]) > 65535:
        raise ValueError("usage: ADDRESS:PORT")
    host = found[1].decode()
    socket.inet_pton(socket.AF_INET, host)
    return host, int(found[2])


def print_all(data):
    while data:
        data = data[os.write(1, data):]


class Upload:
    def __init__(self, server):
        self.server = server
        self.pending = b""
        self.sending = self.receiving = True
        self.sent = self.received = 0
        self.failure = None

    def lost(self, error):
        self.failure = self.failure or error
        self.sending = False
        self.pending = b""

    def send(self):
        try:
            count = self.server.send(self.pending)
        except BlockingIOError:
            return
        except OSError as error:
            return self.lost(error)
        self.sent += count
        self.pending = self.pending[count:]

    def take_input(self):
        self.pending = os.read(0, SIZE)
        if self.pending:
            return self.send()
        self.sending = False
        try:
            self.server.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.lost(error)

    def receive(self):
        try:
            data = self.server.recv(SIZE)
        except BlockingIOError:
            return
        print_all(data)
        self.received += len(data)
        self.receiving = bool(data)

    def step(self):
        asked = select.POLLIN * self.receiving | select.POLLOUT * bool(self.pending)
        poll = select.poll()
        poll.register(self.server, asked)
        if self.sending and not self.pending:
            poll.register(0, select.POLLIN)
        ready = dict(poll.poll())
        news = ready.get(self.server.fileno(), 0)
        if 0 in ready:
            self.take_input()
        elif self.pending and news:
            self.send()
        if self.receiving and news:
            self.receive()
        elif self.sending and news & (select.POLLERR | select.POLLHUP):
            self.lost("the server has gone")

    def run(self):
        while self.sending or self.receiving or self.pending:
            self.step()
        if self.failure:
            raise OSError(self.failure)


def main():
    try:
        [text] = sys.argv[1:]
        host = address(text)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    try:
        upload = Upload(socket.create_connection(host))
        upload.server.setblocking(False)
        upload.run()
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    print("sent", upload.sent, "received", upload.received, file=sys.stderr)
    return 0


sys.exit(main())
