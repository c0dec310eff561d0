"""Docstrings as Markdown: their examples become blocks of code, their roles links to what they name."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

EXAMPLE = re.compile(r"^( *)>>> .*(?:\n\1(?=\S| +\S).*)*", re.MULTILINE)
NAMES = re.compile(r"^( +\*{0,2}\w+(?:, \*{0,2}\w+)+): ", re.MULTILINE)
ROLE = re.compile(r":(?:py:)?\w+:`~?([^`<]+)`")


class Docstrings(Extension):
    """Python's way to write a docstring, as the site's Markdown has it."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring is not None:
            text = EXAMPLE.sub(fenced, obj.docstring.value)
            text = re.sub(r"^::$\n|(?<=:):$", "", text, flags=re.MULTILINE)
            text = NAMES.sub(
                lambda found: found[0][:-1].replace(", ", ",\u00a0") + " ", text
            )  # else a name and its type
            obj.docstring.value = ROLE.sub(lambda found: link(found[1], obj), text)


def fenced(example: re.Match[str]) -> str:
    return f"\n{example[1]}```pycon\n{example[0]}\n{example[1]}```\n"


def link(name: str, near: Object) -> str:
    """A link that is plain text where nothing is documented under the name."""
    whole = name if name.startswith("lgviz") else f"{near.parent.path if near.parent else near.path}.{name}"
    return f'<autoref identifier="{whole}" optional><code>{name.rpartition(".")[2]}</code></autoref>'
