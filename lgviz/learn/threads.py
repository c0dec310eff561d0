"""Questions about what a thread holds: the latest checkpoint, how many there are, where, and for how long."""

from __future__ import annotations

from langgraph.checkpoint.memory import InMemorySaver

from lgviz.analysis.history import open_history
from lgviz.persistence import MemorySaver
from lgviz.session.target import find, perform, target_of
from lgviz.sources.claims import file_of
from lgviz.sources.places import calls, config_of, node_path, place_of

from .forms import count_of, name_of, nodes_text
from .question import AnswerKey, LearnQuestion
from .runs import ran_in, recorded_run
from .subject import Subject

__all__ = ["ask_forgets", "ask_grows", "ask_latest", "ask_where"]

_NEW = "the new one"


def ask_latest(subject: Subject) -> LearnQuestion:
    """Which checkpoint a thread goes on from where none is named: the one made last, on any branch."""
    history, at = subject.history, subject.at
    call = f"`graph.get_state` with `thread_id` {history.shown_id!r} and no checkpoint's id"
    heads = [head.label for head in history.heads]
    ends = f"{'branches end' if len(heads) > 1 else 'the only branch ends'} at {' and '.join(heads)}"
    if subject.updates:
        subject.preview  # refuses what cannot be done  # noqa: B018
        key, fact = _NEW, "It gives the checkpoint that the update made."
        text = (
            f"In the thread {ends}. An update of the state at {at.label} makes a new checkpoint. "
            f"Which one does {call} give then?"
        )
        wrong = [history.latest.label, at.label, *heads]
    else:
        if not history.forks:
            subject.refuse("The thread has one branch only.", "Fork it, or ask with `values=`.")
        key = _latest(subject)
        fact = f"It gives {key}."
        text = f"The thread parted at {history.forks[0].label}; {ends}. Which checkpoint does {call} give?"
        wrong = [*heads, history.forks[0].label, history.root.label]
    why = (
        "Without an id, the checkpoint that was made last counts, on whatever branch it is: "
        "name the id to stay on yours."
    )
    return subject.ask(text, AnswerKey([key], fact, why), name_of, wrong, str)


def _latest(subject: Subject) -> str:
    """What the graph's saver gives where no checkpoint is named."""
    thread = config_of(subject.history.thread_id)
    found = perform(target_of(subject.graph), lambda here: find(here, thread, None))
    return subject.history[str(place_of(found.config).checkpoint_id)].label


# ---------------------------------------------------------------- how many


def ask_grows(subject: Subject) -> LearnQuestion:
    """How many checkpoints an update leaves, or a first run stores: nothing is ever written over."""
    return _after_update(subject) if subject.updates else _of_a_run(subject)


def _after_update(subject: Subject) -> LearnQuestion:
    subject.preview  # refuses what cannot be done  # noqa: B018
    history, at = subject.history, subject.at
    count, before = len(history), len(history.path(at))
    text = (
        f"`graph.get_state_history` gives {count} checkpoints of the thread, {before} of them up to "
        f"{at.label}. The state is updated at {at.label}. How many does it give then?"
    )
    key = AnswerKey(
        [count + 1],
        f"It gives {count + 1}.",
        "An update adds a checkpoint beside what came later: nothing is written over, nothing is dropped.",
    )
    return subject.ask(text, key, count_of, [count, before, before + 1, count + 2])


def _of_a_run(subject: Subject) -> LearnQuestion:
    at = subject.at
    if at.source != "input" or at.parent is not None or at.collapsed:
        subject.refuse(f"{at.label} is not the first input of the thread.", "Ask with `values=`.")
    path = [at, *recorded_run(subject)]
    ran = ran_in(path)
    steps = sum(bool(ran_in([each])) for each in path)
    text = (
        f"An input began a new thread, and in {steps} super-step{'s' * (steps > 1)} {nodes_text(ran)} ran. "
        "How many checkpoints did that run store?"
    )
    key = AnswerKey(
        [len(path)],
        f"It stored {len(path)}.",
        "One holds the input as it came, one the state that it made, and one more comes after each "
        "super-step: history grows with every run.",
    )
    return subject.ask(text, key, count_of, [1, steps, steps + 1, ran.total(), ran.total() + 1])


# ---------------------------------------------------------------- where, and for how long

_ELSEWHERE = {
    "the root namespace": "in the root namespace, among the checkpoints of the thread itself",
    "another thread": "in a thread of its own, with a `thread_id` made for it",
    "nowhere": "nowhere: only what it gave back is stored",
}


def ask_where(subject: Subject) -> LearnQuestion:
    """Where the state of a graph that is a node of another is kept."""
    found = {calls(inner.namespace)[0].node: inner for inner in reversed(subject.at.inner)}
    node = subject.node or next(reversed(found), None)
    if node not in found:
        subject.refuse(f"No graph inside a node stored its steps from {subject.at.label}.")
    namespace = found[node].namespace
    shown = f"{node}:<id of the task>" if calls(namespace)[0].task_id else node
    text = (
        f"In the step from {subject.at.label}, `{node}` called a graph of its own, which ran in steps too. "
        "Where are the states between its steps?"
    )
    told = {**_ELSEWHERE, node: f"in the same thread, in the checkpoint namespace `{shown}`"}
    key = AnswerKey(
        [node],
        f"They are in the same thread, in the checkpoint namespace `{shown}`.",
        "The state of the graph around it does not show them; `graph.get_state(config, subgraphs=True)` does "
        "while they wait.",
    )
    return subject.ask(
        text, key, node_path, list(_ELSEWHERE), lambda where: told.get(where, where), {"node": node}
    )


_EMPTY = "none"


def ask_forgets(subject: Subject) -> LearnQuestion:
    """What a saver of the same kind, made anew, finds of the thread."""
    history, saver = subject.history, subject.graph.checkpointer
    kind, file = type(saver).__name__, file_of(saver)
    if isinstance(saver, (InMemorySaver, MemorySaver)):
        found = type(saver)().get_tuple(config_of(history.thread_id))
        key, how = _EMPTY if found is None else str(found.config), f"a new `{kind}()`"
        why = "It keeps checkpoints in the memory of the saver that stored them: keep one for all requests."
    elif file is not None:
        key = open_history(str(file), history.thread_id).latest.label
        how = f"a new `{kind}` on the same file"
        why = "They are in the file, and any saver that opens it finds them."
    else:
        subject.refuse(f"Whether a new {kind} finds a thread cannot be looked up.")
    text = (
        f"The thread {history.shown_id!r} is at {history.latest.label}. A service makes {how} for each "
        "request. At which checkpoint does the next request go on?"
    )
    told = {_EMPTY: "at none: to the new saver the thread is empty"}
    fact = "It finds no checkpoint." if key == _EMPTY else f"It goes on at {key}."
    wrong = [_EMPTY, history.latest.label, history.root.label]
    return subject.ask(
        text, AnswerKey([key], fact, why), name_of, wrong, lambda label: told.get(label, f"at {label}")
    )
