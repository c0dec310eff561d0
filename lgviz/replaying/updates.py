"""What ``update_state`` made, made again: updates, and which checkpoint a copy is of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from langgraph.constants import END

from lgviz.analysis.history import History
from lgviz.analysis.same import same
from lgviz.analysis.steps import TreeRow
from lgviz.session.beginning import beginning
from lgviz.session.effects import Act
from lgviz.session.target import find, target_of
from lgviz.session.update import Edit, update
from lgviz.session.values import Set
from lgviz.sources.places import configurable_of

from .as_which import may_have_updated
from .legs import Leg
from .said import said_of
from .standing import Standing

__all__ = ["Updates", "copied_by"]

_AS_WHICH = (
    "as which node the update was made is not stored, and as none of today's graph does it lead to the same; "
    "lgviz.fork stores it"
)


@dataclass(frozen=True)
class Updates:
    """Makes the updates of one thread again.

    Args:
        graph: today's, on the saver in which the thread is made again.
        history: the thread.
        recorded: the state that a row held.
        compared: how a checkpoint that was made again compares with its row.
    """

    graph: Any
    history: History
    recorded: Callable[[int], dict[str, Any]]
    compared: Callable[..., Act[Standing]]

    def act(self, leg: Leg, before: Standing) -> Act[Standing]:
        """How the branch stands after an update; as each node that it may have been made as, in turn."""
        row = self.history.tree.rows[leg.rows[0]]
        as_node = self.history.checkpoint_at(row.index).as_node
        if as_node is not None:
            return (yield from self._updated(row, before, as_node))
        label = self.history.tree.labels[row.index]
        if len(row.stored_updates()) > 1:
            several = "several updates were made at once; lgviz.fork makes one at a time"
            return before.unknown(label, several)
        tried: list[Standing] = []
        for guess in may_have_updated(self.graph, self.history, row):
            tried.append((yield from self._updated(row, before, guess)))
            if tried[-1].verdict == before.verdict:
                return tried[-1]
        if tried and all(at.verdict == "parted" for at in tried):
            return tried[0]  # as whichever of them
        return before.unknown(label, _AS_WHICH)

    def _updated(self, row: TreeRow, before: Standing, as_node: str) -> Act[Standing]:
        """How the branch stands after an update as a node."""
        writes = self.history.checkpoint_at(row.index).writes
        wrote = writes.get(as_node) or writes.get("", [])
        derived = writes.derived or len(wrote) != 1
        values: Any = wrote[0] if wrote else {}
        if as_node == END:
            values = None
        elif derived and before.verdict == "same":
            values = self._led_to(row)
        edit = Edit(values, as_node, row.metadata.get("lgviz_goto"))
        here = target_of(self.graph)
        try:
            if before.config is None:
                position = yield from beginning(here, self.history.thread_id)
            else:
                position = yield from find(here, before.config, None)
            made = yield from update(position, edit, {"configurable": configurable_of(row.metadata)}, None)
        except Exception as error:
            reason = f"the update as {as_node!r}: {said_of(error)}"
            return Standing("failed", self.history.tree.labels[row.index], reason)
        if before.verdict != "same":
            return replace(before, config=made.config)
        at = yield from self.compared(row.index, made.config, last=True)
        if derived and at.verdict == "parted":
            return replace(at, verdict="unknown", reason="what the update wrote is not stored")
        return at

    def _led_to(self, row: TreeRow) -> dict[str, Any]:
        """What sets a state to the one that an update led to, whatever it wrote."""
        before = self.recorded(row.parent.index) if row.parent is not None else {}
        after = self.recorded(row.index)
        return {name: Set(value) for name, value in after.items() if not same(before.get(name), value)}


def copied_by(leg: Leg, history: History) -> int | None:
    """The row that a fork is a copy of (``update_state(…, as_node="__copy__")``), which stands beside it;
    None where it is of its parent, as when an older checkpoint is run again."""
    row = leg.rows[0]
    if _are_alike(history, leg.parent, row):
        return None
    beside = (each.index for each in history.tree.rows[leg.parent].children if each.index < row)
    return next((each for each in beside if _are_alike(history, each, row)), None)


def _are_alike(history: History, one: int, other: int) -> bool:
    """Whether two rows hold the same versions of all channels."""
    known = [history.reader.real_record(row).bookkeeping for row in (one, other)]
    return None not in known and len({str(each.channel_versions) for each in known if each}) == 1
