"""The HTML file itself: front end and data packed, and a policy that lets it reach nothing."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
from html import escape
from pathlib import Path

from lgviz._visible import visible
from lgviz.backend import Backend
from lgviz.errors import NotInstalled
from lgviz.transfer.progress import Show

from .recorded import Recorded, record

__all__ = ["page_of"]

_BUNDLE = Path(__file__).parents[1] / "static" / "page.js"

# Unpacks the front end and runs it, which unpacks the data. Nothing else runs: its hash is in the policy.
_BOOT = """
const unpack = async (id) => {
  const text = document.getElementById(id).textContent;
  const bytes = Uint8Array.fromBase64
    ? Uint8Array.fromBase64(text)
    : Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
};
globalThis.lgvizPage = { data: unpack("lgviz-data").then((data) => data.text()) };
unpack("lgviz-code").then((code) => code.blob()).then((code) => {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  return import(url).then((bundle) => bundle.show());
}).catch((error) => {
  document.getElementById("lgviz").textContent = `This page needs a newer browser (${error.message}).`;
});
"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-{hash}' blob:; \
style-src 'unsafe-inline'; img-src data: blob:; media-src data: blob:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="lgviz">
<title>{title}</title>
<style>html, body {{ margin: 0; height: 100%; }}</style>
</head>
<body>
<div id="lgviz"></div>
<noscript>{noscript}</noscript>
<script type="application/octet-stream" id="lgviz-code">{code}</script>
<script type="application/octet-stream" id="lgviz-data">{data}</script>
<script>{boot}</script>
</body>
</html>
"""


def page_of(
    backend: Backend, selected: str | None, compared: str | None, show: Show
) -> tuple[bytes, Recorded]:
    """The open thread as one HTML page.

    Args:
        backend: what the page shows is what its views are given, masked as they are.
        selected: the checkpoint that the page opens at, by id; None: the newest.
        compared: one whose branch is compared with the selected one's, besides the newest branches.
        show: is told how many of the checkpoints are done.
    """
    recorded = record(backend, selected, compared, show)
    title = f"Thread {recorded.thread_id}"
    head, parts = recorded.lines()
    whole = "\n".join([head, *parts])
    text = _PAGE.format(
        hash=base64.b64encode(hashlib.sha256(_BOOT.encode()).digest()).decode(),
        title=escape(visible(title)),
        noscript=escape(f"{visible(title)}: this page needs JavaScript, which it brings with it."),
        code=_bundle(),
        data=base64.b64encode(gzip.compress(whole.encode("utf-8", "replace"), 9, mtime=0)).decode(),
        boot=_BOOT,
    )
    return text.encode(), recorded


@functools.cache
def _bundle() -> str:
    if not _BUNDLE.is_file():
        raise NotInstalled(
            "The page's front end is not built.", "Run `make setup` in the checkout, then restart Python."
        )
    return base64.b64encode(gzip.compress(_BUNDLE.read_bytes(), 9, mtime=0)).decode()
