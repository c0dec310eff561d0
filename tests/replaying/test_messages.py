"""Messages that are removed, edited and summed up by their ids, which each run makes up anew."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, TypedDict
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES, add_messages
from langgraph.types import Command, Send, interrupt
from pydantic import BaseModel

from lgviz import persistence
from lgviz.replaying.run import replay

CONFIG: Any = {"configurable": {"thread_id": "1"}}


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    summary: str


Said = dict[str, Any]
Node = Callable[[State], Said]


def talk(state: State) -> Said:
    calls = [{"name": "look", "args": {}, "id": f"made-up-{uuid4()}"}]
    return {"messages": [AIMessage(f"reply {len(state['messages'])}", tool_calls=calls)]}


def use(state: State) -> Said:
    last = state["messages"][-1]
    assert isinstance(last, AIMessage)
    return {"messages": [ToolMessage("found", tool_call_id=last.tool_calls[0]["id"])]}


def forget(state: State) -> Said:
    return {"messages": [RemoveMessage(id=str(state["messages"][0].id))]}


def sum_up(state: State) -> Said:
    told = " ".join(str(message.content) for message in state["messages"])
    return {"summary": told, "messages": [RemoveMessage(id=REMOVE_ALL_MESSAGES), HumanMessage(told)]}


def edit(state: State) -> Said:
    first = state["messages"][0]
    return {"messages": [HumanMessage(f"{first.content}, edited", id=first.id)]}


def ask(state: State) -> Said:
    answer = interrupt({"edit": state["messages"][-1].content})
    return {"messages": [AIMessage(str(answer), id=state["messages"][-1].id)]}


def chain(nodes: list[tuple[str, Any]], saver: Any = None, calls: Counter[str] | None = None) -> Any:
    builder = StateGraph(State)
    for name, node in nodes:
        builder.add_node(name, node if calls is None or not callable(node) else counted(name, node, calls))
    for (one, _), (other, _) in zip([(START, None), *nodes], [*nodes, (END, None)], strict=True):
        builder.add_edge(one, other)
    return builder.compile(checkpointer=saver)


def counted(name: str, node: Node, calls: Counter[str]) -> Node:
    def run(state: State) -> Said:
        calls[name] += 1
        return node(state)

    return run


INNER = [("talk", talk), ("use", use)]
CASES: dict[str, list[tuple[str, Any]]] = {
    "remove": [("talk", talk), ("use", use), ("forget", forget), ("again", talk)],
    "sum up": [("talk", talk), ("use", use), ("sum_up", sum_up), ("again", talk), ("used", use)],
    "edit": [("talk", talk), ("use", use), ("edit", edit), ("again", talk)],
    "human": [("talk", talk), ("ask", ask), ("again", talk)],
}


@pytest.fixture(params=["InMemorySaver", "SqliteSaver", "lgviz"])
def saver(request: pytest.FixtureRequest) -> Any:
    if request.param == "SqliteSaver":
        return SqliteSaver(sqlite3.connect(":memory:", check_same_thread=False))
    return InMemorySaver() if request.param == "InMemorySaver" else persistence.MemorySaver()


def converse(graph: Any) -> Any:
    """Two turns, every question answered; the final state."""
    for text in ("hello", "and then?"):
        graph.invoke({"messages": [HumanMessage(text)]}, CONFIG)
        while graph.get_state(CONFIG).interrupts:
            graph.invoke(Command(resume=f"approved {text}"), CONFIG)
    return graph.get_state(CONFIG).values


@pytest.mark.parametrize("case", CASES)
def test_an_unchanged_graph_comes_out_equal_ids_included(case: str, saver: Any) -> None:
    final = converse(chain(CASES[case], saver))
    calls: Counter[str] = Counter()
    found = replay(chain(CASES[case], calls=calls), saver)["1"]
    assert (found.verdict, found.reason, calls) == ("same", "", Counter())
    assert found.values == final
    assert found.served == Counter({name: 2 for name, _ in CASES[case]})


def test_a_subgraph_that_hands_back_the_whole_list_doubles_nothing(saver: Any) -> None:
    def nodes(calls: Counter[str] | None = None) -> list[tuple[str, Any]]:
        return [("inner", chain(INNER, calls=calls)), ("forget", forget), ("again", talk)]

    final = converse(chain(nodes(), saver))
    calls: Counter[str] = Counter()
    found = replay(chain(nodes(calls)), saver)["1"]
    assert (found.verdict, found.reason, calls) == ("same", "", Counter())
    assert found.values == final
    assert found.served == Counter(talk=2, use=2, forget=2, again=2)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("live", ["talk", "again"])
def test_a_node_run_anew_that_says_the_same_stops_the_change(case: str, live: str, saver: Any) -> None:
    """Its message and its tool call have other ids now; who used them is answered all the same."""
    converse(chain(CASES[case], saver))
    calls: Counter[str] = Counter()
    found = replay(chain(CASES[case], calls=calls), saver, live=[live])["1"]
    assert (found.verdict, found.reason) == ("same", "")
    assert calls == found.ran == Counter({live: 2})


def test_what_parted_is_told_in_words_and_as_a_diff(saver: Any) -> None:
    def shout(state: State) -> Said:
        said = talk(state)["messages"][0]
        return {"messages": [said.model_copy(update={"content": "REPLY"})]}

    nodes = CASES["remove"]
    converse(chain(nodes, saver))
    changed = [("talk", shout), *nodes[1:]]
    found = replay(chain(changed), saver, live=["talk"])["1"]
    assert (found.verdict, found.parted_at) == ("parted", "c2")
    assert found.reason == "'talk' gave another messages[1].content"
    assert found.diff is not None
    (change,) = found.diff
    assert (change.before.content, change.after.content) == ("reply 1", "REPLY")
    assert change.before.id == change.after.id


def two_alike(state: State) -> Said:
    return {"messages": [AIMessage("x", id=f"made-up-{uuid4()}") for _ in range(2)]}


def picking(place: int, told: Callable[[Any], Any] = str) -> Node:
    def pick(state: State) -> Said:
        picked = state["messages"][place]
        others = [RemoveMessage(id=str(each.id)) for each in state["messages"] if each is not picked]
        return {"messages": others, "summary": told(picked.id)}

    return pick


@pytest.mark.parametrize("live", [["pick"], ["say", "pick"]])
@pytest.mark.parametrize("told", [str, lambda id_: {"tool_call_id": id_}, lambda id_: ["ids", [id_]]])
def test_an_id_in_a_field_is_that_of_the_same_message_as_then(live: list[str], told: Any) -> None:
    saver = InMemorySaver()
    graph = chain([("say", two_alike), ("pick", picking(1, told))], saver)
    graph.invoke({"messages": "hi"}, CONFIG)
    assert replay(graph, graph, live=live)["1"].verdict == "same"
    other = replay(chain([("say", two_alike), ("pick", picking(2, told))]), saver, live=live)["1"]
    assert (other.verdict, other.parted_at) == ("parted", "c3")
    assert other.reason == "'pick' gave another messages[0]"
    assert other.diff


def made(state: State) -> Said:
    return {"summary": {"tool_call_id": "one", "name": "Bo", "args": {}, "id": "guest 1", "type": "guest"}}


@pytest.mark.parametrize("changed", [{"tool_call_id": "two"}, {"id": "guest 2"}])
def test_a_key_makes_no_id_of_what_no_message_has(changed: dict[str, str]) -> None:
    saver = InMemorySaver()
    chain([("make", made)], saver).invoke({"messages": "hi"}, CONFIG)

    def other(state: State) -> Said:
        return {"summary": made(state)["summary"] | changed}

    found = replay(chain([("make", other)]), saver, live="make")["1"]
    assert (found.verdict, found.reason) == ("parted", f"'make' gave another summary.{next(iter(changed))}")


def test_a_call_by_itself_is_known_again_by_what_it_asks() -> None:
    """As ``Send`` hands one to a node of tools, after a model that ran anew."""

    def look(state: Any) -> Said:
        return {"messages": [ToolMessage(state["args"]["for"], tool_call_id=state["id"])]}

    def call(state: State) -> Command[Any]:
        calls = [
            {"name": "look", "args": {"for": word}, "id": f"made-up-{uuid4()}", "type": "tool_call"}
            for word in ("one", "two")
        ]
        return Command(
            update={"messages": [AIMessage("", tool_calls=calls)]},
            goto=[Send("look", each) for each in calls],
        )

    builder = StateGraph(State).add_node("call", call, destinations=("look",)).add_node("look", look)
    graph = builder.add_edge(START, "call").compile(checkpointer=InMemorySaver())
    graph.invoke({"messages": "hi"}, CONFIG)
    found = replay(graph, graph, live="call")["1"]
    assert (found.verdict, found.served, found.ran) == ("same", Counter(look=2), Counter(call=1))


class Note(BaseModel):
    about: str
    said: AnyMessage


class Noted(BaseModel):
    messages: Annotated[list[AnyMessage], add_messages] = []
    note: Note | None = None
    summary: str = "none yet"


def _noted(message: AnyMessage) -> list[Any]:
    note = Note(about="it", said=message)
    return [
        Noted(messages=[message], note=note), {"messages": [message], "note": note}, Noted(messages=[message]),
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Deserializing unregistered type")
@pytest.mark.parametrize("given", range(3))
@pytest.mark.parametrize("kind", [InMemorySaver, persistence.MemorySaver])
def test_an_input_that_is_an_object_and_holds_a_message_twice(given: int, kind: Any) -> None:
    """LangGraph gives the one message an id in both places; stored, they are two, and no field was left out."""

    def read(state: Noted) -> Said:
        return {"messages": [AIMessage(f"read {state.note and state.note.said.content}")]}

    builder = StateGraph(Noted).add_sequence([("read", read), ("again", read)]).add_edge(START, "read")
    graph = builder.compile(checkpointer=kind())
    graph.invoke(_noted(HumanMessage("hi"))[given], CONFIG)
    found = replay(graph, graph)["1"]
    assert (found.verdict, found.served, found.ran) == ("same", Counter(read=1, again=1), Counter()), (
        found.reason
    )
    assert replay(graph, graph, live="read")["1"].verdict == "same"


def test_a_node_with_effects_never_runs_unasked(saver: Any) -> None:
    nodes = CASES["remove"]
    converse(chain(nodes, saver))
    calls: Counter[str] = Counter()
    changed = [("talk", lambda _state: {"messages": [AIMessage("x", tool_calls=[])]}), *nodes[1:]]
    found = replay(chain(changed, calls=calls), saver, live=["talk"], effects=["use"])["1"]
    assert (found.verdict, calls["use"]) == ("failed", 0)
    assert found.reason.startswith("Node 'use' has effects and would run: it was not asked this before")
    assert "messages" in found.reason


@pytest.mark.parametrize(
    "given",
    [
        "hi",
        ("user", "hi"),
        ["user", "hi"],
        [("user", "hi"), ("ai", "you")],
        [{"role": "user", "content": "hi"}, HumanMessage("you")],
    ],
)
@pytest.mark.parametrize("within", [False, True])
def test_a_text_that_was_put_in_or_written_gets_the_id_that_its_message_had(given: Any, within: bool) -> None:
    class Said(TypedDict):
        messages: Annotated[list[AnyMessage], add_messages]

    said = StateGraph(Said).add_node("same", lambda _state: {"messages": given}).add_edge(START, "same")
    builder = StateGraph(Said).add_node("bot", lambda _state: {"messages": [AIMessage("hello")]})
    builder.add_node("again", said.compile() if within else lambda _state: {"messages": given})
    builder.add_edge("bot", "again")
    graph = builder.add_edge(START, "bot").compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    for _ in range(2):
        graph.invoke({"messages": given}, config)
    found = replay(graph, graph)["1"]
    assert found.verdict == "same" and not found.ran
    assert found.values == graph.get_state(config).values
