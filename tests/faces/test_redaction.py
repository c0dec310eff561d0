"""What ``redact=`` hides leaves through no face: a hundred secrets are planted, and none is found."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pandas as pd
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore as LangGraphStore
from typer.testing import CliRunner

import lgviz
import lgviz.cli.app
import lgviz.cli.asking
import lgviz.cli.keeping
import lgviz.cli.reading
from lgviz import learn
from lgviz.analysis import plots
from lgviz.analysis.diff import diff_states
from lgviz.backend import Backend
from lgviz.backend.watches import WatchRequests
from lgviz.demos import approval, two_nodes
from lgviz.errors import InvalidValue, LgvizError
from lgviz.files import FORMATS, prepare
from lgviz.files.requests import ExportRequests
from lgviz.mcp import AgentTools, ToolDesk
from lgviz.persistence import InMemoryStore, MemorySaver, SqliteSaver, SqliteStore
from lgviz.protocol import Methods
from lgviz.sources.items import plainly
from lgviz.sources.redact import MASK, Redactor, _Masking
from lgviz.sources.redacted_items import RedactedItems
from lgviz.sources.stores import memory_of
from tests.support.long_threads import chat_graph, seed_chat
from tests.support.pages import data_of
from tests.support.secrets import SECRET, THREAD, Planted, build, seed
from tests.support.view import View, fork, run


class Exhibit:
    """A history full of secrets, to be shown by a face.

    Attributes:
        what: the graph, or the path of its database.
        rules: what hides them.
        planted: them.
    """

    def __init__(self, what: Any, rules: Any, planted: Planted, folder: Path) -> None:
        self.what, self.rules, self.planted, self.folder = what, rules, planted, folder

    def history(self) -> lgviz.History:
        return lgviz.history(self.what, THREAD, redact=self.rules)


# ------------------------------------------------------------ every face, a line in the table below


def _history(seen: Exhibit) -> Iterator[Any]:
    h = seen.history()
    yield from (repr(h), h._repr_html_(), h.frame().to_csv(), h.graph().nodes(data=True))
    for c in [*h, *(inner for outer in h for inner in outer.inner)]:
        yield from (repr(c), c._repr_html_(), c.values, c.next, c.tasks, c.writes, c.writes._repr_html_())
        yield from (
            c.metadata,
            c.interrupts,
            c.waiting,
            c.error,
            dict(c.errors),
            c.note,
            c.stored,
            c.unloadable,
        )
        yield from (c.as_node, c.nodes, c.changed, dict(c.doubts), c.rebuilt)


def _diffs(seen: Exhibit) -> Iterator[Any]:
    h = seen.history()
    for before, after in [*pairwise(h), (h[-1], h[2]), (h[0], h[-1])]:
        diff = h.diff(before, after)
        yield from (repr(diff), diff._repr_html_(), diff.frame().to_csv(), list(diff))
        assert not list(diff_states(diff.apply(before.values), after.values))


def _questions(seen: Exhibit) -> Iterator[Any]:
    h = seen.history()
    yield h.find(lambda c: SECRET.search(repr(c.values)))
    yield [origin for c in h for origin in c.values] + h.path(h.latest)
    yield from (h.plot(kind).to_json() for kind in plots.KINDS)
    yield lgviz.plot_threads(seen.what, redact=seen.rules).to_json()
    yield lgviz.thread_stats(seen.what, tokens=True, redact=seen.rules).to_csv()
    for head in [c for c in h.all if not c.children]:
        told = h.narrate(head)
        yield from (str(told), told._repr_html_(), told.frame().to_csv(), [one.sentences for one in told])
    for c in h.all:
        why = h.why(c)
        yield from (str(why), why._repr_html_(), why.frame().to_csv(), why.tasks, why.waiting)


def _requests(seen: Exhibit) -> Iterator[Any]:
    told: list[Any] = []
    backend = Backend(seen.what, lambda message, buffers: told.extend([message, *buffers]), redact=seen.rules)
    backend.answer_by(ExportRequests(backend))
    backend.answer_by(WatchRequests(backend.thread))
    opened = backend.request("thread_open", thread_id=THREAD)
    yield opened
    for method, every in REQUESTS.items():
        for params in every(backend, opened["tree"]["ids"]):
            try:
                yield backend.request(method, **params)
            except LgvizError as error:
                yield (str(error), error.cause, error.remedy, getattr(error, "refused", None))
            yield from told
            told.clear()
    backend.close()
    yield from told


def _messages(seen: Exhibit) -> Iterator[Any]:
    """As a widget hears them: replies of the dispatcher, refusals, and what is sent unasked."""
    view = View(seen.what, THREAD, redact=seen.rules)
    ids = view.ask("thread_open", thread_id=THREAD)["tree"]["ids"]
    for method, every in REQUESTS.items():
        for params in every(view.backend, ids)[:1]:
            yield view.reply(view.send(method, **params))
    yield from view.events
    yield from view.progress
    yield view.buffers
    view.close()


def _terminal(seen: Exhibit) -> Iterator[Any]:
    if not isinstance(seen.what, str):
        return
    labels = [c.label for c in seen.history().all]
    for command in (
        ["threads"], ["show"], ["stats"], ["check"], ["prune", "--all", "--dry-run"], ["find", "SECRET"], ["find", "e"],
        ["bundle", str(seen.folder / "a.lgviz"), "--overwrite"], ["export", str(seen.folder / "cli.md"), "--overwrite"],
        ["cases", str(seen.folder / "cli.json"), "--overwrite"],
        *(["show", "--at", label, form] for label in labels for form in ("--state", "--messages")),
        *([verb, *words, label] for label in labels
          for verb, *words in (("diff", labels[0]), ("blame", "--at"), ("why",), ("narrate", "--head"))),
    ):  # fmt: skip
        for form in ([], ["--json"]):
            given = [command[0], seen.what, *command[1:], "--redact", f"/{SECRET.pattern}/", *form]
            done = CliRunner().invoke(lgviz.cli.app.app, given)
            assert done.exit_code == 0, done.output
            yield done.output
    for name in ("cli.md", "cli.json"):
        yield (seen.folder / name).read_text(encoding="utf-8")
    yield lgviz.open_source(str(seen.folder / "a.lgviz")).record(THREAD, "", seen.history().latest.id).values


def _agent(seen: Exhibit) -> Iterator[Any]:
    """What a coding agent is told by ``lgviz mcp``, refusals too."""
    labels = [c.label for c in seen.history().all]
    tools = AgentTools(ToolDesk(lambda _: Backend(seen.what, redact=seen.rules)), graph=True, write=True)
    for name, arguments in [
        ("threads", {}), ("tree", {}), ("find", {"text": "SECRET"}), ("find", {"text": "e"}), ("memory", {}),
        *(("state", {"at": label}) for label in labels), ("state", {"path": "messages"}), ("state", {"path": "nope"}),
        *(("diff", {"before": labels[0], "after": label}) for label in labels),
        *(("blame", {"at": label}) for label in labels),
        *(("why", {"at": label}) for label in labels),
        *(("compare", {"left": labels[1], "right": label}) for label in labels),
        *(("memory", {"text": text}) for text in ("a", "SECRET")), *_told_items(tools),
        *(("preview", {"at": labels[2], "values": {"log": ["new"]}, "as_node": node}) for node in ("say", "each", "x")),
        ("replay", {}), ("threads", {"stats": True}),
        ("sweep_cost", {"at": labels[2], "cases": {"a": {"log": ["new"]}, "b": {"nope": 1}, "c": None}, "as_node": "each"}),
        ("fork", {"at": labels[2], "values": {"log": ["new"]}, "as_node": "each"}),
    ]:  # fmt: skip
        try:
            answer = tools.call(name, arguments)
            yield from (answer.text, answer.structured)
        except LgvizError as error:
            yield (str(error), error.cause, error.remedy)
    tools.close()


def _told_items(tools: AgentTools) -> list[tuple[str, dict[str, Any]]]:
    """Each item of the store, as the answers name it."""
    items = tools.call("memory", {"text": "a", "limit": 50}).structured["items"]
    return [("memory", {"namespace": one["namespace"], "key": one["key"]}) for one in items]


def _static(seen: Exhibit) -> Iterator[Any]:
    debugger = lgviz.debug(seen.what, THREAD, redact=seen.rules)
    for row in range(len(debugger.history.tree)):
        debugger.selected = debugger.history.tree.ids[row]
        yield debugger._static_bundle()
    yield repr(debugger)
    debugger.close()


def _drawings(seen: Exhibit) -> Iterator[Any]:
    h = seen.history()
    h.export_svg(seen.folder / "tree.svg")
    yield (seen.folder / "tree.svg").read_text(encoding="utf-8")
    yield from (h.to_mermaid(), h.to_dot(), h.to_markdown(at=[c.label for c in h], diff=("c1", "c2")))


def _page(seen: Exhibit) -> Iterator[Any]:
    h = seen.history()
    yield json.dumps(data_of(h.to_html()), ensure_ascii=False)
    yield repr(h.export_html(seen.folder / "page.html"))
    yield (seen.folder / "page.html").read_text(encoding="utf-8")


def _files(seen: Exhibit) -> Iterator[Any]:
    for kind in sorted(FORMATS.keys() - {"html", "bundle", "png"}):
        made = prepare(seen.history(), kind, selected="c2", compared="c1")
        yield (made.contents, made.contents._repr_html_(), made.content)


def _bundle(seen: Exhibit) -> Iterator[Any]:
    """What who gets it reads, without a rule."""
    bundle = lgviz.save_bundle(seen.what, THREAD, seen.folder / "b.lgviz", redact=seen.rules)
    yield (bundle, bundle._repr_html_(), Path(bundle.path).read_bytes())
    yield from _history(Exhibit(bundle.path, (), seen.planted, seen.folder))
    store = LangGraphStore()
    bundle.import_into(MemorySaver(), store=store)
    yield store.search((), limit=1000)


def _learning(seen: Exhibit) -> Iterator[Any]:
    for question in learn.questions(seen.history(), count=60):
        told = question.answer("x")
        yield (question, question._repr_html_(), question.choices, question.about, told, told._repr_html_())


FACES: dict[str, Callable[[Exhibit], Iterator[Any]]] = {
    "history": _history,
    "diffs": _diffs,
    "questions": _questions,
    "requests": _requests,
    "messages": _messages,
    "static view": _static,
    "page": _page,
    "drawings": _drawings,
    "files": _files,
    "terminal": _terminal,
    "coding agent": _agent,
    "bundle": _bundle,
    "learning": _learning,
}
"""Every way out. A new face adds a line; each yields all that it shows, of any type."""


# ------------------------------------------------------------ every request, a line in the table below

Every = Callable[[Backend, list[str]], list[dict[str, Any]]]
_START = {"message": None, "input": None, "context": None, "configurable": None}


def _each(_backend: Backend, ids: list[str]) -> list[dict[str, Any]]:
    return [{"checkpoint": id_} for id_ in ids]


def _channels(backend: Backend, ids: list[str]) -> list[tuple[str, str]]:
    view = backend.request
    return [(id_, c["name"]) for id_ in ids for c in view("checkpoint_get", checkpoint=id_)["channels"]]


def _parts(backend: Backend, ids: list[str]) -> list[dict[str, Any]]:
    paths: list[list[int]] = [[], [0], [1, 0]]
    some = _channels(backend, [ids[2]])
    return [{"checkpoint": id_, "channel": c, "path": p} for id_, c in some for p in paths]


def _memory(backend: Backend, ids: list[str]) -> list[str]:
    """The refs of all namespaces and items, as they are shown."""
    found, waiting = [], [""]
    while waiting:
        page = backend.request("memory_list", checkpoint=None, ref=waiting.pop(), offset=0, limit=50)
        found += [item["ref"] for item in page["items"]]
        waiting += [namespace["ref"] for namespace in page["namespaces"]]
        found += [namespace["ref"] for namespace in page["namespaces"]]
    return found


def _edit(ref: str | None, text: str) -> dict[str, Any]:
    return {"namespace": "a.b", "key": "k", "text": text, "ttl": "", "ref": ref, "updated_at": None}


def _forms(backend: Backend, checkpoint: str) -> list[Any]:
    return [] if backend.thread.source.read_only else [backend.request("fork_form", checkpoint=checkpoint)]


def _items(backend: Backend, ids: list[str]) -> list[str]:
    return [ref for ref in _memory(backend, ids) if len(json.loads(ref)) > 2]


def _predicted(ids: list[str]) -> list[dict[str, Any]]:
    """An act at each checkpoint: a fork, a step, a run."""
    return [
        {"checkpoint": id_, "fork": what, "run": run(id_, **steps)}
        for id_ in ids
        for what, steps in ((fork(id_, {"log": ["new"]}, "say"), {}), (None, {"steps": 1}), (None, {}))
    ]


REQUESTS: dict[str, Every] = {
    "threads_list": lambda b, ids: [{"query": q, "after": None, "limit": 10} for q in ("", "SECRET")],
    "thread_open": lambda b, ids: [{"thread_id": THREAD}],
    "thread_refresh": lambda b, ids: [{}],
    "export_plan": lambda b, ids: [
        {"kind": kind, "checkpoint": ids[2], "other": ids[1], "redact": []} for kind in ("markdown", "svg")
    ],
    "pin_write": lambda b, ids: [
        {"checkpoint": ids[2], "path": "test_SECRET.txt", "live": [], "overwrite": False},
        {"checkpoint": ids[2], "path": "test_a.py", "live": ["nobody"], "overwrite": False},
    ],
    "export_write": lambda b, ids: [{"token": "0", "path": "a.md", "overwrite": False}],
    "rows_marks": lambda b, ids: [{"checkpoints": ids}],
    "checkpoint_get": _each,
    "value_get": lambda b, ids: [{**part, "offset": 0, "limit": 100} for part in _parts(b, ids)],
    "value_find": lambda b, ids: [
        {"checkpoint": id_, "channel": c, "before": "", "match": "SECRET", "after": ""} for id_, c in _channels(b, ids[2:3])
    ],
    "blame_get": _each,
    "origin_find": lambda b, ids: [{**part, "line": 0, "target": ids[-1]} for part in _parts(b, ids)],
    "media_get": _parts,
    "diff_get": lambda b, ids: [
        {"before": one, "after": other, "internal": True} for one in (None, ids[1]) for other in ids
    ],
    "writes_get": _each,
    "tasks_get": _each,
    "why_get": _each,
    "narration_get": _each,
    "compare_get": lambda b, ids: [{"left": ids[1], "right": id_} for id_ in ids],
    "branches_get": lambda b, ids: [{}],
    "evaluate": lambda b, ids: [{"text": text, "start": 0} for text in ("values", "1 / len(log[0])", "c.tasks", "nope")],
    "raw_get": _each,
    "search": lambda b, ids: [{"query": query} for query in ("SECRET", "redacted", "a", "denied")],
    "fork_form": _each,
    "part_form": _parts,
    "fork_preview": lambda b, ids: [
        fork(ids[2], {"log": ["new"], "text": "t"}, node) for node in ("say", "each", "ask", "nobody")
    ],
    "dry_run": lambda b, ids: [
        {"checkpoint": id_, "fork": what, "configurable": "{}"}
        for id_ in ids for what in (None, fork(id_, {"log": ["new"], "text": "t"}, "say"))
    ],
    "predict_make": lambda b, ids: _predicted(ids),
    "predict_answer": lambda b, ids: [
        {"id": asked["id"], "answer": "x"}
        for what in _predicted(ids) for asked in [b.request("predict_make", **what)] if asked["id"] is not None
    ],
    "fork_commit": lambda b, ids: [fork(ids[2], {"log": ["new"]}, "each", note="why", new_thread="2")],
    "answer_form": _each,
    "answer_make": lambda b, ids: [
        {"checkpoint": id_, "drafts": {a["id"]: {"decisions": None, "json": None, "text": "x"}}}
        for id_ in ids for a in b.request("answer_form", checkpoint=id_)
    ],
    "start_form": lambda b, ids: [{"thread_id": None, "turn": False}, {"thread_id": THREAD, "turn": True}],
    "thread_start": lambda b, ids: [
        {"checkpoint": None, "thread_id": "new", **_START, "message": "hello", "input": '{"log": []}'},
        {"checkpoint": ids[-1], "thread_id": THREAD, **_START, "input": '{"log": 3}'},
    ],
    "run_start": lambda b, ids: [
        run(ids[1], configurable='{"a": 1}'), run(ids[-1]), run(ids[4], sandbox=True), run(ids[2]),
        run(ids[4], until="values['user']['ssn'] == c.nothing"),
    ],
    "run_stop": lambda b, ids: [{"run": 99}],
    "breakpoints_set": lambda b, ids: [
        {"thread_id": THREAD, "breakpoints": {"before": [name], "after": []}} for name in ("fail", "no")
    ],
    "code_get": lambda b, ids: [
        *({"act": act, "checkpoint": ids[2], "other": ids[3]} for act in ("select", "diff")),
        {"act": "fork", "checkpoint": ids[2], "fork": fork(ids[2], {"log": ["x"]}, "say")},
        *({"act": "fork", "checkpoint": form["checkpoint"], "fork": fork(
            form["checkpoint"], {}, "say", configurable=form["configurable"]) | {"edits": [
                {"channel": "user", "path": [], "text": '{"ssn": "‹redacted›", "x": 1}'}]}}
          for form in _forms(b, ids[2])),
        {"act": "run", "checkpoint": ids[2], "run": run(ids[2])},
        {"act": "start", "checkpoint": "", "start": {
            "checkpoint": ids[-1], "thread_id": THREAD, **_START, "input": "{}",
            "configurable": ""}},
        *({"act": "memory", "checkpoint": ids[3], "memory": {"act": act, "ref": ref, "as_of": True}}
          for ref in _items(b, ids) for act in ("get", "history", "search")),
    ],
    "memory_open": _each,
    "memory_list": lambda b, ids: [
        {"checkpoint": id_, "ref": ref, "offset": 0, "limit": 50} for id_ in (None, ids[3]) for ref in _memory(b, ids)
    ],
    "memory_search": lambda b, ids: [
        {"checkpoint": None, "ref": "", "text": text, "filter": where, "query": "", "offset": 0, "limit": 50}
        for text, where in (("", ""), ("secret", ""), ("pass", ""), ("", '{"password": {"$gt": 1}}'))
    ],
    "memory_item": lambda b, ids: [{"checkpoint": id_, "ref": ref} for id_ in (None, ids[3]) for ref in _items(b, ids)],
    "memory_value": lambda b, ids: [
        {"checkpoint": None, "ref": ref, "version": version, "field": None, "path": [], "offset": 0, "limit": 50}
        for ref in _items(b, ids) for version in (None, 1)
    ],
    "memory_versions": lambda b, ids: [{"ref": ref, "offset": 0, "limit": 50} for ref in _items(b, ids)],
    "memory_diff": lambda b, ids: [{"ref": ref, "before": 0, "after": 1} for ref in _items(b, ids)],
    "memory_changes": _each,
    "memory_plan": lambda b, ids: [_edit(None, '{"a": 1}'), *(_edit(ref, '{"a": "‹redacted›"}') for ref in _items(b, ids))],
    "memory_put": lambda b, ids: [_edit(None, '{"a": 1}'), *(_edit(ref, '{"a": 1}') for ref in _items(b, ids))],
    "memory_delete": lambda b, ids: [{"ref": ref, "updated_at": 0.0} for ref in _items(b, ids)],
    "sandbox_keep": lambda b, ids: [{"overwrite": False}],
    "sandbox_discard": lambda b, ids: [{}],
}  # fmt: skip


def test_each_request_of_the_protocol_is_in_the_table() -> None:
    assert sorted(REQUESTS) == sorted(get_type_hints(Methods))


# ------------------------------------------------------------ none leaves


def said(value: Any) -> str:
    """All that is in a value, as text."""
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else repr(value)


def by_function(path: tuple[Any, ...], value: Any) -> Any:
    if isinstance(value, bytes):
        return SECRET.sub(MASK, value.decode()).encode()
    return SECRET.sub(MASK, value) if isinstance(value, str) else value


def exhibit(kind: str, rules: Any, folder: Path) -> Exhibit:
    planted = Planted()
    graph = KINDS[kind](folder, planted)
    seed(graph, planted)
    assert len(planted.places) >= 100
    return Exhibit(str(folder / "s.db") if kind == "a file" else graph, rules, planted, folder)


KINDS = {
    "graph on lgviz's saver": lambda folder, planted: build(MemorySaver(), InMemoryStore(), planted),
    "graph on LangGraph's saver": lambda folder, planted: build(
        InMemorySaver(), LangGraphStore(), planted, exact=False
    ),
    "a file": lambda folder, planted: build(
        SqliteSaver.from_conn_string(str(folder / "s.db")),
        SqliteStore.from_conn_string(str(folder / "s.db")),
        planted,
    ),
}


@pytest.mark.parametrize(
    ("kind", "rules"),
    [(kind, [SECRET]) for kind in KINDS] + [("graph on lgviz's saver", by_function)],
    ids=[*KINDS, "by a function"],
)
def test_no_planted_secret_leaves_through_any_face(kind: str, rules: Any, tmp_path: Path) -> None:
    seen = exhibit(kind, rules, tmp_path)
    leaks = set()
    masked = 0
    for name, face in FACES.items():
        for shown in face(seen):
            text = said(shown)
            masked += MASK in text or "\\u2039redacted" in text
            leaks.update(
                (name, secret) for secret in SECRET.findall(text) if secret in seen.planted.places.values()
            )
    assert not leaks
    assert masked > 50


def test_without_rules_every_secret_is_found(tmp_path: Path) -> None:
    seen = exhibit("graph on lgviz's saver", (), tmp_path)
    found = {secret for name in ("history", "messages") for shown in FACES[name](seen)
             for secret in SECRET.findall(said(shown))}  # fmt: skip
    # What streams is told at a pace: it may be past before it is.
    assert set(seen.planted.places.values()) - found <= {seen.planted("custom event")}


# ------------------------------------------------------------ what a rule means


def test_a_path_masks_what_it_names_in_states_writes_and_wherever_there_is_no_channel() -> None:
    mask = Redactor(["user.ssn", "messages.*.content", "**.api_key", "cards[*].no", r"a\.b.c", "deep.**"])
    state = {
        "user": {"ssn": 5, "name": "Ann"},
        "messages": [HumanMessage("hello", id="1"), ("user", "short"), {"role": "user", "content": "x"}],
        "ssn": "kept", "other": {"user": {"ssn": "kept"}, "list": [{"api_key": "k"}]},
        "cards": [{"no": "1", "of": "Ann"}], "a.b": {"c": 1, "d": 2}, "deep": {"x": {"y": 1}},
        "json": '{"api_key": "k", "n": 1}', "none": None,
    }  # fmt: skip
    assert mask.state(state) == {
        "user": {"ssn": MASK, "name": "Ann"},
        "messages": [HumanMessage(MASK, id="1"), ("user", MASK), {"role": "user", "content": MASK}],
        "ssn": "kept", "other": {"user": {"ssn": "kept"}, "list": [{"api_key": MASK}]},
        "cards": [{"no": MASK, "of": "Ann"}], "a.b": {"c": MASK, "d": 2}, "deep": MASK,
        "json": f'{{"api_key": "{MASK}", "n": 1}}', "none": None,
    }  # fmt: skip
    assert mask.channel("messages", "hello", written=True) == MASK
    assert mask.channel("messages", HumanMessage("hello"), written=True) == HumanMessage(MASK)
    assert mask.channel("user", {"ssn": 1, "n": 2}, written=True) == {"ssn": MASK, "n": 2}
    assert mask.channel("__start__", {"user": {"ssn": 1}, "n": 2}) == {"user": {"ssn": MASK}, "n": 2}
    assert mask.metadata({"source": "loop", "writes": {"node": {"user": {"ssn": 1}}}, "step": 1}) == {
        "source": "loop", "writes": {"node": {"user": {"ssn": MASK}}}, "step": 1,
    }  # fmt: skip


def test_what_a_rule_does_not_reach_is_the_very_object() -> None:
    value = {"a": [{"b": (1, 2)}], "m": HumanMessage("x")}
    masked = Redactor(["other.*", re.compile("nowhere")]).state(value)
    assert all(masked[name] is value[name] for name in value)


def test_what_a_function_does_to_a_value_is_not_done_to_the_real_one() -> None:
    def spoil(path: Any, value: Any) -> Any:
        if isinstance(value, list):
            value.append("spoilt")
        return value

    two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    history = lgviz.history(graph, redact=spoil)
    assert history["c3"].values["bar"] == ["a", "b", "spoilt"]
    assert history.reader.real_state(history["c3"].row)["bar"] == ["a", "b"]


def test_a_function_that_fails_masks_and_a_value_in_itself_is_masked() -> None:
    turning: list[Any] = ["x"]
    turning.append(turning)
    assert Redactor(re.compile("x")).channel("c", turning) == [MASK, MASK]
    assert Redactor(lambda path, value: value.nothing).channel("c", [1]) == MASK
    assert Redactor(lambda path, value: "*" if path[-1] == "pin" else value).state({"a": {"pin": 1}}) == {
        "a": {"pin": "*"}
    }


KEY = re.compile(r"sk-\w+")
CARD = re.compile(r"^\d{16}$")


class Box(dict[str, Any]):
    """A dict that may hold something beside its items."""


def boxed() -> Box:
    box = Box(a=1)
    box.note = "sk-HIDDEN"  # type: ignore[attr-defined]
    return box


def noted(value: Any) -> Any:
    value.attrs["by"] = "sk-HIDDEN"
    return value


HIDDEN: dict[str, tuple[Any, Any]] = {
    "an anchored pattern, in an array": (CARD, np.array([1234567890123456, 5])),
    "attributes of a frame": (KEY, noted(pd.DataFrame({"a": [1]}))),
    "attributes of a series": (KEY, noted(pd.Series([1]))),
    "a category that no cell has": (KEY, pd.Series(pd.Categorical(["a"], categories=["a", "sk-HIDDEN"]))),
    "a category of an index": (KEY, pd.Series([1], pd.CategoricalIndex(["a"], categories=["a", "sk-HIDDEN"]))),
    "what a masked array hides": (KEY, np.ma.array(["sk-HIDDEN", "b"], mask=[True, False])),
    "a field of an array": ("c.pin", np.array([("sk-HIDDEN", 1)], dtype=[("pin", "U20"), ("n", "i4")])),
    "a row of an array": ("c.0", np.array([["sk-HIDDEN", "a"], ["b", "c"]])),
    "beside the items of a dict": (KEY, boxed()),
    "JSON after a space": ("**.pin", ' {"pin": "sk-HIDDEN"}'),
    "JSON in a fence": ("**.pin", '```json\n{"pin": "sk-HIDDEN"}\n```'),
    "JSON that was broken off": (
        "**.pin", AIMessage("", invalid_tool_calls=[
            {"name": "x", "args": '{"pin": "sk-HIDDEN"', "id": "1", "error": None, "type": "invalid_tool_call"}
        ])
    ),
    "an error that quotes a dict": ("**.pin", ValueError("bad input: {'pin': 'sk-HIDDEN'}")),
}  # fmt: skip


def all_in(value: Any) -> str:
    """What a value says and holds; NumPy's texts have zeros between their letters."""
    return repr(value) + pickle.dumps(value).replace(b"\0", b"").decode("latin-1")


@pytest.mark.parametrize("name", HIDDEN)
def test_what_hides_in_a_value_is_masked(name: str) -> None:
    rule, value = HIDDEN[name]
    secret = "1234567890123456" if rule is CARD else "sk-HIDDEN"
    assert secret in all_in(value)
    assert secret not in all_in(Redactor(rule).channel("c", value))


def test_a_filter_of_memory_tells_nothing_that_is_masked() -> None:
    store = InMemoryStore()
    store.put(("users",), "ann", {"pin": "1234", "name": "Ann"})
    items = RedactedItems(memory_of(None, store, plainly), Redactor("pin"))  # type: ignore[arg-type]
    for guessed in ({"pin": "1234"}, {"pin": {"$gt": "0", "$lt": "2"}}, {"pin": {"$lt": "2"}}):
        assert [*items.scan((), guessed)] == []
    assert [one.value for one in items.scan((), {"name": "Ann", "pin": MASK})] == [
        {"pin": MASK, "name": "Ann"}
    ]


def test_a_file_names_no_thread_that_a_pattern_hides(tmp_path: Path) -> None:
    graph = two_nodes.build(MemorySaver())
    two_nodes.seed(graph, thread_id="chat of sk-HIDDEN")
    h = lgviz.history(graph, "chat of sk-HIDDEN", redact=KEY)
    for kind in sorted(FORMATS.keys() - {"png"}):
        made = prepare(h, kind)
        assert "sk-HIDDEN" not in said((made.contents, made.content))
    page = prepare(h, "html").content.decode()
    assert data_of(page)["opened"]["thread"]["thread_id"] == f"chat of {MASK}"
    assert "sk-HIDDEN" not in json.dumps(data_of(page))
    bundle = lgviz.save_bundle(graph, h.thread_id, tmp_path / "b.lgviz", redact=KEY)
    for c in lgviz.history(bundle.path).all:
        assert "sk-HIDDEN" not in repr((c.config, c.metadata))


def test_an_answer_names_no_thread_that_a_pattern_hides() -> None:
    graph = two_nodes.build(MemorySaver())
    for name in ("a sk-HIDDEN", "b sk-HIDDEN"):
        two_nodes.seed(graph, thread_id=name)
    one, other = (lgviz.history(graph, name, redact=KEY) for name in ("a sk-HIDDEN", "b sk-HIDDEN"))
    side_by_side = lgviz.compare(one, other, one["c3"])
    told = [repr(one), repr(lgviz.compare(one["c3"], other)), repr(side_by_side), one.graph().graph]
    told += [side_by_side.outcomes().to_csv(), side_by_side.frame().to_csv()]
    assert "HIDDEN" not in repr(told) and f"a {MASK}" in repr(told[-1])


def test_what_states_share_is_masked_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """To mask each state anew takes the square of a chat's length."""
    graph = chat_graph(MemorySaver())
    seed_chat(graph, "1", 40)
    masked: list[Any] = []
    inside = _Masking._object
    monkeypatch.setattr(
        _Masking, "_object", lambda self, value, *more: masked.append(value) or inside(self, value, *more)
    )
    bundle = lgviz.save_bundle(graph, "1", tmp_path / "b.lgviz", redact=["messages.*.content"])
    messages = lgviz.history(bundle.path).latest.values["messages"]
    assert {message.content for message in messages} == {MASK}
    assert len(masked) < 6 * len(messages)


def test_a_text_between_slashes_is_a_pattern_wherever_rules_are_taken(tmp_path: Path) -> None:
    graph = two_nodes.build(InMemorySaver())
    graph.invoke({"foo": "", "bar": ["sk-123"]}, {"configurable": {"thread_id": "1"}})
    assert lgviz.history(graph, redact=r"/sk-\d+/").latest.values["bar"][0] == MASK
    assert lgviz.history(graph, redact=["foo", r"/sk-\d+/"]).latest.values["bar"][0] == MASK
    (case,) = lgviz.to_cases(graph, redact=[r"/sk-\d+/"])
    assert case["inputs"]["bar"] == [MASK]
    lgviz.save_bundle(graph, "1", tmp_path / "masked.lgviz", redact=r"/sk-\d+/")
    assert lgviz.history(tmp_path / "masked.lgviz").latest.values["bar"][0] == MASK
    with pytest.raises(InvalidValue, match="no regular expression"):
        lgviz.history(graph, redact="/(/")
    assert Redactor(["/a", "a/", "//"]).state({"/a": 1, "a/": 2, "//": 3, "a": 4}) == {
        "/a": MASK, "a/": MASK, "//": MASK, "a": 4,
    }  # fmt: skip


@pytest.mark.parametrize(
    "rule", ["", "a..b", 3, ["a", None], "items[", "items]", "a[0]b", 'a["x]', "a[b[0]]", "a[]"]
)
def test_what_is_no_rule_is_refused(rule: Any) -> None:
    with pytest.raises(InvalidValue, match="no rule of redact="):
        lgviz.history(
            two_nodes.build(InMemorySaver()), redact=[rule] if isinstance(rule, (str, int)) else rule
        )


# ------------------------------------------------------------ acts go on with what is real


def test_a_fork_beside_a_masked_value_keeps_the_real_one_and_none_is_written_back() -> None:
    graph = two_nodes.build(MemorySaver())
    two_nodes.seed(graph, thread_id="1")
    view = View(graph, "1", redact=["bar.0"])
    ids = view.ask("thread_open", thread_id="1")["tree"]["ids"]
    form = view.ask("fork_form", checkpoint=ids[3])
    bar = next(field for field in form["fields"] if field["channel"] == "bar")
    assert json.loads(bar["current"]) == [MASK, "b"]
    typed = {"bar": {"mode": "set", "text": json.dumps([MASK, "new"])}}
    made = view.ask("fork_commit", **{**fork(ids[3], {}, "node_b"), "values": typed})
    real, shown = lgviz.history(graph, "1"), view.backend.history
    assert real[made["id"]].values["bar"] == ["a", "new"]
    assert shown[made["id"]].values["bar"] == [MASK, "new"]
    part = {"channel": "bar", "path": [1], "text": '"other"'}
    made = view.ask("fork_commit", **fork(ids[3], {}, "node_b", edits=[part]))
    assert lgviz.history(graph, "1")[made["id"]].values["bar"] == ["a", "other"]
    for values in ({"bar": [MASK]}, {"foo": f"see {MASK}"}):
        refused = view.refused("fork_commit", **fork(ids[3], values, "node_b"))
        assert "stands for what redact= hides" in refused["cause"]
    edit = {"channel": "bar", "path": [], "text": json.dumps(["b", MASK])}
    assert (
        "stands for what" in view.refused("fork_commit", **fork(ids[3], {}, "node_b", edits=[edit]))["cause"]
    )
    assert not any(MASK in repr(c.values) for c in lgviz.history(graph, "1"))
    view.close()


def test_a_run_goes_on_with_the_real_state_and_its_configurable() -> None:
    graph = approval.build(MemorySaver())
    approval.seed(graph, thread_id="1")
    view = View(
        graph, "1", redact=lambda path, value: MASK if isinstance(value, str) and len(value) > 3 else value
    )
    opened = view.ask("thread_open", thread_id="1")
    before = lgviz.history(graph, "1")
    view.ask("run_start", **run(opened["tree"]["ids"][0]))
    after = lgviz.history(graph, "1")
    assert len(after) > len(before)
    assert not any(MASK in repr((c.values, c.metadata, c.writes)) for c in after)
    view.close()


def test_an_item_is_edited_beside_its_masked_fields() -> None:
    store = InMemoryStore()
    store.put(("users", "ann-1234"), "card-1234", {"pin": "1234", "name": "Ann"})
    graph = two_nodes.build(MemorySaver())
    two_nodes.seed(graph, thread_id="1")
    view = View(graph, "1", store=store, redact=[re.compile(r"\d{4}"), "note"])
    page = view.ask("memory_list", checkpoint=None, ref='["users"]', offset=0, limit=9)
    assert page["namespaces"][0]["label"] == f"ann-{MASK}"
    row = view.ask("memory_list", checkpoint=None, ref=page["namespaces"][0]["ref"], offset=0, limit=9)[
        "items"
    ][0]
    item = view.ask("memory_item", checkpoint=None, ref=row["ref"])
    assert json.loads(item["text"]) == {"pin": MASK, "name": "Ann"}
    edit = {"namespace": "", "key": "", "ttl": "", "ref": row["ref"], "updated_at": item["updated_at"]}
    view.ask("memory_put", **edit, text=json.dumps({"pin": MASK, "name": "Anna"}))
    assert store.get(("users", "ann-1234"), "card-1234").value == {"pin": "1234", "name": "Anna"}
    edit["updated_at"] = view.ask("memory_item", checkpoint=None, ref=row["ref"])["updated_at"]
    refused = view.refused("memory_put", **edit, text=json.dumps({"name": MASK}))
    assert "stands for what redact= hides" in refused["cause"]
    view.close()
