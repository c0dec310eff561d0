"""Whether two states are the same, and where they part, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import BaseMessage

from .diff import Change, StateDiff, diff_states
from .fingerprint import Fingerprint, Fingerprints, messages_in, with_ids
from .same import same
from .summary import path_text

__all__ = ["diff_but_ids", "fingerprint_of", "parting"]


def fingerprint_of(state: Mapping[str, Any], made: Fingerprints) -> Fingerprint:
    """The fingerprint of a state, whose channels have no order.

    Raises:
        Inexact: a value cannot be hashed exactly.
    """
    return made.of(dict(sorted(state.items())))


def parting(recorded: Mapping[str, Any], present: Mapping[str, Any]) -> tuple[StateDiff, str]:
    """From the recorded state to the new one, and where the first difference is.

    Messages in the same place that were given other ids count as one, unless that is all that differs: then
    an id is in the place of another that was there.
    """
    diff, place = diff_but_ids(recorded, present)
    if not diff and (diff := diff_states(recorded, present)):
        place = _place(next(iter(diff)), recorded)
    return diff, place


def diff_but_ids(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[StateDiff, str]:
    """From one state to another, and where the first difference is.

    Messages in the same place that have other ids count as one.
    """
    looked = with_ids(after, _renamed(before, after))
    diff = diff_states(before, looked)
    change = next(iter(diff), None)
    return diff, "state" if change is None else _place(change, looked)


def _renamed(recorded: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, str]:
    """For the ids of messages that were made up anew, those of the messages in their places."""
    ids: dict[str, str] = {}
    for name, value in recorded.items():
        for old, new in zip(messages_in(value), messages_in(present.get(name)), strict=False):
            if old.type == new.type and old.id and new.id and old.id != new.id:
                ids.setdefault(new.id, old.id)
    kept = {message.id for message in messages_in(list(present.values()))}
    return {new: old for new, old in ids.items() if old not in kept}


def _place(change: Change, state: Mapping[str, Any]) -> str:
    """Where a change is, in words that a programmer writes: ``messages[12].content``."""
    value, path = state.get(change.channel), list(change.path)
    if isinstance(value, list) and path and isinstance(path[0], str):
        known = (place for place, each in enumerate(value) if getattr(each, "id", None) == path[0])
        path[0] = next(known, path[0])
    before, after = change.before, change.after
    if isinstance(before, BaseMessage) and isinstance(after, BaseMessage):
        fields = vars(before)
        path += [next((f for f in fields if not same(fields[f], getattr(after, f, None))), "content")]
    return change.channel + path_text(tuple(path))
