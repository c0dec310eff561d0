"""What a saver or a string is, told without importing what it needs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal

__all__ = ["file_at", "is_postgres", "is_url", "langgraph_kind", "url_kind", "without_password"]

SaverKind = Literal["sqlite", "aiosqlite", "postgres", "mysql", "redis", "cosmos", "mongodb"]
UrlKind = Literal["postgres", "mysql", "redis"]

_KINDS: dict[str, SaverKind] = {
    "langgraph.checkpoint.sqlite.SqliteSaver": "sqlite",
    "langgraph.checkpoint.sqlite.aio.AsyncSqliteSaver": "aiosqlite",
    "langgraph.checkpoint.postgres.PostgresSaver": "postgres",
    "langgraph.checkpoint.postgres.aio.AsyncPostgresSaver": "postgres",
    "langgraph.checkpoint.mysql.pymysql.PyMySQLSaver": "mysql",
    "langgraph.checkpoint.mysql.aio.AIOMySQLSaver": "mysql",
    "langgraph.checkpoint.mysql.asyncmy.AsyncMySaver": "mysql",
    "langgraph.checkpoint.redis.RedisSaver": "redis",
    "langgraph.checkpoint.redis.aio.AsyncRedisSaver": "redis",
    "langgraph_checkpoint_cosmosdb.cosmosdbSaver.CosmosDBSaver": "cosmos",
    "langchain_azure_cosmosdb._langgraph_checkpoint_store.CosmosDBSaverSync": "cosmos",
    "langchain_azure_cosmosdb.aio._langgraph_checkpoint_store.CosmosDBSaver": "cosmos",
    "langgraph.checkpoint.mongodb.saver.MongoDBSaver": "mongodb",
}
_SCHEMES: dict[str, UrlKind] = {
    "postgresql": "postgres",
    "postgres": "postgres",
    "mysql": "mysql",
    "mysql+pymysql": "mysql",
    "mysql+aiomysql": "mysql",
    "mysql+asyncmy": "mysql",
    "mariadb": "mysql",
    "redis": "redis",
    "rediss": "redis",
}


def langgraph_kind(saver: Any) -> SaverKind | None:
    """Which of the savers that are read past themselves this is; None: none of those with a history."""
    names = (f"{base.__module__}.{base.__name__}" for base in type(saver).__mro__)
    return next((_KINDS[name] for name in names if name in _KINDS), None)


def url_kind(what: Any) -> UrlKind | None:
    """Of which kind of server's database this is the URL; None where it is no URL of one that can be read.

    >>> url_kind("mysql+pymysql://me@host/app"), url_kind("checkpoints.db")
    ('mysql', None)
    """
    scheme, colon, _ = what.partition("://") if isinstance(what, str) else ("", "", "")
    return _SCHEMES.get(scheme) if colon else None


def is_url(what: Any) -> bool:
    """Whether this is the URL of a database that can be read."""
    return url_kind(what) is not None


def file_at(where: str | os.PathLike[str]) -> Path:
    """The file that a path names, from a home where it begins with one; ``~x`` of no user is a name like any.

    >>> file_at("~no-user.db").name
    '~no-user.db'
    """
    return Path(os.path.expanduser(where))  # noqa: PTH111 - Path.expanduser refuses such a name


def is_postgres(what: Any) -> bool:
    """Whether this is the URL of a PostgreSQL database, which lgviz's own tables may lie in."""
    return url_kind(what) == "postgres"


_SECRET = re.compile(r"(?<=//)[^?]*@|(?<=[?&])password=[^&]*&?")


def without_password(where: str) -> str:
    """A path, or a URL without who asks and by which password.

    >>> without_password("mysql://me:s3cret@host/app?password=s3cret")
    'mysql://host/app?'
    """
    return _SECRET.sub("", where) if "://" in where else where
