"""The HTML file itself: front end and data packed, and a policy that lets it reach nothing."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import json
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

from markupsafe import Markup

from lgviz._visible import visible
from lgviz.analysis.history import History
from lgviz.analysis.html import page
from lgviz.backend import Backend
from lgviz.errors import NotInstalled

from .recorded import Recorded, record

__all__ = ["PageSummary", "export_html", "to_html"]

_BUNDLE = Path(__file__).parents[1] / "static" / "page.js"

# Unpacks the front end and runs it, which unpacks the data. Nothing else runs: its hash is in the policy.
_BOOT = """
const unpack = async (id) => {
  const text = document.getElementById(id).textContent;
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
};
globalThis.lgvizPage = { unpack };
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


@dataclass(frozen=True, slots=True)
class PageSummary:
    """What an exported page contains.

    >>> import lgviz
    >>> from lgviz.demos import two_nodes
    >>> from lgviz.persistence import MemorySaver
    >>> graph = two_nodes.build(MemorySaver())
    >>> two_nodes.seed(graph)
    >>> PageSummary("1", 6, 0, 0, 171_000, 0)
    <Page of thread '1': 6 checkpoints, no messages, no memory items; 171 KB, nothing redacted>

    Attributes:
        thread_id: the thread.
        checkpoints, messages, items: how many different ones are in it; ``items``: of memory.
        size: bytes of the file.
        rules: how many rules of ``redact=`` masked it.
        path: where it was written; None: it was not yet.
    """

    thread_id: str
    checkpoints: int
    messages: int
    items: int
    size: int
    rules: int
    path: str | None = None

    def __str__(self) -> str:
        counts = [
            _counted(self.checkpoints, "checkpoint"),
            _counted(self.messages, "message"),
            _counted(self.items, "memory item"),
        ]
        masked = f"redacted by {_counted(self.rules, 'rule')}" if self.rules else "nothing redacted"
        return visible(f"thread {self.thread_id!r}: {', '.join(counts)}; {_bytes(self.size)}, {masked}")

    def __repr__(self) -> str:
        where = "" if self.path is None else f", {self.path}"
        return visible(f"<Page of {self}{where}>")

    def _repr_html_(self) -> str:
        facts = {
            "thread": self.thread_id,
            "checkpoints": str(self.checkpoints),
            "messages": str(self.messages),
            "memory items": str(self.items),
            "size": _bytes(self.size),
            "redacted": f"by {_counted(self.rules, 'rule')}" if self.rules else "nothing",
        }
        return page(self.path or "Page", Markup(), facts)


def export_html(
    shown: History | Backend,
    path: Any,
    *,
    thread_id: str | None = None,
    selected: str | None = None,
    quiet: bool = False,
) -> PageSummary:
    """Write a thread as one HTML file.

    What it will contain is printed before it is written.

    Args:
        shown: a history, or the backend of a debugger; what it redacts is redacted.
        path: where to; a file that is there is written over.
        thread_id: the thread; None: the open one.
        selected: the checkpoint that the page opens at, by id; None: the newest.
        quiet: print nothing.
    """
    text, made = _document(shown, thread_id, selected)
    if not quiet:
        print(f"{path}: {made}")
    Path(path).write_bytes(text)
    return replace(made, path=str(path))


def to_html(shown: History | Backend, *, thread_id: str | None = None, selected: str | None = None) -> str:
    """A thread as one HTML page, as :func:`export_html` writes it."""
    return _document(shown, thread_id, selected)[0].decode()


def _document(
    shown: History | Backend, thread_id: str | None, selected: str | None
) -> tuple[bytes, PageSummary]:
    if isinstance(shown, Backend):
        return _packed(shown, record(shown, thread_id, selected))
    graph = shown.source.graph
    backend = Backend(
        shown.source,
        config=dict(shown.config or {}),
        context=shown.context,
        store=getattr(graph, "store", None),
    )
    try:
        return _packed(backend, record(backend, thread_id or shown.thread_id, selected))
    finally:
        backend.end()


def _packed(backend: Backend, recorded: Recorded) -> tuple[bytes, PageSummary]:
    title = f"Thread {recorded.thread_id}"
    data = dict(recorded.data)
    parts = data.pop("parts")
    head = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    whole = f'{head[:-1]},"parts":[{",".join(parts.table)}]}}'
    text = _PAGE.format(
        hash=base64.b64encode(hashlib.sha256(_BOOT.encode()).digest()).decode(),
        title=escape(visible(title)),
        noscript=escape(f"{visible(title)}: this page needs JavaScript, which it brings with it."),
        code=_bundle(),
        data=base64.b64encode(gzip.compress(whole.encode("utf-8", "replace"), 9, mtime=0)).decode(),
        boot=_BOOT,
    ).encode()
    redactor = backend.thread.redactor
    rules = 0 if redactor is None else len(redactor.rules)
    return text, PageSummary(
        recorded.thread_id, recorded.checkpoints, recorded.messages, recorded.items, len(text), rules
    )


@functools.cache
def _bundle() -> str:
    if not _BUNDLE.is_file():
        raise NotInstalled(
            "The page's front end is not built.", "Run `make setup` in the checkout, then restart Python."
        )
    return base64.b64encode(gzip.compress(_BUNDLE.read_bytes(), 9, mtime=0)).decode()


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _bytes(size: int) -> str:
    return f"{size / 1000:,.0f} KB" if size < 1_000_000 else f"{size / 1_000_000:,.1f} MB"
