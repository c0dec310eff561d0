"""How a block's bytes lie in the database: compressed where it wins, encrypted where the serializer does."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Any

from .dictionary import unpacked_size, zstd
from .merkle import Part, pack, unpack

CONTAINER, PACKED, SEALED = 1, 2, 4
"""Bits of a block's ``form``."""

_WORTHWHILE = 96
_ROWS, _SMALL_ROW = 2048, 2048
"""How many rows are kept opened, and the longest of them in bytes: a history meets each row many times."""
# Marks before a row's bytes: no container in msgpack begins like that.
_ROW_SEALED, _ROW_PACKED = b"\xc1", b"\xc0"
OPAQUE_ROWS = (_ROW_SEALED, _ROW_PACKED)
"""How rows begin in which nothing can be looked for before they are opened."""


class BlockCodec:
    """Writes and reads the bytes that the tables hold.

    Args:
        cipher: LangGraph's ``CipherProtocol``, or None.

    Attributes:
        room: bytes that anything packed may unpack to; None: any number, for who trusts the database.
    """

    def __init__(self, cipher: Any = None) -> None:
        self.cipher = cipher
        self.room: int | None = None
        self._opened = lru_cache(_ROWS)(self._open_row)

    def close(self, part: bytes | list[Any]) -> tuple[int, bytes]:
        """The form and data of a block whose own blocks have ids."""
        form, data = (0, part) if isinstance(part, bytes) else (CONTAINER, _with_checksum(pack(part)))
        if len(data) >= _WORTHWHILE:
            small = zstd.compress(data)
            if len(small) < len(data) * 0.9:
                form, data = form | PACKED, small
        if self.cipher is not None:
            form, data = form | SEALED, self.seal(data)
        return form, data

    def open(self, form: int, data: bytes) -> bytes | list[Any]:
        """What :meth:`close` was given; the blocks in it only know their ids.

        Raises:
            Exception: whatever zstd, the cipher or msgpack raise on damaged bytes.
        """
        if form & SEALED:
            data = self.unseal(data)
        if form & PACKED:
            data = self._unpacked(data)
        if not form & CONTAINER:
            return data
        part = unpack(_verified(data))
        if not isinstance(part, list):
            raise ValueError("no container")
        return part

    def close_row(self, part: Part) -> bytes:
        """A part as a column of a row holds it."""
        data = _with_checksum(pack(part))
        if len(data) >= _WORTHWHILE:
            small = zstd.compress(data)
            if len(small) < len(data) - 1:
                data = _ROW_PACKED + small
        return data if self.cipher is None else _ROW_SEALED + self.seal(data)

    def open_row(self, data: bytes) -> Part:
        """What :meth:`close_row` was given; not to be changed, for others may be given the same.

        Raises:
            Exception: as :meth:`open`.
        """
        return self._opened(data) if len(data) <= _SMALL_ROW else self._open_row(data)

    def _open_row(self, data: bytes) -> Part:
        if data[:1] == _ROW_SEALED:
            data = self.unseal(data[1:])
        if data[:1] == _ROW_PACKED:
            data = self._unpacked(data[1:])
        return unpack(_verified(data))

    def _unpacked(self, data: bytes) -> bytes:
        if self.room is not None and (size := unpacked_size(data)) > self.room:
            raise ValueError(f"it would unpack to {size:,} bytes")
        return zstd.decompress(data)

    def seal(self, data: bytes) -> bytes:
        """Some bytes, encrypted."""
        name, sealed = self.cipher.encrypt(data)
        marked: bytes = bytes((len(name),)) + name.encode() + sealed
        return marked

    def unseal(self, data: bytes) -> bytes:
        """What :meth:`seal` was given.

        Raises:
            ValueError: there is no key, or another one.
        """
        if self.cipher is None:
            raise ValueError("it is encrypted, and this saver has no key")
        end = 1 + data[0]
        return bytes(self.cipher.decrypt(data[1:end].decode(), data[end:]))


def _with_checksum(data: bytes) -> bytes:
    """Append a CRC32: rows are not content-addressed, and a container's hash needs its children."""
    return data + zlib.crc32(data).to_bytes(4, "big")


def _verified(data: bytes) -> bytes:
    content = data[:-4]
    if zlib.crc32(content) != int.from_bytes(data[-4:], "big"):
        raise ValueError("its bytes do not match their checksum")
    return content
