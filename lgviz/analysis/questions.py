"""What an interrupt asks, told by its shape: decisions on actions, a value of a schema, or anything.

The shapes are LangChain's: ``HITLRequest`` and ``ToolApprovalRequest`` of its ``HumanInTheLoopMiddleware``
(``langchain.agents.middleware``, which ``create_agent`` and Deep Agents use), and the older
``langgraph.prebuilt.interrupt.HumanInterrupt``. Each is answered in a form of its own; here both are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["TAKES", "Action", "Decision", "Question", "question_of"]

Takes = Literal["nothing", "args", "text", "reason"]
TAKES: Mapping[str, Takes] = {
    "approve": "nothing",
    "edit": "args",
    "reject": "reason",
    "respond": "text",
    "accept": "nothing",
    "response": "text",
    "ignore": "nothing",
}
"""What each decision takes besides; a reason need not be given."""

_APPROVALS = ("approve", "edit", "reject", "respond")
_INBOX = {
    "allow_accept": "accept",
    "allow_edit": "edit",
    "allow_respond": "response",
    "allow_ignore": "ignore",
}
_DEFAULT_DESCRIPTION = "Tool execution requires approval"
_LISTS = ("options", "choices", "answers", "actions", "allowed", "enum")


@dataclass(frozen=True, slots=True)
class Action:
    """An action that waits for a decision.

    Attributes:
        name: of the tool.
        args: what it is to be called with.
        description: what its asker says besides that.
        decisions: those allowed, by the ``type`` of the answer.
        schema: JSON schema of edited ``args``; True where it is not told.
    """

    name: str
    args: Mapping[str, Any]
    description: str
    decisions: tuple[str, ...]
    schema: Any = True


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision on one action.

    Attributes:
        type: one of :data:`TAKES`.
        text: the reason or the answer.
        action: the name and arguments to be used instead, of an edit.
    """

    type: str
    text: str = ""
    action: tuple[str, Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What an interrupt asks.

    Attributes:
        shape: ``batched`` (a ``HITLRequest``), ``per_call`` (a ``ToolApprovalRequest``), ``inbox`` (one
            ``HumanInterrupt`` or a list of them), or ``plain``.
        actions: those that wait for a decision; none of a plain question.
        schema: the JSON schema that the answer must fit; None where there is none.
        options: answers that the question itself names, with their labels.
    """

    shape: Literal["batched", "per_call", "inbox", "plain"]
    actions: tuple[Action, ...] = ()
    schema: Mapping[str, Any] | None = None
    options: tuple[tuple[str | None, Any], ...] = ()

    def answer(self, decisions: Sequence[Decision]) -> Any:
        """The decisions, one an action, in the form that the asker expects."""
        if self.shape == "inbox":
            return [_response(decision) for decision in decisions]
        plain = [_approval(decision) for decision in decisions]
        return plain[0] if self.shape == "per_call" else {"decisions": plain}

    def decided(self, answer: Any) -> list[Decision] | None:
        """The decisions of an answer, one an action; None where it is of another form."""
        if self.shape == "batched" and isinstance(answer, Mapping):
            answer = answer.get("decisions")
        elif self.shape == "per_call":
            answer = [answer]
        if not isinstance(answer, (list, tuple)) or len(answer) != len(self.actions):
            return None
        read = [_read(one) for one in answer]
        return [one for one in read if one is not None] if None not in read else None


def question_of(interrupt: Any) -> Question:
    """What an interrupt asks: LangGraph's ``Interrupt``, or its bare value."""
    value = getattr(interrupt, "value", interrupt)
    schema = getattr(interrupt, "response_schema", None)
    schema = schema if isinstance(schema, Mapping) else None
    if actions := _batched(value):
        return Question("batched", actions, schema)
    if action := _per_call(value, schema):
        return Question("per_call", (action,), schema)
    if actions := _inbox(value):
        return Question("inbox", actions, schema)
    return Question("plain", (), schema, _options(value))


def _batched(value: Any) -> tuple[Action, ...]:
    if not isinstance(value, Mapping):
        return ()
    requests, configs = _mappings(value.get("action_requests")), _mappings(value.get("review_configs"))
    by_name = {str(config.get("action_name")): config for config in configs}
    actions = []
    for request in requests:
        config = by_name.get(str(request.get("name")), {})
        allowed = config.get("allowed_decisions")
        decisions = tuple(one for one in _APPROVALS if isinstance(allowed, (list, tuple)) and one in allowed)
        action = _action(request, decisions, config.get("args_schema", True))
        if action is None:
            return ()
        actions.append(action)
    return tuple(actions)


def _per_call(value: Any, schema: Mapping[str, Any] | None) -> Action | None:
    if not (isinstance(value, Mapping) and value.get("type") == "tool_approval"):
        return None
    allowed = _decisions_of(schema) if schema is not None else dict.fromkeys(_APPROVALS, True)
    return _action(value, tuple(allowed), allowed.get("edit", True))


def _inbox(value: Any) -> tuple[Action, ...]:
    actions = []
    for request in _mappings([value] if isinstance(value, Mapping) else value):
        asked, config = request.get("action_request"), request.get("config")
        if not isinstance(asked, Mapping) or not isinstance(config, Mapping):
            return ()
        decisions = tuple(kind for key, kind in _INBOX.items() if config.get(key))
        named = {
            "name": asked.get("action"),
            "args": asked.get("args"),
            "description": request.get("description"),
        }
        action = _action(named, decisions, True)
        if action is None:
            return ()
        actions.append(action)
    return tuple(actions)


def _action(asked: Mapping[str, Any], decisions: tuple[str, ...], schema: Any) -> Action | None:
    name, args = asked.get("name"), asked.get("args")
    if not isinstance(name, str) or not isinstance(args, Mapping) or not decisions:
        return None
    return Action(name, args, _description(asked.get("description"), name, args), decisions, schema)


def _description(said: Any, name: str, args: Any) -> str:
    """What a description says besides the name and the arguments, which LangChain puts into it by default."""
    text = said if isinstance(said, str) else ""
    text = text.removesuffix(f"\n\nTool: {name}\nArgs: {args}")
    return "" if text == _DEFAULT_DESCRIPTION else text.strip()


def _decisions_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The decisions that a schema of ``per_call`` lists, the edit with the schema of its arguments."""
    found: dict[str, Any] = {}
    for branch in schema.get("oneOf") or schema.get("anyOf") or [schema]:
        parts = _part(_resolved(schema, branch), "properties")
        kind = _constant(parts.get("type"))
        if kind not in _APPROVALS:
            continue
        found[kind] = True
        if kind == "edit":
            edited = _part(_resolved(schema, parts.get("edited_action")), "properties")
            args = _resolved(schema, edited.get("args"))
            definitions = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
            found[kind] = {**definitions, **args} if args else True
    return found


def _resolved(root: Mapping[str, Any], part: Any) -> Mapping[str, Any]:
    ref = part.get("$ref") if isinstance(part, Mapping) else None
    if isinstance(ref, str):
        part = _part(root, "$defs").get(ref.removeprefix("#/$defs/"))
    return part if isinstance(part, Mapping) else {}


def _constant(part: Any) -> Any:
    if not isinstance(part, Mapping):
        return None
    listed = part.get("enum")
    return part.get("const", listed[0] if isinstance(listed, list) and len(listed) == 1 else None)


def _mappings(value: Any) -> Sequence[Mapping[str, Any]]:
    """A list of mappings; none where something else is in it."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, Mapping) for one in value):
        return ()
    return value


def _part(whole: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = whole.get(key)
    return found if isinstance(found, Mapping) else {}


def _options(value: Any) -> tuple[tuple[str | None, Any], ...]:
    """Answers that a question lists: plain values, or mappings with a ``value`` and perhaps a ``label``."""
    held = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
    for key in _LISTS:
        listed = held.get(key)
        if not isinstance(listed, (list, tuple)):
            continue
        found = []
        for one in listed:
            option = one if isinstance(one, Mapping) else {"value": one}
            if isinstance(option.get("value"), (str, int, float, bool)):
                label = option.get("label", option.get("title", option.get("name")))
                found.append((label if isinstance(label, str) else None, option["value"]))
        if found:
            return tuple(found)
    return ()


def _approval(decision: Decision) -> dict[str, Any]:
    """A decision as LangChain's middleware takes it."""
    answer: dict[str, Any] = {"type": decision.type}
    if decision.action is not None:
        name, args = decision.action
        answer["edited_action"] = {"name": name, "args": dict(args)}
    elif decision.type == "respond" or (decision.type == "reject" and decision.text):
        answer["message"] = decision.text
    return answer


def _response(decision: Decision) -> dict[str, Any]:
    """A decision as a ``HumanResponse``."""
    args: Any = decision.text if TAKES[decision.type] == "text" else None
    if decision.action is not None:
        name, edited = decision.action
        args = {"action": name, "args": dict(edited)}
    return {"type": decision.type, "args": args}


def _read(answer: Any) -> Decision | None:
    """One decision of either form."""
    if (
        not isinstance(answer, Mapping)
        or not isinstance(kind := answer.get("type"), str)
        or kind not in TAKES
    ):
        return None
    edited = answer.get("edited_action", answer.get("args"))
    action = None
    if isinstance(edited, Mapping) and isinstance(args := edited.get("args"), Mapping):
        action = str(edited.get("name", edited.get("action", ""))), args
    text = answer.get("message", edited)
    return Decision(kind, text if isinstance(text, str) else "", action)
