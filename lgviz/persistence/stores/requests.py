"""What a store may be asked, checked before anything runs: a refusal says what is wrong and what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import NoneType
from typing import Any, Literal, TypeAlias

from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, NamespacePath, Op, PutOp, SearchOp

from lgviz.errors import BadFilter, BadItem, BadNamespace, InvalidIndex

from .filters import check_filter
from .namespaces import check_key, check_namespace

Fields: TypeAlias = "Literal[False] | list[str] | None"
"""LangGraph's ``index=`` of a put, which says what of the value is embedded: nothing, these JSON paths, or
(None) those that the store's index names."""

_MOST = 1 << 61
"""More than all items, and twice that is still a number to every database."""


def check(op: Any) -> Op:
    """An operation that can run.

    Raises:
        BadNamespace, BadKey, BadItem, BadFilter, InvalidIndex: it cannot.
    """
    if isinstance(op, GetOp):
        return op._replace(namespace=check_namespace(op.namespace), key=check_key(op.key))
    if isinstance(op, PutOp):
        _check_value(op.value)
        _check_ttl(op.ttl)
        check_fields(op.index)
        return op._replace(namespace=check_namespace(op.namespace), key=check_key(op.key))
    if isinstance(op, SearchOp):
        return _checked_search(op)
    if isinstance(op, ListNamespacesOp):
        _check_listing(op)
        return op
    raise BadItem(
        f"{op!r} is no operation of a store.",
        "The operations are GetOp, PutOp, SearchOp and ListNamespacesOp.",
    )


def _checked_search(op: SearchOp) -> SearchOp:
    if op.filter:
        check_filter(op.filter)
    if not isinstance(op.query, (str, NoneType)):
        raise BadFilter(f"The query {op.query!r:.100} is no text.", 'Search for words: query="food".')
    return op._replace(
        namespace_prefix=check_namespace(op.namespace_prefix),
        limit=_check_count("limit", op.limit),
        offset=_check_count("offset", op.offset),
    )


def _check_listing(op: ListNamespacesOp) -> None:
    for condition in op.match_conditions or ():
        check_namespace(condition.path)
        if condition.match_type not in ("prefix", "suffix"):
            raise BadNamespace(
                f"Namespaces cannot be matched by {condition.match_type!r}.",
                'Match by "prefix" or "suffix".',
            )
    if op.max_depth is not None:
        _check_count("max_depth", op.max_depth)
    _check_count("limit", op.limit)
    _check_count("offset", op.offset)


def _check_count(name: str, count: Any) -> int:
    if isinstance(count, bool) or not isinstance(count, int):
        raise BadFilter(f"{name}={count!r:.100} is no whole number.", f"Give one, as {name}=10.")
    return max(min(count, _MOST), -_MOST)


def _check_value(value: Any) -> None:
    if value is not None and not isinstance(value, Mapping):
        raise BadItem(
            f"The value {value!r:.100} is a {type(value).__name__}.",
            'A value is a dict: put(namespace, key, {"memory": ...}).',
        )


def _check_ttl(ttl: Any) -> None:
    if ttl is not None and (isinstance(ttl, bool) or not isinstance(ttl, (int, float)) or not 0 <= ttl < 1e9):
        raise BadItem(f"The time to live {ttl!r} is no number of minutes.", "Give minutes, as ttl=60.")


def check_fields(fields: Any, what: str = "index") -> Fields:
    """JSON paths, False or None.

    Raises:
        InvalidIndex: it is something else.
    """
    if fields is None or fields is False:
        return fields
    if isinstance(fields, list | tuple) and all(isinstance(path, str) for path in fields):
        return list(fields)
    raise InvalidIndex(
        f"{what}={fields!r:.100} names no JSON paths.",
        f'Give a list of them, such as {what}=["text", "parts[*].text"], or False to embed nothing.',
    )


def pack_fields(fields: Fields) -> str | None:
    """Fields as a row holds them."""
    return None if fields is None else json.dumps(fields)


def read_fields(text: str | None) -> Fields:
    """What :func:`pack_fields` was given."""
    return None if text is None else json.loads(text)


def conditions(prefix: NamespacePath | None, suffix: NamespacePath | None) -> tuple[MatchCondition, ...]:
    """What ``list_namespaces(prefix=, suffix=)`` matches namespaces by."""
    return tuple(
        MatchCondition(kind, path)  # type: ignore[arg-type]
        for kind, path in (("prefix", prefix), ("suffix", suffix))
        if path
    )
