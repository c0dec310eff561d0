"""The corpus: every kind of hostile and damaged file, by family and name, each made by a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import ormsgpack
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from tests.support.hostile import bombs, broken, packed, texts

from .files import SAFE, Blob, Content, langgraph_file, lgviz_file
from .packed import CANARY, msgpack


class Kind(NamedTuple):
    """A kind of file: in whose tables it lies, and what makes it."""

    tables: str
    make: Callable[[Path], None]


HEALTHY = Content(
    Blob(
        *SAFE.dumps_typed(
            {
                "messages": [
                    HumanMessage("hi", id="1"),
                    AIMessage("yo", id="2", tool_calls=[{"name": "f", "args": {"a": 1}, "id": "c"}]),
                    ToolMessage("r", tool_call_id="c", id="3"),
                ]
            }
        )
    ),
    items={(("a", "b"), "k"): {"x": 1, "e": "e"}},
)


def _holding(held: Content, tables: str) -> Kind:
    make = lgviz_file if tables == "lgviz" else langgraph_file
    return Kind(tables, lambda path: make(path, held))


def _value(blob: Blob) -> Kind:
    return _holding(Content(blob), "lgviz" if blob.tag == "lgviz" else "langgraph")


def _all_at_once() -> Kind:
    every = [ormsgpack.Ext(7, blob.data) for blob in packed.PACKED.values() if blob.tag == "msgpack"]
    return _holding(Content(msgpack(every)), "lgviz")


_VALUES = {
    "pickles": packed.PICKLES,
    "LangGraph's extensions": packed.EXTENSIONS,
    "constructors": packed.CONSTRUCTORS,
    "messages": packed.MESSAGES,
    "lgviz's forms": packed.FORMS,
    "deep values": bombs.DEEP_VALUES,
    "large values": bombs.LARGE_VALUES,
}
_TEXTS = {
    "markup": texts.MARKUP,
    "addresses": texts.ADDRESSES,
    "control characters": texts.CONTROLS,
    "hidden characters": texts.HIDDEN,
    "languages": texts.LANGUAGES,
    "shapes of a text": texts.SHAPES,
}
_STRUCTURES = {
    "relations": broken.RELATIONS,
    "rows": broken.ROWS,
    "classes": broken.CLASSES,
    "pages": broken.PAGES,
    "schemas": broken.SCHEMAS,
    "bundles": broken.BUNDLES,
    "large files": bombs.FILES,
}
FAMILIES: dict[str, dict[str, Kind]] = {
    **{family: {name: _value(blob) for name, blob in kinds.items()} for family, kinds in _VALUES.items()},
    "together": {"all of LangGraph's at once": _all_at_once()},
    **{
        family: {
            f"text: {name}": _holding(texts.content_of(text), ("langgraph", "lgviz")[number % 2])
            for number, (name, text) in enumerate(kinds.items())
        }
        for family, kinds in _TEXTS.items()
    },
    **{
        family: {name: Kind("langgraph", make) for name, make in kinds.items()}
        for family, kinds in _STRUCTURES.items()
    },
}
KINDS = {name: kind for kinds in FAMILIES.values() for name, kind in kinds.items()}
SLOW = {"100,000 empty lists", "100,000 items", "a million keys", "20,000 writes", "wide metadata"}
"""Those that take ten seconds or more."""
SAMPLE = {name for kinds in FAMILIES.values() for name in [name for name in kinds if name not in SLOW][::3]}
"""A third of each family, for which there is always the time."""


def file_of(kind: str) -> str:
    """The name of the file of a kind."""
    return f"{kind.replace('/', '÷')}.{KINDS[kind].tables}"


def build(folder: Path, kinds: Iterable[str]) -> None:
    """Makes a file of each of these kinds, and those that a process is warmed up by."""
    (folder / f"{CANARY}.py").write_text("open('lgvizxss_imported', 'w').close()\nclass Model: pass\n")
    langgraph_file(folder / "healthy.langgraph", HEALTHY)
    lgviz_file(folder / "healthy.lgviz", HEALTHY)
    for kind in kinds:
        KINDS[kind].make(folder / file_of(kind))
