"""Namespaces and keys: what is allowed, how they lie in rows, and which ones a condition matches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from langgraph.store.base import MatchCondition

from lgviz.errors import BadKey, BadNamespace
from lgviz.persistence.database.statements import as_bytes

Namespace: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[Namespace, str]
"""Where an item is: its namespace and key."""

_END = b"\0"
_REMEDY = 'A namespace is a tuple of texts without periods, as ("users", user_id).'


def check_namespace(namespace: Any) -> Namespace:
    """A namespace whose labels are what LangGraph allows.

    Raises:
        BadNamespace: a label is no text, is empty, or has a period or a NUL.
    """
    if not isinstance(namespace, (tuple, list)):
        raise BadNamespace(f"{namespace!r} is no namespace but a {type(namespace).__name__}.", _REMEDY)
    for label in namespace:
        if isinstance(label, str) and label and "." not in label and "\0" not in label:
            continue
        raise BadNamespace(f"The label {label!r} of the namespace {namespace!r} {_fault(label)}.", _REMEDY)
    return tuple(namespace)


def _fault(label: Any) -> str:
    if not isinstance(label, str):
        return f"is a {type(label).__name__}"
    return "has a period" if "." in label else "has a NUL" if label else "is empty"


def check_place(namespace: Any) -> Namespace:
    """A namespace that an item can be put into.

    Raises:
        BadNamespace: as :func:`check_namespace`; or it has no label, or LangGraph keeps it for itself.
    """
    labels = check_namespace(namespace)
    if not labels:
        raise BadNamespace("An item cannot be put into the empty namespace.", _REMEDY)
    if labels[0] == "langgraph":
        raise BadNamespace(
            'LangGraph keeps namespaces that begin with "langgraph" for itself.', "Begin with another label."
        )
    return labels


def check_key(key: Any) -> str:
    """A key.

    Raises:
        BadKey: it is no text.
    """
    if not isinstance(key, str):
        raise BadKey(f"The key {key!r} is a {type(key).__name__}.", f"Keys are text: str({key!r}).")
    return key


def pack_key(key: str) -> bytes:
    """The bytes of any text; they sort as the text does."""
    return key.encode("utf-8", "surrogatepass")


def read_key(data: bytes) -> str:
    """What :func:`pack_key` was given."""
    return as_bytes(data).decode("utf-8", "surrogatepass")


@lru_cache(maxsize=4096)
def pack_path(namespace: Namespace) -> bytes:
    """The bytes of a namespace. They sort as the tuple does, and begin with those of each of its prefixes."""
    return b"".join(pack_key(label) + _END for label in namespace)


def read_path(data: bytes) -> Namespace:
    """What :func:`pack_path` was given."""
    return tuple(read_key(label) for label in as_bytes(data).split(_END)[:-1])


def below(prefix: Sequence[str]) -> tuple[bytes, bytes] | None:
    """The least path of the namespaces that begin so, and the first one after them; None where all do."""
    path = pack_path(tuple(prefix))
    return (path, path[:-1] + b"\1") if path else None


def literal(conditions: Sequence[MatchCondition]) -> Namespace:
    """A prefix that all namespaces have which the conditions match."""
    longest: Namespace = ()
    for condition in conditions:
        if condition.match_type == "prefix":
            path = tuple(condition.path)
            start = path[: path.index("*")] if "*" in path else path
            longest = max(longest, start, key=len)
    return longest


def matches(condition: MatchCondition, namespace: Namespace) -> bool:
    """Whether a namespace begins or ends as the condition's path says; ``*`` stands for any label."""
    path = tuple(condition.path)
    if len(namespace) < len(path):
        return False
    part = (
        namespace[: len(path)]
        if condition.match_type == "prefix"
        else namespace[-len(path) or len(namespace) :]
    )
    return all(wanted in ("*", label) for wanted, label in zip(path, part, strict=True))
