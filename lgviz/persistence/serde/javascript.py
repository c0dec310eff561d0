"""Reads what langgraphjs's serializer wrote: JSON, in which sets, maps and bytes name their constructor.

What LangGraph itself puts there is a plain object, told by its channel alone: see :func:`of_channel`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from langgraph.checkpoint.serde.types import ERROR, INTERRUPT, TASKS

__all__ = ["of_channel", "revived"]

_FROM_LISTS: dict[str, Callable[[list[Any]], Any]] = {"Map": dict, "Set": set, "Uint8Array": bytes}


def revived(value: Mapping[str, Any]) -> Any:
    """What a JSON object with a constructor of JavaScript's stands for; any other as it is.

    What Python cannot make of it (a set of lists) stays as it is, too.

    >>> revived({"lc": 2, "type": "constructor", "id": ["Set"], "args": [[1, 2]]})
    {1, 2}
    >>> revived({"lc": 2, "type": "undefined"}) is None
    True
    """
    if value.get("lc") != 2:
        return value
    if value.get("type") == "undefined":
        return None
    match value:
        case {"type": "constructor", "id": [str(name)], "args": [str(message)]} if name.endswith("Error"):
            return f"{name}: {message}"
        case {"type": "constructor", "id": ["RegExp"], "args": [str(pattern), str(flags)]}:
            return f"/{pattern}/{flags}"
        case {"type": "constructor", "id": [str(name)], "args": [list(items)]} if name in _FROM_LISTS:
            try:
                return _FROM_LISTS[name](items)
            except (TypeError, ValueError):
                return value
    return value


def of_channel(channel: str, value: Any) -> Any:
    """A value of one of LangGraph's own channels as Python's LangGraph would have stored it; of any other
    channel, and what Python stored, as it is.

    >>> of_channel("__pregel_tasks", [{"node": "work", "args": {"n": 1}}])
    [Send(node='work', arg={'n': 1})]
    >>> of_channel("__error__", {"name": "TypeError", "message": "no"})
    'TypeError: no'
    """
    if channel == TASKS and type(value) is list:
        pair = [type(one) for one in value] == [list, list]  # until autumn 2025: what was seen, what waits
        return [_sent(one) for one in (value[1] if pair else value)]
    if channel == TASKS:
        return _sent(value)
    if channel == INTERRUPT and type(value) in (list, dict):
        return [_asked(one) for one in (value if type(value) is list else [value])]
    if channel == ERROR and type(value) is dict and {"name", "message"} <= value.keys():
        return f"{value['name']}: {value['message']}"
    return value


def _sent(value: Any) -> Any:
    if type(value) is not dict or not isinstance(value.get("node"), str) or "args" not in value:
        return value
    from langgraph.types import Send  # takes long to import

    return Send(value["node"], value["args"])


def _asked(value: Any) -> Any:
    if type(value) is not dict or "value" not in value:
        return value
    from langgraph.types import Interrupt

    id_ = value.get("id")  # there since summer 2025
    return Interrupt(value["value"], id_) if isinstance(id_, str) else Interrupt(value["value"])
