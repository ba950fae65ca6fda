"""day4_2_graceful_shutdown. Threads for the clients, and a main thread that waits in a selector for the listening socket,
for the wake-up descriptor of the signals and for a socket on which threads report their end."""

import os
import re
import selectors
import signal
import socket
import stat
import sys
import threading


def usage():
    sys.stderr.write("usage: [-p PIDFILE] ADDRESS:PORT|unix:PATH\n")
    sys.exit(2)


def parse(arguments):
    pid_file = None
    if len(arguments) == 3 and arguments[0] == "-p":
        pid_file, arguments = arguments[1], arguments[2:]
    if len(arguments) != 1:
        usage()
    word = arguments[0]
    if word.startswith("unix:"):
        path = word[5:]
        if not 1 <= len(os.fsencode(path)) <= 107:
            usage()
        return pid_file, path, None
    if not re.fullmatch(r"[0-9.]+:[0-9]{1,5}", word, re.ASCII):
        usage()
    ip, port = word.split(":")
    try:
        socket.inet_pton(socket.AF_INET, ip)
    except OSError:
        usage()
    if int(port) > 65535:
        usage()
    return pid_file, None, (ip, int(port))


def listen_at(path):
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(path)
    except OSError:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise
        with socket.socket(socket.AF_UNIX) as probe:
            probe.setblocking(False)
            try:
                probe.connect(path)
                raise
            except ConnectionRefusedError:
                pass
        os.unlink(path)
        listener.bind(path)
    listener.listen(128)
    return listener


def serve(client, done):
    try:
        while data := client.recv(65536):
            client.sendall(data)
    except OSError as error:
        sys.stderr.write(f"client lost: {error}\n")
    client.close()
    done.send(b"x")


def main():
    pid_file, path, address = parse(sys.argv[1:])
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    woken.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        if path is not None:
            listener = listen_at(path)
        else:
            listener = socket.create_server(address, backlog=128)
        listener.setblocking(False)
        if pid_file is not None:
            with open(pid_file, "w") as file:
                file.write(f"{os.getpid()}\n")
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    here = f"unix:{path}" if path is not None else "%s:%d" % listener.getsockname()
    print(f"listening {here}", flush=True)
    told, done = socket.socketpair()
    told.setblocking(False)
    selector = selectors.DefaultSelector()
    for each in (listener, woken, told):
        selector.register(each, selectors.EVENT_READ)
    requests = living = begun_with = 0

    def take_clients():
        nonlocal living
        while True:
            try:
                client, _ = listener.accept()
            except BlockingIOError:
                return
            client.setblocking(True)
            living += 1
            threading.Thread(target=serve, args=(client, done), daemon=True).start()

    while True:
        for key, _ in selector.select():
            if key.fileobj is woken:
                requests += len(woken.recv(64))
            elif key.fileobj is told:
                living -= len(told.recv(4096))
            elif requests == 0:
                take_clients()
        if requests >= 1 and listener is not None:
            for name in (path, pid_file):
                if name is not None:
                    os.unlink(name)
            take_clients()
            selector.unregister(listener)
            listener.close()
            listener = None
            begun_with = living
        if requests >= 2:
            sys.stderr.write("a second signal\n")
            sys.stderr.flush()
            os._exit(1)
        if listener is None and living == 0:
            print(f"drained {begun_with}", flush=True)
            return


main()
