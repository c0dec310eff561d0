"""Small pictures and sounds, made of their formats' bytes."""

from __future__ import annotations

import base64
import io
import struct
import wave
import zlib

__all__ = ["GIF", "JPEG", "PNG", "SVG", "WAV", "WEBP", "png", "uri"]


def png(width: int, height: int) -> bytes:
    """A picture of this size, black."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 1) * height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8_000)
        sound.writeframes(bytes(80))
    return file.getvalue()


def uri(mime: str, data: bytes) -> str:
    """Bytes as a ``data:`` URI."""
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


PNG = png(3, 2)
GIF = b"GIF89a" + struct.pack("<HH", 7, 5) + b"\x00\x00\x00;"
JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xc0\x00\x11\x08"
    + struct.pack(">HH", 480, 640)
    + b"\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01\xff\xd9"
)
WEBP = b"RIFF\x1a\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x13\x00\x00"
WAV = _wav()
SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8" onload="document.title='ran'">\
<script>document.title = "ran"</script><image href="http://pictures.example/svg.png"/></svg>"""
