"""A branch told aloud: each super-step in a few plain sentences (``h.narrate()``).

Who ran and why comes from ``why``, what was written from the writes, what came of it from the reducers. What
is not stored, and what only the graph would tell, is not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from markupsafe import Markup

from lgviz._visible import visible
from lgviz.sources.places import calls

from .checkpoint import Checkpoint, record_of
from .html import page, tag
from .phrases import Phrase, label, named, say, shown
from .told_tasks import told_standing, told_tasks
from .told_writes import told_writes
from .why import Why, why_of

if TYPE_CHECKING:
    import pandas

__all__ = ["Narration", "Told", "narration_of", "tell"]

_START = "__start__"
_MOST = 60
"""Checkpoints that a notebook and a prompt are shown; all are there to iterate."""


@dataclass(frozen=True, slots=True, repr=False)
class Told:
    """What happened to make one checkpoint, and what stands there.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    >>> told = lgviz.history(graph).narrate("c3")[-1]
    >>> print(told.sentences[0], told.sentences[-1])
    `node_b` ran after `node_a`: an edge leads there. Here the run ended.

    Attributes:
        checkpoint: the one that is told of.
        sentences: one by one; ``str()`` of each is its English.
    """

    checkpoint: Checkpoint
    sentences: tuple[Phrase, ...]

    @property
    def text(self) -> str:
        """The sentences in English, names in backticks."""
        return visible(" ".join(map(str, self.sentences)))

    def __str__(self) -> str:
        return f"{self.checkpoint.label}  {self.text}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return page(f"Told {self.checkpoint.label}", _line(self))


class Narration(Sequence[Told]):
    """A branch told, a :class:`Told` for each of its checkpoints, oldest first; each is made when it is asked
    for.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    >>> told = lgviz.history(graph).narrate("c3")
    >>> len(told), told[-1].checkpoint.label
    (4, 'c3')

    Attributes:
        path: the checkpoints.
    """

    def __init__(self, path: Sequence[Checkpoint], graph: Any = None) -> None:
        self.path = list(path)
        self._graph = graph
        self._told: dict[int, Told] = {}

    def __len__(self) -> int:
        return len(self.path)

    @overload
    def __getitem__(self, place: int) -> Told: ...

    @overload
    def __getitem__(self, place: slice) -> list[Told]: ...

    def __getitem__(self, place: int | slice) -> Told | list[Told]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        number = range(len(self))[place]
        if number not in self._told:
            self._told[number] = tell(self.path[number], self._graph)
        return self._told[number]

    def __iter__(self) -> Iterator[Told]:
        return (self[place] for place in range(len(self)))

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    def __repr__(self) -> str:
        left = len(self) - _MOST
        head = [f"… {left:,} checkpoints before"] if left > 0 else []
        return "\n".join([*head, *map(str, self[-_MOST:])])

    def _repr_html_(self) -> str:
        left = len(self) - _MOST
        head = tag("p", f"… {left:,} checkpoints before", "lg-mute") if left > 0 else Markup()
        title = f"Narration up to {self.path[-1].label}" if self.path else "Narration"
        return page(title, head + Markup().join(map(_line, self[-_MOST:])))

    def frame(self) -> pandas.DataFrame:
        """A row for each checkpoint, by ``label``: ``nodes`` (that ran), ``text``."""
        import pandas as pd

        rows = [(one.checkpoint.label, one.checkpoint.nodes, one.text) for one in self]
        return pd.DataFrame(rows, columns=["label", "nodes", "text"], dtype=object).set_index("label")


def narration_of(head: Checkpoint, graph: Any = None) -> Narration:
    """The branch that ends at a checkpoint, told.

    Args:
        head: the last one, in any namespace.
        graph: the graph that made it, where the history has none: it names edges, routers and reducers.

    Raises:
        CheckpointNotFound: it was deleted meanwhile.
        NotASource: ``graph`` is no compiled graph.
    """
    return Narration(head.history.path(head), graph)


def tell(checkpoint: Checkpoint, graph: Any = None) -> Told:
    """What happened to make a checkpoint, and what stands there; arguments as of :func:`narration_of`."""
    why = why_of(checkpoint, graph)
    said = [*_beginning(checkpoint), *_made(why, graph), *told_standing(why)]
    return Told(checkpoint, tuple(said))


def _beginning(at: Checkpoint) -> Iterator[Phrase]:
    """Where a branch begins."""
    parent = at.parent
    if parent is not None and parent.children[0] != at and at.source != "fork":
        yield say("Back at {at}, a new branch begins.", at=label(parent))


def _made(why: Why, graph: Any) -> Iterator[Phrase]:
    """How a checkpoint came to be."""
    at = why.checkpoint
    if why.made == "input":
        yield from _input(at)
    elif why.made == "fork":
        yield _copy(at)
    elif why.made == "update":
        yield from told_writes(at, graph)
    elif why.made == "step":
        yield from told_tasks(why)
        yield from told_writes(at, graph)
    else:
        yield from _skipped(why)
    if at.note is not None:
        yield say("Its note says: {note}.", note=shown(at.note, limit=200))


def _input(at: Checkpoint) -> Iterator[Phrase]:
    held = record_of(at).values
    callers = calls(at.namespace)
    value = shown(held[_START], limit=200) if _START in held else None
    if callers and value is not None:
        yield say("{who} called this graph with {value}.", who=named(callers[-1].node), value=value)
    elif callers:
        yield say("{who} called this graph.", who=named(callers[-1].node))
    elif value is None:
        yield say("A run began with an input.")
    elif at.parent is None:
        yield say("A run began with the input {value}.", value=value)
    else:
        yield say("The next run began with the input {value}.", value=value)
    if at.children:
        yield say("No node has run yet, so the state is as it was.")


def _copy(at: Checkpoint) -> Phrase:
    if at.parent is None:
        return say("This is a copy of an older checkpoint: a run started again from there.")
    return say(
        "This is a copy of {at}: a run started again from there. What comes after runs anew.",
        at=label(at.parent),
    )


def _skipped(why: Why) -> Iterator[Phrase]:
    """Steps of which only the last checkpoint is stored."""
    at = why.checkpoint
    nodes = named(*at.nodes)
    if why.made == "steps":
        yield say("Several super-steps lie here of which only the last is stored.")
    else:
        yield say("The checkpoint before this one is not stored.")
    if nodes.texts:
        yield say("{who} ran in them; in which order is not certain.", who=nodes)
    if at.changed:
        yield say("{channels} changed on the way.", channels=named(*at.changed))


def _line(told: Told) -> Markup:
    """The sentences of a checkpoint as a line of HTML."""
    look = {"names": "b", "values": "code", "label": "b"}
    said = Markup(" ").join(
        Markup().join(tag(look.get(kind, "span"), text) for kind, text in phrase.pieces())
        for phrase in told.sentences
    )
    return tag("p", tag("b", told.checkpoint.label) + "  " + said)
