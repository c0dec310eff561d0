"""Runs LangGraph's own tests, as its source distribution has them, in an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from tests.support.environments import alone, environment

HERE = Path(__file__).parent
LANGGRAPH = os.environ.get("LGVIZ_UPSTREAM", "1.2.24")
"""The version whose tests are run; the list of known deviations is that of this one."""

NEEDED = (
    f"langgraph=={LANGGRAPH}",
    "langgraph-checkpoint-sqlite",
    "langgraph-checkpoint-postgres",
    "langgraph-cli",
    "httpx",
    "pip",
    "psycopg[binary,pool]",
    "pycryptodome",
    "pytest",
    "pytest-mock",
    "pytest-rerunfailures",
    "pytest-timeout",
    "pytest-xdist",
    "redis",
    "syrupy",
)
"""What the tests import, and what runs them."""

IN_TWO = ("-n", "2", "--reruns", "5", "--reruns-delay", "1")
"""In two processes; some tests of LangGraph wait for a few milliseconds, which a busy machine does not keep."""


@dataclass
class Outcome:
    """What a run of LangGraph's tests gave.

    Attributes:
        passed: how many tests passed.
        failed: the others, by their node id.
        threads, compared: how many threads were opened, and checkpoints and options compared.
        found: the deviations, each with the ``test`` that made the thread.
        unopened: the kinds of savers that could not be copied.
    """

    passed: int
    failed: list[str]
    threads: int
    compared: int
    found: list[dict[str, str]]
    unopened: set[str]

    def failing(self) -> set[str]:
        """The tests that failed, without their parameters; a busy machine's were run again."""
        return {test.partition("[")[0] for test in self.failed}

    def told(self) -> str:
        """What was done, in a line."""
        return (
            f"{self.passed} tests of LangGraph passed, {len(self.failed)} failed;"
            f" {self.threads} threads opened, {self.compared} answers compared,"
            f" {len(self.found)} explained; not opened: {sorted(self.unopened) or 'none'}"
        )


def run(
    report: Path,
    *args: str,
    plugins: tuple[str, ...],
    postgres: str = "",
    python: Path | None = None,
    tests: Path | None = None,
) -> Outcome:
    """Run LangGraph's tests with plugins of this folder, and read what those wrote to ``report``."""
    python = python or environment(*NEEDED, lgviz=True)
    tests = tests or _fetched(python)
    report.mkdir()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    env |= {"NO_DOCKER": "true", "PYTHONPATH": str(HERE)}
    env |= {"LGVIZ_UPSTREAM_REPORT": str(report), "LGVIZ_UPSTREAM_POSTGRES": postgres}
    chosen = [option for plugin in plugins for option in ("-p", plugin)]
    quiet = ["-q", "-W", "ignore", "--tb", "short", "-p", "no:cacheprovider", "--timeout", "300"]
    command = [python, "-m", "pytest", *quiet, *chosen, "--junitxml", report / "tests.xml", *args]
    with (report / "output.txt").open("w") as output:
        subprocess.run(command, env=env, cwd=tests, stdout=output, stderr=subprocess.STDOUT, check=False)
    assert (report / "tests.xml").exists(), (report / "output.txt").read_text()[-3000:]
    return _outcome(report)


def _fetched(python: Path) -> Path:
    """The folder that holds LangGraph's ``tests``."""
    folder = python.parents[1] / "langgraph-tests"
    with alone(folder.with_suffix(".lock")):
        if not folder.exists():
            archives = python.parents[1] / "archives"
            download = [
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--no-binary",
                "langgraph",
                "--dest",
                archives,
            ]
            subprocess.run([python, "-m", *download, f"langgraph=={LANGGRAPH}"], check=True)
            with tarfile.open(archives / f"langgraph-{LANGGRAPH}.tar.gz") as archive:
                archive.extractall(archives, filter="data")
            whole = archives / f"langgraph-{LANGGRAPH}"
            made = archives / "made"
            made.mkdir()
            # Without the package beside them, which would hide the installed one.
            (whole / "tests").rename(made / "tests")
            (whole / "pyproject.toml").rename(made / "pyproject.toml")
            made.rename(folder)
    return folder


def _outcome(report: Path) -> Outcome:
    verdicts = {}  # by test: one that is run again is there again
    for case in ET.parse(report / "tests.xml").iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        verdicts[name] = {child.tag for child in case} & {"failure", "error", "skipped"}
    failed = [name for name, verdict in verdicts.items() if verdict & {"failure", "error"}]
    outcome = Outcome([*verdicts.values()].count(set()), failed, 0, 0, [], set())
    for line in (line for path in report.glob("*.jsonl") for line in path.read_text().splitlines()):
        looked = json.loads(line)
        outcome.threads += looked["threads"]
        outcome.compared += looked["checkpoints"]
        outcome.unopened |= {*looked["unopened"]}
        outcome.found += [{"test": looked["test"], **found} for found in looked["found"]]
    return outcome
