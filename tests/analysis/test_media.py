"""What bytes, data URIs and content blocks are, told by their first bytes."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from lgviz.analysis.media import Media, media_bytes, media_of
from lgviz.errors import NotFound
from tests.support.pictures import GIF, JPEG, PNG, SVG, WAV, WEBP, uri


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


PDF = b"%PDF-1.4 and more"


@pytest.mark.parametrize(
    ("value", "media", "data"),
    [
        (PNG, Media("image", "image/png", len(PNG), pixels=(3, 2)), PNG),
        (JPEG, Media("image", "image/jpeg", len(JPEG), pixels=(640, 480)), JPEG),
        (GIF, Media("image", "image/gif", len(GIF), pixels=(7, 5)), GIF),
        (WEBP, Media("image", "image/webp", len(WEBP), pixels=(10, 20)), WEBP),
        (SVG, Media("image", "image/svg+xml", len(SVG)), SVG),
        (bytearray(PDF), Media("file", "application/pdf", 17), PDF),
        (uri("image/png", PNG), Media("image", "image/png", len(PNG), pixels=(3, 2)), PNG),
        # What is said of it does not count.
        (uri("text/html", PNG), Media("image", "image/png", len(PNG), pixels=(3, 2)), PNG),
        (uri("image/png", b"<script>x</script>"), Media("file", "image/png", 18), b"<script>x</script>"),
        (uri("text/html", b"<b>"), Media("file", "text/html", 3), b"<b>"),
        ({"type": "image_url", "image_url": {"url": uri("image/jpeg", PNG)}}, Media("image", "image/png", len(PNG), pixels=(3, 2)), PNG),
        ({"type": "image_url", "image_url": uri("image/gif", GIF)}, Media("image", "image/gif", len(GIF), pixels=(7, 5)), GIF),
        ({"type": "image", "base64": b64(PNG), "mime_type": "image/png"}, Media("image", "image/png", len(PNG), pixels=(3, 2)), PNG),
        ({"type": "image", "source_type": "base64", "data": b64(PNG)}, Media("image", "image/png", len(PNG), pixels=(3, 2)), PNG),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": b64(PNG)}}, Media("image", "image/png", len(PNG), pixels=(3, 2)), PNG),
        ({"type": "media", "mime_type": "audio/wav", "data": b64(WAV)}, Media("audio", "audio/wav", len(WAV)), WAV),
        ({"type": "input_audio", "input_audio": {"data": b64(WAV), "format": "wav"}}, Media("audio", "audio/wav", len(WAV)), WAV),
        ({"type": "file", "file": {"filename": "a.pdf", "file_data": uri("application/pdf", PDF)}}, Media("file", "application/pdf", 17, "a.pdf"), PDF),
        ({"type": "document", "title": "a", "source": {"type": "base64", "media_type": "application/pdf", "data": b64(PDF)}}, Media("file", "application/pdf", 17, "a"), PDF),
        ({"type": "file", "base64": b64(b"a,b"), "mime_type": "text/csv", "filename": "a.csv"}, Media("file", "text/csv", 3, "a.csv"), b"a,b"),
    ],
)  # fmt: skip
def test_what_a_value_is(value: Any, media: Media, data: bytes) -> None:
    assert media_of(value) == media
    assert media_bytes(value) == data


@pytest.mark.parametrize(
    ("block", "where"),
    [
        ({"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}, "https://a.example/b.png"),
        ({"type": "image", "url": "file:///etc/passwd"}, "file:///etc/passwd"),
        ({"type": "image", "source": {"type": "url", "url": "https://a.example"}}, "https://a.example"),
        ({"type": "image", "file_id": "file-1"}, "file-1"),
        ({"type": "image_url", "image_url": "javascript:alert(1)"}, "javascript:alert(1)"),
    ],
)
def test_what_lies_elsewhere_is_named_and_has_no_bytes(block: Any, where: str) -> None:
    assert media_of(block) == Media("image", "", where=where)
    with pytest.raises(NotFound):
        media_bytes(block)


@pytest.mark.parametrize(
    "value",
    [
        b"plain", b"", "text", "data:", "data:image/png,", "data:text/html,<b>", None, 3, [PNG], {"type": "text", "text": "x"},
        {"type": "image"}, {"type": "image_url", "image_url": 3}, {"type": "image", "source": {"type": "text", "data": "x"}},
        {"type": "input_audio"}, {"type": ["image"]}, {}, {"type": "file", "file": {}},
    ],
)  # fmt: skip
def test_other_values_are_no_media(value: Any) -> None:
    assert media_of(value) is None


@pytest.mark.parametrize(
    "value",
    [
        {"type": "image", "base64": "@@@ no base64 @@@"},
        {"type": "image", "base64": "ü" * 9},
        PNG[:20],
        JPEG[:6],
        b"\xff\xd8" + b"\xff" * 70_000,
        b"RIFF1234WEBP",
        b"GIF8",
        b"<?xml" + b"<!---->" * 9_000,
    ],
)
def test_broken_bytes_are_told_as_far_as_they_go(value: Any) -> None:
    started = time.perf_counter()
    media = media_of(value)
    assert media is None or media.pixels is None
    assert time.perf_counter() - started < 2


def test_a_large_picture_is_told_by_its_head_and_not_given_out() -> None:
    large = PNG + b"x" * 30_000_000
    assert media_of(uri("image/png", large)) == Media("image", "image/png", len(large), pixels=(3, 2))
    with pytest.raises(NotFound, match="too many to be drawn"):
        media_bytes(large)
