"""What LangGraph says of a state, also of one that the graph cannot load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langgraph.types import StateSnapshot

from lgviz.analysis.loading import Refusal, cannot_load, in_filling, remedy_of, tolerant
from lgviz.errors import LgvizError, Unloadable
from lgviz.sources.places import is_internal

from .effects import Act, call
from .saver_errors import refusal, within_saver
from .target import Position

__all__ = ["Loaded", "load", "snapshot_of"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A state as far as it can be told.

    Attributes:
        snapshot: LangGraph's word; channels that refuse what is stored are left out of it.
        refusals: what keeps the graph from loading the state; empty where it can.
    """

    snapshot: StateSnapshot
    refusals: list[Refusal]

    def stored(self, position: Position) -> dict[str, Any]:
        """What is stored in the state's channels that refuse it."""
        values = position.saved.checkpoint["channel_values"]
        names = [refusal.name for refusal in self.refusals if refusal.kind == "channel"]
        return {name: values[name] for name in names if name in values and not is_internal(name)}

    def check(self, what: str) -> StateSnapshot:
        """The snapshot.

        Raises:
            Unloadable: the graph cannot load the state.
        """
        if self.refusals:
            raise Unloadable(f"{what} {cannot_load(self.refusals)}.", remedy_of(self.refusals))
        return self.snapshot


def load(position: Position) -> Act[Loaded]:
    """What LangGraph says of a checkpoint named by its id.

    Raises:
        Unloadable: it says nothing, and neither a channel nor a node that refuses something is the reason.
    """
    graph, refused = tolerant(position.target.graph)
    try:
        snapshot = yield from call(graph, "get_state", position.config)
    except Exception as error:
        if isinstance(error, LgvizError) or refusal(error) is not None or within_saver(error):
            raise
        channels = in_filling(error, position.graph, position.saved.checkpoint)
        if not channels:
            raise Unloadable(
                f"The state at this checkpoint {cannot_load(refused, error)}.", remedy_of(refused)
            ) from error
        rest = yield from load(position.without(refusal.name for refusal in channels))
        return Loaded(rest.snapshot, [*channels, *rest.refusals])
    return Loaded(snapshot, refused)


def snapshot_of(position: Position) -> Act[StateSnapshot]:
    """:func:`load` where it does not matter whether the graph can go on from there."""
    return (yield from load(position)).snapshot
