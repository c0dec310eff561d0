"""Test files of otter-grader: by their own form, and by otter-grader itself."""

from __future__ import annotations

import doctest
import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from lgviz import learn
from lgviz.demos import two_nodes
from lgviz.errors import FileExists, InvalidValue
from tests.support.environments import environment, output_of

MADE = """
from langgraph.checkpoint.memory import InMemorySaver
from lgviz import learn
from lgviz.demos import two_nodes
two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
q = learn.predict(graph, "next", "c2", thread_id="1")
ex = learn.exercise("Two items", "Make a list of two.", lambda x: len(x) == 2)
"""


def asked() -> list[Any]:
    made: dict[str, Any] = {}
    exec(MADE, made)
    return [made["q"], made["ex"]]


def passes(path: Path) -> bool:
    """What otter-grader does with a file of its form ``OK_FORMAT``: its code is a doctest."""
    told = runpy.run_path(str(path))
    assert told["OK_FORMAT"] and told["test"]["name"] == path.stem
    (case,) = told["test"]["suites"][0]["cases"]
    test = doctest.DocTestParser().get_doctest(case["code"], {}, path.stem, None, 0)
    return not doctest.DocTestRunner(verbose=False).run(test, out=lambda _: None).failed


def test_a_test_passes_where_the_last_answer_is_right(tmp_path: Path) -> None:
    learn.reset()
    question, exercise = asked()
    made = learn.to_otter([question, exercise], tmp_path / "tests")
    first, second = (made.folder / f"{name}.py" for name in made.names)
    assert not passes(first) and not passes(second)
    question.answer("node_a")
    exercise.check([1, 2])
    assert not passes(first) and passes(second)
    asked()[0].answer("node_b")  # as a notebook makes it again
    assert passes(first)
    assert "node_b" not in first.read_text(encoding="utf-8")


def test_nothing_is_written_over_unasked(tmp_path: Path) -> None:
    learn.to_otter(asked(), tmp_path)
    with pytest.raises(FileExists):
        learn.to_otter(asked(), tmp_path)
    learn.to_otter(asked(), tmp_path, overwrite=True)
    with pytest.raises(InvalidValue, match="Two tests would be named"):
        learn.to_otter([*asked(), *asked()], tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_one_id_for_one_question() -> None:
    two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    again = learn.predict(graph, "next", "c2", thread_id="1")
    assert asked()[0].id == again.id
    assert again.id != learn.predict(graph, "next", "c4", thread_id="1").id


@pytest.mark.upstream
def test_otter_grades_a_notebook(tmp_path: Path) -> None:
    """``otter check`` runs the learner's notebook and then the tests in it."""
    python = environment("otter-grader", "ipykernel", "langgraph", "langgraph-checkpoint-sqlite", lgviz=True)
    tests = learn.to_otter(asked(), tmp_path / "tests")
    for answer, passed in [('"node_b"', True), ("...", False)]:
        cells = [MADE, f"q.answer({answer})", "ex.check([1, 2])"]
        notebook = tmp_path / "learner.ipynb"
        notebook.write_text(json.dumps({
            "cells": [{"cell_type": "code", "execution_count": None, "id": f"c{number}", "metadata": {},
                       "outputs": [], "source": source} for number, source in enumerate(cells)],
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
                         "language_info": {"name": "python"}},
            "nbformat": 4, "nbformat_minor": 5,
        }), encoding="utf-8")  # fmt: skip
        code = "import sys; from otter.cli import cli; cli(sys.argv[1:], standalone_mode=False)"
        said = output_of(python, code, "check", notebook, "-t", tests.folder)
        assert ("All tests passed!" in said) is passed
        if not passed:
            assert "'not answered'" in said and f"{tests.names[1]} results: All test cases passed!" in said
