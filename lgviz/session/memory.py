"""Acts on a live store, from whatever thread a request arrives on."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from typing import Any

from langgraph.store.base import BaseStore, InvalidNamespaceError

from lgviz.errors import ActRefused, InvalidValue, LgvizError, NotFound, WrongLoop, described, said
from lgviz.persistence.stores.versioned import AsyncStore
from lgviz.sources.items import Ask, ItemReader, Namespace

from .effects import run_sync
from .values import parse_json

__all__ = ["asker", "delete_item", "put_item", "read_item", "read_minutes", "read_namespace"]


def asker(loop: asyncio.AbstractEventLoop | None) -> Ask:
    """How a store is called from a worker thread: by its sync methods, else by the async ones on ``loop``.

    Raises (when called):
        WrongLoop: the store lives on an event loop that has ended.
    """

    def ask(store: BaseStore, name: str, *args: Any, **kwargs: Any) -> Any:
        home = getattr(store, "_loop", None)
        if isinstance(home, asyncio.AbstractEventLoop) and not home.is_running():
            raise WrongLoop(
                f"The {type(store).__name__} lives on an event loop that is not running.",
                "Make the store in the notebook, with await, and not inside asyncio.run.",
            )
        beside = functools.partial(run_sync, lambda: getattr(store, f"a{name}")(*args, **kwargs), loop)
        if isinstance(getattr(store, "base", store), AsyncStore):  # also below a sandbox
            return beside()
        try:
            return getattr(store, name)(*args, **kwargs)
        except NotImplementedError:
            return beside()

    return ask


def read_namespace(text: str) -> Namespace:
    """A namespace as it is typed: labels with dots between them, which no label may contain.

    Raises:
        InvalidValue: there is none, or a label is empty.
    """
    labels = tuple(text.strip().split("."))
    if not all(label.strip() for label in labels):
        raise InvalidValue(
            "The namespace has an empty label." if text.strip() else "The item needs a namespace.",
            "Write its labels with dots between them: users.ada.",
        )
    return labels


def read_item(text: str) -> dict[str, Any]:
    """An item's value as it is typed.

    Raises:
        InvalidValue: it is no JSON object.
    """
    value = parse_json(text, "the item")
    if not isinstance(value, dict):
        raise InvalidValue("An item's value is a JSON object.", 'For example {"text": "likes tea"}.')
    return value


def read_minutes(text: str) -> float | None:
    """A time to live as it is typed, in minutes; None where nothing is.

    Raises:
        InvalidValue: it is no number above 0.
    """
    if not text.strip():
        return None
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < 1e9:
        raise InvalidValue(f"{text.strip()!r} is no time to live.", "Give minutes, for example 60.")
    return minutes


def put_item(
    items: ItemReader,
    ask: Ask,
    namespace: Namespace,
    key: str,
    value: Mapping[str, Any],
    *,
    ttl: float | None = None,
    seen: float | None = None,
) -> None:
    """Write an item as it is now; never the past.

    Args:
        items: where it lies.
        ask: how the store is called.
        namespace: the item's.
        key: the item's.
        value: the new value.
        ttl: minutes to live; None: what the store gives by itself.
        seen: when the value was written (seconds) that this one was made from; None: there was none.

    Raises:
        ActRefused: another value came in between, or the store refused; nothing was written.
    """
    if not key:
        raise InvalidValue("The item needs a key.", "Type one: it names the item within its namespace.")
    _as_seen(items, namespace, key, seen)
    more = {} if ttl is None else {"ttl": ttl}
    _act(items, ask, "put", namespace, key, dict(value), **more)


def delete_item(items: ItemReader, ask: Ask, namespace: Namespace, key: str, *, seen: float | None) -> None:
    """Delete an item as it is now.

    Raises:
        NotFound: it is gone already.
        ActRefused: another value came in between, or the store refused; nothing was deleted.
    """
    if items.get(namespace, key) is None:
        raise NotFound(f"There is no item {key!r} any more.", "Somebody deleted it meanwhile.")
    _as_seen(items, namespace, key, seen)
    _act(items, ask, "delete", namespace, key)


def _as_seen(items: ItemReader, namespace: Namespace, key: str, seen: float | None) -> None:
    item = items.get(namespace, key)
    if item is None and seen is not None:
        raise ActRefused(f"The item {key!r} was deleted meanwhile.", "Add it anew if it should exist.")
    if item is not None and seen is None:
        raise ActRefused(
            f"There is an item {key!r} here already.", "Open it to edit it, or take another key."
        )
    if item is not None and seen is not None and abs(item.updated_at.timestamp() - seen) > 0.001:
        raise ActRefused(f"The item {key!r} was written meanwhile.", "Look at its new value, then edit it.")


def _act(items: ItemReader, ask: Ask, name: str, *args: Any, **kwargs: Any) -> None:
    try:
        assert items.store is not None
        ask(items.store, name, *args, **kwargs)
    except LgvizError:
        raise
    except InvalidNamespaceError as error:
        raise InvalidValue(f"The store refuses the namespace: {said(error)}", "Take other labels.") from error
    except Exception as error:
        raise ActRefused(
            f"The {items.description} refused: {described(error)}.", "Nothing was written."
        ) from error
