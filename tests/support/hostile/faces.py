"""Every way in which a file is opened and shown: a table of functions, each of which yields all that it shows."""

from __future__ import annotations

import html.parser
import io
import itertools
import json
import re
import xml.sax
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from markdown_it import MarkdownIt
from typer.main import get_command

import lgviz
import lgviz.cli.asking
import lgviz.cli.keeping
import lgviz.cli.reading
from lgviz._visible import HIDDEN
from lgviz.analysis import plots
from lgviz.backend import Backend
from lgviz.backend.watches import WatchRequests
from lgviz.errors import LgvizError
from lgviz.files.requests import ExportRequests
from lgviz.mcp import AgentTools, ToolDesk
from lgviz.mcp.graphs import backend_of
from lgviz.persistence import MemorySaver, migrate
from lgviz.sources.items import plainly
from lgviz.sources.stores import memory_of
from tests.support.pages import data_of

MARK = "lgvizxss"
"""In the texts of hostile files: as a tag, in the name of an attribute, as the scheme of a URL, as a file's name."""

OUT = Path()
"""Where faces may write: a probe sets it."""
COMMANDS = get_command(lgviz.cli.app.app)
Shown = tuple[str, str]
"""A kind of text (``text``, ``html``, ``svg``, ``markdown``, ``dot``, ``mermaid``, ``terminal``, ``json``) and the text."""


def _repr(value: Any) -> str:
    """A value as Python prints it, which refuses numbers of more than 4,300 digits."""
    try:
        return repr(value)
    except (ValueError, RecursionError) as error:
        return str(error)


def _history(file: Path) -> Iterator[Shown]:
    h = lgviz.history(file)
    yield "text", repr(h)
    yield "html", h._repr_html_()
    for c in [*h.all][:40]:
        yield (
            "text",
            f"{c!r} {c.next} {c.nodes} {c.changed} {c.created_at} {c.step} {c.note} {c.status if hasattr(c, 'status') else ''}",
        )
        yield "text", _repr(c.values)
        yield "html", c._repr_html_()
        yield "text", _repr((c.tasks, c.writes, c.metadata, c.interrupts, c.waiting, c.error, dict(c.errors)))
        yield "html", c.writes._repr_html_()
    yield "text", h.frame().to_csv()
    yield "text", str(list(h.graph().nodes(data=True)))[:100_000]


def _questions(file: Path) -> Iterator[Shown]:
    h = lgviz.history(file)
    some = list(h)[:6]
    for before, after in itertools.pairwise(some):
        diff = h.diff(before, after)
        yield "text", repr(diff)
        yield "html", diff._repr_html_()
        yield "text", _repr(diff.frame().to_dict())
    for c in some:
        why = h.why(c)
        yield "text", str(why)
        yield "html", why._repr_html_()
    blamed = h.blame()
    yield "text", repr(blamed)
    yield "html", blamed._repr_html_()
    if len(some) > 1:
        yield "text", repr(h.compare(some[0], some[-1]))
    yield "text", repr(h.find(lambda c: "step" in _repr(c.values)))
    yield "text", repr(list(itertools.islice(lgviz.search(h, "e"), 200))) if hasattr(lgviz, "search") else ""


def _pictures(file: Path) -> Iterator[Shown]:
    h = lgviz.history(file)
    for kind in plots.KINDS:
        yield "plotly", h.plot(kind).to_json()
    yield "plotly", lgviz.plot_threads(file).to_json()
    yield "text", lgviz.thread_stats(file, tokens=True).to_csv()
    drawn = OUT / "tree.svg"
    h.export_svg(drawn)
    yield "svg", drawn.read_text(encoding="utf-8")
    yield "mermaid", h.to_mermaid()
    yield "dot", h.to_dot()
    yield "markdown", h.to_markdown(at=[c.label for c in h][:6], diff=None)


def _page(file: Path) -> Iterator[Shown]:
    page = lgviz.history(file).to_html()
    if len(page) < 1_000_000:
        json.dumps(data_of(page))
    yield "page", page


def _static(file: Path) -> Iterator[Shown]:
    with closing(lgviz.debug(file)) as debugger:
        yield "html", debugger._static_bundle()["text/html"]
        yield "text", repr(debugger)


def _bundle(file: Path) -> Iterator[Shown]:
    out = OUT / "made.lgviz"
    bundle = lgviz.save_bundle(file, None, out)
    yield "text", repr(bundle)
    yield "html", bundle._repr_html_()
    yield "text", _repr([c.values for c in lgviz.history(out)][:6])
    with MemorySaver() as saver:
        lgviz.open_bundle(out).import_into(saver)
        yield "text", repr(len(lgviz.history(saver)))


def _copied(file: Path) -> Iterator[Shown]:
    with MemorySaver() as saver:
        yield "text", repr(migrate(str(file), saver, progress=False))


def _terminal(file: Path) -> Iterator[Shown]:
    where, out, labels = str(file), OUT, ["c0"]
    with suppress(LgvizError):
        labels = [c.label for c in lgviz.history(file)][:4] or labels
    for command in (
        ["threads"], ["show"], ["show", "--at", "c2", "--state"], ["show", "--messages", "--at", "c2"], ["find", "e"], ["blame"],
        ["diff", labels[0], labels[-1]], ["check"], ["stats"],
        ["bundle", str(out / "cli.lgviz")], ["cases", str(out / "cli.json")], ["migrate", str(out / "cli.db")],
    ):  # fmt: skip
        for form in ([], ["--json"]) if command[0] in ("show", "diff") else ([],):
            done = CliRunner().invoke(COMMANDS, [command[0], where, *command[1:], *form])
            if "please report it" in done.stderr or (
                done.exception and not isinstance(done.exception, SystemExit)
            ):
                raise AssertionError(
                    f"{' '.join(command)}: {done.stderr} {done.exception!r}"
                ) from done.exception
            yield "terminal", done.stdout + done.stderr
            if form and not done.stderr:
                json.loads(done.stdout)


def _agent(file: Path) -> Iterator[Shown]:
    with ExitStack() as held, closing(AgentTools(ToolDesk(lambda _: backend_of(held, str(file))))) as tools:
        for name, arguments in (
            ("threads", {}), ("tree", {}), ("state", {}), ("state", {"path": "messages"}), ("state", {"path": "evil"}), ("find", {"text": "e"}),
            ("diff", {"before": "c0", "after": "c1"}), ("diff", {"before": "c1", "after": "c2"}), ("blame", {}), ("why", {}),
            ("compare", {"left": "c0", "right": "c2"}), ("memory", {}), ("memory", {"text": "a", "limit": 50}),
        ):  # fmt: skip
            try:
                answer = tools.call(name, arguments)
            except LgvizError as error:
                if "failed:" in error.cause:
                    raise AssertionError(f"{name} {arguments}: {error}") from error
                yield "terminal", str(error)
                continue
            yield "terminal", answer.text
            yield "json", json.dumps(answer.structured)


def _requests(file: Path) -> Iterator[Shown]:
    told: list[Any] = []
    with closing(Backend(str(file), lambda message, buffers: told.append(message))) as backend:
        backend.answer_by(ExportRequests(backend))
        backend.answer_by(WatchRequests(backend.thread))
        backend.request("threads_list", query="", after=None, limit=50)
        opened = backend.request("thread_open", thread_id=None)
        told.append(opened)
        ids = opened["tree"]["ids"][:5]
        for method, params in _asked(backend, ids):
            try:
                told.append(backend.request(method, **params))
            except LgvizError as error:
                told.append(str(error))
            yield "json", json.dumps(told)
            told.clear()


def _asked(backend: Backend, ids: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "rows_marks", {"checkpoints": ids}
    for one in ids:
        for method in (
            "checkpoint_get",
            "writes_get",
            "tasks_get",
            "why_get",
            "narration_get",
            "blame_get",
            "raw_get",
            "memory_open",
            "memory_changes",
        ):
            yield method, {"checkpoint": one}
        for part in _parts(backend, one):
            yield "value_get", {**part, "offset": 0, "limit": 100}
            yield "media_get", part
            yield "part_form", part
        yield "diff_get", {"before": ids[0], "after": one, "internal": True}
        yield "compare_get", {"left": ids[0], "right": one}
    for query in ("e", "step"):
        yield "search", {"query": query}
    yield "branches_get", {}
    yield "thread_refresh", {}
    yield "memory_list", {"checkpoint": None, "ref": "", "offset": 0, "limit": 50}
    yield (
        "memory_search",
        {"checkpoint": None, "ref": "", "text": "e", "filter": "", "query": "", "offset": 0, "limit": 50},
    )
    for act in ("select", "diff"):
        yield "code_get", {"act": act, "checkpoint": ids[-1], "other": ids[0]}


def _parts(backend: Backend, checkpoint: str) -> Iterator[dict[str, Any]]:
    with suppress(LgvizError):
        for channel in backend.request("checkpoint_get", checkpoint=checkpoint)["channels"][:5]:
            for path in ([], [0], [0, 0]):
                yield {"checkpoint": checkpoint, "channel": channel["name"], "path": path}


def _memory(file: Path) -> Iterator[Shown]:
    items = memory_of(str(file), None, plainly)
    if items is not None:
        yield (
            "text",
            repr([(item.namespace, item.key, item.value) for item in itertools.islice(items.scan(()), 200)]),
        )


FACES: dict[str, Callable[[Path], Iterator[Shown]]] = {
    "history": _history,
    "questions": _questions,
    "pictures": _pictures,
    "page": _page,
    "static view": _static,
    "bundle": _bundle,
    "copy": _copied,
    "terminal": _terminal,
    "coding agent": _agent,
    "requests": _requests,
    "memory": _memory,
}


# ------------------------------------------------------------ what a text may not become


class _Tags(html.parser.HTMLParser):
    """What a browser would make of a text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self._scripts = 0
        self._inside = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        if tag in (MARK, "script", "iframe", "object", "embed", "base", "meta", "link", "form"):
            self.faults.append(f"<{tag}>")
        for name, value in attributes:
            said = (value or "").lower()
            if name.startswith("on") or MARK in name:
                self.faults.append(f"{tag} {name}=")
            if name in ("href", "src", "action", "xlink:href", "style", "srcset") and (
                MARK in said or "javascript:" in said
            ):
                self.faults.append(f"{name}={said[:60]}")

    def handle_data(self, data: str) -> None:
        if self._inside == "style" and MARK in data:
            self.faults.append("a style")


def faults_of(kind: str, text: str) -> list[str]:
    """What a text became that is no text."""
    if kind == "html":
        return _in_html(text)
    if kind == "page":  # its own scripts, and the data packed
        rest = re.sub(
            r"<script[^>]*>[^<]*</script>|<style[^>]*>.*?</style>|<meta[^>]*>", "", text, flags=re.S
        )
        return _in_html(rest)
    if kind == "svg":
        xml.sax.parse(io.StringIO(text), xml.sax.handler.ContentHandler())
        return _in_html(text)
    if kind == "markdown":
        return _in_html(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    if kind == "terminal":
        return [f"a control character {found!r}" for found in set(HIDDEN.findall(text))][:5]
    if kind == "dot":
        return ["outside of quotes"] if MARK in re.sub(r'"(?:[^"\\]|\\.)*"', "", text, flags=re.S) else []
    if kind == "mermaid":
        return [
            line[:80]
            for line in text.split("\n")
            if re.match(r"\s*(click|href|%%|style|classDef\s+\S*lgviz)", line) and MARK in line
        ]
    if kind == "plotly":
        return [
            f"markup in {found[:60]}" for found in re.findall(rf"<(?:a|img|{MARK})[^>]*{MARK}[^>]*>", text)
        ]
    return []


def _in_html(text: str) -> list[str]:
    tags = _Tags()
    tags.feed(text)
    tags.close()
    return tags.faults
