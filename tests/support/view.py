"""A view without a browser, and the parameters of what it asks."""

from __future__ import annotations

import json
import threading
from typing import Any

import lgviz
from lgviz.backend.dispatch import Dispatcher


class View:
    """A view without a browser: sends requests through the real dispatcher, waits for the replies."""

    def __init__(self, debugger: lgviz.Debugger) -> None:
        self.events: list[tuple[str, Any]] = []
        self.progress: list[Any] = []
        self._replies: dict[int, Any] = {}
        self._heard = threading.Condition()
        halves = (debugger._reader, debugger._memory, debugger._box, debugger._actor)
        table = {name: entry for half in halves for name, entry in half.table().items()}
        debugger._box._emit = lambda body: self._take({"event": "sandbox", "body": body}, [])
        debugger._reader._send = self._take
        debugger._actor._emit = lambda body: self._take({"event": "run", "body": body}, [])
        self.dispatcher = Dispatcher(table, self._take)
        self._id = 0

    def _take(self, message: Any, buffers: list[bytes]) -> None:
        assert len(json.dumps(message)) < 400_000
        with self._heard:
            if "event" in message:
                self.events.append((message["event"], message["body"]))
            elif "progress" in message:
                self.progress.append(message["progress"])
            else:
                self._replies[message["id"]] = message
            self._heard.notify_all()

    def send(self, method: str, **params: Any) -> int:
        self._id += 1
        self.dispatcher.receive({"id": self._id, "method": method, "params": params})
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
