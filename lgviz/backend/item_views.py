"""Items and their versions as protocol messages, of bounded size."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.store.base import Item

from lgviz.analysis.diff import diff_states
from lgviz.analysis.history import History
from lgviz.analysis.memory import Branch, StepChange, StoredVersion, item_line, writer_of
from lgviz.analysis.values import clean
from lgviz.backend.diff_views import diff_view
from lgviz.backend.forms import json_of
from lgviz.backend.value_views import Budget, value_node
from lgviz.errors import InvalidValue
from lgviz.protocol import (
    ChangeKind,
    DiffView,
    MemoryChanges,
    MemoryEdit,
    MemoryItemView,
    MemoryNamespace,
    MemoryRow,
    MemoryVersion,
    MemoryWriter,
)
from lgviz.session.memory import read_namespace
from lgviz.session.values import parse_json
from lgviz.sources.items import Expiry, Namespace

_LABEL = 200
_CHANGES = 60


def ref_of(*parts: str) -> str:
    """Names a namespace, or an item by its namespace and key; ASCII, so that any label survives the wire."""
    return json.dumps(parts, separators=(",", ":"))


def read_ref(ref: str) -> Namespace:
    """What a ref names."""
    return tuple(json.loads(ref)) if ref else ()


def item_of(ref: str) -> tuple[Namespace, str]:
    """The namespace and key that a ref names."""
    *namespace, key = read_ref(ref)
    return tuple(namespace), key


def place_of(edit: MemoryEdit) -> tuple[Namespace, str]:
    """Where an edit writes to.

    Raises:
        InvalidValue: the namespace or key that was typed is none.
    """
    if edit["ref"] is not None:
        return item_of(edit["ref"])
    namespace = read_namespace(edit["namespace"])
    if not edit["key"]:
        raise InvalidValue("The item needs a key.", "Type one: it names the item within its namespace.")
    return namespace, edit["key"]


def filter_of(text: str) -> dict[str, Any] | None:
    """A filter as it is typed.

    Raises:
        InvalidValue: it is no JSON object.
    """
    if not text.strip():
        return None
    where = parse_json(text, "filter")
    if not isinstance(where, dict):
        raise InvalidValue("A filter is a JSON object.", 'For example {"kind": "fact"} or {"x": {"$gt": 9}}.')
    return where


def holds(item: Item, text: str) -> bool:
    """Whether an item's key or value holds a text (lower case)."""
    return text in item.key.lower() or any(text in said for said in _texts(item.value))


def _texts(value: Any) -> Any:
    """Every text of a value in lower case, its keys too."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part.lower()
        elif isinstance(part, Mapping):
            waiting += part.keys()
            waiting += part.values()
        elif isinstance(part, (list, tuple, set, frozenset)):
            waiting += part
        else:
            yield str(part).lower()


def millis(moment: Any) -> float | None:
    """A time as views know it."""
    return None if moment is None else float(moment.timestamp() * 1000)


def seconds(millis: float | None) -> float | None:
    """A time as a view told it."""
    return None if millis is None else millis / 1000


def _labels(namespace: Sequence[str]) -> list[str]:
    return [clean(label[:_LABEL]) for label in namespace]


def namespace_view(above: Namespace, branch: Branch) -> MemoryNamespace:
    """A namespace below another."""
    return {
        "ref": ref_of(*above, branch.label),
        "label": clean(branch.label[:_LABEL]),
        "items": branch.items,
        "children": branch.own + branch.below,
    }


def row_view(item: Any) -> MemoryRow:
    """An item as one line."""
    return {
        "ref": ref_of(*item.namespace, item.key),
        "namespace": _labels(item.namespace),
        "key": clean(item.key[:_LABEL]),
        "summary": item_line(item.value),
        "updated_at": millis(item.updated_at),
        "score": getattr(item, "score", None),
    }


def item_view(
    namespace: Namespace, key: str, item: Item | None, expiry: Expiry | None, versions: int | None
) -> MemoryItemView:
    """An item as it is opened."""
    text, reason = ("", None) if item is None else _editable(item.value)
    return {
        "ref": ref_of(*namespace, key),
        "namespace": _labels(namespace),
        "key": clean(key[:_LABEL]),
        "value": None if item is None else value_node(item.value),
        "created_at": millis(item and item.created_at),
        "updated_at": millis(item and item.updated_at),
        "expires_at": None if expiry is None else expiry.at * 1000,
        "ttl": None if expiry is None else expiry.minutes,
        "text": text,
        "reason": reason,
        "versions": versions,
    }


def _editable(value: Any) -> tuple[str, str | None]:
    """A value as JSON that means exactly the same, and why there is none where it is empty."""
    text, reason = json_of(value)
    if reason is None and (text != clean(text) or json.loads(text) != value):
        return "", "The value holds what JSON cannot say; edit it in Python."
    return text, reason


def version_view(
    number: int, version: StoredVersion, before: StoredVersion | None, writer: MemoryWriter | None
) -> MemoryVersion:
    """One version in a list."""
    fresh = before is None or before.deleted
    kind: ChangeKind = "removed" if version.deleted else "added" if fresh else "changed"
    return {
        "number": number,
        "kind": kind,
        "at": version.at.timestamp() * 1000,
        "summary": "" if version.deleted else item_line(version.value),
        "node": _short(version.node),
        "thread_id": _short(version.thread_id),
        "writer": writer,
    }


def writer_view(history: History, version: StoredVersion) -> MemoryWriter | None:
    """The checkpoint that wrote a version."""
    writer = writer_of(history, version)
    if writer is None:
        return None
    checkpoint, made = writer
    thread_id = history.thread_id
    return {"thread_id": thread_id, "id": checkpoint.id, "label": checkpoint.label, "made": made}


def value_diff(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    old: str | None = None,
    new: str | None = None,
    budget: Budget | None = None,
    asked: tuple[bool, bool] = (False, False),
) -> DiffView:
    """How an item's value became another, field by field; None: there was or is no item. ``asked``: whether a
    view can ask for parts of the old one, and of the new one."""
    diff = diff_states(before or {}, after or {}, internal=True)
    states = (before or {}) if asked[0] else {}, (after or {}) if asked[1] else {}
    return diff_view(diff, old if before is not None else None, new if after is not None else None,
                     states=states, budget=budget)  # fmt: skip


def changes_view(changes: Sequence[StepChange]) -> MemoryChanges:
    """What a step changed."""
    shown = changes[:_CHANGES]
    return {
        "changes": [
            {
                "ref": ref_of(*change.namespace, change.key),
                "namespace": _labels(change.namespace),
                "key": clean(change.key[:_LABEL]),
                "kind": change.kind,
                "summary": item_line(change.before if change.after is None else change.after),
                "node": _short(change.node),
                "diff": value_diff(change.before, change.after, budget=share, asked=(False, True)),
            }
            for change, share in zip(shown, Budget().shares(len(shown)), strict=True)
        ],
        "total": len(changes),
    }


def _short(text: str | None) -> str | None:
    return None if text is None else clean(text[:_LABEL])
