"""A PostgreSQL that lacks what servers lack which only talk like it."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

__all__ = ["failing", "lacking"]

_FUNCTIONS = {
    "pg_advisory_xact_lock": ("bigint", "int, int"),
    "pg_advisory_xact_lock_shared": ("bigint", "int, int"),
    "pg_try_advisory_xact_lock": ("bigint", "int, int"),
    "pg_try_advisory_xact_lock_shared": ("bigint", "int, int"),
    "hashtextextended": ("text, bigint",),
    "pg_stat_get_bgwriter_stat_reset_time": ("",),
    "pg_current_snapshot": ("",),
    "age": ("xid",),
}
"""What is hidden, with the types of its arguments."""


def lacking(
    uri: str, *, pretends: bool = False, isolation: str = "read committed", tables: Sequence[str] = ()
) -> str:
    """The URI of a database for connections that find none of PostgreSQL's own locks and snapshots.

    A schema before ``pg_catalog`` has functions of the same names, which refuse.

    Args:
        uri: of the database; what is made by that URI itself stays visible.
        pretends: have them do nothing instead, as CockroachDB had for years.
        isolation: of its transactions. The server really fails some that are stricter, with 40001.
        tables: of the URI's own, seen without system columns.
    """
    import psycopg

    with psycopg.connect(uri, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA IF NOT EXISTS lacking")
        for name, signatures in _FUNCTIONS.items():
            locks = pretends and "advisory" in name
            act = "RETURN NULL" if locks else f"RAISE feature_not_supported USING MESSAGE = '{name}'"
            for arguments in signatures:
                conn.execute(
                    f"""CREATE OR REPLACE FUNCTION lacking.{name}({arguments}) RETURNS text
                        LANGUAGE plpgsql AS $$ BEGIN {act}; END $$""".encode()
                )
        for table in tables:
            conn.execute(f"CREATE OR REPLACE VIEW lacking.{table} AS SELECT * FROM public.{table}".encode())
    level = isolation.replace(" ", "\\ ")
    options = f"-csearch_path=lacking,pg_catalog,public -cdefault_transaction_isolation={level}"
    return f"{uri}{'&' if '?' in uri else '?'}options={quote(options)}"


def failing(uri: str, table: str, every: int, *, at_commit: bool) -> None:
    """Have the server fail each so many-th transaction that inserts into a table, with 40001.

    Args:
        uri: of the database.
        table: of the search path.
        every: which of them; 1: all.
        at_commit: let all of its statements pass.
    """
    import psycopg

    when = "AFTER INSERT" if at_commit else "BEFORE INSERT"
    kind = "CONSTRAINT TRIGGER" if at_commit else "TRIGGER"
    deferred = "DEFERRABLE INITIALLY DEFERRED" if at_commit else ""
    with psycopg.connect(uri, autocommit=True) as conn:
        conn.execute(
            "CREATE SEQUENCE IF NOT EXISTS turns"
        )  # no transaction that is undone takes its numbers back
        conn.execute(
            f"""CREATE OR REPLACE FUNCTION fail_{every}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF nextval('turns') % {every} = 0 THEN RAISE serialization_failure; END IF;
                RETURN new; END $$""".encode()
        )
        conn.execute(
            f"""CREATE {kind} failing_{int(at_commit)} {when} ON {table} {deferred}
                FOR EACH ROW EXECUTE FUNCTION fail_{every}()""".encode()
        )
