"""What a page holds of memory: items as they are, and as they were at each checkpoint."""

from __future__ import annotations

from typing import Any

from lgviz.backend import Backend
from lgviz.backend import item_views as views
from lgviz.sources.items import ItemReader

from .parts import Parts
from .whole import WholeValues

__all__ = ["recorded_memory"]

_ITEMS = 5_000


def recorded_memory(
    backend: Backend, ids: list[str], parts: Parts, values: WholeValues
) -> tuple[dict[str, Any] | None, int]:
    """The items of the store; None where there is none, and how many."""
    opened = backend.request("memory_open", checkpoint=ids[-1])
    if opened["store"] is None:
        return None, 0
    reader = backend.memory.reader
    now = _entries(reader(None), values)
    rows: list[Any] = []
    if opened["past"]:
        last: Any = None
        for id_ in ids:
            changed = backend.request("memory_open", checkpoint=id_)["changed"]
            if changed or last is None:
                last = parts.add(_entries(reader(id_), values))
            changes = backend.request("memory_changes", checkpoint=id_) if changed else None
            rows.append(parts.add({"changed": changed, "items": last, "changes": changes}))
    versions = {}
    if opened["versions"]:
        for ref in sorted({entry["row"]["ref"] for entry in now}):
            listed = backend.request("memory_versions", ref=ref, offset=0, limit=200)
            versions[ref] = parts.add(
                {
                    **listed,
                    "values": [
                        None if one.value is None else values.held(one.value).part
                        for one in backend.memory.versions(ref)
                    ],
                }
            )
    told = {**opened, "read_only": "This page is a copy.", "semantic": False, "token": "page"}
    return {"open": told, "now": parts.add(now), "rows": rows, "versions": versions}, len(now)


def _entries(reader: ItemReader, values: WholeValues) -> list[Any]:
    found: list[Any] = []
    for item in reader.scan(()):
        if len(found) == _ITEMS:
            break
        view = views.item_view(item.namespace, item.key, item, reader.expiry(item.namespace, item.key), None)
        found.append(
            {
                "row": views.row_view(item),
                "item": {**view, "text": "", "reason": None, "value": None},
                "value": values.held(item.value).part,
            }
        )
    return found
