"""Decoding of what savers stored: a file's by lgviz's own serializer, a live saver's by the saver's.

A file is read by the rule of :mod:`lgviz.persistence.serde`: nothing of it is run. No pickle is opened, no
module is imported that the file names, and an object is built without calling its class, only where that is
loaded and trusted. What is not decoded becomes an :class:`Undecodable`, which never hides the rest.
"""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

import msgpack  # type: ignore[import-untyped]
import ormsgpack
from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_TYPES
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel

from lgviz.errors import NotKept, described, said
from lgviz.persistence.serde import javascript, langgraph
from lgviz.persistence.serde.exact import ExactSerializer
from lgviz.persistence.serde.trust import Placeholder

from .base import StoredWrite, Undecodable
from .message_fields import misfit

__all__ = [
    "Decoder",
    "Encoded",
    "FileDecoder",
    "StrictSerializer",
    "load_metadata",
    "opened_writes",
    "serializer_for",
]

Encoded = tuple[str | None, Any]
"""A serializer's tag and bytes; or ``decoded`` and the value itself."""

logger = logging.getLogger("lgviz.sources")
_PLAIN = (dict, list, tuple, str, int, float, bool, bytes, type(None))


class Decoder:
    """Decodes as a live saver does, so that the user's classes work as for LangGraph.

    Args:
        serde: the saver's serializer.
        lenient: decodes where it is not done exactly; it shows what ``serde`` cannot build.
    """

    def __init__(self, serde: SerializerProtocol, lenient: SerializerProtocol | None = None) -> None:
        self._serde = serde
        self._lenient = lenient or serde
        # Another serializer may mean something else by the same tag.
        known = type(serde) in (JsonPlusSerializer, StrictSerializer)
        self._splits = lenient is not None or known

    def value(self, type_: str | None, blob: Any, *, exact: bool = False) -> Any:
        """The value of a tag and bytes, else an :class:`Undecodable`.

        Args:
            type_, blob: see :data:`Encoded`; where LangGraph wrote no tag yet, it wrote JSON.
            exact: raise where it cannot be decoded.
        """
        if type_ == "decoded":
            return blob
        if exact:
            return self._serde.loads_typed((type_ or "json", blob))
        if not isinstance(blob, (bytes, bytearray, memoryview)):
            return Undecodable("the row holds no serialized value", _size(blob), str(type_))
        try:
            return self._lenient.loads_typed((type_ or "json", bytes(blob)))
        except Exception as error:
            return self._undecodable(error, type_, blob)

    def split(
        self, type_: str | None, blob: Any, *, exact: bool = False
    ) -> tuple[dict[str, Any], dict[str, Encoded]] | Undecodable:
        """A checkpoint's bookkeeping and its values by channel, these still encoded where the format allows;
        or why that cannot be."""
        if exact:
            return _whole(self.value(type_, blob, exact=True))
        try:
            if type_ == "msgpack" and self._splits:
                return _split_msgpack(bytes(blob))
            found = self.value(type_, blob)
            return found if isinstance(found, Undecodable) else _whole(found)
        except Exception as error:
            return self._undecodable(error, type_, blob)

    def classes(self, type_: str | None, blob: Any) -> dict[str, bool]:
        """The classes that a value names, as LangGraph wrote it, and whether it is plain data all the same
        as it is read: LangGraph gives what an object was made of, where it cannot build it."""
        found: dict[str, bool] = {}

        def look(code: int, data: bytes) -> None:
            if (name := langgraph.named_class(code, data)) is not None:
                part = self.value("msgpack", ormsgpack.packb(ormsgpack.Ext(code, data)))
                found[name] = found.get(name, False) or type(part) in _PLAIN

        if type_ == "msgpack" and self._splits:
            with suppress(Exception):  # a damaged value, which is told as one
                langgraph.read(bytes(blob), look)
        return found

    def fault(self, type_: str | None, blob: Any) -> tuple[str, bool] | None:
        """Why a value cannot be read, and whether it is damaged for certain; None where it can.

        A class that is not here, or not trusted, is no fault of the value.
        """
        if type_ == "decoded":
            return None
        if not isinstance(blob, (bytes, bytearray, memoryview)):
            return "the row holds no serialized value", True
        try:
            self._serde.loads_typed((type_ or "json", bytes(blob)))
        except Exception as error:
            known = not isinstance(error, NotImplementedError)
            return self._undecodable(error, type_, blob).reason, known
        return None

    def sharing(self) -> Decoder:
        """One to which equal models (messages) may be one object, as :meth:`Source.sharing` says."""
        return self

    def _undecodable(self, error: Exception, type_: str | None, blob: Any) -> Undecodable:
        return Undecodable(described(error), _size(blob), str(type_))


class FileDecoder(Decoder):
    """Decodes what lies in a file, without running code of the file's choosing.

    Args:
        trust: names of modules whose classes may be built besides LangGraph's safe types.
    """

    def __init__(self, trust: Iterable[str] = ()) -> None:
        modules = list(trust)
        for module in {name for name, *_ in SAFE_MSGPACK_TYPES}:
            with suppress(ImportError):
                import_module(module)
        self._modules = modules
        super().__init__(serializer_for(modules), _showing(modules))

    def sharing(self) -> FileDecoder:
        made, showing = copy.copy(self), _showing(self._modules)
        made._lenient, showing.shared = showing, {}
        return made

    def _undecodable(self, error: Exception, type_: str | None, blob: Any) -> Undecodable:
        if not isinstance(error, NotImplementedError):
            return super()._undecodable(error, type_, blob)
        reason = f"{type_!r} needs the saver that wrote it: give the saver or the graph"
        if type_ == "pickle":
            reason = "pickle is never opened from a file"
        return Undecodable(reason, _size(blob), str(type_))


def _showing(trust: Iterable[str]) -> _ShowingSerializer:
    made = _ShowingSerializer(trust=trust)
    made.misfit = misfit
    return made


class _ShowingSerializer(ExactSerializer):
    """Has an :class:`Undecodable` in the place of each object that cannot be built.

    Attributes:
        shared: models by what they were made of, where equal ones may be one object; else None.
    """

    shared: dict[tuple[int, bytes], BaseModel] | None = None

    def read_langgraph(self, code: int, payload: bytes) -> Any:
        shared, key = self.shared, (code, payload)
        if shared is None:
            return self._read_langgraph(code, payload)
        if (known := shared.get(key)) is not None:
            return known
        found = self._read_langgraph(code, payload)
        # A message without an id is given one where it lies, by LangGraph's reducer.
        if isinstance(found, BaseModel) and getattr(found, "id", "") is not None:
            shared[key] = found
        return found

    def _reviver(self, value: dict[str, Any]) -> Any:
        found = super()._reviver(value)
        return _shown(found, len(found.payload) if type(found) is Placeholder else 0)

    def _read_langgraph(self, code: int, payload: bytes) -> Any:
        try:
            found = super().read_langgraph(code, payload)
        except Exception as error:
            return Undecodable(described(error), len(payload), f"extension {code}")
        return _shown(found, len(payload))

    def build(
        self, module: str, qualname: str, kind: str, state: list[Any], code: int, payload: bytes
    ) -> Any:
        return _shown(super().build(module, qualname, kind, state, code, payload), len(payload))


def _shown(found: Any, size: int) -> Any:
    """A value that was built, or what stands for it where it could not be."""
    return Undecodable(found.reason, size, found.type) if type(found) is Placeholder else found


def serializer_for(trust: Iterable[str] = ()) -> ExactSerializer:
    """Reads a file's values. It builds only classes that are loaded, so trusted modules are imported here."""
    modules = list(trust)
    for module in modules:
        with suppress(ImportError):
            import_module(module)
    made = ExactSerializer(trust=modules)
    made.misfit = misfit
    return made


class StrictSerializer(JsonPlusSerializer):
    """For LangGraph's saver over a database that is not trusted: writes as LangGraph does, reads as lgviz.

    LangGraph's own serializer imports the module that a database names and calls what it names there.

    Args:
        reader: reads by the rule of this module. A class that may not be built is a placeholder, which
            LangGraph's tables cannot take in again: writing it is refused.
    """

    def __init__(self, reader: ExactSerializer) -> None:
        super().__init__()
        self._reader = reader

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        return self._reader.loads_typed(data)

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        try:
            return super().dumps_typed(obj)
        except TypeError as error:
            raise NotKept(
                f"The state holds what LangGraph's tables cannot take in again ({said(error)}).",
                "A class that is not trusted is read as a Placeholder: trust its module (--trust MODULE).",
            ) from error

    def with_msgpack_allowlist(self, extra_allowlist: Iterable[tuple[str, ...] | type]) -> StrictSerializer:
        """A serializer that trusts more classes."""
        return StrictSerializer(self._reader.with_msgpack_allowlist(extra_allowlist))


def opened_writes(
    rows: Iterable[tuple[str, str, int, str, str | None, Any]], decoder: Decoder, *, exact: bool = False
) -> list[StoredWrite]:
    """The writes in rows of task path, task id, number, channel, tag and bytes, in this order."""
    writes = []
    for path, task_id, idx, channel, type_, blob in sorted(rows, key=lambda row: row[:3]):
        try:
            value = javascript.of_channel(channel, decoder.value(type_, blob, exact=exact))
        except Exception as error:
            logger.warning(
                "A write of task %s is damaged and left out: %s: %s", task_id, type(error).__name__, error
            )
        else:
            writes.append(StoredWrite(task_id, path, idx, channel, value))
    return writes


def load_metadata(blob: Any, *, exact: bool = False) -> dict[str, Any]:
    """A checkpoint's metadata from its JSON; empty where that is broken, as the rest of the row counts.

    Args:
        blob: the JSON.
        exact: raise where it is broken.
    """
    try:
        # Given bytes, json first guesses at their encoding, for each row of a long thread.
        loaded = json.loads(blob.decode() if isinstance(blob, bytes) else blob)
    except (TypeError, ValueError, RecursionError):
        if exact and blob:
            raise
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _size(blob: Any) -> int:
    return len(blob) if isinstance(blob, (bytes, bytearray, str)) else 0


def _whole(checkpoint: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Encoded]]:
    head = dict(checkpoint)
    values = head.pop("channel_values", None) or {}
    return head, {_named(name): ("decoded", value) for name, value in values.items()}


def _named(channel: Any) -> str:
    """A channel's name, which is a text where LangGraph wrote it."""
    return channel if type(channel) is str else repr(channel)


def _split_msgpack(blob: bytes) -> tuple[dict[str, Any], dict[str, Encoded]]:
    unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, max_buffer_size=len(blob) + 1)
    unpacker.feed(blob)
    head: dict[str, Any] = {}
    values: dict[str, Encoded] = {}
    for _ in range(unpacker.read_map_header()):
        key = unpacker.unpack()
        if key == "channel_values":
            for _ in range(unpacker.read_map_header()):
                name = _named(unpacker.unpack())
                start = unpacker.tell()
                unpacker.skip()
                values[name] = ("msgpack", blob[start : unpacker.tell()])
        elif key == "pending_sends":
            unpacker.skip()  # the writes of the step before tell the same
        else:
            head[key] = unpacker.unpack()
    return head, values
