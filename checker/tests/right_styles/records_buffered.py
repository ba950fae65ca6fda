#!/usr/bin/env python3
"""day1_2 in Python: standard input is read by a library with a buffer of its own."""
import os, re, struct, sys

def fail(why):
    print(why, file=sys.stderr)
    sys.exit(1)

def show(text):
    line = f"{text}\n".encode()
    while line:
        line = line[os.write(1, line):]

def convert(kind, bits, values):
    for text in values:
        if kind == "enc":
            if not re.fullmatch(r"[0-9]+", text) or int(text) >> bits:
                fail(f"a bad value: {text}")
            show(f"{int(text):0{bits // 4}x}")
        else:
            if not re.fullmatch(r"[0-9a-fA-F]+", text) or len(text) != bits // 4:
                fail(f"a bad value: {text}")
            show(int(text, 16))

def read_records(source):
    while header := source.read(16):
        if len(header) < 16:
            fail("the record is cut")
        kind, flags, length, time = struct.unpack("!HHIQ", header)
        rest = length
        while rest:
            piece = source.read(min(rest, 4096))
            if not piece:
                fail("the record is cut")
            rest -= len(piece)
        show(f"{kind} {flags} {length} {time}")

def main():
    what, *values = sys.argv[1:] or [""]
    found = re.fullmatch("(enc|dec)(16|32|64)", what)
    try:
        if found and values:
            convert(found[1], int(found[2]), values)
        elif what == "host" and not values:
            show(sys.byteorder)
        elif what == "rec" and not values:
            read_records(sys.stdin.buffer)
        else:
            print("usage: enc16|… NUMBER..., dec16|… HEX..., host, rec", file=sys.stderr)
            sys.exit(2)
    except OSError as error:
        fail(error)

main()
