"""``trust=`` names modules whose classes the values of a file may be built into, wherever a file is opened."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from typer.testing import CliRunner

import lgviz
import lgviz.cli.asking
import lgviz.cli.keeping
import lgviz.cli.reading
from lgviz.backend import Backend
from lgviz.mcp import AgentTools, ToolDesk
from lgviz.mcp.graphs import backend_of
from tests.support.hostile.files import Blob, Content, langgraph_file, lgviz_file
from tests.support.hostile.packed import ext
from tests.support.pages import data_of

_NUMBERS = itertools.count()
AT = "c2"


def _history(file: Path, **options: Any) -> str:
    return repr(lgviz.history(file, **options)[AT].values)


def _source(file: Path, **options: Any) -> str:
    with closing(lgviz.open_source(file, **options)) as source:
        row = source.index("1").checkpoints[2]
        return repr(source.record("1", "", row.id).values)


def _requests(file: Path, **options: Any) -> str:
    with closing(Backend(str(file), **options)) as backend:
        id_ = backend.request("thread_open", thread_id=None)["tree"]["ids"][2]
        return json.dumps(backend.request("checkpoint_get", checkpoint=id_))


def _debugger(file: Path, **options: Any) -> str:
    with closing(lgviz.debug(file, **options)) as debugger:
        return repr(debugger.history[AT].values)


def _terminal(file: Path, **options: Any) -> str:
    words = [word for module in options.get("trust", ()) for word in ("--trust", module)]
    return CliRunner().invoke(lgviz.cli.app.app, ["show", str(file), "--at", AT, *words]).output


def _agent(file: Path, **options: Any) -> str:
    with (
        ExitStack() as held,
        closing(AgentTools(ToolDesk(lambda _: backend_of(held, str(file), **options)))) as tools,
    ):
        return tools.call("state", {"at": AT}).text


def _bundle(file: Path, **options: Any) -> str:
    made = lgviz.save_bundle(file, None, file.with_suffix(".lgviz"), **options)
    return _history(Path(made.path), **options)


def _page(file: Path, **options: Any) -> str:
    return json.dumps(data_of(lgviz.history(file, **options).to_html()))


def _markdown(file: Path, **options: Any) -> str:
    return lgviz.history(file, **options).to_markdown(at=[AT])


FACES: dict[str, Callable[..., str]] = {
    "history": _history,
    "source": _source,
    "requests": _requests,
    "debugger": _debugger,
    "terminal": _terminal,
    "coding agent": _agent,
    "bundle": _bundle,
    "page": _page,
    "markdown": _markdown,
}


def _stands_in(shown: str) -> bool:
    """Whether something stands for the order."""
    return any(
        said in shown
        for said in ("not loaded", "not trusted", '"kind": "undecodable"', "unbuilt", "placeholder")
    )


@pytest.fixture(params=["langgraph", "lgviz"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A file with an order of a shop that is not imported yet, and the shop's module: one that no test had before, for
    what a process has stored it is given back."""
    name = f"lgviz_test_shop_{next(_NUMBERS)}"
    code = "from dataclasses import dataclass\n\n@dataclass\nclass Order:\n    total: int\n"
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    made = tmp_path / "a.db"
    blob = Blob("msgpack", ormsgpack.packb(ext(2, name, "Order", {"total": 3})))
    {"langgraph": langgraph_file, "lgviz": lgviz_file}[request.param](made, Content(blob))
    return made, name


@pytest.mark.parametrize("face", FACES)
def test_a_trusted_module_is_imported_and_its_classes_built(face: str, shop: tuple[Path, str]) -> None:
    file, module = shop
    assert _stands_in(FACES[face](file)) and module not in sys.modules
    shown = FACES[face](file, trust=[module])
    assert "Order" in shown and not _stands_in(shown) and module in sys.modules


@pytest.mark.parametrize("face", FACES)
def test_what_is_loaded_but_not_trusted_is_not_built(face: str, shop: tuple[Path, str]) -> None:
    file, module = shop
    __import__(module)
    assert _stands_in(FACES[face](file, trust=["another_module"]))
