"""What every engine begins with: its serializer's trees, and tables that are made or migrated."""

from __future__ import annotations

import secrets
import time
from typing import ClassVar

from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from lgviz.errors import ForeignTables, NewerSchema, PersistenceError
from lgviz.persistence.database.schema import MIGRATIONS, MIGRATIONS_TABLE, Dialect, Role
from lgviz.persistence.database.statements import READ, WRITE, Batch, Operation, Query

from .storing import Storing
from .tree import Serializer, Trees
from .vault import Vault


class SetUp(Storing):
    """An engine over one dialect and serializer, for one role.

    Args:
        dialect: the database's way to say it.
        serde: any LangGraph serializer. Where it encrypts, nodes are encrypted and named by a secret key that
            lies encrypted in the database.
    """

    role: ClassVar[Role]

    def __init__(self, dialect: Dialect, serde: Serializer) -> None:
        cipher = None
        if isinstance(serde, EncryptedSerializer):
            cipher, serde = serde.cipher, serde.serde
        # A serializer of unknown making may write a value differently each time, or see more than its
        # elements in a list: its values stay whole.
        trees = Trees(serde, cut=isinstance(serde, JsonPlusSerializer))
        super().__init__(dialect, trees, Vault(cipher))

    def prepare(self, *, beside: bool = False) -> Operation[bool]:
        """:meth:`setup`, and whether that lasts: a caller may undo the transaction that it joined."""
        yield from self.setup(beside=beside)
        return bool((yield Batch([Query("SELECT 1")], last=True)))

    def setup(self, *, beside: bool = False) -> Operation[None]:
        """Make or migrate the role's tables; called before the first operation.

        Args:
            beside: make them although LangGraph's own tables are there (to migrate from them).

        Raises:
            ForeignTables: only LangGraph's own tables are there.
            NewerSchema: a newer lgviz made the tables.
        """
        yield READ
        tables = {name for (name,) in (yield Query(self.dialect.tables))}
        applied = set()
        if "lgviz_migrations" in tables:
            applied = yield from self._applied()
            newer = applied - MIGRATIONS.keys()
            if newer:
                raise NewerSchema(
                    f"The tables were made by a newer lgviz ({', '.join(sorted(newer))}).",
                    "Upgrade lgviz: pip install -U lgviz.",
                )
        if applied.issuperset(self.role.migrations):
            return (yield from self._learn_key())
        if self.role.foreign in tables and applied.isdisjoint(self.role.migrations[1:]) and not beside:
            raise ForeignTables(
                f"The database holds LangGraph's own tables; lgviz's {self.role.users} have their own.",
                f"Migrate once: lgviz.persistence.migrate(OLD, NEW), with NEW a new file or one of lgviz's"
                f" {self.role.users}.",
            )
        yield WRITE
        if self.dialect.lock_schema:
            yield Query(self.dialect.lock_schema)
        yield Query(self.dialect.ddl(MIGRATIONS_TABLE))
        applied = yield from self._applied()
        for name in self.role.migrations:
            if name not in applied:
                for statement in MIGRATIONS[name]:
                    yield Query(self.dialect.ddl(statement))
                yield Query(
                    "INSERT INTO lgviz_migrations (name, applied_at) VALUES (?, ?)", [name, time.time()]
                )
        return (yield from self._learn_key(make=True))

    def _applied(self) -> Operation[set[str]]:
        return {name for (name,) in (yield Query("SELECT name FROM lgviz_migrations"))}

    def _learn_key(self, *, make: bool = False) -> Operation[None]:
        """With an encrypting serializer, nodes are named by a key that lies in the database, encrypted."""
        if self.vault.cipher is None:
            return
        rows = yield Query("SELECT value FROM lgviz_meta WHERE name = 'node_key'")
        if not rows:
            if not make:
                yield WRITE
            key = secrets.token_bytes(32)
            yield Query(
                "INSERT INTO lgviz_meta (name, value) VALUES ('node_key', ?) ON CONFLICT (name) DO NOTHING",
                [self.vault.seal(key)],
            )
            rows = yield Query("SELECT value FROM lgviz_meta WHERE name = 'node_key'")
        try:
            self.trees.key = self.vault.unseal(bytes(rows[0][0]))
        except Exception as error:
            raise PersistenceError(
                "The database is encrypted with another key.", "Give the key that it was made with."
            ) from error
