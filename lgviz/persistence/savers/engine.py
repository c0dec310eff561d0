"""The engine of the savers: every operation, written once, for any database and without any I/O.

Its operations are generators (see ``database.statements``); ``database.drivers`` run them.
"""

from __future__ import annotations

from lgviz.persistence.blocks.merkle import Serializer
from lgviz.persistence.blocks.records import Records
from lgviz.persistence.blocks.store import BlockStore
from lgviz.persistence.database.dialect import Dialect
from lgviz.persistence.database.migrations import CHECKPOINTS, lasting
from lgviz.persistence.database.statements import Operation

from .deltas import DeltaReads
from .facts import FactReads
from .index import ThreadReads
from .integrity import CheckpointIntegrity
from .lineage import Lineages
from .read import CheckpointReads
from .remove import Removal
from .stats import Accounting
from .write import CheckpointWrites


class SaverEngine:
    """All operations of a saver over one dialect and serializer.

    Args:
        dialect: the database's way to say it.
        serde: any LangGraph serializer.

    Attributes:
        blocks: the stored pieces of values.
        records: opens the rows of checkpoints and writes.
        lineages: what threads see that continue the path of another; ``fork_thread``.
        reads: ``get_tuple`` and ``list``.
        writes: ``put`` and ``put_writes``.
        index: ``index`` and ``threads``.
        facts: what is told of every thread at once.
        deltas: ``get_delta_channel_history``.
        removal: ``delete_thread``, ``delete_for_runs``, ``prune`` and ``copy_thread``.
        stats: ``stats``.
        integrity: ``check``.
    """

    def __init__(self, dialect: Dialect, serde: Serializer) -> None:
        self.dialect = dialect
        self.blocks = BlockStore(dialect, serde)
        self.records = Records(self.blocks)
        self.lineages = Lineages(self.records)
        self.removal = Removal(self.records, self.lineages)
        self.reads = CheckpointReads(self.records, self.lineages)
        self.writes = CheckpointWrites(self.records, self.lineages, self.removal)
        self.index = ThreadReads(self.records, self.lineages)
        self.facts = FactReads(self.records)
        self.deltas = DeltaReads(self.records, self.lineages)
        self.stats = Accounting(self.records, self.removal)
        self.integrity = CheckpointIntegrity(self.records, self.removal)

    def setup(self, *, beside: bool = False) -> Operation[None]:
        """Make or migrate the tables; called before the first operation.

        Args:
            beside: make them although LangGraph's own tables are there (to migrate from them).

        Raises:
            ForeignTables: only LangGraph's own tables are there.
            NewerSchema: a newer lgviz made the tables.
        """
        yield from self.blocks.set_up(CHECKPOINTS, beside=beside)

    def prepare(self, *, beside: bool = False) -> Operation[bool]:
        """:meth:`setup`, and whether that lasts: a caller may undo the transaction that it joined."""
        yield from self.setup(beside=beside)
        return (yield from lasting())
