"""``pin``: from a bug to a test, with the recorded thread beside it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import open_history
from lgviz.analysis.shown import ShownByFields
from lgviz.errors import ActRefused, FileExists, InvalidValue, MissingFile, NotInstalled
from lgviz.session.graph_search import name_of_graph
from lgviz.session.halts import names_in
from lgviz.sources.bundle_file import write_whole
from lgviz.sources.items import plainly
from lgviz.sources.redact import Rules
from lgviz.sources.stores import memory_of
from lgviz.transfer.bundles import packed_bundle

from .fresh_test import failure_of
from .work import Names

__all__ = ["Pinned", "pin"]


@dataclass(frozen=True, slots=True, repr=False)
class Pinned(ShownByFields):
    """A test that was written, and passed.

    >>> import lgviz
    >>> from lgviz.demos import two_nodes
    >>> from lgviz.persistence import MemorySaver
    >>> two_nodes.seed(graph := two_nodes.build(MemorySaver()))
    >>> lgviz.pin(lgviz.history(graph)["c3"], "tests/test_bar.py", graph="lgviz.demos.two_nodes:build")
    Pinned(test="tests/test_bar.py", recording="tests/test_bar.lgviz", size=..., graph="lgviz.demos...")

    Attributes:
        test: the path of the test.
        recording: the path of the recorded thread beside it.
        size: bytes of the recording.
        graph: the name by which the test loads the graph.
    """

    test: str
    recording: str
    size: int
    graph: str


def pin(
    checkpoint: Checkpoint,
    path: str | os.PathLike[str],
    graph: Any = None,
    live: Names = (),
    effects: Names = (),
    values: Names | None = None,
    *,
    redact: Rules = (),
    trust: Names = (),
    overwrite: bool = False,
) -> Pinned:
    """Write a test that fails when a thread takes another path to a checkpoint, or comes to other values.

    It is plain pytest, and needs neither a key nor a network: it has today's graph do the recorded thread
    again (:func:`lgviz.replay`), which history answers but for the nodes that are ``live``. It is run once in
    a fresh process, without the keys (``…_API_KEY``) that this one has; if it does not pass, nothing is left.

    Args:
        checkpoint: up to where; of a subgraph's, pin the one that it led to.
        path: the test's file, ``tests/test_refund.py``; its folder is made if need be. The recording lies
            beside it, ``tests/test_refund.lgviz``.
        graph: the graph's name, as ``"app:graph"`` or ``"src/app.py:graph"``: a graph, a builder, or a
            function that gives one, as seen from the folder that tests are run in. None: it is looked for.
        live: names of nodes that the test runs.
        effects: names of nodes that it must not run.
        values: the channels that are compared; None: all.
        redact: what is masked in the recording, as :func:`lgviz.open_source` takes it, beside what the
            checkpoint's history masks.
        trust: modules whose classes recorded values are of, beside the graph's own package and its schemas.
        overwrite: write over a test and a recording that are there.

    Raises:
        InvalidValue: pytest would not collect a file of that name.
        FileExists: there is one already.
        NotASource: the graph was not found; the error says which cells of a notebook make it.
        NotKept: lgviz cannot keep a value of the thread.
        NotInstalled: pytest is missing.
        ActRefused: the test does not pass, or the checkpoint lies in a subgraph.
    """
    test = Path(path).expanduser()
    recording = test.with_suffix(".lgviz")
    _refuse(test, recording, overwrite=overwrite)
    if checkpoint.namespace:
        raise _in_subgraph(checkpoint)
    history = checkpoint.history
    name = graph if isinstance(graph, str) else name_of_graph(graph or history.source.graph)
    if redact:
        history = open_history(history.source, history.thread_id, redact=redact)
    # What history answers asks no store, and a store may be large.
    masks = history.source.redactor
    items = memory_of(history.source, None, plainly, redact=masks.rules if masks else ()) if live else None
    _, content = packed_bundle(history, items, at=checkpoint.id)
    asked = {"live": live or None, "effects": effects or None, "values": values, "trust": trust or None}
    options = {each: names_in(names) for each, names in asked.items() if names is not None}
    title = f"{history.shown_id!a} up to {checkpoint.label}"
    with _kept_if_good(test, recording):
        write_whole(recording, content)
        if failure := _written(test, partial(_code, test.stem, title, name), options):
            said = history.source.shown(failure)
            raise ActRefused(f"The test does not pass in a fresh process, so it was not kept:\n\n{said}\n")
    return Pinned(str(test), str(recording), len(content), name)


def _written(test: Path, code: Callable[..., str], options: dict[str, list[str]]) -> str:
    """Write a test and run it; why it does not pass, empty where it does."""
    secret = [name for name in os.environ if name.endswith("_API_KEY")]
    write_whole(test, code(options).encode())
    failure = failure_of(test, without=secret)
    if wanted := [name for name in secret if name in failure]:  # to make models, as a module is imported
        write_whole(test, code(options | {"keys": wanted}).encode())
        failure = failure_of(test, without=secret)
    return failure


def _refuse(test: Path, recording: Path, *, overwrite: bool) -> None:
    if test.suffix != ".py" or not (test.name.startswith("test_") or test.stem.endswith("_test")):
        raise InvalidValue(f"pytest collects no file of the name {test.name}.", "Name it test_….py.")
    for file in (test, recording):
        if file.exists() and not overwrite:
            raise FileExists(f"There is a file {file} already.", "Give another name, or overwrite=True.")
    if find_spec("pytest") is None:
        raise NotInstalled("pytest is not installed.", "Run: pip install pytest.")


def _in_subgraph(checkpoint: Checkpoint) -> ActRefused:
    outer = checkpoint.outer
    while outer is not None and outer.namespace:
        outer = outer.outer
    led_to = [child.label for child in outer.children if child.source == "loop"] if outer is not None else []
    remedy = f"Pin {led_to[0]}, which that call led to." if led_to else "Pin one of the graph's own."
    return ActRefused(
        f"{checkpoint.label} lies in a subgraph, which is replayed with the step that calls it.", remedy
    )


def _code(stem: str, title: str, graph: str, options: Mapping[str, list[str]]) -> str:
    """The test. What the thread holds is in it as literals alone."""
    function = re.sub(r"\W", "_", stem if stem.startswith("test") else f"test_{stem}")
    given = "".join(f", {name}={json.dumps(value)}" for name, value in options.items())
    call = f"lgviz.check_pin({json.dumps(graph)}, RECORDING{given})"
    return f"""\
# Thread {title}, pinned by lgviz.pin: today's graph takes the same path to the same values.
# See what is recorded: lgviz show {stem}.lgviz

from pathlib import Path

import lgviz

RECORDING = Path(__file__).with_suffix(".lgviz")


def {function}() -> None:
    {call}
"""


@contextmanager
def _kept_if_good(*files: Path) -> Iterator[None]:
    """Puts files back as they were, and takes away the folder that was made for them, where what is done
    with them does not come to its end."""
    before = {file: file.read_bytes() if file.exists() else None for file in files}
    folder = files[0].absolute().parent
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MissingFile(f"The folder {folder} cannot be made: {error}.", "Give another path.") from error
    try:
        yield
    except BaseException:
        for file, content in before.items():
            if content is None:
                file.unlink(missing_ok=True)
            else:
                write_whole(file, content)
        with suppress(OSError):  # something else was put into it meanwhile
            for each in made:
                each.rmdir()
        raise
