"""The threads of a LangGraph server (floor 2)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from lgviz._cache import BoundedCache
from lgviz.errors import CheckpointNotFound, ForeignTables, LgvizError, ThreadNotFound, listed
from lgviz.sources.base import (
    Bookkeeping,
    CheckpointRow,
    Record,
    Source,
    StoredWrite,
    ThreadBatch,
    ThreadIndex,
    ThreadInfo,
    ToldStatus,
    WriteRow,
)

from .assistant import RemoteAssistant, going_on, is_uuid
from .joins import Joins
from .states import RemoteState

if TYPE_CHECKING:
    from .client import RemoteClient

__all__ = ["RemoteSource"]

_PAGE = 200
"""States that are asked for at once."""
_FEW = 5
"""States that are asked for to see what is new."""
_THREADS = 1000
"""Threads that are asked for at once, the most that a server gives."""
_KEPT = 16
"""States that are kept whole."""
_INDEX: list[Any] = ["checkpoint", "parent_checkpoint", "metadata", "created_at", "tasks"]
"""What the index needs of a state; older servers send all of it whatever is selected."""
_STATUS: dict[str, ToldStatus] = {
    "idle": "done",
    "busy": "running",
    "interrupted": "interrupted",
    "error": "failed",
}


class _Token(NamedTuple):
    """How far an index was read: the thread's own mark, and by namespace the newest checkpoint's id."""

    mark: str
    newest: Mapping[str, str]


@dataclass(slots=True)
class _Known:
    """What is remembered of a thread: by namespace its ids in order, and the nodes of each one's tasks."""

    ids: dict[str, list[str]] = field(default_factory=dict)
    nodes: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    tasks: set[str] = field(default_factory=set)
    """The ids of all tasks that the server tells of a checkpoint."""
    waits: tuple[str, Mapping[str, Any]] = ("", {})
    """The newest checkpoint, and by task what the thread asks there."""
    assistant: str | None = None
    joins: Joins | None = None

    def add(self, state: RemoteState) -> None:
        ids = self.ids.setdefault(state.namespace, [])
        place = bisect_left(ids, state.id)
        if ids[place : place + 1] != [state.id]:
            ids.insert(place, state.id)
        self.nodes[state.namespace, state.id] = state.names()
        self.tasks.update(state.task_ids())

    def ran(self, namespace: str, id_: str) -> list[str]:
        """The nodes that ran from a checkpoint."""
        untold = self.joins.untold(id_) if self.joins is not None and not namespace else []
        return [*self.nodes.get((namespace, id_), []), *untold]

    def forget(self) -> None:
        """Begin anew."""
        self.ids.clear()
        self.nodes.clear()
        self.tasks.clear()
        self.joins = None


class RemoteSource(Source):
    """Reads a server through its API, which tells states and their tasks, and no versions of channels.

    The index is read in pages, newest first; later only what is new is asked for, where the thread's own
    mark says that something is.

    Args:
        client: of the server.
        assistant_id: whose threads; None: all.
        owned: whether to close the client with it.
        local: see :class:`RemoteAssistant`.
    """

    def __init__(
        self,
        client: RemoteClient,
        assistant_id: str | None = None,
        *,
        owned: bool = False,
        local: Any = None,
    ) -> None:
        self._client = client
        self._owned = owned
        self._named = assistant_id
        self.graph = RemoteAssistant(client, assistant_id, local)
        whose = f"RemoteGraph {assistant_id!r}" if assistant_id else "LangGraph server"
        self.description = f"{whose} at {client.place}"
        self._assistants = {assistant_id: self.graph}
        self._threads: BoundedCache[str, _Known] = BoundedCache(_KEPT)
        self._states: BoundedCache[tuple[str, str, str], RemoteState] = BoundedCache(_KEPT)

    @property
    def untrusted(self) -> bool:
        return self._named is None

    def graph_of(self, thread_id: str) -> Any:
        known = self._threads.get(thread_id)
        name = (known.assistant if known else None) or self._named
        return self._assistants.setdefault(name, self.graph.named(name))

    # ------------------------------------------------------------ threads

    def threads(self) -> list[ThreadInfo]:
        found: list[ThreadInfo] = []
        while True:
            page = self._some_threads(_THREADS, len(found))
            found += page
            if len(page) < _THREADS:
                return found

    def find_threads(
        self, text: str = "", limit: int = 50, after: tuple[Any, Any] | None = None
    ) -> ThreadBatch:
        if text:  # a server looks for no part of an id
            return super().find_threads(text, limit, after)
        first = int(after[0]) if after is not None else 0
        found = self._some_threads(limit, first)
        with self._client.asking():
            total = int(self._client.read(self._client.sdk.threads.count, metadata=self._whose()))
        end = first + len(found)
        return ThreadBatch(found, total, (end, "") if found and end < total else None)

    def _some_threads(self, limit: int, offset: int) -> list[ThreadInfo]:
        """The newest first."""
        with self._client.asking():
            page = self._client.read(
                self._client.sdk.threads.search,
                metadata=self._whose(),
                limit=limit,
                offset=offset,
                sort_by="updated_at",
                sort_order="desc",
                select=["thread_id", "updated_at", "status"],
            )
            return [
                ThreadInfo(
                    str(told["thread_id"]),
                    None,
                    _seconds(told["updated_at"]),
                    _STATUS.get(str(told.get("status"))),
                )
                for told in page
            ]

    def _whose(self) -> dict[str, str] | None:
        """What the metadata of this assistant's threads holds."""
        if self._named is None:
            return None
        return {"assistant_id" if is_uuid(self._named) else "graph_id": self._named}

    # ------------------------------------------------------------ the index

    def index(self, thread_id: str, since: _Token | None = None) -> ThreadIndex:
        told = self._told(thread_id)
        asked = told.get("interrupts") or {}
        mark = repr((told.get("updated_at"), told.get("status"), asked))
        if since is not None and since.mark == mark and told.get("status") != "busy":
            return ThreadIndex(token=since)
        known = self._threads.made(thread_id, _Known)
        reading = _Reading(self, thread_id, since.newest if since is not None else {})
        reset = not (reading.read("") and reading.read_calls())
        if reset:  # checkpoints that were told of are gone
            known.forget()
            reading = _Reading(self, thread_id, {})
            reading.read("")
        for state in reading.states:
            known.add(state)
        known.joins = known.joins or Joins(self.graph_of(thread_id).edges())
        known.joins.follow(
            sorted((one for one in reading.states if not one.namespace), key=lambda one: one.id)
        )
        elsewhere = known.tasks if told.get("status") != "busy" else asked
        untold = {id_: questions for id_, questions in asked.items() if id_ not in elsewhere}
        known.waits = (reading.newest.get("", ""), untold)
        for state in reading.states:
            self._complete(thread_id, state)
        return ThreadIndex(reading.rows(), reading.writes(), _Token(mark, reading.newest), reset)

    def _told(self, thread_id: str) -> Mapping[str, Any]:
        """What a server tells of a thread without its values."""
        if not is_uuid(thread_id):
            raise ThreadNotFound(
                f"There is no thread {thread_id!r}: a LangGraph server names its threads by UUIDs.",
                "Pick one from its list: lgviz.open_source(…).threads().",
            )
        with self._client.asking():
            found = self._client.read(
                self._client.sdk.threads.search,
                ids=[thread_id],
                limit=1,
                select=["thread_id", "updated_at", "status", "metadata", "interrupts"],
            )
            if found and found[0]["thread_id"] == thread_id:
                told: dict[str, Any] = dict(found[0])
                self._threads.made(thread_id, _Known).assistant = going_on(self._named, told.get("metadata"))
                return told
        there = self.find_threads(limit=5)
        some = listed((one.thread_id for one in there.threads), most=5, total=there.total)
        raise ThreadNotFound(
            f"There is no thread {thread_id!r} at {self._client.place}.",
            f"There are {some}." if some else "There is none yet.",
        )

    def page(
        self, thread_id: str, namespace: str, limit: int, before: str | None, *, whole: bool = False
    ) -> list[RemoteState]:
        """States of a namespace before one of it, the newest first; unless ``whole`` for the index alone."""
        end = {"checkpoint_ns": namespace, "checkpoint_id": before}
        # The API says that it is a checkpoint's address; LangGraph's savers read it as a config.
        until: Any = {**end, "configurable": end} if before else None
        where: Any = {"checkpoint_ns": namespace} if namespace else None
        with self._client.asking(self._no_thread(thread_id)):
            found = self._client.read(
                self._client.sdk.threads.get_history,
                thread_id,
                limit=limit,
                before=until,
                checkpoint=where,
                select=None if whole else _INDEX,
            )
            return [RemoteState(one, namespace) for one in found]

    def state(self, thread_id: str, namespace: str, checkpoint_id: str) -> RemoteState:
        """One state, as it is now.

        Raises:
            CheckpointNotFound: it was deleted meanwhile.
        """
        place: Any = {"checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}
        with self._client.asking(self._no_thread(thread_id)):
            told = self._client.read(self._client.sdk.threads.get_state, thread_id, checkpoint=place)
            if told["metadata"] is None:
                raise CheckpointNotFound(
                    f"Checkpoint {checkpoint_id} is no longer in thread {thread_id!r}.",
                    "Refresh the history.",
                )
            found = RemoteState(told, namespace)
            self._complete(thread_id, found)
        self._states.put((thread_id, namespace, checkpoint_id), found)
        return found

    def _complete(self, thread_id: str, state: RemoteState) -> None:
        """Take in the tasks that are not told with a state: those that ran at a join, and where the newest
        checkpoint waits for an answer, what some servers tell of the thread alone. After an update, which
        asks nothing, they go on telling what another branch asks."""
        known = self._threads.made(thread_id, _Known)
        if known.joins is not None and not state.namespace:
            for name in known.joins.untold(state.id):
                state.add_task({"id": name, "name": name, "untold": True})
        newest, asked = known.waits
        updated = state.metadata.get("source") in ("update", "fork")
        if state.id == newest and not state.namespace and not updated:
            state.wait_for(asked, self.graph_of(thread_id).edges)

    def _no_thread(self, thread_id: str) -> Callable[[int, str], LgvizError | None]:
        def refused(status: int, _text: str) -> LgvizError | None:
            if status != 404:
                return None
            return ThreadNotFound(
                f"There is no thread {thread_id!r} at {self._client.place}.", "Pick another."
            )

        return refused

    # ------------------------------------------------------------ one checkpoint, and several

    def record(self, thread_id: str, namespace: str, checkpoint_id: str, *, exact: bool = False) -> Record:
        if exact:
            raise self._foreign("tell all that a checkpoint is made of, so that it can be copied")
        return self._record(thread_id, self.state(thread_id, namespace, checkpoint_id))

    def records(self, thread_id: str, places: Sequence[tuple[str, str]]) -> list[Record | None]:
        by_namespace: dict[str, list[str]] = {}
        for namespace, id_ in places:
            by_namespace.setdefault(namespace, []).append(id_)
        found = {
            (namespace, id_): self._record(thread_id, state)
            for namespace, ids in by_namespace.items()
            for id_, state in self._several(thread_id, namespace, ids, anew=True)
        }
        return [found.get(place) for place in places]

    def _record(self, thread_id: str, state: RemoteState) -> Record:
        with self._client.asking():
            writes = [write for _, write in state.writes()]
            told = state.snapshot(thread_id)
        return Record(
            state.id, state.parent_id, state.metadata, state.bookkeeping(), state.state, writes, told
        )

    def bookkeeping(
        self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]
    ) -> dict[str, Bookkeeping]:
        known = self._threads.made(thread_id, _Known)
        found = {}
        for id_, state in self._several(thread_id, namespace, checkpoint_ids):
            by_tasks = state.metadata.get("source") == "loop"
            ran = known.ran(namespace, state.parent_id or "") if by_tasks else []
            with self._client.asking():
                found[id_] = state.compared(ran)
        return found

    def channels(
        self, thread_id: str, namespace: str, checkpoint_id: str, names: Iterable[str] | None = None
    ) -> dict[str, Any]:
        kept = self._states.get((thread_id, namespace, checkpoint_id))
        values = (kept or self.state(thread_id, namespace, checkpoint_id)).state
        return dict(values) if names is None else {name: values[name] for name in names if name in values}

    def channel_reader(
        self, thread_id: str, namespace: str, channel: str
    ) -> Callable[[Sequence[str]], dict[str, Any]]:
        def read(ids: Sequence[str]) -> dict[str, Any]:
            states = ((id_, state.state) for id_, state in self._several(thread_id, namespace, ids))
            return {id_: values[channel] for id_, values in states if channel in values}

        return read

    def writes(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[StoredWrite]:
        state = self.state(thread_id, namespace, checkpoint_id)
        with self._client.asking():
            return [write for _, write in state.writes()]

    def writes_to(
        self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str], channels: Collection[str]
    ) -> dict[str, list[StoredWrite]]:
        found = {}
        for id_, state in self._several(thread_id, namespace, checkpoint_ids, anew=True):
            with self._client.asking():
                found[id_] = [write for _, write in state.writes() if write.channel in channels]
        return found

    def _several(
        self, thread_id: str, namespace: str, wanted: Sequence[str], *, anew: bool = False
    ) -> Iterator[tuple[str, RemoteState]]:
        """States by id, without those that are gone: near ones in one page, others one by one.

        Args:
            anew: also those that are kept, for their tasks may have gone on; their values never change.
        """
        ids = self._threads.made(thread_id, _Known).ids.get(namespace, [])
        left = sorted(set(wanted), reverse=True)
        while left:
            end = bisect_left(ids, left[0])
            first = ids[max(0, end + 1 - _PAGE)] if ids[end : end + 1] == left[:1] else left[0]
            near = [id_ for id_ in left if id_ >= first]
            span = end + 1 - bisect_left(ids, near[-1])
            if len(near) > 1 and span <= 3 * len(near):
                after = ids[end + 1] if end + 1 < len(ids) else None
                page = {state.id: state for state in self.page(thread_id, namespace, span, after, whole=True)}
                yield from ((id_, page[id_]) for id_ in near if id_ in page)
                left = left[len(near) :]
                continue
            id_ = left.pop(0)
            kept = None if anew else self._states.get((thread_id, namespace, id_))
            try:
                yield id_, kept or self.state(thread_id, namespace, id_)
            except CheckpointNotFound:
                continue

    def _foreign(self, what: str) -> ForeignTables:
        return ForeignTables(
            f"{self.description} is no database of lgviz's savers, which alone {what}.",
            "Export a thread as a page: lgviz.history(…).export_html(path).",
        )

    def close(self) -> None:
        if self._owned:
            self._client.close()


class _Reading:
    """One reading of a thread's index: what is newer than what is known, namespace by namespace.

    Attributes:
        states: without their values; the newest known ones are among them, for their tasks go on.
        newest: by namespace the newest id.
    """

    def __init__(self, source: RemoteSource, thread_id: str, known: Mapping[str, str]) -> None:
        self._source = source
        self._thread_id = thread_id
        self._known = known
        self._asked: set[str] = set()
        self.states: list[RemoteState] = []
        self.newest = dict(known)

    def read(self, namespace: str) -> bool:
        """Read a namespace and those of the subgraphs called there; False: what is known is gone."""
        self._asked.add(namespace)
        inner: dict[str, None] = {}
        for state in self._pages(namespace):
            until = self._known.get(state.namespace)
            if until is not None and state.id < until:
                return False
            self.states.append(state)
            self.newest[state.namespace] = max(state.id, self.newest.get(state.namespace, ""))
            inner.update(dict.fromkeys(state.inner()))
            if state.id == until:
                break
        else:
            if namespace in self._known:
                return False
        return all(self.read(each) for each in inner if each not in self._asked)

    def read_calls(self) -> bool:
        """Where nothing is new so far, read the subgraph calls of before: one may have been forked in."""
        left = (each for each in sorted(self._known, reverse=True) if each not in self._asked)
        return all(self.read(each) for each in left if not self.rows())

    def _pages(self, namespace: str) -> Iterator[RemoteState]:
        """Newest first."""
        before, limit = None, _FEW if namespace in self._known else _PAGE
        while True:
            page = self._source.page(self._thread_id, namespace, limit, before)
            for state in page:
                state.forget_values()
            yield from page
            if len(page) < limit:
                return
            before, limit = page[-1].id, _PAGE

    def rows(self) -> list[CheckpointRow]:
        """Those that are new, in order of creation."""
        new = (state for state in self.states if state.id > self._known.get(state.namespace, ""))
        return [state.row() for state in sorted(new, key=lambda state: state.id)]

    def writes(self) -> list[WriteRow]:
        """What the tasks of all that was read wrote, and those of earlier ones from which something new
        follows."""
        followed = {
            (row.namespace, row.parent_id or "")
            for row in self.rows()
            if row.metadata.get("source") == "loop"
        }
        read = {(state.namespace, state.id) for state in self.states}
        earlier = []
        for namespace, id_ in followed - read:
            if id_ and id_ <= self._known.get(namespace, ""):
                with suppress(CheckpointNotFound):
                    earlier.append(self._source.state(self._thread_id, namespace, id_))
        return [
            WriteRow(state.namespace, state.id, w.task_id, w.task_path, w.idx, w.channel, task_name=name)
            for state in (*self.states, *earlier)
            for name, w in state.writes(finished=(state.namespace, state.id) in followed)
        ]


def _seconds(when: Any) -> float | None:
    return datetime.fromisoformat(when).timestamp() if isinstance(when, str) else None
