#!/usr/bin/env python3
"""day2_3 in Python: one line after the other, with the buffers of the library."""
import ipaddress, socket, sys

def fail(why):
    print(why, file=sys.stderr)
    sys.exit(1)

def address_in(words):
    try:
        (text,) = words
        ip, port = text.rsplit(":", 1)
        if not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ValueError(port)
        return str(ipaddress.IPv4Address(ip)), int(port)
    except ValueError as error:
        print(f"usage: ADDRESS:PORT: {error}", file=sys.stderr)
        sys.exit(2)

def main():
    try:
        server = socket.create_connection(address_in(sys.argv[1:]))
        for line in iter(sys.stdin.buffer.readline, b""):
            server.sendall(line)
            while line:
                came = server.recv(min(len(line), 65536))
                if not came:
                    fail("the server has ended the connection too early")
                if came != line[:len(came)]:
                    fail("the server has sent other bytes")
                sys.stdout.buffer.write(came)
                sys.stdout.buffer.flush()
                line = line[len(came):]
        server.shutdown(socket.SHUT_WR)
        if server.recv(1):
            fail("the server has sent too many bytes")
    except OSError as error:
        fail(error)

main()
