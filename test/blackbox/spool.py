"""Reads the spool's files with no code of the program: which datagrams were acknowledged."""
import glob
import struct

HEAD = struct.Struct("<IIQQ16sIH6B4x")  # length + 1, check, number, when, source, rate limit, port, kind, ...
END = 0xFFFFFFFF
DATAGRAM = 0


def datagrams(data_dir):
    """(source as 16 bytes, payload) of every datagram that any partition still holds."""
    for path in sorted(glob.glob(f"{data_dir}/**/*.seg", recursive=True)):
        with open(path, "rb") as f:
            content = f.read()
        position = 0
        while position + HEAD.size <= len(content):
            length, _, _, _, source, _, _, kind, *_ = HEAD.unpack_from(content, position)
            if length in (0, END):
                break
            length -= 1
            if kind == DATAGRAM:
                yield source, content[position + HEAD.size:position + HEAD.size + length]
            position += HEAD.size + (length + 7) // 8 * 8


def acknowledged(data_dir, first_source):
    """Numbers of the datagrams of traffic.py in the spool; one that is there twice is an error of the inlet."""
    numbers = []
    for _, payload in datagrams(data_dir):
        if len(payload) >= 28 and payload[:2] == b"\0\5":
            numbers.append(struct.unpack_from(">I", payload, 24)[0] - first_source)
    assert len(numbers) == len(set(numbers)), "a datagram is in the spool twice"
    return set(numbers)
