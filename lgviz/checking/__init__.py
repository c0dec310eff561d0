"""What is wrong with a graph before it goes wrong: ``lgviz.check_graph`` (floor 4).

``check.py`` asks the rules, which stand in files by theme: ``saving.py``, ``stores.py``, ``ways.py`` and
``parallel.py`` (the edges), ``interrupts.py``, ``values.py`` and ``imports.py``. They look at a
``CheckSubject`` (``subject.py``) and at the source of functions (``code.py``, ``returns.py``,
``effects.py``). No rule runs a node, and none writes.
"""

from __future__ import annotations

from .check import check_graph
from .findings import Finding, Findings

__all__ = ["Finding", "Findings", "check_graph"]
