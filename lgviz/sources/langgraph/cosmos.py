"""What savers keep in Azure Cosmos DB: the index of a thread opens no value, and leaves it on the server.

Both packages, ``langgraph-checkpoint-cosmosdb`` and ``langchain-azure-cosmosdb``, write the same documents.
What a document is says its id, whose parts ``$`` separates::

    checkpoint$THREAD$NAMESPACE$ID
    writes$THREAD$NAMESPACE$ID$TASK$NUMBER
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from azure.core.exceptions import AzureError
from azure.cosmos import CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError

from lgviz.errors import SourceError, Unavailable
from lgviz.sources.base import CheckpointRow, WriteRow
from lgviz.sources.decode import Decoder

from .counted import Look
from .documents import DocumentSource, StoredDocument

__all__ = ["CosmosSource"]

_AT_ONCE = 16
"""Documents that are asked for at once: whole states are big."""
_OF = "STARTSWITH(c.partition_key, @of)"
_OVER = 'c.channel IN ("__error__", "__interrupt__", "__resume__", "__scheduled__")'
"""Writes that may be written over."""


class CosmosSource(DocumentSource):
    """Reads a container through a saver's client, or one of our own, by queries.

    Args:
        container: an ``azure.cosmos.ContainerProxy``.
        decoder, description: see :class:`DocumentSource`.
    """

    def __init__(self, container: Any, decoder: Decoder, description: str) -> None:
        super().__init__(decoder, description)
        self._container = container

    @classmethod
    def of_saver(cls, saver: Any) -> CosmosSource | None:
        """Reads what a saver writes; None where it is asynchronous and its credential is, too."""
        container = saver.container
        if ".aio." in type(container).__module__:
            container = _synchronous(container)
        return None if container is None else cls(container, Decoder(saver.serde), type(saver).__name__)

    def _heads(self) -> Iterator[tuple[str, int, str]]:
        roots, newest = Counter[str](), dict[str, str]()
        for row in self._query(f"SELECT c.id FROM c WHERE {_OF}", of="checkpoint$"):
            thread, namespace, id_ = _parts(row["id"], 3)
            roots[thread] += not namespace
            newest[thread] = max(newest.get(thread, ""), id_)
        return ((thread, roots[thread], last) for thread, last in newest.items())

    def _look(self, thread_id: str, after: str) -> Look:
        checkpoints, writes = f"checkpoint${thread_id}$", f"writes${thread_id}$"
        count = f"SELECT VALUE COUNT(1) FROM c WHERE {_OF}"
        total, written = (next(self._query(count, of=of)) for of in (checkpoints, writes))
        over = self._query(f"SELECT c.id, c._etag FROM c WHERE {_OF} AND {_OVER}", of=writes)
        state = written, sorted((row["id"], row["_etag"]) for row in over)
        new = "" if not after else f" AND RIGHT(c.id, {len(after)}) > @after"
        heads = f"SELECT c.id, c.parent_checkpoint_id, c.metadata FROM c WHERE {_OF}{new}"
        rows = []
        for row in self._query(heads, of=checkpoints, after=after):
            thread, namespace, id_ = _parts(row["id"], 3)
            parent = row.get("parent_checkpoint_id") or None
            if thread == thread_id:
                rows.append(CheckpointRow(namespace, id_, parent, self._metadata(row)))
        rows.sort(key=lambda row: row.id)
        return Look(rows, total if after else len(rows), state)

    def _write_rows(self, thread_id: str, ids: Collection[str] | None) -> list[WriteRow]:
        keys, of = f"SELECT c.id, c.channel FROM c WHERE {_OF}", f"writes${thread_id}$"
        if ids is None:
            found = list(self._query(keys, of=of))
        else:
            found = list(self._query(f"{keys} AND {_OVER}", of=of))
            for id_ in ids:
                found += self._query(f"{keys} AND CONTAINS(c.id, @id)", of=of, id=f"${id_}$")
        rows = []
        for row in found:
            thread, namespace, id_, task_id, idx = _parts(row["id"], 5)
            if thread == thread_id:
                rows.append(WriteRow(namespace, id_, task_id, "", int(idx), row["channel"]))
        return rows

    def _write_counts(self, thread_id: str) -> Mapping[str, int]:
        found = self._query(f"SELECT VALUE c.id FROM c WHERE {_OF}", of=f"writes${thread_id}$")
        places = (_parts(key, 5) for key in found)
        return Counter(id_ for thread, _, id_, *_ in places if thread == thread_id)

    def _documents(
        self,
        thread_id: str,
        namespace: str,
        ids: Sequence[str],
        names: Collection[str] | None,  # noqa: ARG002 - the whole state is one value
        exact: bool,
    ) -> Iterator[StoredDocument]:
        of = f"checkpoint${thread_id}${namespace}$"
        query = "SELECT * FROM c WHERE c.partition_key = @of AND ARRAY_CONTAINS(@ids, c.id)"
        for start in range(0, len(ids), _AT_ONCE):
            keys = [of + id_ for id_ in ids[start : start + _AT_ONCE]]
            for found in self._query(query, of, of=of, ids=keys):
                split = self._decoder.split(found["type"], base64.b64decode(found["checkpoint"]), exact=exact)
                metadata = self._metadata(found, exact=exact)
                parent = found.get("parent_checkpoint_id") or None
                yield StoredDocument(found["id"].removeprefix(of), parent, metadata, split)

    def _stored_writes(
        self, thread_id: str, namespace: str, checkpoint_id: str
    ) -> Iterator[tuple[str, str, int, str, str | None, Any]]:
        of = f"writes${thread_id}${namespace}${checkpoint_id}$"
        query = 'SELECT c.id, c.channel, c.type, c["value"] FROM c WHERE c.partition_key IN (@of, @also)'
        for row in self._query(query, of=of, also=f"{of}$"):  # as the one package and the other name it
            *_, task_id, idx = row["id"].split("$")
            yield "", task_id, int(idx), row["channel"], row["type"], base64.b64decode(row["value"])

    def _metadata(self, row: Mapping[str, Any], *, exact: bool = False) -> Any:
        type_, stored = row["metadata"]
        found = self._decoder.value(type_, base64.b64decode(stored), exact=exact)
        return found if isinstance(found, dict) else {}

    def _query(self, query: str, partition: str | None = None, **params: Any) -> Iterator[Any]:
        """What a query finds, page by page.

        Args:
            query: the query.
            partition: the one that it looks into; None: all.
            params: what its ``@`` names stand for.
        """
        where: dict[str, Any] = {"partition_key": partition}
        if partition is None:
            where = {"enable_cross_partition_query": True}
        named = [{"name": f"@{name}", "value": value} for name, value in params.items()]
        with _explained():
            yield from self._container.query_items(query=query, parameters=named, **where)


def _parts(key: str, count: int) -> list[str]:
    """The parts of a document's id after its kind. Only the first, a thread's id, may hold a ``$`` itself."""
    return key.partition("$")[2].rsplit("$", count - 1)


def _synchronous(container: Any) -> Any:
    """A client of our own's container beside an asynchronous one's; None where that tells no key."""
    beside = container.client_connection
    if not beside.master_key:
        return None
    client = CosmosClient(
        beside.url_connection, beside.master_key, connection_policy=beside.connection_policy
    )
    _, database, _, name = container.container_link.strip("/").split("/")
    return client.get_database_client(database).get_container_client(name)


@contextmanager
def _explained() -> Iterator[None]:
    """Says of an error of the client's what it means; the text of none holds a key."""
    try:
        yield
    except CosmosHttpResponseError as error:
        raise SourceError(
            f"Cosmos DB refused to read ({error.status_code}): {error.reason}.",
            "Check the rights of its key.",
        ) from error
    except AzureError as error:
        raise Unavailable(f"Cosmos DB cannot be reached: {error}.", "Check the endpoint.") from error
