"""What the fields of a message must be, told without running its class: a file has it built unvalidated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.messages import BaseMessage

from lgviz.persistence.serde.trust import Placeholder

from .base import Undecodable

__all__ = ["misfit"]

_NONE = type(None)
_STAND_INS = (Undecodable, Placeholder)
"""What stands for a part that is not built: the rest of the message is shown."""
_TYPES: dict[str, tuple[type, ...]] = {
    "content": (str, list),
    "type": (str,),
    "id": (str, _NONE),
    "name": (str, _NONE),
    "additional_kwargs": (dict,),
    "response_metadata": (dict,),
    "usage_metadata": (dict, _NONE),
    "tool_calls": (list,),
    "invalid_tool_calls": (list,),
    "tool_call_chunks": (list,),
    "tool_call_id": (str,),
    "status": (str,),
    "role": (str,),
}
_NEEDED = ("content", "type")
_ITEMS: dict[str, tuple[type, ...]] = {
    "content": (str, dict),
    "tool_calls": (dict,),
    "invalid_tool_calls": (dict,),
    "tool_call_chunks": (dict,),
}
_CALL: Mapping[str, tuple[type, ...]] = {"name": (str,), "args": (dict,), "id": (str, _NONE)}


def misfit(value: Any) -> str:
    """Which field of a message is none that its class takes; empty where all are, and for what is no message.

    >>> from langchain_core.messages import AIMessage
    >>> misfit(AIMessage("hello")), misfit(AIMessage.model_construct(content=7, type="ai"))
    ('', 'its content is an int')
    """
    if not isinstance(value, BaseMessage):
        return ""
    fields = vars(value)
    for name in _NEEDED:
        if name not in fields:
            return f"it has no {name}"
    for name, held in fields.items():
        if (expected := _TYPES.get(name)) is not None and not isinstance(held, expected):
            return f"its {name} is {_kind(held)}"
        if (parts := _ITEMS.get(name)) is not None and isinstance(held, list):
            for part in held:
                if not isinstance(part, (*parts, *_STAND_INS)):
                    return f"a part of its {name} is {_kind(part)}"
    return _in_calls(fields.get("tool_calls") or ())


def _in_calls(calls: Iterable[Any]) -> str:
    for call in calls:
        for name, expected in _CALL.items():
            if isinstance(call, dict) and not isinstance(call.get(name), (*expected, *_STAND_INS)):
                return f"the {name} of a tool call is {_kind(call.get(name))}"
    return ""


def _kind(value: Any) -> str:
    name = type(value).__name__
    return f"an {name}" if name[:1] in "aeio" else f"a {name}"
