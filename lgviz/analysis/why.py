"""Why a step was what it was: what triggered each task that ran, and what waits for what (``h.why``).

``h.why("c5")`` speaks of the tasks that *made* ``c5``: who looks at a row sees the nodes that ran to make it,
and asks why they did. What waits is told as of ``c5`` itself, with that step done. Every sentence names
checkpoints by label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from langgraph.types import PregelTask
from markupsafe import Markup

from lgviz._visible import visible
from lgviz.sources.places import BRANCH_TO, calls

from .begun import Begun
from .causes import Cause, StepCauses, Trigger, listed_and
from .checkpoint import Checkpoint
from .html import page, tag
from .shown import ShownByFields
from .steps import PUSH, Task, TreeRow
from .writes import makers

if TYPE_CHECKING:
    import pandas

__all__ = ["Cause", "Trigger", "Waiting", "Why", "why_of"]


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
        begun: of a task that asked, how often it was begun so far.
    """

    node: str
    missing: tuple[str, ...]
    text: str
    kind: Literal["join", "defer", "answer", "error", "next"]
    triggers: list[Trigger] = field(default_factory=list)
    via: str = "unknown"
    begun: Begun | None = None


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
        note: what there is to say of the checkpoint as a whole: how it was made, and what is not certain.
    """

    checkpoint: Checkpoint
    tasks: list[Cause]
    waiting: list[Waiting]
    note: str

    def __str__(self) -> str:
        said = [self.note, *(f"  {cause.text}" for cause in self.tasks)]
        if self.waiting:
            said += [f"At {self.checkpoint.label} waits:", *(f"  {each.text}" for each in self.waiting)]
        return visible("\n".join(said))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        said = [tag("p", text) for text in (self.note, *(cause.text for cause in self.tasks))]
        waits = [tag("p", each.text) for each in self.waiting]
        head = [tag("p", f"At {self.checkpoint.label} waits:", "lg-mute")] if waits else []
        return page(f"Why {self.checkpoint.label}", Markup().join([*said, *head, *waits]))

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


def why_of(at: Checkpoint) -> Why:
    """Why the tasks that made a checkpoint ran, and what waits at it.

    Raises:
        CheckpointNotFound: it was deleted meanwhile.
    """
    row: TreeRow = at.history.tree.rows[at.row]
    if row.source in ("input", "fork", "update") or row.collapsed or row.parent is None:
        causes = _without_order(at, row) if row.source not in ("input", "fork", "update") else []
    else:
        causes = _made(at, row)
    return Why(at, causes, [*_gathering(at), *_pending(at, row)], _note(at, row, causes))


# ---------------------------------------------------------------- what ran


def _made(at: Checkpoint, row: TreeRow) -> list[Cause]:
    """The causes of the tasks that made a checkpoint from its parent."""
    assert at.parent is not None
    step = StepCauses(at.parent)
    tasks = [(task.name or "", task) for task in makers(row)]
    left = Counter(row.nodes) - Counter(name for name, _ in tasks)
    sent = step.sent()
    for name in row.nodes:
        if left[name]:
            left[name] -= 1
            number = next((i for i, each in enumerate(sent) if each == name), None)
            if number is not None:
                sent[number] = None
            order = (1, name) if number is None else (0, number)
            tasks.append((name, Task("", "", name=name, order=order)))
    read = at.history.tree.naming.read(row)
    return [step.of(name, task, read.get(name, {})) for name, task in tasks]


def _without_order(at: Checkpoint, row: TreeRow) -> list[Cause]:
    """Of nodes that ran in steps that are not stored: what each read last."""
    read: Mapping[str, Mapping[str, Any]] = at.history.tree.naming.read(row)
    causes = []
    for name in row.nodes:
        triggers = [Trigger(channel, version, None, None) for channel, version in read.get(name, {}).items()]
        text = f"`{name}` ran in a step before {at.label} that is not stored; after whom is not certain."
        causes.append(Cause(name, None, triggers, "unknown", text))
    return causes


def _note(at: Checkpoint, row: TreeRow, causes: list[Cause]) -> str:
    """How a checkpoint came to be, in a sentence."""
    parent = at.parent
    if row.source == "input":
        inner = f", which `{calls(row.namespace)[-1].node}` gave its graph" if row.namespace else ""
        return f"{at.label} holds an input as it came{inner}: no task made it."
    if row.source == "update":
        who = f" as `{at.as_node}`" if at.as_node else ""
        return f"{at.label} is an update of {_label(parent)}{who}, made from outside: no task ran."
    if row.source == "fork":
        return f"{at.label} is a copy of {_label(parent)}, made to run on from there: no task ran."
    if parent is None and row.parent_id is not None:
        return f"The checkpoint before {at.label} is not stored: why its tasks ran is not certain."
    if row.collapsed or parent is None:
        return f"{at.label} was made by several steps of which only the last is stored."
    if not causes:
        return f"{at.label} was made by the step from {parent.label}; which tasks ran is not certain."
    return f"{at.label} was made by the step from {parent.label}."


def _label(parent: Checkpoint | None) -> str:
    return parent.label if parent is not None else "a checkpoint that is not stored"


# ---------------------------------------------------------------- what waits


def _gathering(at: Checkpoint) -> Iterator[Waiting]:
    """The nodes for which something came, and not all: behind a join, or deferred."""
    step, joined = StepCauses(at), at.history.tree.rows[at.row].joined
    values = at.history.reader.real_record(at.row).values
    for channel in dict.fromkeys((*values, *joined)):
        held, finished = value if _is_pair(value := values.get(channel)) else (value, None)
        node = channel.rpartition(":")[2]
        if channel.startswith("join:"):
            awaited = step.routes.awaited(channel)
            # The writes first: LangGraph may store a join while the next step adds to it already.
            here = joined.get(channel, ())
            here = here if here and awaited.issuperset(here) else held
            if not isinstance(here, (set, frozenset, list, tuple)) or not here:
                continue
            missing = tuple(sorted(awaited - {*here}))
        elif channel.startswith(BRANCH_TO) and finished is False:
            missing = ()
        else:
            continue
        came = step.halves(channel, node)
        told = listed_and([step.labelled(half) for half in came])
        if missing:
            names = listed_and([f"`{name}`" for name in missing])
            over = " Nothing is left to run here." if not at.children and not at.next else ""
            text = f"`{node}` waits for {names}{f'; {told} came' if told else ''}.{over}"
            yield Waiting(node, missing, text, "join", came, "join")
        elif finished is False:
            others = tuple(dict.fromkeys(name for name in at.next if name != node))
            led = f"{told} led to it, and " if told else ""
            text = f"`{node}` is deferred: {led}it waits until all others have ended."
            yield Waiting(node, others, text, "defer", came)


def _is_pair(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and isinstance(value[1], bool)


def _pending(at: Checkpoint, row: TreeRow) -> Iterator[Waiting]:
    """The tasks that are triggered here and did not end."""
    if row.continued:
        return
    step = StepCauses(at)
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
        elif kind == "error":
            text = f"`{told.name}` failed: {_cut(str(told.error))} It runs again if the run goes on."
        yield Waiting(told.name, (), text, kind, cause.triggers, cause.via, cause.begun)
    known = {told.id for told in at.tasks}
    for task_id, error in at.errors.items():
        if task_id not in known:
            yield Waiting("", (), f"A task whose node is not certain failed: {_cut(error.text)}", "error")


_VERBS = {"answer": "asked, and waits for an answer; it came", "error": "failed;", "next": "comes next,"}


def _kind(task: PregelTask) -> Literal["answer", "error", "next"]:
    if task.interrupts:
        return "answer"
    return "next" if task.error is None else "error"


def _cut(error: str, limit: int = 200) -> str:
    """The first line of what was raised, as the end of a sentence."""
    first = error.strip().partition("\n")[0]
    first = first if len(first) <= limit else first[:limit] + "…"
    return first if first.endswith((".", "!", "?", "…")) else first + "."
