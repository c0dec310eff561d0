"""The tool that reads a store: ``memory``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

from pydantic import Field

from lgviz.analysis.memory import NamespaceTree, item_line
from lgviz.backend.item_views import holds, ref_of
from lgviz.errors import NotFound
from lgviz.export.sizes import counted
from lgviz.sources.items import ItemReader, Namespace

from .desk import ToolDesk
from .parts import ROOM, ValueLine, part_at, parts, quoted
from .reading import Thread, part_data
from .shapes import MemoryAnswer
from .tools import ToolAnswer, tool

__all__ = ["memory"]

_VERSIONS = 20
_LINE = 240


@tool(gives=MemoryAnswer)
def memory(
    desk: ToolDesk,
    namespace: Annotated[list[str], Field(description='Labels from the top: ["users", "mia"].')] = [],  # noqa: B006
    key: Annotated[str | None, Field(description="One item, whole, with its versions.")] = None,
    path: Annotated[str, Field(description="Only this part of the item, as answers name it.")] = "",
    text: Annotated[str, Field(description="Only items that hold this text.")] = "",
    at: Annotated[str | None, Field(description="As it was at this label or id; else now.")] = None,
    thread: Thread = None,
    offset: Annotated[int, Field(ge=0)] = 0,
    limit: Annotated[int, Field(ge=1, le=50)] = 20,
) -> ToolAnswer:
    """Read the store (long-term memory): namespaces below one and its items, or one item."""
    checkpoint = desk.checkpoint(thread, at) if at is not None else None
    reader = desk.backend.memory.reader(None if checkpoint is None else checkpoint.id)
    past = checkpoint is not None and reader.keeps_versions
    place, said = tuple(namespace), _named(namespace)
    when = "now" if checkpoint is None else f"as of {checkpoint.label}"
    when = when if past or checkpoint is None else "now, for this store keeps no versions"
    data: dict[str, Any] = {
        "as_of": checkpoint.label if checkpoint is not None and past else None,
        "namespaces": [], "items": [], "versions": [],
    }  # fmt: skip
    if key is not None:
        lines = _item(desk, reader, (place, key), path, offset or None, data)
        return ToolAnswer(f"Item {quoted(key, 200)} in {said}, {when}.", lines, data)
    counts = NamespaceTree(reader.counts())
    below = [] if text else list(counts.branches(place, offset, limit))
    data["namespaces"] = [{"namespace": [*place, one.label], "items": one.items} for one in below]
    skipped = 0 if text else max(0, offset - len(counts.below(place)))
    found, left = _listed(reader, place, text, offset if text else skipped, limit - len(below))
    told = _told(found, place, data)
    total = len(counts.below(place)) + counts.own(place)
    more = f"there are more: offset={offset + limit}" if left or (not text and total > offset + limit) else ""
    lines = [f"{_named(one['namespace'])} {counted(one['items'], 'item')}" for one in data["namespaces"]]
    sought = f" with {quoted(text, 100)}" if text else ""
    end = "" if lines or told else " none"
    head = f"{counted(counts.items, 'item')} in all; in {said}{sought}, {when}:{end}"
    return ToolAnswer(head, [*lines, *told], data, more)


def _listed(
    reader: ItemReader, place: Namespace, text: str, offset: int, limit: int
) -> tuple[list[Any], bool]:
    """Some items, and whether there are more: of just a namespace, or below it where a text is sought."""
    if not text:
        return list(reader.page(place, offset, max(0, limit))) if limit > 0 else [], False
    held = (item for item in reader.scan(place) if holds(item, text.lower()))
    found = list(islice(held, offset, offset + limit + 1))
    return found[:limit], len(found) > limit


def _told(items: Sequence[Any], place: Namespace, data: dict[str, Any]) -> list[str]:
    """Items in a line each; one whose namespace is another says so."""
    lines: list[str] = []
    for item in items:
        held = ValueLine("", item_line(item.value, min(_LINE, ROOM // len(items))))
        data["items"].append(_row(item, [held]))
        below = f"{_named(item.namespace)} " if item.namespace != place else ""
        lines.append(f"{below}{quoted(item.key, 200)}: {held.text}")
    return lines


def _item(
    desk: ToolDesk,
    reader: ItemReader,
    item_place: tuple[Namespace, str],
    path: str,
    offset: int | None,
    data: dict[str, Any],
) -> list[str]:
    """One item with its value and its versions, the newest first."""
    place, key = item_place
    item = reader.get(place, key)
    versions = [] if path else _versions(desk, place, key)
    if item is None and not versions:
        said = f"There is no item {quoted(key, 200)} in {_named(place)}."
        raise NotFound(said, "Call memory without key to list them.")
    lines: list[str] = []
    if item is not None:
        held = list(parts(path, part_at(item.value, path), ROOM, offset))
        data["items"] = [_row(item, held)]
        lines = [str(one) for one in held]
    for number, one in list(enumerate(versions, 1))[: -_VERSIONS - 1 : -1]:
        at = one.at.isoformat(timespec="seconds")
        row = {"version": number, "at": at, "deleted": one.deleted, "thread": one.thread_id, "node": one.node}
        data["versions"].append(row)
        did = "deleted" if one.deleted else item_line(one.value, _LINE)
        who = [("by", one.node), ("in thread", one.thread_id)]
        by = "".join(f" {word} {quoted(name, 100)}" for word, name in who if name)
        lines.append(f"v{number} {at}{by}: {did}")
    return lines


def _versions(desk: ToolDesk, place: Namespace, key: str) -> list[Any]:
    if not desk.backend.memory.reader(None).keeps_versions:
        return []
    return list(desk.backend.memory.versions(ref_of(*place, key)))


def _row(item: Any, held: list[ValueLine]) -> dict[str, Any]:
    at: datetime | None = item.updated_at
    return {
        "namespace": [label[:200] for label in item.namespace],
        "key": item.key[:200],
        "value": [part_data(one) for one in held],
        "updated_at": at and at.isoformat(timespec="seconds"),
    }


def _named(namespace: Iterable[str]) -> str:
    return f"[{', '.join(quoted(label, 100) for label in namespace)}]"
