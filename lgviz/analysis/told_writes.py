"""What the tasks of a step wrote and what each channel made of it, told: replaced, appended, merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from lgviz.sources.base import Undecodable
from lgviz.sources.places import RESULT_CHANNEL, ROOT_CHANNEL
from lgviz.sources.redact import MASK

from .channels import ChannelInfo, channels_of
from .checkpoint import Checkpoint, state_of
from .fingerprint import Fingerprints, Inexact
from .messages import is_message
from .phrases import Hole, Phrase, clauses, named, number, say, shown
from .rebuilt import KeptAsWrites, overwritten
from .same import same

__all__ = ["told_writes"]

_START = "__start__"
_EMPTY = (list, dict, set, str, int, float)
"""Types of values that a reducer begins with an empty one of."""
_BEFORE = 32
"""Characters of what a channel held before."""
_NOTHING: Any = object()
"""What a channel holds that nothing was written to yet."""


@dataclass(frozen=True, slots=True)
class _TaskWrite:
    """What one task wrote to one channel.

    ``task``: its node, and the number of the task among those of that node.
    """

    task: tuple[str, int]
    value: Any


@dataclass(frozen=True, slots=True)
class _ToldChannel:
    """A channel, and its value before and after a step.

    ``info``: what the graph says of it; None where that is not known. ``masks``: whether values may be
    masked. ``derived``: whether what was written is not stored, but follows from both values.
    """

    name: str
    before: Any
    after: Any
    info: ChannelInfo | None
    masks: bool
    derived: bool

    @property
    def reducer(self) -> str | None:
        """The reducer's name; a channel of another kind, such as a ``Topic``, has rules of its own."""
        return self.info.reducer if self.info is not None and self.info.settable else None

    @property
    def is_last_value(self) -> bool:
        """Whether the last value wins, for certain."""
        return self.info is not None and self.info.reducer is None


def told_writes(made: Checkpoint, graph: Any = None) -> list[Phrase]:
    """What was written to make a checkpoint, and what the channels made of it.

    Args:
        made: the checkpoint, of a step or an update.
        graph: the graph that made it, where the history has none: it names the reducers.
    """
    reader = made.history.reader
    written = reader.writes(made.row)
    by_channel: dict[str, list[_TaskWrite]] = {}
    for node, tasks in written.items():
        for count, task in enumerate(tasks):
            for name, value in task.items():
                by_channel.setdefault(name, []).extend(
                    _TaskWrite((node, count), each) for each in _several(value)
                )
    busy = {one.task[0] for writes in by_channel.values() for one in writes}
    returned = [
        say("{who} returned {value} to its caller.", who=named(one.task[0]), value=shown(one.value))
        for one in by_channel.pop("__return__", ())
    ] + [
        say("{who} ended with the result {value}.", who=named(one.task[0]), value=shown(one.value))
        for one in by_channel.pop(RESULT_CHANNEL, ())
    ]
    alone: dict[str, list[Phrase]] = {}
    together: list[Phrase] = []
    for channel in _channels(made, graph, by_channel, derived=written.derived):
        writes = by_channel[channel.name]
        values = _changed_items(channel, writes) if written.derived else [one.value for one in writes]
        tasks_of_it = list(dict.fromkeys(one.task for one in writes))
        if len(tasks_of_it) == 1:
            alone.setdefault(tasks_of_it[0][0], []).append(_clause(channel, values))
        else:
            together += _by_several(channel, tasks_of_it, values, len(made.nodes))
    lonely = len(made.nodes) == 1 and len(alone) == 1
    found = [_lead(made, node, parts, written.derived, lonely) for node, parts in alone.items()]
    idle = [node for node in made.nodes if node not in busy and "" not in busy]
    return [*returned, *found, *together, *_idle(made, idle, bool(busy))]


def _channels(made: Checkpoint, graph: Any, names: Iterable[str], *, derived: bool) -> Iterator[_ToldChannel]:
    """The channels of these names, before and after the step that made a checkpoint."""
    ran = made.history.reader.graph_at(made.row, graph)
    known = channels_of(ran) if hasattr(ran, "channels") else {}
    before = state_of(made.parent) if made.parent is not None else {}
    after = state_of(made)
    masks = made.history.source.redactor is not None
    for name in names:
        yield _ToldChannel(
            name, before.get(name, _NOTHING), after.get(name, _NOTHING), known.get(name), masks, derived
        )


def _changed_items(channel: _ToldChannel, writes: Sequence[_TaskWrite]) -> list[Any]:
    """What must have been written where no write is stored: of messages those that are others now."""
    before, after = channel.before, channel.after
    if not (_is_list(before) and _is_list(after) and after and all(map(is_message, after))):
        return [one.value for one in writes]
    return [[item for item, old in zip_longest(after, before, fillvalue=_NOTHING) if not same(item, old)]]


def _lead(made: Checkpoint, node: str, parts: Sequence[Phrase], derived: bool, alone: bool) -> Phrase:
    """Who wrote, and then what."""
    holes = {"who": named(node), "what": clauses(parts)}
    if made.source == "update":
        if not node:
            return say("Someone changed the state, as which node is not certain, and wrote {what}.", **holes)
        if node == _START:
            return say("Someone changed the state, as if an input had brought {what}.", **holes)
        return say("Someone changed the state, as if {who} had written {what}.", **holes)
    if node == _START:
        return say("{who} brought the input into the state: {what}.", **holes)
    if derived:
        return say("As the states before and after tell, it wrote {what}.", **holes)
    if not node:
        return say("A task whose node is not certain wrote {what}.", **holes)
    if alone:
        return say("It wrote {what}.", **holes)
    return say("{who} wrote {what}.", **holes)


def _idle(made: Checkpoint, idle: Sequence[str], others: bool) -> Iterator[Phrase]:
    """The nodes that wrote nothing; where nothing at all is known, what changed."""
    if made.source == "update" and not others:
        yield from _touched(made)
    elif made.changed and not others:
        channels = named(*map(_spoken, made.changed))
        yield say("{channels} changed; who wrote what is not stored.", channels=channels)
    elif [*idle] == [_START]:
        yield say("{who} took the input, of which nothing went into the state.", who=named(_START))
    elif idle and len(made.nodes) == 1:
        yield say("It wrote nothing to the state.")
    elif idle:
        yield say("{who} wrote nothing to the state.", who=named(*idle))


def _touched(made: Checkpoint) -> Iterator[Phrase]:
    """An update of which no value is stored."""
    nodes = [made.as_node] if made.as_node else list(made.nodes)
    if made.changed:
        channels = named(*map(_spoken, made.changed))
        yield say("Someone changed the state: {channels}.", channels=channels)
    if nodes:
        yield say("Someone went on from here, as if {who} had run.", who=named(*nodes))
    elif not made.changed:
        yield say("Someone made an update that changes nothing.")


def _several(value: Any) -> list[Any]:
    """The writes of one task to one channel."""
    if isinstance(value, dict) and [*value] == ["$writes"] and isinstance(value["$writes"], list):
        return list(value["$writes"])
    return [value]


def _spoken(channel: str) -> str:
    return "the state" if channel == ROOT_CHANNEL else channel


# ---------------------------------------------------------------- one task


def _clause(channel: _ToldChannel, values: Sequence[Any]) -> Phrase:
    """What one task wrote to a channel, and what that made of it, to go on "it wrote"."""
    overwrites, bare = overwritten(values[-1])
    value = shown(*([bare] if overwrites else [_item(one) for one in values]))
    holes = {"value": value, "channel": named(_spoken(channel.name))}
    unread = _unread(channel, values, holes)
    if unread is not None:
        return unread
    if overwrites:
        return say("{value} to {channel}, past its reducer, so that is what it holds", **holes)
    if channel.derived and not channel.is_last_value and not _is_list(channel.after):
        return _unstored(channel, holes)
    if len(values) == 1 and same(channel.after, values[0]) and channel.reducer is None:
        return _replaced(channel, holes)
    if channel.reducer is None:
        return _grown(channel, values, holes) or _became(channel, holes)
    return _reduced(channel, values, {**holes, "reducer": named(channel.reducer)})


def _unstored(channel: _ToldChannel, holes: Mapping[str, Hole]) -> Phrase:
    """Of a write that is not stored where a reducer may have made something else of it."""
    known = {"channel": holes["channel"], "after": shown(channel.after), "before": shown(channel.before)}
    if channel.before is _NOTHING:
        return say("something to {channel}, which holds {after} now", **known)
    return say("something to {channel}, where {before} became {after}", **known)


def _replaced(channel: _ToldChannel, holes: Mapping[str, Hole]) -> Phrase:
    """What a write did to a channel that now holds just that."""
    if channel.before is _NOTHING:
        return say("{value} to {channel}, which held nothing before", **holes)
    if same(channel.before, channel.after):
        return say("{value} to {channel}, which held that already", **holes)
    before = shown(channel.before, limit=_BEFORE)
    if _is_cut(before):
        if channel.is_last_value:
            return say("{value} to {channel}, which has no reducer, so what it held was replaced", **holes)
        return say("{value} to {channel}, which held something else before", **holes)
    holes = {**holes, "before": before}
    if channel.is_last_value:
        return say("{value} to {channel}, which has no reducer, so {before} was replaced", **holes)
    return say("{value} to {channel}, which held {before} before", **holes)


def _reduced(channel: _ToldChannel, values: Sequence[Any], holes: Mapping[str, Hole]) -> Phrase:
    """What a reducer made of a write."""
    after = channel.after
    before = type(after)() if channel.before is _NOTHING and type(after) in _EMPTY else channel.before
    if before is not _NOTHING and same(before, after):
        return say("{value} to {channel}, where its reducer {reducer} changed nothing", **holes)
    if count := _appended(before, after, values):
        return say("{value} to {channel}, whose reducer {reducer} appended it: {count} now",
                   count=_items(count, channel), **holes)  # fmt: skip
    if count := _merged(before, after, values):
        return say("{value} to {channel}, whose reducer {reducer} merged it in: {count} now",
                   count=_keys(count), **holes)  # fmt: skip
    if channel.info is not None and channel.info.messages and _is_list(after):
        holes = {**holes, "count": _items(len(after), channel)}
        if _is_list(before) and len(before) == len(after):
            return say(
                "{value} to {channel}, where {reducer} replaced what has its id: still {count}", **holes
            )
        return say("{value} to {channel}, whose reducer {reducer} merged it by ids: {count} now", **holes)
    holes = {**holes, "after": shown(after), "before": shown(before)}
    if before is _NOTHING:
        return say("{value} to {channel}, of which its reducer {reducer} made {after}", **holes)
    if _is_cut(holes["before"]) or _is_cut(holes["after"]):
        return say("{value} to {channel}, whose reducer {reducer} worked it into what was there", **holes)
    return say("{value} to {channel}, whose reducer {reducer} made {after} of it and of {before}", **holes)


def _is_cut(value: Hole) -> bool:
    """Whether a value is too long to be told whole."""
    return value.texts[0].endswith(("…", '…"', "…}", "…]", "…)"))


def _items(count: int, channel: _ToldChannel) -> Hole:
    """How many items a list has."""
    if channel.info is not None and channel.info.messages:
        return clauses([say("1 message") if count == 1 else say("{n} messages", n=number(count))])
    return clauses([say("1 item") if count == 1 else say("{n} items", n=number(count))])


def _keys(count: int) -> Hole:
    """How many keys a dict has."""
    return clauses([say("1 key") if count == 1 else say("{n} keys", n=number(count))])


def _grown(channel: _ToldChannel, values: Sequence[Any], holes: Mapping[str, Hole]) -> Phrase | None:
    """What a write did to a list or dict whose rule is not known."""
    if count := _appended(channel.before, channel.after, values):
        return say(
            "{value} to {channel}, which grew by it: {count} now", count=_items(count, channel), **holes
        )
    if count := _merged(channel.before, channel.after, values):
        return say(
            "{value} to {channel}, which holds it among others: {count} now", count=_keys(count), **holes
        )
    return None


def _became(channel: _ToldChannel, holes: Mapping[str, Hole]) -> Phrase:
    if channel.after is _NOTHING:
        return say("{value} to {channel}, which checkpoints do not keep", **holes)
    if channel.before is _NOTHING:
        return say("{value} to {channel}, which holds {after} now", after=shown(channel.after), **holes)
    if same(channel.before, channel.after):
        return say("{value} to {channel}, which is as it was", **holes)
    after, before = shown(channel.after), shown(channel.before)
    return say("{value} to {channel}, where {before} became {after}", before=before, after=after, **holes)


# ---------------------------------------------------------------- several tasks


def _by_several(
    channel: _ToldChannel, tasks: Sequence[tuple[str, int]], values: Sequence[Any], all_: int
) -> list[Phrase]:
    """What several of all the tasks of a step wrote to one channel, and what came of it."""
    nodes = list(dict.fromkeys(node for node, _ in tasks if node))
    holes = {"channel": named(_spoken(channel.name)), "values": shown(*map(_item, values), limit=48)}
    if len(nodes) == len(tasks) == all_:
        wrote = say("Each of them wrote to {channel}: {values}.", **holes)
    elif len(nodes) == len(tasks):
        wrote = say("{who} each wrote to {channel}: {values}.", who=named(*nodes), **holes)
    else:
        wrote = say("{n} tasks wrote to {channel}: {values}.", n=number(len(tasks)), **holes)
    return [wrote, _joint(channel, values)]


def _joint(channel: _ToldChannel, values: Sequence[Any]) -> Phrase:
    """What came of the writes of several tasks."""
    holes = {"channel": named(_spoken(channel.name))}
    if _unread(channel, values, {**holes, "value": shown()}) is not None:
        return say("What became of {channel} cannot be told here.", **holes)
    if channel.after is _NOTHING:
        return say("Checkpoints do not keep {channel}.", **holes)
    appended = _appended(channel.before, channel.after, values)
    merged = _merged(channel.before, channel.after, values)
    count = _items(appended, channel) if appended else _keys(merged)
    holes |= {"after": shown(channel.after), "count": count}
    if channel.reducer is None:
        if appended or merged:
            return say("{channel} grew by them: {count} now.", **holes)
        return say("{channel} holds {after} now.", **holes)
    holes |= {"reducer": named(channel.reducer)}
    if same(channel.before, channel.after):
        return say("Its reducer {reducer} changed nothing.", **holes)
    if appended:
        return say("Its reducer {reducer} appended one after the other: {count} now.", **holes)
    if merged:
        return say("Its reducer {reducer} merged one after the other: {count} now.", **holes)
    if _is_cut(holes["after"]):
        return say("Its reducer {reducer} worked one after the other into what was there.", **holes)
    return say("Its reducer {reducer} took one after the other and made {after}.", **holes)


# ---------------------------------------------------------------- what happened to a value


def _unread(channel: _ToldChannel, values: Sequence[Any], holes: Mapping[str, Hole]) -> Phrase | None:
    """What to say of a write where values cannot be looked at; None where they can."""
    looked = [channel.before, channel.after, *values]
    if any(isinstance(each, Undecodable) for each in looked):
        return say("{value} to {channel}, of which not all can be read", **holes)
    if any(isinstance(each, KeptAsWrites) for each in looked):
        return say("{value} to {channel}, whose reducer is needed to tell what it holds now", **holes)
    if channel.masks and not all(map(_is_plain, looked)):
        return say("{value} to {channel}, of which not all is shown here", **holes)
    return None


def _is_plain(value: Any) -> bool:
    """Whether nothing of a value is masked, for certain: masks of different values look alike."""
    try:
        Fingerprints(MASK).of(None if value is _NOTHING else value)
    except Inexact:
        return False
    return True


def _item(value: Any) -> Any:
    """A message that was written alone is shown alone."""
    return value[0] if isinstance(value, list) and len(value) == 1 and is_message(value[0]) else value


def _is_list(value: Any) -> bool:
    return type(value) in (list, tuple)


def _appended(before: Any, after: Any, values: Sequence[Any]) -> int:
    """How many items a list has to which just these writes were appended; else 0."""
    begun = [] if before is _NOTHING else before
    if not (_is_list(begun) and _is_list(after)):
        return 0
    items = [item for value in values for item in (value if _is_list(value) else [value])]
    if len(begun) + len(items) != len(after) or not items:
        return 0
    if not all(map(same, begun, after)):
        return 0
    for kept in after[len(begun) :]:  # tasks are taken in another order than they are told in
        place = next((place for place, item in enumerate(items) if _is_alike(item, kept)), None)
        if place is None:
            return 0
        del items[place]
    return len(after)


def _is_alike(item: Any, kept: Any) -> bool:
    """Whether an item is one that was written: LangGraph makes a message of a pair and gives it an id."""
    return same(item, kept) or (is_message(kept) and not isinstance(item, KeptAsWrites))


def _merged(before: Any, after: Any, values: Sequence[Any]) -> int:
    """How many keys a dict has into which just these writes were merged; else 0."""
    begun = {} if before is _NOTHING else before
    if type(begun) is not dict or type(after) is not dict or not all(type(one) is dict for one in values):
        return 0
    made = {**begun}
    for value in values:
        made.update(value)
    # Tasks are taken in another order than they are told in.
    return (
        len(after) if made.keys() == after.keys() and all(same(made[key], after[key]) for key in made) else 0
    )
