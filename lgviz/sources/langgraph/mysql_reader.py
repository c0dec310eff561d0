"""Reading MySQL and MariaDB without leaving a trace, in transactions that only read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from lgviz.errors import LgvizError, NotASource, SourceError, Unavailable, needing
from lgviz.sources.connections import Rows, Statement

from .server_reader import ServerReader

with needing("PyMySQL", "mysql"):
    import pymysql
    from pymysql.constants import CR, ER, FIELD_TYPE
    from pymysql.converters import conversions

__all__ = ["MysqlReader", "settings_of", "settings_of_url"]

Settings = Mapping[str, Any]
"""Arguments of ``pymysql.connect`` that say where the server is and who asks."""

_SECONDS = 10
_OPTIONS = ("unix_socket", "ssl_ca", "ssl_cert", "ssl_key")
"""What the query of a URL may say."""
_NAMES = {name: name for name in ("host", "port", "user", "password", "unix_socket")} | {"db": "database"}
"""What connections call the arguments of ``pymysql.connect``."""
_READ_ONLY = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_MAY_NOT_READ = (ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR)
_LOST = (CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST, 0, 4031)
"""0: closed on this side; 4031: MySQL's word for a client that was idle for too long."""


class MysqlReader(ServerReader):
    """Reads MySQL and MariaDB.

    Args:
        settings: gives how to connect. It is asked when a connection is made, and kept nowhere.
    """

    _driver_error = pymysql.Error

    def __init__(self, settings: Callable[[], Settings]) -> None:
        super().__init__()
        self._settings = settings

    def _connect(self) -> pymysql.Connection[Any]:
        return pymysql.connect(
            **self._settings(),
            charset="utf8mb4",
            connect_timeout=_SECONDS,
            init_command=_READ_ONLY,
            program_name="lgviz",
            conv={**conversions, FIELD_TYPE.NEWDECIMAL: int},  # sums of whole numbers
        )

    def _select(self, connection: pymysql.Connection[Any], statements: tuple[Statement, ...]) -> list[Rows]:
        with connection.cursor() as cursor:
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            found: list[Rows] = []
            for sql, params in statements:
                cursor.execute(sql.replace("%", "%%").replace("?", "%s"), params)
                found.append(list(cursor.fetchall()))
            cursor.execute("COMMIT")
            return found

    def _is_lost(self, error: Exception) -> bool:
        return bool(error.args) and error.args[0] in _LOST

    def _explained(self, error: Exception) -> LgvizError:
        code, said = (*error.args, "", "")[:2]
        if code in _MAY_NOT_READ:
            return SourceError(
                f"This user may not read LangGraph's tables: {said}.",
                "GRANT SELECT ON checkpoints, checkpoint_blobs and checkpoint_writes TO it.",
            )
        if isinstance(error, (pymysql.OperationalError, pymysql.InterfaceError)):
            return Unavailable(
                f"MySQL refused or lost the connection: {said or code}.", "Check the URL and the server."
            )
        return SourceError(f"MySQL cannot read this database: {said}.", "Give one that LangGraph wrote.")


def settings_of_url(url: str) -> dict[str, Any]:
    """How to connect to the database that a URL names.

    >>> settings_of_url("mysql://me:s%40cret@host/app?unix_socket=/run/db.sock")["password"]
    's@cret'

    Raises:
        NotASource: it cannot be read, or names no database; the message does not repeat it.
    """
    with suppress(ValueError):
        said = urlsplit(url)
        options = {name: value for name, value in parse_qsl(said.query) if name in _OPTIONS}
        if database := unquote(said.path.removeprefix("/")):
            return {
                "host": said.hostname or "localhost",
                "port": said.port or 3306,
                "user": unquote(said.username or ""),
                "password": unquote(said.password or ""),
                "database": database,
                **options,
            }
    raise NotASource(
        "This MySQL URL cannot be read, or names no database.",
        "Write mysql://USER:PASSWORD@HOST:PORT/DATABASE, in the password %40 for @ and %2F for /.",
    )


def settings_of(conn: Any) -> dict[str, Any] | None:
    """How to connect once more to where a saver's connection leads; None where it does not tell.

    Args:
        conn: a connection of PyMySQL or aiomysql, a pool, or what makes a connection, as savers take it.
    """
    if (pooled := getattr(conn, "_conn_kwargs", None)) is not None:  # aiomysql's pool
        return _settings(pooled.get, pooled.get("ssl"))
    if hasattr(conn, "cursor"):
        return _settings_of_one(conn)
    make = conn if callable(conn) else getattr(conn, "connect", None)
    if make is None:
        return None
    with closing(make()) as made:
        return _settings_of_one(made)


def _settings_of_one(conn: Any) -> dict[str, Any] | None:
    context = getattr(conn, "ctx", None) or getattr(conn, "_ssl_context", None)
    if not getattr(conn, "_ssl_required", True):
        context = None  # PyMySQL makes one for a server that need not have TLS, too
    found = _settings(lambda name: getattr(conn, name, None) or getattr(conn, f"_{name}", None), context)
    return found if "user" in found else None


def _settings(named: Callable[[str], Any], context: Any) -> dict[str, Any]:
    found = {known: named(name) for name, known in _NAMES.items()} | {"ssl": context}
    return {name: value for name, value in found.items() if value is not None}
