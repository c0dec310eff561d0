"""What LangGraph's ``RedisSaver`` keeps, found by its search index: a thread's index opens no value."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Unpack

from lgviz.errors import NotASource, SourceError, Unavailable, needing
from lgviz.sources.base import CheckpointRow, DecodingOptions, Undecodable, WriteRow
from lgviz.sources.decode import Decoder, load_metadata
from lgviz.sources.places import id_time

from .counted import Look
from .documents import DocumentSource, StoredDocument
from .redis_values import INLINE, RedisDecoder, RedisFileDecoder

with needing("redis", "redis"):
    import redis

__all__ = ["RedisSource"]

_PREFIXES = ("checkpoint", "checkpoint_write")
_PAGE = 1000
_IDS_AT_ONCE = 100
_NO_NAMESPACE = "__empty__"
_NO_ID = "00000000-0000-0000-0000-000000000000"
"""What the saver stores for an empty text, which Redis does not search for."""
_OURS: dict[str, Any] = {"decode_responses": False, "protocol": 2, "socket_connect_timeout": 10}
_SAID = frozenset(
    {"host", "port", "db", "username", "password", "path", "credential_provider", "socket_timeout"}
    | {f"ssl_{name}" for name in ("keyfile", "certfile", "cert_reqs", "ca_certs", "ca_path", "ca_data")}
    | {"ssl_check_hostname", "ssl_password", "ssl_min_version"}
)
"""What of a pool's arguments says where the server is and who asks."""
_FIELDS = ("v", "ts", "id", "channel_versions", "versions_seen", "updated_channels")
_HEAD = tuple(f"$.checkpoint.{name}" for name in _FIELDS)
_VALUES = "$.checkpoint.channel_values"
_OVER = "@idx:[-inf (0]"
"""Finds writes that may be written over: questions, answers and errors."""
_CLOCKS = 1000.0
"""Milliseconds by which the clocks of a checkpoint's id and of its row may differ."""


class RedisSource(DocumentSource):
    """Reads the documents of a ``RedisSaver`` on connections of our own. It gives only commands that read.

    Args:
        client: a client that decodes nothing.
        decoder, description: see :class:`DocumentSource`.
        prefixes: of the keys of checkpoints and writes, which are the names of their indexes too.
    """

    def __init__(
        self,
        client: Any,
        decoder: Decoder,
        description: str,
        prefixes: tuple[str, str] = _PREFIXES,
    ) -> None:
        super().__init__(decoder, description)
        self._client = client
        self._checkpoints, self._writes = prefixes

    @classmethod
    def of_url(cls, url: str, **options: Unpack[DecodingOptions]) -> RedisSource:
        """Opens the database that a URL names.

        Raises:
            NotASource: the URL cannot be read; the message does not repeat it.
            Unavailable: the server refuses, or cannot be reached.
            SourceError: no ``RedisSaver`` was set up there.
        """
        try:
            client = redis.Redis.from_url(url, **_OURS)
        except ValueError:
            raise NotASource(
                "This Redis URL cannot be read.", "Write redis://USER:PASSWORD@HOST:PORT/NUMBER."
            ) from None
        source = cls(client, RedisFileDecoder(**options), "Redis (read-only)")
        source.read_only = "The database is opened for reading: give the graph itself to fork or run."
        return source

    @classmethod
    def of_saver(cls, saver: Any) -> RedisSource | None:
        """Reads what a ``RedisSaver`` or ``AsyncRedisSaver`` writes; None where its client, as a cluster's,
        has no pool that tells how to connect once more."""
        pool = getattr(saver._redis, "connection_pool", None)
        kind = getattr(redis.connection, pool.connection_class.__name__, None) if pool else None
        if pool is None or kind is None:
            return None
        said = {name: value for name, value in pool.connection_kwargs.items() if name in _SAID}
        client = redis.Redis(connection_pool=redis.ConnectionPool(connection_class=kind, **said, **_OURS))
        decoder = RedisDecoder(saver.serde, saver._recursive_deserialize)
        prefixes = (saver._checkpoint_prefix, saver._checkpoint_write_prefix)
        return cls(client, decoder, type(saver).__name__, prefixes)

    def close(self) -> None:
        self._client.connection_pool.disconnect()

    # ------------------------------------------------------------ what the index says

    def _heads(self) -> Iterator[tuple[str, int, str]]:
        newest = ("FIRST_VALUE", "4", "@checkpoint_id", "BY", "@checkpoint_ts", "DESC")
        roots = self._grouped(f"@checkpoint_ns:{{{_NO_NAMESPACE}}}", "COUNT", "0")
        for thread, last in self._grouped("*", *newest).items():
            yield _text(thread, _NO_ID), int(roots.get(thread, 0)), last

    def _grouped(self, query: str, *reduced: str) -> dict[str, str]:
        steps = ("GROUPBY", "1", "@thread_id", "REDUCE", *reduced, "AS", "of")
        found = self._rows(self._checkpoints, query, {}, *steps)
        return {row["thread_id"]: row["of"] for row in found}

    def _look(self, thread_id: str, after: str) -> Look:
        total, written = self._count(self._checkpoints, thread_id), self._count(self._writes, thread_id)
        over = sorted(map(str, self._found(self._writes, thread_id, _OVER, "task_id", "idx", "$.blob")))
        since = id_time(after) if after else None
        begun = "" if since is None else f"@checkpoint_ts:[{since * 1000 - _CLOCKS} +inf]"
        fields = ("checkpoint_ns", "checkpoint_id", "parent_checkpoint_id", "$.metadata")
        rows = [
            CheckpointRow(
                _text(row["checkpoint_ns"], _NO_NAMESPACE),
                row["checkpoint_id"],
                _text(row.get("parent_checkpoint_id", ""), _NO_ID) or None,
                load_metadata(row.get("$.metadata")),
            )
            for row in self._found(self._checkpoints, thread_id, begun, *fields)
            if row["checkpoint_id"] > after
        ]
        rows.sort(key=lambda row: row.id)
        return Look(rows, total if after else len(rows), (written, over))

    def _write_rows(self, thread_id: str, ids: Collection[str] | None) -> list[WriteRow]:
        if ids is None:
            return list(self._writes_where(thread_id, ""))
        found = list(self._writes_where(thread_id, _OVER))
        wanted = list(ids)
        for start in range(0, len(wanted), _IDS_AT_ONCE):
            among = "|".join(map(_escaped, wanted[start : start + _IDS_AT_ONCE]))
            found += self._writes_where(thread_id, f"@checkpoint_id:{{{among}}}")
        return found

    def _writes_where(self, thread_id: str, query: str) -> Iterator[WriteRow]:
        fields = ("checkpoint_ns", "checkpoint_id", "task_id", "$.task_path", "idx", "channel")
        for row in self._found(self._writes, thread_id, query, *fields):
            yield WriteRow(
                _text(row["checkpoint_ns"], _NO_NAMESPACE),
                row["checkpoint_id"],
                row["task_id"],
                row.get("$.task_path", ""),
                int(row["idx"]),
                row["channel"],
            )

    def _write_counts(self, thread_id: str) -> Mapping[str, int]:
        grouped = ("GROUPBY", "1", "@checkpoint_id", "REDUCE", "COUNT", "0", "AS", "of")
        thread = {"thread": thread_id or _NO_ID}
        found = self._rows(self._writes, "@thread_id:{$thread}", thread, *grouped)
        return {row["checkpoint_id"]: int(row["of"]) for row in found}

    # ------------------------------------------------------------ documents

    def _documents(
        self,
        thread_id: str,
        namespace: str,
        ids: Sequence[str],
        names: Collection[str] | None,
        exact: bool,  # noqa: ARG002 - a document is JSON or not there
    ) -> Iterator[StoredDocument]:
        wanted = [_VALUES] if names is None else [f"{_VALUES}[{json.dumps(name)}]" for name in names]
        for start in range(0, len(ids), _IDS_AT_ONCE):
            some = ids[start : start + _IDS_AT_ONCE]
            with _explained(), self._client.pipeline(transaction=False) as pipeline:
                for id_ in some:
                    key = ":".join(
                        (self._checkpoints, thread_id or _NO_ID, namespace or _NO_NAMESPACE, id_ or _NO_ID)
                    )
                    paths = (*_HEAD, "$.parent_checkpoint_id", "$.metadata", *wanted)
                    pipeline.execute_command("JSON.GET", key, *paths)
                    pipeline.execute_command("JSON.OBJKEYS", key, _VALUES)
                found = pipeline.execute()
            for id_, document, held in zip(some, found[::2], found[1::2], strict=True):
                if document is not None:
                    yield _document(id_, document, held, names)

    def _stored_writes(
        self, thread_id: str, namespace: str, checkpoint_id: str
    ) -> Iterator[tuple[str, str, int, str, str | None, Any]]:
        fields = ("checkpoint_ns", "$.task_path", "task_id", "idx", "channel", "type", "$.blob")
        under = f"@checkpoint_id:{{{_escaped(checkpoint_id)}}}"
        for row in self._found(self._writes, thread_id, under, *fields):
            if _text(row["checkpoint_ns"], _NO_NAMESPACE) == namespace:
                blob = _decoded(row.get("$.blob", ""))
                path, task_id, idx = row.get("$.task_path", ""), row["task_id"], int(row["idx"])
                yield path, task_id, idx, row["channel"], row["type"], blob

    # ------------------------------------------------------------ commands

    def _count(self, index: str, thread_id: str) -> int:
        query = ("@thread_id:{$thread}", "PARAMS", "2", "thread", thread_id or _NO_ID)
        counted = ("LIMIT", "0", "0", "DIALECT", "2")
        with _explained():
            found = self._client.execute_command("FT.SEARCH", index, *query, *counted)
        return int(found[0])

    def _found(self, index: str, thread_id: str, query: str, *fields: str) -> Iterator[dict[str, str]]:
        """The named fields of a thread's documents that a query finds."""
        loaded = [field if field.startswith("$") else f"@{field}" for field in ("thread_id", *fields)]
        stored = thread_id or _NO_ID
        where = f"@thread_id:{{$thread}} {query}"
        rows = self._rows(index, where, {"thread": stored}, "LOAD", str(len(loaded)), *loaded)
        return (row for row in rows if row["thread_id"] == stored)  # Redis searches without regard to case

    def _rows(
        self, index: str, query: str, params: Mapping[str, str], *steps: str
    ) -> Iterator[dict[str, str]]:
        """What a query finds, page by page."""
        named = ("PARAMS", str(2 * len(params)), *(part for pair in params.items() for part in pair))
        paged = ("WITHCURSOR", "COUNT", str(_PAGE), "DIALECT", "2")
        with _explained():
            rows, cursor = self._client.execute_command(
                "FT.AGGREGATE", index, query, *(named if params else ()), *steps, *paged
            )
            while True:
                for row in rows[1:]:
                    texts = [part.decode(errors="replace") for part in row if part is not None]
                    yield dict(zip(texts[::2], texts[1::2], strict=True))
                if not cursor:
                    return
                rows, cursor = self._client.execute_command("FT.CURSOR", "READ", index, cursor)


def _document(id_: str, stored: bytes, held: Any, names: Collection[str] | None) -> StoredDocument:
    found = {path: matches[0] if matches else None for path, matches in json.loads(stored).items()}
    head = {path.rpartition(".")[2]: found[path] for path in _HEAD if found.get(path) is not None}
    keys = [name.decode(errors="replace") for name in (held or [None])[0] or ()]
    if names is None:
        values = found.get(_VALUES) or {}
    else:
        values = dict.fromkeys(keys) | {
            name: found.get(f"{_VALUES}[{json.dumps(name)}]") for name in names if name in keys
        }
    split: Any = (head, {name: (INLINE, value) for name, value in values.items()})
    if not head:
        split = Undecodable("it is no checkpoint", len(stored), "json")
    parent = _text(found.get("$.parent_checkpoint_id") or "", _NO_ID)
    return StoredDocument(id_, parent or None, load_metadata(found.get("$.metadata")), split)


def _text(stored: str, empty: str) -> str:
    return "" if stored == empty else stored


def _escaped(value: str) -> str:
    return "".join(letter if letter.isalnum() else f"\\{letter}" for letter in value)


def _decoded(blob: str) -> bytes:
    try:
        return base64.b64decode(blob)
    except (binascii.Error, ValueError):
        return blob.encode()  # as the saver takes it


@contextmanager
def _explained() -> Iterator[None]:
    """Says of an error of the client's what it means."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as error:  # a wrong password too
        raise Unavailable(
            f"Redis refused or lost the connection: {error}.", "Check the URL and the server."
        ) from error
    except redis.ResponseError as error:
        said = str(error)
        if "no such index" in said.lower() or "unknown index" in said.lower():
            raise SourceError(
                "Redis has no index of checkpoints here: no RedisSaver was set up.",
                "Call saver.setup() once: what was stored before is in the index then, too.",
            ) from error
        if "unknown command" in said.lower():
            raise SourceError(
                "This Redis server cannot search, so no RedisSaver wrote to it.",
                "Give a Redis 8, or one with RediSearch and RedisJSON.",
            ) from error
        raise SourceError(f"Redis cannot read this: {said}.", "Check the rights of its user.") from error
