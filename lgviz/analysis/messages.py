"""What a chat message is, whether a LangChain object or a plain dict, read without running its code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from langchain_core.messages import BaseMessage, BaseMessageChunk

__all__ = [
    "Answered",
    "ContentPart",
    "Message",
    "ToolCall",
    "answered_of",
    "blocks_of",
    "is_message",
    "message_id",
    "piece_of",
    "read_message",
]

_ROLES = {
    "ai", "assistant", "developer", "function", "human", "remove", "system", "tool", "user", "AIMessageChunk",
}  # fmt: skip
_CALLS = ("tool_use", "tool_call", "function_call", "tool_call_chunk", "input_json_delta")
_THOUGHTS = ("reasoning", "thinking", "reasoning_content")
_SAID = {"assistant": "ai", "user": "human", "AIMessageChunk": "ai"}


class ToolCall(NamedTuple):
    """A tool call of an AI message. ``args`` is a dict, or the text that could not be parsed as one."""

    id: str | None
    name: str
    args: Any


@dataclass(frozen=True, slots=True)
class Message:
    """The parts of a message that a person reads. ``role`` is LangChain's ``type`` (``human``, ``ai``, …)."""

    role: str
    name: str | None
    id: str | None
    text: str
    tool_calls: tuple[ToolCall, ...]
    tool_call_id: str | None
    status: str | None


class ContentPart(NamedTuple):
    """A part of a message's content. ``at``: the keys from the message down to its text, or to the block."""

    kind: Literal["text", "reasoning", "other"]
    text: str
    at: tuple[Any, ...] | None
    value: Any


class Answered(NamedTuple):
    """What a model's answer tells besides: unreadable calls (name, arguments, error), and why it ended."""

    invalid: tuple[tuple[str, str, str], ...]
    finish: str | None


def is_message(value: Any) -> bool:
    """Whether a value is a LangChain message, or a dict shaped like one (a known role, and content)."""
    if issubclass(type(value), BaseMessage):
        return True
    if type(value) is not dict or "content" not in value:
        return False
    role = value.get("role", value.get("type"))
    return type(role) is str and role in _ROLES


def message_id(value: Any) -> str | None:
    """The id by which a message is known; None for one without, and for what is no message."""
    if issubclass(type(value), BaseMessage):
        found = value.__dict__.get("id")
    elif is_message(value):
        found = value.get("id")
    else:
        return None
    return found if type(found) is str and found else None


def read_message(value: Any) -> Message:
    """Read a value for which :func:`is_message` holds."""
    fields = _fields(value)
    role = fields.get("role") if isinstance(fields.get("role"), str) else fields.get("type")
    role = role if isinstance(role, str) else type(value).__name__
    return Message(
        role=_SAID.get(role, role),
        name=_text_or_none(fields.get("name")),
        id=_text_or_none(fields.get("id")),
        text=_content(fields.get("content")),
        tool_calls=tuple(_tool_calls(fields)),
        tool_call_id=_text_or_none(fields.get("tool_call_id")),
        status=_text_or_none(fields.get("status")),
    )


def blocks_of(value: Any) -> list[ContentPart]:
    """The parts of a message's content where that is more than text; else none. Tool calls are left out."""
    fields = _fields(value)
    content = fields.get("content")
    found = (
        [block for i, one in enumerate(content) for block in _block(one, i)]
        if isinstance(content, list)
        else []
    )
    more = fields.get("additional_kwargs")
    thought = more.get("reasoning_content") if isinstance(more, dict) else None
    if isinstance(thought, str) and thought:
        if isinstance(content, str) and content:
            found.append(ContentPart("text", content, ("content",), content))
        found.insert(
            0, ContentPart("reasoning", thought, ("additional_kwargs", "reasoning_content"), thought)
        )
    return found if any(block.kind != "text" for block in found) else []


def _block(block: Any, position: int) -> Iterator[ContentPart]:
    at = ("content", position)
    if isinstance(block, str):
        yield ContentPart("text", block, at, block)
        return
    if not isinstance(block, dict):
        yield ContentPart("other", "", at, block)
        return
    kind = block.get("type")
    if kind in _CALLS:
        return
    if kind == "text" and isinstance(block.get("text"), str):
        yield ContentPart("text", block["text"], (*at, "text"), block)
        return
    if kind in _THOUGHTS:
        for key in ("reasoning", "thinking", "text"):
            if isinstance(block.get(key), str):
                yield ContentPart("reasoning", block[key], (*at, key), block)
                return
        summed = block.get("summary", block.get("reasoning_content"))
        parts = summed if isinstance(summed, list) else [summed]
        texts = [
            part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)
        ]
        if texts or summed == []:
            yield ContentPart("reasoning", "\n".join(texts), None, block)
            return
    yield ContentPart("other", "", at, block)


def answered_of(value: Any) -> Answered:
    """What a model's answer tells besides what it says."""
    fields = _fields(value)
    calls = fields.get("invalid_tool_calls")
    invalid = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    told = fields.get("response_metadata")
    told = told if isinstance(told, dict) else {}
    reasons = (told.get(key) for key in ("finish_reason", "stop_reason", "done_reason"))
    return Answered(
        tuple(
            (_said(c.get("name")) or "?", _said(c.get("args")), _said(c.get("error"))) for c in invalid[:20]
        ),
        next((reason for reason in reasons if isinstance(reason, str) and reason), None),
    )


def _said(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else _json(value)


def piece_of(message: Any) -> str:
    """What a streamed message adds to what was said: its text, and the tool calls that it makes.

    A chunk is a piece, joined to those before it as it is; another message is whole.
    """
    fields = _fields(message)
    if not isinstance(message, BaseMessageChunk):
        whole = read_message(message)
        calls = [f"{one.name} {_json(one.args)}" for one in whole.tool_calls]
        return "\n".join([*([whole.text] if whole.text else []), *calls])
    content = fields.get("content")
    blocks = content if isinstance(content, list) else [content]
    texts = [block.get("text") if isinstance(block, dict) else block for block in blocks]
    for call in fields.get("tool_call_chunks") or ():
        texts += [f"\n{call['name']} " if call.get("name") else None, call.get("args")]
    return "".join(text for text in texts if isinstance(text, str))


def _fields(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else vars(value)


def _text_or_none(value: Any) -> str | None:
    return value if value is None or type(value) is str else str(value)[:200]


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return "" if content is None else f"[{type(content).__name__}]"
    parts = []
    for block in content:
        if isinstance(block, str):
            parts.append(block)
        elif isinstance(block, dict):
            text = block.get("text")
            kind = block.get("type", "block")
            # Tool calls are shown as such; a model's content blocks only repeat them.
            if isinstance(text, str):
                parts.append(text)
            elif kind not in ("tool_use", "tool_call"):
                parts.append(f"[{str(kind)[:40]}]")
    return "\n".join(parts)


def _tool_calls(fields: dict[str, Any]) -> list[ToolCall]:
    calls = fields.get("tool_calls")
    found = []
    for call in calls if isinstance(calls, list) else ():
        if not isinstance(call, dict):
            continue
        function = call.get("function")
        if isinstance(function, dict):
            name, args = function.get("name"), _parsed(function.get("arguments"))
        else:
            name, args = call.get("name"), call.get("args")
        found.append(ToolCall(_text_or_none(call.get("id")), _text_or_none(name) or "?", args))
    return found


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _parsed(arguments: Any) -> Any:
    if not isinstance(arguments, str) or len(arguments) > 1_000_000:
        return arguments
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
