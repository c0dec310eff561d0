"""Completes the line of ``%lgviz``: variables and files, options, and what an option takes (floor 6)."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell

from lgviz.errors import LgvizError
from lgviz.sources import open_source
from lgviz.verbs import VERBS

__all__ = ["SUFFIXES", "complete_magic", "is_debuggable", "unquoted"]

SUFFIXES = (".db", ".sqlite", ".sqlite3", ".lgviz")
_LINE = re.compile(r"\s*(?:[\w.,\s]+=\s*)?(%?)%lgviz\s+(.*)", re.DOTALL)
_IDENTIFIER = "lgviz.magic"
_EXPORT = "export"
_MOST_THREADS = 500
_TAKES_A_SUBJECT = (_EXPORT, *VERBS)
"""Words after which what is meant may be named."""


def complete_magic(shell: InteractiveShell, parser: argparse.ArgumentParser) -> None:
    """Have a shell complete the line of ``%lgviz`` and ``%%lgviz``, whose options ``parser`` knows.

    A matcher of IPython and not its ``complete_command`` hook, whose answers come after all names of Python.
    """

    def match(context: CompletionContext) -> SimpleMatcherResult:
        line = _LINE.match(context.line_with_cursor[: context.cursor_position])
        if line is None:
            return {"completions": [], "suppress": False}
        *done, typing = re.split(r"\s+", line[2])
        option, assigned, value = typing.partition("=")
        if assigned and option.startswith("--"):
            done, typing = [*done, option], value
        found = [
            SimpleCompletion(text, type="magic")
            for text in _words(shell, parser, done, typing, cell=bool(line[1]))
        ]
        return {"completions": found, "matched_fragment": typing, "suppress": bool(found), "ordered": True}

    matchers = shell.Completer.custom_matchers
    matchers[:] = [each for each in matchers if getattr(each, "matcher_identifier", "") != _IDENTIFIER]
    matchers.append(context_matcher(identifier=_IDENTIFIER)(match))


def _words(
    shell: InteractiveShell, parser: argparse.ArgumentParser, done: list[str], typing: str, *, cell: bool
) -> Iterator[str]:
    """What may stand where ``typing`` was begun, after the words that are done."""
    options = parser._option_string_actions
    takes = options.get(done[-1]) if done else None
    if takes is not None and takes.nargs is None:
        subject = done[1 if done[0] in _TAKES_A_SUBJECT and len(done) > 2 else 0]
        found = _values(shell, takes.dest, subject, typing)
    else:
        given = {options[word].dest for word in done if word in options}
        free = [name for name, action in options.items() if action.dest not in given or _repeats(action)]
        named = not cell and not typing.startswith("-")
        subjects = (
            _subjects(shell)
            if named and (not done or (len(done) == 1 and done[0] in _TAKES_A_SUBJECT))
            else []
        )
        words = ["on", "off", *_TAKES_A_SUBJECT] if named and not done else []
        found = [*subjects, *words, *sorted(free, key=lambda name: not name.startswith("--"))]
    return (each for each in found if each.startswith(typing))


def _repeats(action: argparse.Action) -> bool:
    return isinstance(action.default, list)


def _values(shell: InteractiveShell, option: str, subject: str, typing: str) -> list[str]:
    """What an option takes, as far as it can be told."""
    if option == "thread_id":
        return _threads(shell, subject, typing)
    if option == "store":
        return _variables(shell, _is_store) + _files()
    if option == "graph":
        return _variables(shell, is_debuggable)
    return []


def _subjects(shell: InteractiveShell) -> list[str]:
    return _variables(shell, is_debuggable) + _files()


def _variables(shell: InteractiveShell, wanted: Callable[[Any], bool]) -> list[str]:
    return [name for name, value in shell.user_ns.items() if not name.startswith("_") and wanted(value)]


def _files() -> list[str]:
    paths = (str(path) for path in sorted(Path().glob("*")) if path.suffix in SUFFIXES)
    return [path if path.isprintable() and " " not in path else repr(path) for path in paths]


def _threads(shell: InteractiveShell, subject: str, typing: str) -> list[str]:
    """The newest threads whose id may go on what is typed."""
    try:
        source = open_source(shell.user_ns.get(subject, unquoted(subject)))
    except LgvizError:
        return []
    try:
        text = typing.lstrip("'\"").partition("\\")[0]  # what follows is escaped
        ids = [info.thread_id for info in source.find_threads(text, _MOST_THREADS).threads]
    finally:
        source.close()
    return [id_ if id_.isidentifier() or id_.isdigit() else repr(id_) for id_ in ids]


def is_debuggable(value: Any) -> bool:
    """Whether a variable holds a graph or a saver."""
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.pregel import Pregel

    return isinstance(value, (Pregel, BaseCheckpointSaver))


def _is_store(value: Any) -> bool:
    from langgraph.store.base import BaseStore

    return isinstance(value, BaseStore)


def unquoted(text: str | None) -> str | None:
    """A word of the line without the quotation around it."""
    if text and text[0] in "'\"":
        try:
            return str(ast.literal_eval(text))
        except (SyntaxError, ValueError):
            return text
    return text
