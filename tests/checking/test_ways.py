"""Routers, nodes that nothing leads to, and keys that parallel nodes write: held against LangGraph's own runs."""

from __future__ import annotations

import operator
from typing import Annotated, Any, Literal, TypedDict

import pytest
from langgraph.errors import InvalidUpdateError
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send

import lgviz

ELSEWHERE = "elsewhere"


class State(TypedDict, total=False):
    plain: str
    names: Annotated[list[str], operator.add]
    go: str


def writes(state: State) -> State:
    return {"plain": "a", "names": ["a"]}


def may_write(state: State) -> State:
    if state.get("go") == "write":
        return {"plain": "a"}
    return {"names": ["b"]}


def adds(state: State) -> State:
    return {"names": ["c"]}


def compiled(nodes: dict[str, Any], *edges: tuple[Any, Any], routers: Any = (), **added: Any) -> Any:
    builder = StateGraph(State)
    for name, node in nodes.items():
        builder.add_node(name, node, **added.get(name, {}))
    for start, end in edges:
        builder.add_edge(start, end)
    for router in routers:
        builder.add_conditional_edges(*router)
    return builder.compile()


def found(graph: Any) -> dict[str, lgviz.Finding]:
    return {one.code: one for one in lgviz.check_graph(graph) if one.code != "no-checkpointer"}


# ---------------------------------------------------------------- routers


def lists_too_much(state: State) -> Literal["a", "b"]:
    return "b"


def names_another(state: State) -> str:
    return "a" if state.get("go") == "a" else ELSEWHERE


def names_end(state: State) -> str:
    return END if state.get("go") == "end" else "a"


def test_a_literal_outside_its_map() -> None:
    graph = compiled({"a": adds, "b": adds}, (START, "b"), routers=[("b", lists_too_much, {"a": "a"})])
    with pytest.raises(KeyError):
        graph.invoke({})
    one = found(graph)["router-outside-map"]
    assert (one.severity, one.node) == ("error", "b") and "'b'" in one.text
    line = lists_too_much.__code__.co_firstlineno
    assert one.file == __file__ and one.line in (line, line + 1)
    assert one.fix == "builder.add_conditional_edges('b', lists_too_much, {'a': 'a', 'b': 'b'})"
    mended = compiled(
        {"a": adds, "b": adds}, (START, "b"), routers=[("b", lists_too_much, {"a": "a", "b": END})]
    )
    assert mended.invoke({}) and found(mended) == {}


def test_a_constant_outside_its_map_and_one_that_is_no_node() -> None:
    nodes = {"a": adds, "b": adds}
    mapped = compiled(nodes, (START, "b"), routers=[("b", names_another, ["a"])])
    with pytest.raises(KeyError):
        mapped.invoke({})
    assert "KeyError" in found(mapped)["router-outside-map"].text
    free = compiled(nodes, (START, "b"), routers=[("b", names_another)])
    assert free.invoke({})["names"] == ["c"]  # and no error
    assert "ignores" in found(free)["router-outside-map"].text
    good = compiled(nodes, (START, "b"), routers=[("b", names_end)])
    assert found(good) == {}


def goes_wrong(state: State) -> Command[Literal["b"]]:
    return Command(goto="bb")


def goes_right(state: State) -> Command[Literal["b"]]:
    return Command(goto="b")


def test_a_goto_that_is_no_node() -> None:
    wrong = compiled({"a": goes_wrong, "b": adds}, (START, "a"))
    assert not wrong.invoke({"go": ""}).get("names")
    assert found(wrong)["unknown-goto"].fix == "goto='b'"
    assert found(compiled({"a": goes_right, "b": adds}, (START, "a"))) == {}


# ---------------------------------------------------------------- unreachable


def goes_without_saying(state: State) -> Command:
    return Command(goto="b")


def goes_somewhere(state: State) -> Command:
    return Command(goto=state["go"])


def helper(state: State) -> Command:
    return Command(goto="b")


def goes_by_helper(state: State) -> Command:
    return helper(state)


def sends(state: State) -> list[Send]:
    return [Send("b", {"go": name}) for name in ("x", "y")]


def opaque(state: State) -> str:
    return state["go"]


@pytest.mark.parametrize(
    ("first", "routers"),
    [
        (goes_without_saying, []),
        (goes_somewhere, []),
        (goes_by_helper, []),
        (adds, [("a", sends)]),
        (adds, [("a", opaque)]),
        (adds, [("a", names_end, {END: "b", "a": END})]),
    ],
)
def test_a_node_that_something_leads_to(first: Any, routers: Any) -> None:
    graph = compiled({"a": first, "b": adds}, (START, "a"), routers=routers)
    assert "unreachable-node" not in found(graph)


def test_an_unreachable_node() -> None:
    graph = compiled({"a": adds, "b": adds, "c": adds}, (START, "a"), ("b", "c"))
    unreachable = [one.node for one in lgviz.check_graph(graph) if one.code == "unreachable-node"]
    assert sorted(map(str, unreachable)) == ["b", "c"]
    assert graph.invoke({})["names"] == ["c"]


def test_a_join_that_waits_for_what_never_runs() -> None:
    graph = compiled({"a": adds, "b": adds, "c": adds}, (START, "a"), (["a", "b"], "c"))
    assert {one.node for one in lgviz.check_graph(graph) if one.code == "unreachable-node"} == {"b", "c"}
    assert graph.invoke({})["names"] == ["c"]


# ---------------------------------------------------------------- parallel


def test_two_of_a_step_that_write_a_key_without_a_reducer() -> None:
    graph = compiled({"a": writes, "b": writes}, (START, "a"), (START, "b"))
    with pytest.raises(InvalidUpdateError):
        graph.invoke({})
    one = found(graph)["parallel-write"]
    assert (one.severity, one.channel, one.node) == ("error", "plain", "a, b")
    assert one.fix.startswith("plain: Annotated[str, reduce]")


def test_nodes_that_edges_bring_together_later() -> None:
    """``a`` and ``d`` run in one step, two edges after what both come from."""
    nodes = {"first": adds, "one": adds, "a": writes, "other": adds, "d": writes}
    edges = [(START, "first"), ("first", "one"), ("one", "a"), ("first", "other"), ("other", "d")]
    graph = compiled(nodes, *edges)
    with pytest.raises(InvalidUpdateError):
        graph.invoke({})
    assert found(graph)["parallel-write"].severity == "error"
    longer = compiled({**nodes, "more": adds}, *edges[:-1], ("other", "more"), ("more", "d"))
    assert longer.invoke({}) and found(longer) == {}


def test_branches_that_one_router_chooses_between() -> None:
    graph = compiled({"r": adds, "a": writes, "b": writes}, (START, "r"), routers=[("r", lists_too_much)])
    assert graph.invoke({}) and found(graph) == {}


def test_a_deferred_node_runs_after_the_others() -> None:
    nodes, edges = {"a": adds, "b": writes, "c": writes}, [(START, "a"), (START, "b"), ("a", "c")]
    assert compiled({"b": writes, "c": writes}, (START, "b"), (START, "c"), c={"defer": True}).invoke({})
    assert found(compiled({"b": writes, "c": writes}, (START, "b"), (START, "c"), c={"defer": True})) == {}
    assert compiled(nodes, *edges).invoke({}) and found(compiled(nodes, *edges)) == {}


def test_what_one_of_them_may_write_is_a_warning() -> None:
    graph = compiled({"a": writes, "b": may_write}, (START, "a"), (START, "b"))
    assert found(graph)["parallel-write"].severity == "warning"
    assert graph.invoke({})["plain"] == "a"
    with pytest.raises(InvalidUpdateError):
        graph.invoke({"go": "write"})


def test_a_join_makes_them_wait() -> None:
    graph = compiled(
        {"a": adds, "b": adds, "long": adds, "c": writes, "d": writes},
        (START, "a"), (START, "b"), ("b", "long"), (["a", "long"], "c"), ("c", "d"),
    )  # fmt: skip
    assert graph.invoke({}) and found(graph) == {}


def test_several_that_are_sent() -> None:
    graph = compiled({"a": adds, "b": writes}, (START, "a"), routers=[("a", sends)])
    with pytest.raises(InvalidUpdateError):
        graph.invoke({})
    one = found(graph)["parallel-write"]
    assert (one.severity, one.channel, one.node) == ("warning", "plain", "b")
    assert found(compiled({"a": adds, "b": adds}, (START, "a"), routers=[("a", sends)])) == {}


def sends_one(state: State) -> list[Send]:
    return [Send("b", {"go": "x"})] if state.get("go") else [Send("b", {"go": "y"})]


def test_one_that_is_sent_on_either_way() -> None:
    graph = compiled({"a": adds, "b": writes}, (START, "a"), routers=[("a", sends_one)])
    assert graph.invoke({})["plain"] == "a" and found(graph) == {}


def test_subgraphs_write_what_they_were_given() -> None:
    inner = compiled({"i": adds}, (START, "i"))
    graph = compiled({"a": inner, "b": inner}, (START, "a"), (START, "b"))
    with pytest.raises(InvalidUpdateError):
        graph.invoke({"go": "x"})
    warned = {one.channel: one.severity for one in lgviz.check_graph(graph) if one.code == "parallel-write"}
    assert warned == {"plain": "warning", "go": "warning"}
