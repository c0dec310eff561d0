"""What is looked at before a store's operations run: each refusal says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any

from langgraph.store.base import GetOp, ListNamespacesOp, Op, PutOp, SearchOp

from lgviz.errors import BadFilter, BadItem, BadNamespace

from .fields import check_fields
from .filters import check_filter
from .namespaces import check_key, check_namespace

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
        if op.filter:
            check_filter(op.filter)
        if not isinstance(op.query, (str, NoneType)):
            raise BadFilter(f"The query {op.query!r:.100} is no text.", 'Search for words: query="food".')
        return op._replace(
            namespace_prefix=check_namespace(op.namespace_prefix),
            limit=_check_count("limit", op.limit),
            offset=_check_count("offset", op.offset),
        )
    if isinstance(op, ListNamespacesOp):
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
        return op
    raise BadItem(
        f"{op!r} is no operation of a store.", "There are GetOp, PutOp, SearchOp, ListNamespacesOp."
    )


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
