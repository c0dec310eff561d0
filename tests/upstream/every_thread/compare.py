"""Opens a thread with lgviz and tells what differs from LangGraph's own answers."""

from __future__ import annotations

import copy as copying
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from langgraph.constants import START

import lgviz
from lgviz.analysis.rebuilt import KeptAsWrites
from lgviz.errors import LgvizError, UnknownChannel
from lgviz.session import as_node_options

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Deviation:
    """``view``: ``graph``, ``saver`` or ``file``; ``what``: ``nodes``, ``values``, ``next``, …"""

    view: str
    what: str
    where: str
    langgraph: str
    lgviz: str


class Comparison:
    """One thread, against one graph and a saver that holds it.

    Args:
        witness: what LangGraph did.
        graph: the thread's graph, over ``saver``; None where a test used the saver alone.
        saver: a saver that nobody else writes to.
        thread_id: the thread.
        again: gives another copy of the saver, for real updates.
    """

    def __init__(
        self, witness: Any, graph: Any, saver: Any, thread_id: str, again: Callable[[], Any]
    ) -> None:
        self.witness = witness
        self.graph = None if graph is None else graph.copy(update={"checkpointer": saver})
        self.saver = saver
        self.thread_id = thread_id
        self.again = again
        self.found: list[Deviation] = []
        self.compared = 0
        self._truths: dict[tuple[str, str], Any] = {}

    def run(self, path: Any = None) -> None:
        views = [("graph", self.graph)] if self.graph is not None else []
        views += [("saver", self.saver)] + ([("file", path)] if path else [])
        for view, what in views:
            try:
                history = lgviz.history(what, thread_id=self.thread_id)
            except Exception as error:
                self._note(view, "opening", self.thread_id, "", error)
                continue
            for row in range(len(history.tree)):
                self._checkpoint(view, history.checkpoint_at(row))
        if self.graph is not None:
            self._previews()

    # ------------------------------------------------------------ reading

    def _checkpoint(self, view: str, c: Any) -> None:
        self.compared += 1
        where = f"{c.label} step {c.step} {c.source}" + (f" of {c.namespace}" if c.namespace else "")
        self._nodes(view, where, c)
        self._why(view, where, c)
        truth = self._truth(c)
        if truth is None:
            return
        blind = view != "graph" or not self._is_declared(c)
        for what in ("values", "next", "tasks", "interrupts"):
            try:
                mine = getattr(c, what)
            except Exception as error:
                self._note(view, what, where, "", error)
                continue
            if isinstance(truth, Exception):
                continue
            theirs = getattr(truth, what)
            if what == "tasks":
                mine, theirs = _tasks(mine), _tasks(theirs)
                if blind:
                    theirs = self._without_unknown_ids(view, where, c, theirs, mine)
            if what == "values" and blind:
                theirs, mine = self._without_kept(view, where, theirs, mine)
                theirs = self._without_defaults(view, where, c, theirs, mine)
            self._equal(view, what, where, theirs, mine)

    def _without_kept(self, view: str, where: str, theirs: Any, mine: Any) -> tuple[Any, Any]:
        """What depends on the graph's own reducer is said to be kept as writes."""
        if not isinstance(mine, dict) or not isinstance(theirs, dict):
            return theirs, mine
        kept = {name for name, value in mine.items() if isinstance(value, KeptAsWrites)}
        if kept:
            self._note(view, "values.kept", where, theirs, mine)
        left = [{name: value for name, value in each.items() if name not in kept} for each in (theirs, mine)]
        return left[0], left[1]

    def _without_defaults(self, view: str, where: str, c: Any, theirs: Any, mine: Any) -> Any:
        """LangGraph shows what an empty channel starts with, which no row holds."""
        if not isinstance(mine, dict):
            return theirs
        if not isinstance(theirs, dict):  # the state is one value, and it has none yet
            if mine or theirs:
                return theirs
            self._note(view, "values.default", where, theirs, mine)
            return mine
        versions = c.stored.bookkeeping.channel_versions if c.stored.bookkeeping else {}
        unwritten = {name: theirs[name] for name in theirs if name not in mine and name not in versions}
        if unwritten:
            self._note(view, "values.default", where, unwritten, {})
        return {name: value for name, value in theirs.items() if name not in unwritten}

    def _without_unknown_ids(self, view: str, where: str, c: Any, theirs: Any, mine: Any) -> Any:
        """The id of a task that stored nothing is in no row; nor did a task run that an update stood for."""
        known, vague = {own[1] for own in mine}, {own[0] for own in mine if not own[1]}
        ran = {write.task_id for write in c.stored.writes if not write.task_path.startswith("~__interrupt__")}
        told = []
        for name, id_, error, interrupts, result in theirs:
            if name not in vague or id_ in known:
                told.append((name, id_, error, interrupts, result))
                continue
            self._note(view, "tasks.id", where, id_, "")
            if result is not None and id_ not in ran:
                self._note(view, "tasks.updated", where, result, None)
                result = None
            told.append((name, "", error, interrupts, result))
        return told

    def _why(self, view: str, where: str, c: Any) -> None:
        """Each task that ran has its cause, and nothing triggered it that does not trigger its node."""
        try:
            why = c.history.why(c)
        except Exception as error:
            self._note(view, "why", where, "", error)
            return
        if why.made != "step":
            return
        if Counter(cause.node for cause in why.tasks) != Counter(c.nodes):
            self._note(view, "why.tasks", where, c.nodes, why)
        for cause in why.tasks:
            right = self.witness.triggers.get(cause.task_id)
            told = {"__pregel_push" if t.channel == "__pregel_tasks" else t.channel for t in cause.triggers}
            if right is not None and not told <= right:
                self._note(view, "why.triggers", where, right, cause)
            if not cause.triggers:
                self._note(view, "why.untold", where, right, cause)

    def _nodes(self, view: str, where: str, c: Any) -> None:
        mine = c.nodes
        if c.source == "update":
            theirs = self.witness.updated.get(c.id, mine)
        elif c.id not in self.witness.made:
            theirs = () if c.source in ("input", "fork") else mine  # made before this test
        elif c.collapsed:  # what the steps left behind tells no order
            steps = self.witness.makers(c.id, c.parent.id if c.parent else None)
            mine, theirs = {*mine}, {name for step in steps for name in step}
        else:
            theirs = self.witness.made[c.id]
            earlier = self.witness.earlier[c.id]
            # Where no graph tells what a task may call, who was called by one has no name.
            if earlier and (view == "graph" or len(mine) > len(theirs)):
                if Counter(mine) != Counter((*theirs, *earlier)):
                    theirs = (*theirs, *earlier)
                else:
                    mine = tuple(name for name in mine if name not in earlier or name in theirs)
        self._equal(view, "nodes", where, theirs, mine)

    def _is_declared(self, c: Any) -> bool:
        """Whether LangGraph, asked for a subgraph's checkpoint, finds the subgraph that made it."""
        if not c.namespace:
            return True
        found, ran = self.graph._subgraph_for_namespace(c.config, self.saver), self.witness.ran.get(c.id)
        return bool(found) and (ran is None or ran.nodes.keys() == found[0].nodes.keys())

    def _truth(self, c: Any) -> Any:
        """LangGraph's own state; the exception where it can't; None where no graph is known."""
        key = (c.namespace, c.id)
        if key not in self._truths:
            self._truths[key] = self._asked(c)
        return self._truths[key]

    def _asked(self, c: Any) -> Any:
        if self.graph is None:
            return None
        graph, config = self.graph, c.config
        try:
            if not self._is_declared(c):  # LangGraph would read it by the channels of another graph
                graph = self.witness.ran.get(c.id)
                config["configurable"]["__pregel_checkpointer"] = self.saver
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return graph and graph.get_state(config)
        except Exception as error:
            return error

    # ------------------------------------------------------------ acting

    def _previews(self) -> None:
        try:
            history = lgviz.history(self.graph, thread_id=self.thread_id)
        except Exception:
            return
        for c in _some([*history]):
            where = f"{c.label} step {c.step} {c.source}"
            if isinstance(self._truth(c), Exception):
                continue
            try:
                options = as_node_options(self.graph, c)
            except Exception as error:
                self._note("graph", "options", where, "", error)
                continue
            for option in options:
                self._option(c, f"{where} as {option.node}", option)

    def _option(self, c: Any, where: str, option: Any) -> None:
        self.compared += 1
        real = self._really(c, option.node, None)
        if "No synchronous function" in str(real):
            return  # lgviz runs it on a loop
        mine = ("refused",) if option.disabled else option.next
        theirs = ("refused",) if isinstance(real, Exception) else real.next
        if mine != theirs:
            self._note(
                "graph",
                "option",
                where,
                real if isinstance(real, Exception) else theirs,
                option.disabled or mine,
            )
        values = c.values
        if option.disabled or not isinstance(values, dict):
            return
        real = self._really(c, option.node, values)
        try:
            made = lgviz.preview(self.graph, c, values, as_node=option.node)
        except LgvizError as error:
            if not isinstance(real, Exception):
                dropped = isinstance(error, UnknownChannel) and option.node == START
                what = "preview.unknown" if dropped else "preview"
                self._note("graph", what, where, (real.next, real.values), error)
            return
        except Exception as error:
            self._note("graph", "preview", where, real, error)
            return
        if isinstance(real, Exception):
            self._note("graph", "preview", where, real, (made.next, made.values))
        else:
            theirs, mine = ((each.next, each.values) for each in (real, made))
            # A message without an id is given another one each time.
            if _ID.sub("", repr(theirs)) != _ID.sub("", repr(mine)):
                self._note("graph", "preview", where, theirs, mine)

    def _really(self, c: Any, node: str, values: Any) -> Any:
        """The state after a real update on a copy; the exception where LangGraph refuses."""
        graph = self.graph.copy(update={"checkpointer": self.again()})
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return graph.get_state(graph.update_state(c.config, copying.deepcopy(values), as_node=node))
        except Exception as error:
            return error

    # ------------------------------------------------------------ noting

    def _equal(self, view: str, what: str, where: str, theirs: Any, mine: Any) -> None:
        if same(theirs, mine):
            return
        if re.search("<undecodable [^>]* is not (trusted|loaded in this)", repr(mine)):
            what = f"{what}.untrusted"
        elif isinstance(theirs, (tuple, list)) and sorted(map(repr, theirs)) == sorted(map(repr, mine)):
            what = f"{what}.order"
        self._note(view, what, where, theirs, mine)

    def _note(self, view: str, what: str, where: str, theirs: Any, mine: Any) -> None:
        self.found.append(Deviation(view, what, where, _short(theirs), _short(mine)))


def same(a: Any, b: Any) -> bool:
    try:
        if type(a) is type(b) and bool(a == b):
            return True
    except Exception:  # arrays, and classes that compare in their own way
        return repr(a) == repr(b)
    return not isinstance(a, (set, frozenset)) and repr(a) == repr(b)


def _tasks(tasks: Any) -> list[tuple[Any, ...]]:
    return [(t.name, t.id, t.error, t.interrupts, t.result) for t in tasks]


def _short(value: Any) -> str:
    text = f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else repr(value)
    return text if len(text) < 600 else text[:600] + "…"


def lines(found: list[Deviation]) -> Iterator[dict[str, str]]:
    yield from map(asdict, found)


def _some(all_: list[Any]) -> list[Any]:
    """The first, the last, and the one in the middle: an update of each makes another kind of checkpoint."""
    return [all_[n] for n in sorted({0, len(all_) // 2, len(all_) - 1})]
