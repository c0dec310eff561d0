"""The tree as Mermaid and GraphViz text, and an investigation as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lgviz._visible import visible
from lgviz.analysis.messages import is_message
from lgviz.analysis.tree import Tree
from lgviz.analysis.values import line
from lgviz.export.rails import title_of
from lgviz.export.state_text import message_line
from lgviz.export.text import tree_text

if TYPE_CHECKING:
    from lgviz.analysis.history import History

__all__ = ["history_markdown", "tree_dot", "tree_mermaid"]

_PLAIN = re.compile(r"[^\w .,:+×∥›/()-]")


def tree_mermaid(tree: Tree) -> str:
    """The tree as a Mermaid flowchart.

    >>> import lgviz
    >>> from lgviz.demos import two_nodes
    >>> from lgviz.persistence import MemorySaver
    >>> graph = two_nodes.build(MemorySaver())
    >>> two_nodes.seed(graph)
    >>> print(tree_mermaid(lgviz.history(graph).tree))
    flowchart TD
        c0["c0 input"]
        c1["c1 __start__"]
        c2["c2 node_a"]
        c3["c3 node_b"]
        c4["c4 update as node_a"]
        c5["c5 node_b"]
        c0 --> c1
        c1 --> c2
        c2 --> c3
        c2 --> c4
        c4 --> c5
    <BLANKLINE>
    """
    # Mermaid takes entities by number; all but plain letters is said so.
    nodes = (f'{_key(tree, row)}["{_entities(_named(tree, row))}"]' for row in range(len(tree)))
    edges = (f"{_key(tree, a)} {arrow} {_key(tree, b)}" for a, b, arrow in _edges(tree, "-->", "-.->"))
    return _lines(["flowchart TD", *(f"    {one}" for one in (*nodes, *edges))])


def tree_dot(tree: Tree) -> str:
    """The tree in GraphViz's language."""
    nodes = (f"{_quoted(tree.labels[row])} [label={_quoted(_named(tree, row))}];" for row in range(len(tree)))
    edges = (
        f"{_quoted(tree.labels[a])} -> {_quoted(tree.labels[b])}{style};"
        for a, b, style in _edges(tree, "", " [style=dashed]")
    )
    inside = ["node [shape=box, style=rounded];", *nodes, *edges]
    return _lines(["digraph checkpoints {", *(f"    {one}" for one in inside), "}"])


def history_markdown(history: History, at: Any = (), diff: tuple[Any, Any] | None = None) -> str:
    """What was found in a thread, to be pasted into an issue: the tree, some states, a difference.

    Args:
        history: the thread.
        at: the checkpoints whose states are told, by label or id; one, or several.
        diff: two checkpoints to be compared.
    """
    parts = [
        f"## Thread `{_in_code(history.shown_id)}`",
        _fenced(tree_text(history.tree, width=100)),
    ]
    for key in [at] if isinstance(at, (str, int)) else at:
        checkpoint = history[key]
        parts.append(f"### {checkpoint.label}: {_PLAIN.sub('', title_of(history.tree, checkpoint.row))}")
        parts.append(_fenced("\n".join(_told(checkpoint.values, checkpoint.next))))
    if diff is not None:
        before, after = (history[key] for key in diff)
        parts += [f"### {before.label} → {after.label}", _fenced(repr(history.diff(before, after)))]
    return "\n\n".join(parts) + "\n"


def _told(values: Any, after: Iterable[str]) -> Iterable[str]:
    state = values if isinstance(values, dict) else {"state": values}
    for name, value in state.items():
        if isinstance(value, list) and value and all(map(is_message, value)):
            yield f"{name}:"
            yield from (f"  {message_line(one)}" for one in value)
        else:
            yield f"{name}: {line(value, 400)}"
    yield f"next: {', '.join(after) or 'nothing'}"


def _fenced(text: str) -> str:
    """A block of text in which nothing ends the block."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{visible(text)}\n{fence}"


def _in_code(text: str) -> str:
    return visible(" ".join(text.replace("`", "'").split()))


def _named(tree: Tree, row: int) -> str:
    return f"{tree.labels[row]} {title_of(tree, row)}"


def _key(tree: Tree, row: int) -> str:
    return re.sub(r"\W", "_", tree.labels[row])


def _edges(tree: Tree, plain: str, called: str) -> Iterable[tuple[int, int, str]]:
    for row, parent in enumerate(tree.parent):
        if parent >= 0:
            same = tree.namespaces[parent] == tree.namespaces[row]
            yield parent, row, plain if same else called


def _entities(text: str) -> str:
    return _PLAIN.sub(lambda found: f"#{ord(found[0])};", text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
