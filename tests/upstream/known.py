"""Where lgviz differs from LangGraph on LangGraph's own tests, each with its reason; docs/COVERAGE.md tells the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple


class Pair(NamedTuple):
    """A kind of deviation (``saver.values``) of the threads of some tests; both may hold ``*``."""

    what: str
    test: str


@dataclass(frozen=True)
class Known:
    """Deviations with one reason. Each kind, and each test, must still deviate."""

    reason: str
    what: tuple[str, ...]
    tests: tuple[str, ...] = ("*",)

    def pairs(self) -> Iterator[Pair]:
        for what in self.what:
            for test in self.tests:
                yield Pair(what, test)

    def matching(self, found: dict[str, str]) -> Iterator[Pair]:
        """Its pairs that a deviation falls under."""
        kind, test = f"{found['view']}.{found['what']}", found["test"].removeprefix("tests/")
        for pair in self.pairs():
            if fnmatchcase(kind, pair.what) and fnmatchcase(test, pair.test):
                yield pair


RAW_PREGEL = (
    "test_delta_channel_seal_subscribers.py::*",
    "test_large_cases*.py::test_invoke_two_processes_in_out_interrupt*",
    "test_pregel.py::test_*update_state_after_a_*_infers_*",
)
DIFFERENT = (
    Known("what an empty channel starts with is in the graph, in no row", ("*.values.default",)),
    Known("the id of a task that stored nothing is in no row: it is empty", ("*.tasks.id",)),
    Known(
        "the value depends on the graph's own reducer: it is said to be kept as writes", ("*.values.kept",)
    ),
    Known(
        "the graph's order of nodes is in no row: that in which they ran, else the alphabet's",
        ("[sf]*.*.order",),
    ),
    Known(
        "nodes of a step are in the graph's order, as in `next`; the debug stream has them by name",
        ("graph.nodes.order",),
    ),
    Known("a key that the input has not is refused; LangGraph drops it", ("graph.preview.unknown",)),
    Known(
        "raw Pregel: what a node that never ran subscribes to is in no row",
        ("[sf]*.next", "[sf]*.tasks"),
        RAW_PREGEL,
    ),
    Known(
        "a file opened by path makes no objects of classes that are not trusted or not loaded",
        ("file.*.untrusted",),
    ),
    Known(
        "a reducer that sorts, of which no stored value tells: rebuilt by appending, and said to be so",
        ("[sf]*.values",),
        ("test_delta_channel_run_input.py::*",),
    ),
    Known(
        "what `Command(update=...)` gave on a resume goes through a reducer of the graph, which is in no row",
        ("[sf]*.values",),
        (
            "test_delta_channel_exit_mode.py::test_resume_with_a_command_update_replays_its_write_once*",
            "test_interrupt_state.py::test_resume_with_update_applies_the_update_once*",
            "test_pregel*.py::test_interrupt_multiple*",
            "test_pregel_async.py::test_command_with_static_breakpoints*",
        ),
    ),
    Known(
        "raw Pregel: which channels are its state is in no row",
        ("[sf]*.values",),
        ("test_pregel.py::test_invoke_join_then_call_other_pregel*",),
    ),
    Known(
        "the test goes on with a graph that has more channels than `__root__`, whose state is a dict then",
        ("[sf]*.values", "[sf]*.tasks"),
        ("test_large_cases.py::test_root_graph*",),
    ),
    Known(
        "what a task of 2024 stored, whose id is another today, is lost to LangGraph; it is stored, and shown",
        ("*.interrupts", "[sf]*.tasks"),
        ("test_checkpoint_migration.py::test_saved_checkpoint_state_graph*-2-*",),
    ),
    Known(
        "a question asked inside a call of a call is there once; LangGraph has it of each caller",
        ("*.interrupts",),
        ("test_interrupt_state.py::test_nested_entrypoint_finished_task_is_not_rerun*",),
    ),
    Known(
        "in a thread of 2024 that today's LangGraph went on with, channels and tasks had other names",
        ("*.why.*",),
        ("test_checkpoint_migration.py::test_saved_checkpoint_state_graph*-2-*",),
    ),
    Known(
        "who was called by a call, in an earlier run of the step, is in no row by name",
        ("[sf]*.why.tasks",),
        ("test_pregel*.py::test_imp_nested*",),
    ),
    Known(
        "an input that no step ever took in the thread, which shows no state: a graph of nodes and an"
        " `@entrypoint` keep it in one channel, so who takes it is left out",
        ("[sf]*.next", "[sf]*.tasks"),
        ("test_stream_events_v3_kwarg_forwarding.py::*test_pre_drained_control*",),
    ),
)

FAILING: dict[str, tuple[str, ...]] = {}
"""LangGraph's tests that fail on lgviz's savers, by the reason."""
