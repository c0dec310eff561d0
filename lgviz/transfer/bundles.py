"""One thread as a file that a colleague opens, imports and forks; importing runs nothing (floor 3)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.store.base import BaseStore, PutOp

from lgviz._version import __version__
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History, open_history
from lgviz.analysis.shown import ShownByFields
from lgviz.errors import FileExists, LgvizError, NotASource, NotKept, ThreadExists, described
from lgviz.persistence.savers.saver import Saver
from lgviz.persistence.savers.sqlite import MemorySaver
from lgviz.persistence.stores.past import Version
from lgviz.persistence.stores.provenance import Writer
from lgviz.persistence.stores.sqlite import SqliteStore
from lgviz.persistence.stores.store import Store
from lgviz.persistence.stores.timestamps import read_when
from lgviz.persistence.stores.versioned import SyncStore
from lgviz.persistence.stores.writes import ItemTimes, ItemWrite
from lgviz.sources import open_source
from lgviz.sources.base import ReadOptions, Source
from lgviz.sources.bundle_file import Manifest, is_bundle, pack, read_manifest, write_whole
from lgviz.sources.items import ItemReader, Namespace, plainly
from lgviz.sources.places import Address, config_of
from lgviz.sources.stores import memory_of

from .migration import copy_checkpoints, places_of
from .progress import Show, shown
from .threads import ThreadCopy, path_places

__all__ = ["Bundle", "open_bundle", "packed_bundle", "save_bundle"]

Replayed = tuple[ItemWrite, Writer]


@dataclass(repr=False)
class Bundle(ShownByFields):
    """A file that holds one thread: its checkpoints, their writes, and memory as it was.

    >>> import tempfile
    >>> import lgviz
    >>> from lgviz.demos import two_nodes
    >>> from lgviz.persistence import MemorySaver
    >>> graph = two_nodes.build(MemorySaver())
    >>> two_nodes.seed(graph, thread_id="1")
    >>> folder = tempfile.TemporaryDirectory()
    >>> bundle = lgviz.save_bundle(graph, "1", f"{folder.name}/bug.lgviz")
    >>> saver = MemorySaver()
    >>> lgviz.open_bundle(bundle.path).import_into(saver)
    '1'
    >>> len(lgviz.history(saver, "1")) == bundle.manifest.checkpoints
    True
    >>> folder.cleanup()

    Attributes:
        path: the file.
        size: its bytes.
        manifest: what it holds: the thread's id, how many checkpoints, how many items of memory.
    """

    path: str
    size: int
    manifest: Manifest
    _options: ReadOptions = field(default_factory=ReadOptions, repr=False)

    @property
    def thread_id(self) -> str:
        """The id that the thread had where it came from."""
        return self.manifest.thread_id

    def import_into(
        self,
        saver: BaseCheckpointSaver[Any],
        thread_id: str | None = None,
        *,
        store: BaseStore | None = None,
        progress: bool | Show = False,
    ) -> str:
        """Put the thread into a saver; a graph compiled with it goes on with it, forks and replays it.

        Args:
            saver: any synchronous saver; one of lgviz's keeps also the times and each run of a step.
            thread_id: the thread's new id; None: the one it had.
            store: a store that takes its memory; items that are there already stay as they are.
            progress: whether to draw a progress bar, or a function that is given (done, total).

        Returns:
            The thread's id.

        Raises:
            ThreadExists: the saver has such a thread.
            NotASource: ``saver`` is none.
            NotKept: it cannot keep a value of the thread; nothing of that is left in it.
            DamagedData: the file is not what was written.
        """
        new = self._new_thread(saver, thread_id)
        with shown(progress, "importing") as show, self._source() as source:
            self._refuse(saver.get_tuple(config_of(new)), new)
            places = places_of(source, self.thread_id)
            if isinstance(saver, Saver):
                copy_checkpoints(source, places, saver, show, new)
            else:
                try:
                    for done, puts in enumerate(ThreadCopy(source, places, new, saver).puts(), 1):
                        for name, args in puts:
                            getattr(saver, name)(*args)
                        show(done, len(places))
                except BaseException as error:
                    saver.delete_thread(new)
                    raise _not_kept(saver, error) from error
            if store is not None:
                self._remember(store, new)
        return new

    async def aimport_into(
        self,
        saver: BaseCheckpointSaver[Any],
        thread_id: str | None = None,
        *,
        store: BaseStore | None = None,
    ) -> str:
        """:meth:`import_into` for a saver, and a store, that live on an event loop."""
        new = self._new_thread(saver, thread_id)
        with self._source() as source:
            self._refuse(await saver.aget_tuple(config_of(new)), new)
            places = places_of(source, self.thread_id)
            try:
                for puts in ThreadCopy(source, places, new, saver).puts():
                    for name, args in puts:
                        await getattr(saver, f"a{name}")(*args)
            except BaseException as error:
                await saver.adelete_thread(new)
                raise _not_kept(saver, error) from error
            if store is not None:
                await self._aremember(store, new)
        return new

    def _source(self) -> closing[Source]:
        return closing(open_source(self.path, **self._options))

    def _new_thread(self, saver: Any, thread_id: str | None) -> str:
        if not isinstance(saver, BaseCheckpointSaver):
            raise NotASource.of(saver, "saver to import into", "Give a checkpointer, as MemorySaver().")
        return self.thread_id if thread_id is None else str(thread_id)

    def _refuse(self, present: Any, thread_id: str) -> None:
        if present is not None:
            raise ThreadExists(
                f"The saver has a thread {thread_id!r} already.",
                "Give the imported one a thread_id= of its own.",
            )

    def _remember(self, store: BaseStore, thread_id: str) -> None:
        versions = self._memory(thread_id)
        present = {place for place in map(_place, versions) if store.get(*place)}
        new = [each for each in versions if _place(each) not in present]
        if isinstance(store, SyncStore):
            _replay(store, new)
        else:
            store.batch([PutOp(*_place(each), each.value) for each in _last(new)])

    async def _aremember(self, store: BaseStore, thread_id: str) -> None:
        versions = self._memory(thread_id)
        places = list(dict.fromkeys(map(_place, versions)))
        present = {place for place in places if await store.aget(*place)}
        new = [each for each in versions if _place(each) not in present]
        if isinstance(store, Store):
            await store._arun(_replaying(store, new))
        else:
            await store.abatch([PutOp(*_place(each), each.value) for each in _last(new)])

    def _memory(self, thread_id: str) -> list[Version]:
        """Its versions of items, the oldest first, as the thread's that it becomes."""
        reader = memory_of(self.path, None, plainly, **self._options)
        return [
            version._replace(thread_id=thread_id) if version.thread_id == self.thread_id else version
            for version in (reader.changes() if reader is not None else ())
        ]


def _place(version: Version) -> tuple[Namespace, str]:
    return version.namespace, version.key


def _last(versions: Iterable[Version]) -> Iterable[Version]:
    """Of each item the last version: what a store that keeps no others is given."""
    return {_place(each): each for each in versions}.values()


def _not_kept(saver: BaseCheckpointSaver[Any], error: BaseException) -> BaseException:
    """What is raised where a saver did not take the thread in: a person's interrupt stays one."""
    if isinstance(error, LgvizError) or not isinstance(error, Exception):
        return error
    cause = f"{type(saver).__name__} cannot keep the thread: {described(error)}"
    return NotKept(f"{cause}.", "Import it into a saver of lgviz, as MemorySaver(), which keeps such values.")


def open_bundle(path: str | os.PathLike[str], **options: Unpack[ReadOptions]) -> Bundle:
    """A bundle, to look at and to import; nothing that is in it is run.

    ``lgviz.debug(path)`` and ``lgviz.history(path)`` open it as they open a database.

    Args:
        path: the file.
        **options: how its values are read: ``trust`` (see :func:`lgviz.open_source`).

    Raises:
        MissingFile, NotADatabase: there is no such file, or it is no bundle.
        SourceError: a newer lgviz made it.
        DamagedData: it cannot be read.
    """
    file = Path(path).expanduser()
    return Bundle(str(file), file.stat().st_size if file.exists() else 0, read_manifest(file), options)


def save_bundle(
    what: Any,
    thread_id: str | None,
    path: str | os.PathLike[str],
    *,
    at: str | Checkpoint | None = None,
    store: Any = None,
    memory: bool | Iterable[Namespace] = True,
    progress: bool | Show = False,
    **options: Unpack[ReadOptions],
) -> Bundle:
    """Write a thread, with all that it needs, into one file.

    Args:
        what: anything :func:`lgviz.open_source` takes: a compiled graph, a saver, a database path.
        thread_id: the thread; None: the newest.
        path: the file to write; a bundle that is there is replaced.
        at: a checkpoint, its label or id: only the path to it is taken along.
        store: the store whose items are taken along; None: the graph's, or that of the database.
        memory: whether items are taken along, as they were until the thread's last step: all; none; or those
            below some namespaces.
        progress: whether to draw a progress bar, or a function that is given (done, total).
        **options: how the source is read (see :func:`lgviz.open_source`); what ``redact`` masks is masked in
            the file, for good.

    Returns:
        What was written; it shows how much that is.

    Raises:
        SourceError: ``what`` cannot be read, or ``path`` not written.
        ThreadNotFound, CheckpointNotFound: there is no such thread or checkpoint.
        NotKept: a value that lgviz cannot keep.
        FileExists: there is a file of that name that is no bundle, such as the database itself.
    """
    file = Path(path).expanduser()
    if file.is_file() and file.stat().st_size and not is_bundle(file):
        raise FileExists(f"There is a file {file} already, and it is no bundle.", "Give another name.")
    history = open_history(what, thread_id, **options)
    try:
        reader = memory_of(what, store, plainly, **options) if memory else None
        manifest, content = packed_bundle(history, reader, at=at, memory=memory, progress=progress)
    finally:
        if history.source is not what:
            history.source.close()
    write_whole(file, content)
    return Bundle(str(file), len(content), manifest, options)


def packed_bundle(
    history: History,
    items: ItemReader | None,
    *,
    at: str | Checkpoint | None = None,
    memory: bool | Iterable[Namespace] = True,
    progress: bool | Show = False,
) -> tuple[Manifest, bytes]:
    """What the file of a bundle of a thread holds, and what it says of itself; see :func:`save_bundle`.

    Args:
        history: the thread; what its source masks is masked.
        items: its memory, masked alike; None: there is none.
        at, memory, progress: as :func:`save_bundle` takes them.
    """
    source, thread_id = history.source, history.thread_id
    with shown(progress, "bundling") as show, MemorySaver() as saver, source.sharing():
        if at is None:
            places = places_of(source, thread_id)
        else:
            last = history[at.id if isinstance(at, Checkpoint) else at]
            places = path_places(source, Address(thread_id, last.namespace, last.id))
        name = source.shown(thread_id)
        copied = copy_checkpoints(source, places, saver, show, name)
        kept = _copy_memory(items, memory, saver, _was_there(source, places[-1], thread_id))
        saver.conn.execute("VACUUM")
        database = saver.conn.serialize()
    made = datetime.now(UTC).isoformat(timespec="seconds")
    masked = source.redactor is not None
    manifest = Manifest(name, copied, *kept, len(database), made, __version__, masked)
    return manifest, pack(manifest, database)


def _was_there(source: Source, last: Address, thread_id: str) -> Callable[[Version], bool]:
    """Whether a version of an item was there by a thread's last step, or is its own."""
    known = source.record(last.thread_id, last.ns or "", str(last.checkpoint_id)).bookkeeping
    end = read_when(known.ts) if known else 0
    return lambda version: version.thread_id == thread_id or read_when(version.at) <= end


def _copy_memory(
    reader: ItemReader | None,
    memory: bool | Iterable[Namespace],
    saver: MemorySaver,
    was_there: Callable[[Version], bool],
) -> tuple[int, int]:
    """How many items, and versions of them, were taken along."""
    prefixes = [()] if memory is True else [tuple(each) for each in memory or ()]
    if reader is None or not prefixes:
        return 0, 0
    versions = [
        version
        for version in _versions(reader)
        if was_there(version) and any(version.namespace[: len(each)] == each for each in prefixes)
    ]
    _replay(SqliteStore(saver.conn), versions)
    return len({(each.namespace, each.key) for each in versions}), len(versions)


def _versions(reader: ItemReader) -> Iterator[Version]:
    """All versions of all items, the oldest first; of a store that keeps none, the items as they are."""
    if reader.keeps_versions:
        yield from reader.changes()
        return
    for item in sorted(reader.scan(()), key=lambda item: item.updated_at):
        nobody = (None,) * 5
        yield Version(dict(item.value), item.updated_at, False, *nobody, item.namespace, item.key)


def _replay(store: SyncStore, versions: Sequence[Version]) -> None:
    """Put and delete items again, each version with its time and its writer."""
    if versions:
        store._run(_replaying(store, versions))


def _replaying(store: Store, versions: Sequence[Version]) -> Callable[[], Any]:
    values, replayed = store.engine.values, list[Replayed]()
    for each in versions:
        name, at = f"Item {each.key!r} of {each.namespace!r}", read_when(each.at)
        value = None if each.value is None else values.encode(each.value, name)
        writer = Writer(each.thread_id, each.checkpoint_ns, each.checkpoint_id, each.node, each.task_id)
        times = ItemTimes(at, at, None)
        replayed.append((ItemWrite((each.namespace, each.key), value, times=times), writer))
    return partial(store.engine.writes.replay, replayed)
