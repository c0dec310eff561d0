"""What became of one way that was tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.runnables import RunnableConfig

from lgviz._apart import apart
from lgviz.errors import LgvizError, described
from lgviz.session import Run, Sandbox
from lgviz.session.effects import Act, call
from lgviz.session.target import GraphTarget, perform, target_of
from lgviz.transfer.threads import Put

__all__ = ["SCORE", "Item", "Outcome", "Score"]

Item = tuple[Hashable, int]
"""What is tried, by its name, and the number of the repeat, from 0."""
Score = Callable[[Any], Any]
"""Given the state at the end of a run, how good it is: a number, or whether."""
SCORE = 'lambda values: "booked" in values'
"""An example of one."""


@dataclass(frozen=True)
class Outcome:
    """What a run in a sandbox came to, or why it could not begin.

    Attributes:
        status: as of :class:`lgviz.Run`; ``"refused"`` where it could not begin.
        values: the state at its end.
        score: what the score gave; None where there is none.
        error: what a node raised, what the score raised, or why it could not begin.
        served, ran: by node, how many tasks history answered, and how many ran.
        config: of its last checkpoint.
    """

    status: str
    values: Any = None
    score: Any = None
    error: str | None = None
    served: Counter[str] = field(default_factory=Counter)
    ran: Counter[str] = field(default_factory=Counter)
    config: RunnableConfig | None = None
    sandbox: Sandbox | None = field(default=None, repr=False)
    puts: tuple[Put, ...] = field(default=(), repr=False)
    """What the sandbox of another process held."""

    @classmethod
    def of(cls, run: Run, sandbox: Sandbox, score: Score | None) -> Outcome:
        """Of a run that ended."""
        error, given = None if run.error is None else str(run.error), None
        if score is not None and error is None:
            try:
                given = score(apart(run.values))
            except Exception as fault:
                error = f"the score raised {described(fault)}"
        return cls(run.status, run.values, given, error, run.served, run.ran, run.config, sandbox)

    @classmethod
    def refused(cls, error: Exception) -> Outcome:
        """Of one that could not begin."""
        return cls("refused", error=str(error) if isinstance(error, LgvizError) else described(error))

    def travelling(self) -> Outcome:
        """As it goes to another process: with what its sandbox holds in place of the sandbox."""
        if self.sandbox is None:
            return self
        return replace(self, sandbox=None, puts=tuple(put for _, put in self.sandbox.saver.kept()))

    def keep(self, graph: Any) -> list[RunnableConfig]:
        """Store its checkpoints, and the memories that its sandbox holds.

        Raises:
            LgvizError: as :meth:`lgviz.Run.keep`.
        """
        if self.sandbox is not None:
            return self.sandbox.keep()

        def act(here: GraphTarget) -> Act[list[RunnableConfig]]:
            made = []
            for name, args in self.puts:
                done = yield from call(here.saver, name, *args)
                made += [done] if name == "put" else []
            return made

        return perform(target_of(graph), act)
