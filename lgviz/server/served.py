"""Which requests of the protocol a server answers: those that read, each named here."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NotRequired, get_args, get_origin, get_type_hints

from lgviz.errors import InvalidValue, LgvizError, ReadOnly
from lgviz.protocol import Methods

__all__ = ["SERVED", "refusal_of"]

SERVED = frozenset(
    {
        "threads_list", "thread_open", "thread_refresh", "rows_marks", "checkpoint_get", "value_get",
        "value_find", "blame_get", "origin_find", "media_get", "diff_get", "writes_get", "tasks_get",
        "why_get", "narration_get", "raw_get", "search", "code_get", "memory_open", "memory_list",
        "memory_search", "compare_get", "branches_get",
        "memory_item", "memory_value", "memory_versions", "memory_diff", "memory_changes",
    }
)  # fmt: skip
"""A method that a later protocol adds is refused until it is named here."""


def refusal_of(method: Any, params: Any) -> LgvizError | None:
    """Why a request is not answered; None where it is.

    >>> refusal_of("search", {"query": "boat"})
    >>> print(refusal_of("search", {}))
    The request 'search' lacks 'query'. Send what lgviz.protocol names.
    """
    known = _parameters()
    if not isinstance(method, str) or method not in known:
        return InvalidValue(
            f"There is no request {method!r}.", "Reload the page, so that both sides are of one version."
        )
    if method == "evaluate":
        return ReadOnly(
            "A server evaluates no expression.",
            "Open it in a notebook, in a kernel of your own: %lgviz FILE.",
        )
    if method not in SERVED:
        return ReadOnly(
            "A document is only read.", "Open the graph itself in a notebook to fork and run: %lgviz graph."
        )
    given: Any = {} if params is None else params
    if not isinstance(given, Mapping):
        return InvalidValue(f"The parameters of {method!r} are no object.", "Send what lgviz.protocol names.")
    lacking = [repr(name) for name in known[method] if name not in given]
    if lacking:
        return InvalidValue(
            f"The request {method!r} lacks {', '.join(lacking)}.", "Send what lgviz.protocol names."
        )
    return None


@functools.cache
def _parameters() -> dict[str, list[str]]:
    """By method, the parameters that it needs."""
    found = {}
    for method, pair in get_type_hints(Methods).items():
        hints = get_type_hints(get_args(pair)[0], include_extras=True)
        found[method] = [name for name, kind in hints.items() if get_origin(kind) is not NotRequired]
    return found
