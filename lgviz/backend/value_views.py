"""Values as protocol messages, of bounded size whatever the value."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from lgviz._visible import visible
from lgviz.analysis.messages import read_message
from lgviz.analysis.values import children, clean, describe, line
from lgviz.protocol import MessageView, ValueItem, ValueNode

__all__ = ["Budget", "argument_items", "message_view", "one_line", "value_node"]

MESSAGE = 48_000
"""Bytes of JSON that the values of one protocol message may take."""

_TEXT = 2_000
_LINE = 120
_NODE = 120
"""Bytes of JSON around the text of one node."""
_ITEMS = 50


class Budget:
    """Bytes of JSON left for one protocol message, or for a part of it."""

    def __init__(self, size: int = MESSAGE, whole: Budget | None = None) -> None:
        self.left = size
        self._whole = whole

    def spend(self, size: int) -> None:
        """Take bytes, from the whole too."""
        self.left -= size
        if self._whole is not None:
            self._whole.spend(size)

    def shares(self, count: int) -> Iterator[Budget]:
        """A budget for each of ``count`` parts; what one leaves over goes to the next."""
        for rest in range(count, 0, -1):
            yield Budget(max(0, self.left // rest), self)

    def take(self, text: str, limit: int) -> tuple[str, int]:
        """The beginning of a text that fits, and how many characters were left out."""
        cut = clean(text[: max(0, min(limit, self.left))])
        size = _size(cut)
        if size > self.left:
            # Escapes made it longer: no character takes more than six bytes.
            cut = cut[: max(0, self.left // 6)]
            size = _size(cut)
        self.spend(size)
        return cut, len(text) - len(cut)


def _size(text: str) -> int:
    return (
        len(text) if text.isalnum() and text.isascii() else len(json.dumps(text, ensure_ascii=False).encode())
    )


def value_node(
    value: Any, *, budget: Budget | None = None, offset: int = 0, limit: int | None = None, text: int = _TEXT
) -> ValueNode:
    """A value as a view shows it, with as many of its children, then grandchildren, as the budget allows.

    Args:
        value: anything.
        budget: what the node may take; a message's worth by default.
        offset: the first child to send; of a string or bytes, the first character or byte.
        limit: how many of those, at most (50 children by default).
        text: the most characters of one string.
    """
    budget = budget or Budget()
    asked = offset > 0 or limit is not None
    root = _node(value, budget, offset, limit if limit is not None else text)
    waiting: deque[tuple[Any, ValueNode, int, int | None]] = deque([(value, root, offset, limit)])
    while waiting:
        parent, node, start, most = waiting.popleft()
        count = node["more"] if node["kind"] not in ("string", "bytes") else 0
        if not count or (node["kind"] == "message" and not (asked and node is root)):
            continue
        if budget.left < _NODE * 4 and node is not root:
            continue
        items: list[ValueItem] = []
        for key, child in children(parent, start, min(_ITEMS if most is None else most, 2_000)):
            if budget.left < _NODE * 4:
                break
            shown, _ = budget.take(key, 200)
            items.append({"key": shown, "value": _node(child, budget, 0, text)})
            waiting.append((child, items[-1]["value"], 0, None))
        node["items"] = items
        node["more"] = max(0, count - start - len(items))
    return root


def _node(value: Any, budget: Budget, offset: int, text: int) -> ValueNode:
    """A node without its children."""
    shape = describe(value, _LINE)
    budget.spend(_NODE + _size(shape.type))
    node: ValueNode = {
        "kind": shape.kind,
        "type": shape.type,
        "text": "",
        "size": shape.size,
        "more": shape.children,
    }
    if shape.kind == "string":
        node["text"], node["more"] = budget.take(value[offset : offset + text], text)
        node["more"] = max(0, len(value) - offset - len(node["text"]))
    elif shape.kind == "bytes":
        node["text"], _ = budget.take(repr(bytes(value[offset : offset + min(text, 4_000)])), text * 4)
        node["more"] = max(0, len(value) - offset - min(text, 4_000))
    elif shape.kind == "message":
        node["text"], _ = budget.take(shape.text, _LINE)
        node["message"] = message_view(value, budget, text)
    else:
        node["text"], _ = budget.take(shape.text, _LINE)
    return node


def message_view(value: Any, budget: Budget | None = None, text: int = 4_000) -> MessageView:
    """A message (``is_message`` holds for it) as a chat shows it. Its full text is its first child's."""
    budget = budget or Budget()
    message = read_message(value)
    shown, more = budget.take(message.text, text)
    view: MessageView = {
        "role": clean(message.role[:40]),
        "name": _short(message.name),
        "id": _short(message.id),
        "text": shown,
        "more": more,
        "tool_calls": [],
        "tool_call_id": _short(message.tool_call_id),
        "status": _short(message.status),
    }
    budget.spend(_NODE * 2)
    for call in message.tool_calls[:20]:
        if budget.left < _NODE * 2:
            break
        budget.spend(_NODE)
        name, _ = budget.take(call.name, 100)
        view["tool_calls"].append(
            {"id": _short(call.id), "name": name, "args": argument_items(call.args, budget)}
        )
    return view


def argument_items(args: Any, budget: Budget, text: int = 300) -> list[ValueItem]:
    """The arguments of a call, by name; ``text``: the most characters of one."""
    items: list[ValueItem] = []
    given = args.items() if isinstance(args, Mapping) else [("", args)]
    for key, arg in list(given)[:20]:
        if budget.left < _NODE:
            break
        items.append({"key": budget.take(str(key), 100)[0], "value": _node(arg, budget, 0, text)})
    return items


def one_line(value: Any) -> str:
    """One line of words for a value: a string itself, else its preview."""
    return " ".join(visible(clean(value[:_LINE])).split()) if isinstance(value, str) else line(value, _LINE)


def _short(text: str | None) -> str | None:
    return None if text is None else clean(text[:200])
