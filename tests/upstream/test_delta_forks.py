"""Which LangGraph is the first whose forks of delta channels are right; lgviz beside an older one refuses them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import lgviz
from lgviz.persistence.savers.branches import DROPPED, LOST, MIXED
from lgviz.session.old_langgraph import FIRST_RIGHT
from tests.support.environments import environment, output_of

FORKS = Path(__file__).resolve().parents[1] / "support" / "delta_forks.py"
DAMAGED = FORKS.with_name("damaged_forks.py")
SCRIPT = f"""import runpy, sys
forks = runpy.run_path({str(FORKS)!r})
print("\\n".join(forks["report"](sys.argv[1], int(sys.argv[2]){{}})))"""
REFUSED = f"""import runpy, lgviz
forks = runpy.run_path({str(FORKS)!r})
graph = forks["build"](forks["InMemorySaver"](), tag=forks["_safe"]())
graph.invoke(forks["both"]("1"), forks["CONFIG"])
for act in (lgviz.preview, lgviz.fork):
    try:
        act(graph, "c1", forks["both"]("edit"), as_node="a", thread_id="1")
    except lgviz.errors.OldLangGraph as error:
        print(error)
print(len(list(graph.get_state_history(forks["CONFIG"]))), lgviz.history(graph, thread_id="1").latest.values["log"])"""
FIRST = ".".join(map(str, FIRST_RIGHT))

pytestmark = pytest.mark.upstream


def with_version(version: str) -> Path:
    return environment(f"langgraph=={version}", "langgraph-checkpoint-sqlite", "aiosqlite", lgviz=True)


@pytest.mark.parametrize("kind", ["langgraph memory", "langgraph sqlite"])
@pytest.mark.parametrize(
    ("version", "right"),
    [("1.2.9", False), ("1.2.12", False), ("1.2.14", False), (FIRST, True), ("1.2.22", True)],
)
def test_the_first_version_that_is_right(version: str, right: bool, kind: str) -> None:
    found = output_of(with_version(version), SCRIPT.format(""), kind, 60).strip()
    assert (found == "") is right, found


@pytest.mark.parametrize("kind", ["lgviz memory", "lgviz sqlite"])
@pytest.mark.parametrize("version", [FIRST, "1.2.18", "1.2.22"])
def test_savers_of_lgviz_with_other_versions(version: str, kind: str) -> None:
    assert output_of(with_version(version), SCRIPT.format(""), kind, 60).strip() == ""


@pytest.mark.parametrize("kind", ["lgviz memory", "lgviz sqlite"])
@pytest.mark.parametrize("version", ["1.2.9", "1.2.12", "1.2.14"])
def test_savers_of_lgviz_with_versions_that_mix_the_branches(version: str, kind: str) -> None:
    python = with_version(version)
    assert output_of(python, SCRIPT.format(", exits=False"), kind, 60).strip() == ""
    # At the end of a run these don't say in what order the tasks of one step come.
    assert output_of(python, SCRIPT.format(", ordered=False"), kind, 60).strip() == ""


def test_beside_an_older_one_forks_are_refused() -> None:
    *refused, last = output_of(with_version("1.2.12"), REFUSED).splitlines()
    assert len(refused) == 2
    for line in refused:
        assert "LangGraph 1.2.12 mixes the branches" in line and "(log)" in line
        assert line.endswith(f"pip install -U 'langgraph>={FIRST}'.")
    assert last.startswith("5 ")


def test_a_file_in_which_branches_are_mixed_is_right_or_marked(tmp_path: Path) -> None:
    script = "import json, runpy, sys; print(json.dumps(runpy.run_path(sys.argv[1])['fill'](sys.argv[2])))"
    ids = json.loads(output_of(with_version("1.2.9"), script, DAMAGED, path := tmp_path / "a.db"))
    history = lgviz.history(path, thread_id="1")
    once = ["1", "a", "b"]
    after = [*once, *once, "x", "y"]
    for name, expected in {
        "base": after,
        "fork": [*after, "edit"],
        "inner fork": [*once, "x", "y", "edit"],
    }.items():
        assert history[ids[name]].values["log"] == expected
    doubts = {name: history[id_].doubts for name, id_ in ids.items()}
    assert {name: found["log"] for name, found in doubts.items() if found} == {
        "lost": LOST,
        "taken": MIXED,
        "dropped": DROPPED,
        "inner lost": LOST,
        "inner taken": MIXED,
    }
    for row in history.tree.rows:
        checkpoint = history[row.id]
        same = checkpoint.values.get("log", []) == checkpoint.values.get("plain", [])
        assert same is (not checkpoint.doubts), checkpoint
