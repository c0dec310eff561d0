"""A real LangGraph server, ``langgraph dev``, in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from langchain_core.messages import BaseMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from langgraph_sdk.client import SyncLangGraphClient

import lgviz
from lgviz.analysis.history import History
from tests.support import served_graphs
from tests.support.environments import environment
from tests.support.waiting import until

REQUIREMENTS = ("langgraph-cli[inmem]==0.4.40", "langgraph-api==0.16.7")
SAID = {"messages": [{"role": "user", "content": "hello", "id": "q"}], "mood": "bright"}
GRAPHS = {name: f"./served_graphs.py:served_{name}" for name in ("agent", "counter", "fan", "nested")}


@contextmanager
def langgraph_dev(folder: Path, port: int | None = None, **config: object) -> Iterator[str]:
    """The URL of a server of the graphs of :mod:`tests.support.served_graphs`, without network and key.

    Args:
        folder: an empty one, where it keeps its threads.
        port: a free one unless given.
        config: more of ``langgraph.json``.
    """
    python = environment(*REQUIREMENTS)
    shutil.copy(served_graphs.__file__, folder / "served_graphs.py")
    (folder / "langgraph.json").write_text(json.dumps({"dependencies": ["."], "graphs": GRAPHS, **config}))
    port = port or free_port()
    command = [python.with_name("langgraph"), "dev", "--port", str(port), "--no-browser", "--no-reload"]
    kept = ("PATH", "HOME", "TMPDIR")
    env = {name: os.environ[name] for name in kept if name in os.environ} | {"LANGSMITH_TRACING": "false"}
    with (folder / "log.txt").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: _answers(server, url, folder / "log.txt"))
            yield url
        finally:
            server.terminate()
            server.wait(30)


def run(sdk: SyncLangGraphClient, name: str, given: Any, thread_id: str | None = None, **more: Any) -> str:
    """Run a graph there; the thread."""
    thread_id = thread_id or sdk.threads.create()["thread_id"]
    sdk.runs.wait(thread_id, name, input=given, raise_error=False, **more)
    return thread_id


def local(build: Any, *given: Any) -> History:
    """The same graph, run here."""
    graph = build().compile(checkpointer=InMemorySaver(), store=InMemoryStore())
    for each in given:
        graph.invoke(each, {"configurable": {"thread_id": "1"}})
    return lgviz.history(graph)


def plain(value: Any) -> Any:
    """A value as a server sends it: as JSON, without what is made up at each run."""
    if isinstance(value, BaseMessage):
        value = {**value.model_dump(), "type": value.type}
    if isinstance(value, dict):
        kept = ("content", "type", "id", "role") if "content" in value else value
        return {key: plain(value[key]) for key in kept if key in value}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


def told(history: History) -> list[Any]:
    """What is told of each checkpoint, but for ids and times."""
    return [
        {
            "label": c.label,
            "namespace": [part.partition(":")[0] for part in c.namespace.split("|")],
            "parent": c.parent and c.parent.label,
            "outer": c.outer and c.outer.label,
            "nodes": c.nodes,
            "changed": c.changed,
            "flags": c.flags,
            "next": c.next,
            "tasks": [(task.name, task.error, plain(task.result)) for task in c.tasks],
            "writes": plain(dict(c.writes)),
            "values": plain(c.values),
            "asked": [one.value for one in c.interrupts],
            "waiting": [one.value for one in c.waiting],
            "error": c.error,
        }
        for c in history.all
    ]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(server: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    assert server.poll() is None, log.read_text()
    try:
        return httpx.get(f"{url}/ok", timeout=5).is_success
    except httpx.TransportError:
        return False
