"""Who last changed each part of a state, and since when it is there: the checkpoint and its node."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lgviz._visible import visible
from lgviz.errors import InvalidValue, PartNotFound, listed
from lgviz.persistence.database.gc_pause import gc_paused
from lgviz.sources.places import is_internal

from .channel_past import ChannelPast
from .checkpoint import Checkpoint
from .html import Room, page, table_html, tag
from .marks import PartMark, lines_of
from .messages import is_message, message_id
from .rebuilt import KeptAsWrites
from .shown import RowSequence
from .summary import path_of, path_text
from .values import child_at, clean, kind_of, line, pairs_of
from .writers import PartWriter, writers_of

if TYPE_CHECKING:
    import pandas

__all__ = ["UNSOUGHT", "Blame", "Origin", "blame", "origin_of"]

_ROWS = 60
"""Rows of a blame that a terminal is shown."""
_VALUE = 60
_OLDER = "older than what the history keeps"
UNSOUGHT = "not looked for any further"
"""The note of a part of which nothing was found out before the search was cancelled."""


@dataclass(frozen=True, slots=True, repr=False)
class Origin:
    """Who set one part of a state.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> graph = two_nodes.build(InMemorySaver())
    >>> two_nodes.seed(graph)
    >>> one = lgviz.history(graph).blame("bar")[1]
    >>> one.path, one.value, one.set_by, one.node
    (('bar', 1), 'edit', <Checkpoint c4 node_a, step 2>, 'node_a')
    >>> one
    <Origin bar[1]: set by c4 · node_a>

    Attributes:
        path: the part: the channel, then keys, names of fields, ids of messages, positions in lists, numbers
            of lines from 0, as in a :class:`~lgviz.Change`.
        value: the part itself.
        set_by: the checkpoint whose step changed it last; None where that is older than what is stored.
        node: the node whose task wrote it then; None where that is not certain, or where several did.
        first: the checkpoint since which it is there, whatever it was; None as for ``set_by``.
        writers: the tasks that wrote it, as ``(node, task_id)``: several where parallel ones did.
        note: why it is not certain; empty where it is.
        is_line: whether it is one line of a text.
    """

    path: tuple[Any, ...]
    value: Any
    set_by: Checkpoint | None
    node: str | None
    first: Checkpoint | None
    writers: tuple[PartWriter, ...] = ()
    note: str = ""
    is_line: bool = False

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes whose tasks wrote it."""
        return tuple(dict.fromkeys(writer.node for writer in self.writers))

    @property
    def where(self) -> str:
        """The path as a person reads it: ``messages#a1``, ``files["a.py"] line 3``."""
        if self.is_line:
            return f"{_where(self.path[:-1])} line {self.path[-1] + 1}"
        if is_message(self.value) and message_id(self.value) == self.path[-1]:
            return f"{_where(self.path[:-1])}#{clean(str(self.path[-1]))[:60]}"
        return _where(self.path)

    def __repr__(self) -> str:
        return visible(f"<Origin {self.where}: {self.told}>")

    def _repr_html_(self) -> str:
        return page(self.where, tag("div", self.told))

    @property
    def told(self) -> str:
        """In words: ``"set by c15 · tools, there since c3"``."""
        if self.set_by is None:
            return self.note
        who = f" · {' + '.join(self.nodes)}" if self.writers else ""
        since = "" if self.first == self.set_by else f", there since {_label(self.first)}"
        return f"set by {self.set_by.label}{who}{since}" + (f" ({self.note})" if self.note else "")


class Blame(RowSequence[Origin]):
    """Who set each part of a state; ``str()`` and a notebook show a line for each.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> graph = two_nodes.build(InMemorySaver())
    >>> two_nodes.seed(graph)
    >>> lgviz.history(graph).blame(at="c3")
    Blame at c3: 3 parts
    c3  node_b  foo     "b"  since c1
    c2  node_a  bar[0]  "a"
    c3  node_b  bar[1]  "b"

    Attributes:
        at: the checkpoint whose state it tells of.
        path: the part of it that was asked for; empty for all.
    """

    def __init__(self, at: Checkpoint, path: tuple[Any, ...], origins: Sequence[Origin]) -> None:
        super().__init__(tuple(origins))
        self.at = at
        self.path = path

    def rows(self) -> Iterator[tuple[str, str, str, str, str]]:
        """What a table shows: label, nodes, part, value, and since when it is there where that is longer."""
        for one in self:
            since = "" if one.first == one.set_by else f"since {_label(one.first)}"
            nodes = " + ".join(one.nodes)
            yield _label(one.set_by), nodes, one.where, line(one.value, _VALUE), one.note or since

    def frame(self) -> pandas.DataFrame:
        """A row for each part: ``path, value, set_by, node, first, task_id``; checkpoints by their labels."""
        import pandas as pd

        columns: dict[str, list[Any]] = {
            "path": [one.path for one in self],
            "value": [one.value for one in self],
            "set_by": [one.set_by and one.set_by.label for one in self],
            "node": [one.node for one in self],
            "first": [one.first and one.first.label for one in self],
            "task_id": [one.writers[0].task_id or None if len(one.writers) == 1 else None for one in self],
        }
        return pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in columns.items()})

    def __repr__(self) -> str:
        count = "one part" if len(self) == 1 else f"{len(self):,} parts"
        of = f" of {_where(self.path)}" if self.path else ""
        rows = [row for row, _ in zip(self.rows(), range(_ROWS), strict=False)]
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
        texts = ["  ".join([*map(str.ljust, row[:4], widths), row[4]]).rstrip() for row in rows]
        more = [f"… {len(self) - _ROWS:,} more"] if len(self) > _ROWS else []
        return visible("\n".join([f"Blame{of} at {self.at.label}: {count}", *texts, *more]))

    def _repr_html_(self) -> str:
        title, *_ = repr(self).partition("\n")
        columns = ("set by", "node", "part", "value", "")
        return page(title, table_html(columns, self.rows(), Room(60_000)))


def blame(
    at: Checkpoint,
    path: Any = None,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    containers: bool = False,
) -> Blame:
    """Who set each part of a state (:meth:`History.blame`).

    Args:
        at: the checkpoint.
        path: of the part; None: all.
        cancelled: asked often; once true, parts of which nothing was found out are left open, with a note.
        containers: also tell of values that are told of by their parts, before these.
    """
    state = at.history.reader.state(at.row)
    asked = _asked(path, state, at)
    channels = [asked[0]] if asked else [name for name in state if not is_internal(str(name))]
    steps = asked[1] if asked else ()
    with gc_paused():
        found = [
            origin
            for name in channels
            for origin in _BlamedChannel(at, name).origins(steps, cancelled, containers=containers)
        ]
    return Blame(at, (asked[0], *_named(state[asked[0]], steps)) if asked else (), found)


def origin_of(
    at: Checkpoint, channel: str, path: Sequence[int] = (), cancelled: Callable[[], bool] = lambda: False
) -> Origin:
    """Who set one part of a state last; since when it is there is not looked for any further.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> graph = two_nodes.build(InMemorySaver())
    >>> two_nodes.seed(graph)
    >>> origin_of(lgviz.history(graph)["c3"], "bar", [0])
    <Origin bar[0]: set by c2 · node_a>

    Args:
        at: the checkpoint.
        channel: a channel of its state.
        path: child positions from the channel's value down to the part.
        cancelled: asked often; once true, nothing more is looked for.

    Raises:
        NotFound: there is no such part.
    """
    value, steps = at.history.reader.state(at.row).get(channel), []
    for position in path:
        key, value = child_at(value, position)
        steps.append(key)
    past = _BlamedChannel(at, channel)
    return past.origin(tuple(steps), value, past.mark(tuple(steps), cancelled))


class _BlamedChannel:
    """The parts of one channel of a state, and who set them."""

    def __init__(self, at: Checkpoint, channel: str) -> None:
        self._history = at.history
        self._channel = channel
        row = at.history.tree.rows[at.row]
        self._past = ChannelPast(at.history.reader, row, channel)
        self._held_in = ChannelPast.stored_in(at.history.reader, row, channel)
        self._value = at.history.reader.real_state(at.row).get(channel)
        self._shown = at.history.reader.state(at.row).get(channel)

    def mark(self, steps: tuple[Any, ...], cancelled: Callable[[], bool]) -> PartMark:
        """That of one part."""
        return self._past.marks(lambda mark: mark.below(steps).at is None, cancelled).below(steps)

    def origins(
        self, steps: tuple[Any, ...], cancelled: Callable[[], bool], *, containers: bool
    ) -> list[Origin]:
        """Those of the parts of a part."""
        shown = _at(self._shown, steps)

        def is_open(whole: PartMark) -> bool:
            mark = whole.below(steps)
            if mark.kids is not None:  # what is inside of a part is not older than it
                return any(kid.first is None for kid in mark.marks)
            known = not steps and self._past.begun is not None
            return mark.at is None or (mark.first is None and not known)

        mark = self._past.marks(is_open, cancelled).below(steps)
        parts = _leaves(steps, shown, mark, asked=True, containers=containers)
        return [self.origin(*part) for part in parts]

    def origin(self, steps: Sequence[Any], shown: Any, mark: PartMark) -> Origin:
        """That of one part."""
        made, note = self._made(mark.at), ""
        if made is None:
            note = _OLDER if self._past.is_read else UNSOUGHT
        elif mark.at in self._past.unread:
            unread = self._history.checkpoint_at(self._past.unread[mark.at].index)
            note = f"or before: {unread.label} cannot be read"
        elif made.collapsed:
            note = "by a step before it that is not stored"
        writers: tuple[PartWriter, ...] = ()
        if made is not None and not note:
            path = _named(self._value, steps)
            inside = () if self._held_in == self._channel else (self._channel,)
            writers = writers_of(made, self._held_in, (*inside, *path), _at(self._value, steps))
        names = {writer.node for writer in writers}
        return Origin(
            path=(self._channel, *_named(self._shown, steps)),
            value=shown,
            set_by=made,
            node=next(iter(names)) if len(names) == 1 else None,
            first=self._made(self._past.begun if mark.first is None and not steps else mark.first),
            writers=writers,
            note=note,
            is_line=bool(steps) and type(_at(self._shown, steps[:-1])) is str,
        )

    def _made(self, step: int | None) -> Checkpoint | None:
        return None if step is None else self._history.checkpoint_at(self._past.steps[step].index)


# ---------------------------------------------------------------- parts


def _leaves(
    steps: tuple[Any, ...], value: Any, mark: PartMark, *, asked: bool, containers: bool = False
) -> Iterator[tuple[tuple[Any, ...], Any, PartMark]]:
    """The parts of a value that are told apart: each item and key of what was asked for; below, only where
    the parts were not all set by one step. A message is one part, unless it was asked for itself."""
    parts = list(_parts(value)) if _is_opened(steps, value, mark, asked) else []
    if containers or not parts:
        yield steps, value, mark
    for key, child in parts:
        yield from _leaves((*steps, key), child, mark.child(key), asked=False, containers=containers)


def _is_opened(steps: Sequence[Any], value: Any, mark: PartMark, asked: bool) -> bool:
    kind = kind_of(value)
    if kind == "message":
        return asked and bool(steps) and not _is_one(mark)
    if kind in ("list", "set", "dict", "object") and not isinstance(value, KeptAsWrites):
        return (asked or not _is_one(mark)) and _fits(value, mark)
    return kind == "string" and not _is_one(mark) and _fits(value, mark)


def _is_one(mark: PartMark) -> bool:
    """Whether all of a part was set by one step."""
    return all(kid.at == mark.at and _is_one(kid) for kid in mark.marks)


def _fits(value: Any, mark: PartMark) -> bool:
    """Whether a value has the parts of a mark: a masked one may have others."""
    if mark.kids is None:
        return True
    keys = [key for key, _ in _parts(value)]
    if isinstance(mark.kids, Mapping):
        return all(key in mark.kids for key in keys)
    return len(keys) == len(mark.kids)


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    """The parts of a value by the keys of marks."""
    if type(value) is str:
        return iter(enumerate(lines_of(value)))
    return pairs_of(value)


def _at(value: Any, steps: Sequence[Any]) -> Any:
    """The part of a value at the keys of marks; None where it has no such part."""
    for step in steps:
        if kind_of(value) == "list":
            value = value[step] if step < len(value) else None
        elif type(value) is dict:  # not looked through for each of its keys
            value = value.get(step)
        else:
            parts = (child for key, child in _parts(value) if type(key) is type(step) and key == step)
            value = next(parts, None)
    return value


def _named(value: Any, steps: Sequence[Any]) -> tuple[Any, ...]:
    """The keys of marks as a path: messages by their ids."""
    named = []
    for step in steps:
        in_list = kind_of(value) == "list"
        value = _at(value, [step])
        named.append((message_id(value) if in_list else None) or step)
    return tuple(named)


# ---------------------------------------------------------------- what is asked for


def _asked(path: Any, state: Mapping[str, Any], at: Checkpoint) -> tuple[str, tuple[Any, ...]] | None:
    """The channel that a path names, and the keys of marks down from it; None where all is asked for.

    Raises:
        PartNotFound: the state has no such part.
        InvalidValue: it is no path.
    """
    if path is None or path in ((), []):
        return None
    if isinstance(path, str):
        names = (path,) if path in state else path_of(path)
    elif isinstance(path, Sequence):
        names = tuple(path)
    else:
        raise InvalidValue(
            f"{line(path)} is no path.", 'Name a channel, or a path such as ("messages", "a1").'
        )
    channel, *rest = names
    if not isinstance(channel, str) or channel not in state:
        there = listed((str(name) for name in state if not is_internal(str(name))), most=8)
        raise PartNotFound(
            f"The state at {at.label} has no {line(channel, 60)}.",
            f"It has {there}." if state else "It is empty.",
        )
    steps: list[Any] = []
    value = state[channel]
    for name in rest:
        step = _step(value, name)
        if step is None:
            raise PartNotFound(
                f"{_where((channel, *steps))} at {at.label} has no {line(name, 60)}.", _what_there_is(value)
            )
        steps.append(step)
        value = _at(value, [step])
    return channel, tuple(steps)


def _step(value: Any, name: Any) -> Any:
    """The key of a mark that a step of a path names; None where there is no such part."""
    if kind_of(value) in ("list", "set") or type(value) is str:
        parts = list(_parts(value))
        if type(name) is int:
            return name % len(parts) if -len(parts) <= name < len(parts) else None
        return next((at for at, item in parts if name is not None and message_id(item) == name), None)
    return next((key for key, _ in _parts(value) if type(key) is type(name) and key == name), None)


def _what_there_is(value: Any) -> str:
    kind = kind_of(value)
    if kind in ("list", "set") or type(value) is str:
        count = sum(1 for _ in _parts(value))
        what = "lines" if type(value) is str else "items"
        return f"Its {what} run from 0 to {count - 1}." if count else f"It has no {what}."
    names = [line(key, 40) for key, _ in _parts(value)]
    return f"It has {listed(names, most=8)}." if names else "It has no parts."


def _where(path: Sequence[Any]) -> str:
    return clean(str(path[0])) + path_text(tuple(path[1:]))


def _label(checkpoint: Checkpoint | None) -> str:
    return "older" if checkpoint is None else checkpoint.label
