"""A coding agent that renames a function in a few files, and a reviewer that finds what it forgot.

Teaches texts and subgraphs. ``files`` is a dict of texts whose reducer takes edits besides whole files, so
two tools that edit one file in the same step lose nothing. The agent reads, is told by ``replace`` that a
text is not unique, edits line by line, and forgets a file. ``review`` is a subgraph with two checks, side by
side: which names are used but not defined? Its remarks begin the agent's next turn. One branch asks for
another name; on the other a person mended the forgotten file by hand.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Sequence
from operator import add
from threading import Lock
from typing import Annotated, Any, Literal, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.tools import tool
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.prebuilt import ToolNode, ToolRuntime, tools_condition
from langgraph.types import Command

from ._seed import Graph, config_of, forked, ran, state_before
from .scripted import ScriptedModel, last_turn, numbered, says

__all__ = ["FILES", "REQUEST", "State", "ask", "build", "edited", "seed"]

SHOP = '''\
"""What a basket costs."""

VAT = 0.19
COUPONS = {"SPRING": 0.10, "STAFF": 0.25}


def subtotal(basket):
    """All prices in a basket, without tax."""
    return sum(price * count for price, count in basket)


def discount(basket, coupon=None):
    """What a coupon takes off; an unknown one takes nothing off."""
    return subtotal(basket) * COUPONS.get(coupon, 0.0)


def total(basket, coupon=None):
    """What is to be paid, with tax."""
    net = subtotal(basket) - discount(basket, coupon)
    return round(net * (1 + VAT), 2)


def split(basket, people):
    """What each of several people pays."""
    return round(total(basket) / people, 2)
'''
RECEIPT = '''\
"""A receipt, as text."""

from shop import discount, total

WIDTH = 32


def line(text, amount):
    return f"{text:<{WIDTH - 10}}{amount:>10.2f}"


def receipt(basket, coupon=None):
    lines = [line(f"{count} x", price * count) for price, count in basket]
    if coupon is not None:
        lines.append(line(coupon, -discount(basket, coupon)))
    lines.append(line("To pay", total(basket, coupon)))
    return "\\n".join(lines)
'''
GUIDE = """\
# The shop's functions

A basket is a list of pairs: a price, and how often.

- `subtotal` adds up all prices, without tax.
- `discount` is what a coupon takes off. Coupons are not added up, and an unknown one takes nothing off.
- `total` is what the customer pays: with tax, and without what the coupon took off.
- `split` is for friends who share a bill. It rounds, so that one of them may owe a cent.

Use `receipt` to print a basket. What stands in its last line is what `total` gives.
"""
FILES = {"guide.md": GUIDE, "receipt.py": RECEIPT, "shop.py": SHOP}
REQUEST = "Please rename `total` to `total_price` in shop.py and guide.md."


def edited(files: dict[str, str], changes: dict[str, Any]) -> dict[str, str]:
    """The reducer of ``files``: a text takes a file's place, a list ``[old, new]`` changes a part of it."""
    result = dict(files)
    for path, change in changes.items():
        if isinstance(change, str):
            result[path] = change
        else:
            old, new = change
            result[path] = result[path].replace(old, new, 1)
    return result


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    files: Annotated[dict[str, str], edited]


class ReviewState(State, total=False):
    remarks: Annotated[list[str], add]


class Reviewed(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


@tool
def list_files(runtime: ToolRuntime) -> str:
    """The paths of all files."""
    return "\n".join(sorted(runtime.state["files"]))


@tool
def read_file(path: str, runtime: ToolRuntime) -> str:
    """A file: its path, then its lines."""
    return f"{path}\n{runtime.state['files'][path]}"


@tool
def replace(path: str, old: str, new: str, runtime: ToolRuntime) -> Command[Any]:
    """Replace a text in a file, where it occurs exactly once."""
    if (times := runtime.state["files"][path].count(old)) != 1:
        raise ValueError(f"It occurs {times} times in {path}; give more of what stands around it.")
    done = ToolMessage(f"Replaced in {path}.", tool_call_id=runtime.tool_call_id)
    return Command(update={"files": {path: [old, new]}, "messages": [done]})


TOOLS = [list_files, read_file, replace]


def script(messages: Sequence[BaseMessage], tools: Sequence[str]) -> AIMessage:  # noqa: ARG001
    """The scripted model: it looks at the files that are named, and at no others."""
    turn = last_turn(messages)
    said = "\n".join(m.text for m in messages if isinstance(m, HumanMessage))
    answers = [m for m in turn if isinstance(m, ToolMessage)]
    wish = re.search(r"rename `(\w+)` to `(\w+)`", said)
    paths = re.findall(r"\w+\.(?:py|md)", turn[0].text)
    if wish is None or not paths:
        return says("Tell me what to do as here: rename `total` to `total_price` in shop.py and guide.md.")
    if not answers:
        return says("Let me read.", ("list_files", {}), *(("read_file", {"path": path}) for path in paths))
    old, new = wish.groups()
    if answers[-1].name == "replace" and answers[-1].status == "success":
        return says(f"`{old}` is now `{new}` in {' and '.join(paths)}.")
    if not any(m.name == "replace" for m in messages):
        return says("", ("replace", {"path": paths[0], "old": old, "new": new}))
    edits = [
        ("replace", {"path": path, "old": line, "new": re.sub(rf"\b{old}\b", new, line)})
        for path, *lines in (m.text.splitlines() for m in answers if m.name == "read_file")
        for line in lines
        if re.search(rf"\b{old}\b", line)
    ]
    return says("Line by line, then.", *edits)


PARSING = Lock()
"""The checks parse at once, which Python before 3.11.8 may take for a fault (CPython's issue 106905)."""


def parsed(files: dict[str, str]) -> tuple[dict[str, ast.Module], list[str]]:
    """The modules among the files by their paths, and what cannot be parsed, a sentence each."""
    modules, remarks = {}, []
    for path, text in files.items():
        if path.endswith(".py"):
            try:
                with PARSING:
                    modules[path] = ast.parse(text)
            except SyntaxError as error:
                remarks.append(f"{path} cannot be parsed: look at line {error.lineno}.")
    return modules, remarks


def names_of(module: ast.Module) -> tuple[set[str], set[str]]:
    """The names that a module defines, and those that it uses and does not define."""
    defined, used = set(dir(builtins)), set[str]()
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.alias):
            defined.add(node.name)
        elif isinstance(node, ast.arg):
            defined.add(node.arg)
        elif isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else defined).add(node.id)
    return defined, used - defined


def check_code(state: ReviewState) -> dict[str, Any]:
    modules, remarks = parsed(state["files"])
    for path, module in modules.items():
        remarks += [f"{path} uses `{name}`, which is not defined." for name in sorted(names_of(module)[1])]
        for node in ast.walk(module):
            if isinstance(node, ast.ImportFrom) and (other := modules.get(f"{node.module}.py")):
                missing = [each.name for each in node.names if each.name not in names_of(other)[0]]
                remarks += [f"{path} imports `{name}`, which `{node.module}` lacks." for name in missing]
    return {"remarks": remarks}


def check_guide(state: ReviewState) -> dict[str, Any]:
    modules, _ = parsed(state["files"])
    defined = {name for module in modules.values() for name in names_of(module)[0]}
    named = sorted(set(re.findall(r"`(\w+)`", state["files"]["guide.md"])))
    return {
        "remarks": [
            f"guide.md tells of `{each}`, which no file has." for each in named if each not in defined
        ]
    }


def remark(state: ReviewState) -> dict[str, Any]:
    if not state["remarks"]:
        return {}
    text = "\n".join(state["remarks"])
    return {"messages": [HumanMessage(text, name="reviewer", id=f"human-review-{len(state['messages'])}")]}


def review() -> Graph:
    """Compile the subgraph: two checks at once; it gives back the conversation alone."""
    builder = StateGraph(ReviewState, output_schema=Reviewed)
    builder.add_node(check_code)
    builder.add_node(check_guide)
    builder.add_node(remark)
    builder.add_edge(START, "check_code")
    builder.add_edge(START, "check_guide")
    builder.add_edge(["check_code", "check_guide"], "remark")
    builder.add_edge("remark", END)
    return builder.compile()


def content(state: State) -> Literal["agent", "__end__"]:
    return "agent" if isinstance(state["messages"][-1], HumanMessage) else "__end__"


def build(
    checkpointer: BaseCheckpointSaver[Any] | None = None, *, model: BaseChatModel | None = None
) -> Graph:
    """Compile the graph; ``model=init_chat_model("openai:gpt-5")`` has a real model edit."""
    editor = (model or ScriptedModel(script=script)).bind_tools(TOOLS)
    prompt = SystemMessage(
        "You edit files with your tools. A reviewer looks at what you did once you are done."
    )

    def agent(state: State) -> dict[str, Any]:
        return {"messages": [editor.invoke([prompt, *state["messages"]])]}

    builder = StateGraph(State)
    builder.add_node(agent)
    builder.add_node(ToolNode(TOOLS, handle_tool_errors=True, wrap_tool_call=numbered))
    builder.add_node("review", review())
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", tools_condition, {"tools": "tools", END: "review"})
    builder.add_edge("tools", "agent")
    builder.add_conditional_edges("review", content)
    return builder.compile(checkpointer=checkpointer)


def ask(turn: int, text: str, files: dict[str, str] | None = None) -> State:
    """The input of one turn; the first gives the files, too."""
    return {"messages": [HumanMessage(text, id=f"human-{turn}")], "files": files or {}}


def seed(graph: Graph, thread_id: str = "1") -> None:
    """Rename, with a remark; a branch on which a person mends by hand; one that asks for another name."""
    config = config_of(thread_id)
    ran(graph, ask(1, REQUEST, FILES), config)
    done = state_before(graph, thread_id, "review")
    mended = {"files": {"receipt.py": re.sub(r"\btotal\b", "total_price", RECEIPT)}}
    ran(graph, None, forked(graph, done.config, mended, "agent", "receipt.py mended by hand"))
    asked = state_before(graph, thread_id, "agent")
    other = {"messages": [HumanMessage(REQUEST.replace("total_price", "amount_due"), id="human-1")]}
    ran(graph, None, forked(graph, asked.config, other, "__start__", "another name"))
