"""What an interrupt asks, and what it was answered with, as protocol messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langgraph.types import Interrupt, PregelTask

from lgviz.analysis.answers import NOT_TOLD, GivenAnswer, askers_of, told
from lgviz.analysis.checkpoint import Checkpoint, record_of
from lgviz.analysis.questions import TAKES, Action, Decision, Question, question_of
from lgviz.analysis.tree import Flag
from lgviz.analysis.values import clean
from lgviz.backend.fields import option_of, schema_problem
from lgviz.backend.value_views import MESSAGE, Budget, argument_items, one_line, value_node
from lgviz.protocol import ActionView, DecidedView, InterruptView, QuestionView

__all__ = ["asked_beside", "interrupt_view", "interrupts_of", "question_words", "told_at"]

_OPTIONS = 12
_DESCRIPTION = 2_000
_ARGUMENT = 20_000
"""Characters: who approves a call is to see it whole."""


def interrupts_of(checkpoint: Checkpoint, task: PregelTask) -> list[InterruptView]:
    """The questions of one task of a checkpoint's next step."""
    count = sum(len(one.interrupts) for one in checkpoint.tasks)
    return [
        interrupt_view(i, task.name, told_at(checkpoint, task, i), Budget(MESSAGE // count))
        for i in task.interrupts
    ]


def asked_beside(checkpoint: Checkpoint) -> list[InterruptView]:
    """The questions of nodes that a ``Command(goto=...)`` sent along with an answer: no tasks of the step to
    LangGraph, yet."""
    shown = {getattr(one, "id", None) for task in checkpoint.tasks for one in task.interrupts}
    beside = [one for one in checkpoint.waiting if getattr(one, "id", None) not in shown]
    if not beside:
        return []
    tree = checkpoint.history.tree
    row = tree.rows[checkpoint.row]
    names = {
        interrupt.id: tree.naming.name_task(row, row.step_work.tasks[asker.task_id]) or ""
        for asker in askers_of((w.task_id, w.channel, w.value) for w in record_of(checkpoint).writes).values()
        if not row.step_work.tasks[asker.task_id].called
        for interrupt in asker.asked
    }
    budget = Budget(MESSAGE // len(beside))
    return [
        interrupt_view(one, names.get(one.id, ""), GivenAnswer(False, [], True), budget) for one in beside
    ]


def interrupt_view(interrupt: Any, node: str, said: GivenAnswer, budget: Budget) -> InterruptView:
    """An interrupt as LangGraph's ``Interrupt``, a dict of the same fields, or the bare value."""
    known = hasattr(interrupt, "value")
    name = getattr(interrupt, "id", None) or getattr(interrupt, "interrupt_id", None) or ""
    question = _question_view(
        question_of(interrupt), said.answer, budget
    )  # what a person must see comes first
    value_share, answer_share = budget.shares(2)
    return {
        "id": clean(str(name))[:200],
        "node": clean(node)[:200],
        "value": value_node(interrupt.value if known else interrupt, budget=value_share),
        "answered": said.answered,
        "answer": None if said.answer is NOT_TOLD else value_node(said.answer, budget=answer_share),
        "question": question,
    }


def question_words(interrupts: Sequence[Any]) -> str:
    """What interrupts ask, in a line: the actions that wait, else the text that asks."""
    if names := [action.name for one in interrupts for action in question_of(one).actions]:
        return one_line(f"{', '.join(dict.fromkeys(names))}?")
    value = interrupts[0].value
    if isinstance(value, dict):  # what asks in it, not the dict
        keys = ("question", "prompt", "message", "query", "description", "action")
        value = next((text for key in keys if isinstance(text := value.get(key), str)), value)
    return one_line(value)


def told_at(checkpoint: Checkpoint, task: PregelTask, interrupt: Any) -> GivenAnswer:
    """What a question of a checkpoint was told; a subgraph keeps that by itself."""
    passed = Flag.ANSWERED in checkpoint.flags
    if not isinstance(interrupt, Interrupt):
        return GivenAnswer(passed, [], True)
    finished = passed or getattr(task, "result", None) is not None
    askers = askers_of((w.task_id, w.channel, w.value) for w in record_of(checkpoint).writes)
    here = told(askers, interrupt, task, checkpoint.namespace, finished=finished)
    if not here.answered or here.answer is not NOT_TOLD:
        return here
    for inner in checkpoint.inner:
        if Flag.INTERRUPT not in inner.flags:
            continue
        for called in inner.tasks:
            if interrupt.id in {i.id for i in called.interrupts if isinstance(i, Interrupt)}:
                below = told_at(inner, called, interrupt)
                if below.answer is not NOT_TOLD:
                    return GivenAnswer(True, here.before, here.own, below.answer)
    return here


def _question_view(question: Question, answer: Any, budget: Budget) -> QuestionView:
    decided = None if answer is NOT_TOLD else question.decided(answer)
    problem = None if question.schema is None else schema_problem(question.schema)
    usable = question.schema is not None and problem is None
    count = len(question.actions)
    return {
        "kind": "decisions" if question.actions else "form" if usable else "text",
        "actions": [
            _action_view(action, decided[place] if decided else None, share)
            for place, (action, share) in enumerate(zip(question.actions, budget.shares(count), strict=True))
        ],
        "options": [option_of(value, label) for label, value in question.options[:_OPTIONS]],
        "warning": problem,
    }


def _action_view(action: Action, decided: Decision | None, budget: Budget) -> ActionView:
    return {
        "name": budget.take(action.name, 200)[0],
        "description": budget.take(action.description, _DESCRIPTION)[0],
        "args": argument_items(action.args, budget, _ARGUMENT),
        "decisions": [{"type": kind, "takes": TAKES[kind]} for kind in action.decisions],
        "decided": None if decided is None else _decided_view(decided, budget),
    }


def _decided_view(decided: Decision, budget: Budget) -> DecidedView:
    name, args = decided.action or ("", {})
    return {
        "type": decided.type,
        "text": budget.take(decided.text, _DESCRIPTION)[0],
        "name": budget.take(name, 200)[0],
        "args": argument_items(args, budget),
    }
