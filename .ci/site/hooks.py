"""Brings the repository's pages into the site; a notebook becomes Markdown with its outputs."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPO = Path(__file__).resolve().parents[2]
PAGES = ["*.md", "LICENSE", "docs/**/*.md", "docs/**/*.svg", "docs/images/*.png"]
ANSI = re.compile(r"\x1b\[[0-9;]*m")

outputs: dict[str, list[str]] = {}
"""By the page of a notebook its outputs as HTML, which Markdown must not touch."""


def notebooks() -> list[str]:
    return sorted(path.relative_to(REPO).as_posix() for path in (REPO / "notebooks").glob("*.ipynb"))


def on_config(config: Any) -> Any:
    for entry in config.nav:
        if entry.get("Course") == "notebooks/":
            entry["Course"] = [name.replace(".ipynb", ".md") for name in notebooks()]
    return config


@event_priority(100)
def on_files(files: Files, config: Any) -> Files:
    for pattern in PAGES:
        for path in sorted(REPO.glob(pattern)):
            files.append(File.generated(config, path.relative_to(REPO).as_posix(), abs_src_path=str(path)))
    for name in notebooks():
        page = name.replace(".ipynb", ".md")
        files.append(File.generated(config, page, content=markdown_of(REPO / name, page)))
        files.append(File.generated(config, name, abs_src_path=str(REPO / name)))  # to download
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """A link to a notebook leads to its page."""
    if page.file.src_uri in outputs:
        return markdown
    return re.sub(r"(\]\([^)\s]*)\.ipynb([)#])", r"\1.md\2", markdown)


def on_page_content(content: str, page: Page, **_: Any) -> str:
    made = outputs.get(page.file.src_uri, [])
    return re.sub(r"<p>OUTPUT(\d+)OUTPUT</p>", lambda found: made[int(found[1])], content)


def markdown_of(path: Path, page: str) -> str:
    """A notebook as Markdown: a cell of code as a block, an output as a place where its HTML goes."""
    made = outputs[page] = []
    parts = [f"[Download the notebook]({path.name}){{ download .lg-download }}"]
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        if source.strip():
            parts.append(f"```python\n{source}\n```")
        if told := "".join(map(output_of, cell["outputs"])):
            parts.append(f"OUTPUT{len(made)}OUTPUT")
            made.append(f'<div class="lg-output">{told}</div>')
    if parts[1].startswith("# "):  # the title comes first
        title, _, rest = parts[1].partition("\n")
        parts[:2] = [title, parts[0], rest]
    return "\n\n".join(parts)


def output_of(output: dict[str, Any]) -> str:
    """An output as HTML: what it shows itself as, else its text."""
    data = output.get("data", {})
    if "text/html" in data:
        return "".join(data["text/html"])
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            return f'<img alt="" src="data:{kind};base64,{"".join(data[kind]).strip()}">'
    text = "".join(output.get("text", data.get("text/plain", output.get("traceback", []))))
    return f"<pre>{html.escape(ANSI.sub('', text))}</pre>" if text.strip() else ""
