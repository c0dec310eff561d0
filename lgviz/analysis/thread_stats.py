"""All threads of a source as one table."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Unpack

from lgviz.persistence.database.gc_pause import gc_paused
from lgviz.sources import open_source
from lgviz.sources.base import ReadOptions, Source, ThreadFacts, WriteRow
from lgviz.sources.places import BRANCH_TO, CONTROL_CHANNELS, JOIN, is_internal

from .naming import AS_NODE
from .steps import Step, Task, TaskIds, TreeRow, ids_of, is_given
from .usage import message_ids, usage_of

if TYPE_CHECKING:
    import pandas

__all__ = ["stats_of", "thread_stats", "tokens_of"]

_COLUMNS = ("thread_id", "steps", "seconds", "errors", "interrupts", "tokens", "bytes", "last_node")
_COUNTS = ("steps", "errors", "interrupts", "tokens", "bytes")


def thread_stats(what: Any, tokens: bool = False, **options: Unpack[ReadOptions]) -> pandas.DataFrame:
    """All threads of a source, a row for each, the newest activity first.

    >>> from lgviz.demos import approval
    >>> from lgviz.persistence import MemorySaver
    >>> saver = MemorySaver()
    >>> approval.seed(approval.build(saver), "1")
    >>> frame = thread_stats(saver)
    >>> frame[["thread_id", "steps", "errors", "interrupts", "last_node"]].values.tolist()
    [['1', 10, 0, 3, 'draft']]

    A few statements read lgviz's and LangGraph's databases, however many threads they hold; of other savers
    the index of each thread is read. No value is opened, but by ``tokens=True``. What is not stored is
    missing.

    Args:
        what: whatever :func:`lgviz.open_source` takes.
        tokens: count them too. That opens what the tasks of each thread wrote, once; a bar tells how far it
            is. Ctrl-C gives what there is: ``frame.attrs["stopped"]`` says so then.
        options: see :class:`~lgviz.sources.base.ReadOptions`. Masks hide thread ids that they match.

    Returns:
        ``thread_id``; ``steps``: checkpoints of the root graph, inputs, updates and forks too; ``seconds``:
        from the first to the last; ``errors``, ``interrupts``: tasks of the root graph that stored an error
        (also one that was run again since, or cancelled because another failed) and that asked (answered
        or not), those that they called not counted where the database keeps who called whom;
        ``tokens``: read and written by models, each message once, without what an input or
        an update brought; ``bytes``: of rows and values, in lgviz's
        tables also of values that other threads share, missing for savers that lgviz does not know;
        ``last_node``: who made the newest checkpoint, several joined by `` + ``, missing for an input, a
        fork, and where the rows do not name each task for certain.

    Raises:
        SourceError: ``what`` cannot be read.
    """
    import pandas

    source = open_source(what, **options)
    rows = list(stats_of(source).values())
    frame = pandas.DataFrame(rows, columns=list(_COLUMNS))
    if tokens:
        from lgviz._progress import Bar

        told = Bar(list(frame["thread_id"]), desc="tokens", unit="thread", disable=None)
        counted: list[int | None] = []
        try:
            counted.extend(tokens_of(source, thread) for thread in told)
        except KeyboardInterrupt:
            frame.attrs["stopped"] = (
                f"Stopped after {len(counted):,} of {len(rows):,} threads; the tokens of others are missing."
            )
        frame["tokens"] = [*counted, *[None] * (len(rows) - len(counted))]
    frame["thread_id"] = [source.shown(thread) for thread in frame["thread_id"]]
    return frame.astype({**dict.fromkeys(_COUNTS, "Int64"), "seconds": "float64"})


def stats_of(source: Source) -> dict[str, dict[str, Any]]:
    """By the id of each thread its row in :func:`thread_stats`, without tokens; in the order of the rows."""
    with gc_paused():
        return {facts.thread_id: _row(facts) for facts in source.thread_facts()}


def _row(facts: ThreadFacts) -> dict[str, Any]:
    errors, interrupts = _errors_and_interrupts(facts.marks)
    told = facts.thread_id, facts.steps, facts.seconds, errors, interrupts, None, facts.bytes, _made_by(facts)
    return dict(zip(_COLUMNS, told, strict=True))


def _errors_and_interrupts(marks: Collection[WriteRow]) -> tuple[int, int]:
    """How many tasks failed and asked. One that another called counts with its caller."""
    if not marks:
        return 0, 0
    steps: dict[str, Step] = {}
    for write in marks:
        steps.setdefault(write.checkpoint_id, Step()).add(write)
    tasks = [task for step in steps.values() for task in step.tasks.values() if not task.called]
    return sum(task.failed for task in tasks), sum(task.interrupted for task in tasks)


# ------------------------------------------------------------ who made the newest checkpoint


def _made_by(facts: ThreadFacts) -> str | None:
    """The nodes of the step that made the newest checkpoint, where what it wrote names each for certain."""
    metadata, previous = facts.metadata, facts.previous
    if metadata.get("source") == "update":
        recorded = metadata.get(AS_NODE)
        return recorded if isinstance(recorded, str) else None
    step = metadata.get("step")
    if metadata.get("source") != "loop" or previous is None or not isinstance(step, int):
        return None
    if previous[1] != step - 1:  # the steps between were not stored
        return None
    work = Step()
    for write in facts.written:
        work.add(write)
    done = work.done()
    tasks = [task for task in done if not task.called]
    # Whose write is the step's own is then not certain.
    doubtful = work.resent or (work.updates and not any(task.path for task in done))
    if not tasks or doubtful or len(done) != len(work.tasks):
        return None
    start = TreeRow(0, "", previous[0], None, None, previous[1], "", {})
    for task in tasks:
        if task.name is None:
            several = (
                _name(task, ids, facts.led, len(tasks)) for ids in ids_of(start, pathless=not task.path)
            )
            task.name = next(filter(None, several), None)
    if any(task.name is None for task in tasks):
        return None
    tasks.sort(key=lambda task: task.order)
    return " + ".join(dict.fromkeys(str(task.name) for task in tasks))


def _name(task: Task, ids: TaskIds, led: frozenset[str], most: int) -> str | None:
    """The name that gives a task its id; None where it is none of those that channels lead on to."""
    for name, ways in _ways(led):
        if ids.are_pulled(task.id, name, ways):
            task.order = (1, name)
            return name
        numbers = range(most) if task.send_index is None else (task.send_index,)
        for number in numbers:
            if task.id == ids.sent(name, number):
                task.order = (0, number)
                return name
    return None


@lru_cache(maxsize=8)
def _ways(led: frozenset[str]) -> tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]:
    """By node, which channels may trigger it."""
    names = sorted({channel.rpartition(":")[2] for channel in led})
    joins = {
        name: [channel for channel in led if channel.startswith(JOIN) and channel.rpartition(":")[2] == name]
        for name in names
    }
    found = [
        (
            name,
            ((f"{BRANCH_TO}{name}",), *(tuple(sorted((f"{BRANCH_TO}{name}", join))) for join in joins[name])),
        )
        for name in names
    ]
    return (*found, ("__start__", (("__start__",),)))


# ------------------------------------------------------------ tokens


def tokens_of(source: Source, thread_id: str) -> int | None:
    """What models used in a thread; None where no message tells."""
    index = source.index(thread_id)
    at: dict[str, dict[str, None]] = {}
    channels = set[str]()
    for row in index.writes:
        if row.channel not in CONTROL_CHANNELS and not is_internal(row.channel):
            at.setdefault(row.namespace, {})[row.checkpoint_id] = None
            channels.add(row.channel)
    inputs = {row.id for row in index.checkpoints if row.metadata.get("source") == "input"}
    ran, given = list[dict[str, Any]](), set[str]()
    for namespace, ids in at.items():
        for id_, writes in source.writes_to(thread_id, namespace, list(ids), channels).items():
            for write in writes:
                one = {write.channel: write.value}
                # Before 2026 no path says who wrote; what an input leads to at once is what it brings.
                if is_given(write.task_path) or (not write.task_path and id_ in inputs):
                    given |= message_ids(one)
                else:
                    ran.append(one)
    used = usage_of(ran, given)
    return None if used is None else used.total
