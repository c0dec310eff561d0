"""Reading PostgreSQL without leaving a trace: transactions that only read, on a connection of their own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import psycopg
from psycopg.errors import FeatureNotSupported, UndefinedColumn, UndefinedFunction

from lgviz.errors import LgvizError, SourceError, Unavailable
from lgviz.persistence.database.conninfo import connect_read_only
from lgviz.persistence.database.postgres import as_psycopg
from lgviz.sources.connections import Rows, Statement

from . import sql
from .server_reader import ServerReader

__all__ = ["PostgresReader"]


class PostgresReader(ServerReader):
    """Reads PostgreSQL.

    Args:
        conninfo: gives the connection string. It is asked when a connection is made, and kept nowhere.
    """

    _driver_error = psycopg.Error

    def __init__(self, conninfo: Callable[[], str]) -> None:
        super().__init__()
        self._conninfo = conninfo

    @cached_property
    def by_transactions(self) -> bool:
        """Whether each row tells the transaction that stored it, by a number that a snapshot compares."""
        try:
            return bool(self.read((sql.POSTGRES_BY_TRANSACTIONS, ()))[0][0][1])
        except SourceError as error:
            lacking = (UndefinedColumn, UndefinedFunction, FeatureNotSupported)
            if isinstance(error.__cause__, lacking):
                return False
            raise

    def stamp(self) -> Any:
        """Which transactions were over: any that changes something since then makes it another; None where
        that is not told."""
        if not self.by_transactions:
            return None
        return self.read(("SELECT pg_current_snapshot()::text", ()))[0][0][0]

    def _connect(self) -> psycopg.Connection[Any]:
        return connect_read_only(self._conninfo())

    def _select(self, connection: psycopg.Connection[Any], statements: tuple[Statement, ...]) -> list[Rows]:
        with connection.transaction(), connection.cursor() as cursor:
            return [cursor.execute(as_psycopg(text), params).fetchall() for text, params in statements]

    def _is_lost(self, error: Exception) -> bool:
        return isinstance(error, psycopg.OperationalError) and self._kept[0].broken

    def _explained(self, error: Exception) -> LgvizError:
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
