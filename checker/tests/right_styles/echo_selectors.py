#!/usr/bin/env python3
"""day2_2 in Python: selectors, all clients at once, and nothing that blocks."""
import errno, ipaddress, selectors, socket, sys, time

def address_in(words):
    try:
        (text,) = words
        ip, port = text.rsplit(":", 1)
        if not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ValueError(port)
        return str(ipaddress.IPv4Address(ip)), int(port)
    except ValueError as error:
        sys.exit((print(f"usage: ADDRESS:PORT: {error}", file=sys.stderr), 2)[1])

def serve(loop, client, owed, mask):
    try:
        if mask & selectors.EVENT_READ:
            came = client.recv(65536)
            owed += came
            if not came and not owed:
                raise EOFError
            ended = not came
        else:
            ended = False
        if owed:
            del owed[:client.send(owed)]
    except BlockingIOError:
        ended = False
    except (EOFError, OSError) as error:
        if isinstance(error, OSError):
            print("a client is lost:", error, file=sys.stderr)
        loop.unregister(client)
        client.close()
        return
    if ended:
        loop.unregister(client)
        client.setblocking(True)
        try:
            client.sendall(owed)
        except OSError as error:
            print("a client is lost:", error, file=sys.stderr)
        client.close()
    else:
        # It reads on when all is sent.
        loop.modify(client, selectors.EVENT_WRITE if owed else selectors.EVENT_READ, owed)

def main():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    address = address_in(sys.argv[1:])
    try:
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        sys.exit(f"cannot listen: {error}")
    listener.setblocking(False)
    print("listening %s:%d" % listener.getsockname(), flush=True)
    loop = selectors.DefaultSelector()
    loop.register(listener, selectors.EVENT_READ)
    while True:
        for key, mask in loop.select():
            if key.fileobj is not listener:
                serve(loop, key.fileobj, key.data, mask)
                continue
            try:
                client, _ = listener.accept()
            except OSError as error:
                if error.errno not in (errno.ECONNABORTED, errno.EPROTO):
                    time.sleep(0.01)
                continue
            client.setblocking(False)
            loop.register(client, selectors.EVENT_READ, bytearray())

main()
