"""The requests of a view about a sandbox: run in it, read it, keep it or discard it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

import lgviz
from lgviz import persistence
from lgviz.demos import approval, memory
from tests.support.view import View, fork, run


@pytest.fixture
def store() -> persistence.InMemoryStore:
    return persistence.InMemoryStore()


@pytest.fixture
def view(store: persistence.InMemoryStore) -> Iterator[View]:
    graph = memory.build(InMemorySaver(), store)
    memory.seed(graph)
    yield from viewed(graph)


def viewed(graph: Any) -> Iterator[View]:
    view = View(graph, "1", name="graph")
    yield view
    view.close()


def rows(view: View) -> dict[str, str]:
    """Label to id."""
    tree = view.ask("thread_open", thread_id="1")["tree"]
    return dict(zip(tree["labels"], tree["ids"], strict=True))


def told(view: View) -> Any:
    """What was said of the sandbox last."""
    return [body["sandbox"] for name, body in view.events if name == "sandbox"][-1]


def diet(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text, "id": "human-9"}]}


def test_a_fork_runs_in_a_sandbox_and_is_kept(view: View, store: persistence.InMemoryStore) -> None:
    before = rows(view)
    request = fork(before["c4"], diet("I am vegan."), "__start__", sandbox=True)
    made = view.ask("fork_commit", **request)
    assert made["label"] == "s1"
    ended = view.ask("run_start", **run(made["id"]))
    assert ended["status"] == "done"
    opened = view.ask("thread_open", thread_id="1")
    tree = opened["tree"]
    assert [label for label in tree["labels"] if label.startswith("s")] == ["s1", "s2", "s3", "s4"]
    sandbox = opened["sandbox"]
    assert (sandbox["label"], sandbox["checkpoints"], sandbox["start"]) == ("c4", 4, before["c4"])
    assert sandbox["memory"].startswith("memory as of 2")
    assert [(c["key"], c["kind"]) for c in sandbox["changes"]["changes"]] == [("diet", "changed")]
    assert told(view) == sandbox
    assert store.get(memory.facts_of("mia"), "diet").value["text"] == "fish"  # type: ignore[union-attr]
    # read as any other
    for checkpoint in (made["id"], ended["checkpoint"]):
        seen = view.ask("checkpoint_get", checkpoint=checkpoint)
        assert seen["warnings"] == []
        for name in ("writes_get", "tasks_get", "why_get", "raw_get", "fork_form"):
            view.ask(name, checkpoint=checkpoint)
        view.ask("diff_get", before=before["c4"], after=checkpoint, internal=False)
    assert view.ask("writes_get", checkpoint=ended["checkpoint"])[0]["node"] == "remember"
    found = view.ask("search", query="I am vegan")
    assert made["id"] in {hit["id"] for part in [*view.progress, found] for hit in part["hits"]}
    assert "Keep it first" in view.refused("code_get", act="select", checkpoint=made["id"])["remedy"]
    # memory at each of its checkpoints
    ref = sandbox["changes"]["changes"][0]["ref"]
    labels = dict(zip(tree["labels"], tree["ids"], strict=True))
    diets = [
        view.ask("memory_item", checkpoint=labels[s], ref=ref)["value"]["items"][0] for s in ("s3", "s4")
    ]
    assert [d["value"]["text"] for d in diets] == ["vegetarian", "vegan"]
    told_by_step = view.ask("memory_changes", checkpoint=labels["s4"])["changes"]
    assert [(c["key"], c["node"]) for c in told_by_step] == [("diet", "remember")]
    assert view.ask("memory_changes", checkpoint=labels["s3"])["changes"] == []
    # one at a time, and acts on what it holds stay in it
    assert "Keep or discard" in view.refused("run_start", **run(before["c2"], sandbox=True))["remedy"]
    again = view.ask("fork_commit", **fork(ended["checkpoint"], {"known": {}}, "recall"))
    assert again["label"] == "s5"
    # since c4 her diet became another: memory as of c4 never said so
    (conflict,) = view.ask("sandbox_keep", overwrite=False)["conflicts"]["changes"]
    assert conflict["key"] == "diet"
    assert rows(view)["s1"] == made["id"]
    assert view.ask("sandbox_keep", overwrite=True) == {"kept": 5, "conflicts": {"changes": [], "total": 0}}
    after = rows(view)
    assert list(after) == [*before, *(f"c{n}" for n in range(len(before), len(before) + 5))]
    assert after[f"c{len(before)}"] == made["id"]
    assert store.get(memory.facts_of("mia"), "diet").value["text"] == "vegan"  # type: ignore[union-attr]
    assert told(view) is None
    assert view.refused("sandbox_discard")["cause"] == "No sandbox is open."


def test_discarded_its_rows_are_gone(view: View, store: persistence.InMemoryStore) -> None:
    before = rows(view)
    view.ask("run_start", **run(before["c3"], sandbox=True))
    assert any(label.startswith("s") for label in rows(view))
    view.ask("sandbox_discard")
    assert rows(view) == before
    assert told(view) is None
    assert view.ask("run_start", **run(before["c3"], sandbox=True))["status"] == "done"


def test_new_rows_of_the_base_are_labelled_as_ever(view: View) -> None:
    before = rows(view)
    view.ask("run_start", **run(before["c3"], sandbox=True))
    view.ask("run_start", **run(before["c3"]))
    new = [label for label in rows(view) if label not in before]
    assert new == ["s1", "s2", f"c{len(before)}", f"c{len(before) + 1}"]


def test_what_would_be_written_over_is_told_first(view: View, store: persistence.InMemoryStore) -> None:
    before = rows(view)
    made = view.ask("fork_commit", **fork(before["c4"], diet("I am vegan."), "__start__", sandbox=True))
    view.ask("run_start", **run(made["id"]))
    store.put(memory.facts_of("mia"), "diet", {"text": "everything"})
    refused = view.ask("sandbox_keep", overwrite=False)
    assert refused["kept"] == 0
    assert [(c["key"], c["kind"]) for c in refused["conflicts"]["changes"]] == [("diet", "changed")]
    assert store.get(memory.facts_of("mia"), "diet").value["text"] == "everything"  # type: ignore[union-attr]
    assert view.ask("sandbox_keep", overwrite=True)["kept"] == 4
    assert store.get(memory.facts_of("mia"), "diet").value["text"] == "vegan"  # type: ignore[union-attr]


def test_a_sandbox_in_which_nothing_began_is_closed(view: View) -> None:
    before = rows(view)
    last = list(before.values())[-1]
    assert "Nothing comes next" in view.refused("run_start", **run(last, sandbox=True))["cause"]
    assert told(view) is None
    assert (
        view.refused("fork_commit", **fork(last, {"nowhere": 1}, "recall", sandbox=True))["code"] == "refused"
    )
    assert told(view) is None
    assert rows(view) == before


def test_a_question_is_answered_in_the_sandbox() -> None:
    graph = approval.build(InMemorySaver())
    approval.seed(graph)
    for view in viewed(graph):
        before = rows(view)
        asks = list(before.values())[-1]
        (question,) = view.ask("checkpoint_get", checkpoint=asks)["interrupts"]
        ended = view.ask("run_start", **run(asks, resume={question["id"]: "reject"}, sandbox=True))
        assert ended["status"] == "done"
        assert graph.get_state({"configurable": {"thread_id": "1"}}).next == ("review",)
        view.ask("sandbox_discard")
        seen = view.ask("checkpoint_get", checkpoint=asks)
        assert [i["answered"] for i in seen["interrupts"]] == [False]


def test_the_code_of_a_sandbox_runs(view: View) -> None:
    before = rows(view)
    request = fork(before["c4"], {"known": {"diet": "vegan"}}, "recall", sandbox=True)
    for asked in (
        {"act": "fork", "checkpoint": before["c4"], "fork": request},
        {"act": "run", "checkpoint": before["c3"], "run": run(before["c3"], sandbox=True)},
    ):
        graph = memory.build(InMemorySaver())
        memory.seed(graph)
        count = len(lgviz.history(graph, "1"))
        code = view.ask("code_get", **asked)["code"]
        scope: dict[str, Any] = {"graph": graph}
        exec(code.replace("run.keep()", ""), scope)
        assert scope["run"].status == "done"
        assert len(lgviz.history(graph, "1")) == count
        scope["run"].keep()
        assert len(lgviz.history(graph, "1")) > count
        assert "run.keep()  # or run.discard()" in code
