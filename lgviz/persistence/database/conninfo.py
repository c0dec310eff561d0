"""How to connect to a PostgreSQL server once more, beside a connection that is in use."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import tuple_row

from lgviz.errors import NotASource

__all__ = ["connect_read_only", "conninfo_of", "parsed"]

_SECONDS = 10
"""To wait for a server that does not answer, where the connection string does not say."""

_OF_PYTHON = frozenset(
    {"autocommit", "context", "cursor_factory", "prepare_threshold", "prepare_max", "row_factory"}
)
"""Arguments of ``connect`` that say nothing about the server."""


def conninfo_of(conn: Any) -> str:
    """The connection string, with its password, of a psycopg connection or pool, sync or async.

    What was set on a connection after it was made (``SET search_path``) is not in it.
    """
    info = getattr(conn, "info", None)
    if info is not None:
        # Of an open connection psycopg tells all parameters but the password.
        return make_conninfo("", **info.get_parameters(), password=info.password or None)
    conninfo, kwargs = (said() if callable(said) else said for said in (conn.conninfo, conn.kwargs))
    return make_conninfo(
        conninfo or "", **{key: value for key, value in (kwargs or {}).items() if key not in _OF_PYTHON}
    )


def parsed(url: str) -> dict[str, Any]:
    """The parameters in a URL or connection string.

    Raises:
        NotASource: it is none; the message does not repeat it, as there may be a password in it.
    """
    with suppress(psycopg.Error, UnicodeError):
        said = conninfo_to_dict(url)
        # With a / in the password libpq takes its beginning for the port, with an @ its end for a part of the
        # host, and would tell it. (An @ may begin the host, or be in the path of one: of a socket.)
        host = str(said.get("host") or "")
        if str(said.get("port") or 0).replace(",", "").isdecimal() and ("@" not in host or host[0] in "/@"):
            return said
    raise NotASource(
        "This PostgreSQL URL cannot be read.",
        "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, in the password %40 for @ and %2F for /.",
    )


def connect_read_only(conninfo: str) -> psycopg.Connection[Any]:
    """A connection on which the server refuses any write; each transaction sees one moment.

    Raises:
        NotASource: see :func:`parsed`.
    """
    defaults: dict[str, Any] = {
        "application_name": "lgviz",
        "connect_timeout": _SECONDS,
        "client_encoding": "UTF8",
    }
    connection = psycopg.Connection.connect(
        make_conninfo("", **(defaults | parsed(conninfo))),
        row_factory=tuple_row,
        prepare_threshold=None,  # a proxy may give each transaction another connection
    )
    connection.read_only = True
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    return connection
