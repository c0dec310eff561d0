"""What is looked at before a store's operations run: each refusal says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.store.base import GetOp, ListNamespacesOp, Op, PutOp, SearchOp

from lgviz.errors import BadItem, BadNamespace

from .fields import check_fields
from .filters import check_filter
from .namespaces import check_key, check_namespace


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
        return op._replace(namespace_prefix=check_namespace(op.namespace_prefix))
    if isinstance(op, ListNamespacesOp):
        for condition in op.match_conditions or ():
            check_namespace(condition.path)
            if condition.match_type not in ("prefix", "suffix"):
                raise BadNamespace(
                    f"Namespaces cannot be matched by {condition.match_type!r}.",
                    'Match by "prefix" or "suffix".',
                )
        return op
    raise BadItem(
        f"{op!r} is no operation of a store.", "There are GetOp, PutOp, SearchOp, ListNamespacesOp."
    )


def _check_value(value: Any) -> None:
    if value is not None and not isinstance(value, Mapping):
        raise BadItem(
            f"The value {value!r:.100} is a {type(value).__name__}.",
            'A value is a dict: put(namespace, key, {"memory": ...}).',
        )


def _check_ttl(ttl: Any) -> None:
    if ttl is not None and (isinstance(ttl, bool) or not isinstance(ttl, (int, float)) or not 0 <= ttl < 1e9):
        raise BadItem(f"The time to live {ttl!r} is no number of minutes.", "Give minutes, as ttl=60.")
