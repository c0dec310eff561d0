"""Reading PostgreSQL without leaving a trace: transactions that only read, on a connection of their own."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg

from lgviz.errors import LgvizError, SourceError, Unavailable
from lgviz.persistence.database.conninfo import connect_read_only
from lgviz.persistence.database.postgres import as_psycopg
from lgviz.sources.connections import ReadConnection, Rows, Statement

__all__ = ["PostgresReader"]


class PostgresReader(ReadConnection):
    """Reads on one connection, which is made when first needed, kept for the next read, and made anew
    where it was lost. The server refuses any write on it.

    Args:
        conninfo: gives the connection string. It is asked when a connection is made, and kept nowhere.
    """

    def __init__(self, conninfo: Callable[[], str]) -> None:
        self._conninfo = conninfo
        self._lock = threading.Lock()
        self._kept: list[psycopg.Connection[Any]] = []
        weakref.finalize(self, _close, self._kept)

    def read(self, *statements: Statement) -> list[Rows]:
        with self._lock:
            fresh = not self._kept
            try:
                return self._select(statements)
            except psycopg.OperationalError as error:
                if fresh or not self._kept[0].broken:
                    raise _explained(error) from error
            except psycopg.Error as error:
                raise _explained(error) from error
            _close(self._kept)  # an idle connection is cut by restarts, proxies and firewalls
            try:
                return self._select(statements)
            except psycopg.Error as error:
                raise _explained(error) from error

    def stamp(self) -> Any:
        """Which transactions were over: any that changes something since then makes it another."""
        return self.read(("SELECT pg_current_snapshot()::text", ()))[0][0][0]

    def close(self) -> None:
        with self._lock:
            _close(self._kept)

    def _select(self, statements: tuple[Statement, ...]) -> list[Rows]:
        if not self._kept:
            self._kept.append(connect_read_only(self._conninfo()))
        connection = self._kept[0]
        with connection.transaction(), connection.cursor() as cursor:
            return [cursor.execute(as_psycopg(sql), params).fetchall() for sql, params in statements]


def _close(kept: list[psycopg.Connection[Any]]) -> None:
    while kept:
        with suppress(psycopg.Error):
            kept.pop().close()


def _explained(error: psycopg.Error) -> LgvizError:
    said = str(error).strip()
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return SourceError(
            f"This role may not read LangGraph's tables: {said}.",
            "GRANT SELECT ON checkpoints, checkpoint_blobs, checkpoint_writes TO it.",
        )
    if isinstance(error, psycopg.OperationalError):
        return Unavailable(
            f"PostgreSQL refused or lost the connection: {said}.", "Check the URL and the server."
        )
    return SourceError(f"PostgreSQL cannot read this database: {said}.", "Give one that LangGraph wrote.")
