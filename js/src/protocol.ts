// Generated from lgviz/protocol.py by `make protocol`. Do not edit.

/** One more once views and Python of before and after cannot understand each other. */
export const PROTOCOL_VERSION = 1;

export type ThreadStatus = "running" | "done" | "interrupted" | "paused" | "failed";

export type RunStatus = "running" | "stopping" | "done" | "interrupted" | "failed" | "stopped";

export type ChangeKind = "added" | "removed" | "changed";

export type ErrorCode = "refused" | "not_found" | "empty" | "source" | "cancelled" | "internal";

export type Dtype = "u1" | "u2" | "i4" | "f8";

export type Mode = "append" | "set";

export type Only = "all" | "unfinished";

export type ExportKind = "html" | "bundle" | "markdown" | "svg" | "png" | "mermaid" | "dot";

export type FieldKind = "text" | "integer" | "number" | "bool" | "choice" | "date" | "time" | "list" | "object" | "oneof" | "json";

export type Via = "input" | "edge" | "branch" | "join" | "send" | "goto" | "call" | "resume" | "unknown";

export type FieldEmpty = "needed" | "absent" | "null" | "text";

export type ValueKind = "null" | "bool" | "number" | "string" | "bytes" | "time" | "list" | "dict" | "set" | "object" | "message" | "array" | "frame" | "undecodable" | "other";

/** What a row of the tree shows besides its nodes (a bit set in `TreeBatch.flags`). */
export const Mark = {
  INPUT: 1,
  UPDATE: 2,
  FORK: 4,
  /** Its next step asked a question (`ANSWERED` once a checkpoint follows from it). */
  INTERRUPT: 8,
  /** A task of its next step failed. */
  ERROR: 16,
  /** Finished siblings of an unfinished step keep their writes here. */
  PENDING: 32,
  /** Steps are missing before it (`durability="exit"`). */
  COLLAPSED: 64,
  NOTE: 128,
  ANSWERED: 256,
  /** Held by a sandbox: not stored until it is kept. */
  SANDBOX: 512,
  /** Something else may lie between its parent and it, as a person's answer: no duration can be told. */
  WAITED: 1024,
  /** History answered all tasks that made it: none of them ran. */
  SERVED: 2048,
} as const;

export interface Request {
  id: number;
  method: string;
  params: Record<string, unknown>;
}

/** A part of what was typed that is refused, at its field. */
export interface RefusedPart {
  /** Of a start: `input`, `message`, `context`, `configurable` or `thread`. */
  channel: string;
  /** That of the edit. */
  path: number[];
  error: FieldError;
}

export interface Failure {
  code: ErrorCode;
  cause: string;
  remedy: string;
  /** Of an act's values, the parts that are refused. */
  refused?: RefusedPart[];
}

export interface Reply {
  id: number;
  result?: unknown;
  error?: Failure;
}

export interface Progress {
  id: number;
  progress: unknown;
}

export interface Cancel {
  cancel: number;
}

export interface ThreadSummary {
  thread_id: string;
  /** Its checkpoints; None where to know means to read them all. */
  count: number | null;
  updated_at: number | null;
  status: ThreadStatus;
}

export interface ThreadPage {
  threads: ThreadSummary[];
  total: number;
  /** What the next page is asked for with; null where there is none. */
  after: string | null;
}

/**
 * The columns of a `TreeBatch`: the type of their numbers, and what they mean. Python and TypeScript
 * derive theirs from this table.
 */
export const TREE_COLUMNS = {
  /** Row of the parent; of a subgraph's first, the row that called it; else -1. */
  parent: "i4",
  /** Where the row is drawn, from the left. */
  lane: "u2",
  /** 0 in the root namespace, 1 in a subgraph, … */
  depth: "u1",
  /** NaN where unknown. */
  time: "f8",
  /** Bits of `Mark`. */
  flags: "u2",
  /** Place in `TreeBatch.titles`. */
  title: "i4",
  /** Place in `TreeBatch.changes`. */
  changed: "i4",
} as const;

/** Rows `start` to `start + count` of a thread, oldest first; rows are only ever appended. */
export interface TreeBatch {
  start: number;
  count: number;
  ids: string[];
  labels: string[];
  /** Lists of node names; the column `title` points into it (this batch's own). */
  titles: string[][];
  /** Lists of channel names; the column `changed` points into it (this batch's own). */
  changes: string[][];
  /** By its name in `TREE_COLUMNS`, the number of a column's buffer. */
  columns: Record<string, number>;
}

/** New facts about a row already sent. */
export interface RowPatch {
  row: number;
  flags: number;
  title: string[];
  changed: string[];
}

export interface TopologyNode {
  id: string;
  name: string;
  kind: "start" | "end" | "node" | "subgraph";
}

export interface TopologyEdge {
  source: string;
  target: string;
  conditional: boolean;
  label: string | null;
}

export interface Topology {
  nodes: TopologyNode[];
  edges: TopologyEdge[];
}

/** Where one thread left another. */
export interface ThreadLinkView {
  /** The thread at the other end. */
  thread_id: string;
  /** The checkpoint where the one left the other, which is in both. */
  checkpoint: string;
}

export interface LineageView {
  /** Where the thread came from; None where it began by itself. */
  origin: ThreadLinkView | null;
  /** The threads that left it, the oldest first. */
  forks: ThreadLinkView[];
}

/** The answer to `thread_open`. */
export interface ThreadView {
  thread: ThreadSummary;
  lineage: LineageView;
  /** What is being read, in words: `"CompiledStateGraph on SqliteSaver"`. */
  source: string;
  tree: TreeBatch;
  topology: Topology | null;
  /** By path (`"research|judge"` is a graph inside `research`) the graphs inside it. */
  subgraphs?: Record<string, Topology>;
  /** Why nothing can be forked or run here; None where it can. */
  read_only: string | null;
  /** A LangGraph server acts: in no sandbox, into no other thread, past no reducer, by no single steps. */
  on_server?: boolean;
  /** Its values come from a database that was named alone: nothing of them is drawn but text unasked. */
  untrusted: boolean;
  selected: string | null;
  /** The sandbox that is open, on this thread or another. */
  sandbox: SandboxView | null;
  breakpoints: Breakpoints;
  /** The checkpoints that coding agents look at, by id, where that is shown. */
  agents?: string[];
}

/** The body of an `opening` event: what a display shows until a kernel at work answers it. */
export interface Early {
  /** With the newest rows only. */
  thread: ThreadView;
  /** The selected one, where it is small enough. */
  checkpoint: CheckpointView | null;
}

/** The body of a `tree` event. */
export interface TreeNews {
  thread: ThreadSummary;
  tree: TreeBatch | null;
  patches: RowPatch[];
}

/** Words for the marks of one row, asked for only while it is in view. */
export interface RowMarks {
  id: string;
  interrupt: string | null;
  error: string | null;
  note: string | null;
}

export interface ValueItem {
  key: string;
  value: ValueNode;
}

export interface ToolCallView {
  id: string | null;
  name: string;
  args: ValueItem[];
}

/** A picture, a sound, a film or a file; `media_get` brings its bytes. */
export interface MediaView {
  /** What its bytes are; `file` for all that is neither drawn nor played. */
  kind: "image" | "audio" | "video" | "file";
  mime: string;
  name: string | null;
  /** In bytes; None where it is elsewhere. */
  size: number | null;
  /** Width and height of a picture whose bytes tell. */
  pixels: number[] | null;
  /** The address or id of one that the value does not hold. Shown, never fetched. */
  where: string | null;
}

/** A part of a message's content. */
export interface BlockView {
  kind: "text" | "reasoning" | "media" | "other";
  text: string;
  /** Characters of the text that were left out. */
  more: number;
  /** From the message down to its text, or to what holds its bytes; None where it is put together. */
  path: number[] | null;
  media: MediaView | null;
  /** Of `other`. */
  value: ValueNode | null;
}

/** A tool call that a model made and that could not be read. */
export interface InvalidCallView {
  name: string;
  args: string;
  error: string;
}

export interface MessageView {
  /** `human`, `ai`, `tool`, `system`, … (LangChain's `type`). */
  role: string;
  name: string | null;
  id: string | null;
  text: string;
  /** Characters of the text that were left out. */
  more: number;
  tool_calls: ToolCallView[];
  tool_call_id: string | null;
  status: string | null;
  /** Its content where that is more than text, which then has all of `text`; else none. */
  blocks: BlockView[];
  blocks_more: number;
  invalid_tool_calls: InvalidCallView[];
  usage: UsageView | null;
  /** Why the model ended, in its provider's word. */
  finish: string | null;
}

/** Rows of a frame, a series or an array of two dimensions. */
export interface TableView {
  /** The first ones: more of a table that was asked for by itself. */
  columns: string[];
  dtypes: string[];
  index: string[];
  rows: string[][];
  /** Columns in all. */
  width: number;
}

/** What an array is as a whole. */
export interface ArrayView {
  dtype: string;
  shape: number[];
  low: string | null;
  high: string | null;
  /** None where there is no number to tell of, or so many that they were not looked at. */
  mean: string | null;
  /** How many are no number. */
  holes: number | null;
}

/** A value as a view shows it, cut to what fits a screen; `value_get` brings the rest. */
export interface ValueNode {
  kind: ValueKind;
  /** The Python type's name. */
  type: string;
  /** One line (for a string: its beginning, line breaks kept). */
  text: string;
  /** Items of a container, characters of a string, bytes of bytes. */
  size: number | null;
  /** Children already sent; absent: not yet asked for. */
  items?: ValueItem[];
  /** Items or characters not sent. */
  more: number;
  message?: MessageView;
  /** Of bytes and of `data:` texts that are one. */
  media?: MediaView;
  /** Its first rows, in place of `items`. */
  table?: TableView;
  array?: ArrayView;
}

export interface ChannelView {
  name: string;
  internal: boolean;
  changed: boolean;
  reducer: string | null;
  value: ValueNode;
}

/** A decision that a question allows on an action. */
export interface DecisionOption {
  type: string;
  /** What is given with it: edited arguments, an answer, a reason if there is one. */
  takes: "nothing" | "args" | "text" | "reason";
}

export interface DecidedView {
  type: string;
  /** The reason or the answer. */
  text: string;
  name: string;
  /** Of an edit: what was called instead. */
  args: ValueItem[];
}

/** An action that waits, or waited, for a decision. */
export interface ActionView {
  name: string;
  args: ValueItem[];
  description: string;
  decisions: DecisionOption[];
  decided: DecidedView | null;
}

/** What an interrupt asks for: decisions on actions, a value by a form, or any text. */
export interface QuestionView {
  kind: "decisions" | "form" | "text";
  actions: ActionView[];
  /** Answers that the question itself names. */
  options: FieldOption[];
  /** Why the schema that it gives cannot be used. */
  warning: string | null;
}

export interface InterruptView {
  id: string;
  node: string;
  value: ValueNode;
  answered: boolean;
  /** What it was answered with; None where it waits, or where the answer is not stored. */
  answer: ValueNode | null;
  question: QuestionView;
}

/** The tokens that models used, as the messages tell that were written. */
export interface UsageView {
  input: number;
  output: number;
  total: number;
  models: string[];
  /** At the prices that were given; None where none was given for a model in it. */
  cost: number | null;
}

/** The answer to `checkpoint_get`: head line and State tab. */
export interface CheckpointView {
  id: string;
  label: string;
  namespace: string;
  step: number | null;
  source: string;
  created_at: string | null;
  /** Milliseconds since the parent. */
  duration: number | null;
  /** Of its step; None where no message tells. */
  usage: UsageView | null;
  nodes: string[];
  as_node: string | null;
  note: string | null;
  next: string[];
  /** Of `next`, what has not finished: a resume runs these, and the others keep what they wrote. */
  unfinished: string[];
  changed: string[];
  /** In words, what changed: `"one message, two values"`. */
  summary: string;
  parent: string | null;
  collapsed: boolean;
  interrupts: InterruptView[];
  error: string | null;
  channels: ChannelView[];
  warnings: string[];
}

/** A stretch of two texts: kept, removed or added. */
export interface TextPart {
  op: "=" | "-" | "+";
  /** Its beginning. */
  text: string;
  /** Characters of the old text before it. */
  before: number;
  /** Characters of the new text before it. */
  after: number;
  /** Characters of it, behind `text`, that were not sent. */
  left_out: number;
}

export interface ChangeView {
  path: string;
  kind: ChangeKind;
  before: ValueNode | null;
  after: ValueNode | null;
  /** Where `before` stands in the channel's old value; None where it cannot be asked for. */
  before_at: number[] | null;
  after_at: number[] | null;
  /** For long text: the words kept, removed and added, in order. */
  words: TextPart[] | null;
}

export interface ChannelDiff {
  channel: string;
  internal: boolean;
  summary: string;
  reducer: string | null;
  who: string | null;
  changes: ChangeView[];
  more: number;
}

export interface DiffView {
  before: string | null;
  /** Labels. */
  after: string | null;
  channels: ChannelDiff[];
  unchanged: string[];
  /** How many internal channels differ but are hidden. */
  internal: number;
}

export interface WriteView {
  channel: string;
  value: ValueNode;
}

export interface TaskWrites {
  node: string;
  task_id: string | null;
  /** True where LangGraph stored no writes and they were derived from the difference to the parent. */
  derived: boolean;
  /** True for a finished task of the *next*, unfinished step. */
  pending: boolean;
  usage: UsageView | null;
  writes: WriteView[];
}

export interface TaskView {
  id: string;
  name: string;
  status: "pending" | "done" | "failed" | "interrupted";
  triggers: string[];
  interrupts: InterruptView[];
  error: string | null;
  traceback: string | null;
  /** Of one that is done. */
  usage: UsageView | null;
  /** Label of the first checkpoint of the subgraph that it started. */
  subgraph: string | null;
  /** History answered it: it did not run. */
  served: boolean;
}

export interface TriggerView {
  channel: string;
  /** The checkpoint that the write went into, by id; None where that is not certain or no longer stored. */
  checkpoint: string | null;
  /** Who wrote it; None where nobody in the graph did, or it is not certain. */
  node: string | null;
  via: Via;
  /** The function that chose, or sent; `"condition"` where it has no name. */
  router: string | null;
  choices: string[];
}

/** How often a task that asked was begun. */
export interface BegunView {
  times: number;
  at_least: boolean;
  /** Of its function's beginning, those that ran each time; None where its source is not known. */
  lines: number | null;
}

/** Why a task ran, or will. */
export interface CauseView {
  /** Empty where it is not certain. */
  node: string;
  via: Via;
  triggers: TriggerView[];
  sent: string | null;
  begun: BegunView | null;
  deferred: boolean;
  failed_before: boolean;
}

/** A node that did not run, though part of what it waits for is there. */
export interface WaitingView {
  node: string;
  kind: "join" | "defer" | "answer" | "error" | "next";
  missing: string[];
  triggers: TriggerView[];
  cause: CauseView | null;
  error: string | null;
}

/** Why the tasks that made a checkpoint ran, and what waits there. */
export interface WhyView {
  made: "step" | "steps" | "input" | "update" | "fork" | "lost";
  parent: string | null;
  as_node: string | null;
  causes: CauseView[];
  waiting: WaitingView[];
  /** How many tasks of the step are left out. */
  more: number;
}

/** What fills a hole of a sentence. */
export interface ToldHole {
  kind: "names" | "values" | "label" | "number" | "clauses";
  /** Names of nodes, channels or functions; values, each in a line; a checkpoint's label; a number. */
  texts: string[];
  /** What goes on the sentence around it. */
  clauses: ToldSentence[];
  /** How many others are left out. */
  more: number;
}

/** A sentence of what happened to make a checkpoint. */
export interface ToldSentence {
  /** In English, with holes (`{who}`): the key by which another language's is found. */
  text: string;
  holes: Record<string, ToldHole>;
}

/** Where two branches first part. */
export interface PartedView {
  left: string | null;
  /** What came on each side; None where it has ended. */
  right: string | null;
  /** Both are a step of the same nodes, which did another thing; else they went other ways. */
  together: boolean;
  /** The first part that differs, as a programmer writes it; empty where none does. */
  place: string;
  channel: string | null;
  /** That part on the left and on the right; where they went other ways, before `at` and there. */
  change: ChangeView | null;
  /** The checkpoint that has it, */
  at: string | null;
  /** and where in the channel's value it is. */
  path: number[];
}

/** What a branch has come to. */
export interface EndView {
  id: string;
  status: ThreadStatus;
  steps: number;
  /** Its last message in short, else the last value that it changed. */
  last: string;
}

/** A step of both branches, aligned by node; None where a side has no such step. */
export interface StepPair {
  left: string | null;
  right: string | null;
  /** Whether they did the same, but for ids; None where that cannot be told. */
  same: boolean | null;
}

/** Two branches compared. */
export interface ComparisonView {
  /** The last checkpoint that both have. */
  ancestor: string | null;
  /** None: no step is seen to differ. */
  parted: PartedView | null;
  /** Steps before that of which it cannot be told whether they differ. */
  unsure: number;
  steps: StepPair[];
  /** Pairs that are left out. */
  more: number;
  /** What differs at their ends, in words. */
  summary: string;
  left: EndView;
  right: EndView;
}

/** One step of many branches. */
export interface VisitView {
  ids: (string | null)[];
  /** By branch: those that did the same have the same number, 0 is what the first of them did. */
  groups: (number | null)[];
}

/** All branches of the thread side by side. */
export interface BranchesView {
  runs: EndView[];
  /** By branch its first step that is not what the first one did. */
  parts_at: (string | null)[];
  more_runs: number;
  /** Steps before `visits`, which all of them share. */
  common: number;
  visits: VisitView[];
  more: number;
}

export interface WatchedValue {
  row: number;
  /** In one line. */
  text: string;
  /** Where it is one (True is 1). */
  number: number | null;
}

export interface Raised {
  id: string;
  said: string;
}

/** What an expression gives at checkpoints of the thread's own, the newest first; as progress, a part. */
export interface EvaluateView {
  /** Where a channel that it names is not set yet, there is none. */
  values: WatchedValue[];
  /** How many rows the tree had: those after them are not evaluated. */
  end: number;
  /** Older checkpoints that were not evaluated. */
  left_out: number;
  /** The oldest checkpoint at which it raised, and what. */
  raised: Raised | null;
}

export interface RawView {
  config: string;
  metadata: string;
  /** Indented JSON-like text; values cut. */
  checkpoint: string;
}

export interface SearchHit {
  id: string;
  row: number;
  /** The channel whose value it was found in; None: it was found elsewhere. */
  channel: string | null;
  /** Channel and path, or `"node"`. */
  where: string;
  before: string;
  match: string;
  after: string;
}

/** The answer to `media_get`. */
export interface MediaData {
  mime: string;
  /** Which buffer holds the bytes. */
  buffer: number;
}

/** The answer to `value_find`. */
export interface FoundPlace {
  /** Positions of children, down to the message or value that has the text; None: it stands nowhere. */
  path: number[] | null;
}

/** A checkpoint whose step set parts of a state, as named tasks wrote them. */
export interface BlameStep {
  id: string;
  label: string;
  /** Several where parallel tasks wrote it; none where it is not certain. */
  nodes: string[];
}

/** Who set one part of a state. What is not named is as the part around it. */
export interface BlamePart {
  channel: string;
  /** Positions of children. */
  path: number[];
  /** Which line of the text at the path, from 0; None: the whole value. */
  line: number | null;
  /** Who changed it last: a place in `steps`, -1: older than what is stored. */
  step: number;
  /** Label of the checkpoint since which it is there; None: older than what is stored. */
  first: string | null;
  /** It is there since that step. */
  made: boolean;
  /** False: it may have been a step before, which is not stored or cannot be read. */
  sure: boolean;
}

/** The answer to `blame_get`. */
export interface BlameView {
  steps: BlameStep[];
  parts: BlamePart[];
}

/** The answer to `origin_find`. */
export interface OriginPlace {
  /** Positions of children, down to the part in the other state; None: it is not there. */
  path: number[] | null;
  /** The line that is meant; empty where it is no line. */
  text: string;
}

export interface SearchProgress {
  hits: SearchHit[];
  done: number;
  total: number;
  /** There are more hits than are sent. */
  more: boolean;
}

export interface FieldOption {
  label: string;
  /** JSON. */
  value: string;
}

/** A field of a form, with its parts and what stands in it. A view edits it by making a new one. */
export interface FieldView {
  /** Its key in the object that it is part of; its title where it is one of several forms. */
  name: string;
  /** `date` and `time` hold ISO 8601 texts, `oneof` one of several forms, `json` anything. */
  kind: FieldKind;
  hint: string;
  required: boolean;
  /** What an empty field stands for: nothing yet, a key that is left out, null, the empty text. */
  empty: FieldEmpty;
  /**
   * What stands in it; None: it is empty. Of `text`, `date` and `time` the text itself; of `oneof`
   * the place of the form; of an object or list that is there `"{}"` or `"[]"`; else JSON.
   */
  value: string | null;
  /** Of `choice`. */
  options: FieldOption[];
  /** The parts of an object, the items of a list, the forms of `oneof`. */
  fields: FieldView[];
  /** What a new item of a list starts from. */
  item: FieldView | null;
  /** Why its value cannot be edited. */
  reason: string | null;
}

/** What is wrong with a part of what a form holds. */
export interface FieldError {
  /** Keys and positions from the form's value down. */
  path: (string | number)[];
  message: string;
}

export interface ForkField {
  channel: string;
  /** None: last value wins. */
  reducer: string | null;
  /** The current value as JSON text (empty where it has none). */
  current: string;
  /** A value to start from, in JSON, for `append`. */
  example: string;
  /** Why the value cannot be edited as JSON. */
  reason: string | null;
}

/** Who last changed a part of the state. */
export interface PartOriginView {
  id: string;
  label: string;
  /** Several where parallel tasks wrote it; none where it is not certain. */
  nodes: string[];
}

/** The answer to `part_form`: one part of a channel's value, to edit. */
export interface PartForm {
  channel: string;
  path: number[];
  /** The names on the path. */
  keys: string[];
  kind: ValueKind;
  type: string;
  /** The part as JSON; an object with the key `__kept__` stands for what JSON cannot hold. */
  text: string;
  /** The part as a form. */
  field: FieldView;
  /** Why it cannot be edited here. */
  reason: string | null;
  /** It is a message that the reducer replaces by its id; else the channel is set with this part changed. */
  by_id: boolean;
  /** None where it is not certain. */
  origin: PartOriginView | null;
}

export interface PartEdit {
  channel: string;
  path: number[];
  /** The part as JSON, as it was edited. */
  text: string;
}

export interface AsNodeOption {
  node: string;
  next: string[];
  /** Why this node cannot be chosen: its router raised, it has no writers, … */
  disabled: string | null;
  /** It is disabled for the state that it leads to: it can be chosen, and other values make it possible. */
  needs_values: boolean;
  /** Where the node may go by `Command(goto=...)`; empty where it does not route that way. */
  goto: string[];
}

/** The answer to `fork_form`. */
export interface ForkForm {
  checkpoint: string;
  label: string;
  fields: ForkField[];
  as_node: AsNodeOption[];
  /** The node LangGraph would take by itself; None: a choice is required. */
  inferred: string | null;
  /** Finished siblings whose writes an update would drop. */
  siblings: string[];
  /** JSON text, prefilled from the checkpoint's metadata. */
  configurable: string;
}

export interface ForkValue {
  mode: Mode;
  /** JSON. */
  text: string;
}

export interface ForkRequest {
  checkpoint: string;
  values: Record<string, ForkValue>;
  /** Parts of values that are others; a channel in `values` has none. */
  edits?: PartEdit[];
  as_node: string | null;
  goto: string | null;
  keep_siblings: boolean;
  note: string | null;
  configurable: string | null;
  /** Make it in a new thread of this id, which begins with the path to the checkpoint. */
  new_thread?: string | null;
  /**
   * Make it in a sandbox, a new one at a checkpoint of the base; an act on a sandbox's own checkpoint is
   * always made in it.
   */
  sandbox: boolean;
}

export interface PreviewView {
  diff: DiffView;
  next: string[];
  as_node: string | null;
  warnings: string[];
  /** It could not be tried, as on a server: what changes is not known, and history answers nothing. */
  untried?: boolean;
}

export interface ForkResult {
  thread_id: string;
  id: string;
  label: string;
  next: string[];
}

/** Run on from a checkpoint: what its `next` says, or answering its interrupts. */
export interface RunRequest {
  checkpoint: string;
  /** Interrupt id to the answer, JSON or plain text. */
  resume: Record<string, string> | null;
  /** `"unfinished"`: go on at the checkpoint itself, with what has not finished. */
  only?: Only;
  /** Super-steps to make at most. */
  steps?: number | null;
  before?: string[];
  /** Breakpoints: nodes to stop before and after; absent: those of the thread. */
  after?: string[];
  /** A node to stop before, or a Python expression of `c`, `values` and the channels. */
  until: string | null;
  configurable: string | null;
  /** As for a fork. */
  sandbox: boolean;
  /**
   * What history answers of it, where the same was asked before: all, or the rest after the checkpoint's
   * own next nodes, which run (as every later task of them does).
   */
  reuse?: "all" | "rest" | null;
}

/** Where runs of a thread stop: names of nodes, of subgraphs by path (`research|judge`). */
export interface Breakpoints {
  before: string[];
  after: string[];
}

/** What a person fills in to answer an interrupt. */
export interface AnswerForm {
  id: string;
  /** Of a question with a schema. */
  form: FieldView | null;
  /** The arguments of each action; None where they cannot be edited. */
  args: (FieldView | null)[];
}

export interface DecisionDraft {
  type: string;
  text: string;
  /** JSON; of an edit. */
  args: string | null;
}

/** What a person filled in: one of the three. */
export interface AnswerDraft {
  /** One an action. */
  decisions: (DecisionDraft | null)[] | null;
  /** The whole answer as JSON. */
  json: string | null;
  /** JSON where it is JSON, else the text itself. */
  text: string | null;
}

export interface AnswerRequest {
  checkpoint: string;
  /** By interrupt id. */
  drafts: Record<string, AnswerDraft>;
}

export interface AnswerError {
  id: string;
  /** The place of the action that it is about. */
  action: number | null;
  /** In the form, or in the arguments of the action. */
  path: (string | number)[];
  message: string;
}

export interface AnswersMade {
  /** By interrupt id, as `run_start` takes them. */
  answers: Record<string, string>;
  /** What is wrong with the others: nothing was sent. */
  errors: AnswerError[];
}

/** The answer to `start_form`: what begins a new thread, or the next turn of one. */
export interface StartForm {
  /** The thread, or a free id for a new one. */
  thread_id: string;
  /** The field of the input that takes a message, empty where the whole input does; None: there is none. */
  chat: string | null;
  /** The input, without the message of a chat; None where nothing is left of it. */
  input: FieldView | null;
  /** The run's context; None where the graph has none. */
  context: FieldView | null;
  /** JSON text, prefilled from the debugger's config and what the thread was made with. */
  configurable: string;
  /**
   * For a new thread on a server that has several, the graphs to choose from, and assistants of them:
   * `"formal (agent)"`.
   */
  graphs?: string[];
  /** That of `graphs` which this form is of. */
  graph?: string;
}

/** Begin a new thread, or the next turn at a checkpoint where nothing comes next. */
export interface StartRequest {
  /** Whose next turn it is; None: a new thread. */
  checkpoint: string | null;
  thread_id: string;
  /** Of a chat; None: the messages are in `input`. */
  message: string | null;
  /** JSON; None: there is nothing but the message. */
  input: string | null;
  /** JSON; None: that of the debugger. */
  context: string | null;
  configurable: string | null;
  /** The graph of a server that begins a new thread; absent: that of the open thread, else its first. */
  graph?: string;
}

/** The answer to `run_start` and `thread_start` when the run ended; the body of a `run` event. */
export interface RunView {
  run: number;
  status: RunStatus;
  /** Nodes at work now. */
  nodes: string[];
  /** Of a run that stopped at a static breakpoint, the nodes that it is paused before; else none. */
  before: string[];
  /** The nodes that a breakpoint stopped it after. */
  after: string[];
  /** Nodes with a breakpoint before them that it went past, for it stood there. */
  passed: string[];
  /** Why the nodes at work cannot be cancelled; None where they can. */
  cannot_cancel: string | null;
  warnings: string[];
  checkpoint: string | null;
  error: string | null;
  /** Of a run that has ended, of which history answered something. */
  reused: ReusedView | null;
}

/** What history would answer of a run from a checkpoint, or from a fork of it. */
export interface DryRunRequest {
  checkpoint: string;
  fork: ForkRequest | null;
  configurable: string | null;
}

/** Up to the step in which something runs. */
export interface DryRunView {
  /** By node, the tasks that history answers. */
  served: Record<string, number>;
  /** By node, the tasks that run in the first step that it does not answer; empty: it answers all. */
  runs: Record<string, number>;
  /** Why the first of them runs; else why the run fails, if it does. */
  reason: string;
  /** Whether that is all of the run; else it goes on further than was looked ahead, or something runs. */
  ends: boolean;
}

/** What became of a run's tasks. */
export interface ReusedView {
  /** Answered from history. */
  served: number;
  ran: number;
  /** Of models in tasks that ran, answered from what was recorded. */
  calls: number;
  /** Of the messages that were served: not bought again. 0 where none tells. */
  tokens: number;
}

/** A task of the step at work: what it says while it says it. */
export interface LiveTask {
  id: string;
  node: string;
  namespace: string;
  /** Of one that ended, the checkpoint is made once the others of its step have. */
  status: "working" | "done" | "failed";
  /** Milliseconds since it started; of one that ended, those that it took. */
  elapsed: number;
  /** The last that its messages said. */
  text: string;
  /** Characters that came before. */
  more: number;
  /** The last events that it wrote to the stream. */
  custom: ValueNode[];
}

/** The body of a `live` event, sent at most ten times a second: what the tasks of a run say. */
export interface LiveView {
  run: number;
  thread_id: string;
  /** Those at work first. */
  tasks: LiveTask[];
  /** Tasks that were left out. */
  more: number;
  /** The last events of which it is not certain which of the tasks at work wrote them. */
  custom: ValueNode[];
}

/** The answer to `memory_open`: which store, and what it can do. */
export interface MemoryView {
  /** Its class; None: there is no store. */
  store: string | null;
  /** Memory can be shown as it was at the asked checkpoint. */
  past: boolean;
  /** It keeps every version of an item. */
  versions: boolean;
  semantic: boolean;
  /** Items may be given a time to live. */
  expires: boolean;
  read_only: string | null;
  /** Another text once memory has changed. */
  token: string;
  /** Items that the step of the asked checkpoint changed; None where the store does not tell. */
  changed: number | null;
}

export interface MemoryNamespace {
  /** Names the namespace in requests, exactly. */
  ref: string;
  label: string;
  /** In it and below it. */
  items: number;
  /** Rows right below it: namespaces and items. */
  children: number;
}

export interface MemoryRow {
  /** Names the item in requests, exactly. */
  ref: string;
  namespace: string[];
  key: string;
  summary: string;
  updated_at: number | null;
  /** How near to the query; None where nothing was searched by meaning. */
  score: number | null;
}

/** Some of the rows right below a namespace: the namespaces, then the items. */
export interface MemoryPage {
  namespaces: MemoryNamespace[];
  items: MemoryRow[];
  total: number;
}

export interface MemoryHits {
  items: MemoryRow[];
  total: number;
  /** There are more than are counted. */
  more: boolean;
}

export interface MemoryItemView {
  ref: string;
  namespace: string[];
  key: string;
  /** None: there is no such item (any more, or yet). */
  value: ValueNode | null;
  created_at: number | null;
  updated_at: number | null;
  expires_at: number | null;
  /** Minutes that it was given to live. */
  ttl: number | null;
  /** The value as JSON, to edit; empty where it cannot be. */
  text: string;
  /** Why the value cannot be edited as JSON. */
  reason: string | null;
  /** How many there are; None where the store keeps none. */
  versions: number | null;
}

/** The checkpoint that a version was written by. */
export interface MemoryWriter {
  thread_id: string;
  id: string;
  label: string;
  /** False: the step that wrote it has made no checkpoint; this is the one it started from. */
  made: boolean;
}

export interface MemoryVersion {
  /** From 1, the oldest. */
  number: number;
  kind: ChangeKind;
  at: number;
  summary: string;
  node: string | null;
  thread_id: string | null;
  writer: MemoryWriter | null;
}

/** Versions of one item, newest first. */
export interface MemoryVersions {
  versions: MemoryVersion[];
  total: number;
}

/** What a step made of one item. */
export interface MemoryChange {
  ref: string;
  namespace: string[];
  key: string;
  kind: ChangeKind;
  summary: string;
  node: string | null;
  diff: DiffView;
}

export interface MemoryChanges {
  changes: MemoryChange[];
  total: number;
}

/** The sandbox that is open. */
export interface SandboxView {
  thread_id: string;
  /** The checkpoint that it started from. */
  start: string;
  label: string;
  checkpoints: number;
  /** Which memory is read in it, in words; empty where the graph has no store. */
  memory: string;
  /** What became of memories in it. */
  changes: MemoryChanges;
  /** What it cannot hold. */
  warnings: string[];
}

/** The body of a `sandbox` event. */
export interface SandboxState {
  /** None: none is open any more. */
  sandbox: SandboxView | null;
}

/** The answer to `sandbox_keep`. */
export interface SandboxKept {
  /** Checkpoints stored. */
  kept: number;
  /** Memories that were changed meanwhile; where there are any, nothing was kept. */
  conflicts: MemoryChanges;
}

/** What is to be written, as it was typed. */
export interface MemoryEdit {
  /** Labels with dots between them; ignored where `ref` names an item. */
  namespace: string;
  key: string;
  /** JSON. */
  text: string;
  /** Minutes; empty: what the store gives by itself. */
  ttl: string;
  /** The item that is edited; None: a new one. */
  ref: string | null;
  /** When the item was written that is edited: where another came in between, nothing is written. */
  updated_at: number | null;
}

/** What an edit would write. */
export interface MemoryPlan {
  ref: string;
  diff: DiffView;
  exists: boolean;
}

export interface MemoryCode {
  act: "get" | "search" | "history" | "put" | "delete";
  ref: string | null;
  as_of: boolean;
  text?: string;
  query?: string;
  filter?: string;
  edit?: MemoryEdit;
}

export interface CodeRequest {
  act: "select" | "diff" | "fork" | "run" | "start" | "memory";
  /** Empty for a start. */
  checkpoint: string;
  other?: string;
  fork?: ForkRequest;
  run?: RunRequest;
  start?: StartRequest;
  memory?: MemoryCode;
}

export interface CodeView {
  code: string;
}

export interface ThreadsList {
  query: string;
  after: string | null;
  limit: number;
}

export interface ThreadOpen {
  thread_id: string | null;
}

export interface CheckpointParams {
  checkpoint: string;
}

export interface ValueGet {
  checkpoint: string;
  channel: string;
  path: number[];
  offset: number;
  limit: number;
}

export interface MediaGet {
  checkpoint: string;
  channel: string;
  path: number[];
}

/** The text of a search hit. */
export interface ValueFind {
  checkpoint: string;
  channel: string;
  before: string;
  match: string;
  after: string;
}

/** A part of a state, as it is looked for in another one. */
export interface OriginFind {
  checkpoint: string;
  channel: string;
  path: number[];
  line: number | null;
  /** The checkpoint in whose state it is looked for. */
  target: string;
}

export interface DiffParams {
  /** None: against the parent. */
  before: string | null;
  after: string;
  internal: boolean;
}

export interface CompareParams {
  left: string;
  right: string;
}

export interface EvaluateParams {
  /** A Python expression over the channels. Only the kernel of who typed it evaluates it. */
  text: string;
  /** The first row. */
  start: number;
}

export interface SearchParams {
  query: string;
}

export interface PartParams {
  checkpoint: string;
  channel: string;
  path: number[];
  /** What was made of it as JSON, to go on with it as a form; else the form is of the part as it is. */
  typed?: string;
}

export interface StartParams {
  /** A new thread of this id; None: of a free one. With `turn` the thread that it is the next turn of. */
  thread_id: string | null;
  turn: boolean;
  /** The graph of a server that is to begin a new thread. */
  graph?: string;
}

export interface MarksParams {
  checkpoints: string[];
}

export interface RunStop {
  run: number;
  /** Cancel the nodes at work, where they are asynchronous. */
  now?: boolean;
}

export interface BreakpointsSet {
  thread_id: string;
  breakpoints: Breakpoints;
}

/** The body of a `breakpoints` event. */
export interface BreakpointsOf {
  thread_id: string;
  breakpoints: Breakpoints;
}

/** The body of an `agents` event: the checkpoints that coding agents look at, by id. */
export interface AgentsAt {
  thread_id: string;
  checkpoints: string[];
}

export interface MemoryOpen {
  /** What is selected; None: nothing is, for there is no thread. */
  checkpoint: string | null;
}

export interface MemoryList {
  /** Memory as of a checkpoint; None: now. */
  checkpoint: string | null;
  /** The namespace. */
  ref: string;
  offset: number;
  limit: number;
}

export interface MemorySearch {
  checkpoint: string | null;
  ref: string;
  /** To be found in key or value, without regard to case. */
  text: string;
  /** JSON, as `store.search` takes it. */
  filter: string;
  /** To be near in meaning. */
  query: string;
  offset: number;
  limit: number;
}

export interface MemoryGet {
  checkpoint: string | null;
  ref: string;
}

export interface MemoryValueGet {
  checkpoint: string | null;
  ref: string;
  /** One of the item's versions, whatever the checkpoint; None: the item as of that. */
  version: number | null;
  /** A field of the item, of which `path` is a part; None: the whole. */
  field: string | null;
  path: number[];
  offset: number;
  limit: number;
}

export interface MemoryHistory {
  ref: string;
  offset: number;
  limit: number;
}

/** Versions by number; `before` 0: nothing at all. */
export interface MemoryDiff {
  ref: string;
  before: number;
  after: number;
}

export interface MemoryDelete {
  ref: string;
  updated_at: number | null;
}

export interface SandboxKeep {
  /** Also over memories that were changed meanwhile. */
  overwrite: boolean;
}

export type Nothing = Record<string, never>;

export interface ExportPlan {
  kind: ExportKind;
  checkpoint: string;
  /** What it is compared with. */
  other: string | null;
  /** Paths that are masked besides. */
  redact: string[];
}

/** A file that is made and not yet written: what it contains. */
export interface ExportView {
  token: string;
  checkpoints: number;
  messages: number;
  /** Of memory. */
  items: number;
  bytes: number;
  /** How many rules masked it. */
  rules: number;
  /** Where it may be written: nothing is there. */
  path: string;
}

export interface ExportWrite {
  token: string;
  /** Relative to the notebook's folder. */
  path: string;
  overwrite: boolean;
}

export interface ExportWritten {
  /** The whole path. */
  path: string;
  /** False where a file is there that was not to be written over. */
  written: boolean;
}

export interface PinWrite {
  checkpoint: string;
  /** Of the test, relative to the notebook's folder. */
  path: string;
  /** Nodes that the test runs. */
  live: string[];
  overwrite: boolean;
}

/** What is about to be done: it is predicted first. */
export interface PredictRequest {
  checkpoint: string;
  fork: ForkRequest | null;
  run: RunRequest | null;
}

export interface PredictChoice {
  /** The letter that answers. */
  mark: string;
  text: string;
}

/** A question; names of nodes and channels stand in backticks. */
export interface PredictView {
  /** None: nothing fits to be asked. */
  id: string | null;
  text: string;
  /** Empty: it is answered in one's own words. */
  choices: PredictChoice[];
}

export interface PredictAnswer {
  id: string;
  answer: string;
}

export interface PredictTold {
  right: boolean;
  /** What is right, and why. */
  text: string;
}

/** Method name to (params, result): the whole interface of a view. */
export interface Methods {
  threads_list: { params: ThreadsList; result: ThreadPage };
  thread_open: { params: ThreadOpen; result: ThreadView };
  thread_refresh: { params: Nothing; result: ThreadSummary };
  rows_marks: { params: MarksParams; result: RowMarks[] };
  checkpoint_get: { params: CheckpointParams; result: CheckpointView };
  value_get: { params: ValueGet; result: ValueNode };
  value_find: { params: ValueFind; result: FoundPlace };
  blame_get: { params: CheckpointParams; result: BlameView };
  origin_find: { params: OriginFind; result: OriginPlace };
  media_get: { params: MediaGet; result: MediaData };
  diff_get: { params: DiffParams; result: DiffView };
  writes_get: { params: CheckpointParams; result: TaskWrites[] };
  tasks_get: { params: CheckpointParams; result: TaskView[] };
  why_get: { params: CheckpointParams; result: WhyView };
  narration_get: { params: CheckpointParams; result: ToldSentence[] };
  compare_get: { params: CompareParams; result: ComparisonView };
  branches_get: { params: Nothing; result: BranchesView };
  evaluate: { params: EvaluateParams; result: EvaluateView };
  raw_get: { params: CheckpointParams; result: RawView };
  search: { params: SearchParams; result: SearchProgress };
  fork_form: { params: CheckpointParams; result: ForkForm };
  part_form: { params: PartParams; result: PartForm };
  fork_preview: { params: ForkRequest; result: PreviewView };
  dry_run: { params: DryRunRequest; result: DryRunView };
  fork_commit: { params: ForkRequest; result: ForkResult };
  answer_form: { params: CheckpointParams; result: AnswerForm[] };
  answer_make: { params: AnswerRequest; result: AnswersMade };
  start_form: { params: StartParams; result: StartForm };
  thread_start: { params: StartRequest; result: RunView };
  run_start: { params: RunRequest; result: RunView };
  run_stop: { params: RunStop; result: RunView };
  breakpoints_set: { params: BreakpointsSet; result: BreakpointsOf };
  code_get: { params: CodeRequest; result: CodeView };
  memory_open: { params: MemoryOpen; result: MemoryView };
  memory_list: { params: MemoryList; result: MemoryPage };
  memory_search: { params: MemorySearch; result: MemoryHits };
  memory_item: { params: MemoryGet; result: MemoryItemView };
  memory_value: { params: MemoryValueGet; result: ValueNode };
  memory_versions: { params: MemoryHistory; result: MemoryVersions };
  memory_diff: { params: MemoryDiff; result: DiffView };
  memory_changes: { params: CheckpointParams; result: MemoryChanges };
  memory_plan: { params: MemoryEdit; result: MemoryPlan };
  memory_put: { params: MemoryEdit; result: MemoryPlan };
  memory_delete: { params: MemoryDelete; result: Nothing };
  sandbox_keep: { params: SandboxKeep; result: SandboxKept };
  sandbox_discard: { params: Nothing; result: Nothing };
  export_plan: { params: ExportPlan; result: ExportView };
  export_write: { params: ExportWrite; result: ExportWritten };
  pin_write: { params: PinWrite; result: ExportWritten };
  predict_make: { params: PredictRequest; result: PredictView };
  predict_answer: { params: PredictAnswer; result: PredictTold };
}

/** Event name to body, sent as `{"event": name, "body": body}`. */
export interface Events {
  opening: Early;
  tree: TreeNews;
  run: RunView;
  live: LiveView;
  breakpoints: BreakpointsOf;
  agents: AgentsAt;
  sandbox: SandboxState;
}
