"""Answers what a view asks of memory: namespaces, items, versions, what a step changed, edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from lgviz._cache import BoundedCache
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History, open_history
from lgviz.analysis.memory import NamespaceTree, StepChange, StoredVersion, item_changes, step_events
from lgviz.analysis.tree import Flag
from lgviz.analysis.values import value_at
from lgviz.backend import code
from lgviz.backend import item_views as views
from lgviz.backend.dispatch import RequestCall, handler
from lgviz.backend.open_thread import OpenThread
from lgviz.backend.restored import refuse_mask, restored
from lgviz.backend.sandbox import SandboxSlot
from lgviz.backend.value_views import value_node
from lgviz.errors import LgvizError, NotFound, ReadOnly
from lgviz.protocol import (
    CheckpointParams,
    DiffView,
    MemoryChanges,
    MemoryCode,
    MemoryDelete,
    MemoryDiff,
    MemoryEdit,
    MemoryGet,
    MemoryHistory,
    MemoryHits,
    MemoryItemView,
    MemoryList,
    MemoryOpen,
    MemoryPage,
    MemoryPlan,
    MemorySearch,
    MemoryValueGet,
    MemoryVersions,
    MemoryView,
    Nothing,
    ValueNode,
)
from lgviz.session import memory as acts
from lgviz.sources.items import ItemReader, Namespace
from lgviz.sources.redact import holds_mask
from lgviz.sources.redacted_items import MaskedNames, RedactedItems
from lgviz.sources.remote import is_server
from lgviz.sources.stores import memory_of

__all__ = ["MemoryRequests"]

_HITS = 2_000
_NEAREST = 100
_SCANNED = 10_000
"""ItemReader that copied code looks at for a text, which no store searches for."""
_PAGE = 200


class MemoryRequests:
    """The requests about one store, read beside the open thread.

    Args:
        thread: the open thread.
        sandbox: what is open over it; at its checkpoints memory is what it was there.
        what, store: what is debugged, and the store that was given (see
            :func:`lgviz.sources.stores.memory_of`).
        loop: the notebook's event loop, on which asynchronous stores live; None outside of one.
        name: the Python expression of the store, for copied code.

    Raises:
        SourceError: the store cannot be read.
    """

    def __init__(
        self, thread: OpenThread, sandbox: SandboxSlot, what: Any, store: Any, loop: Any, name: str
    ) -> None:
        self._thread = thread
        self._sandbox = sandbox
        self._ask = acts.asker(loop)
        held_by = thread.source if is_server(what) else what  # one client of a server is enough
        items, redactor = memory_of(held_by, store, self._ask), thread.redactor
        self._items = items
        self._names = None if redactor is None else MaskedNames(redactor)
        if items is not None and redactor is not None:
            self._items = RedactedItems(items, redactor, self._names)
        self._name = name
        # By what was asked and the state of memory; the smaller ones hold what may be large.
        self._moments: BoundedCache[str, ItemReader] = BoundedCache(32)
        self._trees: BoundedCache[Any, NamespaceTree] = BoundedCache(3)
        self._found: BoundedCache[Any, tuple[list[Any], bool]] = BoundedCache(8)
        self._lists: BoundedCache[Any, Sequence[Any]] = BoundedCache(8)
        self._steps: BoundedCache[Any, list[StepChange]] = BoundedCache(32)
        self._histories: BoundedCache[str, History] = BoundedCache(32)

    # ------------------------------------------------------------ reading

    @handler("memory")
    def memory_open(self, call: RequestCall, params: MemoryOpen) -> MemoryView:
        items = self._items
        if items is None:
            return {"store": None, "past": False, "versions": False, "semantic": False, "expires": False,
                    "read_only": None, "token": "", "changed": None}  # fmt: skip
        selected = params["checkpoint"]
        past = selected is not None and (
            items.keeps_versions or Flag.SANDBOX in self._thread.at(selected).flags
        )
        return {
            "store": items.description,
            "past": past,
            "versions": items.keeps_versions,
            "semantic": items.semantic,
            "expires": items.expires,
            "read_only": items.read_only,
            "token": items.token(),
            "changed": len(self._changes(selected)) if past and selected is not None else None,
        }

    @handler("memory")
    def memory_list(self, call: RequestCall, params: MemoryList) -> MemoryPage:
        items = self._at(params["checkpoint"])
        tree = self._tree(params["checkpoint"])
        namespace = views.read_ref(params["ref"])
        below, own = len(tree.below(namespace)), tree.own(namespace)
        offset, limit = params["offset"], min(params["limit"], _PAGE)
        branches = list(tree.branches(namespace, offset, limit))
        skipped = max(0, offset - below)
        room = limit - len(branches)
        call.check()
        page = items.page(namespace, skipped, room, nested=below > 0) if own and room else []
        return {
            "namespaces": [views.namespace_view(namespace, branch) for branch in branches],
            "items": [views.row_view(item) for item in page],
            "total": below + own,
        }

    @handler("memory")
    def memory_search(self, call: RequestCall, params: MemorySearch) -> MemoryHits:
        hits, more = self._hits(call, params)
        page = hits[params["offset"] : params["offset"] + min(params["limit"], _PAGE)]
        return {"items": page, "total": len(hits), "more": more}

    @handler("memory")
    def memory_item(self, call: RequestCall, params: MemoryGet) -> MemoryItemView:
        namespace, key = views.item_of(params["ref"])
        items = self._at(params["checkpoint"])
        item = items.get(namespace, key)
        expiry = items.expiry(namespace, key) if item is not None else None
        versions = len(self._versions(namespace, key)) if self._live().keeps_versions else None
        return views.item_view(namespace, key, item, expiry, versions)

    @handler("memory")
    def memory_value(self, call: RequestCall, params: MemoryValueGet) -> ValueNode:
        namespace, key = views.item_of(params["ref"])
        number, name = params["version"], params["field"]
        value: Mapping[str, Any] | None
        if number is None:
            item = self._at(params["checkpoint"]).get(namespace, key)
            value = None if item is None else item.value
        else:
            value = self._version(self._versions(namespace, key), number)
        if value is None or (name is not None and name not in value):
            raise NotFound(f"There is no item {key!r} any more.", "Choose another.")
        part = value_at(value if name is None else value[name], params["path"])
        return value_node(part, offset=params["offset"], limit=params["limit"])

    @handler("memory")
    def memory_versions(self, call: RequestCall, params: MemoryHistory) -> MemoryVersions:
        versions = self._versions(*views.item_of(params["ref"]))
        newest = list(enumerate(versions, 1))[::-1]
        page = newest[params["offset"] : params["offset"] + min(params["limit"], _PAGE)]
        shown = []
        for number, version in page:
            call.check()
            before = versions[number - 2] if number > 1 else None
            shown.append(views.version_view(number, version, before, self._writer(version)))
        return {"versions": shown, "total": len(versions)}

    @handler("memory")
    def memory_diff(self, call: RequestCall, params: MemoryDiff) -> DiffView:
        versions = self._versions(*views.item_of(params["ref"]))
        before, after = (self._version(versions, params[side]) for side in ("before", "after"))
        names = f"v{params['before']}", f"v{params['after']}"
        return views.value_diff(before, after, *names, asked=(True, True))

    def _version(self, versions: Sequence[StoredVersion], number: int) -> Mapping[str, Any] | None:
        """The value of a version by its number; None before the first, and where it was deleted."""
        if not 0 <= number <= len(versions):
            raise NotFound("There is no such version any more.", "Choose another.")
        return versions[number - 1].value if number else None

    @handler("memory")
    def memory_changes(self, call: RequestCall, params: CheckpointParams) -> MemoryChanges:
        return views.changes_view(self._changes(params["checkpoint"]))

    @property
    def items(self) -> ItemReader | None:
        """The items of the store, as they may be shown; None where there is none."""
        return self._items

    def reader(self, checkpoint: str | None) -> ItemReader:
        """The items as of a checkpoint, or now, as they may be shown."""
        return self._at(checkpoint)

    def versions(self, ref: str) -> Sequence[StoredVersion]:
        """The versions of an item, oldest first, as they may be shown."""
        return self._versions(*views.item_of(ref))

    # ------------------------------------------------------------ acting

    @handler("memory")
    def memory_plan(self, call: RequestCall, params: MemoryEdit) -> MemoryPlan:
        return self._plan(params)[0]

    @handler("act")
    def memory_put(self, call: RequestCall, params: MemoryEdit) -> MemoryPlan:
        items = self._writable()
        plan, namespace, key, value = self._plan(params)
        namespace, key = items.real_place(namespace, key)
        items = items.real
        ttl, seen = acts.read_minutes(params["ttl"]), views.seconds(params["updated_at"])
        acts.put_item(items, self._ask, namespace, key, value, ttl=ttl, seen=seen)
        return plan

    @handler("act")
    def memory_delete(self, call: RequestCall, params: MemoryDelete) -> Nothing:
        items = self._writable()
        namespace, key = items.real_place(*views.item_of(params["ref"]))
        acts.delete_item(items.real, self._ask, namespace, key, seen=views.seconds(params["updated_at"]))
        return {}

    def _plan(self, edit: MemoryEdit) -> tuple[MemoryPlan, Namespace, str, dict[str, Any]]:
        items = self._writable()
        namespace, key = views.place_of(edit)
        value = acts.read_item(edit["text"])
        acts.read_minutes(edit["ttl"])
        item = items.get(namespace, key)
        shown, redactor = value, self._thread.redactor
        if redactor is not None:
            value = self._restored(items, namespace, key, value)
            shown = redactor.loose(value)
        diff = views.value_diff(item.value if item is not None else None, shown, "now", "new")
        plan: MemoryPlan = {
            "ref": views.ref_of(*namespace, key), "diff": diff, "exists": item is not None
        }  # fmt: skip
        return plan, namespace, key, value

    def _restored(self, items: ItemReader, namespace: Namespace, key: str, typed: Any) -> dict[str, Any]:
        """An item's value as it was typed over its masks."""
        if holds_mask([list(namespace), key]) and items.real_place(namespace, key) == (namespace, key):
            refuse_mask([list(namespace), key], "the item's name")
        shown, item = items.get(namespace, key), items.real.get(*items.real_place(namespace, key))
        if shown is None or item is None:
            return refuse_mask(typed, key)  # type: ignore[no-any-return]
        return restored(typed, shown.value, item.value, key)  # type: ignore[no-any-return]

    def code(self, asked: MemoryCode, subject: str, thread_id: str, label: str) -> str:
        """The cell that does the same."""
        at = (subject, thread_id, label) if asked["as_of"] else None
        edit, act, ref = asked.get("edit"), asked["act"], asked["ref"] or "[]"
        awaits = self._live().description.startswith("Async")
        if edit is not None:
            namespace, key = views.place_of(edit)
            more: dict[str, Any] = {
                "value": acts.read_item(edit["text"]),
                "ttl": acts.read_minutes(edit["ttl"]),
            }
            return code.memory_code(self._name, act, namespace, key, awaits=awaits, **more)
        if act != "search":
            return code.memory_code(self._name, act, *views.item_of(ref), at=at, awaits=awaits)
        sought: dict[str, Any] = {
            "query": asked.get("query") or None, "filter": views.filter_of(asked.get("filter", ""))
        }  # fmt: skip
        namespace, text = views.read_ref(ref), asked.get("text") or None
        limit = _SCANNED if text else _NEAREST
        return code.memory_code(
            self._name, act, namespace, at=at, awaits=awaits, holding=text, **sought, limit=limit
        )

    # ------------------------------------------------------------ helpers

    def _live(self) -> ItemReader:
        if self._items is None:
            raise NotFound(
                "There is no store.", "Compile the graph with one: compile(store=InMemoryStore())."
            )
        return self._items

    def _writable(self) -> ItemReader:
        items = self._live()
        if items.read_only is not None:
            raise ReadOnly(items.read_only, "Open the graph, or give its store: debug(graph, store=store).")
        return items

    def _at(self, checkpoint: str | None) -> ItemReader:
        """Memory as of a checkpoint, or now."""
        items = self._live()
        if checkpoint is None:
            return items
        if (store := self._sandbox.memory_at(self._thread.at(checkpoint))) is not None:
            held, redactor = ItemReader(store, self._ask), self._thread.redactor
            return held if redactor is None else RedactedItems(held, redactor, self._names)
        if not items.keeps_versions:
            return items
        return self._moments.made(checkpoint, lambda: items.at(self._thread.at(checkpoint)))

    def _tree(self, checkpoint: str | None) -> NamespaceTree:
        items = self._at(checkpoint)
        return self._trees.made((checkpoint, items.token()), lambda: NamespaceTree(items.counts()))

    def _hits(self, call: RequestCall, params: MemorySearch) -> tuple[list[Any], bool]:
        items, prefix = self._at(params["checkpoint"]), views.read_ref(params["ref"])
        where, text, query = views.filter_of(params["filter"]), params["text"].lower(), params["query"]

        def find() -> tuple[list[Any], bool]:
            found: list[Any] = []
            candidates = items.nearest(prefix, query, where, _NEAREST) if query else items.scan(prefix, where)
            for item in candidates:
                call.check()
                if text and not views.holds(item, text):
                    continue
                if len(found) == _HITS:
                    return found, True
                found.append(views.row_view(item))
            return found, False

        asked = (params["checkpoint"], params["ref"], params["filter"], text, query)
        return self._found.made((*asked, items.token()), find)

    def _versions(self, namespace: Namespace, key: str) -> Sequence[StoredVersion]:
        items = self._live()
        if not items.keeps_versions:
            raise NotFound(
                f"A {items.description} keeps no versions.", "Stores of lgviz do: lgviz.persistence."
            )
        return self._lists.made((namespace, key, items.token()), lambda: items.history(namespace, key))

    def _changes(self, checkpoint_id: str) -> list[StepChange]:
        checkpoint = self._thread.at(checkpoint_id)
        if Flag.SANDBOX in checkpoint.flags:
            return self._sandbox.step_changes(checkpoint)
        items = self._live()
        asked = (checkpoint_id, items.token(), len(checkpoint.history.tree))
        return self._steps.made(asked, lambda: self._changed(checkpoint, items))

    def _changed(self, checkpoint: Checkpoint, items: ItemReader) -> list[StepChange]:
        events = step_events(checkpoint, items.changes)
        before: dict[tuple[Namespace, str], Any] = {}
        for event in events:
            place = (event.namespace, event.key)
            if place not in before:
                before[place] = items.at(event.at - timedelta(microseconds=1)).get(*place)
        return item_changes(events, {place: item and item.value for place, item in before.items()})

    def _writer(self, version: StoredVersion) -> Any:
        if version.thread_id is None:
            return None
        try:
            return views.writer_view(self._history(version.thread_id), version)
        except LgvizError:  # the thread is of another saver, or was deleted
            return None

    def _history(self, thread_id: str) -> History:
        current = self._thread.history
        if current is not None and current.thread_id == thread_id:
            return current
        source = self._thread.source
        known = self._histories.made(thread_id, lambda: open_history(source, thread_id))
        known.refresh()
        return known
