"""Pictures, sounds and files in a state: what they are, by their first bytes; never fetched."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lgviz.errors import NotFound

__all__ = ["Media", "media_bytes", "media_of"]

MediaKind = Literal["image", "audio", "video", "file"]

_HEAD = 65_536
"""Bytes that are looked at; a JPEG may say its size late."""
_MOST = 20_000_000
"""Bytes of what a view may draw or play."""
_DATA_URI = re.compile(r"data:([\w.+-]*/?[\w.+-]*)[^,]{0,200}?(;base64)?,", re.IGNORECASE)
_SVG = re.compile(
    rb"\s*(<\?xml[^>]{0,200}>\s*)?(<!--.{0,2000}?-->\s*)?(<!DOCTYPE svg[^>]{0,300}>\s*)?<svg[\s>]", re.DOTALL
)
_BLOCKS = ("image", "audio", "video", "file", "document", "media")
_MAGIC: tuple[tuple[bytes, int, MediaKind, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "image", "image/png"),
    (b"\xff\xd8\xff", 0, "image", "image/jpeg"),
    (b"GIF8", 0, "image", "image/gif"),
    (b"WEBP", 8, "image", "image/webp"),
    (b"WAVE", 8, "audio", "audio/wav"),
    (b"ID3", 0, "audio", "audio/mpeg"),
    (b"\xff\xfb", 0, "audio", "audio/mpeg"),
    (b"OggS", 0, "audio", "audio/ogg"),
    (b"fLaC", 0, "audio", "audio/flac"),
    (b"ftypM4A", 4, "audio", "audio/mp4"),
    (b"ftyp", 4, "video", "video/mp4"),
    (b"\x1aE\xdf\xa3", 0, "video", "video/webm"),
    (b"%PDF-", 0, "file", "application/pdf"),
    (b"PK\x03\x04", 0, "file", "application/zip"),
    (b"\x1f\x8b", 0, "file", "application/gzip"),
    (b"SQLite format 3\x00", 0, "file", "application/vnd.sqlite3"),
)


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, a sound, a film or a file.

    Attributes:
        kind: what its bytes are; ``"file"`` for all that is neither drawn nor played.
        mime: told by its bytes; for a file that they do not tell, what is said of it.
        size: in bytes, None where it is elsewhere.
        name: as its block gives it.
        pixels: width and height of a picture whose bytes tell.
        where: the address or id of one that the value does not hold.
    """

    kind: MediaKind
    mime: str
    size: int | None = None
    name: str | None = None
    pixels: tuple[int, int] | None = None
    where: str | None = None

    def __str__(self) -> str:
        size = "" if self.size is None else f"{self.size:,} bytes"
        pixels = "" if self.pixels is None else f"{self.pixels[0]:,} × {self.pixels[1]:,}"
        return " · ".join(filter(None, (self.name, self.mime or self.kind, pixels, size, self.where)))


def media_of(value: Any) -> Media | None:
    """What a value is: bytes, a ``data:`` URI, or a content block of a message; None for anything else."""
    if type(value) in (bytes, bytearray):
        found = _sniffed(bytes(value[:_HEAD]))
        return None if found is None else Media(found[0], found[1], len(value), None, found[2])
    if type(value) is str:
        return _of_uri(value) if value[:5].lower() == "data:" else None
    if type(value) is not dict:
        return None
    block = _read_block(value)
    if block is None:
        return None
    kind, mime, data, name, where = block
    if data is None:
        return None if where is None else Media(kind, mime, None, name, None, where)
    found = _sniffed(_decoded(data[:_HEAD]))
    if found is None:
        return Media("file", mime, _size(data), name)
    return Media(found[0], found[1], _size(data), name, found[2])


def media_bytes(value: Any) -> bytes:
    """The bytes of what :func:`media_of` tells.

    Raises:
        NotFound: it holds none, or too many to be drawn.
    """
    data: Any = value
    if type(value) is dict:
        block = _read_block(value)
        data = block[2] if block else None
    elif type(value) is str:
        data = _payload(value)
    if type(data) in (bytes, bytearray) and len(data) <= _MOST:
        return bytes(data)
    if type(data) is not str or len(data) > _MOST * 4 // 3:
        raise NotFound("It holds no bytes, or too many to be drawn.", "Read the value with Copy as Python.")
    return _decoded(data)


_Block = tuple[MediaKind, str, str | None, str | None, str | None]


def _read_block(block: Mapping[str, Any]) -> _Block | None:
    """Kind, type as it is said, data in base64, name and address of a content block, of any provider."""
    kind = block.get("type")
    said: MediaKind = kind if kind in ("image", "audio", "video") else "file"
    if kind == "image_url":
        url = block.get("image_url")
        return _of_address("image", url.get("url") if isinstance(url, dict) else url)
    if kind == "input_audio" and isinstance(block.get("input_audio"), dict):
        audio = block["input_audio"]
        return "audio", f"audio/{audio.get('format')}"[:80], _text(audio.get("data")), None, None
    if kind not in _BLOCKS:
        return None
    inner = next((block[key] for key in ("source", "file") if isinstance(block.get(key), dict)), block)
    if inner.get("type") == "text":
        return None
    name = next(
        filter(None, (_text(one.get(k)) for one in (inner, block) for k in ("filename", "name", "title"))),
        None,
    )
    mime = next(filter(None, (_text(inner.get(k)) for k in ("mime_type", "media_type"))), "")
    if kind == "media" and mime.split("/")[0] in ("image", "audio", "video"):
        said = mime.split("/")[0]  # type: ignore[assignment]
    data = _first(inner, "base64", "data", "file_data")
    where = _first(inner, "url", "file_id", "file_uri", "id")
    if data is None or data[:5].lower() == "data:":
        found = _of_address(said, data or where)
        return None if found is None else (found[0], found[1] or mime, found[2], name, found[4])
    return said, mime, data, name, None


def _of_address(kind: MediaKind, address: Any) -> _Block | None:
    if type(address) is not str or not address:
        return None
    if address[:5].lower() != "data:":
        return kind, "", None, None, address
    found = _DATA_URI.match(address[:400])
    return kind, found[1] if found else "", _payload(address), None, None


def _of_uri(text: str) -> Media | None:
    head = _DATA_URI.match(text[:400])
    data = _payload(text)
    if head is None or data is None:
        return None
    found = _sniffed(_decoded(data[:_HEAD]))
    if found is None:
        return Media("file", head[1], _size(data))
    return Media(found[0], found[1], _size(data), None, found[2])


def _payload(uri: str) -> str | None:
    """What of a data URI is base64; None where it is written out as text."""
    head = _DATA_URI.match(uri[:400])
    return uri[head.end() :] if head and head[2] else None


def _decoded(data: str) -> bytes:
    data = data[: len(data) // 4 * 4] if len(data) % 4 and not data.endswith("=") else data
    try:
        return base64.b64decode(data)
    except (binascii.Error, ValueError):
        return b""


def _size(data: str) -> int:
    return max(0, len(data) * 3 // 4 - data[-2:].count("="))


def _first(block: Mapping[str, Any], *keys: str) -> str | None:
    return next(filter(None, (_text(block.get(key)) for key in keys)), None)


def _text(value: Any) -> str | None:
    return value if type(value) is str and value else None


# ---------------------------------------------------------------- by the first bytes


def _sniffed(head: bytes) -> tuple[MediaKind, str, tuple[int, int] | None] | None:
    for magic, at, kind, mime in _MAGIC:
        if head.startswith(magic, at):
            return kind, mime, _pixels(mime, head) if kind == "image" else None
    return ("image", "image/svg+xml", None) if _SVG.match(head[:4_000]) else None


def _pixels(mime: str, head: bytes) -> tuple[int, int] | None:
    try:
        if mime == "image/png":
            width, height = struct.unpack(">II", head[16:24])
        elif mime == "image/gif":
            width, height = struct.unpack("<HH", head[6:10])
        elif mime == "image/jpeg":
            return _jpeg(head)
        elif head[12:16] == b"VP8X":
            width, height = (int.from_bytes(head[i : i + 3], "little") + 1 for i in (24, 27))
        elif head[12:16] == b"VP8 ":
            width, height = (size & 0x3FFF for size in struct.unpack("<HH", head[26:30]))
        else:
            return None
    except (struct.error, ValueError):
        return None
    return int(width), int(height)


def _jpeg(head: bytes) -> tuple[int, int] | None:
    """From the frame header, which follows after any number of others."""
    at = 2
    while at + 9 < len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return None
