"""What anywidget asks of a widget that is to live in VS Code and Colab too: one module, no server, messages alone."""

from __future__ import annotations

import re
from pathlib import Path

import lgviz
from lgviz.demos import two_nodes
from lgviz.persistence import MemorySaver
from lgviz.widget import Debugger

STATIC = Path(lgviz.__file__).parent / "static"
NAMES = {
    "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml", "http://www.w3.org/1999/xlink",
    "http://www.w3.org/1998/Math/MathML", "https://github.com/markedjs/marked.",
}  # fmt: skip
"""Names of kinds of elements, and what an error of a library says: nobody fetches these."""


def debugger() -> Debugger:
    graph = two_nodes.build(MemorySaver())
    two_nodes.seed(graph, thread_id="1")
    return lgviz.debug(graph, "1")


def test_the_front_end_is_one_module_that_names_no_server() -> None:
    for name in ("loader.js", "widget.js", "page.js"):
        code = (STATIC / name).read_text(encoding="utf-8")
        assert not re.findall(r'^\s*import\s.*?["\'][^"\']+["\']', code, re.MULTILINE), name
        assert set(re.findall(r"https?://[\w./-]+", code)) <= NAMES, name
        assert not re.findall(
            r"\b(?:XMLHttpRequest|WebSocket|EventSource|importScripts|sendBeacon)\b", code
        ), name
        assert not re.findall(r"""url\(["']?(?:https?:)?//""", code), name
        assert not re.findall(r"\bfetch\b\s*\(", code), name
        modules = r"(?:^|[;}])(?:import|export)\s*[\w*{][^;]{0,80}?\bfrom\b|\bimport\s*\((.*?)\)"
        loaded = ["t"] if name == "loader.js" else []  # the blob that the kernel sent
        assert re.findall(modules, code, re.MULTILINE) == loaded, name


def test_state_is_a_few_names_and_all_else_is_messages() -> None:
    dbg = debugger()
    own = {
        name
        for name in dbg.keys
        if not name.startswith("_") and name not in ("layout", "tabbable", "tooltip")
    }
    assert own == {"thread_id", "selected", "compared", "height", "uid", "stamp"}
    state = dbg.get_state()
    assert not [name for name, value in state.items() if isinstance(value, (bytes, memoryview))]
    assert state["_esm"] == (STATIC / "loader.js").read_text(encoding="utf-8") and len(state["_esm"]) < 2_000
    assert state.get("_css", "") == ""
    dbg.close()
