"""Records what the backend answers about the demos, into ``js/tests/recordings/`` (``make recordings``).

The front end's tests replay these through ``js/src/source/embedded.ts``: what they show is what Python says.
A recording is a list of exchanges: what a view asked, and every message that came before it asked again.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import random
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from operator import add
from pathlib import Path
from typing import Annotated, Any, TypedDict
from unittest.mock import patch

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import id as checkpoint_ids
from langgraph.checkpoint.memory import MemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from pairs import differences

from lgviz.backend import Backend
from lgviz.demos import DEMOS
from lgviz.page.recorded import record as recorded_thread
from lgviz.persistence import InMemoryStore

OUT = Path(__file__).resolve().parents[1] / "tests" / "recordings"
_START = 1_772_452_800  # 2 March 2026, noon UTC
_TICK = 0.25


@contextmanager
def same_every_time() -> Iterator[None]:
    """Ids and times as a clock gives them that goes on by a quarter of a second whenever it is asked."""
    ticks, lock, seeded = itertools.count(1), threading.Lock(), random.Random(1)

    def now_ns() -> int:
        with lock:
            return int((_START + next(ticks) * _TICK) * 1e9)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(now_ns() / 1e9, tz)

    clocks = [
        patch.object(module, "datetime", Clock)
        for name, module in list(sys.modules.items())
        if name.startswith(("langgraph.", "lgviz."))
        and getattr(module, "datetime", None) is datetime
        # This one tells when an attempt of a node began, from threads of its own.
        and name != "langgraph.pregel._retry"
    ]
    state = random.getstate()
    random.seed(1)
    with (
        patch.object(time, "time_ns", now_ns),
        patch.object(checkpoint_ids, "_last_v6_timestamp", None),
        patch.object(uuid, "uuid4", lambda: uuid.UUID(int=seeded.getrandbits(128), version=4)),
    ):
        for clock in clocks:
            clock.start()
        try:
            yield
        finally:
            for clock in clocks:
                clock.stop()
            random.setstate(state)


def one_by_one(graph: Any) -> Any:
    """The graph, whose parallel tasks run one after another: none is cancelled, or not, by one that fails."""
    return graph.with_config(max_concurrency=1)


def _between(body: dict[str, Any]) -> bool:
    return body["status"] in ("running", "stopping") and not body["nodes"]


class Recorder:
    """A view that writes down what it asks and what it hears."""

    def __init__(self, graph: Any, thread_id: str | None = "1", store: Any = None) -> None:
        self.exchanges: list[dict[str, Any]] = []
        self._heard = threading.Condition()
        self._numbers = itertools.count(1)
        self._backend = Backend(graph, self._hear, store=store, name="graph")
        self.ids: dict[str, str] = {}
        self.ask("threads_list", query="", after=None, limit=50)
        if thread_id is not None:
            self.open(None)
            self.open(thread_id)

    def _hear(self, message: Any, buffers: list[bytes]) -> None:
        packed = [base64.b64encode(buffer).decode() for buffer in buffers]
        with self._heard:
            say = self.exchanges[-1]["say"]
            # Between two nodes nothing runs: whether a view is told of that moment is a race.
            between = message.get("event") == "run" and _between(message["body"])
            # How much a task has said when views are told is one, too.
            between = between or message.get("event") == "live"
            if not between and message not in say[-1:]:
                say.append({**message, "buffers": packed} if packed else message)
            self._heard.notify_all()

    def start(self, method: str, **params: Any) -> int:
        """Ask, without waiting for the answer."""
        number = next(self._numbers)
        ask = {"id": number, "method": method, "params": params}
        self.exchanges.append({"ask": ask, "say": []})
        self._backend.receive(ask)
        return number

    def wait(self, there: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The message that is waited for, once it is heard."""

        def found() -> dict[str, Any] | None:
            said = (message for exchange in self.exchanges for message in exchange["say"])
            return next(filter(there, said), None)

        with self._heard:
            message = self._heard.wait_for(found, 60)
        if message is None:
            raise TimeoutError(self.exchanges[-1]["ask"])
        return message

    def reply(self, number: int) -> Any:
        """The result of a request; None where it was refused."""
        return self.wait(lambda m: m.get("id") == number and ("result" in m or "error" in m)).get("result")

    def ask(self, method: str, **params: Any) -> Any:
        return self.reply(self.start(method, **params))

    def open(self, thread_id: str | None) -> None:
        tree = self.ask("thread_open", thread_id=thread_id)["tree"]
        self.ids = dict(zip(tree["labels"], tree["ids"], strict=True))
        self.ask("rows_marks", checkpoints=tree["ids"])

    def glance(self, *labels: str) -> None:
        """Ask what the inspector's head, its tabs and its State tab ask."""
        for label in labels:
            self.ask("checkpoint_get", checkpoint=self.ids[label])
            self.ask("why_get", checkpoint=self.ids[label])
            self.ask("memory_open", checkpoint=self.ids[label])

    def look(self, *labels: str) -> None:
        """Ask what the whole inspector asks at these checkpoints; at all of them where none is named."""
        for label in labels or list(self.ids):
            at = self.ids[label]
            self.glance(label)
            self.ask("diff_get", before=None, after=at, internal=False)
            for method in ("narration_get", "writes_get", "tasks_get", "raw_get"):
                self.ask(method, checkpoint=at)
            for field in self.ask("fork_form", checkpoint=at)["fields"]:
                if field["reducer"] is None and field["current"]:
                    self.ask("part_form", checkpoint=at, channel=field["channel"], path=[])
            self.ask("code_get", act="select", checkpoint=at)

    def close(self) -> list[dict[str, Any]]:
        self._backend.close()
        return self.exchanges


def fork(checkpoint: str, values: dict[str, Any], as_node: str | None, **more: Any) -> dict[str, Any]:
    fields = {name: {"mode": mode, "text": text} for name, (mode, text) in values.items()}
    plain = {"goto": None, "keep_siblings": False, "note": None, "configurable": "{}", "sandbox": False}
    return {"checkpoint": checkpoint, "values": fields, "as_node": as_node, **plain, **more}


def run(checkpoint: str, **more: Any) -> dict[str, Any]:
    return {
        "checkpoint": checkpoint,
        "resume": None,
        "until": None,
        "configurable": None,
        "sandbox": False,
        **more,
    }


# ---------------------------------------------------------------- a trip: what no demo has


class Trip(TypedDict, total=False):
    plan: str
    fares: list[dict[str, int]]
    note: str
    answers: Annotated[list[str], add]


class TripGraph:
    """Ten thousand fares, a text that looks like HTML, two questions at once, and a node that can be held."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.go_on.set()
        builder = StateGraph(Trip)
        for node in (self.search, self.cabin, self.seat, self.book):
            builder.add_node(node.__name__, node)
        builder.add_edge(START, "search")
        builder.add_edge("search", "cabin")
        builder.add_edge("search", "seat")
        builder.add_edge(["cabin", "seat"], "book")
        builder.add_edge("book", END)
        self.compiled = builder.compile(MemorySaver())

    def search(self, state: Trip) -> Trip:  # noqa: ARG002
        self.go_on.wait(60)
        fares = [{"flight": number, "price": 100 + number % 700} for number in range(9_920)]
        return {"fares": fares, "note": "<img src=x onerror=alert(1)>"}

    def cabin(self, state: Trip) -> Trip:  # noqa: ARG002
        return {"answers": [interrupt("Which cabin?")]}

    def seat(self, state: Trip) -> Trip:  # noqa: ARG002
        return {"answers": [interrupt("Any seat preference?")]}

    def book(self, state: Trip) -> Trip:  # noqa: ARG002
        self.go_on.wait(60)
        return {"plan": "booked"}

    def begin(self, thread_id: str) -> RunnableConfig:
        config: RunnableConfig = {"configurable": {"thread_id": thread_id}}
        self.compiled.invoke({"plan": "look at the fares", "answers": []}, config, durability="sync")
        return config

    def held(self, view: Recorder, node: str, at: str, **more: Any) -> int:
        """A run that waits in a node, so that nothing races: the number of its request."""
        self.go_on.clear()
        running = view.start("run_start", **run(at, **more))
        view.wait(lambda message: message.get("event") == "run" and message["body"]["nodes"] == [node])
        return running


def trip() -> list[dict[str, Any]]:
    graph = TripGraph()
    answered = graph.begin("answered")
    asked = graph.compiled.get_state(answered).interrupts
    graph.compiled.invoke(
        Command(resume={each.id: f"answer {n}" for n, each in enumerate(asked)}), answered, durability="sync"
    )
    graph.begin("1")
    view = Recorder(graph.compiled, "answered")
    view.glance("c2", "c3")
    running = graph.held(view, "book", view.ids["c3"], reuse="rest")
    graph.go_on.set()
    view.ids["last"] = view.reply(running)["checkpoint"]
    view.glance("last")
    view.open("1")
    view.look("c1", "c2")
    view.ask("value_get", checkpoint=view.ids["c2"], channel="fares", path=[], offset=50, limit=100)
    # A fork, and a run from it that is stopped while its first node works.
    edits = [{"channel": "plan", "path": [], "text": '"ask first"'}]
    planned = fork(view.ids["c1"], {}, "__start__", edits=edits)
    view.ask("fork_preview", **planned)
    view.ask("dry_run", checkpoint=view.ids["c1"], fork=planned, configurable="{}")
    made = view.ask("fork_commit", **fork(view.ids["c1"], {}, "__start__", edits=edits, note="what if"))["id"]
    view.ids["c3"] = made
    view.glance("c3")
    running = graph.held(view, "search", made, configurable="{}", reuse="all")
    view.ask("run_stop", run=2)
    graph.go_on.set()
    view.ids["c4"] = view.reply(running)["checkpoint"]
    view.glance("c4")
    return view.close()


# ---------------------------------------------------------------- the demos


def look_around(name: str, *labels: str) -> Recorder:
    """A demo, with what the inspector shows at some of its checkpoints."""
    graph = DEMOS[name].build(MemorySaver())
    if name == "fan_out":
        graph = one_by_one(graph)
    DEMOS[name].seed(graph, thread_id="1")
    view = Recorder(graph)
    view.look(*labels)
    return view


def two_nodes() -> list[dict[str, Any]]:
    """A step and a fork that are predicted, right and wrong; an input, at which nothing is asked."""
    view = look_around("two_nodes")
    at = view.ids["c2"]
    step = view.ask("predict_make", checkpoint=at, fork=None, run=run(at, steps=1))
    right = next(one["mark"] for one in step["choices"] if one["text"] == "`node_b`")
    view.ask("predict_answer", id=step["id"], answer=right)
    written = fork(at, {"bar": ("append", '["x"]')}, "node_a")
    value = view.ask("predict_make", checkpoint=at, fork=written, run=None)
    wrong = next(one["mark"] for one in value["choices"] if one["text"] == '["x"]')
    view.ask("predict_answer", id=value["id"], answer=wrong)
    view.ask("predict_make", checkpoint=view.ids["c0"], fork=None, run=run(view.ids["c0"], steps=1))
    return view.close()


def agent() -> list[dict[str, Any]]:
    view = look_around("agent", "c0", "c2", "c4", "c5", "c11", "c12", "c13", "c20")
    ids = view.ids
    view.ask("diff_get", before=ids["c5"], after=ids["c12"], internal=False)
    view.ask("diff_get", before=ids["c12"], after=ids["c5"], internal=False)
    for left, right in (("c8", "c20"), ("c8", "c16"), ("c5", "c12"), ("c5", "c8")):
        view.ask("compare_get", left=ids[left], right=ids[right])
    view.ask("branches_get")
    edits = [{"channel": "plan", "path": [], "text": '"ask first"'}]
    view.ask("fork_preview", **fork(ids["c12"], {}, "agent", edits=edits))
    view.ask("search", query="TP938")
    view.ask("code_get", act="diff", checkpoint=ids["c12"], other=ids["c11"])
    view.ask("thread_refresh")
    for id_ in ids.values():
        view.ask("blame_get", checkpoint=id_)
    return view.close()


def approval() -> list[dict[str, Any]]:
    view = look_around("approval")
    at = view.ids["c2"]
    for goto in (None, "pay"):
        view.ask("fork_preview", **fork(at, {}, "review", goto=goto))
    return view.close()


def fan_out() -> list[dict[str, Any]]:
    view = look_around("fan_out")
    view.ask("fork_preview", **fork(view.ids["c4"], {}, "weather"))
    return view.close()


class MemoryView(Recorder):
    def browse(self, at: str | None, ref: str = "[]") -> None:
        """Unfold every namespace and open every item."""
        page = self.ask("memory_list", checkpoint=at, ref=ref, offset=0, limit=100)
        for namespace in page["namespaces"]:
            self.browse(at, namespace["ref"])
        for item in page["items"]:
            self.ask("memory_item", checkpoint=at, ref=item["ref"])
            self.ask("memory_versions", ref=item["ref"], offset=0, limit=20)

    def search(self, at: str | None, **sought: str) -> None:
        words = {"text": "", "filter": "", "query": "", **sought}
        self.ask("memory_search", checkpoint=at, ref="[]", **words, offset=0, limit=100)


def memory() -> list[dict[str, Any]]:
    demo = DEMOS["memory"]
    graph = demo.build(MemorySaver(), InMemoryStore())
    demo.seed(graph, thread_id="1")
    view = MemoryView(graph)
    view.look("c4", "c9")
    for label in ("c4", "c9"):
        view.browse(view.ids[label])
        view.ask("memory_changes", checkpoint=view.ids[label])
    view.search(view.ids["c9"], filter='{"a": {"$near": 1}}')
    view.browse(None)
    # What Mia eats is written anew, what Ben eats is forgotten.
    items = [
        view.ask(
            "memory_item",
            checkpoint=None,
            ref=json.dumps(["users", user, "facts", "diet"], separators=(",", ":")),
        )
        for user in ("mia", "ben")
    ]
    draft = {"namespace": "users.mia.facts", "key": "diet", "text": '{"text": "tofu"}', "ttl": ""}
    draft |= {name: items[0][name] for name in ("ref", "updated_at")}
    view.ask("memory_plan", **draft)
    view.ask("memory_put", **draft)
    view.glance("c9")
    view.browse(None)
    view.ask("memory_delete", **{name: items[1][name] for name in ("ref", "updated_at")})
    view.glance("c9")
    view.browse(None)
    view.ask("memory_item", checkpoint=None, ref=items[1]["ref"])
    return view.close()


def places() -> list[dict[str, Any]]:
    """A store with one namespace that is long, of which a few pages are looked at."""
    store = InMemoryStore()
    for user, key in (("ada", "diet"), ("ada", "home"), ("bob", "diet")):
        store.put(("users", user), key, {"text": key})
    for number in range(2_000):
        store.put(("zones",), f"key {number:04}", {"zone": number})
    view = MemoryView(DEMOS["two_nodes"].build(MemorySaver()), None, store)
    for ref in ('["users"]', '["users","ada"]', '["users","bob"]'):
        view.ask("memory_list", checkpoint=None, ref=ref, offset=0, limit=100)
    view.ask("memory_list", checkpoint=None, ref="[]", offset=0, limit=100)
    for offset in (0, 900, 1_000):
        view.ask("memory_list", checkpoint=None, ref='["zones"]', offset=offset, limit=100)
    return view.close()


def page() -> list[dict[str, Any]]:
    """The agent's thread as a saved page holds it: what it answers is what :func:`agent` recorded."""
    graph = DEMOS["agent"].build(MemorySaver())
    DEMOS["agent"].seed(graph, thread_id="1")
    backend = Backend(graph)
    backend.request("thread_open", thread_id="1")
    head, parts = recorded_thread(backend, None, None, lambda *_: None).lines()
    backend.close()
    said = {"id": 1, "result": {"head": json.loads(head), "parts": parts}}
    return [{"ask": {"id": 1, "method": "thread_open", "params": {}}, "say": [said]}]


RECORDINGS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "two_nodes": two_nodes,
    "chat": lambda: look_around("chat", "c2", "c5", "c12").close(),
    "fan_out": fan_out,
    "subgraph": lambda: look_around("subgraph", "c2", "c2.3", "c5.4", "c6").close(),
    "approval": approval,
    "agent": agent,
    "memory": memory,
    "places": places,
    "trip": trip,
    "differences": differences,
    "page": page,
}


def recorded(name: str) -> str:
    """A recording as its file holds it: one exchange a line."""
    with same_every_time():
        exchanges = RECORDINGS[name]()
    lines = (json.dumps(exchange, ensure_ascii=False, separators=(",", ":")) for exchange in exchanges)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main(out: Path) -> None:
    if os.environ.get("PYTHONHASHSEED") != "0":  # LangGraph walks over sets of names
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})
    out.mkdir(exist_ok=True)
    for name in RECORDINGS:
        (out / f"{name}.json").write_text(recorded(name), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT)
