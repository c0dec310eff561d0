"""The command ``lgviz``: checkpoint databases read, compared, searched and kept from a terminal (floor 6)."""

from __future__ import annotations

import sys
from importlib import import_module

__all__ = ["main"]

_COMMANDS = (
    "lgviz.cli.reading",
    "lgviz.cli.asking",
    "lgviz.cli.keeping",
    "lgviz.cli.opening",
    "lgviz.cli.replaying",
    "lgviz.cli.trying",
    "lgviz.cli.checking",
    "lgviz.cli.serving",
)
"""The modules that declare commands, in the order in which the help lists them."""


def main() -> None:
    """The entry point of the command."""
    try:
        from lgviz.cli.app import app

        for module in _COMMANDS:
            import_module(module)
        app(prog_name="lgviz")
    except KeyboardInterrupt:
        sys.exit(130)
