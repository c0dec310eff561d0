"""The default serializer: what is read back equals what was put, type included, or the put is refused.

Plain values are msgpack; everything else is an extension that holds a form's name and parts (``forms``,
``arrays``) or a class's name, kind and state (``classes``). Reading runs no code of a blob's choosing: see
``trust``. What LangGraph's serializer wrote is read too (``langgraph``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

import ormsgpack
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel

from lgviz.errors import NotKept, said
from lgviz.persistence.blocks.damage import Damaged

from . import arrays, classes, forms, javascript, langgraph
from .stored_error import StoredError
from .trust import Placeholder, Trust, loaded, remember

T = TypeVar("T")

TAG = "lgviz"
_FORM, _OBJECT, _SET, _FROZENSET, _DICT, _INT, _STR = range(16, 23)
_OPTION = (
    ormsgpack.OPT_NON_STR_KEYS
    | ormsgpack.OPT_PASSTHROUGH_BIG_INT
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_TUPLE
    | ormsgpack.OPT_PASSTHROUGH_UUID
)
_KEYS = frozenset((str, int, float, bool, bytes, type(None)))
_BYTES = frozenset((bytearray, memoryview))  # msgpack would make them bytes
_NESTS = frozenset((list, dict))
_NATIVE = frozenset((str, int, float, bool, list, dict))

_models: set[type] = set()
"""Pydantic classes whose values were written before."""
_MOST_MODELS = 2048


class _Failed(threading.local):
    error: Exception | None = None


_failed = _Failed()


class ExactSerializer(JsonPlusSerializer):
    """Serializes exactly or refuses.

    Args:
        trust: modules (by name, with all below them) and classes that stored data may be built into, beside
            those that are always: of ``__main__``, LangChain, LangGraph, the state schemas of graphs that are
            alive, and what this very process stored. Only classes that are loaded already are ever built.

    Attributes:
        misfit: tells why an object that was built is none that its class would make; empty where it is one.
            None: what is stored is trusted to be.

    >>> from lgviz.persistence import ExactSerializer
    >>> serde = ExactSerializer()
    >>> serde.loads_typed(serde.dumps_typed({"ids": (1, 2), "tags": {"a"}}))
    {'ids': (1, 2), 'tags': {'a'}}
    """

    def __init__(self, *, trust: Iterable[str | type] = ()) -> None:
        super().__init__(allowed_msgpack_modules=None)
        self.trust = Trust(tuple(trust))
        self.misfit: Callable[[Any], str] | None = None

    def with_msgpack_allowlist(self, extra_allowlist: Iterable[tuple[str, ...] | type]) -> ExactSerializer:
        """A serializer that trusts more classes."""
        clone = ExactSerializer()
        names = [
            (item.__module__, item.__qualname__) if isinstance(item, type) else item
            for item in extra_allowlist
        ]
        clone.trust = self.trust.allowing(names)
        return clone

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """The tag and bytes of a value.

        Raises:
            NotKept: it cannot be read back equal.
        """
        if obj is None:
            return "null", b""
        if type(obj) is bytes:
            return "bytes", obj
        try:
            if type(obj) in _NATIVE:
                return TAG, self._pack(obj)
            return TAG, ormsgpack.packb(self._write(obj))
        except (TypeError, ValueError, RecursionError, AttributeError) as outer:
            error = _failed.error or outer
            cause = (
                "it is nested too deeply, or contains itself"
                if isinstance(error, RecursionError)
                else said(error)
            )
            raise NotKept(
                f"{type(obj).__module__}.{type(obj).__qualname__}: {cause.rstrip('.')}.",
                "Put plain data, messages, dataclasses, pydantic models, arrays or frames into the state.",
            ) from error
        finally:
            _failed.error = None

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """The value of a tag and bytes, also of LangGraph's."""
        tag, payload = data
        if tag == TAG:
            return ormsgpack.unpackb(payload, ext_hook=self._read, option=ormsgpack.OPT_NON_STR_KEYS)
        if tag == "msgpack":
            return langgraph.read(payload, self.read_langgraph)
        return super().loads_typed(data)

    def _reviver(self, value: dict[str, Any]) -> Any:
        # LangGraph wrote JSON until autumn 2024.
        made = javascript.revived(value)
        return made if made is not value else langgraph.revived(value, self.trust, super()._reviver)

    # -- writing

    def _pack(self, value: Any) -> bytes:
        if not _plain(value):
            value = self._spell_out(value)
        try:
            return ormsgpack.packb(value, default=self._default, option=_OPTION)
        except TypeError as error:
            if "surrogates" not in said(error) and "Integer" not in said(error):
                raise
            return ormsgpack.packb(self._spell_out(value), default=self._default, option=_OPTION)

    def _spell_out(self, value: Any) -> Any:
        """A value with an extension in the place of each part that msgpack would change or refuse."""
        kind = type(value)
        if kind is list:
            return [self._spell_out(item) for item in value]
        if kind is dict:
            if _KEYS.issuperset(map(type, value)) and not any(odd(key) for key in value):
                return {key: self._spell_out(item) for key, item in value.items()}
            pairs = [self._spell_out(part) for pair in value.items() for part in pair]
            return ormsgpack.Ext(_DICT, self._pack(pairs))
        if kind is str and odd(value):
            return ormsgpack.Ext(_STR, value.encode("utf-8", "surrogatepass"))
        if kind in _BYTES:
            return self._write(value)
        return value

    def _default(self, value: Any) -> ormsgpack.Ext:
        try:
            return self._write(value)
        except Exception as error:
            # ormsgpack raises an error of its own, without a cause: keep the first, innermost one.
            _failed.error = _failed.error or error
            raise

    def _write(self, value: Any) -> ormsgpack.Ext:
        kind = type(value)
        if kind in _models:
            return self._write_model(value, kind)
        form = forms.EXACT.get(kind)
        if form is not None:
            return ormsgpack.Ext(_FORM, self._pack([form.name, *form.write(value)]))
        if kind is set or kind is frozenset:
            # Sorted, so that equal sets have equal bytes.
            items = sorted(self._pack(item) for item in value)
            return ormsgpack.Ext(_SET if kind is set else _FROZENSET, ormsgpack.packb(items))
        if kind is int:
            return ormsgpack.Ext(_INT, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))
        if kind is Placeholder:
            return ormsgpack.Ext(value.code, value.payload)
        if kind is ormsgpack.Ext or kind is Damaged:
            raise TypeError("a value that was damaged" if kind is Damaged else "an ormsgpack.Ext")
        form = arrays.form_of(value)
        if form is not None:
            payload = self._pack([form.name, *form.write(value)])
            # pandas has more kinds of columns than anyone can list: read it back and compare.
            if form.name.startswith("pd.") and not arrays.same(value, self._read(_FORM, payload)):
                raise TypeError(f"a pandas {kind.__name__} that would not come back equal")
            return ormsgpack.Ext(_FORM, payload)
        parts = classes.take_apart(value)
        if parts is None:
            raise TypeError(f"an object of {kind.__module__}.{kind.__qualname__}, which is no data")
        if "<locals>" not in kind.__qualname__ and loaded(kind.__module__, kind.__qualname__) is not kind:
            raise TypeError(f"{kind.__module__}.{kind.__qualname__} is not the class of that name")
        remember(kind)
        if isinstance(value, BaseModel) and len(_models) < _MOST_MODELS:
            _models.add(kind)
        name, state = parts
        return ormsgpack.Ext(_OBJECT, self._pack([kind.__module__, kind.__qualname__, name, *state]))

    def _write_model(self, value: Any, kind: type) -> ormsgpack.Ext:
        """A pydantic model of a class that was written before: the usual case, and so the fast one."""
        state = classes.take_model_apart(value)
        if _plain(state[0]) and _plain(state[2]) and _plain(state[3]):
            try:
                payload = ormsgpack.packb(
                    [kind.__module__, kind.__qualname__, "pydantic", *state],
                    default=self._default,
                    option=_OPTION,
                )
                return ormsgpack.Ext(_OBJECT, payload)
            except TypeError:
                _failed.error = None
        return ormsgpack.Ext(_OBJECT, self._pack([kind.__module__, kind.__qualname__, "pydantic", *state]))

    # -- reading

    def unpack(self, payload: bytes) -> Any:
        """A value from the inside of an extension."""
        return ormsgpack.unpackb(payload, ext_hook=self._read, option=ormsgpack.OPT_NON_STR_KEYS)

    def _read(self, code: int, payload: bytes) -> Any:
        if code == _OBJECT:
            module, qualname, kind, *state = self.unpack(payload)
            return self.build(module, qualname, kind, state, code, payload)
        if code == _FORM:
            name, *parts = self.unpack(payload)
            form = forms.BY_NAME.get(name) or arrays.FORMS.get(name)
            if form is None:
                return Placeholder(name, "written by a newer lgviz", {"value": parts}, code, payload)
            return form.read(*parts)
        if code in (_SET, _FROZENSET):
            items = (self.unpack(item) for item in ormsgpack.unpackb(payload))
            return set(items) if code == _SET else frozenset(items)
        if code == _DICT:
            pairs = iter(self.unpack(payload))
            return dict(zip(pairs, pairs, strict=True))
        if code == _INT:
            return int.from_bytes(payload, "big", signed=True)
        if code == _STR:
            return payload.decode("utf-8", "surrogatepass")
        if code == langgraph.KEPT_EXTENSION:
            return self.read_langgraph(payload[0], payload[1:])
        raise ValueError(f"an unknown extension {code}")

    def read_langgraph(self, code: int, payload: bytes) -> Any:
        """One of LangGraph's extensions; with whatever stands for a class that is not built."""
        found = langgraph.read_extension(code, payload, self.trust, self.read_langgraph)
        if self.misfit is not None and (reason := self.misfit(found)):
            name = f"{type(found).__module__}.{type(found).__qualname__}"
            kept = bytes((code,)) + payload
            return Placeholder(name, reason, vars(found), langgraph.KEPT_EXTENSION, kept)
        return found

    def build(
        self, module: str, qualname: str, kind: str, state: list[Any], code: int, payload: bytes
    ) -> Any:
        """An instance of a class that is loaded and trusted, else a placeholder."""
        cls, reason = self._find(module, qualname, kind)
        if cls is not None:
            try:
                made = classes.build(cls, kind, state)
                if self.misfit is None or not (reason := self.misfit(made)):
                    return made
            except (classes.NotBuilt, TypeError, ValueError, AttributeError) as error:
                reason = f"{module}.{qualname} changed: {said(error)}"
        return Placeholder(f"{module}.{qualname}", reason, classes.shown(kind, state), code, payload)

    def _find(self, module: str, qualname: str, kind: str) -> tuple[type | None, str]:
        if kind == "exception" and module == "builtins":
            cls = loaded(module, qualname)
            if cls is not None and issubclass(cls, BaseException):
                return cls, ""
        return self.trust.find(module, qualname)


def write_error(value: Any, serde: Any, write: Callable[[Any], T]) -> T:
    """Serialize what a task raised as far as it can be: an error must never be hidden by the refusal to keep
    a part of it.

    Args:
        value: what LangGraph puts: an exception, mostly.
        serde: the saver's serializer. Any but lgviz's keeps of an exception what it does by itself.
        write: serializes a value by it.
    """
    if not isinstance(value, (BaseException, StoredError)):
        return write(value)
    error = StoredError.of(value)
    forms: list[Any] = [error.text if error.exception is None else error.exception, error.text]
    if isinstance(getattr(serde, "serde", serde), ExactSerializer):  # which may lie in one that encrypts
        forms = [error, StoredError(error.text, None, error.traceback)]
    try:
        return write(forms[0])
    except Exception:
        return write(forms[1])


def _plain(value: Any) -> bool:
    """Whether msgpack and :meth:`ExactSerializer._write` write a value as it is."""
    kind = type(value)
    if kind is dict:
        if not _KEYS.issuperset(map(type, value)):
            return False
        items: Collection[Any] = value.values()
    elif kind is list:
        items = value
    else:
        return kind not in _BYTES
    kinds = set(map(type, items))
    if not kinds.isdisjoint(_BYTES):
        return False
    if not kinds.isdisjoint(_NESTS):
        for item in items:
            if type(item) in _NESTS and item and not _plain(item):
                return False
    return True


def odd(value: Any) -> bool:
    """Whether a key or text is beyond msgpack: a lone surrogate, an integer of more than 64 bits."""
    if type(value) is str:
        try:
            value.encode()
        except UnicodeEncodeError:
            return True
    return type(value) is int and not -(1 << 63) <= value < 1 << 64
