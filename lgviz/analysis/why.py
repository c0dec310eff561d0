"""Why a step was what it was: what triggered each task that ran, and what waits for what (``h.why``).

``h.why("c5")`` speaks of the tasks that *made* ``c5``: who looks at a row sees the nodes that ran to make it,
and asks why they did. What waits is told as of ``c5`` itself, with that step done. Every sentence names
checkpoints by label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from langgraph.pregel import Pregel
from langgraph.types import PregelTask
from markupsafe import Markup

from lgviz._visible import visible
from lgviz.errors import NotASource
from lgviz.persistence.serde.stored_error import StoredError
from lgviz.sources.places import BRANCH_TO, calls

from .causes import Cause, StepCauses, Trigger, Via, listed_and
from .checkpoint import Checkpoint
from .html import named, page, tag
from .naming import really_seen
from .shown import ShownByFields
from .steps import PUSH, Task, TreeRow
from .waiting import LATER
from .writes import makers

if TYPE_CHECKING:
    import pandas

__all__ = ["Cause", "Trigger", "Waiting", "Why", "why_html", "why_of"]

_LONGEST = 600
"""Characters of one reason in HTML."""

Made = Literal["step", "steps", "input", "update", "fork", "lost"]


@dataclass(frozen=True, slots=True, repr=False)
class Waiting(ShownByFields):
    """A node that did not run, though part of what it waits for is there.

    Attributes:
        node: the node.
        missing: the nodes that it waits for; empty where it waits for something else.
        text: in words.
        kind: ``"join"`` (halves are missing), ``"defer"`` (the end of all others), ``"answer"`` (it asked),
            ``"error"`` (it failed, and runs again if the run goes on), ``"next"`` (it is triggered, and the
            run has not come to it).
        triggers: what is there already.
        via: of what is triggered, how, as in a :class:`Cause`; ``"join"`` where halves are missing.
        cause: of what is triggered, its cause so far.
        error: of what failed, what it raised, in short.
    """

    node: str
    missing: tuple[str, ...]
    text: str
    kind: Literal["join", "defer", "answer", "error", "next"]
    triggers: list[Trigger] = field(default_factory=list)
    via: Via = "unknown"
    cause: Cause | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Why:
    """Why the tasks that made a checkpoint ran, and what waits there for what.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> graph = two_nodes.build(InMemorySaver())
    >>> two_nodes.seed(graph)
    >>> why = lgviz.history(graph).why("c3")
    >>> why
    c3 was made by the step from c2.
      `node_b` ran after `node_a` (c2), by the edge that leads from it.
    >>> why.tasks[0].via, why.tasks[0].triggers[0].checkpoint.label
    ('edge', 'c2')

    Attributes:
        checkpoint: the one that was asked about.
        tasks: the causes of the tasks that made it, in LangGraph's order.
        waiting: what waits there.
        made: how it was made: by a ``"step"``, an ``"input"``, ``"update"`` or ``"fork"``, by ``"steps"`` of
            which only the last is stored, or from a checkpoint that is no longer stored (``"lost"``).
        note: the same in words, and what is not certain.
    """

    checkpoint: Checkpoint
    tasks: list[Cause]
    waiting: list[Waiting]
    made: Made
    note: str

    def __str__(self) -> str:
        said = [self.note, *(f"  {cause.text}" for cause in self.tasks)]
        if self.waiting:
            said += [f"At {self.checkpoint.label} waits:", *(f"  {each.text}" for each in self.waiting)]
        return visible("\n".join(said))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return page(f"Why {self.checkpoint.label}", tag("div", self.note, "lg-mute") + why_html(self))

    def frame(self) -> pandas.DataFrame:
        """A row for each trigger of a task and of what waits; one with no channel where nothing is known.

        Columns: ``node``, ``ran``, ``task_id``, ``via``, ``channel``, ``version``, ``checkpoint`` (label),
        ``by`` (who wrote), ``missing``, ``text``.
        """
        import pandas as pd

        names = ["node", "ran", "task_id", "via", "channel", "version", "checkpoint", "by", "missing", "text"]
        return pd.DataFrame(list(self._rows()), columns=names, dtype=object)

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        told: list[Cause | Waiting] = [*self.tasks, *self.waiting]
        for each in told:
            ran, task_id, missing = (
                (True, each.task_id, ()) if isinstance(each, Cause) else (False, None, each.missing)
            )
            for trigger in each.triggers or [Trigger("", None, None, None)]:
                label = trigger.checkpoint.label if trigger.checkpoint is not None else None
                wrote = trigger.channel, trigger.version, label, trigger.node
                yield each.node, ran, task_id, each.via, *wrote, missing, each.text


def why_of(at: Checkpoint, graph: Any = None) -> Why:
    """Why the tasks that made a checkpoint ran, and what waits at it.

    Args:
        at: the checkpoint.
        graph: the graph that made it, where the history has none: it tells edges from routers.

    Raises:
        CheckpointNotFound: it was deleted meanwhile.
        NotASource: ``graph`` is no compiled graph.
    """
    if graph is not None and not isinstance(graph, Pregel):
        raise NotASource.of(graph, "compiled graph", "Give what a graph's compile() returned, or no graph.")
    row: TreeRow = at.history.tree.rows[at.row]
    made = _how(row)
    causes: list[Cause] = []
    if made == "step" and at.parent is not None:
        causes = _made(at, row, StepCauses(at.parent, graph))
    elif made in ("steps", "lost"):
        causes = _without_order(at, row)
    step = StepCauses(at, graph)
    return Why(
        at, causes, [*_gathering(at, step), *_pending(at, row, step)], made, _note(at, row, made, causes)
    )


def why_html(why: Why, most: int = 200) -> Markup:
    """Why tasks ran and what waits, a line for each, as HTML.

    Args:
        why: the answer.
        most: how many tasks, and how many nodes that wait, are told.
    """
    told = [cause.text for cause in why.tasks[:most]]
    waits = [each.text for each in why.waiting[:most]]
    head = [f"At {why.checkpoint.label} waits:"] if waits else []
    return Markup().join(tag("div", named(text[:_LONGEST])) for text in (*told, *head, *waits))


# ---------------------------------------------------------------- what ran


def _made(at: Checkpoint, row: TreeRow, step: StepCauses) -> list[Cause]:
    """The causes of the tasks that made a checkpoint, in the step from its parent."""
    read = _read(at)
    return [
        step.of(task.name or "", task, read.get(task.name or "", {})) for task in _tasks(row, step.sent())
    ]


def _tasks(row: TreeRow, sent: list[str | None]) -> list[Task]:
    """The tasks that made a checkpoint: of those whose writes are stored the ones of nodes that ran, and for
    each node that is left one of which nothing is stored."""
    left = Counter(row.nodes)
    tasks: list[Task] = []
    unnamed: list[Task] = []
    for task in makers(row):
        if task.id.startswith(LATER):
            continue
        if task.name is None:
            unnamed.append(task)
        elif left[task.name] or not row.nodes:
            left[task.name] -= 1
            tasks.append(task)
    names = [*(+left).elements()]
    if len(names) == len(unnamed) == 1:
        return [*tasks, replace(unnamed[0], name=names[0], order=(1, names[0]))]
    for name in names:
        number = next((i for i, each in enumerate(sent) if each == name), None)
        if number is not None:
            sent[number] = None
        tasks.append(Task("", "", name=name, order=(1, name) if number is None else (0, number)))
    return [*tasks, *unnamed[len(names) :]]


def _read(at: Checkpoint) -> dict[str, Mapping[str, Any]]:
    """By node the channel versions that it has read up to a checkpoint."""
    return really_seen(at.history.reader.real_record(at.row).bookkeeping)


def _without_order(at: Checkpoint, row: TreeRow) -> list[Cause]:
    """Of nodes that ran in steps that are not stored: what each read last."""
    read = _read(at)
    causes = []
    for name in row.nodes:
        triggers = [Trigger(channel, version, None, None) for channel, version in read.get(name, {}).items()]
        text = f"`{name}` ran in a step before {at.label} that is not stored; after whom is not certain."
        causes.append(Cause(name, None, triggers, "unknown", text))
    return causes


def _how(row: TreeRow) -> Made:
    if row.source in ("input", "update", "fork"):
        return cast(Made, row.source)
    if row.parent is None and row.parent_id is not None:
        return "lost"
    return "steps" if row.collapsed or row.parent is None else "step"


def _note(at: Checkpoint, row: TreeRow, made: Made, causes: list[Cause]) -> str:
    """How a checkpoint came to be, in a sentence."""
    none = "an empty thread" if made == "update" and not row.collapsed else "a checkpoint that is not stored"
    parent = at.parent.label if at.parent is not None else none
    callers = calls(row.namespace)
    inner = f", which `{callers[-1].node}` gave its graph" if callers else ""
    who = f" as `{at.as_node}`" if at.as_node else ""
    doubt = "" if causes else "; which tasks ran is not certain"
    return {
        "input": f"{at.label} holds an input as it came{inner}: no task made it.",
        "update": f"{at.label} is an update of {parent}{who}, made from outside: no task ran.",
        "fork": f"{at.label} is a copy of {parent}, made to run on from there: no task ran.",
        "lost": f"The checkpoint before {at.label} is not stored: why its tasks ran is not certain.",
        "steps": f"{at.label} was made by several steps of which only the last is stored.",
        "step": f"{at.label} was made by the step from {parent}{doubt}.",
    }[made]


# ---------------------------------------------------------------- what waits


def _gathering(at: Checkpoint, step: StepCauses) -> list[Waiting]:
    """The nodes for which something came, and not all: behind a join, or deferred."""
    halves: list[Waiting] = []
    deferred: dict[str, list[Trigger]] = {}
    for channel, value in at.history.reader.real_record(at.row).values.items():
        held, finished = value if _is_pair(value) else (value, None)
        node = channel.rpartition(":")[2]
        missing = step.missing(channel, node, held) if channel.startswith("join:") else frozenset[str]()
        if missing is None or not channel.startswith(("join:", BRANCH_TO)):
            continue
        if missing:
            halves.append(_half(at, step, node, tuple(sorted(missing)), step.came(channel, node)))
        elif finished is False:
            deferred.setdefault(node, []).extend(step.came(channel, node))
    # At a join LangGraph may name a node in `next` that is not yet to run.
    idle = {*deferred, *(each.node for each in halves)}
    others = tuple(name for name in dict.fromkeys(at.next if deferred else ()) if name not in idle)
    return [*halves, *(_deferred(step, node, others, came) for node, came in deferred.items())]


def _half(
    at: Checkpoint, step: StepCauses, node: str, missing: tuple[str, ...], came: list[Trigger]
) -> Waiting:
    """A node behind a join of which a part is missing."""
    told = listed_and([step.labelled(half) for half in came])
    names = listed_and([f"`{name}`" for name in missing])
    over = " Nothing is left to run here." if not at.children and not at.next else ""
    text = f"`{node}` waits for {names}{f'; {told} came' if told else ''}.{over}"
    return Waiting(node, missing, text, "join", came, "join")


def _deferred(step: StepCauses, node: str, others: tuple[str, ...], came: list[Trigger]) -> Waiting:
    """A node that has all that it waits for, but runs last."""
    told = listed_and([step.labelled(one) for one in came])
    led = f"{told} led to it, and " if told else ""
    text = f"`{node}` is deferred: {led}it waits until all others have ended."
    return Waiting(node, others, text, "defer", came)


def _is_pair(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and isinstance(value[1], bool)


def _pending(at: Checkpoint, row: TreeRow, step: StepCauses) -> Iterator[Waiting]:
    """The tasks that are triggered here and did not end."""
    if row.continued:
        return
    for told in at.tasks:
        task = row.step_work.tasks.get(told.id)
        if task is not None and task.finished:
            continue
        if task is None:
            sent = told.path[0] == PUSH and isinstance(told.path[1], int)
            task = Task(told.id, "", name=told.name, order=(0, told.path[1]) if sent else (1, told.name))
        kind = _kind(told)
        cause = step.of(told.name, task, {}, _VERBS[kind])
        text = cause.text
        if kind == "answer" and cause.begun is not None:
            text += f" So far {cause.begun.text(told.name)}."
        error = _cut(str(told.error)) if kind == "error" else None
        if error is not None:
            text = f"`{told.name}` failed: {_ended(error)} It runs again if the run goes on."
        yield Waiting(told.name, (), text, kind, cause.triggers, cause.via, cause, error)
    known = {told.id for told in at.tasks}
    for task_id, raised in at.errors.items():
        if task_id not in known:
            short = _cut(raised.text)
            yield Waiting(
                "", (), f"A task whose node is not certain failed: {_ended(short)}", "error", error=short
            )


_VERBS = {"answer": "asked, and waits for an answer; it came", "error": "failed;", "next": "comes next,"}


def _kind(task: PregelTask) -> Literal["answer", "error", "next"]:
    if task.error is not None and not StoredError.of(task.error).stopped:
        return "error"
    return "answer" if task.interrupts else "next"


def _cut(error: str, limit: int = 200) -> str:
    """The first line of what was raised."""
    first = error.strip().partition("\n")[0]
    return first if len(first) <= limit else first[:limit] + "…"


def _ended(error: str) -> str:
    """What was raised, as the end of a sentence."""
    return error if error.endswith((".", "!", "?", "…")) else error + "."
