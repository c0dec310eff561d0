"""Questions about one step or update: which nodes come next, and what a channel becomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.constants import START
from langgraph.types import Overwrite

from lgviz.analysis.causes import listed_and
from lgviz.analysis.channels import ChannelInfo, channels_of
from lgviz.analysis.checkpoint import Checkpoint, state_of
from lgviz.analysis.tree import Flag
from lgviz.analysis.values import line
from lgviz.analysis.writes import unfolded
from lgviz.session import Set
from lgviz.sources.places import by_channel

from .forms import node_set, nodes_text, plain_value, value_text
from .question import AnswerKey, LearnQuestion
from .subject import Subject

__all__ = ["ask_next", "ask_value"]

_SHORT = 200


def done_here(subject: Subject) -> str:
    """The update that is asked about, as a part of a sentence."""
    given = subject.values if isinstance(subject.values, Mapping) else {}
    shown = {name: _plain(value) for name, value in given.items()} or subject.values
    known = channels_of(subject.graph)
    past = [name for name, value in given.items() if _is_set(value) and name in known and known[name].reducer]
    node = f" as `{subject.as_node}`" if subject.as_node else ""
    goto = f", going to `{subject.goto}`" if subject.goto else ""
    sets = f", and {listed_and([f'`{name}`' for name in past])} set past its reducer" if past else ""
    return f"the state is updated with {line(shown, _SHORT)}{node}{goto}{sets}."


def _is_set(value: Any) -> bool:
    return isinstance(value, Set | Overwrite)


def _plain(value: Any) -> Any:
    """A value of an update, also of one that is set past its reducer."""
    return value.value if _is_set(value) else value


# ---------------------------------------------------------------- next


def ask_next(subject: Subject) -> LearnQuestion:
    """Which nodes come next, at a checkpoint or after an update there.

    A node that LangGraph names in ``next`` though it still waits for others is no fair question, nor is a
    step of which a part has finished: only the rest runs where one resumes, all of it where one replays.
    """
    at = subject.at
    if not subject.updates and at.flags & Flag.PENDING:
        subject.refuse(f"A part of the step after {at.label} has finished already.")
    if not subject.updates and START in at.next:
        subject.refuse(f"{at.label} holds an input as it came: LangGraph's own `{START}` comes next.")
    if subject.updates:
        text = f"At {at.label} {done_here(subject)} Which nodes run in the next step?"
        key, why = subject.preview.next, _why_after_update(subject)
    else:
        text = f"A run stands at {at.label}. Which nodes run in the next step?"
        key, why = at.next, _why_next(subject)
    names = nodes_text(key)
    fact = f"{names} {'come' if len(node_set(key)) > 1 else 'comes'} next." if key else "Nothing comes next."
    ran = subject.preview.as_node if subject.updates else None
    wrong: list[Any] = [at.nodes, [ran] if ran in subject.nodes else (), at.next, ()]
    wrong += [[node] for node in subject.nodes]
    return subject.ask(text, AnswerKey([key], fact, why), node_set, wrong, nodes_text)


def _why_next(subject: Subject) -> str:
    at = subject.at
    waits = subject.history.why(at).waiting
    if any(each.kind in ("join", "defer") for each in waits):
        subject.refuse(f"At {at.label} a node waits for others: what comes next is not one step alone.")
    if not at.next:
        return "No channel holds anything that a node has not read yet, so the run has ended."
    child = subject.following
    told = [each.text for each in waits] or (
        [cause.text for cause in subject.history.why(child).tasks] if child is not None else []
    )
    return " ".join(told) or f"LangGraph names them in the `next` of {at.label}."


def _why_after_update(subject: Subject) -> str:
    made = subject.preview
    stays = [warning for warning in made.warnings if "goto=" in warning]
    if not made.next and stays:
        return stays[0]
    who = f"`{made.as_node}`"
    inferred = "" if subject.as_node else f" LangGraph takes {who}, the node that wrote last."
    return (
        f"An update as {who} counts as if {who} had just written: its edges and routers choose what follows."
        f"{inferred}"
    )


# ---------------------------------------------------------------- value


def ask_value(subject: Subject) -> LearnQuestion:
    """What a channel becomes by an update, or by the step that was recorded: what its reducer makes of it."""
    return _updated(subject) if subject.updates else _stepped(subject)


def _updated(subject: Subject) -> LearnQuestion:
    given = subject.values if isinstance(subject.values, dict) else {}
    channel = subject.channel or next(iter(given), None)
    info = channels_of(subject.graph).get(channel or "")
    if info is None:
        subject.refuse("The update names no channel of the graph to ask about.", "Give `channel=`.")
    before = state_of(subject.at).get(info.name)
    after = by_channel(subject.preview.values).get(info.name)
    writes = [given[info.name]] if info.name in given else []
    text = (
        f"{_holds(subject.at, info.name)} There {done_here(subject)}{_told_again(before, writes)} "
        f"What is `{info.name}` afterwards?"
    )
    return _asked(subject, text, info, before, after, writes)


def _stepped(subject: Subject) -> LearnQuestion:
    """Of a recorded step its writes are told, so that nothing has to be guessed but the reducer's part."""
    child, at = subject.following, subject.at
    if child is None or child.writes.derived:
        subject.refuse(f"No step from {at.label} is recorded with its writes.", "Give `values=`.")
    known = channels_of(subject.graph)
    # In one step LangGraph applies writes by the names of nodes; what was sent, in the order of sending.
    by_node = sorted(child.writes.items(), key=lambda item: (len(item[1]) > 1, item[0]))
    wrote = [(node, one) for node, tasks in by_node for one in tasks]
    touched = list(dict.fromkeys(name for _, one in wrote for name in one if name in known))
    reduced = [name for name in touched if known[name].reducer]
    channel = subject.channel or next(iter([*reduced, *touched]), None)
    if channel not in touched:
        subject.refuse(f"The step from {at.label} writes to no such channel.", "Name one that it writes to.")
    writes = [(node, value) for node, one in wrote if channel in one for value in unfolded(one[channel])]
    told = " and ".join(f"`{node}` writes {line({channel: value}, _SHORT)}" for node, value in writes)
    before, after = (state_of(one).get(channel) for one in (at, child))
    given = [value for _, value in writes]
    text = (
        f"{_holds(at, channel)} In the step from there {told}.{_told_again(before, given)} "
        f"What is `{channel}` at {child.label}?"
    )
    return _asked(subject, text, known[channel], before, after, given)


def _holds(at: Checkpoint, channel: str) -> str:
    state = state_of(at)
    if channel not in state:
        return f"At {at.label}, `{channel}` is not set."
    value = state[channel]
    many = f"a list of {len(value)}, " if isinstance(value, list) and len(value) > 1 else ""
    return f"At {at.label}, `{channel}` is {many}{line(value, _SHORT)}."


def _told_again(before: Any, writes: list[Any]) -> str:
    """Which messages that are written have the id of one that is there: no text of theirs tells."""
    if not isinstance(before, list):
        return ""
    places = {one.id: place for place, one in enumerate(before, 1) if isinstance(one, BaseMessage)}
    written = [one for value in writes for one in (value if isinstance(value, list) else [value])]
    same = [places[one.id] for one in written if isinstance(one, BaseMessage) and one.id in places and one.id]
    return f" (Its id is that of item {same[0]} of the list.)" if same else ""


def _asked(
    subject: Subject, text: str, info: ChannelInfo, before: Any, after: Any, writes: list[Any]
) -> LearnQuestion:
    why = _why_value(info, writes)
    fact = f"`{info.name}` is {value_text(after, before)}."
    plain = [_plain(one) for one in writes]
    wrong = [*plain, before, *_mixed_up(before, plain)]
    about = {"channel": info.name}
    key = AnswerKey([after], fact, why)
    return subject.ask(text, key, plain_value, wrong, lambda value: value_text(value, before), about)


def _why_value(info: ChannelInfo, writes: list[Any]) -> str:
    if not writes:
        return "Nothing was written to it, and a channel keeps what it holds."
    if info.reducer and any(map(_is_set, writes)):
        return "The value is set: it takes the place of what was there, past the reducer."
    if info.reducer is None:
        return "The channel has no reducer, so the value that was written last takes its place."
    if info.messages:
        return (
            f"The channel's reducer, `{info.reducer}`, appends messages; one that has the id of a message "
            "that is there takes its place."
        )
    return (
        f"What is written goes through the channel's reducer, `{info.reducer}`, together with what it held: "
        "it is not put in its place."
    )


def _mixed_up(before: Any, writes: list[Any]) -> Iterator[Any]:
    """What one gets who takes the old and the new together in another way than the reducer."""
    for value in writes:
        if isinstance(before, list):
            new = value if isinstance(value, list) else [value]
            yield before + new
            yield new + before
            yield [*before, value]
        elif isinstance(before, dict) and isinstance(value, dict):
            yield {**before, **value}
        elif type(before) is type(value) and isinstance(before, (str, int, float)):
            yield before + value
