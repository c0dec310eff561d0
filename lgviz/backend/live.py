"""What the tasks at work say, told to every view at a pace that a person reads at."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from lgviz import session
from lgviz.analysis.values import clean
from lgviz.backend.value_views import Budget, value_node
from lgviz.protocol import LiveTask, LiveView, ValueNode
from lgviz.sources.places import within
from lgviz.sources.redact import MASK, Redactor

__all__ = ["LiveBoard"]

_log = logging.getLogger("lgviz")
_EVERY = 0.1
"""Seconds between two messages to the views."""
_TEXT = 2_000
_MESSAGES = 8
_CUSTOM = 5
_TASKS = 20
_EVENT = 1_500
"""Bytes of JSON that one custom event may take."""


@dataclass
class _Heard:
    """What is known of one task."""

    node: str
    namespace: str
    began: float
    took: float | None = None
    failed: bool = False
    said: dict[str, str] = field(default_factory=dict)
    """By the id of a message, the last that it said."""
    more: int = 0
    custom: deque[ValueNode] = field(default_factory=lambda: deque(maxlen=_CUSTOM))

    def say(self, message: str, text: str) -> None:
        """Add to a message; several of one task may be said at once."""
        said = self.said.get(message, "") + text
        if len(said) > 2 * _TEXT:
            self.more += len(said) - _TEXT
            said = said[-_TEXT:]
        self.said[message] = said
        if len(self.said) > _MESSAGES:
            self.more += len(self.said.pop(next(iter(self.said))))

    def view(self, task_id: str, now: float) -> LiveTask:
        text = "\n\n".join(self.said.values())
        status = "working" if self.took is None else "failed" if self.failed else "done"
        return {
            "id": task_id,
            "node": clean(self.node),
            "namespace": self.namespace,
            "status": status,  # type: ignore[typeddict-item]
            "elapsed": (now - self.began if self.took is None else self.took) * 1000,
            "text": clean(text[-_TEXT:]),
            "more": self.more + max(0, len(text) - _TEXT),
            "custom": list(self.custom),
        }


class LiveBoard:
    """Hears the events of one run and tells views of them, at most ten times a second, the last always.

    Hearing takes no longer than noting it: another thread tells the views, never two at once.

    Args:
        run: the run's number.
        thread_id: the thread that it runs on.
        tell: puts a view of it before the views.
        redactor: what is masked in it. Texts that arrive in pieces cannot be: they are shown once stored.
    """

    def __init__(
        self, run: int, thread_id: str, tell: Callable[[LiveView], None], redactor: Redactor | None = None
    ) -> None:
        self._redactor = redactor
        self._silent = redactor is not None and redactor.holds_streams
        self._run = run
        self._thread_id = thread_id
        self._tell = tell
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._tasks: dict[str, _Heard] = {}
        self._custom: deque[ValueNode] = deque(maxlen=_CUSTOM)
        self._untold = False
        self._timer: threading.Timer | None = None
        self._told_at = float("-inf")
        self._closed = False

    def hear(self, event: session.RunEvent) -> None:
        """Note an event of the run."""
        node = _custom_node(event, self._redactor) if event.kind == "custom" else None
        with self._lock:
            if self._noted(event, node) and not self._closed:
                self._untold = True
                self._arm()

    def close(self) -> None:
        """Tell what was not told yet, and nothing after it."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
        self._flush()

    def view(self) -> LiveView:
        """The tasks of the steps at work, the newest last."""
        with self._lock:
            return self._view()

    # ------------------------------------------------------------ what is noted

    def _noted(self, event: session.RunEvent, custom: ValueNode | None) -> bool:
        """Whether an event changes what is shown."""
        task = self._tasks.get(event.task_id or "")
        match event.kind:
            case "started":
                self._start(event)
            case "finished" if task is not None:
                task.took, task.failed = time.monotonic() - task.began, event.error is not None
                self._forget(within(event.namespace, f"{event.node}:{event.task_id}"))
            case "checkpoint":
                # At the root the next step begins at once, or the run ends.
                return event.namespace != "" and self._made(event.namespace)
            case "message" if task is not None:
                if self._silent:  # what is to be masked may come in pieces
                    task.said[""] = MASK
                else:
                    task.say(event.message_id or "", event.text or "")
            case "custom" if custom is not None:
                (self._custom if task is None else task.custom).append(custom)
            case _:
                return False
        return True

    def _start(self, event: session.RunEvent) -> None:
        """A task begins; where none of its graph was at work, a step, and what was done before it is past."""
        if all(task.took is not None for task in self._tasks.values() if task.namespace == event.namespace):
            self._made(event.namespace)
            self._custom.clear()
        self._tasks[str(event.task_id)] = _Heard(str(event.node), event.namespace, time.monotonic())

    def _made(self, namespace: str) -> bool:
        """What was done in a graph is in a checkpoint now."""
        done = [k for k, t in self._tasks.items() if t.namespace == namespace and t.took is not None]
        for key in done:
            del self._tasks[key]
        return bool(done)

    def _forget(self, call: str) -> None:
        """Drop what ran inside of a task that ended."""
        for key, task in list(self._tasks.items()):
            if task.namespace == call or task.namespace.startswith(f"{call}|"):
                del self._tasks[key]

    # ------------------------------------------------------------ what is told

    def _arm(self) -> None:
        if self._timer is None:
            wait = max(0.0, self._told_at + _EVERY - time.monotonic())
            self._timer = threading.Timer(wait, self._flush)
            self._timer.daemon = True
            self._timer.start()

    def _flush(self) -> None:
        with self._telling:
            with self._lock:
                untold, self._untold = self._untold, False
                view = self._view()
            if untold:
                try:
                    self._tell(view)
                except Exception:
                    _log.debug("lgviz could not tell of a run", exc_info=True)
            with self._lock:
                self._told_at, self._timer = time.monotonic(), None
                if self._untold and not self._closed:
                    self._arm()

    def _view(self) -> LiveView:
        now = time.monotonic()
        # Those at work before those that wait for their siblings to end.
        order = sorted(self._tasks.items(), key=lambda pair: pair[1].took is not None)
        return {
            "run": self._run,
            "thread_id": self._thread_id,
            "tasks": [task.view(key, now) for key, task in order[:_TASKS]],
            "more": max(0, len(order) - _TASKS),
            "custom": list(self._custom),
        }


def _custom_node(event: session.RunEvent, redactor: Redactor | None) -> ValueNode | None:
    """The event as it is now: its node may change it later."""
    try:
        value = event.value if redactor is None else redactor.loose(event.value)
        return value_node(value, budget=Budget(_EVENT), text=300)
    except Exception:  # whatever a node sends
        return None
