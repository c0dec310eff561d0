"""What LangGraph's ``RedisSaver`` stores as JSON, where objects are dicts with marks."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import ormsgpack
from langchain_core.load.mapping import SERIALIZABLE_MAPPING
from langgraph.checkpoint.serde.jsonplus import (
    EXT_CONSTRUCTOR_KW_ARGS,
    EXT_CONSTRUCTOR_POS_ARGS,
    EXT_CONSTRUCTOR_SINGLE_ARG,
    EXT_DELTA_SNAPSHOT,
    EXT_PYDANTIC_V2,
)

from lgviz.sources.decode import Decoder, FileDecoder

__all__ = ["INLINE", "RedisDecoder", "RedisFileDecoder"]

INLINE = "inline"
"""The tag of a value that lies as JSON in its checkpoint."""


class RedisDecoder(Decoder):
    """Decodes as a live ``RedisSaver`` does.

    Args:
        serde: the saver's serializer.
        revive: what the saver makes of a value that lies in its checkpoint.
    """

    def __init__(self, serde: Any, revive: Callable[[Any], Any]) -> None:
        super().__init__(serde)
        self._revive = revive

    def value(self, type_: str | None, blob: Any, *, exact: bool = False) -> Any:
        if type_ != INLINE:
            return super().value(type_, blob, exact=exact)
        try:
            return self._revive(blob)
        except Exception as error:
            if exact:
                raise
            return self._undecodable(error, type_, json.dumps(blob))


class RedisFileDecoder(FileDecoder):
    """Decodes by the rule of files: no class is imported or called because the database names it."""

    def value(self, type_: str | None, blob: Any, *, exact: bool = False) -> Any:
        try:
            if type_ == INLINE:
                type_, blob = "msgpack", as_msgpack(blob)
            elif type_ == "json" and isinstance(blob, bytes):
                type_, blob = "msgpack", as_msgpack(json.loads(blob))
        except Exception as error:
            if exact:
                raise
            return self._undecodable(error, type_, blob)
        return super().value(type_, blob, exact=exact)


def as_msgpack(value: Any) -> bytes:
    """JSON with marks as LangGraph's serializer writes the same as ``msgpack``.

    >>> as_msgpack({"a": [1, None]})
    b'\\x81\\xa1a\\x92\\x01\\xc0'
    """
    return ormsgpack.packb(_marked(value))


def _marked(value: Any) -> Any:
    if isinstance(value, list):
        return [_marked(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and isinstance(value.get("__bytes__"), str):
        return base64.b64decode(value["__bytes__"])
    found = {key: _marked(item) for key, item in value.items()}
    match found:
        case {"lc": 1 | 2, "type": "constructor", "id": [*_] as id_}:
            return _constructed(id_, found)
        case {"__interrupt__": True, "value": _}:
            fields = {name: found[name] for name in ("value", "id") if name in found}
            return _extension(EXT_CONSTRUCTOR_KW_ARGS, "langgraph.types", "Interrupt", fields)
        case {"__send__": True, "node": node, "arg": arg}:
            return _extension(EXT_CONSTRUCTOR_POS_ARGS, "langgraph.types", "Send", (node, arg))
        case {"__delta_snapshot__": True, "value": held}:
            return ormsgpack.Ext(EXT_DELTA_SNAPSHOT, ormsgpack.packb(held))
    return found


def _constructed(id_: list[str], found: dict[str, Any]) -> ormsgpack.Ext:
    *package, name = SERIALIZABLE_MAPPING.get(tuple(id_), tuple(id_))
    module = ".".join(package)
    if (module, name) == ("builtins", "set"):
        (items,) = found["args"]
        return _extension(EXT_CONSTRUCTOR_SINGLE_ARG, module, name, items)
    arguments = found.get("kwargs", {})
    if module.startswith("langchain_core."):
        return _extension(EXT_PYDANTIC_V2, module, name, arguments, "model_validate_json")
    return _extension(EXT_CONSTRUCTOR_KW_ARGS, module, name, arguments)


def _extension(code: int, *parts: Any) -> ormsgpack.Ext:
    return ormsgpack.Ext(code, ormsgpack.packb(parts))
