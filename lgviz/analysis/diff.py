"""Diffs of states: what changed, by identity, and exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lgviz.analysis.compare import Change, ChangeKind, Changes, Walk
from lgviz.analysis.html import diff_page
from lgviz.analysis.patches import DictPatch, Patch, Replace
from lgviz.analysis.same import same
from lgviz.analysis.summary import diff_text, summary_of
from lgviz.sources.places import is_internal

if TYPE_CHECKING:
    import pandas

__all__ = ["Change", "ChangeKind", "StateDiff", "diff_states", "same"]


class StateDiff(Changes):
    """How one state became another: a sequence of :class:`Change`.

    Messages are told apart by id, dicts by key, lists by alignment, arrays and frames by shape and cells; one
    more chat turn is two changes. Channels of LangGraph's own bookkeeping are left out unless asked for.

    >>> from lgviz.analysis.diff import diff_states
    >>> diff = diff_states({"n": 1, "seen": ["a"]}, {"n": 2, "seen": ["a", "b"]})
    >>> diff
    StateDiff: two values
      ~ n  1 → 2
      + seen[1]  "b"
    >>> diff.apply({"n": 1, "seen": ["a"]})
    {'n': 2, 'seen': ['a', 'b']}

    Attributes:
        channels: the channels that changed, in the order of the new state.
        unchanged: the channels that did not.
        hidden: how many internal channels differ but are left out.
    """

    def __init__(
        self, changes: Mapping[str, list[Change]], unchanged: list[str], hidden: int, patch: Patch
    ) -> None:
        super().__init__(changes, unchanged, hidden)
        self._patch = patch

    def apply(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Make the new state of the old one, exactly: types, order of keys and internal channels included.

        The given state stays as it is; the result shares its unchanged parts with it.

        Raises:
            InvalidValue: the state is not one that this diff was made from.
        """
        made: dict[str, Any] = self._patch.apply(dict(state))
        return made

    @property
    def summary(self) -> str:
        """In words: ``"one message, two values"``."""
        return summary_of(self)

    def frame(self) -> pandas.DataFrame:
        """One row for each change, with the columns ``channel, path, kind, before, after``."""
        import pandas as pd

        names = ["channel", "path", "kind", "before", "after"]
        columns = {name: [getattr(change, name) for change in self] for name in names}
        return pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in columns.items()})

    def __repr__(self) -> str:
        return diff_text(self)

    def _repr_html_(self) -> str:
        return str(diff_page(self))


def diff_states(before: Mapping[str, Any], after: Mapping[str, Any], *, internal: bool = False) -> StateDiff:
    """Compare two states.

    Args:
        before: channel values of the old state.
        after: channel values of the new state.
        internal: also list the changes of internal channels (``__start__``, ``branch:to:agent``).
    """
    old, new = dict(before), dict(after)
    parts: dict[Any, Patch] = {}
    changes: dict[str, list[Change]] = {}
    unchanged: list[str] = []
    hidden = 0
    for channel in [*new, *(c for c in old if c not in new)]:
        walk = Walk(channel)
        if channel not in old:
            walk.added((), new[channel])
            parts[channel] = Replace(new[channel])
        elif channel not in new:
            walk.removed((), old[channel])
        elif not same(old[channel], new[channel]):
            parts[channel] = walk.run(old[channel], new[channel])
        if not internal and is_internal(str(channel)):
            hidden += bool(walk.changes)
        elif walk.changes:
            changes[channel] = walk.changes
        else:
            unchanged.append(channel)
    added = tuple(channel for channel in new if channel not in old)
    removed = frozenset(channel for channel in old if channel not in new)
    follows = [channel for channel in old if channel in new] + list(added)
    patch = DictPatch(removed, parts, added, None if follows == list(new) else tuple(new))
    return StateDiff(changes, unchanged, hidden, patch)
