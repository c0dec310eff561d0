"""The formats that a thread is exported in: one table, from which every face offers them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lgviz.analysis.history import History
from lgviz.analysis.messages import is_message, read_message
from lgviz.backend import Backend
from lgviz.errors import InvalidValue, ThreadNotFound
from lgviz.export.drawing import history_markdown, tree_dot, tree_mermaid
from lgviz.export.picture import tree_png, tree_svg
from lgviz.page import page_of
from lgviz.transfer.bundles import packed_bundle
from lgviz.transfer.progress import Show

__all__ = ["FORMATS", "Exported", "FileFormat", "Made", "format_of", "history_of"]


@dataclass(frozen=True, slots=True)
class Exported:
    """What is exported: the open thread of a backend, and what is looked at in it, by id."""

    backend: Backend
    selected: str | None
    compared: str | None
    show: Show

    @property
    def history(self) -> History:
        return history_of(self.backend)


def history_of(backend: Backend) -> History:
    """The thread that is open.

    Raises:
        ThreadNotFound: none is.
    """
    if backend.history is None:
        raise ThreadNotFound("No thread is open.", "Pick one from the list.")
    return backend.history


@dataclass(frozen=True, slots=True)
class Made:
    """What a file holds, and how many checkpoints, messages and items of memory are in it."""

    content: bytes
    checkpoints: int
    messages: int = 0
    items: int = 0


@dataclass(frozen=True, slots=True)
class FileFormat:
    """One format.

    Attributes:
        name: in the protocol, in commands.
        title: what such a file is.
        suffixes: endings of its files, the usual one first.
        make: what the file holds.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    make: Callable[[Exported], Made]


def _html(asked: Exported) -> Made:
    content, recorded = page_of(asked.backend, asked.selected, asked.compared, asked.show)
    return Made(content, recorded.checkpoints, recorded.messages, recorded.items)


def _bundle(asked: Exported) -> Made:
    history, memory = asked.history, asked.backend.memory
    manifest, content = packed_bundle(history, memory.items, progress=asked.show)
    with history.source.sharing():
        messages = _messages(history, range(len(history.tree)))
    return Made(content, manifest.checkpoints, messages, manifest.items)


def _markdown(asked: Exported) -> Made:
    history = asked.history
    at = [history[asked.selected or history.latest.id]]
    diff = None if asked.compared is None else (asked.compared, at[0].id)
    text = history_markdown(history, [one.id for one in at], diff)
    return Made(text.encode(), len(history.tree), _messages(history, [one.row for one in at]))


def _svg(asked: Exported) -> Made:
    return Made(tree_svg(asked.history.tree).encode(), len(asked.history.tree))


def _png(asked: Exported) -> Made:
    tree = asked.history.tree
    row = None if asked.selected is None else tree.row_of(asked.selected)
    content, drawn = tree_png(tree, row)
    return Made(content, drawn)


def _mermaid(asked: Exported) -> Made:
    return Made(tree_mermaid(asked.history.tree).encode(), len(asked.history.tree))


def _dot(asked: Exported) -> Made:
    return Made(tree_dot(asked.history.tree).encode(), len(asked.history.tree))


FORMATS = {
    each.name: each
    for each in (
        FileFormat("html", "Page", (".html", ".htm"), _html),
        FileFormat("bundle", "Bundle", (".lgviz",), _bundle),
        FileFormat("markdown", "Markdown", (".md",), _markdown),
        FileFormat("svg", "Drawing", (".svg",), _svg),
        FileFormat("png", "Picture", (".png",), _png),
        FileFormat("mermaid", "Flowchart", (".mmd", ".mermaid"), _mermaid),
        FileFormat("dot", "Digraph", (".dot", ".gv"), _dot),
    )
}


def format_of(path: Path) -> FileFormat:
    """The format of a file, by its ending.

    Raises:
        InvalidValue: no format has it.
    """
    for each in FORMATS.values():
        if path.suffix.lower() in each.suffixes:
            return each
    endings = ", ".join(each.suffixes[0] for each in FORMATS.values())
    raise InvalidValue(f"{path.name!r} does not end as a file of an export.", f"End it in one of {endings}.")


def _messages(history: History, rows: range | list[int]) -> int:
    """How many different messages are in some states. States share what they have in common."""
    seen: dict[int, object] = {}
    found = set()
    for row in rows:
        for value in history.reader.state(row).values():
            for one in value if isinstance(value, (list, tuple)) else [value]:
                if id(one) in seen or not is_message(one):
                    continue
                seen[id(one)] = one  # held, so that no other gets its id
                message = read_message(one)
                found.add((message.role, message.id, message.text, repr(message.tool_calls)))
    return len(found)
