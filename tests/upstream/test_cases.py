"""Cases of ``lgviz.to_cases``, read by pydantic-evals and Inspect themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

import lgviz
from lgviz.demos import agent, approval, chat
from tests.support.environments import environment, output_of

pytestmark = pytest.mark.upstream

EVALS = """
import json, sys
from pydantic_evals import Dataset
from pydantic_evals.evaluators import EqualsExpected
dataset = Dataset.from_file(sys.argv[1])
expected = {json.dumps(case.inputs): case.expected_output for case in dataset.cases}
dataset.add_evaluator(EqualsExpected())
report = dataset.evaluate_sync(lambda inputs: expected[json.dumps(inputs)], progress=False)
print(json.dumps([dataset.name, [case.name for case in dataset.cases], report.averages().assertions]))
"""
INSPECT = """
import json, sys
from inspect_ai.dataset import json_dataset
samples = json_dataset(sys.argv[1])
print(json.dumps([sample.model_dump(mode="json", exclude_none=True) for sample in samples]))
"""


@pytest.fixture(scope="module")
def python() -> Path:
    return environment("pydantic-evals", "inspect-ai")


@pytest.fixture
def chats() -> Any:
    chat.seed(graph := chat.build(InMemorySaver()))
    return graph


def test_pydantic_evals_runs_them(python: Path, chats: Any, tmp_path: Path) -> None:
    cases = lgviz.to_cases(chats, "pydantic-evals")
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    name, names, passed = json.loads(output_of(python, EVALS, tmp_path / "cases.json"))
    assert (name, names, passed) == ("threads", ["1:c2", "1:c5", "1:c8", "1:c12"], 1.0)


@pytest.mark.parametrize("demo", [agent, approval, chat])
def test_inspect_reads_them(python: Path, demo: Any, tmp_path: Path) -> None:
    demo.seed(graph := demo.build(InMemorySaver()))
    cases = lgviz.to_cases(graph, "inspect")
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, cases)))
    read = json.loads(output_of(python, INSPECT, tmp_path / "cases.jsonl"))
    assert len(read) == len(cases) > 1
    for sample, case in zip(read, cases, strict=True):
        assert [sample[name] for name in ("id", "target", "metadata")] == [
            case[name] for name in ("id", "target", "metadata")
        ]
        if isinstance(case["input"], str):
            assert sample["input"] == case["input"]
        else:
            said = [{name: told[name] for name in told.keys() - {"id", "source"}} for told in sample["input"]]
            assert said == case["input"]


def read_by_inspect(python: Path, folder: Path, **more: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The last case of the agent's thread as Inspect reads it, and its messages that call tools."""
    agent.seed(graph := agent.build(InMemorySaver()))
    place: Any = {"configurable": {"thread_id": "1"}}
    graph.invoke({"messages": [("user", "Which flight is it now?")]}, place)
    *_, case = lgviz.to_cases(graph, "inspect", **more)
    (folder / "cases.jsonl").write_text(json.dumps(case))
    (sample,) = json.loads(output_of(python, INSPECT, folder / "cases.jsonl"))
    return sample, [told for told in sample["input"] if told.get("tool_calls")]


def test_a_conversation_with_tool_calls_is_read_as_inspects_own(python: Path, tmp_path: Path) -> None:
    sample, (called, *_) = read_by_inspect(python, tmp_path)
    assert called["tool_calls"][0]["function"] == "get_reservation"
    assert called["tool_calls"][0]["arguments"] == {"number": "K7Q2ZD"}
    answered = [told["function"] for told in sample["input"] if told["role"] == "tool"]
    assert answered == ["get_reservation", "search_flights", "rebook"]


def test_masked_calls_are_read(python: Path, tmp_path: Path) -> None:
    _, (called, *_) = read_by_inspect(python, tmp_path, redact=["messages.*.tool_calls.*.args"])
    assert list(called["tool_calls"][0]["arguments"]) == ["args"]
