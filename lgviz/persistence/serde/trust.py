"""Which classes stored data may be built into, and what stands for a value of another class.

Only classes that are loaded already are ever built, and of those only trusted ones.

Nothing is imported because a blob names it, and no attribute is asked of a module that could import on its
own; a name leads to a class only through the dictionaries of modules and classes that are loaded.
"""

from __future__ import annotations

import gc
import sys
import time
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

_PACKAGES = ("langchain", "langchain_core", "langgraph")

_LOOKS, _PAUSE = 20, 5.0
"""For how many classes the live graphs are looked for each; of more, seconds between two such looks."""

_put: weakref.WeakValueDictionary[tuple[str, str], type] = weakref.WeakValueDictionary()
"""Classes whose values this very process has stored: what it made it may be given back."""


def remember(cls: type) -> None:
    """Trust a class because this process stores a value of it."""
    _put[cls.__module__, cls.__qualname__] = cls


class Trust:
    """The rule of one serializer.

    Args:
        modules: names of modules (with all below them) and classes that are trusted beside ``__main__``,
            LangChain, LangGraph, the schemas of graphs that are alive and what this process itself stored.
    """

    def __init__(self, modules: Iterable[str | type] = (), allowed: Iterable[tuple[str, ...]] = ()) -> None:
        self.modules = tuple(item for item in modules if isinstance(item, str))
        self.allowed = frozenset(
            (*allowed, *((item.__module__, item.__qualname__) for item in modules if isinstance(item, type)))
        )
        self._known: dict[tuple[str, str], type] = {}
        self._refused: set[tuple[str, str]] = set()
        self._live: set[tuple[str, ...]] = set()
        self._looked = 0.0

    def allowing(self, extra: Collection[tuple[str, ...]]) -> Trust:
        """A rule that trusts more classes, given as (module, name), beside those of this one."""
        return Trust(self.modules, self.allowed | {tuple(item) for item in extra})

    def find(self, module: str, qualname: str) -> tuple[type | None, str]:
        """The class of that name, or None and why not."""
        name = (module, qualname)
        known, there = self._known.get(name), getattr(sys.modules.get(module), "__dict__", {})
        if known is not None and there.get(qualname) is known:
            return known, ""  # it is still there: the usual case, for every object that is read
        # A class that is defined again in a notebook is the one of its name; one in a function has no name.
        cls = loaded(module, qualname) or _put.get(name)
        if cls is None:
            return None, f"{module}.{qualname} is not loaded in this process"
        if name in self._known or name in _put or self._trusts(module, qualname):
            self._known[name] = cls
            return cls, ""
        return None, f"{module}.{qualname} is not trusted (give trust=[{module!r}] to the serializer)"

    def _trusts(self, module: str, qualname: str) -> bool:
        if module == "__main__" or module.split(".")[0] in _PACKAGES or module.startswith("langchain_"):
            return True
        if (module, qualname) in self.allowed or (module, qualname.split(".")[-1]) in self.allowed:
            return True
        if any(module == trusted or module.startswith(trusted + ".") for trusted in self.modules):
            return True
        if (module, qualname) in self._refused:
            return False
        if (module, qualname.split(".")[-1]) in self._schemas():
            return True
        self._refused.add((module, qualname))
        return False

    def _schemas(self) -> set[tuple[str, ...]]:
        """:func:`live_schemas`, which takes a tenth of a second: a file may name classes without end."""
        if len(self._refused) < _LOOKS or time.monotonic() - self._looked > _PAUSE:
            self._live, self._looked = live_schemas(), time.monotonic()
        return self._live


def loaded(module: str, qualname: str) -> type | None:
    """A class that is loaded and is what its name says, found without running anything."""
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        found = vars(found).get(name) if hasattr(found, "__dict__") else None
    if isinstance(found, type) and found.__module__ == module and found.__qualname__ == qualname:
        return found
    return None


def live_schemas() -> set[tuple[str, ...]]:
    """The classes in the schemas of the graphs that are alive in this process.

    A saver is not told which graphs use it; what their authors declared as state may be built.
    """
    from langgraph._internal._serde import collect_allowlist_from_schemas
    from langgraph.graph.state import CompiledStateGraph

    names: set[tuple[str, ...]] = set()
    for graph in gc.get_objects():
        if type(graph) is CompiledStateGraph:
            schemas = [*graph.builder.schemas, graph.builder.input_schema, graph.builder.output_schema]
            names |= collect_allowlist_from_schemas(schemas=schemas, channels=dict(graph.channels))
    return names


class Placeholder(Mapping[str, Any]):
    """A stored value whose class cannot be built. Behaves as the mapping it holds, and is stored as it was.

    Attributes:
        type: module and name of the class.
        reason: why it is not built.
        code, payload: the stored bytes; they are written again unchanged.

    >>> from lgviz.persistence import Placeholder
    >>> order = Placeholder("shop.Order", "shop.Order is not loaded in this process", {"total": 3}, 17, b"")
    >>> order["total"], order.type, order.reason
    (3, 'shop.Order', 'shop.Order is not loaded in this process')
    """

    __slots__ = ("_state", "code", "payload", "reason", "type")

    def __init__(self, type: str, reason: str, state: Mapping[str, Any], code: int, payload: bytes) -> None:
        self.type = type
        self.reason = reason
        self._state = dict(state)
        self.code = code
        self.payload = payload

    def __getitem__(self, key: str) -> Any:
        return self._state[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._state)

    def __len__(self) -> int:
        return len(self._state)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Placeholder):
            return (self.type, self.code, self.payload) == (other.type, other.code, other.payload)
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self.type, self.payload))

    def __repr__(self) -> str:
        return f"<placeholder of {self.type} {self._state!r}: {self.reason}>"
