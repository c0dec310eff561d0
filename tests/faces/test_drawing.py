"""The tree as SVG, Mermaid and GraphViz text, an investigation as Markdown; nothing of a thread becomes markup."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

import lgviz
from lgviz.demos import DEMOS, chat, subgraph, two_nodes
from lgviz.persistence import MemorySaver

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", list(DEMOS))
def test_the_tree_is_drawn_whole(name: str, tmp_path: Path) -> None:
    graph = DEMOS[name].build(MemorySaver())
    DEMOS[name].seed(graph, thread_id="1")
    h = lgviz.history(graph, "1")
    h.export_svg(tmp_path / "tree.svg")
    root = ElementTree.parse(tmp_path / "tree.svg").getroot()
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert [text.split()[0] for text in texts] == h.tree.labels[::-1]
    assert len(list(root.iter(f"{SVG}circle"))) == len(h.tree)
    assert len(re.findall(r"--?>|-\.->", h.to_mermaid())) == len(re.findall(" -> ", h.to_dot()))
    assert len(re.findall(" -> ", h.to_dot())) == sum(parent >= 0 for parent in h.tree.parent)


def test_calls_of_subgraphs_are_dashed() -> None:
    graph = subgraph.build(MemorySaver())
    subgraph.seed(graph, thread_id="1")
    h = lgviz.history(graph, "1")
    inner = next(label for label in h.tree.labels if "." in label)
    outer = inner.partition(".")[0]
    assert f"    {outer} -.-> {inner.replace('.', '_')}\n" in h.to_mermaid()
    assert f'    "{outer}" -> "{inner}" [style=dashed];\n' in h.to_dot()


def test_markdown_tells_the_tree_states_and_a_difference() -> None:
    graph = two_nodes.build(MemorySaver())
    two_nodes.seed(graph, thread_id="1")
    told = lgviz.history(graph, "1").to_markdown(at=["c2"], diff=("c2", "c3"))
    assert told.startswith("## Thread `1`\n\n```text\n")
    assert '### c2: node_a\n\n```text\nfoo: "a"\nbar: ["a"]\nnext: node_b\n```\n' in told
    assert "### c2 → c3\n" in told
    graph = chat.build(MemorySaver())
    chat.seed(graph, thread_id="1")
    h = lgviz.history(graph, "1", redact=["messages.*.content"])
    assert "  human: ‹redacted›" in h.to_markdown(h.latest.label)


def test_names_and_values_stay_text() -> None:
    evil = '</text><script>x</script>"];\n%% -->```'
    builder = StateGraph(dict)
    builder.add_node('n"<b>', lambda state: {"a": evil, "m": "````"})
    builder.add_edge(START, 'n"<b>')
    graph: Any = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"a": 1}, {"configurable": {"thread_id": "`x`"}})
    h = lgviz.history(graph)
    from lgviz.export.picture import tree_svg

    root = ElementTree.fromstring(tree_svg(h.tree))
    assert {element.tag for element in root.iter()} <= {
        f"{SVG}{n}" for n in ("svg", "style", "path", "circle", "text", "tspan")
    }
    assert '["c2 n#34;#60;b#62;"]' in h.to_mermaid()
    assert '[label="c2 n\\"<b>"]' in h.to_dot()
    told = h.to_markdown(at="c2")
    fences = [one for one in told.splitlines() if re.fullmatch(r"`{3,}(text)?", one)]
    assert len(fences) == 4 and fences[2].startswith("`````")
