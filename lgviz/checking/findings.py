"""What a check of a graph found, for a reader in a terminal and in a notebook."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from markupsafe import Markup

from lgviz._visible import visible
from lgviz.analysis.html import page, tag

__all__ = ["Finding", "Findings"]


@dataclass(frozen=True, slots=True, repr=False)
class Finding:
    """One thing that is wrong with a graph, or may be.

    >>> Finding("no-thread-id", "error", "The config names no thread.", 'config = {...}')
    error no-thread-id: The config names no thread. Write: config = {...}

    Attributes:
        code: what kind it is; docs/CHECKS.md has them all.
        severity: ``"error"``: it will go wrong; ``"warning"``: it may.
        text: what is wrong and what comes of it.
        fix: the line of code to write, or the command to run.
        node: the node, or the nodes, that it is about; one in a subgraph by its path.
        channel: the key of the state.
        file, line: where in the source.
    """

    code: str
    severity: Literal["error", "warning"]
    text: str
    fix: str
    node: str | None = field(default=None, kw_only=True)
    channel: str | None = field(default=None, kw_only=True)
    file: str | None = field(default=None, kw_only=True)
    line: int | None = field(default=None, kw_only=True)

    @property
    def where(self) -> str:
        """File and line, or cell and line; empty where neither is known."""
        if self.file is None:
            return ""
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        cells = getattr(getattr(shell, "compile", None), "_filename_map", {})
        if self.file in cells:
            return f"In[{cells[self.file]}], line {self.line}"
        path = Path(self.file)
        file = str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
        return f"{file}:{self.line}" if self.line else file

    def __str__(self) -> str:
        at = f" ({self.where})" if self.where else ""
        return visible(f"{self.severity} {self.code}: {self.text}{at} Write: {self.fix}")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return page("Check", self.html())

    def html(self) -> Markup:
        """As HTML, to stand among others."""
        said = (
            tag("b", f"{self.severity} {self.code}")
            + " "
            + tag("span", self.text)
            + " "
            + tag("i", self.where)
        )
        return tag("p", said) + tag("pre", self.fix)


class Findings(list[Finding]):
    """A list of what was found, the errors first, that shows itself in a notebook.

    >>> Findings()
    Nothing found.
    """

    def __init__(self, found: Iterable[Finding] = ()) -> None:
        super().__init__(sorted(found, key=lambda one: one.severity))

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) or "Nothing found."

    def _repr_html_(self) -> str:
        each = Markup().join(one.html() for one in self)
        return page("Checks", each or tag("p", "Nothing found."))
