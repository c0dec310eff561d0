"""Questions and exercises as tests of otter-grader, which grades a learner's notebook by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lgviz._visible import visible
from lgviz.errors import FileExists, InvalidValue

from .exercise import Exercise
from .question import LearnQuestion

__all__ = ["OtterTests", "to_otter"]

_FILE = """\
OK_FORMAT = True

test = {{
    "name": {name!r},
    "points": {points!r},
    "suites": [
        {{
            "cases": [{{"code": {code!r}, "hidden": False, "locked": False}}],
            "scored": True,
            "setup": "",
            "teardown": "",
            "type": "doctest",
        }}
    ],
}}
"""


@dataclass(frozen=True, slots=True, repr=False)
class OtterTests:
    """What :func:`lgviz.learn.to_otter` wrote.

    Attributes:
        folder: where.
        names: the tests, in the order of the questions.
    """

    folder: Path
    names: list[str]

    def __repr__(self) -> str:
        first = self.names[0] if self.names else "…"
        return visible(
            f"{len(self.names)} tests of otter-grader in {self.folder}\n"
            f'  in the notebook: otter.Notebook(tests_dir="{self.folder}").check("{first}")\n'
            f"  in a terminal:   otter check notebook.ipynb -t {self.folder}"
        )


def to_otter(
    questions_or_exercises: Iterable[LearnQuestion | Exercise],
    folder: Any,
    *,
    points: float = 1,
    overwrite: bool = False,
) -> OtterTests:
    """Write a test file of otter-grader for each question and exercise.

    A test passes where the notebook answered right last. It names the question and does not hold the key: the
    notebook makes the question again, by the same ``learn.predict`` or ``learn.questions``.

    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz import learn
    >>> from lgviz.demos import two_nodes
    >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    >>> made = learn.to_otter(learn.questions(graph, "1", count=3), "tests")
    >>> len(made.names), (made.folder / f"{made.names[0]}.py").exists()
    (3, True)

    Args:
        questions_or_exercises: what is graded.
        folder: where to; made if it is not there.
        points: of each.
        overwrite: whether files that are there may be written over.

    Raises:
        InvalidValue: two of them have one name.
        FileExists: a file of that name is there.
    """
    names = [one.id for one in questions_or_exercises]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InvalidValue(f"Two tests would be named {twice[0]!r}.", "Give each exercise a name of its own.")
    where = Path(folder)
    for path in (where / f"{name}.py" for name in names):
        if path.exists() and not overwrite:
            raise FileExists(f"{path} is there already.", "Give another folder, or overwrite=True.")
    where.mkdir(parents=True, exist_ok=True)
    for name in names:
        code = f">>> from lgviz import learn\n>>> learn.outcome({name!r})\n'right'"
        text = _FILE.format(name=name, points=points, code=code)
        (where / f"{name}.py").write_text(text, encoding="utf-8")
    return OtterTests(where, names)
