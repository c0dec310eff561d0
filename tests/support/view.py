"""A view without a browser, and the parameters of what it asks."""

from __future__ import annotations

import json
import threading
from typing import Any

from lgviz.backend import Backend
from lgviz.widget import Debugger


class View:
    """A view without a browser: sends requests to the real backend, waits for the replies.

    Args:
        what: what a :class:`Backend` takes, or a debugger, whose messages this view hears in its front end's place.
        opens: whether a thread is opened at once.
    """

    def __init__(self, what: Any, thread_id: str | None = None, *, opens: bool = True, **more: Any) -> None:
        self.events: list[tuple[str, Any]] = []
        self.progress: list[Any] = []
        self.buffers: dict[int, list[bytes]] = {}
        self._replies: dict[int, Any] = {}
        self._heard = threading.Condition()
        self._id = 0
        if isinstance(what, Debugger):
            what.send = self._take
            self.backend: Any = what._backend
        else:
            self.backend = Backend(what, self._take, **more)
            if opens:
                self.backend.thread.open(thread_id)

    def close(self) -> None:
        self.backend.close()

    def _take(self, message: Any, buffers: list[bytes]) -> None:
        assert len(json.dumps(message)) < 400_000
        with self._heard:
            if "event" in message:
                self.events.append((message["event"], message["body"]))
            elif "progress" in message:
                self.progress.append(message["progress"])
            else:
                self._replies[message["id"]] = message
                self.buffers[message["id"]] = buffers
            self._heard.notify_all()

    def send(self, method: str, **params: Any) -> int:
        self._id += 1
        self.backend.receive({"id": self._id, "method": method, "params": params})
        return self._id

    def reply(self, number: int) -> Any:
        with self._heard:
            assert self._heard.wait_for(lambda: number in self._replies, 60)
            return self._replies.pop(number)

    def ask(self, method: str, **params: Any) -> Any:
        reply = self.reply(self.send(method, **params))
        assert "error" not in reply, reply
        return reply["result"]

    def refused(self, method: str, **params: Any) -> Any:
        return self.reply(self.send(method, **params))["error"]


def fork(checkpoint: str, values: dict[str, Any], as_node: str | None = None, **more: Any) -> dict[str, Any]:
    request = {
        "goto": None,
        "keep_siblings": False,
        "note": None,
        "configurable": None,
        "sandbox": False,
        **more,
    }
    fields = {name: {"mode": "append", "text": json.dumps(value)} for name, value in values.items()}
    return {"checkpoint": checkpoint, "values": fields, "as_node": as_node, **request}


def run(checkpoint: str, **more: Any) -> dict[str, Any]:
    return {
        "checkpoint": checkpoint,
        "resume": None,
        "until": None,
        "configurable": None,
        "sandbox": False,
        **more,
    }
