"""The items of a store, masked as they leave it (floor 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from langgraph.store.base import Item, SearchItem

from lgviz.persistence.blocks.integrity import Problem
from lgviz.persistence.stores.filters import check_filter, passes

from .items import Expiry, ItemReader, Namespace
from .redact import Redactor

__all__ = ["MaskedNames", "RedactedItems", "masked_item"]

T = TypeVar("T")


class MaskedNames:
    """Names as they are shown, and back. Two names that are masked alike are told apart by a number.

    >>> from lgviz.sources.redact import Redactor
    >>> import re
    >>> names = MaskedNames(Redactor(re.compile(r"\\d+")))
    >>> [names.shown(name) for name in ("user-1", "user-2", "user-1", "all")]
    ['user-‹redacted›', 'user-‹redacted› 2', 'user-‹redacted›', 'all']
    >>> names.real("user-‹redacted› 2"), names.real("new")
    ('user-2', 'new')
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._shown: dict[str, str] = {}
        self._real: dict[str, str] = {}

    def shown(self, name: str) -> str:
        """The name that stands for one."""
        if name not in self._shown:
            masked = self._redactor.text(name)
            number, free = 1, masked
            while masked != name and free in self._real:
                number += 1
                free = f"{masked} {number}"
            self._shown[name] = free
            if free != name:
                self._real[free] = name
        return self._shown[name]

    def real(self, shown: str) -> str:
        """The name that another stands for."""
        return self._real.get(shown, shown)


class RedactedItems(ItemReader):
    """The items that another reader gives, masked. Namespaces and keys are named as they are shown.

    Args:
        real: the other.
        redactor: the rules.
        names: what was named before, of the same store at another time.
    """

    def __init__(self, real: ItemReader, redactor: Redactor, names: MaskedNames | None = None) -> None:
        self._items = real
        self._redactor = redactor
        self.names = names or MaskedNames(redactor)
        self.store = real.store
        self.description, self.read_only = real.description, real.read_only
        self.semantic, self.expires = real.semantic, real.expires
        self.keeps_versions = real.keeps_versions

    def real_place(self, namespace: Namespace, key: str) -> tuple[Namespace, str]:
        return tuple(map(self.names.real, namespace)), self.names.real(key)

    @property
    def real(self) -> ItemReader:
        return self._items

    def real_item(self, namespace: Namespace, key: str) -> Item | None:
        return self._items.get(*self.real_place(namespace, key))

    def token(self) -> str:
        return self._redactor.text(self._items.token())

    def counts(self) -> dict[Namespace, int]:
        return {self._namespace(namespace): count for namespace, count in self._items.counts().items()}

    def page(self, namespace: Namespace, offset: int, limit: int, *, nested: bool = True) -> Sequence[Item]:
        place, _ = self.real_place(namespace, "")
        return [self._item(item) for item in self._items.page(place, offset, limit, nested=nested)]

    def get(self, namespace: Namespace, key: str) -> Item | None:
        found = self.real_item(namespace, key)
        return None if found is None else self._item(found)

    def expiry(self, namespace: Namespace, key: str) -> Expiry | None:
        return self._items.expiry(*self.real_place(namespace, key))

    def at(self, when: Any) -> RedactedItems:
        return RedactedItems(self._items.at(when), self._redactor, self.names)

    def history(self, namespace: Namespace, key: str) -> list[Any]:
        return [self._version(one) for one in self._items.history(*self.real_place(namespace, key))]

    def changes(
        self, thread_id: str | None = None, checkpoint_id: str | None = None, since: float | None = None
    ) -> list[Any]:
        return [self._version(one) for one in self._items.changes(thread_id, checkpoint_id, since)]

    def check(self) -> list[Problem]:
        return [one.masked(self._redactor.text) for one in self._items.check()]

    def scan(self, prefix: Namespace, where: dict[str, Any] | None = None) -> Iterator[Item]:
        place, _ = self.real_place(prefix, "")
        if not where:
            return map(self._item, self._items.scan(place))
        # By what is shown: by what is real a filter would tell it, letter by letter.
        check_filter(where)
        chosen = passes(where)
        return (item for item in map(self._item, self._items.scan(place)) if chosen(item.value))

    def nearest(
        self, prefix: Namespace, query: str, where: dict[str, Any] | None, limit: int
    ) -> list[SearchItem]:
        place, _ = self.real_place(prefix, "")
        chosen = passes(where or {})
        near = map(self._item, self._items.nearest(place, query, None, limit))
        return [item for item in near if chosen(item.value)]

    def namespaces(self) -> list[Namespace]:
        return list(map(self._namespace, self._items.namespaces()))

    def _namespace(self, namespace: Namespace) -> Namespace:
        return tuple(map(self.names.shown, namespace))

    def _item(self, item: Any) -> Any:
        # How near the real value is to a text would tell it.
        more = {"score": None} if isinstance(item, SearchItem) else {}
        return type(item)(
            namespace=self._namespace(item.namespace),
            key=self.names.shown(item.key),
            value=_value(item.value, self._redactor),
            created_at=item.created_at,
            updated_at=item.updated_at,
            **more,
        )

    def _version(self, version: Any) -> Any:
        return masked_item(version, self._redactor, self.names)


def masked_item(entry: Any, redactor: Redactor, names: MaskedNames | None = None) -> Any:
    """A named tuple about an item (a version, a change), masked."""
    names = names or MaskedNames(redactor)
    new: dict[str, Any] = {
        "namespace": tuple(map(names.shown, entry.namespace)),
        "key": names.shown(entry.key),
    }
    new |= {
        name: redactor.text(getattr(entry, name)) for name in ("thread_id",) if getattr(entry, name, None)
    }
    new |= {name: _value(getattr(entry, name), redactor)
            for name in ("value", "before", "after") if name in entry._fields}  # fmt: skip
    return entry._replace(**new)


def _value(value: Any, redactor: Redactor) -> Any:
    """An item's value, which stays a dict."""
    masked = redactor.loose(value)
    return masked if masked is None or isinstance(masked, dict) else {"value": masked}
