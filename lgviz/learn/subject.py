"""What a question is made from: a thread, the checkpoint that it asks about, and what would be done there."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn

from langchain_core.runnables import RunnableConfig
from langgraph.pregel import Pregel

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History
from lgviz.errors import NoQuestion
from lgviz.session import Preview, preview

from .forms import Form
from .question import AnswerKey, LearnQuestion, choices_of

__all__ = ["Subject"]


@dataclass
class Subject:
    """What a question is made from.

    Attributes:
        history: the thread.
        at: the checkpoint that is asked about.
        values: the update that would be made there; ``...`` where none is asked about.
        as_node, goto: as which node, and where that goes.
        channel, node: what the question is about; None: the maker of the question chooses.
        config, context: of the update, as :func:`lgviz.preview` takes them.
        seed: decides the order of choices.
    """

    history: History
    at: Checkpoint
    values: Any = ...
    as_node: str | None = None
    goto: str | None = None
    channel: str | None = None
    node: str | None = None
    config: RunnableConfig | None = None
    context: Any = None
    seed: int = 0
    kind: str = field(default="", init=False)

    @property
    def graph(self) -> Any:
        """The compiled graph.

        Raises:
            NoQuestion: the thread was opened without one, or it runs on a server.
        """
        graph = self.history.source.graph
        if not isinstance(graph, Pregel):
            self.refuse("No graph in this process is known for this thread.", "Give the graph itself.")
        return graph

    @property
    def nodes(self) -> list[str]:
        """The graph's nodes."""
        return [name for name in self.graph.nodes if not name.startswith("__")]

    @property
    def updates(self) -> bool:
        """Whether an update is asked about."""
        return self.values is not ...

    @cached_property
    def preview(self) -> Preview:
        """What the update would make; nothing is written.

        Raises:
            NoQuestion: values are masked: what LangGraph makes of an update is not.
        """
        if self.history.source.redactor is not None:
            self.refuse("No update is asked about where values are masked.")
        return preview(
            self.graph, self.at, self.values, self.as_node, self.goto, config=self.config,
            context=self.context,
        )  # fmt: skip

    @property
    def following(self) -> Checkpoint | None:
        """The checkpoint that the step from here made, by a run and not by an update; None where there is
        none, or runs from here parted."""
        made = self._made_by_runs(self.at)
        alike = len(made) == 1 or len({(each.nodes, each.next) for each in made}) == 1
        return made[0] if alike else None

    def _made_by_runs(self, at: Checkpoint) -> list[Checkpoint]:
        made = [child for child in at.children if child.source == "loop" and not child.collapsed]
        for copy in (child for child in at.children if child.source == "fork"):
            made += self._made_by_runs(copy)
        return made

    def refuse(self, cause: str, remedy: str = "") -> NoReturn:
        """Raise that there is no question of this kind here."""
        raise NoQuestion(cause, remedy or "Ask about another checkpoint, or another kind of question.")

    def ask(
        self,
        text: str,
        key: AnswerKey,
        form: Form,
        wrong: Iterable[Any] = (),
        told: Callable[[Any], str] = str,
        about: Mapping[str, Any] | None = None,
    ) -> LearnQuestion:
        """The question.

        Args:
            text: what is asked.
            key: what is right, and why.
            form: how an answer is compared with it.
            wrong: the answers that misunderstandings lead to.
            told: tells an answer in words.
            about: what it was made from, besides thread and checkpoint.
        """
        made_from = {"thread_id": self.history.thread_id, "checkpoint": self.at.label, **(about or {})}
        if self.updates:
            made_from |= {"values": self.values, "as_node": self.as_node, "goto": self.goto}
        chance = random.Random(f"{self.seed} {text}")  # noqa: S311
        words = self.nodes if isinstance(self.history.source.graph, Pregel) else ()
        right = [form(value) for value in key.values]
        wrong = [value for value in wrong if form(value) not in right]
        choices = choices_of(key.values[0], wrong, form, told, chance, words)
        return LearnQuestion(self.kind, text, choices, made_from, key, form)
