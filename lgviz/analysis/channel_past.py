"""How the value of one channel came about along the path to a checkpoint, read as sparsely as can be.

What a step wrote is small and a state may be large. So a stretch of the path is tried by what was written
in it: the value at its beginning and those writes, taken in as LangGraph's reducers do, must give the value
at its end. Where they do not (a reducer that trims, an edit by an id that was made up when the message came
into the state), the stretch is halved, until two states that follow each other are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, BaseMessageChunk, message_chunk_to_message

from lgviz.sources.base import Undecodable
from lgviz.sources.places import RESULT_CHANNEL, ROOT_CHANNEL

from .marks import MISSING, OLDER, PartMark, carried, resolved
from .rebuilt import Fold, KeptAsWrites
from .same import same
from .state import StateReader
from .steps import TreeRow
from .values import fields_of

__all__ = ["ChannelPast"]

_FEW = 16
"""Steps of a stretch that is not halved again: its states are read at once, and compared."""
_GROWTH = 4


class ChannelPast:
    """The steps that changed a channel on the path to a checkpoint, numbered from the oldest.

    Args:
        reader: reads the thread.
        row: the checkpoint.
        channel: of its state.

    Attributes:
        steps: the rows of the tree that these steps made.
        begun: the step that first wrote to the channel; None where older steps are not stored.
        loaded: how many values were read.
        is_read: whether the path was gone to its end.
        unread: by step, a row before it whose value cannot be read: what the step set, that one may have set.
    """

    def __init__(self, reader: StateReader, row: TreeRow, channel: str) -> None:
        names = (
            {channel, RESULT_CHANNEL} if channel == ROOT_CHANNEL else {self.stored_in(reader, row, channel)}
        )
        self.steps: list[TreeRow] = []
        here: TreeRow | None = row
        oldest = row
        while here is not None:
            if here.parent is None or not names.isdisjoint(here.changed):
                self.steps.append(here)
            oldest, here = here, here.parent
        self.steps.reverse()
        self._whole = oldest.parent_id is None and not oldest.collapsed
        wrote = (step for step, each in enumerate(self.steps) if not names.isdisjoint(each.changed))
        self.begun = next(wrote, 0) if self._whole else None
        self.loaded = 0
        self.is_read = False
        self.unread: dict[int, TreeRow] = {}
        self._reader = reader
        self._channel = channel
        self._read = reader.channel_reader(row.index, channel)
        state = reader.real_state(row.index)
        self._values = {len(self.steps) - 1: state[channel]} if channel in state else {}
        self._writes: dict[int, list[Any]] = {}
        self._is_set_whole = False

    @staticmethod
    def stored_in(reader: StateReader, row: TreeRow, channel: str) -> str:
        """The channel that holds a channel of the state: another for a dict that an entrypoint returned."""
        held = reader.real_record(row.index).values
        return RESULT_CHANNEL if channel not in held and RESULT_CHANNEL in held else channel

    def marks(
        self,
        needed: Callable[[PartMark], bool] = lambda _: True,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> PartMark:
        """Who set which part of the value, by the numbers of the steps.

        Args:
            needed: whether the marks that are known so far leave open what is asked.
            cancelled: asked often; once true, the rest stays open.
        """
        mark, left, size = OLDER, len(self.steps) - 1, 1
        waiting: list[int] = []
        while left > 0 and needed(mark) and not cancelled():
            in_parts = bool(waiting)
            low = waiting.pop() if in_parts else max(left - size, 0)
            if low >= left:
                continue
            found = self._explained(low, left) if left - low > 1 else None
            if not in_parts:
                size = max(_FEW, size // _GROWTH if found is None and left - low > 1 else size * _GROWTH)
            if found is not None:
                mark, left = resolved(mark, found), low
            elif left - low > 1:
                waiting += self._parts(low, left)
                continue
            else:
                found, left = self._compared(left)
                mark = resolved(mark, found)
            self._forget(left)
        self.is_read = left <= 0
        return resolved(mark, PartMark(0, 0)) if left == 0 and self._whole else mark

    def _parts(self, low: int, high: int) -> list[int]:
        """Where the parts of a stretch begin, the newest last."""
        if high - low > _FEW:
            return [low, (low + high) // 2]
        self._load(range(low, high + 1))
        return list(range(low, high))

    def _compared(self, step: int) -> tuple[PartMark, int]:
        """The marks of a value by the one before it that can be read, and the step which made that."""
        after, before = self._value(step), step - 1
        while before >= 0 and _is_damaged(self._value(before)) and not _is_damaged(after):
            self.unread[step] = self.steps[before]
            before -= 1
        if before < 0 and step in self.unread:
            return PartMark(step, None), before
        return carried(OLDER, self._value(before) if before >= 0 else MISSING, after, step), before

    # ------------------------------------------------------------ by what was written

    def _explained(self, low: int, high: int) -> PartMark | None:
        """The marks of a value, where what was written since an older one makes it."""
        writes = None if self._is_set_whole else self._written(low + 1, high)
        if writes is None:
            return None
        before, after = self._value(low), self._value(high)
        if _is_damaged(before) or _is_damaged(after):
            return None
        if all(same(each, after) for some in writes for each in some) and same(before, after):
            return OLDER
        if type(after) is list and type(before) is list and before and _agree(writes[-1][-1], after):
            self._is_set_whole = (
                True  # a write holds all that the value does: reading the values costs no more
            )
            return None
        fold = Fold() if before is MISSING else Fold.of(before)
        mark, value = OLDER, before
        for step, some in enumerate(writes, low + 1):
            fold = fold.step(some)
            made = fold.shown()
            if isinstance(made, KeptAsWrites):
                return None
            mark = carried(mark, value, made, step)
            value = made
        return mark if _agree(value, after) else None

    def _written(self, first: int, last: int) -> list[list[Any]] | None:
        """What each step wrote; None where that is not stored of one."""
        missing = [step for step in range(first, last + 1) if step not in self._writes]
        if missing:
            found = self._reader.written_to((self.steps[step] for step in missing), self._channel)
            for step in missing:
                self._writes[step] = found.get(self.steps[step].index, [])
        writes = [self._writes[step] for step in range(first, last + 1)]
        return writes if all(writes) else None

    # ------------------------------------------------------------ values

    def _value(self, step: int) -> Any:
        if step not in self._values:
            self._load([step])
        return self._values[step]

    def _load(self, steps: Sequence[int]) -> None:
        wanted = [step for step in steps if step not in self._values]
        found = self._read([self.steps[step].index for step in wanted])
        self.loaded += len(wanted)
        for step in wanted:
            self._values[step] = found.get(self.steps[step].index, MISSING)

    def _forget(self, above: int) -> None:
        for known in (self._values, self._writes):
            for step in [step for step in known if step > above]:
                del known[step]


def _is_damaged(value: Any) -> bool:
    return isinstance(value, (Undecodable, KeptAsWrites))


def _agree(made: Any, stored: Any) -> bool:
    """Whether a value that follows from writes is the one that is stored; a message that was written without
    an id was given one when it came into the state."""
    if type(made) is not list or type(stored) is not list:
        return same(made, stored)
    return len(made) == len(stored) and all(map(_agree_item, made, stored))


def _agree_item(made: Any, stored: Any) -> bool:
    if same(made, stored):
        return True
    if not isinstance(made, BaseMessage) or not isinstance(stored, BaseMessage):
        return False
    if isinstance(made, BaseMessageChunk):
        made = message_chunk_to_message(made)
    fields = dict(fields_of(made))
    if fields.get("id") is None:
        fields["id"] = stored.id
    return type(made) is type(stored) and same(fields, dict(fields_of(stored)))
