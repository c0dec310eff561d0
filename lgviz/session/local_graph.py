"""The graph of a LangGraph server, at hand in this process: what it says of a thread there.

A server has no dry run, and its API tells neither the versions of channels nor those that lead from node to
node. But it tells which tasks come next and which nodes ran, so :class:`ServerThread` hands the same graph
checkpoints at which it comes to the same tasks; a preview is an update on an overlay of these.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from langchain_core.messages import AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels.named_barrier_value import NamedBarrierValue, NamedBarrierValueAfterFinish
from langgraph.checkpoint.base import BaseCheckpointSaver, ChannelVersions, CheckpointTuple
from langgraph.constants import START
from langgraph.pregel import Pregel
from langgraph.types import PregelTask, Send
from pydantic_core import to_jsonable_python

from lgviz.analysis.channels import channels_of
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.edits import made_of
from lgviz.analysis.history import History
from lgviz.errors import NoDryRun, NotASource, listed
from lgviz.sources.places import BRANCH_TO, config_of, place_of
from lgviz.sources.remote import RemoteAssistant

from .graph_names import load_graph
from .inputs import of_messages
from .target import GraphTarget, target_of

__all__ = ["NO_DRY_RUN", "as_sent", "local_target"]

NO_DRY_RUN = "A LangGraph server has no dry run: what reducers and routers make of it shows once it is done."
_GIVE = 'Give its graph to preview by: lgviz.debug(url, graph=graph), or graph="app:graph".'
_SENDS = "__pregel_tasks"
_PUSH = "__pregel_push"
_OLD, _NEW = 1, 2
"""Versions of channels: which the nodes have seen, and which trigger those that come next."""


def local_target(assistant: RemoteAssistant, at: Checkpoint) -> GraphTarget:
    """The graph in this process that a thread on a server was made by, over what the server tells of it.

    Args:
        assistant: what runs there.
        at: a checkpoint of the thread, whose history is read.

    Raises:
        NoDryRun: none was given, it cannot be loaded, or it is another.
    """
    graph = copy.copy(_graph_of(assistant))
    graph.checkpointer = ServerThread(at.history, graph)
    return replace(target_of(graph), given=assistant)


def _graph_of(assistant: RemoteAssistant) -> Pregel[Any, Any, Any, Any]:
    given = assistant.local
    if given is None:
        raise NoDryRun(NO_DRY_RUN, _GIVE)
    name = assistant.graph_name()
    try:
        graph = given if isinstance(given, Pregel) else load_graph(_named(os.fspath(given), name))
    except NotASource as error:
        raise NoDryRun(f"{NO_DRY_RUN} The graph to preview by: {error.cause}", error.remedy) from error
    drawn, there = set(graph.get_graph().nodes), set(assistant.edges())
    if there and drawn != there:
        raise NoDryRun(
            f"{NO_DRY_RUN} The graph to preview by is not {name!r} as the server has it: "
            f"{listed(sorted(drawn ^ there))} is in one alone.",
            "Give the graph that the thread was made by, from the code that the server runs.",
        )
    return graph


def _named(given: str, graph_id: str) -> str:
    """The name of a graph; by the path of a ``langgraph.json``, of that which it calls ``graph_id``.

    Raises:
        NotASource: the file cannot be read, or has no such graph.
    """
    path = Path(given)
    if path.suffix != ".json":
        return given
    try:
        graphs = json.loads(path.read_text(encoding="utf-8"))["graphs"]
        found = graphs[graph_id]
        where, _, name = (found if isinstance(found, str) else found["path"]).rpartition(":")
    except OSError as error:
        raise NotASource(f"{given} cannot be read: {error.strerror}.", "Check the path.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotASource(
            f"{given} names no graph {graph_id!r}.", "Check the file, or give the graph itself."
        ) from error
    return f"{path.parent / where if where.endswith('.py') else where}:{name}"


def as_sent(values: Any) -> Any:
    """Values in the form in which a server sends them: as JSON."""
    return to_jsonable_python(values, bytes_mode="base64", serialize_unknown=True)


class ServerThread(BaseCheckpointSaver[Any]):
    """A thread on a server as a saver for the same graph; it is read alone.

    Args:
        history: of the thread.
        graph: the graph.
    """

    def __init__(self, history: History, graph: Any) -> None:
        super().__init__()
        self._history = history
        self._graph = graph

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        thread_id, namespace, checkpoint_id = place_of(config)
        row = self._history.tree.row_of(checkpoint_id or "", namespace or "")
        if row < 0:
            return None
        record = self._history.reader.real_record(row)
        graph = GraphTarget(self._graph, self, False, None).graph_in(namespace or "")
        tasks = () if record.told is None else record.told.tasks
        leading = dict(_leading(graph, tasks, self._joined(graph, row)))
        state = {name: _typed(graph, name, value) for name, value in record.values.items()}
        versions: ChannelVersions = dict.fromkeys((*state, *leading), _OLD)
        triggers = {name for task in tasks for name in _triggers(graph, task, leading)}
        return CheckpointTuple(
            config=config_of(thread_id, namespace or "", record.id),
            checkpoint={
                "v": 4,
                "id": record.id,
                "ts": self._history.reader.created_at(row) or "",
                "channel_values": state | leading,
                "channel_versions": versions | dict.fromkeys(triggers, _NEW),
                "versions_seen": {
                    name: dict.fromkeys(node.triggers, _OLD) for name, node in graph.nodes.items()
                },
                "updated_channels": None,
            },
            metadata=dict(record.metadata),  # type: ignore[arg-type]  # as the server tells it
            parent_config=config_of(thread_id, namespace or "", record.parent_id)
            if record.parent_id
            else None,
            pending_writes=[
                (write.task_id, write.channel, _typed(graph, write.channel, write.value))
                for write in record.writes
            ],
        )

    def _joined(self, graph: Any, row: int) -> dict[str, set[str]]:
        """By channel of a node that waits for several, those of them that have ended."""
        joins = {
            name: (set(channel.names), set(graph.trigger_to_nodes.get(name, ())))
            for name, channel in graph.channels.items()
            if isinstance(channel, (NamedBarrierValue, NamedBarrierValueAfterFinish))
        }
        ended: dict[str, set[str]] = {name: set() for name in joins}
        for nodes in self._path(row) if joins else ():
            for name, (awaited, waiting) in joins.items():
                if ended[name] == awaited and waiting & nodes:
                    ended[name] = set()
                ended[name] |= awaited & nodes
        return ended

    def _path(self, row: int) -> Iterable[set[str]]:
        """Which nodes made each checkpoint that leads to one, the first one's first."""
        tree, path = self._history.tree, []
        namespace = tree.namespaces[row]
        while row >= 0 and tree.namespaces[row] == namespace:
            path.append(set(tree.nodes[row]))
            row = tree.parent[row]
        return reversed(path)


def _leading(
    graph: Any, tasks: Sequence[PregelTask], joined: Mapping[str, set[str]]
) -> Iterator[tuple[str, Any]]:
    """The channels that lead on to tasks, and those in which nodes wait for more, with what they hold."""
    sent = [Send(task.name, None) for task in sorted(tasks, key=_place) if _is_sent(task)]
    given: dict[str, list[Any]] = {name: sorted(ended) for name, ended in joined.items() if ended}
    if sent:
        given[_SENDS] = sent
    for task in tasks:
        if task.name == START:
            given[START] = [task.result or {}]
        elif not _is_sent(task) and not _full(graph, task.name, joined):
            given[f"{BRANCH_TO}{task.name}"] = [None]
    coming = {task.name for task in tasks}
    for name, updates in given.items():
        if (channel := graph.channels.get(name)) is not None:
            held = channel.copy()
            held.update(updates)
            if coming.intersection(graph.trigger_to_nodes.get(name, ())):
                held.finish()  # what is deferred waits for that
            yield name, held.checkpoint()


def _triggers(graph: Any, task: PregelTask, leading: Mapping[str, Any]) -> list[str]:
    """The channels that lead on to a task."""
    node = graph.nodes.get(task.name)
    return [] if node is None else [name for name in node.triggers if name in leading]


def _full(graph: Any, node: str, joined: Mapping[str, set[str]]) -> bool:
    """Whether all have ended that a node waits for."""
    triggers = graph.nodes[node].triggers if node in graph.nodes else ()
    return any(name in joined and joined[name] == set(graph.channels[name].names) for name in triggers)


def _is_sent(task: PregelTask) -> bool:
    return len(task.path) > 1 and task.path[0] == _PUSH and isinstance(task.path[1], int)


def _place(task: PregelTask) -> Any:
    return task.path[1] if _is_sent(task) else -1


def _typed(graph: Any, name: str, value: Any) -> Any:
    """A channel's value of the classes that the graph declares; as it was sent where they do not take it."""
    channel, info = graph.channels.get(name), channels_of(graph).get(name)
    if channel is None or info is None:
        return value
    hint = channel.ValueType
    chat = info.messages or of_messages(hint)
    made, refused = made_of(value, list[AnyMessage] if chat else hint)
    return value if refused else made
