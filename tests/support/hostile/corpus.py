"""The corpus: every kind of hostile and damaged file, by name, each made by a function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ormsgpack
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from tests.support.hostile import bombs, broken

from .files import SAFE, Blob, Content, langgraph_file, lgviz_file
from .packed import CANARY, PACKED, msgpack
from .texts import TEXTS, content_of

Make = Callable[[Path], None]

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


def _files(held: Content, *tables: str) -> dict[str, Make]:
    made = {
        "langgraph": lambda path: langgraph_file(path, held),
        "lgviz": lambda path: lgviz_file(path, held),
    }
    return {name: make for name, make in made.items() if name in tables}


def _kinds() -> dict[str, dict[str, Make]]:
    """By kind: by the tables that it lies in, what makes the file."""
    found: dict[str, dict[str, Make]] = {}
    for name, blob in {**PACKED, **bombs.BOMBS}.items():
        found[name] = _files(Content(blob), "lgviz" if blob.tag == "lgviz" else "langgraph")
    together = [ormsgpack.Ext(7, blob.data) for blob in PACKED.values() if blob.tag == "msgpack"]
    found["all of LangGraph's at once"] = _files(Content(msgpack(together)), "lgviz")
    for number, (name, text) in enumerate(TEXTS.items()):
        found[f"text: {name}"] = _files(content_of(text), ("langgraph", "lgviz")[number % 2])
    for name, make in {**broken.BROKEN, **bombs.FILES}.items():
        found[name] = {"langgraph": make}
    return found


KINDS = _kinds()


def build(folder: Path) -> list[str]:
    """Makes every file, and those that a process is warmed up by; gives the names of the hostile ones."""
    (folder / f"{CANARY}.py").write_text("open('lgvizxss_imported', 'w').close()\nclass Model: pass\n")
    langgraph_file(folder / "healthy.langgraph", HEALTHY)
    lgviz_file(folder / "healthy.lgviz", HEALTHY)
    names = []
    for kind, files in KINDS.items():
        for tables, make in files.items():
            name = f"{kind.replace('/', '÷')}.{tables}"
            make(folder / name)
            names.append(name)
    return names
