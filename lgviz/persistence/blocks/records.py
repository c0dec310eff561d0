"""How a checkpoint and the writes of a task lie in their rows, and reading such rows."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import ormsgpack

from lgviz.persistence.database.statements import Operation

from .damage import legible
from .merkle import DICT, LIST, Part, Serializer, leaf, typed
from .store import BlockStore

_NO_VALUE = b""


BRANCH_TO = "branch:to:"
"""How the channel begins that a graph makes with each node, in the order of the nodes."""


class Channel(NamedTuple):
    """A channel of a checkpoint: its version (None: LangGraph gave none) and value (None: empty)."""

    version: Any
    part: Part | None


class Body(NamedTuple):
    """What a checkpoint's row holds beside its index.

    Attributes:
        head: what LangGraph keeps beside channels and versions.
        channels, seen: the containers of the channels and of what nodes have seen.
        in_order: whether those of the channels that lead on to nodes which wait side by side are for certain
            in the graph's order.
    """

    head: Part
    channels: Part
    seen: Part
    in_order: bool


def graph_order(names: Iterable[str], values: Iterable[str]) -> tuple[list[str], set[str]]:
    """The names of a checkpoint's channels, and which of them lead on to nodes that wait side by side; these
    are in the order in which ``values`` come, in the places that they have among the names."""
    names = list(names)
    waiting = [name for name in values if name.startswith(BRANCH_TO)]
    if len(waiting) < 2:
        return names, set()
    turn, among = iter(waiting), {*waiting}
    return [next(turn) if name in among else name for name in names], among


def channel_entries(channels: Mapping[str, Channel]) -> list[Any]:
    """The entries of the container ``channels``."""
    return [
        entry
        for name, (version, part) in channels.items()
        for entry in (ormsgpack.packb([name, version]), _NO_VALUE if part is None else part)
    ]


def read_channels(entries: Sequence[Any]) -> dict[str, Channel]:
    """The channels of a checkpoint, from the flat entries of its container."""
    channels = {}
    for header, part in zip(entries[::2], entries[1::2], strict=True):
        name, version = ormsgpack.unpackb(header)
        channels[name] = Channel(version, None if part == _NO_VALUE else part)
    return channels


def read_values(entries: Sequence[Any], names: Collection[str]) -> dict[str, Part]:
    """The values of some channels, of those that have one, from the flat entries of the container."""
    found = {}
    for header, part in zip(entries[::2], entries[1::2], strict=True):
        if part != _NO_VALUE:
            name, _ = ormsgpack.unpackb(header)
            if name in names:
                found[name] = part
    return found


def seen_entries(versions_seen: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """The entries of the container ``seen``."""
    return [
        entry
        for node, versions in versions_seen.items()
        for entry in (ormsgpack.packb(node), ormsgpack.packb(dict(versions)))
    ]


def read_seen(entries: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """LangGraph's ``versions_seen``, from the flat entries of its container."""
    return {
        ormsgpack.unpackb(node): ormsgpack.unpackb(versions)
        for node, versions in zip(entries[::2], entries[1::2], strict=True)
    }


def pack_body(body: Body) -> list[Any]:
    """The part of a checkpoint's body: one container, for its containers compress best together."""
    # It is never chunked: in the place of a level, which nobody reads, the order is marked.
    return [LIST, int(body.in_order), body.head, body.channels, body.seen]


def read_body(part: Any) -> Body:
    """What :func:`pack_body` was given.

    Raises:
        ValueError: it is damaged.
    """
    if not isinstance(part, list) or len(part) != 5:
        raise ValueError("its body is damaged")
    return Body(part[2], part[3], part[4], part[1] == 1)


class WriteRecord(NamedTuple):
    """One write of a task.

    ``after`` is the newest child that the checkpoint had when it was stored: empty where it had none.
    """

    idx: int
    channel: str
    part: Part
    after: str = ""


def pack_writes(writes: Iterable[WriteRecord]) -> list[Any]:
    """The container of a task's writes."""
    entries: list[Any] = []
    for idx, channel, part, after in writes:
        entries += (ormsgpack.packb([idx, channel, after] if after else [idx, channel]), part)
    return [DICT, 0, *entries]


def read_writes(part: Any, *, every: bool = False) -> list[WriteRecord]:
    """A task's writes, by index.

    Args:
        part: their container.
        every: also those that LangGraph is not given, for another has their index: what the task wrote when
            it ran again, for another child. A delta channel of that child is made of them.
    """
    writes = []
    several = False
    for header, value in zip(part[2::2], part[3::2], strict=True):
        head = ormsgpack.unpackb(header)
        several = several or len(head) > 2
        writes.append(WriteRecord(head[0], head[1], value, head[2] if len(head) > 2 else ""))
    if len(writes) > 1:
        writes.sort(key=lambda write: write.idx)
        if several and not every:  # the one stored first
            writes = list({write.idx: write for write in reversed(writes)}.values())[::-1]
    return writes


_ESCAPE = "__lgviz__"
_JSON = json.JSONDecoder()


def pack_metadata(metadata: Mapping[str, Any], serde: Serializer) -> bytes:
    """Metadata as JSON, for anyone to read; what JSON has no form for is kept as a leaf in it."""

    def escape(value: Any) -> dict[str, str]:
        return {_ESCAPE: base64.b64encode(leaf(serde.dumps_typed(value))).decode()}

    return json.dumps(metadata, default=escape, separators=(",", ":")).encode()


def read_metadata(data: bytes, serde: Serializer) -> dict[str, Any]:
    """What :func:`pack_metadata` was given (tuples come back as lists, as from all LangGraph's databases)."""

    def unescape(value: dict[str, Any]) -> Any:
        if value.keys() == {_ESCAPE}:
            return serde.loads_typed(typed(base64.b64decode(value[_ESCAPE])))
        return value

    text = data.decode()
    loaded = json.loads(text, object_hook=unescape) if _ESCAPE in text else _JSON.decode(text)
    if not isinstance(loaded, dict):
        raise ValueError("metadata that is no object")
    return loaded


class Records:
    """Reads the rows of checkpoints and writes.

    Args:
        blocks: where what the rows refer to is stored.
    """

    def __init__(self, blocks: BlockStore) -> None:
        self.blocks = blocks

    def open_channels(self, body: bytes) -> Operation[dict[str, Channel]]:
        """The channels of a checkpoint, from its row.

        Raises:
            DamagedData: they cannot be read.
        """
        with legible("The checkpoint's row"):
            part = self.blocks.codec.open_row(body)
            return read_channels((yield from self.blocks.unfold(read_body(part).channels)))

    def open_writes(self, data: bytes, *, every: bool = False) -> list[WriteRecord]:
        """The writes of a task, from its row (arguments as :func:`read_writes` takes them).

        Raises:
            DamagedData: they cannot be read.
        """
        with legible("A task's row of writes"):
            return read_writes(self.blocks.codec.open_row(data), every=every)

    def open_metadata(self, data: bytes) -> dict[str, Any] | None:
        """A checkpoint's metadata; None where it cannot be read."""
        try:
            return read_metadata(data, self.blocks.merkle.serde)
        except Exception:
            return None
