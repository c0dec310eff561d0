"""A state that its graph cannot load: told as such, and repaired by a fork."""

from __future__ import annotations

import asyncio
import dataclasses
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.channels import DeltaChannel, EphemeralValue, Topic
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel, field_validator

import lgviz
from lgviz import persistence
from lgviz.analysis.history import open_history
from lgviz.errors import InvalidValue, LgvizError, NodeRefused, Unloadable
from lgviz.export.html import static_html
from lgviz.session import as_node_options
from tests.support.graphs import CONFIG
from tests.support.view import View, fork, run


class Loose(TypedDict, total=False):
    size: Any
    log: Annotated[list[str], operator.add]


class Model(BaseModel):
    size: int
    log: Annotated[list[str], operator.add] = []


class Positive(BaseModel):
    size: Any
    log: Annotated[list[str], operator.add] = []

    @field_validator("size")
    @classmethod
    def positive(cls, value: Any) -> Any:
        if not isinstance(value, int):
            raise ValueError("must be a number")
        return value


@dataclasses.dataclass
class Data:
    size: int
    log: Annotated[list[str], operator.add] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        if not isinstance(self.size, int):
            raise TypeError("size must be a number")


def two(state: Any, saver: Any, **schemas: Any) -> Any:
    """``a``, then ``b``, which waits at a breakpoint."""
    builder = StateGraph(state, **schemas)
    builder.add_node("a", lambda state: {"log": ["a"]}).add_node("b", lambda state: {"log": ["b"]})
    builder.add_edge(START, "a").add_edge("a", "b")
    return builder.compile(checkpointer=saver, interrupt_before=["b"])


def node_schema(saver: Any) -> Any:
    """The state takes anything; only ``b`` reads a model."""

    def b(state: Model) -> dict[str, Any]:
        return {"log": ["b"]}

    builder = StateGraph(Loose).add_node("a", lambda state: {"log": ["a"]}).add_node("b", b)
    builder.add_edge(START, "a").add_edge("a", "b")
    return builder.compile(checkpointer=saver, interrupt_before=["b"])


BUILDS: dict[str, Callable[[Any], Any]] = {
    "a pydantic field": lambda saver: two(Model, saver),
    "a validator": lambda saver: two(Positive, saver),
    "a dataclass": lambda saver: two(Data, saver),
    "a node's own schema": node_schema,
}


@pytest.fixture
def saver(each_saver: Any) -> Any:
    return each_saver


def latest(graph: Any) -> Any:
    return open_history(graph, "1").latest


def broken(kind: str, saver: Any) -> Any:
    """A graph whose thread holds ``size="big"``, which it does not take."""
    two(Loose, saver).invoke({"size": "big", "log": []}, CONFIG)
    return BUILDS[kind](saver)


@pytest.mark.parametrize("kind", BUILDS)
def test_a_row_that_is_refused_is_read_and_repaired(kind: str, saver: Any) -> None:
    graph = broken(kind, saver)
    with pytest.raises((ValueError, TypeError)):
        graph.get_state(CONFIG)
    row = latest(graph)
    assert row.values == {"size": "big", "log": ["a"]} and row.next == ("b",)
    assert row.unloadable is not None
    assert row.unloadable.startswith("can't be loaded by this graph: node 'b' refuses the state: ")
    assert "size" in row.unloadable
    assert open_history(saver, "1").latest.unloadable is None
    assert "be loaded by this graph" in static_html(open_history(graph, "1"))

    for act in (lambda: lgviz.run(graph, row), lambda: lgviz.run(graph, row, input={"size": 1, "log": []})):
        with pytest.raises(Unloadable, match=r"Nothing can run here: the state can't be loaded.*Fork here"):
            act()
    for act in (
        lambda: lgviz.preview(graph, row, {"log": ["x"]}, as_node="a"),
        lambda: lgviz.fork(graph, row, {"log": ["x"]}, as_node="a"),
    ):
        with pytest.raises(Unloadable, match=r"after this update can't be loaded.*node 'b' refuses.*size"):
            act()
    assert len(open_history(graph, "1")) == 3
    options = {o.node: o for o in as_node_options(graph, row)}
    assert options["b"].disabled is None and options["b"].next == ()  # nothing reads the state after it
    assert "node 'b' refuses" in str(options["a"].disabled) and options["a"].needs_values
    good = {o.node: o for o in as_node_options(graph, row, {"size": 3})}
    assert (good["a"].disabled, good["a"].next) == (None, ("b",))

    for value in ({"size": 3}, {"size": lgviz.Set(3)}):
        assert lgviz.preview(graph, row, value, as_node="a").next == ("b",)
        made = lgviz.fork(graph, row, value, as_node="a")
        assert (made.values, made.next, made.unloadable) == ({"size": 3, "log": ["a"]}, ("b",), None)
        assert graph.get_state(made.config).next == ("b",)
    done = lgviz.run(graph, made)
    assert (done.status, done.values["log"]) == ("done", ["a", "b"])


def test_an_async_graph_over_a_refused_row(tmp_path: Path) -> None:
    async def main() -> None:
        async with persistence.AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
            await two(Loose, saver).ainvoke({"size": "big", "log": []}, CONFIG)
            graph = two(Model, saver)
            row = open_history(graph, "1").latest
            assert row.unloadable is not None
            with pytest.raises(Unloadable, match="size"):
                await lgviz.arun(graph, row)
            with pytest.raises(Unloadable, match="size"):
                await lgviz.apreview(graph, row, {"log": ["x"]}, as_node="a")
            assert (await lgviz.apreview(graph, row, {"size": 3}, as_node="a")).next == ("b",)
            made = await lgviz.afork(graph, row, {"size": 3}, as_node="a")
            assert (await lgviz.arun(graph, made)).values["log"] == ["a", "b"]

    asyncio.run(main())


def test_in_a_sandbox_too() -> None:
    graph = broken("a pydantic field", InMemorySaver())
    with pytest.raises(Unloadable, match="size"):
        lgviz.run(graph, latest(graph), sandbox=True)


def test_required_fields_at_the_input_checkpoint() -> None:
    class State(BaseModel):
        question: str
        answer: str | None = None

    builder = StateGraph(State).add_node("think", lambda state: {"answer": "42"})
    builder.add_node("say", lambda state: {}).add_edge(START, "think").add_edge("think", "say")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"question": "why"}, CONFIG)  # type: ignore[arg-type]
    root = open_history(graph, "1").root
    options = {o.node: (o.next, o.disabled, o.needs_values) for o in as_node_options(graph, root)}
    why = "The state after this update can't be loaded by this graph: node {!r} refuses the state: question: "
    assert options == {
        "__start__": ((), why.format("think") + "Field required.", True),
        "think": ((), why.format("say") + "Field required.", True),
        "say": ((), None, False),
        "__end__": (("think",), None, False),
    }
    good = lgviz.fork(graph, root, {"question": "how"}, as_node="__start__")
    assert lgviz.run(graph, good).values == {"question": "how", "answer": "42"}


def fan(defer: bool, saver: Any) -> Any:
    builder = StateGraph(Loose).add_node("a", lambda state: {"log": ["a"]})
    builder.add_node("b", lambda state: {"log": ["b"]}, defer=defer)
    builder.add_edge(START, "a").add_edge("a", "b")
    return builder.compile(checkpointer=saver, interrupt_before=["b"])


def test_a_node_that_became_deferred(saver: Any) -> None:
    fan(False, saver).invoke({"log": []}, CONFIG)
    graph = fan(True, saver)
    with pytest.raises(TypeError):
        graph.get_state(CONFIG)
    row = latest(graph)
    assert (row.values, row.next) == ({"log": ["a"]}, ("b",))
    assert str(row.unloadable).startswith(
        "can't be loaded by this graph: channel 'branch:to:b' refuses what is stored: TypeError: "
    )
    static_html(open_history(graph, "1"))
    for act in (lambda: lgviz.run(graph, row), lambda: lgviz.run(graph, row, input={"log": ["n"]})):
        with pytest.raises(Unloadable, match=r"branch:to:b.*Fork here as the node that leads there"):
            act()
    options = {o.node: o.next for o in as_node_options(graph, row) if o.disabled is None}
    assert options == {"__start__": ("a",), "a": ("b",), "b": (), "__end__": ()}
    would = lgviz.preview(graph, row, {"log": ["x"]}, as_node="a")
    assert (would.values, would.next, would.diff.apply(row.values)) == (
        {"log": ["a", "x"]}, ("b",), {"log": ["a", "x"]},
    )  # fmt: skip
    made = lgviz.fork(graph, row, {"log": ["x"]}, as_node="a")
    assert (graph.get_state(made.config).next, made.unloadable) == (("b",), None)
    assert lgviz.run(graph, made).values["log"] == ["a", "x", "b"]
    ended = lgviz.fork(graph, row, None, as_node="b")
    assert (ended.next, ended.unloadable) == ((), None)


# what a channel was, by what it became: each is read as stored, or as LangGraph reads it, and may be repaired
PLAIN, ADDED = Any, Annotated[list[str], operator.add]
CHANNELS: dict[str, Any] = {
    "last": PLAIN,
    "added": ADDED,
    "summed": Annotated[int, operator.add],
    "topic": Annotated[list[str], Topic(str, accumulate=True)],
    "fleeting": Annotated[Any, EphemeralValue],
}


def of_channel(kind: str, saver: Any, *, first: Any = None) -> Any:
    class State(TypedDict, total=False):
        x: CHANNELS[kind]  # type: ignore[valid-type]
        n: int

    State.__annotations__["x"] = CHANNELS[kind]
    builder = StateGraph(State)
    builder.add_node("a", lambda state: {"n": 1} | ({} if first is None else {"x": first}))
    builder.add_node("b", lambda state: {"n": 2})
    builder.add_edge(START, "a").add_edge("a", "b")
    return builder.compile(checkpointer=saver, interrupt_before=["b"])


WRITTEN = {"last": {"k": 1}, "added": ["t"], "summed": 5, "topic": "t", "fleeting": 5}
FITTING = {"last": 7, "added": ["u"], "summed": 8, "topic": "u", "fleeting": 9}


@pytest.mark.parametrize("became", CHANNELS)
@pytest.mark.parametrize("was", CHANNELS)
def test_a_channel_that_became_another(was: str, became: str) -> None:
    saver = InMemorySaver()
    of_channel(was, saver, first=WRITTEN[was]).invoke({"n": 0}, CONFIG)
    graph = of_channel(became, saver)
    row = latest(graph)
    try:
        truth = graph.get_state(row.config)
    except Exception:
        assert row.unloadable is not None and "channel 'x'" in row.unloadable
        assert row.values["n"] == 1 and "x" in row.values and row.next == ("b",)
    else:
        assert (row.values, row.next, row.unloadable) == (truth.values, truth.next, None)
    static_html(open_history(graph, "1"))
    as_node_options(graph, row)
    try:
        made = lgviz.fork(graph, row, {"x": FITTING[became]}, as_node="a")
    except InvalidValue:  # a reducer takes no more of what was stored
        with pytest.raises(InvalidValue, match="Channel 'x' refuses the value"):
            lgviz.preview(graph, row, {"x": FITTING[became]}, as_node="a")
        made = lgviz.fork(graph, row, {"x": lgviz.Set(FITTING[became])}, as_node="a")
    assert made.unloadable is None and graph.get_state(made.config).next == ("b",)
    assert lgviz.run(graph, made).status == "done"


def delta(reducer: Any, saver: Any) -> Any:
    class State(TypedDict):
        log: Annotated[list[str], DeltaChannel(reducer)]

    State.__annotations__["log"] = Annotated[list[str], DeltaChannel(reducer)]
    builder = StateGraph(State).add_node("a", lambda state: {"log": ["a"]})
    builder.add_node("b", lambda state: {}).add_edge(START, "a").add_edge("a", "b")
    return builder.compile(checkpointer=saver, interrupt_before=["b"])


def test_a_delta_channel_whose_reducer_raises(saver: Any) -> None:
    def extended(old: list[str], new: list[list[str]]) -> list[str]:
        return [*old, *(item for one in new for item in one)]

    def broken_now(old: list[str], new: list[list[str]]) -> list[str]:
        if not all(isinstance(item, int) for one in new for item in one):
            raise ValueError("numbers only")
        return extended(old, new)

    delta(extended, saver).invoke({"log": ["i"]}, CONFIG)
    graph = delta(broken_now, saver)
    row = latest(graph)
    assert row.unloadable == "can't be loaded by this graph: channel 'log' raised ValueError: numbers only"
    assert row.next == ("b",)
    with pytest.raises(Unloadable, match=r"channel 'log'.*Fork here with another value of 'log'"):
        lgviz.run(graph, row)
    with pytest.raises(Unloadable, match="channel 'log'"):  # nothing that is stored gets lost
        lgviz.fork(graph, row, None, as_node="a")
    assert all(o.needs_values for o in as_node_options(graph, row))
    made = lgviz.fork(graph, row, {"log": lgviz.Set([1])}, as_node="a")
    assert (made.values, made.next, made.unloadable) == ({"log": [1]}, ("b",), None)
    assert lgviz.run(graph, made).values == {"log": [1]}


def test_a_command_whose_value_a_reducer_refuses() -> None:
    def small(old: int, new: int) -> int:
        if new > 9:
            raise ValueError("too big")
        return new

    class State(TypedDict):
        n: Annotated[int, small]

    State.__annotations__["n"] = Annotated[int, small]
    builder = StateGraph(State).add_node("ask", lambda state: {"n": interrupt("?")}).add_edge(START, "ask")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"n": 0}, CONFIG)
    with pytest.raises(ValueError, match="too big"):
        graph.invoke(Command(resume=1, update={"n": 13}), CONFIG)
    row = latest(graph)
    assert row.values == {"n": 0} and row.next == ("ask",)
    assert row.unloadable == "can't be loaded by this graph: channel 'n' raised ValueError: too big"
    made = lgviz.fork(graph, row, {"n": 2}, as_node="__start__")
    assert (made.values, made.next) == ({"n": 2}, ("ask",))
    with pytest.raises(Unloadable, match="channel 'n' raised"):
        lgviz.run(graph, row)


def test_a_reducer_that_raises_names_its_channel() -> None:
    def strict(old: int, new: int) -> int:
        if new < old:
            raise ValueError("only upwards")
        return new

    class State(TypedDict):
        height: Annotated[int, strict]

    State.__annotations__["height"] = Annotated[int, strict]
    builder = StateGraph(State).add_node("a", lambda state: {"height": 3}).add_edge(START, "a")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"height": 1}, CONFIG)
    for act in (lgviz.preview, lgviz.fork):
        with pytest.raises(
            InvalidValue, match=r"Channel 'height' refuses the value: ValueError: only upwards"
        ):
            act(graph, latest(graph), {"height": 2}, as_node="a")
    assert lgviz.preview(graph, latest(graph), {"height": lgviz.Set(2)}, as_node="a").values == {"height": 2}


def test_a_router_that_is_given_a_refused_state() -> None:
    builder = StateGraph(Model).add_node("a", lambda state: {"log": ["a"]})
    builder.add_node("b", lambda state: {}).add_edge(START, "a")
    builder.add_conditional_edges("a", lambda state: "b", ["b"])
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"size": 1, "log": []}, CONFIG)  # type: ignore[arg-type]
    with pytest.raises(
        Unloadable, match=r"router of node 'a' refuses the state.*size: Input should be a valid"
    ):
        lgviz.preview(graph, latest(graph), {"size": "big"}, as_node="a")
    options = {o.node: o.disabled for o in as_node_options(graph, latest(graph), {"size": "big"})}
    assert options["b"] is None and "size" in str(options["a"])


def test_a_node_that_is_gone_waits_for_nothing() -> None:
    saver = InMemorySaver()
    two(Loose, saver).invoke({"log": []}, CONFIG)
    builder = StateGraph(Loose).add_node("a", lambda state: {"log": ["a"]}).add_edge(START, "a")
    graph = builder.compile(checkpointer=saver)
    row = latest(graph)
    assert (row.next, row.unloadable) == (graph.get_state(row.config).next, None) == ((), None)
    with pytest.raises(LgvizError, match="This graph has no node 'b', which was to run next"):
        lgviz.run(graph, row)
    with pytest.raises(NodeRefused, match="no node 'b'"):
        lgviz.fork(graph, row, {"log": ["x"]}, as_node="b")
    assert lgviz.fork(graph, row, {"log": ["x"]}, as_node="a").next == ()


class _Refusing:
    """A serializer that no longer knows one class."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.refuses = inner, False

    def dumps_typed(self, value: Any) -> tuple[str, bytes]:
        if isinstance(value, complex):
            raise OverflowError("no complex numbers here")
        return self.inner.dumps_typed(value)  # type: ignore[no-any-return]

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        if self.refuses:
            raise KeyError("class is gone")
        return self.inner.loads_typed(data)


def test_a_serializer_that_refuses() -> None:
    saver = InMemorySaver()
    saver.serde = serde = _Refusing(saver.serde)
    graph = two(Loose, saver)
    graph.invoke({"size": 1, "log": []}, CONFIG)
    row = latest(graph)
    for act in (lgviz.preview, lgviz.fork):
        with pytest.raises(InvalidValue, match="cannot be stored: OverflowError: no complex numbers"):
            act(graph, row, {"size": 1j}, as_node="a")
    serde.refuses = True
    for read in (
        lambda: lgviz.preview(graph, row.config, {"size": 2}, as_node="a"),
        lambda: lgviz.fork(graph, row.config, {"size": 2}, as_node="a"),
        lambda: as_node_options(graph, row.config),
        lambda: lgviz.run(graph, row.config),
    ):
        with pytest.raises(LgvizError, match="cannot be decoded: KeyError: 'class is gone'"):
            read()
    assert latest(graph).row == 2


@pytest.mark.parametrize("kind", BUILDS)
def test_the_debugger_shows_and_repairs_it(kind: str) -> None:
    graph = broken(kind, InMemorySaver())
    view = View(graph, "1")
    row = latest(graph)
    shown = view.ask("checkpoint_get", checkpoint=row.id)
    assert shown["next"] == ["b"] and shown["warnings"][0].startswith(
        "This state can't be loaded by this graph"
    )
    for request in ("writes_get", "tasks_get", "why_get", "raw_get"):
        view.ask(request, checkpoint=row.id)
    form = view.ask("fork_form", checkpoint=row.id)
    options = {o["node"]: o for o in form["as_node"]}
    assert options["a"]["needs_values"] is True and "size" in options["a"]["disabled"]
    assert {f["channel"]: f["current"] for f in form["fields"]}["size"] == '"big"'
    assert "size" in view.refused("fork_preview", **fork(row.id, {"log": ["x"]}, "a"))["cause"]
    assert view.refused("run_start", **run(row.id))["code"] == "refused"
    assert view.ask("fork_preview", **fork(row.id, {"size": 3}, "a"))["next"] == ["b"]
    made = view.ask("fork_commit", **fork(row.id, {"size": 3}, "a"))
    assert made["next"] == ["b"]
    assert view.ask("run_start", **run(made["id"]))["status"] == "done"
    view.close()
