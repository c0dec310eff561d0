"""Which tasks ran in a step and why, and what stands where it ended, told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lgviz.sources.places import calls

from .answers import Asker, askers_of
from .causes import Cause, Trigger
from .checkpoint import Checkpoint, record_of
from .phrases import Hole, Phrase, label, named, number, say, shown
from .questions import question_of
from .tree import Flag
from .values import clean
from .why import Waiting, Why

__all__ = ["told_standing", "told_tasks"]

_START = "__start__"
_ASKED = 160
"""Characters of a question."""


def told_tasks(why: Why) -> Iterator[Phrase]:
    """Which tasks ran to make a checkpoint, and why; those that ran for one reason together."""
    at = why.checkpoint
    asked_at = at.parent
    askers = {} if asked_at is None else _askers(asked_at)
    groups: dict[Any, list[Cause]] = {}
    for cause in why.tasks:
        if cause.node != _START:  # what it writes tells all of it
            groups.setdefault(_reason(cause), []).append(cause)
    if len(groups) > 1:
        count = sum(map(len, groups.values()))
        yield say("{n} tasks ran at once in this super-step.", n=number(count))
    for causes in groups.values():
        yield from _told(causes, askers)
    if Flag.SERVED in at.flags:
        yield say("History answered for it: its code did not run.")
    if asked_at is not None:
        yield from _inside(asked_at, {cause.node for cause in why.tasks})


def _reason(cause: Cause) -> Any:
    """What the tasks have in common that are told in one sentence."""
    if cause.via == "resume":
        return "resume", cause.task_id or cause.node
    led = tuple((one.node, one.via, one.router, one.choices) for one in cause.triggers)
    # One `Send` leads to one task, and many of them to a sentence.
    return cause.via, cause.node if cause.via == "send" else "", led, cause.deferred, cause.failed_before


def _told(causes: Sequence[Cause], askers: Mapping[str, Asker]) -> Iterator[Phrase]:
    first = causes[0]
    who = named(*(cause.node for cause in causes if cause.node))
    if not who.texts:
        yield say("A task ran whose node is not certain.")
        return
    after = named(*(one.node for one in first.triggers if one.node is not None))
    if first.via == "resume":
        yield _answered(first, who, askers)
    elif first.via == "send":
        yield _sent(causes, who, after)
    elif len({one.via for one in first.triggers}) > 1:
        yield say("{who} ran after {after}, in more than one way.", who=who, after=after)
    elif first.via == "branch":
        yield _chosen(first.triggers[0], who, after)
    else:
        yield _led(first, len(causes), who, after)
    if first.deferred:
        yield say("It is deferred, so it ran when all others had ended.")
    if first.failed_before:
        yield say("It had failed before, and ran again.")


def _led(cause: Cause, count: int, who: Hole, after: Hole) -> Phrase:
    """What ran by a way that needs no telling apart: an edge, a join, a ``Command``, a call, an input."""
    holes = {"who": who, "after": after}
    match cause.via:
        case "input":
            return say("{who} ran with the input.", who=who)
        case "edge" if after.texts == (_START,):
            return say("{who} ran first: the graph begins there.", who=who)
        case "edge" if count > 1:
            return say("{who} ran in parallel after {after}: an edge leads to each of them.", **holes)
        case "edge":
            return say("{who} ran after {after}: an edge leads there.", **holes)
        case "join":
            return say("{who} ran once {after} had all come: it waits for all of them.", **holes)
        case "goto" if after.texts:
            return say("{who} ran because {after} went there by a Command.", **holes)
        case "goto":
            return say("{who} ran because the run was told to go there by a Command.", who=who)
        case "call" if after.texts:
            return say("{who} ran because {after} called it.", **holes)
    if after.texts:
        return say("{who} ran after {after}.", **holes)
    return say("{who} ran; what led there is not certain.", who=who)


def _chosen(trigger: Trigger, who: Hole, after: Hole) -> Phrase:
    """What a router chose; a function without a name LangGraph calls ``condition``."""
    holes = {"who": who, "after": after}
    names = named(*("END" if each == "__end__" else each for each in trigger.choices))
    known = trigger.router not in (None, "condition")
    router = named(str(trigger.router))
    if len(trigger.choices) < 2:
        if known:
            return say("{who} ran after {after}: the router {router} chose it.", router=router, **holes)
        return say("{who} ran after {after}: its router chose it.", **holes)
    if known:
        return say(
            "{who} ran after {after}: the router {router} chose it, out of {choices}.",
            router=router, choices=names, **holes
        )  # fmt: skip
    return say("{who} ran after {after}: its router chose it, out of {choices}.", choices=names, **holes)


def _sent(causes: Sequence[Cause], who: Hole, after: Hole) -> Phrase:
    """What a ``Send`` started."""
    given = Hole("values", tuple(cause.sent for cause in causes[:4] if cause.sent is not None))
    given = Hole("values", given.texts, more=len(causes) - 4 if len(causes) > 4 else 0)
    holes = {"who": who, "given": given, "n": number(len(causes))}
    if not after.texts:
        if len(causes) > 1:
            return say("{who} ran {n} times in parallel, by a Send each.", **holes)
        return say("{who} ran by a Send.", **holes)
    if not given.texts:
        return say("{who} ran because {after} sent to it.", after=after, **holes)
    if len(causes) > 1:
        return say(
            "{who} ran {n} times in parallel, once for each Send of {after}: {given}.", after=after, **holes
        )
    return say("{who} ran because {after} sent it {given}.", after=after, **holes)


# ---------------------------------------------------------------- questions


def _askers(checkpoint: Checkpoint) -> dict[str, Asker]:
    return askers_of((write.task_id, write.channel, write.value) for write in record_of(checkpoint).writes)


def _answered(cause: Cause, who: Hole, askers: Mapping[str, Asker]) -> Phrase:
    """A task that asked, and went on when it was answered."""
    asker = askers.get(cause.task_id or "")
    if asker is None or not asker.answers:
        return say("{who} was answered, began again from its first line, and went on.", who=who)
    return say(
        "{who} was answered {answer}: it began again from its first line, and went on.",
        who=who,
        answer=shown(*asker.answers, limit=_ASKED),
    )


def _inside(parent: Checkpoint, nodes: set[str]) -> Iterator[Phrase]:
    """The graphs that the tasks of a step called."""
    begun: dict[str, Checkpoint] = {}
    for inner in parent.inner:
        begun.setdefault(calls(inner.namespace)[-1].node, inner)
    for node, first in begun.items():
        if node in nodes:
            yield say("Inside {who} a graph of its own ran, from {at} on.", who=named(node), at=label(first))


# ---------------------------------------------------------------- what stands there


def told_standing(why: Why) -> Iterator[Phrase]:
    """What stands where a checkpoint ended: a question, a failure, what waits, the end."""
    at = why.checkpoint
    waits = {getattr(one, "id", None) for one in at.waiting}
    asked = [task for task in at.tasks if task.interrupts]
    for task in asked:
        yield _question(task.name, task.interrupts)
        if any(getattr(one, "id", None) in waits for one in task.interrupts):
            yield say("When that is answered, {who} begins again from its first line.", who=named(task.name))
    failed = [each for each in why.waiting if each.kind == "error"]
    for each in failed:
        yield _failure(each)
    if failed or (asked and waits):
        done = [task.name for task in at.tasks if task.result is not None and not task.interrupts]
        again = [*(each.node for each in failed), *(task.name for task in asked)]
        if set(done) & set(again):
            yield say("The others, {n}, ended well: what they wrote is kept.", n=number(len(done)))
        elif done and any(again):
            yield say(
                "What {who} wrote is kept: a resume runs only {again} again.",
                who=named(*done), again=named(*filter(None, again))
            )  # fmt: skip
    for each in why.waiting:
        if each.kind == "join":
            yield say("{who} still waits for {missing}.", who=named(each.node), missing=named(*each.missing))
        elif each.kind == "defer":
            yield say("{who} is deferred: it waits until all others have ended.", who=named(each.node))
    yield from _ahead(why, bool(failed or asked))


def _question(node: str, interrupts: Sequence[Any]) -> Phrase:
    asked = [(getattr(each, "value", each), question_of(each).actions) for each in interrupts]
    tools = [action.name for _, actions in asked for action in actions]
    if tools:
        return say("{who} stopped to have calls approved, of {tools}.", who=named(node), tools=named(*tools))
    return say(
        "{who} stopped to ask: {question}.",
        who=named(node),
        question=shown(*(value for value, _ in asked), limit=_ASKED),
    )


def _failure(failed: Waiting) -> Phrase:
    error = Hole("values", (clean((failed.error or "").rstrip(".")),))
    if not failed.node:
        return say("A task whose node is not certain failed: {error}.", error=error)
    return say("{who} failed: {error}.", who=named(failed.node), error=error)


def _ahead(why: Why, stopped: bool) -> Iterator[Phrase]:
    """What comes next of a checkpoint from which nothing came yet."""
    at = why.checkpoint
    if at.children or stopped:
        return
    ahead = [each.node for each in why.waiting if each.kind == "next"]
    if len(set(ahead)) > 1:
        yield say("{next} come next, in parallel.", next=named(*ahead))
    elif ahead:
        yield say("{next} comes next.", next=named(*ahead))
    elif not at.next:
        callers = calls(at.namespace)
        if callers:
            yield say("Here the graph inside {who} ended.", who=named(callers[-1].node))
        else:
            yield say("Here the run ended.")
