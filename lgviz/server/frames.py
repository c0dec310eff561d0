"""How a message of the protocol travels with its binary buffers: four bytes, a head in JSON, the buffers.

::

    <length of the head, big-endian>{"message": {"id": 1, "result": {...}}, "buffers": [24, 8]}<24 bytes><8>

An answer to a POST is one frame or several on end: of progress, then of the reply. On a websocket each binary
message is a frame.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["frame", "frames"]

_LENGTH = struct.Struct(">I")


def frame(message: Any, buffers: Sequence[bytes] = ()) -> bytes:
    """One message with its buffers.

    >>> frame({"id": 1, "result": None}, [b"ab"])[4:]
    b'{"message": {"id": 1, "result": null}, "buffers": [2]}ab'

    Raises:
        ValueError: the message holds what JSON has no form for.
    """
    head = json.dumps({"message": message, "buffers": [len(b) for b in buffers]}, allow_nan=False).encode()
    return b"".join([_LENGTH.pack(len(head)), head, *buffers])


def frames(data: bytes) -> Iterator[tuple[Any, list[bytes]]]:
    """The messages of frames on end, each with its buffers.

    >>> list(frames(frame({"id": 1}, [b"ab", b""]) + frame({"id": 2})))
    [({'id': 1}, [b'ab', b'']), ({'id': 2}, [])]
    """
    at = 0
    while at < len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        head = json.loads(data[at : at + length])
        at += length
        buffers = []
        for size in head["buffers"]:
            buffers.append(data[at : at + size])
            at += size
        yield head["message"], buffers
