"""Where a checkpoint is, and what LangGraph's own names mean: configs, namespaces, ids, channels (floor 2).

A *checkpoint namespace* names the calls that led into a subgraph: ``""`` for the root graph, then
``node:task_id`` for each call, joined by ``|``. A subgraph with a history of its own
(``compile(checkpointer=True)``) has no task id there, and a bare number tells several calls of one task
apart:

>>> calls("research:0f3a|judge:77c1|1")
[SubgraphCall(node='research', task_id='0f3a'), SubgraphCall(node='judge', task_id='77c1')]
>>> node_path("research:0f3a|judge:77c1|1")
'research|judge'
>>> enclosing("research:0f3a|judge:77c1")
'research:0f3a'
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import EXCLUDED_METADATA_KEYS

from lgviz.persistence.blocks.records import BRANCH_TO
from lgviz.persistence.savers.address import NULL_TASK_ID, Address, address

__all__ = [
    "BRANCH_TO",
    "CONTROL_CHANNELS",
    "JOIN",
    "MARK",
    "NULL_TASK_ID",
    "PREVIOUS_CHANNEL",
    "RESULT_CHANNEL",
    "ROOT_CHANNEL",
    "SERVED",
    "TASKS_CHANNEL",
    "Address",
    "SubgraphCall",
    "address",
    "by_channel",
    "calls",
    "config_of",
    "configurable_of",
    "depth",
    "enclosing",
    "id_time",
    "innermost",
    "is_internal",
    "is_numbered",
    "node_path",
    "outermost",
    "place_of",
    "thread_of",
    "time_or_none",
    "unrooted",
    "within",
]

# ---------------------------------------------------------------- configs

MARK = "lgviz_"
"""Keys that lgviz adds to the metadata of a checkpoint begin so."""
SERVED = MARK + "served"
"""Metadata key: ids of the tasks that history answered in the step that made a checkpoint."""
_LANGGRAPHS = {"source", "step", "parents", "run_id", "writes", "counters_since_delta_snapshot", "score"}

_SERVERS = {"assistant_id", "created_by", "graph_id", "run_attempt", "user_id"}
"""What a LangGraph server adds to the metadata of each run."""


def config_of(thread_id: str, namespace: str = "", checkpoint_id: str | None = None) -> RunnableConfig:
    """The config that names a checkpoint; without an id the latest one of the namespace."""
    place = {"thread_id": thread_id, "checkpoint_ns": namespace}
    return {"configurable": place if checkpoint_id is None else {**place, "checkpoint_id": checkpoint_id}}


def place_of(config: Mapping[str, Any]) -> Address:
    """The place that a config of LangGraph's names, taken as it is: without a namespace it is the root's."""
    where = config.get("configurable") or {}
    thread_id = str(where.get("thread_id", ""))
    return Address(thread_id, where.get("checkpoint_ns", ""), where.get("checkpoint_id"))


def configurable_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The ``configurable`` a checkpoint was made with, as far as its metadata keeps it (scalars only)."""
    served = "assistant_id" in metadata or {"graph_id", "checkpoint_id"} <= metadata.keys()
    servers = _SERVERS if served else ()
    return {
        key: value
        for key, value in metadata.items()
        if isinstance(value, (str, int, float, bool))
        and key not in _LANGGRAPHS
        and key not in servers
        and key not in EXCLUDED_METADATA_KEYS
        and not key.startswith((MARK, "langgraph_", "ls_", "__"))
    }


def thread_of(config: Mapping[str, Any] | None) -> str | None:
    """The thread that a config names; None where it names none."""
    thread_id = ((config or {}).get("configurable") or {}).get("thread_id")
    return None if thread_id is None else str(thread_id)


# ---------------------------------------------------------------- namespaces


class SubgraphCall(NamedTuple):
    """One call in a namespace. ``task_id`` is empty where the subgraph keeps a history of its own."""

    node: str
    task_id: str


def calls(namespace: str) -> list[SubgraphCall]:
    """The calls that a namespace is nested in, the outermost first."""
    parts = [part.partition(":") for part in namespace.split("|") if part and not part.isdecimal()]
    return [SubgraphCall(node, task_id) for node, _, task_id in parts]


def node_path(namespace: str) -> str:
    """The nodes of a namespace, as ``graph.get_subgraphs(namespace=...)`` takes them."""
    return "|".join(call.node for call in calls(namespace))


def enclosing(namespace: str) -> str:
    """The namespace around one; the root's around the root's."""
    return namespace.rpartition("|")[0]


def within(namespace: str, part: str) -> str:
    """The namespace of a call from another one."""
    return f"{namespace}|{part}" if namespace else part


def innermost(path: str) -> tuple[str, str]:
    """The path of a node's graph, and its name: ``("research", "judge")`` of ``"research|judge"``."""
    around, _, node = path.rpartition("|")
    return around, node


def outermost(path: str) -> str:
    """The first node of a path."""
    return path.partition("|")[0]


def depth(namespace: str) -> int:
    """How many calls deep a namespace is; 0 for the root's."""
    return len(namespace.split("|")) if namespace else 0


def is_numbered(namespace: str) -> bool:
    """Whether a number in it tells several calls of one task apart."""
    return any(part.isdecimal() for part in namespace.split("|"))


# ---------------------------------------------------------------- ids

_GREGORIAN = 0x01B21DD213814000
"""100-nanosecond intervals between 1582-10-15, where the clock of a UUID starts, and 1970-01-01."""


_LATEST = 9_000_000_000
"""Seconds since 1970 until what pandas and JavaScript's clocks still tell: an id may be made up."""


def id_time(checkpoint_id: str) -> float | None:
    """When a checkpoint was made, in seconds since the epoch, where its id is a version 6 UUID, or, as
    before May 2024, the time; else None.

    >>> id_time("1ef4f797-8335-6428-8001-8a1503f9b875"), id_time("2024-05-04T06:32:42+00:00"), id_time("x")
    (1722456859.804164, 1714804362.0, None)
    """
    if checkpoint_id[4:5] == "-":
        with suppress(ValueError):
            return time_or_none(datetime.fromisoformat(checkpoint_id).timestamp())
    if len(checkpoint_id) != 36 or checkpoint_id[14] != "6":
        return None
    try:
        ticks = int(checkpoint_id[:8] + checkpoint_id[9:13] + checkpoint_id[15:18], 16)
    except ValueError:
        return None
    return time_or_none((ticks - _GREGORIAN) / 1e7)


def time_or_none(seconds: Any) -> float | None:
    """Seconds since 1970 that clocks and calendars can tell; None where they cannot.

    >>> time_or_none(1.5), time_or_none(1e308), time_or_none("noon")
    (1.5, None, None)
    """
    return seconds if isinstance(seconds, (int, float)) and 0 <= seconds < _LATEST else None


# ---------------------------------------------------------------- channels

ROOT_CHANNEL = "__root__"
"""Holds the whole state of a graph whose state is no dict."""

PREVIOUS_CHANNEL = "__previous__"
"""What an ``@entrypoint`` returned in the turn before."""
TASKS_CHANNEL = "__pregel_tasks"
"""Holds the ``Send``s of the step before."""

CONTROL_CHANNELS = frozenset({"__error__", "__error_source_node__", "__interrupt__", "__resume__"})
"""Writes to these say what happened to a task; any other write is its output."""

JOIN = "join:"
"""The channel of an edge from several nodes: ``"join:a+b:c"``."""

_PREFIXES = ("__", "branch:", "join:", "start:")
RESULT_CHANNEL = "__end__"
"""Holds the result of a functional entrypoint, which is its whole state."""
_WHOLE = (ROOT_CHANNEL, RESULT_CHANNEL)
"""Channels that hold a whole state all the same."""


def is_internal(name: str) -> bool:
    """Whether a channel belongs to LangGraph itself and not to the state (``branch:to:agent``)."""
    return name.startswith(_PREFIXES) and name not in _WHOLE


def by_channel(values: Any) -> dict[str, Any]:
    """The values of a state by channel, also where the state is no dict."""
    return dict(values) if isinstance(values, Mapping) else {ROOT_CHANNEL: values}


def unrooted(values: Mapping[str, Any]) -> Any:
    """The state that values by channel make: what :func:`by_channel` was given."""
    names = set(values)
    return next((values[whole] for whole in _WHOLE if names == {whole}), values)
