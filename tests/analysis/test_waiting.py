"""What waits, and what a step was made of: the same with the graph, from its saver alone and from the file."""

from __future__ import annotations

import operator
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypedDict

import ormsgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.channels import DeltaChannel, EphemeralValue, LastValue, Topic
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.pregel import NodeBuilder, Pregel
from langgraph.types import Command, Send, StateUpdate, interrupt

from lgviz.analysis.history import History, open_history
from lgviz.persistence import MemorySaver, migrate
from lgviz.persistence import SqliteSaver as LgvizSqliteSaver
from tests.support.delta_threads import appended
from tests.support.told import deviations

THREAD: Any = {"configurable": {"thread_id": "1"}}


class Log(TypedDict):
    log: Annotated[list[Any], operator.add]


class Kept(NamedTuple):
    """A saver, and what a thread of its can be read from without the graph."""

    saver: Any
    alone: tuple[Any, ...]

    def read(self, graph: Any) -> list[History]:
        return [open_history(what, "1") for what in (graph, *self.alone)]

    def deviations(self, graph: Any, **arguments: Any) -> list[str]:
        return deviations(graph, "1", graph, *self.alone, **arguments)


@pytest.fixture(params=["memory", "sqlite", "lgviz", "lgviz-sqlite"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    path = tmp_path / "threads.db"
    if request.param == "sqlite":
        connection = sqlite3.connect(path, check_same_thread=False)
        saver = SqliteSaver(connection)
        yield Kept(saver, (saver, path))
        connection.close()
    elif request.param == "lgviz-sqlite":
        with LgvizSqliteSaver.from_conn_string(str(path)) as lgviz:
            yield Kept(lgviz, (lgviz, path))
    else:
        memory: Any = MemorySaver() if request.param == "lgviz" else InMemorySaver()
        yield Kept(memory, (memory,))


def values(interrupts: Any) -> list[Any]:
    return [asked.value for asked in interrupts]


@task
def ask(topic: str) -> str:
    return f"{topic}: {interrupt('about ' + topic)}"


@task
def plain(x: int) -> int:
    return x + 1


@task
def broken(x: int) -> int:
    raise ValueError(x)


# ---------------------------------------------------------------- the functional API


def test_a_question_of_a_called_task_is_there_once_and_does_not_come_back(kept: Kept) -> None:
    @entrypoint(checkpointer=kept.saver)
    def flow(topics: list[str]) -> list[Any]:
        first = plain(1).result()
        return [*(ask(topic).result() for topic in topics), first]

    flow.invoke(["a", "b"], THREAD)
    for question in ("about a", "about b"):
        assert kept.deviations(flow) == []
        for history in kept.read(flow):
            assert values(history.latest.waiting) == values(history.latest.interrupts) == [question]
            assert [(t.name, values(t.interrupts)) for t in history.latest.tasks] == [("flow", [question])]
            assert history.status == "interrupted" and history.latest.values is None
        flow.invoke(Command(resume=question[-1].upper()), THREAD)
    assert kept.deviations(flow) == []
    for history in kept.read(flow):
        first, second = history
        assert values(first.interrupts) == ["about b"] and first.waiting == ()
        assert first.next == ("flow",)
        assert second.nodes == ("flow", "plain", "ask", "ask") and second.next == ()
        assert second.values == ["a: A", "b: B", 2] and history.status == "done"


def test_tasks_that_ask_side_by_side_are_told_as_langgraph_tells_them(kept: Kept) -> None:
    @entrypoint(checkpointer=kept.saver)
    def flow(topics: list[str]) -> list[str]:
        return [future.result() for future in [ask(topic) for topic in topics]]

    flow.invoke(["a", "b", "c"], THREAD)
    assert kept.deviations(flow) == []
    for history in kept.read(flow):
        assert values(history.latest.waiting) == ["about a"]


def test_a_question_of_a_task_that_a_node_calls(kept: Kept) -> None:
    builder = StateGraph(Log)
    builder.add_node("caller", lambda state: {"log": [ask("a").result(), plain(1).result()]})
    builder.add_node("other", lambda state: {"log": ["other"]})
    builder.add_edge(START, "caller")
    builder.add_edge(START, "other")
    graph = builder.compile(checkpointer=kept.saver)
    graph.invoke({"log": []}, THREAD)
    assert kept.deviations(graph) == []
    for history in kept.read(graph):
        assert values(history.latest.waiting) == ["about a"]
    graph.invoke(Command(resume="A"), THREAD)
    assert kept.deviations(graph) == []
    for history in kept.read(graph):
        assert sorted(history.latest.nodes) == ["ask", "caller", "other", "plain"]


def test_a_task_whose_error_was_caught_is_not_lost_and_fails_nothing(kept: Kept) -> None:
    @entrypoint(checkpointer=kept.saver)
    def flow(x: int) -> Any:
        with suppress(ValueError):
            broken(x).result()
        return plain(interrupt("go on?")).result()

    flow.invoke(1, THREAD)
    assert kept.deviations(flow) == []
    for history in kept.read(flow):
        assert history.status == "interrupted" and history.latest.error is None
    flow.invoke(Command(resume=5), THREAD)
    assert kept.deviations(flow) == []
    for history in kept.read(flow):
        assert history.latest.nodes == ("flow", "broken", "plain")
        assert history.latest.values == 6 and history.status == "done"
        assert [c.error for c in history] == [None, None]


def test_a_task_whose_error_nobody_caught_fails_its_caller_once(kept: Kept) -> None:
    @entrypoint(checkpointer=kept.saver)
    def flow(x: int) -> int:
        return broken(x).result()

    with pytest.raises(ValueError, match="7"):
        flow.invoke(7, THREAD)
    assert kept.deviations(flow) == []
    for history in kept.read(flow):
        assert history.status == "failed" and history.latest.error == "ValueError(7)"
        assert history.latest.next == ("flow",)


def test_the_second_turn_of_an_entrypoint(kept: Kept) -> None:
    @entrypoint(checkpointer=kept.saver)
    def flow(x: int, previous: Any = None) -> Any:
        return {"sum": plain(x).result() + (previous or {"sum": 0})["sum"]}

    flow.invoke(1, THREAD)
    flow.invoke(2, THREAD)
    assert kept.deviations(flow) == []
    for history in kept.read(flow):
        assert [c.values for c in history] == [None, {"sum": 2}, {"sum": 2}, {"sum": 5}]
        assert [c.next for c in history] == [("flow",), (), ("flow",), ()]


def test_a_running_entrypoint_that_stored_nothing_yet_is_not_taken_for_a_graph_of_nodes(kept: Kept) -> None:
    seen = []

    @entrypoint(checkpointer=kept.saver)
    def flow(x: int) -> int:
        seen.extend((h.latest.next, h.status) for h in [open_history(a, "1") for a in kept.alone])
        return x

    flow.invoke(1, THREAD, durability="sync")
    assert seen == [((), "paused")] * len(kept.alone)


# ---------------------------------------------------------------- sent tasks


def fan_out(saver: Any) -> Any:
    builder = StateGraph(Log)
    builder.add_node("w", lambda state: {"log": [state["k"]]})
    builder.add_node("ask", lambda state: {"log": [interrupt(state["k"])]})
    sends = [Send("w", {"k": 1}), Send("ask", {"k": 2}), Send("w", {"k": 3}), Send("ask", {"k": 4})]
    builder.add_conditional_edges(START, lambda _: sends, ["w", "ask"])
    return builder.compile(checkpointer=saver)


@pytest.mark.parametrize("durability", ["sync", "exit"])
def test_sent_tasks_wait_in_the_order_they_were_sent(kept: Kept, durability: Any) -> None:
    graph = fan_out(kept.saver)
    graph.invoke({"log": []}, THREAD, durability=durability)
    assert kept.deviations(graph) == []
    for history in kept.read(graph):
        latest = history.latest
        assert latest.next == ("w", "ask", "w", "ask") and history.status == "interrupted"
        assert [(t.name, values(t.interrupts), t.result) for t in latest.tasks] == [
            ("w", [], {"log": [1]}),
            ("ask", [2], None),
            ("w", [], {"log": [3]}),
            ("ask", [4], None),
        ]
        assert values(latest.waiting) == [2, 4]
    second = open_history(graph, "1").latest.waiting[1]
    graph.invoke(Command(resume={second.id: "four"}), THREAD, durability=durability)
    assert kept.deviations(graph) == []
    for history in kept.read(graph):
        assert values(history.latest.waiting) == [2]


@pytest.mark.parametrize(("sent", "updates"), [(1, 1), (1, 2), (2, 2), (2, 4)])
def test_a_copy_updated_as_a_node_that_is_sent_and_led_to_shows_each_update_once(
    kept: Kept, sent: int, updates: int
) -> None:
    builder = StateGraph(Log)
    builder.add_node("one", lambda state: Command(goto=[Send("two", {})] * sent))
    builder.add_node("two", lambda state: {"log": ["two"]})
    builder.add_edge(START, "one")
    builder.add_edge("one", "two")
    graph = builder.compile(checkpointer=kept.saver)
    graph.invoke({"log": []}, THREAD, durability="sync")
    waited = open_history(graph, "1")["c2"]
    assert waited.next == ("two",) * (sent + 1)
    graph.update_state(waited.config, [StateUpdate({"log": [n]}, "two") for n in range(updates)], "__copy__")
    for history in kept.read(graph):
        (copied,) = [c for c in history if c.source == "fork"]
        told = [task.result and task.result["log"] for task in copied.tasks]
        assert told == [[n] if n < updates else None for n in range(sent + 1)]
    assert kept.deviations(graph) == []


def replaced(saver: Any, *sends: Send, first: str = "p") -> tuple[Any, list[str]]:
    """A graph that sent ``p``, which finished, and ``q``, which asked; and who ran when it was answered by other
    ``Send``s."""
    builder = StateGraph(Log)
    builder.add_node("p", lambda state: {"log": ["p"]})
    builder.add_node("q", lambda state: {"log": ["q " + interrupt("?")]})
    builder.add_node("r", lambda state: {"log": ["r"]})
    builder.add_conditional_edges(START, lambda _: [Send("p", {}), Send("q", {})], ["p", "q"])
    graph = builder.compile(checkpointer=saver)
    graph.invoke({"log": []}, THREAD, durability="sync")
    answer: Any = Command(resume="yes", goto=list(sends))
    events = list(graph.stream(answer, THREAD, stream_mode="debug", durability="sync"))
    return graph, [e["payload"]["name"] for e in events if e["type"] == "task_result"]


@pytest.mark.parametrize(
    ("sends", "made"),
    [
        ([Send("q", {})], ["q"]),
        ([Send("r", {})], ["r"]),
        ([Send("r", {}), Send("r", {}), Send("r", {})], ["r", "r", "r"]),
        ([Send("r", {}), Send("q", {})], ["r", "q"]),
        ([Send("p", {}), Send("r", {})], ["p", "r"]),
    ],
)
def test_sends_that_replace_those_that_waited_drop_the_finished_task(
    kept: Kept, sends: list[Send], made: list[str]
) -> None:
    graph, ran = replaced(kept.saver, *sends)
    assert Counter(ran) <= Counter(made)
    for history in kept.read(graph):
        made_by = history["c2"]
        assert list(made_by.nodes) == made
        assert {name: len(written) for name, written in made_by.writes.items()} == Counter(made)
        assert len(made_by.values["log"]) == len(made)
    assert kept.deviations(graph) == []


# ---------------------------------------------------------------- what new input drops, and input that waits


def sent_or_led(saver: Any, sent: bool) -> Any:
    """``p`` finishes beside ``q``, which asks; then ``z``."""
    builder = StateGraph(Log)
    builder.add_node("p", lambda state: {"log": ["p"]})
    builder.add_node("q", lambda state: {"log": [interrupt("?")]})
    builder.add_node("z", lambda state: {"log": ["z"]})
    if sent:
        builder.add_conditional_edges(START, lambda _: [Send("p", {}), Send("q", {})], ["p", "q"])
    else:
        builder.add_edge(START, "p")
        builder.add_edge(START, "q")
    builder.add_edge(["p", "q"], "z")
    return builder.compile(checkpointer=saver)


@pytest.mark.parametrize("sent", [False, True])
def test_tasks_that_new_input_dropped_did_not_run(kept: Kept, sent: bool) -> None:
    """With ``durability="exit"`` neither input has a checkpoint, and both left tasks that count as triggered."""
    graph = sent_or_led(kept.saver, sent)
    for _ in range(3):
        graph.invoke({"log": []}, THREAD, durability="exit")
    graph.invoke(Command(resume="yes"), THREAD, durability="exit")
    for history in kept.read(graph):
        assert [c.nodes for c in history][:3] == [("__start__",)] * 3
        assert sorted(history.latest.nodes) == ["p", "q", "z"]
    assert kept.deviations(graph) == []


def test_input_that_nobody_took_yet_waits_for_start_where_a_state_is_shown(kept: Kept) -> None:
    builder = StateGraph(Log).add_node("n", lambda state: {"log": ["n"]}).add_edge(START, "n")
    graph = builder.compile(checkpointer=kept.saver)
    graph.update_state(THREAD, {"log": ["before"]}, as_node="n")
    graph.update_state(THREAD, {"log": ["in"]}, as_node="__input__")
    assert graph.get_state(THREAD).next == ("__start__",)
    assert kept.deviations(graph) == []
    for history in kept.read(graph):
        assert history.latest.next == ("__start__",) and history.status == "paused"


@pytest.mark.parametrize("durability", ["sync", "exit"])
def test_what_a_node_has_only_from_a_stored_snapshot_does_not_trigger_it(kept: Kept, durability: Any) -> None:
    held = DeltaChannel(appended)
    schema: Any = TypedDict("Two", {"v": Annotated[list[Any], held], "u": Annotated[list[Any], held]})  # type: ignore[misc]
    builder: Any = StateGraph(schema).add_node("a", lambda state: {"v": ["a"], "u": ["a"]})
    graph = builder.add_edge(START, "a").compile(kept.saver)
    graph.invoke({"v": ["1"], "u": ["in"]}, THREAD, durability=durability)
    first = list(graph.get_state_history(THREAD))[-1]
    fork = graph.update_state(first.config, {"v": ["fork"]})
    graph.invoke(None, fork, durability="exit")
    graph.update_state(fork, {"u": ["z"]}, as_node="a")
    for history in kept.read(graph):
        told = [(c.next, c.nodes) for c in history]
        assert [next_ for next_, _ in told] == [graph.get_state(c.config).next for c in history]
        assert told[-2:] == [((), ("a",)), ((), ("a",))]
        assert history.status == "done"


def test_a_delta_channel_triggers_where_its_value_is_not_stored(kept: Kept) -> None:
    writer = NodeBuilder().subscribe_only("a").do(lambda _: [1]).write_to("d")
    graph = Pregel(
        nodes={"writer": writer, "reader": NodeBuilder().subscribe_only("d").do(len).write_to("n")},
        channels={"a": LastValue(str), "d": DeltaChannel(appended), "n": LastValue(int)},
        input_channels="a",
        output_channels="n",
        checkpointer=kept.saver,
    )
    graph.invoke("go", THREAD)
    graph.invoke("on", THREAD, interrupt_before=["reader"])  # it has read before: its trigger is stored
    for history in kept.read(graph):
        (cause,) = history.why("c2").tasks
        (trigger,) = cause.triggers
        assert (cause.node, trigger.channel, trigger.node) == ("reader", "d", "writer")
        assert trigger.checkpoint is not None and trigger.checkpoint.label == "c1"
        assert history.latest.next == graph.get_state(THREAD).next == ("reader",)


@pytest.mark.parametrize("durability", ["sync", "exit"])
@pytest.mark.parametrize("second", [False, True])
def test_what_an_answer_sent_along_did_not_wait(kept: Kept, durability: Any, second: bool) -> None:
    builder = StateGraph(Log).add_node("m", lambda state: {"log": [interrupt("m?")]})
    builder.add_node("z", lambda state: {"log": ["z"]}).add_edge(START, "m")
    if second:
        builder.add_edge(START, "z")
    graph = builder.compile(kept.saver)
    graph.invoke({"log": []}, THREAD, durability=durability)
    graph.invoke(Command(resume="M", goto="z"), THREAD, durability=durability)
    waited = {"m", "z"} if second else {"m"}
    for history in kept.read(graph):
        asked = history.latest.parent
        assert asked is not None and {*asked.next} == {*graph.get_state(asked.config).next} == waited
        assert {*history.latest.nodes} == {"m", "z"}


# ---------------------------------------------------------------- the graph's own order


def side_by_side(saver: Any, names: Any, **compiled: Any) -> Any:
    builder = StateGraph(Log)
    for name in names:
        builder.add_node(name, lambda state, name=name: {"log": [name]}, defer=name == "deferred")
    for name in sorted(names):
        builder.add_edge(START, name)
    return builder.compile(saver, **compiled)


SAVERS = {"langgraph": SqliteSaver, "lgviz": LgvizSqliteSaver}


def told_as(graph: Any, alone: Any) -> list[Any]:
    """What is told of a thread without its graph, held against LangGraph's ``get_state`` and against what is
    told with it; the states that LangGraph has."""
    histories = [open_history(what, "1") for what in (graph, alone)]
    known, told = [[h.checkpoint_at(row) for row in range(len(h.tree))] for h in histories]
    right = [graph.get_state(c.config) for c in told]
    assert [(c.next, [t.name for t in c.tasks]) for c in told] == [
        (state.next, [t.name for t in state.tasks]) for state in right
    ]
    assert [c.nodes for c in told] == [c.nodes for c in known]
    assert values(histories[1].latest.interrupts) == values(graph.get_state(THREAD).interrupts)
    return right


@pytest.mark.parametrize("whose", SAVERS)
@pytest.mark.parametrize("durability", ["sync", "exit"])
@settings(max_examples=10)
@given(st.permutations(["z", "deferred", "m", "a"]), st.permutations(["z", "a", "q"]))
def test_the_order_of_the_nodes_is_kept(whose: str, durability: Any, names: Any, inner: Any) -> None:
    with SAVERS[whose].from_conn_string(":memory:") as saver:
        subgraph = side_by_side(True, inner, interrupt_before=["a"])
        builder = StateGraph(Log).add_node("sub", subgraph)
        for name in names:
            builder.add_node(name, lambda state: {"log": [interrupt("?")]}, defer=name == "deferred")
        for name in sorted([*names, "sub"]):
            builder.add_edge(START, name)
        graph = builder.compile(saver)
        graph.invoke({"log": []}, THREAD, durability=durability)
        assert {len(state.next) for state in told_as(graph, saver)} >= {3, 4}


def layered(saver: Any, names: Any, leads: Any, asking: Any) -> Any:
    """A graph of two layers of nodes, the first of which choose who of the second follows."""
    builder = StateGraph(Log)
    for number, name in enumerate(names):
        ask = (lambda: [interrupt("?")]) if name in asking else list

        def run(state: Log, name: str = name, ask: Any = ask, number: int = number) -> Any:
            update = {"log": [name, *ask()]}
            return Command(update=update, goto=leads[number]) if number < 3 else update

        builder.add_node(name, run)
    for name in sorted(names[:3]):
        builder.add_edge(START, name)
    return builder.compile(saver)


LETTERS = "abcdefgh"


@pytest.mark.parametrize("whose", SAVERS)
@settings(max_examples=20)
@given(st.data())
def test_the_order_of_nodes_is_that_of_any_graph(whose: str, data: st.DataObject) -> None:
    names = data.draw(st.permutations(LETTERS))
    second = st.lists(st.sampled_from(names[3:]), min_size=1, max_size=4, unique=True)
    leads = [data.draw(second) for _ in range(3)]
    asking = data.draw(st.sets(st.sampled_from(LETTERS), max_size=2))
    with SAVERS[whose].from_conn_string(":memory:") as saver:
        graph = layered(saver, names, leads, asking)
        ran: dict[str, list[str]] = {}
        what: Any = {"log": []}
        for _ in range(4):
            for event in graph.stream(what, THREAD, stream_mode="debug"):
                if event["type"] == "task_result" and not event["payload"]["interrupts"]:
                    ran.setdefault(event["step"], []).append(event["payload"]["name"])
            if not graph.get_state(THREAD).next:
                break
            what = Command(resume={i.id: "!" for i in graph.get_state(THREAD).interrupts})
        told_as(graph, saver)
        told = {c.step: c.nodes for c in open_history(saver, "1") if c.source == "loop" and c.step}
        assert {step: sorted(nodes) for step, nodes in told.items()} == {
            step: sorted(nodes) for step, nodes in ran.items() if step
        }


def test_an_order_is_told_where_it_is_certain() -> None:
    """A copy that is made of rows that keep it does so too; one out of LangGraph's memory has none."""
    names = ("z", "m", "a")
    kept, new, lost = (MemorySaver() for _ in range(3))
    graph = side_by_side(kept, names, interrupt_before="*")
    graph.invoke({"log": []}, THREAD)
    assert open_history(kept, "1").latest.next == names
    migrate(kept, new, progress=False)
    assert [c.next for c in open_history(new, "1")] == [c.next for c in open_history(kept, "1")]

    memory = InMemorySaver()
    side_by_side(memory, names, interrupt_before="*").invoke({"log": []}, THREAD)
    migrate(memory, lost, progress=False)
    for saver in (memory, lost):
        assert open_history(saver, "1").latest.next == ("a", "m", "z")


def test_rows_without_an_order_are_read_and_run_on_from(tmp_path: Path) -> None:
    """A file from before rows had a mark of it: by name there; what a graph adds is in its order."""
    path, names = tmp_path / "old.db", ("z", "m", "a")
    old = sqlite3.connect(path)
    old.executescript(Path(__file__).with_name("eras").joinpath("lgviz_without_order.sql").read_text())
    old.close()
    with LgvizSqliteSaver.from_conn_string(str(path)) as saver:
        graph = side_by_side(saver, names, interrupt_before=["a"])
        for what in (path, saver):
            before = open_history(what, "1")
            assert [c.next for c in before] == [("__start__",), ("a", "m", "z"), ()]
            assert [c.nodes for c in before] == [(), ("__start__",), ("a", "m", "z")]
        assert [c.next for c in open_history(graph, "1")] == [("__start__",), names, ()]
        assert graph.get_state(THREAD).values == {"log": [1, 1, 1]} and saver.check() == []
        graph.invoke({"log": []}, THREAD)
        after = open_history(path, "1")
        assert [c.next for c in after][2:] == [(), ("__start__",), names]
        assert saver.check() == []


def test_an_older_lgviz_reads_rows_that_keep_the_order(tmp_path: Path) -> None:
    """It takes a body's head and its two containers by their places, and looks at nothing before them."""
    with LgvizSqliteSaver.from_conn_string(str(tmp_path / "new.db")) as saver:
        side_by_side(saver, ("z", "m", "a"), interrupt_before="*").invoke({"log": []}, THREAD)
        codec = saver.engine.blocks.codec
        rows = saver.conn.execute("SELECT body FROM lgviz_checkpoints ORDER BY key").fetchall()
        bodies: list[Any] = [codec.open_row(body) for (body,) in rows]
    assert [(len(body), *body[:2]) for body in bodies] == [(5, 0, 0), (5, 0, 1)]
    channels = [ormsgpack.unpackb(entry) for entry in bodies[1][3][2::2]]
    assert [name for name, _ in channels] == ["__start__", "log", "branch:to:z", "branch:to:m", "branch:to:a"]


# ---------------------------------------------------------------- subgraphs that code calls


class More(Log):
    more: str


def asking(name: str, state: Any) -> Any:
    builder = StateGraph(state).add_node(name, lambda _: {"log": [name + interrupt("?")]})
    return builder.add_edge(START, name).compile()


def test_the_second_subgraph_that_a_node_calls_is_told_by_what_ran(kept: Kept) -> None:
    """LangGraph itself finds the first for both, and so sees no channel and no node of the second."""
    first, second = asking("first", Log), asking("second", More)

    def call(_: Log) -> Any:
        said = first.invoke({"log": []})["log"]
        return {"log": said + second.invoke({"log": [], "more": "x"})["log"]}

    graph = StateGraph(Log).add_node("call", call).add_edge(START, "call").compile(kept.saver)
    graph.invoke({"log": []}, THREAD)
    graph.invoke(Command(resume="1"), THREAD)
    for history in kept.read(graph):
        *_, asks = history["c1"].inner
        assert asks.next == ("second",) and values(asks.interrupts) == ["?"]
        assert asks.values == {"log": [], "more": "x"}
    graph.invoke(Command(resume="2"), THREAD)
    for history in kept.read(graph):
        states = [c.values for c in history["c1"].inner if c.nodes in (("first",), ("second",))]
        assert states == [{"log": ["first1"]}, {"log": ["second2"], "more": "x"}]
        entered = next(c for c in history["c1"].inner if c.source == "input" and c.namespace.endswith("|1"))
        assert [(t.name, t.result) for t in entered.tasks] == [("__start__", {"log": [], "more": "x"})]
        assert history.latest.values == {"log": ["first1", "second2"]}


# ---------------------------------------------------------------- graphs that are no StateGraph


def test_raw_pregel_tells_what_is_certain(kept: Kept) -> None:
    one = NodeBuilder().subscribe_only("a").do(lambda x: x + "!").write_to("b", "log")
    two = NodeBuilder().subscribe_to("b").do(lambda x: x["b"][0] + "?").write_to("c", "log")
    graph = Pregel(
        nodes={"one": one, "two": two},
        channels={
            "a": EphemeralValue(str),
            "b": Topic(str),
            "c": LastValue(str),
            "log": Topic(str, accumulate=True),
        },
        input_channels=["a"],
        output_channels=["c"],
        checkpointer=kept.saver,
        interrupt_before_nodes=["two"],
    )
    for _ in range(2):
        graph.invoke({"a": "x"}, THREAD)
        graph.invoke(None, THREAD)
    told = open_history(graph, "1")
    assert [c.nodes for c in told if c.source == "loop"] == [("one",), ("two",)] * 2
    assert deviations(graph, "1", graph) == []
    for history in kept.read(graph):
        for checkpoint, right in zip(history, told, strict=True):
            assert checkpoint.nodes == right.nodes
            assert checkpoint.next == right.next
