"""Decoding of stored values: strict for files, the saver's own serializer for a live saver.

Strict means: no pickle, and no import of a class that the file names, except LangGraph's own list of safe
types and modules named with ``trust=``. What is not decoded becomes an :class:`Undecodable`; nothing here
raises for a bad value.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgpack  # type: ignore[import-untyped]
import ormsgpack
from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_METHODS, SAFE_MSGPACK_TYPES
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from .base import Undecodable, Versions
from .channels import TASKS_CHANNEL

__all__ = ["Decoder", "Parts", "SerdeDecoder", "StrictDecoder"]

_ONE, _POSITIONAL, _KEYWORDS, _METHOD, _PYDANTIC_V1, _PYDANTIC_V2, _NUMPY, _DELTA = range(8)
"""Codes of LangGraph's msgpack extensions."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A stored checkpoint taken apart: bookkeeping, and each channel's value still encoded."""

    bookkeeping: Mapping[str, Any]
    values: Mapping[str, tuple[str, Any]]
    """By channel: what :meth:`Decoder.value` takes."""

    def versions(self) -> Versions:
        """The bookkeeping as the read model takes it."""
        said = self.bookkeeping
        version, updated = said.get("v"), said.get("updated_channels")
        seen = _mapping(said.get("versions_seen"))
        return Versions(
            v=version if isinstance(version, int) else 1,
            ts=said.get("ts"),
            channel_versions=_mapping(said.get("channel_versions")),
            versions_seen={node: _mapping(versions) for node, versions in seen.items()},
            updated_channels=tuple(updated) if isinstance(updated, (list, tuple)) else None,
            channels=tuple(self.values),
        )

    def with_sends(self, sends: list[Any]) -> Parts:
        """With what LangGraph keeps in a channel of its own since format 4, as it reads older ones."""
        versions = _mapping(self.bookkeeping.get("channel_versions"))
        try:
            version = max(versions.values())
        except (TypeError, ValueError):
            return self
        versions = {**versions, TASKS_CHANNEL: version}
        bookkeeping = {**self.bookkeeping, "channel_versions": versions}
        return Parts(bookkeeping, {**self.values, TASKS_CHANNEL: ("decoded", sends)})


def _mapping(value: Any) -> Mapping[Any, Any]:
    """A part of the bookkeeping that must be a mapping; empty where the file says nonsense."""
    return value if isinstance(value, Mapping) else {}


class Decoder:
    """Decodes typed blobs. ``decoded`` as a type tag says that the value already is one."""

    def value(self, type_: str | None, blob: Any) -> Any:
        """The value, or an :class:`Undecodable`."""
        if type_ == "decoded":
            return blob
        if type_ is None or not isinstance(blob, (bytes, bytearray, memoryview)):
            return Undecodable("the row holds no serialized value", _size(blob), str(type_))
        try:
            return self._load(type_, bytes(blob))
        except Exception as error:
            return Undecodable(f"{type(error).__name__}: {error}", len(blob), type_)

    def parts(self, type_: str | None, blob: Any) -> Parts | Undecodable:
        """A checkpoint taken apart, no value decoded where the format allows it; or why that cannot be."""
        try:
            if type_ == "msgpack" and self._splits_msgpack():
                return _split_msgpack(bytes(blob))
            whole = self._whole(type_, blob)
            if isinstance(whole, Undecodable):
                return whole
            values = whole.pop("channel_values", None) or {}
            return Parts(whole, {name: ("decoded", value) for name, value in values.items()})
        except Exception as error:
            return Undecodable(f"{type(error).__name__}: {error}", _size(blob), str(type_))

    def _load(self, type_: str, blob: bytes) -> Any:
        raise NotImplementedError

    def _splits_msgpack(self) -> bool:
        return True

    def _whole(self, type_: str | None, blob: Any) -> Any:
        return self.value(type_, blob)


class SerdeDecoder(Decoder):
    """Decodes as a live saver does, with its own serializer: the user's classes work as for LangGraph."""

    def __init__(self, serde: Any) -> None:
        self._serde = serde

    def _load(self, type_: str, blob: bytes) -> Any:
        return self._serde.loads_typed((type_, blob))

    def _splits_msgpack(self) -> bool:
        # Another serializer may mean something else by the same tag.
        return type(self._serde) is JsonPlusSerializer


class StrictDecoder(Decoder):
    """Decodes a file's values without running code of the file's choosing.

    Args:
        trust: names of modules whose classes may be imported besides LangGraph's safe types.
    """

    def __init__(self, trust: Iterable[str] = ()) -> None:
        self._trust = frozenset(trust)
        self._json = JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=None)

    def _load(self, type_: str, blob: bytes) -> Any:
        match type_:
            case "null":
                return None
            case "bytes":
                return blob
            case "bytearray":
                return bytearray(blob)
            case "msgpack":
                return self._unpack(blob)
            case "json":
                return self._json.loads_typed(("json", blob))
            case "pickle":
                return Undecodable("pickle is never opened from a file", len(blob), type_)
            case _:
                reason = f"{type_!r} needs the saver that wrote it: give the saver or the graph"
                return Undecodable(reason, len(blob), type_)

    def _unpack(self, blob: bytes) -> Any:
        return ormsgpack.unpackb(blob, ext_hook=self._extension, option=ormsgpack.OPT_NON_STR_KEYS)

    def _extension(self, code: int, data: bytes) -> Any:
        try:
            return self._build(code, data)
        except Exception as error:
            return Undecodable(f"{type(error).__name__}: {error}", len(data), f"extension {code}")

    def _build(self, code: int, data: bytes) -> Any:
        if code == _DELTA:
            return _DeltaSnapshot(self._unpack(data))
        if code == _NUMPY:
            import numpy

            dtype, shape, order, buffer = self._unpack(data)
            return numpy.frombuffer(buffer, dtype=numpy.dtype(dtype)).reshape(shape, order=order)
        if not _ONE <= code <= _PYDANTIC_V2:
            return Undecodable("an extension that LangGraph does not know", len(data), f"extension {code}")
        module, name = _names(data)
        if not self._may_import(module, name):
            reason = f"the class is not trusted; trust=[{module!r}] allows its module"
            return Undecodable(reason, len(data), f"{module}.{name}")
        content = self._unpack(data)
        if code == _METHOD and (module, name, content[3]) not in SAFE_MSGPACK_METHODS:
            return Undecodable(f"the method {content[3]} is not trusted", len(data), f"{module}.{name}")
        try:
            return _construct(code, getattr(importlib.import_module(module), name), content)
        except Exception as error:
            return Undecodable(f"{type(error).__name__}: {error}", len(data), f"{module}.{name}")

    def _may_import(self, module: str, name: str) -> bool:
        return (module, name) in SAFE_MSGPACK_TYPES or module in self._trust


def _construct(code: int, what: Callable[..., Any], content: Any) -> Any:
    payload = content[2]
    if code == _ONE:
        return what(payload)
    if code == _POSITIONAL:
        if getattr(what, "__name__", "") == "Send" and len(payload) > 2:
            return what(payload[0], payload[1], timeout=payload[2])
        return what(*payload)
    if code == _KEYWORDS:
        return what(**payload)
    if code == _METHOD:
        return getattr(what, content[3])(payload)
    try:
        return what(**payload)
    except Exception:
        # LangGraph takes the fields as they are where they no longer validate.
        return getattr(what, "construct" if code == _PYDANTIC_V1 else "model_construct")(**payload)


def _size(blob: Any) -> int:
    return len(blob) if isinstance(blob, (bytes, bytearray, str)) else 0


def _unpacker(blob: bytes) -> Any:
    unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, max_buffer_size=len(blob) + 1)
    unpacker.feed(blob)
    return unpacker


def _names(data: bytes) -> tuple[str, str]:
    unpacker = _unpacker(data)
    unpacker.read_array_header()
    return str(unpacker.unpack()), str(unpacker.unpack())


def _split_msgpack(blob: bytes) -> Parts:
    unpacker = _unpacker(blob)
    bookkeeping: dict[str, Any] = {}
    values: dict[str, tuple[str, Any]] = {}
    for _ in range(unpacker.read_map_header()):
        key = unpacker.unpack()
        if key == "channel_values":
            for _ in range(unpacker.read_map_header()):
                name = unpacker.unpack()
                start = unpacker.tell()
                unpacker.skip()
                values[name] = ("msgpack", blob[start : unpacker.tell()])
        elif key == "pending_sends":
            unpacker.skip()
        else:
            bookkeeping[key] = unpacker.unpack()
    return Parts(bookkeeping, values)


def load_metadata(blob: Any) -> dict[str, Any]:
    """A checkpoint's metadata from its JSON; empty where that is broken, as the rest of the row counts."""
    try:
        # Given bytes, json first guesses at their encoding, for each row of a long thread.
        loaded = json.loads(blob.decode() if isinstance(blob, bytes) else blob)
    except (TypeError, ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}
