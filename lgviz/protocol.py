"""Every message between a view and Python, typed once (floor 5).

A view sends a :class:`Request`; Python answers with exactly one :class:`Reply` of the same ``id``, and, for
long work, with :class:`Progress` before it. A :class:`Cancel` ends a request early; its reply then carries
the error code ``"cancelled"``. What comes unasked is in :class:`Events`. Columns travel as binary buffers
beside the message (:data:`TREE_COLUMNS`). ``js/src/protocol.ts`` is generated from this module.

A checkpoint is named by its ``id`` in every message. Times are milliseconds since the epoch. A *path* is
the list of child positions from a channel's value down to a part of it, which works for any key type.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Any, Literal, NotRequired, TypedDict

PROTOCOL_VERSION = 1
"""One more once views and Python of before and after cannot understand each other."""

ThreadStatus = Literal["running", "done", "interrupted", "paused", "failed"]
RunStatus = Literal["running", "stopping", "done", "interrupted", "failed", "stopped"]
ChangeKind = Literal["added", "removed", "changed"]
ErrorCode = Literal["refused", "not_found", "empty", "source", "cancelled", "internal"]
Dtype = Literal["u1", "u2", "i4", "f8"]
Mode = Literal["append", "set"]
Only = Literal["all", "unfinished"]
ExportKind = Literal["html", "bundle", "markdown", "svg", "png", "mermaid", "dot"]
FieldKind = Literal[
    "text", "integer", "number", "bool", "choice", "date", "time", "list", "object", "oneof", "json"
]
Via = Literal["input", "edge", "branch", "join", "send", "goto", "call", "resume", "unknown"]
FieldEmpty = Literal["needed", "absent", "null", "text"]
ValueKind = Literal[
    "null", "bool", "number", "string", "bytes", "time", "list", "dict", "set", "object", "message", "array",
    "frame", "undecodable", "other",
]  # fmt: skip


class Mark(IntFlag):
    """What a row of the tree shows besides its nodes (a bit set in ``TreeBatch.flags``)."""

    INPUT = 1
    UPDATE = 2
    FORK = 4
    INTERRUPT = 8
    """Its next step asked a question (``ANSWERED`` once a checkpoint follows from it)."""
    ERROR = 16
    """A task of its next step failed."""
    PENDING = 32
    """Finished siblings of an unfinished step keep their writes here."""
    COLLAPSED = 64
    """Steps are missing before it (``durability="exit"``)."""
    NOTE = 128
    ANSWERED = 256
    SANDBOX = 512
    """Held by a sandbox: not stored until it is kept."""
    WAITED = 1024
    """Something else may lie between its parent and it, as a person's answer: no duration can be told."""
    SERVED = 2048
    """History answered all tasks that made it: none of them ran."""


# ---------------------------------------------------------------- envelope


class Request(TypedDict):
    id: int
    method: str
    params: dict[str, Any]


class RefusedPart(TypedDict):
    """A part of what was typed that is refused, at its field."""

    channel: str
    """Of a start: ``input``, ``message``, ``context``, ``configurable`` or ``thread``."""
    path: list[int]
    """That of the edit."""
    error: FieldError


class Failure(TypedDict):
    code: ErrorCode
    cause: str
    remedy: str
    refused: NotRequired[list[RefusedPart]]
    """Of an act's values, the parts that are refused."""


class Reply(TypedDict):
    id: int
    result: NotRequired[Any]
    error: NotRequired[Failure]


class Progress(TypedDict):
    id: int
    progress: Any


class Cancel(TypedDict):
    cancel: int


# ---------------------------------------------------------------- threads and tree


class ThreadSummary(TypedDict):
    thread_id: str
    count: int | None
    """Its checkpoints; None where to know means to read them all."""
    updated_at: float | None
    status: ThreadStatus


class ThreadPage(TypedDict):
    threads: list[ThreadSummary]
    total: int
    after: str | None
    """What the next page is asked for with; null where there is none."""


TREE_COLUMNS: dict[str, tuple[Dtype, str]] = {
    "parent": ("i4", "Row of the parent; of a subgraph's first, the row that called it; else -1."),
    "lane": ("u2", "Where the row is drawn, from the left."),
    "depth": ("u1", "0 in the root namespace, 1 in a subgraph, …"),
    "time": ("f8", "NaN where unknown."),
    "flags": ("u2", "Bits of `Mark`."),
    "title": ("i4", "Place in `TreeBatch.titles`."),
    "changed": ("i4", "Place in `TreeBatch.changes`."),
}  # fmt: skip
"""The columns of a :class:`TreeBatch`: the type of their numbers, and what they mean. Python and TypeScript
derive theirs from this table."""


class TreeBatch(TypedDict):
    """Rows ``start`` to ``start + count`` of a thread, oldest first; rows are only ever appended."""

    start: int
    count: int
    ids: list[str]
    labels: list[str]
    titles: list[list[str]]
    """Lists of node names; the column ``title`` points into it (this batch's own)."""
    changes: list[list[str]]
    """Lists of channel names; the column ``changed`` points into it (this batch's own)."""
    columns: dict[str, int]
    """By its name in :data:`TREE_COLUMNS`, the number of a column's buffer."""


class RowPatch(TypedDict):
    """New facts about a row already sent."""

    row: int
    flags: int
    title: list[str]
    changed: list[str]


class TopologyNode(TypedDict):
    id: str
    name: str
    kind: Literal["start", "end", "node", "subgraph"]


class TopologyEdge(TypedDict):
    source: str
    target: str
    conditional: bool
    label: str | None


class Topology(TypedDict):
    nodes: list[TopologyNode]
    edges: list[TopologyEdge]


class ThreadLinkView(TypedDict):
    """Where one thread left another."""

    thread_id: str
    """The thread at the other end."""
    checkpoint: str
    """The checkpoint where the one left the other, which is in both."""


class LineageView(TypedDict):
    origin: ThreadLinkView | None
    """Where the thread came from; None where it began by itself."""
    forks: list[ThreadLinkView]
    """The threads that left it, the oldest first."""


class ThreadView(TypedDict):
    """The answer to ``thread_open``."""

    thread: ThreadSummary
    lineage: LineageView
    source: str
    """What is being read, in words: ``"CompiledStateGraph on SqliteSaver"``."""
    tree: TreeBatch
    topology: Topology | None
    subgraphs: NotRequired[dict[str, Topology]]
    """By path (``"research|judge"`` is a graph inside ``research``) the graphs inside it."""
    read_only: str | None
    """Why nothing can be forked or run here; None where it can."""
    on_server: NotRequired[bool]
    """A LangGraph server acts: in no sandbox, into no other thread, past no reducer, by no single steps."""
    untrusted: bool
    """Its values come from a database that was named alone: nothing of them is drawn but text unasked."""
    selected: str | None
    sandbox: SandboxView | None
    """The sandbox that is open, on this thread or another."""
    breakpoints: Breakpoints
    agents: NotRequired[list[str]]
    """The checkpoints that coding agents look at, by id, where that is shown."""


class Early(TypedDict):
    """The body of an ``opening`` event: what a display shows until a kernel at work answers it."""

    thread: ThreadView
    """With the newest rows only."""
    checkpoint: CheckpointView | None
    """The selected one, where it is small enough."""


class TreeNews(TypedDict):
    """The body of a ``tree`` event."""

    thread: ThreadSummary
    tree: TreeBatch | None
    patches: list[RowPatch]


class RowMarks(TypedDict):
    """Words for the marks of one row, asked for only while it is in view."""

    id: str
    interrupt: str | None
    error: str | None
    note: str | None


# ---------------------------------------------------------------- values


class ValueItem(TypedDict):
    key: str
    value: ValueNode


class ToolCallView(TypedDict):
    id: str | None
    name: str
    args: list[ValueItem]


class MediaView(TypedDict):
    """A picture, a sound, a film or a file; ``media_get`` brings its bytes."""

    kind: Literal["image", "audio", "video", "file"]
    """What its bytes are; ``file`` for all that is neither drawn nor played."""
    mime: str
    name: str | None
    size: int | None
    """In bytes; None where it is elsewhere."""
    pixels: list[int] | None
    """Width and height of a picture whose bytes tell."""
    where: str | None
    """The address or id of one that the value does not hold. Shown, never fetched."""


class BlockView(TypedDict):
    """A part of a message's content."""

    kind: Literal["text", "reasoning", "media", "other"]
    text: str
    more: int
    """Characters of the text that were left out."""
    path: list[int] | None
    """From the message down to its text, or to what holds its bytes; None where it is put together."""
    media: MediaView | None
    value: ValueNode | None
    """Of ``other``."""


class InvalidCallView(TypedDict):
    """A tool call that a model made and that could not be read."""

    name: str
    args: str
    error: str


class MessageView(TypedDict):
    role: str
    """``human``, ``ai``, ``tool``, ``system``, … (LangChain's ``type``)."""
    name: str | None
    id: str | None
    text: str
    more: int
    """Characters of the text that were left out."""
    tool_calls: list[ToolCallView]
    tool_call_id: str | None
    status: str | None
    blocks: list[BlockView]
    """Its content where that is more than text, which then has all of ``text``; else none."""
    blocks_more: int
    invalid_tool_calls: list[InvalidCallView]
    usage: UsageView | None
    finish: str | None
    """Why the model ended, in its provider's word."""


class TableView(TypedDict):
    """Rows of a frame, a series or an array of two dimensions."""

    columns: list[str]
    """The first ones: more of a table that was asked for by itself."""
    dtypes: list[str]
    index: list[str]
    rows: list[list[str]]
    width: int
    """Columns in all."""


class ArrayView(TypedDict):
    """What an array is as a whole."""

    dtype: str
    shape: list[int]
    low: str | None
    high: str | None
    mean: str | None
    """None where there is no number to tell of, or so many that they were not looked at."""
    holes: int | None
    """How many are no number."""


class ValueNode(TypedDict):
    """A value as a view shows it, cut to what fits a screen; ``value_get`` brings the rest."""

    kind: ValueKind
    type: str
    """The Python type's name."""
    text: str
    """One line (for a string: its beginning, line breaks kept)."""
    size: int | None
    """Items of a container, characters of a string, bytes of bytes."""
    items: NotRequired[list[ValueItem]]
    """Children already sent; absent: not yet asked for."""
    more: int
    """Items or characters not sent."""
    message: NotRequired[MessageView]
    media: NotRequired[MediaView]
    """Of bytes and of ``data:`` texts that are one."""
    table: NotRequired[TableView]
    """Its first rows, in place of ``items``."""
    array: NotRequired[ArrayView]


class ChannelView(TypedDict):
    name: str
    internal: bool
    changed: bool
    reducer: str | None
    value: ValueNode


class DecisionOption(TypedDict):
    """A decision that a question allows on an action."""

    type: str
    takes: Literal["nothing", "args", "text", "reason"]
    """What is given with it: edited arguments, an answer, a reason if there is one."""


class DecidedView(TypedDict):
    type: str
    text: str
    """The reason or the answer."""
    name: str
    args: list[ValueItem]
    """Of an edit: what was called instead."""


class ActionView(TypedDict):
    """An action that waits, or waited, for a decision."""

    name: str
    args: list[ValueItem]
    description: str
    decisions: list[DecisionOption]
    decided: DecidedView | None


class QuestionView(TypedDict):
    """What an interrupt asks for: decisions on actions, a value by a form, or any text."""

    kind: Literal["decisions", "form", "text"]
    actions: list[ActionView]
    options: list[FieldOption]
    """Answers that the question itself names."""
    warning: str | None
    """Why the schema that it gives cannot be used."""


class InterruptView(TypedDict):
    id: str
    node: str
    value: ValueNode
    answered: bool
    answer: ValueNode | None
    """What it was answered with; None where it waits, or where the answer is not stored."""
    question: QuestionView


class UsageView(TypedDict):
    """The tokens that models used, as the messages tell that were written."""

    input: int
    output: int
    total: int
    models: list[str]
    cost: float | None
    """At the prices that were given; None where none was given for a model in it."""


class CheckpointView(TypedDict):
    """The answer to ``checkpoint_get``: head line and State tab."""

    id: str
    label: str
    namespace: str
    step: int | None
    source: str
    created_at: str | None
    duration: float | None
    """Milliseconds since the parent."""
    usage: UsageView | None
    """Of its step; None where no message tells."""
    nodes: list[str]
    as_node: str | None
    note: str | None
    next: list[str]
    unfinished: list[str]
    """Of ``next``, what has not finished: a resume runs these, and the others keep what they wrote."""
    changed: list[str]
    summary: str
    """In words, what changed: ``"one message, two values"``."""
    parent: str | None
    collapsed: bool
    interrupts: list[InterruptView]
    error: str | None
    channels: list[ChannelView]
    warnings: list[str]


class TextPart(TypedDict):
    """A stretch of two texts: kept, removed or added."""

    op: Literal["=", "-", "+"]
    text: str
    """Its beginning."""
    before: int
    """Characters of the old text before it."""
    after: int
    """Characters of the new text before it."""
    left_out: int
    """Characters of it, behind ``text``, that were not sent."""


class ChangeView(TypedDict):
    path: str
    kind: ChangeKind
    before: ValueNode | None
    after: ValueNode | None
    before_at: list[int] | None
    """Where ``before`` stands in the channel's old value; None where it cannot be asked for."""
    after_at: list[int] | None
    words: list[TextPart] | None
    """For long text: the words kept, removed and added, in order."""


class ChannelDiff(TypedDict):
    channel: str
    internal: bool
    summary: str
    reducer: str | None
    who: str | None
    changes: list[ChangeView]
    more: int


class DiffView(TypedDict):
    before: str | None
    after: str | None
    """Labels."""
    channels: list[ChannelDiff]
    unchanged: list[str]
    internal: int
    """How many internal channels differ but are hidden."""


class WriteView(TypedDict):
    channel: str
    value: ValueNode


class TaskWrites(TypedDict):
    node: str
    task_id: str | None
    derived: bool
    """True where LangGraph stored no writes and they were derived from the difference to the parent."""
    pending: bool
    """True for a finished task of the *next*, unfinished step."""
    usage: UsageView | None
    writes: list[WriteView]


class TaskView(TypedDict):
    id: str
    name: str
    status: Literal["pending", "done", "failed", "interrupted"]
    triggers: list[str]
    interrupts: list[InterruptView]
    error: str | None
    traceback: str | None
    usage: UsageView | None
    """Of one that is done."""
    subgraph: str | None
    """Label of the first checkpoint of the subgraph that it started."""
    served: bool
    """History answered it: it did not run."""


class TriggerView(TypedDict):
    channel: str
    checkpoint: str | None
    """The checkpoint that the write went into, by id; None where that is not certain or no longer stored."""
    node: str | None
    """Who wrote it; None where nobody in the graph did, or it is not certain."""
    via: Via
    router: str | None
    """The function that chose, or sent; ``"condition"`` where it has no name."""
    choices: list[str]


class BegunView(TypedDict):
    """How often a task that asked was begun."""

    times: int
    at_least: bool
    lines: int | None
    """Of its function's beginning, those that ran each time; None where its source is not known."""


class CauseView(TypedDict):
    """Why a task ran, or will."""

    node: str
    """Empty where it is not certain."""
    via: Via
    triggers: list[TriggerView]
    sent: str | None
    begun: BegunView | None
    deferred: bool
    failed_before: bool


class WaitingView(TypedDict):
    """A node that did not run, though part of what it waits for is there."""

    node: str
    kind: Literal["join", "defer", "answer", "error", "next"]
    missing: list[str]
    triggers: list[TriggerView]
    cause: CauseView | None
    error: str | None


class WhyView(TypedDict):
    """Why the tasks that made a checkpoint ran, and what waits there."""

    made: Literal["step", "steps", "input", "update", "fork", "lost"]
    parent: str | None
    as_node: str | None
    causes: list[CauseView]
    waiting: list[WaitingView]
    more: int
    """How many tasks of the step are left out."""


class ToldHole(TypedDict):
    """What fills a hole of a sentence."""

    kind: Literal["names", "values", "label", "number", "clauses"]
    texts: list[str]
    """Names of nodes, channels or functions; values, each in a line; a checkpoint's label; a number."""
    clauses: list[ToldSentence]
    """What goes on the sentence around it."""
    more: int
    """How many others are left out."""


class ToldSentence(TypedDict):
    """A sentence of what happened to make a checkpoint."""

    text: str
    """In English, with holes (``{who}``): the key by which another language's is found."""
    holes: dict[str, ToldHole]


class PartedView(TypedDict):
    """Where two branches first part."""

    left: str | None
    right: str | None
    """What came on each side; None where it has ended."""
    together: bool
    """Both are a step of the same nodes, which did another thing; else they went other ways."""
    place: str
    """The first part that differs, as a programmer writes it; empty where none does."""
    channel: str | None
    change: ChangeView | None
    """That part on the left and on the right; where they went other ways, before ``at`` and there."""
    at: str | None
    """The checkpoint that has it,"""
    path: list[int]
    """and where in the channel's value it is."""


class EndView(TypedDict):
    """What a branch has come to."""

    id: str
    status: ThreadStatus
    steps: int
    last: str
    """Its last message in short, else the last value that it changed."""


class StepPair(TypedDict):
    """A step of both branches, aligned by node; None where a side has no such step."""

    left: str | None
    right: str | None
    same: bool | None
    """Whether they did the same, but for ids; None where that cannot be told."""


class ComparisonView(TypedDict):
    """Two branches compared."""

    ancestor: str | None
    """The last checkpoint that both have."""
    parted: PartedView | None
    """None: no step is seen to differ."""
    unsure: int
    """Steps before that of which it cannot be told whether they differ."""
    steps: list[StepPair]
    more: int
    """Pairs that are left out."""
    summary: str
    """What differs at their ends, in words."""
    left: EndView
    right: EndView


class VisitView(TypedDict):
    """One step of many branches."""

    ids: list[str | None]
    groups: list[int | None]
    """By branch: those that did the same have the same number, 0 is what the first of them did."""


class BranchesView(TypedDict):
    """All branches of the thread side by side."""

    runs: list[EndView]
    parts_at: list[str | None]
    """By branch its first step that is not what the first one did."""
    more_runs: int
    common: int
    """Steps before ``visits``, which all of them share."""
    visits: list[VisitView]
    more: int


class WatchedValue(TypedDict):
    row: int
    text: str
    """In one line."""
    number: float | None
    """Where it is one (True is 1)."""


class Raised(TypedDict):
    id: str
    said: str


class EvaluateView(TypedDict):
    """What an expression gives at checkpoints of the thread's own, the newest first; as progress, a part."""

    values: list[WatchedValue]
    """Where a channel that it names is not set yet, there is none."""
    end: int
    """How many rows the tree had: those after them are not evaluated."""
    left_out: int
    """Older checkpoints that were not evaluated."""
    raised: Raised | None
    """The oldest checkpoint at which it raised, and what."""


class RawView(TypedDict):
    config: str
    metadata: str
    checkpoint: str
    """Indented JSON-like text; values cut."""


class SearchHit(TypedDict):
    id: str
    row: int
    channel: str | None
    """The channel whose value it was found in; None: it was found elsewhere."""
    where: str
    """Channel and path, or ``"node"``."""
    before: str
    match: str
    after: str


class MediaData(TypedDict):
    """The answer to ``media_get``."""

    mime: str
    buffer: int
    """Which buffer holds the bytes."""


class FoundPlace(TypedDict):
    """The answer to ``value_find``."""

    path: list[int] | None
    """Positions of children, down to the message or value that has the text; None: it stands nowhere."""


class BlameStep(TypedDict):
    """A checkpoint whose step set parts of a state, as named tasks wrote them."""

    id: str
    label: str
    nodes: list[str]
    """Several where parallel tasks wrote it; none where it is not certain."""


class BlamePart(TypedDict):
    """Who set one part of a state. What is not named is as the part around it."""

    channel: str
    path: list[int]
    """Positions of children."""
    line: int | None
    """Which line of the text at the path, from 0; None: the whole value."""
    step: int
    """Who changed it last: a place in ``steps``, -1: older than what is stored."""
    first: str | None
    """Label of the checkpoint since which it is there; None: older than what is stored."""
    made: bool
    """It is there since that step."""
    sure: bool
    """False: it may have been a step before, which is not stored or cannot be read."""


class BlameView(TypedDict):
    """The answer to ``blame_get``."""

    steps: list[BlameStep]
    parts: list[BlamePart]


class OriginPlace(TypedDict):
    """The answer to ``origin_find``."""

    path: list[int] | None
    """Positions of children, down to the part in the other state; None: it is not there."""
    text: str
    """The line that is meant; empty where it is no line."""


class SearchProgress(TypedDict):
    hits: list[SearchHit]
    done: int
    total: int
    more: bool
    """There are more hits than are sent."""


# ---------------------------------------------------------------- forms


class FieldOption(TypedDict):
    label: str
    value: str
    """JSON."""


class FieldView(TypedDict):
    """A field of a form, with its parts and what stands in it. A view edits it by making a new one."""

    name: str
    """Its key in the object that it is part of; its title where it is one of several forms."""
    kind: FieldKind
    """``date`` and ``time`` hold ISO 8601 texts, ``oneof`` one of several forms, ``json`` anything."""
    hint: str
    required: bool
    empty: FieldEmpty
    """What an empty field stands for: nothing yet, a key that is left out, null, the empty text."""
    value: str | None
    """What stands in it; None: it is empty. Of ``text``, ``date`` and ``time`` the text itself; of ``oneof``
    the place of the form; of an object or list that is there ``"{}"`` or ``"[]"``; else JSON."""
    options: list[FieldOption]
    """Of ``choice``."""
    fields: list[FieldView]
    """The parts of an object, the items of a list, the forms of ``oneof``."""
    item: FieldView | None
    """What a new item of a list starts from."""
    reason: str | None
    """Why its value cannot be edited."""


class FieldError(TypedDict):
    """What is wrong with a part of what a form holds."""

    path: list[str | int]
    """Keys and positions from the form's value down."""
    message: str


# ---------------------------------------------------------------- fork and run


class ForkField(TypedDict):
    channel: str
    reducer: str | None
    """None: last value wins."""
    current: str
    """The current value as JSON text (empty where it has none)."""
    example: str
    """A value to start from, in JSON, for ``append``."""
    reason: str | None
    """Why the value cannot be edited as JSON."""


class PartOriginView(TypedDict):
    """Who last changed a part of the state."""

    id: str
    label: str
    nodes: list[str]
    """Several where parallel tasks wrote it; none where it is not certain."""


class PartForm(TypedDict):
    """The answer to ``part_form``: one part of a channel's value, to edit."""

    channel: str
    path: list[int]
    keys: list[str]
    """The names on the path."""
    kind: ValueKind
    type: str
    text: str
    """The part as JSON; an object with the key ``__kept__`` stands for what JSON cannot hold."""
    field: FieldView
    """The part as a form."""
    reason: str | None
    """Why it cannot be edited here."""
    by_id: bool
    """It is a message that the reducer replaces by its id; else the channel is set with this part changed."""
    origin: PartOriginView | None
    """None where it is not certain."""


class PartEdit(TypedDict):
    channel: str
    path: list[int]
    text: str
    """The part as JSON, as it was edited."""


class AsNodeOption(TypedDict):
    node: str
    next: list[str]
    disabled: str | None
    """Why this node cannot be chosen: its router raised, it has no writers, …"""
    needs_values: bool
    """It is disabled for the state that it leads to: it can be chosen, and other values make it possible."""
    goto: list[str]
    """Where the node may go by ``Command(goto=...)``; empty where it does not route that way."""


class ForkForm(TypedDict):
    """The answer to ``fork_form``."""

    checkpoint: str
    label: str
    fields: list[ForkField]
    as_node: list[AsNodeOption]
    inferred: str | None
    """The node LangGraph would take by itself; None: a choice is required."""
    siblings: list[str]
    """Finished siblings whose writes an update would drop."""
    configurable: str
    """JSON text, prefilled from the checkpoint's metadata."""


class ForkValue(TypedDict):
    mode: Mode
    text: str
    """JSON."""


class ForkRequest(TypedDict):
    checkpoint: str
    values: dict[str, ForkValue]
    edits: NotRequired[list[PartEdit]]
    """Parts of values that are others; a channel in ``values`` has none."""
    as_node: str | None
    goto: str | None
    keep_siblings: bool
    note: str | None
    configurable: str | None
    new_thread: NotRequired[str | None]
    """Make it in a new thread of this id, which begins with the path to the checkpoint."""
    sandbox: bool
    """Make it in a sandbox, a new one at a checkpoint of the base; an act on a sandbox's own checkpoint is
    always made in it."""


class PreviewView(TypedDict):
    diff: DiffView
    next: list[str]
    as_node: str | None
    warnings: list[str]
    untried: NotRequired[bool]
    """It could not be tried, as on a server: what changes is not known, and history answers nothing."""


class ForkResult(TypedDict):
    thread_id: str
    id: str
    label: str
    next: list[str]


class RunRequest(TypedDict):
    """Run on from a checkpoint: what its ``next`` says, or answering its interrupts."""

    checkpoint: str
    resume: dict[str, str] | None
    """Interrupt id to the answer, JSON or plain text."""
    only: NotRequired[Only]
    """``"unfinished"``: go on at the checkpoint itself, with what has not finished."""
    steps: NotRequired[int | None]
    """Super-steps to make at most."""
    before: NotRequired[list[str]]
    after: NotRequired[list[str]]
    """Breakpoints: nodes to stop before and after; absent: those of the thread."""
    until: str | None
    """A node to stop before, or a Python expression of ``c``, ``values`` and the channels."""
    configurable: str | None
    sandbox: bool
    """As for a fork."""
    reuse: NotRequired[Literal["all", "rest"] | None]
    """What history answers of it, where the same was asked before: all, or the rest after the checkpoint's
    own next nodes, which run (as every later task of them does)."""


class Breakpoints(TypedDict):
    """Where runs of a thread stop: names of nodes, of subgraphs by path (``research|judge``)."""

    before: list[str]
    after: list[str]


class AnswerForm(TypedDict):
    """What a person fills in to answer an interrupt."""

    id: str
    form: FieldView | None
    """Of a question with a schema."""
    args: list[FieldView | None]
    """The arguments of each action; None where they cannot be edited."""


class DecisionDraft(TypedDict):
    type: str
    text: str
    args: str | None
    """JSON; of an edit."""


class AnswerDraft(TypedDict):
    """What a person filled in: one of the three."""

    decisions: list[DecisionDraft | None] | None
    """One an action."""
    json: str | None
    """The whole answer as JSON."""
    text: str | None
    """JSON where it is JSON, else the text itself."""


class AnswerRequest(TypedDict):
    checkpoint: str
    drafts: dict[str, AnswerDraft]
    """By interrupt id."""


class AnswerError(TypedDict):
    id: str
    action: int | None
    """The place of the action that it is about."""
    path: list[str | int]
    """In the form, or in the arguments of the action."""
    message: str


class AnswersMade(TypedDict):
    answers: dict[str, str]
    """By interrupt id, as ``run_start`` takes them."""
    errors: list[AnswerError]
    """What is wrong with the others: nothing was sent."""


class StartForm(TypedDict):
    """The answer to ``start_form``: what begins a new thread, or the next turn of one."""

    thread_id: str
    """The thread, or a free id for a new one."""
    chat: str | None
    """The field of the input that takes a message, empty where the whole input does; None: there is none."""
    input: FieldView | None
    """The input, without the message of a chat; None where nothing is left of it."""
    context: FieldView | None
    """The run's context; None where the graph has none."""
    configurable: str
    """JSON text, prefilled from the debugger's config and what the thread was made with."""
    graphs: NotRequired[list[str]]
    """For a new thread on a server that has several, the graphs to choose from, and assistants of them:
    ``"formal (agent)"``."""
    graph: NotRequired[str]
    """That of ``graphs`` which this form is of."""


class StartRequest(TypedDict):
    """Begin a new thread, or the next turn at a checkpoint where nothing comes next."""

    checkpoint: str | None
    """Whose next turn it is; None: a new thread."""
    thread_id: str
    message: str | None
    """Of a chat; None: the messages are in ``input``."""
    input: str | None
    """JSON; None: there is nothing but the message."""
    context: str | None
    """JSON; None: that of the debugger."""
    configurable: str | None
    graph: NotRequired[str]
    """The graph of a server that begins a new thread; absent: that of the open thread, else its first."""


class RunView(TypedDict):
    """The answer to ``run_start`` and ``thread_start`` when the run ended; the body of a ``run`` event."""

    run: int
    status: RunStatus
    nodes: list[str]
    """Nodes at work now."""
    before: list[str]
    """Of a run that stopped at a static breakpoint, the nodes that it is paused before; else none."""
    after: list[str]
    """The nodes that a breakpoint stopped it after."""
    passed: list[str]
    """Nodes with a breakpoint before them that it went past, for it stood there."""
    cannot_cancel: str | None
    """Why the nodes at work cannot be cancelled; None where they can."""
    warnings: list[str]
    checkpoint: str | None
    error: str | None
    reused: ReusedView | None
    """Of a run that has ended, of which history answered something."""


class DryRunRequest(TypedDict):
    """What history would answer of a run from a checkpoint, or from a fork of it."""

    checkpoint: str
    fork: ForkRequest | None
    configurable: str | None


class DryRunView(TypedDict):
    """Up to the step in which something runs."""

    served: dict[str, int]
    """By node, the tasks that history answers."""
    runs: dict[str, int]
    """By node, the tasks that run in the first step that it does not answer; empty: it answers all."""
    reason: str
    """Why the first of them runs; else why the run fails, if it does."""
    ends: bool
    """Whether that is all of the run; else it goes on further than was looked ahead, or something runs."""


class ReusedView(TypedDict):
    """What became of a run's tasks."""

    served: int
    """Answered from history."""
    ran: int
    calls: int
    """Of models in tasks that ran, answered from what was recorded."""
    tokens: int
    """Of the messages that were served: not bought again. 0 where none tells."""


class LiveTask(TypedDict):
    """A task of the step at work: what it says while it says it."""

    id: str
    node: str
    namespace: str
    status: Literal["working", "done", "failed"]
    """Of one that ended, the checkpoint is made once the others of its step have."""
    elapsed: float
    """Milliseconds since it started; of one that ended, those that it took."""
    text: str
    """The last that its messages said."""
    more: int
    """Characters that came before."""
    custom: list[ValueNode]
    """The last events that it wrote to the stream."""


class LiveView(TypedDict):
    """The body of a ``live`` event, sent at most ten times a second: what the tasks of a run say."""

    run: int
    thread_id: str
    tasks: list[LiveTask]
    """Those at work first."""
    more: int
    """Tasks that were left out."""
    custom: list[ValueNode]
    """The last events of which it is not certain which of the tasks at work wrote them."""


# ---------------------------------------------------------------- memory


class MemoryView(TypedDict):
    """The answer to ``memory_open``: which store, and what it can do."""

    store: str | None
    """Its class; None: there is no store."""
    past: bool
    """Memory can be shown as it was at the asked checkpoint."""
    versions: bool
    """It keeps every version of an item."""
    semantic: bool
    expires: bool
    """Items may be given a time to live."""
    read_only: str | None
    token: str
    """Another text once memory has changed."""
    changed: int | None
    """Items that the step of the asked checkpoint changed; None where the store does not tell."""


class MemoryNamespace(TypedDict):
    ref: str
    """Names the namespace in requests, exactly."""
    label: str
    items: int
    """In it and below it."""
    children: int
    """Rows right below it: namespaces and items."""


class MemoryRow(TypedDict):
    ref: str
    """Names the item in requests, exactly."""
    namespace: list[str]
    key: str
    summary: str
    updated_at: float | None
    score: float | None
    """How near to the query; None where nothing was searched by meaning."""


class MemoryPage(TypedDict):
    """Some of the rows right below a namespace: the namespaces, then the items."""

    namespaces: list[MemoryNamespace]
    items: list[MemoryRow]
    total: int


class MemoryHits(TypedDict):
    items: list[MemoryRow]
    total: int
    more: bool
    """There are more than are counted."""


class MemoryItemView(TypedDict):
    ref: str
    namespace: list[str]
    key: str
    value: ValueNode | None
    """None: there is no such item (any more, or yet)."""
    created_at: float | None
    updated_at: float | None
    expires_at: float | None
    ttl: float | None
    """Minutes that it was given to live."""
    text: str
    """The value as JSON, to edit; empty where it cannot be."""
    reason: str | None
    """Why the value cannot be edited as JSON."""
    versions: int | None
    """How many there are; None where the store keeps none."""


class MemoryWriter(TypedDict):
    """The checkpoint that a version was written by."""

    thread_id: str
    id: str
    label: str
    made: bool
    """False: the step that wrote it has made no checkpoint; this is the one it started from."""


class MemoryVersion(TypedDict):
    number: int
    """From 1, the oldest."""
    kind: ChangeKind
    at: float
    summary: str
    node: str | None
    thread_id: str | None
    writer: MemoryWriter | None


class MemoryVersions(TypedDict):
    """Versions of one item, newest first."""

    versions: list[MemoryVersion]
    total: int


class MemoryChange(TypedDict):
    """What a step made of one item."""

    ref: str
    namespace: list[str]
    key: str
    kind: ChangeKind
    summary: str
    node: str | None
    diff: DiffView


class MemoryChanges(TypedDict):
    changes: list[MemoryChange]
    total: int


class SandboxView(TypedDict):
    """The sandbox that is open."""

    thread_id: str
    start: str
    """The checkpoint that it started from."""
    label: str
    checkpoints: int
    memory: str
    """Which memory is read in it, in words; empty where the graph has no store."""
    changes: MemoryChanges
    """What became of memories in it."""
    warnings: list[str]
    """What it cannot hold."""


class SandboxState(TypedDict):
    """The body of a ``sandbox`` event."""

    sandbox: SandboxView | None
    """None: none is open any more."""


class SandboxKept(TypedDict):
    """The answer to ``sandbox_keep``."""

    kept: int
    """Checkpoints stored."""
    conflicts: MemoryChanges
    """Memories that were changed meanwhile; where there are any, nothing was kept."""


class MemoryEdit(TypedDict):
    """What is to be written, as it was typed."""

    namespace: str
    """Labels with dots between them; ignored where ``ref`` names an item."""
    key: str
    text: str
    """JSON."""
    ttl: str
    """Minutes; empty: what the store gives by itself."""
    ref: str | None
    """The item that is edited; None: a new one."""
    updated_at: float | None
    """When the item was written that is edited: where another came in between, nothing is written."""


class MemoryPlan(TypedDict):
    """What an edit would write."""

    ref: str
    diff: DiffView
    exists: bool


class MemoryCode(TypedDict):
    act: Literal["get", "search", "history", "put", "delete"]
    ref: str | None
    as_of: bool
    text: NotRequired[str]
    query: NotRequired[str]
    filter: NotRequired[str]
    edit: NotRequired[MemoryEdit]


class CodeRequest(TypedDict):
    act: Literal["select", "diff", "fork", "run", "start", "memory"]
    checkpoint: str
    """Empty for a start."""
    other: NotRequired[str]
    fork: NotRequired[ForkRequest]
    run: NotRequired[RunRequest]
    start: NotRequired[StartRequest]
    memory: NotRequired[MemoryCode]


class CodeView(TypedDict):
    code: str


# ---------------------------------------------------------------- requests by method


class ThreadsList(TypedDict):
    query: str
    after: str | None
    limit: int


class ThreadOpen(TypedDict):
    thread_id: str | None


class CheckpointParams(TypedDict):
    checkpoint: str


class ValueGet(TypedDict):
    checkpoint: str
    channel: str
    path: list[int]
    offset: int
    limit: int


class MediaGet(TypedDict):
    checkpoint: str
    channel: str
    path: list[int]


class ValueFind(TypedDict):
    """The text of a search hit."""

    checkpoint: str
    channel: str
    before: str
    match: str
    after: str


class OriginFind(TypedDict):
    """A part of a state, as it is looked for in another one."""

    checkpoint: str
    channel: str
    path: list[int]
    line: int | None
    target: str
    """The checkpoint in whose state it is looked for."""


class DiffParams(TypedDict):
    before: str | None
    """None: against the parent."""
    after: str
    internal: bool


class CompareParams(TypedDict):
    left: str
    right: str


class EvaluateParams(TypedDict):
    text: str
    """A Python expression over the channels. Only the kernel of who typed it evaluates it."""
    start: int
    """The first row."""


class SearchParams(TypedDict):
    query: str


class PartParams(TypedDict):
    checkpoint: str
    channel: str
    path: list[int]
    typed: NotRequired[str]
    """What was made of it as JSON, to go on with it as a form; else the form is of the part as it is."""


class StartParams(TypedDict):
    thread_id: str | None
    """A new thread of this id; None: of a free one. With ``turn`` the thread that it is the next turn of."""
    turn: bool
    graph: NotRequired[str]
    """The graph of a server that is to begin a new thread."""


class MarksParams(TypedDict):
    checkpoints: list[str]


class RunStop(TypedDict):
    run: int
    now: NotRequired[bool]
    """Cancel the nodes at work, where they are asynchronous."""


class BreakpointsSet(TypedDict):
    thread_id: str
    breakpoints: Breakpoints


class BreakpointsOf(TypedDict):
    """The body of a ``breakpoints`` event."""

    thread_id: str
    breakpoints: Breakpoints


class AgentsAt(TypedDict):
    """The body of an ``agents`` event: the checkpoints that coding agents look at, by id."""

    thread_id: str
    checkpoints: list[str]


class MemoryOpen(TypedDict):
    checkpoint: str | None
    """What is selected; None: nothing is, for there is no thread."""


class MemoryList(TypedDict):
    checkpoint: str | None
    """Memory as of a checkpoint; None: now."""
    ref: str
    """The namespace."""
    offset: int
    limit: int


class MemorySearch(TypedDict):
    checkpoint: str | None
    ref: str
    text: str
    """To be found in key or value, without regard to case."""
    filter: str
    """JSON, as ``store.search`` takes it."""
    query: str
    """To be near in meaning."""
    offset: int
    limit: int


class MemoryGet(TypedDict):
    checkpoint: str | None
    ref: str


class MemoryValueGet(TypedDict):
    checkpoint: str | None
    ref: str
    version: int | None
    """One of the item's versions, whatever the checkpoint; None: the item as of that."""
    field: str | None
    """A field of the item, of which ``path`` is a part; None: the whole."""
    path: list[int]
    offset: int
    limit: int


class MemoryHistory(TypedDict):
    ref: str
    offset: int
    limit: int


class MemoryDiff(TypedDict):
    """Versions by number; ``before`` 0: nothing at all."""

    ref: str
    before: int
    after: int


class MemoryDelete(TypedDict):
    ref: str
    updated_at: float | None


class SandboxKeep(TypedDict):
    overwrite: bool
    """Also over memories that were changed meanwhile."""


class Nothing(TypedDict):
    pass


# ---------------------------------------------------------------- export


class ExportPlan(TypedDict):
    kind: ExportKind
    checkpoint: str
    other: str | None
    """What it is compared with."""
    redact: list[str]
    """Paths that are masked besides."""


class ExportView(TypedDict):
    """A file that is made and not yet written: what it contains."""

    token: str
    checkpoints: int
    messages: int
    items: int
    """Of memory."""
    bytes: int
    rules: int
    """How many rules masked it."""
    path: str
    """Where it may be written: nothing is there."""


class ExportWrite(TypedDict):
    token: str
    path: str
    """Relative to the notebook's folder."""
    overwrite: bool


class ExportWritten(TypedDict):
    path: str
    """The whole path."""
    written: bool
    """False where a file is there that was not to be written over."""


class PinWrite(TypedDict):
    checkpoint: str
    path: str
    """Of the test, relative to the notebook's folder."""
    live: list[str]
    """Nodes that the test runs."""
    overwrite: bool


class PredictRequest(TypedDict):
    """What is about to be done: it is predicted first."""

    checkpoint: str
    fork: ForkRequest | None
    run: RunRequest | None


class PredictChoice(TypedDict):
    mark: str
    """The letter that answers."""
    text: str


class PredictView(TypedDict):
    """A question; names of nodes and channels stand in backticks."""

    id: str | None
    """None: nothing fits to be asked."""
    text: str
    choices: list[PredictChoice]
    """Empty: it is answered in one's own words."""


class PredictAnswer(TypedDict):
    id: str
    answer: str


class PredictTold(TypedDict):
    right: bool
    text: str
    """What is right, and why."""


class Methods(TypedDict):
    """Method name to (params, result): the whole interface of a view."""

    threads_list: tuple[ThreadsList, ThreadPage]
    thread_open: tuple[ThreadOpen, ThreadView]
    thread_refresh: tuple[Nothing, ThreadSummary]
    rows_marks: tuple[MarksParams, list[RowMarks]]
    checkpoint_get: tuple[CheckpointParams, CheckpointView]
    value_get: tuple[ValueGet, ValueNode]
    value_find: tuple[ValueFind, FoundPlace]
    blame_get: tuple[CheckpointParams, BlameView]
    origin_find: tuple[OriginFind, OriginPlace]
    media_get: tuple[MediaGet, MediaData]
    diff_get: tuple[DiffParams, DiffView]
    writes_get: tuple[CheckpointParams, list[TaskWrites]]
    tasks_get: tuple[CheckpointParams, list[TaskView]]
    why_get: tuple[CheckpointParams, WhyView]
    narration_get: tuple[CheckpointParams, list[ToldSentence]]
    compare_get: tuple[CompareParams, ComparisonView]
    branches_get: tuple[Nothing, BranchesView]
    evaluate: tuple[EvaluateParams, EvaluateView]
    raw_get: tuple[CheckpointParams, RawView]
    search: tuple[SearchParams, SearchProgress]
    fork_form: tuple[CheckpointParams, ForkForm]
    part_form: tuple[PartParams, PartForm]
    fork_preview: tuple[ForkRequest, PreviewView]
    dry_run: tuple[DryRunRequest, DryRunView]
    fork_commit: tuple[ForkRequest, ForkResult]
    answer_form: tuple[CheckpointParams, list[AnswerForm]]
    answer_make: tuple[AnswerRequest, AnswersMade]
    start_form: tuple[StartParams, StartForm]
    thread_start: tuple[StartRequest, RunView]
    run_start: tuple[RunRequest, RunView]
    run_stop: tuple[RunStop, RunView]
    breakpoints_set: tuple[BreakpointsSet, BreakpointsOf]
    code_get: tuple[CodeRequest, CodeView]
    memory_open: tuple[MemoryOpen, MemoryView]
    memory_list: tuple[MemoryList, MemoryPage]
    memory_search: tuple[MemorySearch, MemoryHits]
    memory_item: tuple[MemoryGet, MemoryItemView]
    memory_value: tuple[MemoryValueGet, ValueNode]
    memory_versions: tuple[MemoryHistory, MemoryVersions]
    memory_diff: tuple[MemoryDiff, DiffView]
    memory_changes: tuple[CheckpointParams, MemoryChanges]
    memory_plan: tuple[MemoryEdit, MemoryPlan]
    memory_put: tuple[MemoryEdit, MemoryPlan]
    memory_delete: tuple[MemoryDelete, Nothing]
    sandbox_keep: tuple[SandboxKeep, SandboxKept]
    sandbox_discard: tuple[Nothing, Nothing]
    export_plan: tuple[ExportPlan, ExportView]
    export_write: tuple[ExportWrite, ExportWritten]
    pin_write: tuple[PinWrite, ExportWritten]
    predict_make: tuple[PredictRequest, PredictView]
    predict_answer: tuple[PredictAnswer, PredictTold]


class Events(TypedDict):
    """Event name to body, sent as ``{"event": name, "body": body}``."""

    opening: Early
    tree: TreeNews
    run: RunView
    live: LiveView
    breakpoints: BreakpointsOf
    agents: AgentsAt
    sandbox: SandboxState
