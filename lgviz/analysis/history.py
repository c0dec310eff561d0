"""The history of one thread: a sequence of checkpoints, and the tree they form."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload
from weakref import WeakValueDictionary

from lgviz._visible import visible
from lgviz.errors import CheckpointNotFound, NoCheckpoints, ThreadNotFound, listed
from lgviz.persistence.database.gc_pause import gc_paused
from lgviz.sources import open_source
from lgviz.sources.base import ReadOptions, Source, ThreadLineage, ThreadLink
from lgviz.sources.places import thread_of

from .blame import Blame, blame
from .checkpoint import Checkpoint
from .comparison import Comparison, compare_branches
from .diff import StateDiff, diff_states
from .predicates import bisect, evaluate, find
from .shown import completes_by_tab
from .state import StateReader, calls_of, triggers_of
from .tree import Flag, Tree
from .writes import Writes

if TYPE_CHECKING:
    import networkx
    import pandas
    import plotly.graph_objects as go

    from .narration import Narration
    from .usage import Prices
    from .why import Why

__all__ = ["History", "Key", "complete_by_tab", "open_history"]

_ROWS = 30
"""Rows of the tree that a terminal is shown."""

Key = "int | str | Checkpoint"


def open_history(
    what: Any,
    thread_id: str | None = None,
    config: Mapping[str, Any] | None = None,
    context: Any = None,
    **options: Unpack[ReadOptions],
) -> History:
    """The history of a thread (``lgviz.history``).

    Args:
        what: a compiled graph, a saver, the path of a database, or a ``Source``.
        thread_id: which thread; None takes that of ``config``, else the newest.
        config: the config that runs on this thread use.
        context: the context that runs on this thread use.
        options: how it is read, as :func:`lgviz.open_source` takes them (``trust=["my_app.models"]``).

    Raises:
        SourceError: ``what`` cannot be read (see :func:`lgviz.sources.open_source`).
        NoCheckpoints: it holds no checkpoint yet.
        ThreadNotFound: it does not hold this thread.
    """
    source = open_source(what, **options)
    wanted = thread_id if thread_id is not None else thread_of(config)
    if wanted is None:
        newest = source.find_threads(limit=1).threads
        if not newest:
            raise NoCheckpoints(
                f"{source.description} holds no checkpoint yet.", "Run the graph with a thread_id first."
            )
        wanted = newest[0].thread_id
    return History(source, str(wanted), config, context)


_COPIED = 50_000
"""Within how many checkpoints the mark of a copied thread is looked for."""


class History:
    """Checkpoints of one thread from oldest to newest; ``len()`` and iteration count the root namespace.

    ``h[0]`` (``h[-1]``, ``h[1:3]``) is by position, ``h["c3"]`` by label, ``h["1ef…"]`` by checkpoint id.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> graph = two_nodes.build(InMemorySaver())
    >>> two_nodes.seed(graph)
    >>> h = lgviz.history(graph)
    >>> h["c2"], h.latest
    (<Checkpoint c2 node_a, step 1>, <Checkpoint c5 node_b, step 3>)
    >>> h.forks, len(h.branches)
    ([<Checkpoint c2 node_a, step 1>], 2)

    Attributes:
        thread_id: the thread.
        source: where it is read from.
        tree: all checkpoints of all namespaces, as columns.
        reader: what they hold, by row of the tree.
        config, context: what runs on this thread use.
        lock: held while the tree grows; take it to read several columns of one moment.
    """

    def __init__(
        self,
        source: Source,
        thread_id: str,
        config: Mapping[str, Any] | None = None,
        context: Any = None,
    ) -> None:
        self.source = source
        self.thread_id = thread_id
        self.config = config
        self.context = context
        self.lock = threading.RLock()
        # It is made of what names and numbers checkpoints, which no mask touches.
        self.tree = Tree(source.real, thread_id, triggers_of(source.graph), partial(calls_of, source.graph))
        self.reader = StateReader(source, thread_id, self.tree)
        self._token: Any = None
        self._objects: WeakValueDictionary[int, Checkpoint] = WeakValueDictionary()
        self.refresh()
        if not len(self.tree):
            self._refuse_missing_thread()

    def _refuse_missing_thread(self) -> None:
        found = self.source.find_threads(limit=5)
        if not found.threads:
            raise NoCheckpoints(
                f"{self.source.description} holds no checkpoint yet.", "Run the graph with a thread_id first."
            )
        names = listed((thread.thread_id for thread in found.threads), most=5, total=found.total)
        there = "There is only" if found.total == 1 else "There are"
        raise ThreadNotFound(f"There is no thread {self.thread_id!r}.", f"{there} {names}.")

    @property
    def shown_id(self) -> str:
        """The thread's id for a reader, where a mask may match it."""
        return self.source.shown(self.thread_id)

    def __repr__(self) -> str:
        from lgviz.export.text import tree_text

        said = f"<History of thread {self.shown_id!r}: {len(self)} checkpoints, {self.source.description}>"
        return visible(said) + "\n" + tree_text(self.tree, limit=_ROWS)

    def _repr_html_(self) -> str:
        from lgviz.export.html import static_html

        return str(static_html(self))

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.tree.labels)

    def to_html(self, *, selected: str | None = None) -> str:
        """The thread as one HTML page that works from a disk, without a network; see :meth:`export_html`."""
        made = _files().prepare(self, "html", selected=selected)
        return str(made.content, "utf-8")

    def export_html(self, path: Any, *, selected: str | None = None, quiet: bool = False) -> Any:
        """Write the thread as one HTML file: the debugger to read in, without Python and without a network.

        What it contains is printed before it is written. What ``redact=`` masks is masked in it.

        Args:
            path: where to; a file that is there is written over.
            selected: the checkpoint that it opens at, by label or id; None: the newest.
            quiet: print nothing.

        Returns:
            A :class:`~lgviz.export.contents.FileContents`.
        """
        return _files().export(self, path, kind="html", selected=selected, quiet=quiet, overwrite=True)

    def export(self, path: Any, **asked: Any) -> Any:
        """Write the thread as the file that the path's ending names; see :func:`lgviz.files.export`.

        ``.html`` a page to read in, ``.lgviz`` a bundle, ``.md`` an investigation, ``.svg`` and ``.png`` the
        tree as a picture, ``.mmd`` and ``.dot`` as text. A file that is there is written over only by
        ``overwrite=True``.
        """
        return _files().export(self, path, **asked)

    def export_svg(self, path: Any) -> None:
        """Write the tree as a picture; a file that is there is written over."""
        from lgviz.export.picture import tree_svg

        Path(path).write_text(tree_svg(self.tree), encoding="utf-8")

    def export_png(self, path: Any, *, scale: float = 2.0) -> None:
        """Write the tree as a PNG picture; a file that is there is written over.

        Of a tree higher than programs open, the newest checkpoints; ``export_svg`` draws all.

        Args:
            path: where to.
            scale: pixels for each of the SVG's.

        Raises:
            NotInstalled: without ``pip install 'lgviz[png]'``.
            LgvizError: this machine has no font.
        """
        from lgviz.export.picture import tree_png

        Path(path).write_bytes(tree_png(self.tree, scale=scale)[0])

    def to_mermaid(self) -> str:
        """The tree as a Mermaid flowchart; a subgraph's first checkpoint hangs on its caller by dashes."""
        from lgviz.export.drawing import tree_mermaid

        return tree_mermaid(self.tree)

    def to_dot(self) -> str:
        """The tree in GraphViz's language; a subgraph's first checkpoint hangs on its caller by dashes."""
        from lgviz.export.drawing import tree_dot

        return tree_dot(self.tree)

    def to_markdown(self, at: Any = (), diff: tuple[Any, Any] | None = None) -> str:
        """What was found, to be pasted into an issue: the tree, some states, a difference.

        Args:
            at: the checkpoints whose states are told, by label or id; one, or several.
            diff: two checkpoints to be compared.
        """
        from lgviz.export.drawing import history_markdown

        return history_markdown(self, at, diff)

    # ------------------------------------------------------------ a sequence

    def __len__(self) -> int:
        return len(self.tree.roots)

    def __iter__(self) -> Iterator[Checkpoint]:
        for row in list(self.tree.roots):
            yield self.checkpoint_at(row)

    def __contains__(self, key: object) -> bool:
        if isinstance(key, Checkpoint):
            key = key.id
        return isinstance(key, str) and self.tree.row_of(key) >= 0

    @overload
    def __getitem__(self, key: int | str | Checkpoint) -> Checkpoint: ...

    @overload
    def __getitem__(self, key: slice) -> list[Checkpoint]: ...

    def __getitem__(self, key: int | str | Checkpoint | slice) -> Checkpoint | list[Checkpoint]:
        if isinstance(key, slice):
            return [self.checkpoint_at(row) for row in self.tree.roots[key]]
        if isinstance(key, Checkpoint):
            row = self.tree.row_of(key.id, key.namespace)
        elif isinstance(key, str):
            row = self.tree.row_of(key)
        else:
            row = self._row_at(key)
        if row < 0:
            named = key.id if isinstance(key, Checkpoint) else key
            raise CheckpointNotFound(
                f"Thread {self.thread_id!r} has no checkpoint {named!r}.",
                f"Labels run from {self.root.label} to {self.latest.label}; refresh() reads what is new."
                if len(self)
                else "It was deleted meanwhile.",
            )
        return self.checkpoint_at(row)

    def _row_at(self, position: int) -> int:
        try:
            return self.tree.roots[position]
        except (IndexError, TypeError):
            return -1

    def checkpoint_at(self, row: int) -> Checkpoint:
        """The checkpoint of a row of the tree."""
        with self.lock:
            found = self._objects.get(row)
            if found is None:
                found = self._objects[row] = Checkpoint(self, row)
            return found

    def row_of(self, id_or_label: str) -> int:
        """The row of a checkpoint in the tree; -1 where there is none."""
        return self.tree.row_of(id_or_label)

    # ------------------------------------------------------------ the tree

    @property
    def threads(self) -> list[str]:
        """All threads of the source, the newest activity first."""
        return [thread.thread_id for thread in self.source.threads()]

    @property
    def root(self) -> Checkpoint:
        """The first checkpoint.

        Raises:
            ThreadNotFound: as :attr:`latest`.
        """
        return self.latest if not self.tree.roots else self[0]

    @property
    def latest(self) -> Checkpoint:
        """The checkpoint that was made last, on whatever branch.

        Raises:
            ThreadNotFound: the thread was deleted meanwhile, or only subgraphs' checkpoints are left of it.
        """
        if not self.tree.roots and len(self.tree):
            raise ThreadNotFound(
                f"Thread {self.thread_id!r} has no checkpoint but those of subgraphs.",
                "`history.all` has these; `lgviz check` tells what is missing.",
            )
        if not self.tree.roots:
            raise ThreadNotFound(f"Thread {self.thread_id!r} was deleted meanwhile.", "Pick another one.")
        return self[-1]

    @property
    def all(self) -> list[Checkpoint]:
        """The checkpoints of every namespace, subgraphs' too, in order of creation."""
        return [self.checkpoint_at(row) for row in range(len(self.tree))]

    @property
    def heads(self) -> list[Checkpoint]:
        """The checkpoints without children, oldest first."""
        return [self.checkpoint_at(row) for row in self.tree.roots if not self.tree.rows[row].children]

    @property
    def forks(self) -> list[Checkpoint]:
        """The checkpoints with more than one child, oldest first."""
        return [self.checkpoint_at(row) for row in self.tree.roots if len(self.tree.rows[row].children) > 1]

    @property
    def branches(self) -> list[list[Checkpoint]]:
        """For each head the path from the root to it."""
        return [self.path(head) for head in self.heads]

    def path(self, key: int | str | Checkpoint) -> list[Checkpoint]:
        """The checkpoints from the root to one, in its namespace."""
        row = self.tree.rows[self[key].row]
        path = [row]
        while row.parent is not None:
            row = row.parent
            path.append(row)
        return [self.checkpoint_at(row.index) for row in reversed(path)]

    @property
    def status(self) -> Literal["done", "interrupted", "paused", "failed"]:
        """The thread's status, by the checkpoint that was made last."""
        return self.status_of(self.latest)

    def status_of(self, head: int | str | Checkpoint) -> Literal["done", "interrupted", "paused", "failed"]:
        """The status of a branch, by its last checkpoint."""
        latest = self[head]
        flags = latest.flags
        if Flag.ERROR in flags:
            return "failed"
        if Flag.INTERRUPT in flags and Flag.ANSWERED not in flags:
            return "interrupted"
        # An input always leads to a step, even where nothing tells yet to which one.
        waits = latest.next or (latest.source == "input" and not latest.children)
        return "paused" if waits else "done"

    @property
    def lineage(self) -> ThreadLineage:
        """Which thread this one was forked from (``origin``), and which were forked from it (``forks``).

        Savers of lgviz know both. Of others, a thread that ``lgviz.fork(..., new_thread=…)`` made knows its
        origin.
        """
        known = self.source.lineage(self.thread_id)
        if known.origin is not None:
            return known
        for row in reversed(self.tree.rows[:_COPIED]):
            marks = row.metadata
            if marks.get("lgviz_new_thread") == self.thread_id and "lgviz_from_thread" in marks:
                left = str(marks["lgviz_from_thread"]), row.namespace, row.parent_id or ""
                return known._replace(origin=ThreadLink(*left, self.tree.times[row.index]))
        return known

    def refresh(self) -> tuple[int, list[int]]:
        """Read what is new.

        Returns:
            The first new row of the tree, and the earlier rows whose flags, nodes or changed channels are
            others now. Where checkpoints were deleted meanwhile, all rows are new.
        """
        with self.lock, gc_paused():
            index = self.source.index(self.thread_id, self._token)
            self._token = index.token
            if index.reset:
                self._objects.clear()
                self.reader.forget()
            return self.tree.extend(index)

    # ------------------------------------------------------------ questions

    def diff(self, before: int | str | Checkpoint, after: int | str | Checkpoint) -> StateDiff:
        """What changed from one state to another; internal channels are left out."""
        return diff_states(self.reader.state(self[before].row), self.reader.state(self[after].row))

    def blame(self, path: Any = None, at: int | str | Checkpoint | None = None) -> Blame:
        """Who set each part of a state: the checkpoint and the node that changed it last, and since when it
        is there.

        Parts are the channels' items, keys, messages (by id) and, where a text was edited, its lines. They
        are followed along the branch through appends, moves and edits. States are read as sparsely as can be:
        where what was written explains a stretch of the branch, only its ends.

        Args:
            path: a channel, or a part of one: ``("messages", "a1")``, ``'files["a.py"]'``; None: all.
            at: the checkpoint, by label, id or index; None: the latest.

        Raises:
            PartNotFound: the state has no such part.
            CheckpointNotFound: there is no such checkpoint.
        """
        return blame(self.latest if at is None else self[at], path)

    def find(self, predicate: Callable[[Checkpoint], Any]) -> list[Checkpoint]:
        """The checkpoints for which ``predicate`` is true, oldest first.

        Raises:
            PredicateFailed: the predicate raised.
            InvalidValue: it is no function, or has to be awaited.
        """
        return find(list(self), predicate)

    def bisect(
        self, predicate: Callable[[Checkpoint], Any], head: int | str | Checkpoint = -1
    ) -> Checkpoint | None:
        """The first checkpoint of a branch where a predicate holds; None where it does not hold at its end.

        The predicate must go on holding once it holds; at most ``ceil(log2(n)) + 1`` of ``n`` checkpoints
        are looked at.

        Args:
            predicate: is given a :class:`Checkpoint`.
            head: the end of the branch (default: the latest checkpoint).

        Raises:
            PredicateFailed: the predicate raised.
            InvalidValue: it is no function, or has to be awaited.
        """
        return bisect(self.path(head), predicate)

    def evaluate(self, function: Callable[[Checkpoint], Any]) -> pandas.Series[Any]:
        """What a function gives for each checkpoint, by label, as if it had always been logged.

        Where it raises, the value is missing, and ``series.attrs["raised"]`` says what it raised.

        Raises:
            PredicateFailed: it raised at every checkpoint.
            InvalidValue: it is no function, or has to be awaited.
        """
        return evaluate(list(self), function)

    def compare(self, left: int | str | Checkpoint, right: int | str | Checkpoint) -> Comparison:
        """Two branches, from where they part to the two checkpoints; see :func:`lgviz.compare`."""
        return compare_branches(self[left], self[right])

    def why(self, at: int | str | Checkpoint, graph: Any = None) -> Why:
        """Why the tasks that made a checkpoint ran, and what those that did not run wait for there.

        Args:
            at: the checkpoint, by label, id or position.
            graph: the graph that made it, where the history was opened without one: it tells edges, routers
                and ``Command``s apart.

        Raises:
            CheckpointNotFound: there is no such checkpoint.
            NotASource: ``graph`` is no compiled graph.
        """
        from .why import why_of

        return why_of(self[at], graph)

    def narrate(self, head: int | str | Checkpoint = -1, graph: Any = None) -> Narration:
        """A branch told, each super-step in a few plain sentences: who ran and why, what was written, what
        the reducers made of it, who asked, what failed, what a person changed.

        >>> import lgviz
        >>> from langgraph.checkpoint.memory import InMemorySaver
        >>> from lgviz.demos import two_nodes
        >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
        >>> lgviz.history(graph).narrate("c3")[0]
        c0  A run began with the input {foo: "", bar: []}. No node has run yet, so the state is as it was.

        Args:
            head: the end of the branch, by label, id or position (default: the latest checkpoint); of a
                subgraph's checkpoint the branch in its namespace.
            graph: the graph that made it, where the history was opened without one: it names edges, routers
                and reducers.

        Raises:
            CheckpointNotFound: there is no such checkpoint.
            NotASource: ``graph`` is no compiled graph.
        """
        from .narration import narration_of

        return narration_of(self[head], graph)

    def plot(self, kind: str = "timeline", *, prices: Prices | None = None) -> go.Figure:
        """A plot of the thread's root checkpoints, for a light and for a dark page; each point has the id of
        its checkpoint as ``customdata``.

        Args:
            kind: ``"timeline"``: super-steps and their tasks over time, a person's time between them apart
                (long pauses are shortened); ``"bytes"``: what each channel's value takes at each checkpoint,
                as LangGraph's serializer writes it; ``"tokens"``: what models read and wrote in each step;
                ``"routing"``: of each node's steps the shares of what ran next; ``"durations"``: how long
                the tasks of each node took, without those that a pause lies in.
            prices: by the name of a model, what a million tokens cost, read and written: then ``"tokens"``
                tells costs too.

        Raises:
            InvalidValue: there is no such kind.
            NotInstalled: without ``pip install 'lgviz[plots]'``.
        """
        from .plots import plot_history

        return plot_history(self, kind, prices=prices)

    def graph(self) -> networkx.DiGraph[str]:
        """The tree as a graph: an edge leads from a checkpoint to each made from it.

        >>> import lgviz, networkx
        >>> from lgviz.demos import two_nodes
        >>> from lgviz.persistence import MemorySaver
        >>> two_nodes.seed(graph := two_nodes.build(MemorySaver()))
        >>> g = lgviz.history(graph).graph()
        >>> [g.nodes[id_]["label"] for id_ in g if g.out_degree(id_) == 0]
        ['c3', 'c5']

        Returns:
            A node for each checkpoint of every namespace, by its id, with what a :class:`Checkpoint` tells by
            the index: ``label``, ``namespace``, ``step``, ``source``, ``nodes``, ``changed``, ``time``
            (seconds since the epoch), ``marks`` (names in lower case, such as ``"interrupt"`` and
            ``"collapsed"``), ``as_node``, ``note`` and ``metadata`` (as stored); and for drawing
            ``lane`` and ``depth``. An edge has ``call``: True to the first checkpoint of a subgraph from the
            one that its call started from. The graph has ``thread_id``.
        """
        from .frames import to_graph

        return to_graph(self)

    def frame(self) -> pandas.DataFrame:
        """The tree as a table, a row for each checkpoint of every namespace."""
        from .frames import to_frame

        return to_frame(self.tree)


def _files() -> Any:
    """The face that makes files: it stands above a history, so it is looked up when one is asked for."""
    return import_module("lgviz.files")


def complete_by_tab() -> None:
    """Have IPython complete ``h["c2"].values["`` (see :func:`completes_by_tab`)."""
    completes_by_tab(items=(History, Writes), attributes=(History, Checkpoint))


complete_by_tab()
