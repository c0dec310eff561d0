"""``check``: whether everything that a saver stored is whole."""

from __future__ import annotations

from lgviz.errors import DamagedData
from lgviz.persistence.blocks.damage import legible
from lgviz.persistence.blocks.integrity import BlockReport, Problem, check_blocks
from lgviz.persistence.blocks.merkle import Part, blocks_of
from lgviz.persistence.blocks.records import Channel, Records, read_body, read_channels, read_seen
from lgviz.persistence.database.statements import READ, Operation, Query, as_bytes

from .remove import CheckpointRecord, Removal


class CheckpointIntegrity:
    """``check``.

    Args:
        records: opens the rows.
        removal: lists them.
    """

    def __init__(self, records: Records, removal: Removal) -> None:
        self.records = records
        self.blocks = records.blocks
        self.removal = removal

    def check(self) -> Operation[list[Problem]]:
        """Verify every hash and reference. Damage is named, and what is whole stays readable."""
        yield READ
        report = yield from check_blocks(self.blocks)
        threads = yield Query("SELECT id, thread_id FROM lgviz_threads ORDER BY id")
        for thread, name in threads:
            yield from self._check_thread(thread, f"thread {name!r}", report)
        left = yield Query(
            """SELECT source, min(source_id) FROM lgviz_lineage
               WHERE source NOT IN (SELECT id FROM lgviz_threads) GROUP BY source ORDER BY source"""
        )
        for thread, name in left:
            yield from self._check_thread(thread, f"what others see of an earlier thread {name!r}", report)
        return report.problems

    def _check_thread(self, thread: int, name: str, report: BlockReport) -> Operation[None]:
        chain = yield from self.removal.lineages.chain(thread)
        where, params = self.blocks.dialect.among("owner", [thread, *(link.source for link in chain)])
        rows = yield Query(f"SELECT block FROM lgviz_uses WHERE {where}", params)
        used = {block for (block,) in rows}
        report.closed(name, used)
        told: dict[str, set[int]] = {}
        for row in (yield from self.removal.rows(thread)):
            where = f"{name}, checkpoint {row.id}" + (f" of {row.ns}" if row.ns else "")
            if row.notes is None:
                report.problems.append(Problem(where, "its metadata cannot be read"))
            try:
                part, channels = yield from self._open(row)
            except DamagedData as error:
                report.problems.append(Problem(where, error.cause))
                continue
            own = {block.id: block for block in blocks_of(part)}
            for channel, (_, value) in channels.items():
                if value is not None:
                    blocks = [own.pop(block.id, block) for block in blocks_of(value)]
                    seen = told.setdefault(channel, set())
                    report.look(f"{where}, channel {channel!r}", blocks, used, seen)
            report.look(where, own.values(), used, set())
        tasks = yield Query(
            "SELECT checkpoint_id, task_id, data FROM lgviz_writes WHERE thread IN (?, ?) ORDER BY key",
            [thread, -thread],
        )
        for id, task_id, data in tasks:
            where = f"{name}, checkpoint {id}, task {task_id}"
            try:
                for write in self.records.open_writes(as_bytes(data), every=True):
                    report.look(f"{where}, channel {write.channel!r}", blocks_of(write.part), used, set())
            except DamagedData as error:
                report.problems.append(Problem(where, error.cause))

    def _open(self, row: CheckpointRecord) -> Operation[tuple[Part, dict[str, Channel]]]:
        with legible("its row"):
            part = self.blocks.codec.open_row(row.body)
            body = read_body(part)
            read_seen((yield from self.blocks.unfold(body.seen)))
            return part, read_channels((yield from self.blocks.unfold(body.channels)))
