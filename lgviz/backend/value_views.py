"""Values as protocol messages, of bounded size whatever the value."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from lgviz._visible import visible
from lgviz.analysis.media import Media, media_of
from lgviz.analysis.messages import ContentPart, answered_of, blocks_of, read_message
from lgviz.analysis.tables import figures_of, table_of
from lgviz.analysis.usage import Prices, Usage, usage_of
from lgviz.analysis.values import children, clean, describe, line, positions_of
from lgviz.protocol import (
    ArrayView,
    BlockView,
    InvalidCallView,
    MediaView,
    MessageView,
    TableView,
    UsageView,
    ValueItem,
    ValueNode,
)

__all__ = [
    "Budget",
    "argument_items",
    "bare_node",
    "message_view",
    "one_line",
    "usage_view",
    "value_node",
    "whole_table",
]

MESSAGE = 48_000
"""Bytes of JSON that the values of one protocol message may take."""

_TEXT = 2_000
_LINE = 120
_NODE = 120
"""Bytes of JSON around the text of one node."""
_ITEMS = 50
_DEPTH = 40
"""Levels of a value that are sent at once: JSON may be nested no deeper than the stack of who reads it."""
_BLOCKS = 30
_ROWS = 8
_COLUMNS, _ASKED_COLUMNS = 20, 200
"""Of a table that comes with its state, and of one that is asked for by itself."""
_NUMBERS = 2_000_000
"""Numbers of arrays that are looked at for one protocol message."""


class Budget:
    """Bytes of JSON left for one protocol message, or for a part of it."""

    def __init__(self, size: int = MESSAGE, whole: Budget | None = None) -> None:
        self.left = size
        self.numbers = _NUMBERS
        self._whole = whole

    def spend(self, size: int) -> None:
        """Take bytes, from the whole too."""
        self.left -= size
        if self._whole is not None:
            self._whole.spend(size)

    def look(self, count: int) -> bool:
        """Whether so many numbers may still be looked at."""
        root = self
        while root._whole is not None:
            root = root._whole
        root.numbers -= count
        return root.numbers >= 0

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
    waiting: deque[tuple[Any, ValueNode, int, int | None, int]] = deque([(value, root, offset, limit, 0)])
    while waiting:
        parent, node, start, most, depth = waiting.popleft()
        count = node["more"] if node["kind"] not in ("string", "bytes") else 0
        if not count or (node["kind"] == "message" and not (asked and node is root)):
            continue
        if (budget.left < _NODE * 4 or depth > _DEPTH) and node is not root:
            continue
        if node["kind"] in ("frame", "array"):
            rows = _ROWS if most is None else min(most, 1_000)
            columns = _ASKED_COLUMNS if asked and node is root else _COLUMNS
            table = _table(parent, budget, start, rows, columns)
            if table is not None:
                node["table"] = table
                node["more"] = max(0, count - start - len(table["rows"]))
                continue
        items: list[ValueItem] = []
        for key, child in children(parent, start, min(_ITEMS if most is None else most, 2_000)):
            if budget.left < _NODE * 4:
                break
            shown, _ = budget.take(key, 200)
            items.append({"key": shown, "value": _node(child, budget, 0, text)})
            waiting.append((child, items[-1]["value"], 0, None, depth + 1))
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
    media = media_of(value) if shape.kind in ("string", "bytes") else None
    if media is not None:
        node["media"] = _media(media)
        budget.spend(_NODE * 2)
    if shape.kind == "string":
        # Of a picture's bytes a line is enough.
        most = text if media is None or offset else min(text, _LINE)
        node["text"], node["more"] = budget.take(value[offset : offset + most], most)
        node["more"] = max(0, len(value) - offset - len(node["text"]))
    elif shape.kind == "bytes":
        most = min(text, 4_000) if media is None or offset else 60
        node["text"], _ = budget.take(repr(bytes(value[offset : offset + most])), most * 4)
        node["more"] = max(0, len(value) - offset - most)
    elif shape.kind == "array":
        node["text"], _ = budget.take(shape.text, _LINE)
        node["array"] = _array(value, budget)
    elif shape.kind == "message":
        node["text"], _ = budget.take(shape.text, _LINE)
        node["message"] = message_view(value, budget, text)
    else:
        node["text"], _ = budget.take(shape.text, _LINE)
    return node


def bare_node(value: Any, budget: Budget, text: int) -> ValueNode:
    """A value without what is in it; ``text``: the most characters of a string or a message."""
    return _node(value, budget, 0, text)


def whole_table(value: Any, rows: int) -> TableView | None:
    """A table's first rows with all their columns; None for what is no table."""
    return _table(value, Budget(1 << 40), 0, rows, 1_000)


def message_view(value: Any, budget: Budget | None = None, text: int = 4_000) -> MessageView:
    """A message (``is_message`` holds for it) as a chat shows it. Its full text is its first child's."""
    budget = budget or Budget()
    message = read_message(value)
    answered, blocks = answered_of(value), blocks_of(value)
    # Blocks hold the text: it is sent once.
    shown, more = budget.take(message.text, _LINE if blocks else text)
    view: MessageView = {
        "role": clean(message.role[:40]),
        "name": _short(message.name),
        "id": _short(message.id),
        "text": shown,
        "more": more,
        "tool_calls": [],
        "tool_call_id": _short(message.tool_call_id),
        "status": _short(message.status),
        "blocks": [],
        "blocks_more": 0,
        "invalid_tool_calls": [],
        "usage": usage_view(usage_of([{"": value}]), None),
        "finish": _short(answered.finish),
    }
    budget.spend(_NODE * 3)
    for block in blocks[:_BLOCKS]:
        if budget.left < _NODE * 2:
            break
        view["blocks"].append(_block(value, block, budget, text))
    view["blocks_more"] = len(blocks) - len(view["blocks"])
    for name, args, error in answered.invalid:
        if budget.left < _NODE * 2:
            break
        view["invalid_tool_calls"].append(_invalid(name, args, error, budget))
    for call in message.tool_calls[:20]:
        if budget.left < _NODE * 2:
            break
        budget.spend(_NODE)
        name, _ = budget.take(call.name, 100)
        view["tool_calls"].append(
            {"id": _short(call.id), "name": name, "args": argument_items(call.args, budget)}
        )
    return view


def _block(message: Any, block: ContentPart, budget: Budget, text: int) -> BlockView:
    budget.spend(_NODE)
    other = block.kind == "other"
    media = media_of(block.value) if other else None
    shown, more = budget.take(block.text, text)
    return {
        "kind": block.kind if media is None else "media",
        "text": shown,
        "more": more,
        "path": None if block.at is None else positions_of(message, block.at),
        "media": None if media is None else _media(media),
        "value": value_node(block.value, budget=budget, text=300)
        if block.kind == "other" and not media
        else None,
    }


def _invalid(name: str, args: str, error: str, budget: Budget) -> InvalidCallView:
    budget.spend(_NODE)
    return {
        "name": budget.take(name, 100)[0],
        "args": budget.take(args, 1_000)[0],
        "error": budget.take(error, 500)[0],
    }


def _media(media: Media) -> MediaView:
    return {
        "kind": media.kind,
        "mime": clean(media.mime[:100]),
        "name": _short(media.name),
        "size": media.size,
        "pixels": None if media.pixels is None else list(media.pixels),
        "where": _short(media.where),
    }


def _table(value: Any, budget: Budget, start: int, rows: int, columns: int) -> TableView | None:
    """As many rows as there is room for; None for what is no table."""
    table = table_of(value, start, rows, columns)
    if table is None:
        return None

    def take(texts: list[str]) -> list[str]:
        return [budget.take(text, len(text))[0] for text in texts]

    view: TableView = {
        "columns": take(table.columns),
        "dtypes": take(table.dtypes),
        "index": [],
        "rows": [],
        "width": table.width,
    }
    for name, row in zip(table.index, table.rows, strict=True):
        if view["rows"] and budget.left < _NODE * 4:
            break
        budget.spend(4 * len(row))
        view["index"] += take([name])
        view["rows"].append(take(row))
    return view


def _array(value: Any, budget: Budget) -> ArrayView:
    budget.spend(_NODE)
    figures = figures_of(value, value.size if budget.look(value.size) else 0)
    return {
        "dtype": figures.dtype[:80],
        "shape": list(figures.shape),
        "low": figures.low,
        "high": figures.high,
        "mean": figures.mean,
        "holes": figures.holes,
    }


def usage_view(used: Usage | None, prices: Prices | None) -> UsageView | None:
    """The tokens that were used; None where nothing tells."""
    if used is None:
        return None
    cost = used.cost(prices) if prices else None
    models = [clean(name[:100]) for name in used.models]
    return {"input": used.input, "output": used.output, "total": used.total, "models": models, "cost": cost}


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
