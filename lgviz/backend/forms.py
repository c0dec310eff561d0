"""What a person edits as text: current values as JSON, and the JSON of a fork request read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig

from lgviz._visible import HIDDEN
from lgviz.errors import InvalidValue, said
from lgviz.protocol import ForkField, ForkRequest
from lgviz.session import ChannelInfo, Set, parse_json

__all__ = ["answer_of", "config_of", "field_of", "json_of", "values_of"]

_EDITABLE_CHARACTERS = 200_000


def field_of(channel: ChannelInfo, state: Mapping[str, Any]) -> ForkField:
    """The form field of one channel, with its current value as JSON where JSON can hold it."""
    text, reason = json_of(state[channel.name]) if channel.name in state else ("", None)
    return {
        "channel": channel.name,
        "reducer": channel.reducer,
        "current": text,
        "example": _example(channel, state.get(channel.name)),
        "reason": reason,
    }


def json_of(value: Any) -> tuple[str, str | None]:
    """A value as JSON to edit, and why it cannot be where the text is empty."""
    try:
        text = json.dumps(value, default=_plain, ensure_ascii=False, indent=2)
        # What hides is written as its escape, which is read back as the same text.
        text = HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text)
    except (TypeError, ValueError, RecursionError) as error:
        return "", f"The current value has no JSON form ({said(error)}); a new one can be given."
    if len(text) > _EDITABLE_CHARACTERS:
        return "", f"The current value is too long to edit here ({len(text):,} characters)."
    return text, None


def values_of(request: ForkRequest) -> dict[str, Any]:
    """The values of a fork request as :func:`lgviz.fork` takes them.

    Raises:
        InvalidValue: a text is no valid JSON; it names the channel and the place.
    """
    values: dict[str, Any] = {}
    for channel, field in request["values"].items():
        value = parse_json(field["text"], channel)
        values[channel] = Set(value) if field["mode"] == "set" else value
    return values


def config_of(text: str | None, base: Mapping[str, Any] | None) -> RunnableConfig:
    """The debugger's own run config with the ``configurable`` that was typed over it."""
    config: dict[str, Any] = dict(base or {})
    if text and text.strip():
        typed = parse_json(text, "configurable")
        if not isinstance(typed, dict):
            raise InvalidValue("The configurable must be a JSON object.", 'For example {"user_id": "7"}.')
        config["configurable"] = {**config.get("configurable", {}), **typed}
    return cast(RunnableConfig, config)


def answer_of(text: str) -> Any:
    """An interrupt's answer: JSON where it is JSON, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _plain(value: Any) -> Any:
    if isinstance(value, BaseMessage):
        # What ``convert_to_messages`` reads back, without what is empty.
        dumped = value.model_dump(mode="json")
        kept = ("type", "content", "id", "name", "tool_calls", "tool_call_id", "status", "artifact")
        return {k: dumped[k] for k in kept if dumped.get(k) not in (None, [], "success")}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} is no JSON type")


def _example(channel: ChannelInfo, current: Any) -> str:
    if channel.messages:
        return '[{"role": "user", "content": "…"}]'
    samples = (
        (bool, "true"),
        (int, "0"),
        (float, "0.0"),
        (str, '"…"'),
        (list, '["…"]'),
        (dict, '{"…": "…"}'),
    )
    return next((text for kind, text in samples if isinstance(current, kind)), '"…"')
