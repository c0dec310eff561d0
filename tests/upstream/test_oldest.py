"""``%lgviz on`` beside the oldest LangGraph and LangChain that lgviz takes: it finds what ran in their frames."""

from __future__ import annotations

import subprocess

import pytest

from lgviz.session.old_langgraph import FIRST_RIGHT
from tests.support.environments import REPO, environment

FIRST = ".".join(map(str, FIRST_RIGHT))
RUNNER = ("hypothesis", "pytest>=8.3", "pytest-asyncio>=1.0", "pytest-timeout>=2.3")


@pytest.mark.upstream
@pytest.mark.parametrize("langchain", ["langchain-core==1.4.7", "langchain-core"])
def test_what_ran_in_a_cell_appears_under_it(langchain: str) -> None:
    python = environment(f"langgraph=={FIRST}", langchain, "langgraph-checkpoint-sqlite", *RUNNER, lgviz=True)
    quiet = ["-q", "-W", "ignore", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command = [python, "-m", "pytest", *quiet, "tests/faces/test_automatic.py"]
    ended = subprocess.run(command, cwd=REPO, capture_output=True, text=True)
    assert ended.returncode == 0 and "skipped" not in ended.stdout, ended.stdout[-3000:]
