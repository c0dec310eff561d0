"""Reads without a transaction give what one moment held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from saver_help import config, put, text

from lgviz.persistence import SqliteSaver
from lgviz.persistence.statements import GLANCE, READ, Begin


def test_a_removal_between_two_statements_of_a_read_damages_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "a.db")
    with SqliteSaver.from_conn_string(path) as saver, SqliteSaver.from_conn_string(path) as reader:
        for id in ("1", "2"):
            put(saver, id, {"x": [text(int(id), 100)]})
        begun: list[Begin] = []
        operation, rows = reader.engine.get(config(checkpoint_id="1")), None
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
                saver.prune(["1"])  # the row is read already, its nodes are not
        reader.driver.commit()
        assert begun == [GLANCE, READ]
        assert found is None
        assert reader.get_tuple(config()) is not None
