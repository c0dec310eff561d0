"""Answers to interrupts: the forms in which they are asked; what was filled in, as LangGraph takes it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.questions import TAKES, Action, Decision, Question, question_of
from lgviz.backend.dispatch import RequestCall, handler
from lgviz.backend.fields import errors_of, form_of, schema_problem
from lgviz.backend.forms import answer_of
from lgviz.backend.open_thread import OpenThread
from lgviz.backend.restored import refuse_mask
from lgviz.errors import InvalidValue
from lgviz.protocol import (
    AnswerDraft,
    AnswerError,
    AnswerForm,
    AnswerRequest,
    AnswersMade,
    CheckpointParams,
    DecisionDraft,
    FieldError,
)
from lgviz.session import parse_json
from lgviz.sources.redact import MASK_TYPED, holds_mask

__all__ = ["AnswerRequests", "checked_answers"]

_MASKED = f"{MASK_TYPED}: type a value in its place."
_ARGS = ("edited_action", "args")
"""Where the arguments of an edit stand in a decision."""


class AnswerRequests:
    """The requests by which a person answers what waits at a checkpoint.

    Args:
        thread: the open thread.
    """

    def __init__(self, thread: OpenThread) -> None:
        self._thread = thread

    @handler("read")
    def answer_form(self, call: RequestCall, params: CheckpointParams) -> list[AnswerForm]:
        schemas, forms = _ToolSchemas(self._thread.source.graph), []
        for key, question in _questions(self._thread.at(params["checkpoint"])).items():
            schema = _schema(question) if question.shape == "plain" else None
            args = [
                form_of(schemas.of(action), dict(action.args)) if "edit" in action.decisions else None
                for action in question.actions
            ]
            forms.append(AnswerForm(id=key, form=form_of(schema) if schema else None, args=args))
        return forms

    @handler("read")
    def answer_make(self, call: RequestCall, params: AnswerRequest) -> AnswersMade:
        questions = _questions(self._thread.at(params["checkpoint"]))
        schemas = _ToolSchemas(self._thread.source.graph)
        made: AnswersMade = {"answers": {}, "errors": []}
        redactor = self._thread.redactor
        for key, draft in params["drafts"].items():
            if key not in questions:
                raise InvalidValue(f"No question {key!r} is asked at this checkpoint.", "Look at it again.")
            text, errors = _Draft(key, questions[key], schemas, masked=redactor is not None).made(draft)
            made["errors"] += errors
            if not errors:
                made["answers"][key] = text
        return made


def checked_answers(at: Checkpoint, texts: Mapping[str, str] | None) -> dict[str, Any] | None:
    """The answers of a request, by interrupt id.

    Raises:
        InvalidValue: an answer does not fit the schema that its question gives.
    """
    if texts is None:
        return None
    questions = _questions(at)
    answers = {key: answer_of(text) for key, text in texts.items()}
    if at.history.source.redactor is not None:
        refuse_mask(answers, "answer")
    for key, answer in answers.items():
        schema = _schema(questions[key]) if key in questions else None
        if schema and (wrong := errors_of(schema, answer)):
            raise InvalidValue(f"The answer does not fit: {_told(wrong[0])}", "Correct it; nothing has run.")
    return answers


class _ToolSchemas:
    """The JSON schemas of the arguments that a graph's tools take, where a question does not tell them."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph

    def of(self, action: Action) -> Any:
        """The schema of edited arguments; True where it is not known, or could not be used."""
        if action.schema is not True:
            return action.schema if schema_problem(action.schema) is None else True
        for tool in self._tools(action.name):
            taken: Any = getattr(tool, "tool_call_schema", None)
            schema = taken.model_json_schema() if hasattr(taken, "model_json_schema") else taken
            if isinstance(schema, dict) and schema_problem(schema) is None:
                return schema
        return True

    def _tools(self, name: str) -> Iterator[Any]:
        """The tools of that name that a ``ToolNode`` of the graph, or of a subgraph, holds."""
        if not hasattr(self._graph, "nodes"):
            return
        for graph in (self._graph, *(inner for _, inner in self._graph.get_subgraphs(recurse=True))):
            for node in graph.nodes.values():
                held = getattr(getattr(node, "bound", None), "tools_by_name", None)
                if isinstance(held, dict) and name in held:
                    yield held[name]


class _Draft:
    """Makes the answer to one question of what was filled in."""

    def __init__(self, key: str, question: Question, schemas: _ToolSchemas, *, masked: bool = False) -> None:
        self._key = key
        self._masked = masked
        self._question = question
        self._schemas = schemas

    def made(self, draft: AnswerDraft) -> tuple[str, list[AnswerError]]:
        """The answer as ``run_start`` takes it, and what is wrong with it."""
        if draft["decisions"] is not None:
            return self._decided(draft["decisions"])
        if self._masked and holds_mask([draft["json"], draft["text"]]):
            return "", [self._error([], _MASKED)]
        if draft["json"] is None:
            return draft["text"] or "", []
        try:
            answer = parse_json(draft["json"], "answer")
        except InvalidValue as error:
            return "", [self._error([], str(error.cause))]
        schema = _schema(self._question)
        form = self._question.shape == "plain"
        wrong = errors_of(schema, answer) if schema else []
        errors = [self._error(e["path"] if form else [], e["message"] if form else _told(e)) for e in wrong]
        return draft["json"], errors

    def _decided(self, drafts: list[DecisionDraft | None]) -> tuple[str, list[AnswerError]]:
        decisions, errors = [], []
        for place, action in enumerate(self._question.actions):
            draft = drafts[place] if place < len(drafts) else None
            decision, wrong = _decision(action, draft, self._schemas.of(action))
            if self._masked and draft is not None and holds_mask([draft["args"], draft["text"]]):
                wrong = [{"path": [], "message": _MASKED}]
            errors += [self._error(e["path"], e["message"], place) for e in wrong]
            if decision is not None:
                decisions.append(decision)
        if errors:
            return "", errors
        answer = self._question.answer(decisions)
        schema = _schema(self._question)
        for error in errors_of(schema, answer) if schema else []:
            path = error["path"]
            inside = tuple(path[:2]) == _ARGS
            errors.append(self._error(path[2:] if inside else [], error["message"], 0))
        return json.dumps(answer, ensure_ascii=False), errors

    def _error(self, path: list[str | int], message: str, action: int | None = None) -> AnswerError:
        return {"id": self._key, "action": action, "path": path, "message": message}


def _decision(
    action: Action, draft: DecisionDraft | None, schema: Any
) -> tuple[Decision | None, list[FieldError]]:
    """A person's decision on one action, and what is wrong with it."""
    if draft is None or draft["type"] not in action.decisions:
        return None, [{"path": [], "message": f"Decide: {', '.join(action.decisions)}."}]
    takes = TAKES[draft["type"]]
    if takes == "text" and not draft["text"].strip():
        return None, [{"path": [], "message": "Write an answer."}]
    if takes != "args":
        return Decision(draft["type"], draft["text"] if takes in ("text", "reason") else ""), []
    try:
        args = parse_json(draft["args"] or "", "arguments")
    except InvalidValue as error:
        return None, [{"path": [], "message": str(error.cause)}]
    if not isinstance(args, dict):
        return None, [{"path": [], "message": "Arguments are an object, by name."}]
    return Decision(draft["type"], action=(action.name, args)), errors_of(schema, args)


def _questions(at: Checkpoint) -> dict[str, Question]:
    asked = [*(i for task in at.tasks for i in task.interrupts), *at.waiting]
    return {i.id: question_of(i) for i in asked if hasattr(i, "id")}


def _schema(question: Question) -> Mapping[str, Any] | None:
    """The schema that the answer is checked against."""
    return None if question.schema is None or schema_problem(question.schema) else question.schema


def _told(error: FieldError) -> str:
    path = ".".join(map(str, error["path"]))
    return f"{path}: {error['message']}" if path else error["message"]
