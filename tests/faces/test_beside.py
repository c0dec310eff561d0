"""What JupyterLab's panel is told by a kernel, and the debugger that it opens in one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from comm import get_comm_manager
from comm.base_comm import BaseComm
from IPython.core.interactiveshell import InteractiveShell

import lgviz
from lgviz.beside import TARGET, serve
from lgviz.protocol import PROTOCOL_VERSION
from tests.support.waiting import until

HELLO = {"version": lgviz.__version__, "protocol": PROTOCOL_VERSION}
GRAPH = """
from lgviz.demos import two_nodes
from lgviz.persistence import MemorySaver
graph = two_nodes.build(MemorySaver())
two_nodes.seed(graph, thread_id="1")
again, without, _hidden = graph, two_nodes.build(), graph.checkpointer
"""


class Comm(BaseComm):
    """A comm whose other end is this test."""

    def __init__(self, **data: Any) -> None:
        self.told: list[Any] = []
        super().__init__(target_name=TARGET, primary=False)
        message = {"content": {"comm_id": self.comm_id, "data": data}}
        get_comm_manager().targets[TARGET](self, message)

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **_: Any
    ) -> None:
        if msg_type == "comm_msg":
            self.told.append(data)

    def ask(self, **message: Any) -> Any:
        """What is answered to one request."""
        self.handle_msg({"content": {"data": {"id": 1, **message}}})
        until(lambda: [each for each in self.told if each.get("id") == 1])
        (found,) = (each for each in self.told if each.get("id") == 1)
        return found

    def end(self) -> None:
        self.handle_close({"content": {"data": {}}})


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    serve()
    serve()
    yield shell
    InteractiveShell.clear_instance()


def test_after_each_cell_it_tells_which_graphs_and_savers_there_are(shell: InteractiveShell) -> None:
    comm = Comm(protocol=PROTOCOL_VERSION)
    assert comm.told == [{"variables": []}, HELLO]
    shell.run_cell(GRAPH)
    (graph,) = comm.told[-1]["variables"]
    assert graph == {
        "name": "graph",
        "kind": "graph",
        "type": "CompiledStateGraph",
        "key": id(shell.user_ns["graph"]),
        "saver": id(shell.user_ns["graph"].checkpointer),
    }
    shell.run_cell("del graph, again; saver = _hidden")
    (saver,) = comm.told[-1]["variables"]
    assert (saver["name"], saver["kind"], saver["type"]) == ("saver", "saver", "MemorySaver")
    comm.end()
    told = len(comm.told)
    shell.run_cell("1")
    assert len(comm.told) == told


def test_a_variable_is_debugged(shell: InteractiveShell) -> None:
    shell.run_cell(GRAPH)
    comm = Comm(protocol=PROTOCOL_VERSION, name="graph")
    assert comm.told == [HELLO]
    opened = comm.ask(method="thread_open", params={"thread_id": "1"})["result"]
    assert (opened["thread"]["count"], opened["read_only"]) == (6, None)
    comm.told.clear()
    code = comm.ask(method="code_get", params={"act": "select", "checkpoint": opened["selected"]})["result"][
        "code"
    ]
    assert "lgviz.history(graph, " in code
    comm.end()


def test_what_is_not_there_is_refused(shell: InteractiveShell) -> None:
    assert Comm(protocol=PROTOCOL_VERSION, name="graph").told[0]["refused"] == {
        "code": "source",
        "cause": "There is no variable graph any more.",
        "remedy": "Run the cell that makes it.",
    }
    shell.run_cell("from lgviz.demos import two_nodes; graph = two_nodes.build()")
    (refused, _) = Comm(protocol=PROTOCOL_VERSION, name="graph").told
    assert (
        refused["refused"]["cause"]
        == "The graph was compiled without a checkpointer, so it keeps no history."
    )


def test_another_version_of_the_protocol_is_told_the_versions_alone(shell: InteractiveShell) -> None:
    for other in (PROTOCOL_VERSION + 1, PROTOCOL_VERSION - 1, None):
        assert Comm(protocol=other, name="graph").told == [HELLO]


def test_a_kernel_without_graphs_loads_nothing_for_it() -> None:
    script = "import sys, lgviz.beside as b; assert b.variables_of({'a': 1}) == []; print('langgraph' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
