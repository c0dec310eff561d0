"""Parts of a state as forms, and the edited parts as the values of an update."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lgviz import session
from lgviz._visible import visible
from lgviz.analysis.blame import origin_of
from lgviz.analysis.checkpoint import Checkpoint, state_of
from lgviz.analysis.edits import PartRefusal, edited, json_of, json_text, with_part
from lgviz.analysis.messages import message_id
from lgviz.analysis.types import Hint, part_of
from lgviz.analysis.values import child_at, clean, describe, value_at
from lgviz.backend.checkpoint_views import channels_at, real_state_of
from lgviz.backend.part_fields import field_of_part
from lgviz.backend.restored import restored_part
from lgviz.errors import InvalidValue, LgvizError, NotFound
from lgviz.protocol import PartEdit, PartForm, PartOriginView

__all__ = ["EDITABLE_CHARACTERS", "EditedChannel", "edited_channels", "part_form"]

EDITABLE_CHARACTERS = 200_000
_SECONDS = 2.0
"""How long is looked for who set a part that is edited."""
_TOO_LONG = "It is too long to edit here ({:,} characters); a new value can be given."


def part_form(
    graph: Any, at: Checkpoint, channel: str, path: Sequence[int], typed: str | None = None
) -> PartForm:
    """One part of a channel's value, as it is edited; the form holds what was typed already, if anything was.

    Raises:
        NotFound: there is no such part.
        InvalidValue: what was typed is no JSON.
    """
    state = state_of(at)
    if channel not in state:
        raise NotFound(f"The state has no channel {channel!r} here.", "Open the checkpoint again.")
    found = list(_walk(state[channel], path, channel_hints_at(graph, at).get(channel, Any)))
    value = found[-1].value
    shape = describe(value)
    data = json_of(value)[0]
    text = json_text(data)
    too_long = len(text) > EDITABLE_CHARACTERS
    info = channels_at(graph, at).get(channel)
    return {
        "channel": channel,
        "path": list(path),
        "keys": [clean(str(step.key)) for step in found[1:]],
        "kind": shape.kind,
        "type": shape.type,
        "text": "" if too_long else text,
        "field": field_of_part(
            value, found[-1].hint, data if typed is None else session.parse_json(typed, channel)
        ),
        "reason": f"It is too long to edit here ({len(text):,} characters); a new value can be given."
        if too_long
        else None,
        "by_id": info is not None and _by_id(info, found),
        "origin": _origin(at, channel, path),
    }


@dataclass(frozen=True, slots=True)
class EditedChannel:
    """A channel of which parts were edited.

    Attributes:
        before, after: its value.
        messages: the positions of the parts where each is a message that the reducer replaces by its id.
        reduced: it has a reducer, which the whole value must go past.
    """

    before: Any
    after: Any
    messages: tuple[int, ...] | None
    reduced: bool

    @property
    def update(self) -> Any:
        """What an update gives the channel: those messages alone, else the whole value, past the reducer."""
        if self.messages is None:
            return session.Set(self.after) if self.reduced else self.after
        return [self.after[position] for position in self.messages]


def edited_channels(
    graph: Any, at: Checkpoint, edits: Sequence[PartEdit], *, shown: bool = False
) -> dict[str, EditedChannel]:
    """The channels with their parts as they were edited; the rest of their values stays as it is.

    Args:
        graph: the graph that acts there.
        at: the checkpoint.
        edits: what was typed.
        shown: by the values as they are shown, for copied code; else by the real ones.

    Raises:
        InvalidValue: what was typed is no JSON, or is refused: ``refused`` says which parts.
    """
    state = state_of(at) if shown else real_state_of(at)
    hints = channel_hints_at(graph, at)
    infos = channels_at(graph, at)
    made: dict[str, EditedChannel] = {}
    refused: list[dict[str, Any]] = []
    for edit in edits:
        channel, path = edit["channel"], edit["path"]
        if channel not in state or channel not in infos:
            raise NotFound(f"The state has no channel {channel!r} here.", "Open the checkpoint again.")
        reduced = infos[channel].reducer is not None
        was = made.get(channel, EditedChannel(state[channel], state[channel], (), reduced))
        found = list(_walk(was.after, path, hints.get(channel, Any)))
        typed = session.parse_json(edit["text"], channel)
        if not shown:
            typed = restored_part(at, channel, path, [step.key for step in found[1:]], typed)
        new, wrong = edited(found[-1].value, typed, found[-1].hint)
        refused += [_told(channel, path, one) for one in wrong]
        after = with_part(was.after, path, new)
        alone = was.messages is not None and _by_id(infos[channel], found) and _keeps_id(found, after, path)
        messages = tuple(dict.fromkeys((*(was.messages or ()), path[0]))) if alone else None
        made[channel] = EditedChannel(was.before, after, messages, reduced)
    if refused:
        raise refusal_of(refused)
    return made


def _keeps_id(found: Sequence[_Step], after: Any, path: Sequence[int]) -> bool:
    return message_id(value_at(after, path[:1])) == message_id(found[1].value)


def channel_hints_at(graph: Any, at: Checkpoint) -> dict[str, Hint]:
    """The annotations of the channels of the (sub)graph of a checkpoint; none where it is not known."""
    try:
        return session.channel_hints(session.target_of(graph).graph_in(at.namespace))
    except LgvizError:
        return {}


def refusal_of(refused: Sequence[Mapping[str, Any]]) -> InvalidValue:
    """The error that names these parts."""
    first = refused[0]
    where = first["channel"] + "".join(f"[{key!r}]" for key in first["error"]["path"])
    more = f" ({len(refused) - 1} more)" if len(refused) > 1 else ""
    return InvalidValue(f"{where}: {first['error']['message']}{more}", "Correct what is marked.", refused)


def _told(channel: str, path: Sequence[int], one: PartRefusal) -> dict[str, Any]:
    return {
        "channel": channel,
        "path": list(path),
        "error": {"path": list(one.keys), "message": visible(one.text)},
    }


@dataclass(frozen=True, slots=True)
class _Step:
    """A value on the way from a channel to a part: the key that led to it, and what the schema says of it."""

    key: Any
    value: Any
    hint: Hint


def _walk(value: Any, path: Sequence[int], hint: Hint = Any) -> Iterator[_Step]:
    yield _Step(None, value, hint)
    for position in path:
        key, child = child_at(value, position)
        hint = part_of(hint, value, key)
        value = child
        yield _Step(key, value, hint)


def _by_id(info: session.ChannelInfo, found: Sequence[_Step]) -> bool:
    """Whether the part is, or is in, a message that the channel's reducer replaces by its id."""
    return info.messages and len(found) > 1 and message_id(found[1].value) is not None


def _origin(at: Checkpoint, channel: str, path: Sequence[int]) -> PartOriginView | None:
    end = time.monotonic() + _SECONDS
    found = origin_of(at, channel, path, cancelled=lambda: time.monotonic() > end)
    if found.set_by is None:
        return None
    return {"id": found.set_by.id, "label": found.set_by.label, "nodes": list(found.nodes)}
