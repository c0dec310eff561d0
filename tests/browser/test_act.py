"""Forking and running in a real JupyterLab: preview, as_node, live rows, stop, interrupts, errors, async."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import NotebookFactory, add_cell, output

COUNT = "print('checkpoints:', len(lgviz.history(graph, '1')))"

SLOW = """
import time
from typing import TypedDict
from langgraph.graph import START, StateGraph
class S(TypedDict):
    n: int
def tick(state):
    time.sleep(0.4)
    return {"n": state["n"] + 1}
b = StateGraph(S)
b.add_node(tick); b.add_edge(START, "tick")
b.add_conditional_edges("tick", lambda s: "tick" if s["n"] < 40 else "__end__", ["tick", "__end__"])
graph = b.compile(checkpointer=saver)
graph.invoke({"n": 38}, {"configurable": {"thread_id": "1"}})
"""


def test_a_fork_is_previewed_and_then_made(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("two_nodes"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.fork("c2")
    debugger.write("foo", "2")
    debugger.write("bar", '["b"]', mode="append")
    debugger.root.locator('[data-testid="lgviz-topology-node"][data-node="node_a"]').last.click()
    expect(debugger.next).to_contain_text("node_b")
    expect(debugger.preview).to_contain_text("nothing written")
    add_cell(page, COUNT)
    output(page, "checkpoints: 6")
    debugger.root.get_by_test_id("lgviz-fork-note").fill("what if")
    debugger.commit()
    expect(debugger.row("c6")).to_have_attribute("aria-selected", "true")
    expect(debugger.row("c6")).to_contain_text("as node_a")
    expect(debugger.row("c6")).to_contain_text("what if")
    add_cell(page, "c = lgviz.history(graph, '1')['c6']; print(c.values, c.next, c.note)")
    output(page, "{'foo': '2', 'bar': ['a', 'b']} ('node_b',) what if")


def test_a_message_is_edited_where_it_stands_and_run_by_keys_alone(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("agent"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.select("c6")
    pencil = debugger.inspector.get_by_role("button", name="Edit message 1 in a fork")
    pencil.focus()
    page.keyboard.press("Enter")
    expect(debugger.root.get_by_text("Fork at c6")).to_be_visible()
    expect(debugger.root.get_by_role("tablist")).to_be_hidden()
    text = debugger.field("messages").get_by_role("textbox")
    expect(text).to_be_focused()
    expect(text).to_have_value("Let me see.")
    expect(debugger.root.get_by_role("radio", name="agent", exact=True)).to_be_checked()
    expect(debugger.root.get_by_test_id("lgviz-fork-as-node")).to_contain_text("→ tools · wrote it")
    page.keyboard.type("\nAnd more.")
    debugger.field("messages").get_by_role("button", name="Remove the call of get_reservation").click()
    expect(debugger.next).to_contain_text("tools")
    # the draft stays where one looks away, and the pencil has the focus again
    page.keyboard.press("Escape")
    expect(pencil).to_be_focused()
    page.keyboard.press("Enter")
    expect(text).to_have_value("Let me see.\nAnd more.")
    for _ in range(5):
        if page.evaluate("document.activeElement.dataset.testid") == "lgviz-fork-run":
            break
        page.keyboard.press("Tab")
    expect(debugger.root.get_by_test_id("lgviz-fork-run")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(debugger.root.locator('[data-testid="lgviz-run"][data-status="done"]')).to_be_visible()
    add_cell(
        page,
        "h = lgviz.history(graph, '1'); m = h['c21'].values['messages']\n"
        "print(h['c21'].as_node, len(m), repr(m[1].content), m[1].id, m[1].tool_calls, m[3].tool_calls[0]['name'])",
    )
    output(page, "agent 6 'Let me see.\\nAnd more.' ai-1 [] search_flights")


def test_set_goes_past_the_reducer_and_the_copied_code_does_the_same(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("two_nodes"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.fork("c2")
    debugger.write("bar", '["only"]', mode="set")
    debugger.as_node("node_a")
    expect(debugger.next).to_contain_text("node_b")
    code = debugger.copied(debugger.root.get_by_test_id("lgviz-fork"))
    assert "lgviz.fork(" in code and "lgviz.Set(['only'])" in code
    add_cell(page, f"made = {code.split('import lgviz')[1].strip()}\nprint(made.label, made.values)")
    output(page, "c6 {'foo': 'a', 'bar': ['only']}")


def test_fork_and_run_shows_new_rows(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("agent"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.fork("c5")
    debugger.write("plan", "go by train")
    debugger.as_node("tools")
    expect(debugger.next).to_contain_text("agent")
    debugger.commit(run=True)
    expect(debugger.row("c21")).to_contain_text("as tools")
    expect(debugger.row("c22")).to_contain_text("agent")
    expect(debugger.root.locator('[data-testid="lgviz-run"][data-status="done"]')).to_be_visible()


def test_run_from_here_stops_on_demand_and_the_kernel_stays_free(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, SLOW, "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.fork("c1")
    debugger.write("n", "1")
    debugger.as_node("tick")
    debugger.commit(run=True)
    expect(debugger.root.get_by_test_id("lgviz-stop")).to_be_visible()
    expect(debugger.row("c5")).to_be_visible()
    add_cell(page, "print('still', 'here')")
    output(page, "still here")
    debugger.root.get_by_test_id("lgviz-stop").click()
    expect(debugger.root.locator('[data-testid="lgviz-run"][data-status="stopped"]')).to_be_visible()
    add_cell(page, "print('stopped early:', lgviz.history(graph, '1').latest.values['n'] < 40)")
    output(page, "stopped early: True")


def test_an_interrupt_is_answered_in_place_and_anew(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("approval"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.select("c9")
    question = debugger.root.get_by_test_id("lgviz-interrupt")
    expect(question).to_contain_text("Pay this refund?")
    question.get_by_role("textbox").fill("reject")
    question.get_by_role("button", name="Resume").click()
    expect(debugger.root.locator('[data-testid="lgviz-run"][data-status="done"]')).to_be_visible()
    add_cell(page, "print('outcome:', lgviz.history(graph, '1').latest.nodes)")
    output(page, "outcome: ('decline',)")
    debugger.select("c2")
    question.get_by_role("button", name="Answer anew").click()
    question.get_by_role("textbox").fill("reject")
    question.get_by_role("button", name="Resume").click()
    # A fresh fork, the question's node again, and where the new answer leads.
    expect(debugger.row("c12")).to_contain_text("fork")
    expect(debugger.row("c14")).to_contain_text("decline")
    add_cell(page, "h = lgviz.history(graph, '1'); print('anew:', h.latest.nodes, h.branches[-1][1].label)")
    output(page, "anew: ('decline',) c1")


def test_a_failing_node_is_an_error_on_the_row_with_its_traceback(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("fan_out"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.fork("c7")
    debugger.write("fail", "traffic")
    debugger.as_node("plan")
    debugger.commit(run=True)
    expect(debugger.row("c10")).to_contain_text("the traffic service did not answer")
    said = debugger.inspector.get_by_text("the traffic service did not answer")  # once, whoever says it
    expect(said).to_be_visible()
    debugger.select("c10")
    debugger.tab("tasks")
    failed = debugger.inspector.get_by_test_id("lgviz-task").filter(has_text="traffic").first
    expect(failed).to_contain_text("ConnectionError")
    expect(debugger.inspector.get_by_test_id("lgviz-traceback").first).to_contain_text("Traceback")


def test_an_ambiguous_update_needs_a_choice(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("fan_out"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.fork("c4")
    commit = debugger.root.get_by_test_id("lgviz-fork-commit")
    expect(commit).to_have_attribute("aria-disabled", "true")
    # who wrote what is edited is proposed
    debugger.write("city", "Bern")
    expect(debugger.root.get_by_role("radio", name="__start__", exact=True)).to_be_checked()
    debugger.as_node("report")
    expect(commit).not_to_have_attribute("aria-disabled", "true")
    debugger.field("city").get_by_role("button", name="JSON").click()
    debugger.write("city", '"Bern')
    expect(debugger.field("city").get_by_role("alert")).to_be_visible()
    expect(commit).to_have_attribute("aria-disabled", "true")


def test_an_asynchronous_graph_forks_and_runs(notebook: NotebookFactory) -> None:
    page = notebook(
        [
            SETUP,
            "import aiosqlite\nfrom langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver\n"
            "from lgviz.demos import two_nodes\n"
            "saver = AsyncSqliteSaver(await aiosqlite.connect(file))\n"
            "graph = two_nodes.build(saver)\n"
            "_ = await graph.ainvoke({'foo': '', 'bar': []}, {'configurable': {'thread_id': '1'}})",
            "%lgviz graph --thread 1",
        ]
    )
    debugger = Debugger(page)
    debugger.fork("c2")
    debugger.write("foo", "async")
    debugger.as_node("node_a")
    expect(debugger.next).to_contain_text("node_b")
    debugger.commit(run=True)
    expect(debugger.row("c5")).to_contain_text("node_b")
    add_cell(
        page,
        "c = lgviz.fork(graph, 'c1', {'foo': 'x'}, as_node='node_a', thread_id='1'); print(c.label, c.next)",
    )
    output(page, "c6 ('node_b',)")


def test_a_checkpoint_deleted_meanwhile_is_said(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("two_nodes"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.select("c3")
    add_cell(page, "saver.delete_thread('1')")
    expect(debugger.error.first).to_contain_text(re.compile("thread|deleted|checkpoint"))


UNFINISHED = """
import asyncio
from operator import add
from typing import Annotated, TypedDict
from langgraph.graph import START, StateGraph
from lgviz.persistence import MemorySaver
class S(TypedDict):
    log: Annotated[list, add]
ran, broken = [], {"search"}
def node(name):
    async def node(state):
        ran.append(name)
        if name in broken:
            raise ConnectionError(name)
        if name == "write" and ran.count("write") == 1:
            await asyncio.sleep(600)
        return {"log": [name]}
    return node
b = StateGraph(S)
names = ["plan", "search", "check", "write"]
for name in names:
    b.add_node(name, node(name))
for one, other in zip([START, *names], names):
    b.add_edge(one, other)
graph = b.compile(checkpointer=MemorySaver())
try:
    await graph.ainvoke({"log": []}, {"configurable": {"thread_id": "1"}})
except ConnectionError:
    broken.clear()
"""


def test_resume_by_steps_to_a_breakpoint_and_stopped_now(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, UNFINISHED, "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    root, run = debugger.root, debugger.root.get_by_test_id("lgviz-run")
    debugger.select("c2")
    expect(root.get_by_test_id("lgviz-resume")).to_have_class(re.compile("is-primary"))
    root.get_by_test_id("lgviz-step").click()
    expect(debugger.row("c3")).to_have_attribute("aria-selected", "true")
    expect(run).to_have_attribute("data-status", "stopped")
    root.get_by_role("button", name="Graph").click()
    spot = root.locator('[data-testid="lgviz-breakpoint"][data-node="write"][data-when="before"]')
    spot.click()
    expect(spot).to_have_attribute("aria-pressed", "true")
    root.get_by_test_id("lgviz-resume").click()
    expect(run).to_contain_text("paused before write")
    expect(debugger.row("c4")).to_have_attribute("aria-selected", "true")
    root.get_by_test_id("lgviz-resume").click()  # past the breakpoint that it stands before
    expect(run).to_have_attribute("data-status", "running")
    root.get_by_test_id("lgviz-stop-now").click()
    expect(run).to_have_attribute("data-status", "stopped")
    expect(debugger.row("c4")).not_to_contain_text("Cancelled")
    root.get_by_test_id("lgviz-resume").click()
    expect(debugger.row("c5")).to_have_attribute("aria-selected", "true")
    expect(run).to_have_attribute("data-status", "done")
    expect(run).to_contain_text("It stood before 'write'")
    add_cell(page, "print('ran:', *ran)")
    output(page, "ran: plan search search check write write")
    debugger.select("c1")
    debugger.more("lgviz-until-open").click()
    field = root.get_by_test_id("lgviz-until")
    field.fill("len(lgo) > 1")
    field.press("Enter")
    expect(root.get_by_role("alert").filter(has_text="'lgo' is neither")).to_be_visible()
    field.fill("len(log) > 1")
    field.press("Enter")
    expect(run).to_have_attribute("data-status", "stopped")
    add_cell(page, "print('until:', lgviz.history(graph, '1').latest.values['log'])")
    output(page, "until: ['plan', 'search']")


def test_a_breakpoint_inside_a_subgraph_is_set_on_its_graph(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("subgraph"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    root, run = debugger.root, debugger.root.get_by_test_id("lgviz-run")
    spots = root.get_by_test_id("lgviz-breakpoint")
    debugger.select("c2")
    root.get_by_role("button", name="Graph").click()
    expect(spots).to_have_count(6)
    root.get_by_role("button", name="critic: show the graph inside").click()
    way = root.get_by_role("navigation", name="Graphs around it")
    expect(way).to_have_text("whole graph › critic")
    expect(spots).to_have_count(4)
    spot = root.locator('[data-testid="lgviz-breakpoint"][data-node="revise"][data-when="before"]')
    spot.click()
    expect(spot).to_have_attribute("aria-pressed", "true")
    way.get_by_role("button", name="whole graph").click()
    expect(root.locator('[data-testid="lgviz-breakpoint"][aria-pressed="true"]')).to_have_count(0)
    root.get_by_test_id("lgviz-run-here").click()
    expect(run).to_contain_text("paused before revise")
    # The checkpoint inside, at which it stands, shows its own graph.
    inner = root.locator('[data-testid="lgviz-row"][data-label*="."]').first
    inner.click()
    expect(way).to_have_text("whole graph › critic")
    expect(spot).to_have_attribute("aria-pressed", "true")
    revise = root.locator('[data-testid="lgviz-topology-node"][data-node="revise"]')
    expect(revise).to_have_attribute("data-next", "true")
    root.get_by_test_id("lgviz-resume").click()
    expect(run).to_contain_text("It stood before 'revise'")
    expect(run).to_contain_text("paused before revise")  # the loop comes there again
    # One stays inside, at the newest checkpoint there, while the run does.
    expect(root.locator('[data-testid="lgviz-row"][aria-selected="true"]')).to_have_attribute(
        "data-label", "c8.5"
    )
    expect(way).to_have_text("whole graph › critic")
    spot.click()
    expect(spot).to_have_attribute("aria-pressed", "false")
    root.get_by_test_id("lgviz-resume").click()
    expect(run).to_have_attribute("data-status", "done")


def test_a_run_that_history_answers_says_what_it_spared(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("agent"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    root = debugger.root
    debugger.select("c1")
    root.get_by_test_id("lgviz-run-here").click()
    bar = root.locator('[data-testid="lgviz-run"][data-status="done"]')
    # The node that one asks to run does run, each time; history answers what follows from the same.
    expect(bar.get_by_test_id("lgviz-run-reused")).to_have_text(re.compile(r"^3 served, 4 ran"))
    expect(debugger.row("c27")).to_contain_text("served")
    debugger.select("c26")
    debugger.tab("tasks")
    expect(debugger.inspector.get_by_test_id("lgviz-served")).to_be_visible()

    # A fork says before it runs what history would answer, unless that is not wanted.
    debugger.fork("c5")
    ahead = root.get_by_test_id("lgviz-reuse-ahead")
    debugger.write("plan", "go by train")
    debugger.as_node("tools")
    expect(ahead).to_have_text(": history does not answer agent")
    wanted = root.locator('input[data-testid="lgviz-reuse"]')
    wanted.uncheck()
    expect(ahead).to_have_count(0)
    debugger.commit(run=True)
    expect(bar).to_be_visible()
    expect(bar.get_by_test_id("lgviz-run-reused")).to_have_count(0)
    wanted = debugger.more("lgviz-reuse")
    expect(wanted).to_have_attribute("aria-checked", "false")


APP = """%%writefile pinned_app.py
from lgviz.demos import agent
from lgviz.persistence import MemorySaver

graph = agent.build(MemorySaver())
"""


def test_a_checkpoint_is_pinned_as_a_test(notebook: NotebookFactory) -> None:
    cells = [
        SETUP,
        APP,
        "from pinned_app import graph\nagent.seed(graph, thread_id='1')",
        "%lgviz graph --thread 1",
    ]
    page = notebook(["from lgviz.demos import agent", *cells])
    debugger = Debugger(page)
    debugger.select("c8")
    debugger.more("lgviz-pin").click()
    form = debugger.root.get_by_role("form", name="Pin as test")
    path = form.get_by_test_id("lgviz-pin-path")
    expect(path).to_have_value("tests/test_c8.py")
    expect(path).to_be_focused()
    path.fill("tests/c8.py")
    path.press("Enter")
    expect(form.get_by_test_id("lgviz-error")).to_contain_text("pytest collects no file of the name c8.py")
    path.fill("tests/test_refund.py")
    form.get_by_role("button", name="Pin", exact=True).click()
    told = form.get_by_test_id("lgviz-pin-told")
    expect(told).to_contain_text("It passes. Written to", timeout=60_000)
    add_cell(page, "print(open('tests/test_refund.py').read().count('check_pin'))")
    output(page, "1")
    form.get_by_role("button", name="Pin", exact=True).click()
    expect(told).to_have_text("There is such a file.")
    path.press("Escape")
    expect(form).to_have_count(0)
