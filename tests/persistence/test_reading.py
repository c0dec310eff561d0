"""Reads without a transaction give what one moment held; histories of delta channels are LangGraph's."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from lgviz.persistence import SqliteSaver
from lgviz.persistence.database.statements import GLANCE, READ, Begin
from lgviz.persistence.savers import deltas
from tests.support.savers import checkpoint, config, put, text


def test_a_removal_between_two_statements_of_a_read_damages_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "a.db")
    with SqliteSaver.from_conn_string(path) as saver, SqliteSaver.from_conn_string(path) as reader:
        for id in ("1", "2"):
            put(saver, id, {"x": [text(int(id), 100)]})
        begun: list[Begin] = []
        operation, rows = reader.engine.reads.get(config(checkpoint_id="1")), None
        while True:
            try:
                step: Any = operation.send(rows)  # type: ignore[arg-type]
            except StopIteration as stop:
                found = stop.value
                break
            if isinstance(step, Begin):
                begun.append(step)
            rows = reader.driver.perform(step)
            if rows and len(begun) == 1:
                saver.prune(["1"])  # the row is read already, its blocks are not
        reader.driver._commit()
        assert begun == [GLANCE, READ]
        assert found is None
        assert reader.get_tuple(config()) is not None


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize("first", [1, 3, 32])
@pytest.mark.parametrize("versions", ["raised", "of stored values", "none"])
def test_delta_histories_are_those_that_langgraph_walks_to(
    make_saver: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, kind: str, first: int, versions: str
) -> None:
    """``versions`` of the delta channels ``x`` and ``z``: LangGraph raises them in each child of a checkpoint with
    writes to them; other callers of a saver may not."""
    monkeypatch.setattr(deltas, "_FIRST", first)
    saver, rng = make_saver(kind), random.Random(first)
    ids = [f"{n:02x}" for n in range(40)]
    parents = {id: rng.choice([*ids[max(n - 3, 0) : n], ids[n // 2]]) for n, id in enumerate(ids) if n}
    tasks = {id: rng.choice([0, 1, 1, 2]) for id in ids}
    counts = dict.fromkeys(ids, 0)
    for id, parent in parents.items():
        counts[id] = counts[parent] + bool(tasks[parent])
    # Two are stored after their children, and one is gone.
    for id in [*(id for id in ids if id not in ("05", "10", "0c")), "05", "10"]:
        stored = rng.random() < 0.05 and versions != "none"
        made = checkpoint(id, {"y": 1} | ({"x": _DeltaSnapshot([id])} if stored else {}), int(id, 16))
        if versions == "raised" and counts[id]:
            made["channel_versions"] |= {"x": counts[id], "z": counts[id]}
        place = config(checkpoint_ns="", checkpoint_id=parents.get(id))
        place = saver.put(place, made, {"source": "loop", "step": 0}, made["channel_versions"])
        for task in range(tasks[id]):
            saver.put_writes(place, [("x", [f"{id} {task}"]), ("z", id)], f"task {task}")
    for id in ids:
        found = saver.get_delta_channel_history(
            config=config(checkpoint_ns="", checkpoint_id=id), channels=["x", "z"]
        )
        walked = BaseCheckpointSaver.get_delta_channel_history(
            saver, config=config(checkpoint_ns="", checkpoint_id=id), channels=["x", "z"]
        )
        assert found == walked, id
