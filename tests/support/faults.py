"""Small faults, each to be noticed by a test: what views say breaks more quietly than what savers keep.

    python -m tests.support.faults                  # make faults: each alone, in a copy of the tree
    python -m tests.support.faults duration lanes   # those whose name holds one of these words

A fault is a snippet that stands in exactly one place of the code, and what it becomes. It is applied to a copy of
the repository, and the tests that should notice run there. More than two faults that no test notices make it fail.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FAULTS", "Fault", "main", "places"]

REPO = Path(__file__).resolve().parents[2]
UNNOTICED = 2
"""How many faults may go unnoticed."""


@dataclass(frozen=True)
class Fault:
    """A mistake that a person could make.

    Attributes:
        what: the mistake, in words.
        folder: where the code lies; it stands in one place of one file below.
        old: the code as it is.
        new: the code with the mistake.
        tests: the files of tests that should notice; of the front end where they lie in ``js/``.
    """

    what: str
    folder: str
    old: str
    new: str
    tests: tuple[str, ...]


WORDS = "tests/faces/test_words_of_views.py"
REQUESTS = "tests/faces/test_requests.py"
VIEWS = "tests/faces/test_views.py"
EXPORT = "tests/faces/test_export.py"
HISTORY = "tests/analysis/test_history.py"
FORK = "tests/session/test_fork.py"
LANES = "tests/analysis/test_lanes.py"
WHY = "tests/analysis/test_why.py"
CACHES = "tests/persistence/test_cache_bounds.py"

FAULTS = [
    # ---------------------------------------------------------------- what a checkpoint says
    Fault(
        "a duration in seconds for milliseconds",
        "lgviz/backend",
        "(checkpoint.time - parent.time) * 1000",
        "(checkpoint.time - parent.time)",
        (WORDS,),
    ),
    Fault(
        "a negative duration",
        "lgviz/backend",
        "return took if took >= 0 else None",
        "return took",
        (WORDS,),
    ),
    Fault(
        "an answered interrupt shown as waiting",
        "lgviz/analysis",
        "answered = finished or (asker.ended and number < count)",
        "answered = False",
        (WORDS, "tests/faces/test_questions.py"),
    ),
    Fault(
        "answered interrupts among the waiting ones",
        "lgviz/analysis",
        "return self._interrupts(waiting=True)",
        "return self._interrupts(waiting=False)",
        (WORDS,),
    ),
    Fault(
        "the mark of missing steps lost",
        "lgviz/analysis",
        "mark |= _COLLAPSED",
        "pass",
        (WORDS, HISTORY),
    ),
    Fault(
        "next in the order of storing",
        "lgviz/analysis",
        'rank.get(task.name or "", last) if task.order[0] == 1 else 0,',
        "0,",
        ("tests/analysis/test_naming_random.py",),
    ),
    Fault(
        "labels counted from one",
        "lgviz/analysis",
        'self._counted.get(label, -(label == "c")) + 1',
        "self._counted.get(label, 0) + 1",
        (HISTORY,),
    ),
    Fault(
        "a sandbox's checkpoints labelled as the base's",
        "lgviz/analysis",
        '"s" if row.provisional else "c"',
        '"c"',
        ("tests/session/test_sandbox.py", "tests/faces/test_sandbox_requests.py"),
    ),
    # ---------------------------------------------------------------- why a node ran
    Fault(
        "a node that asked is told to have begun once too few",
        "lgviz/analysis",
        "Begun(len(asker.answers) + 1, not alone, lines)",
        "Begun(len(asker.answers), not alone, lines)",
        (WHY,),
    ),
    Fault(
        "edges read against their direction",
        "lgviz/analysis",
        "if (writer, target) in self._builder.edges",
        "if (target, writer) in self._builder.edges",
        (WHY,),
    ),
    Fault(
        "what led to a step that was run again is looked for in the copy",
        "lgviz/analysis",
        'while self._written.source == "fork" and self._written.parent is not None:',
        'while self._written.source == "update" and self._written.parent is not None:',
        (WHY,),
    ),
    Fault(
        "a join that was taken still holds what came before",
        "lgviz/analysis",
        "found, certain = {}, True",
        "certain = True",
        (WHY,),
    ),
    # ---------------------------------------------------------------- threads, tree, search
    Fault(
        "a status in the list of threads that never refreshes",
        "lgviz/backend",
        "if known is None or known[0] != info else",
        "if known is None else",
        (WORDS,),
    ),
    Fault(
        "the time of a thread's last checkpoint in seconds",
        "lgviz/backend",
        "info.updated_at * 1000",
        "info.updated_at",
        (WORDS,),
    ),
    Fault(
        "the list of threads pages off by one",
        "lgviz/backend",
        'find_threads(params["query"], params["limit"], after)',
        'find_threads(params["query"], params["limit"] - 1, after)',
        (WORDS,),
    ),
    Fault(
        "the tree's times in seconds",
        "lgviz/backend",
        "[t * 1000 for t in tree.times[start:end]]",
        "tree.times[start:end]",
        (WORDS,),
    ),
    Fault(
        "a search that stops after one message of hits",
        "lgviz/backend",
        "itertools.islice(hits, _HITS_IN_ALL)",
        "itertools.islice(hits, _HITS_A_MESSAGE)",
        (WORDS,),
    ),
    Fault(
        "the time column says +75.0 s",
        "lgviz/export",
        "0 <= since < 60",
        "0 <= since < 600",
        (EXPORT, WORDS),
    ),
    Fault(
        "a row less than asked for in the text of a tree",
        "lgviz/export",
        "range(max(0, stop - limit), stop)",
        "range(max(0, stop - limit + 1), stop)",
        (EXPORT, WORDS),
    ),
    Fault(
        "a fork drawn in its parent's lane",
        "lgviz/analysis",
        "if lane < 0 or self._holder[lane] != parent:",
        "if lane < 0:",
        (LANES,),
    ),
    Fault(
        "a lane free one row too early",
        "lgviz/analysis",
        "self._last[1] > parent:",
        "self._last[1] > parent + 1:",
        (LANES,),
    ),
    Fault(
        "more lanes than 16 bits name",
        "lgviz/analysis",
        "MOST_LANES = 0xFFFF",
        "MOST_LANES = 0x10000",
        (LANES,),
    ),
    # ---------------------------------------------------------------- values and diffs
    Fault(
        "an undecodable value without its size",
        "lgviz/sources",
        "return Undecodable(found.reason, size, found.type) if",
        "return Undecodable(found.reason, 0, found.type) if",
        ("tests/sources/test_decode.py",),
    ),
    Fault(
        "a diff of texts by letters of punctuation joined",
        "lgviz/analysis",
        r"""_TOKEN = re.compile(rf"[^\W{_CJK}]+|[{_CJK}]|\s+|[^\w\s]")""",
        r"""_TOKEN = re.compile(r"\S+|\s+")""",
        ("tests/analysis/test_words.py",),
    ),
    Fault(
        "two message in place of two messages",
        "lgviz/analysis",
        "'s' if n > 1 else ''",
        "''",
        (VIEWS,),
    ),
    Fault(
        "a page of a text that begins a character late",
        "lgviz/backend",
        "value[offset : offset + most], most",
        "value[offset + 1 : offset + 1 + most], most",
        (VIEWS,),
    ),
    # ---------------------------------------------------------------- forks, code, errors
    Fault(
        "the warning of a goto always",
        "lgviz/session",
        "if edit.goto is None and not after.next:\n        yield from _not_gone",
        "if edit.goto is None:\n        yield from _not_gone",
        (FORK, WORDS),
    ),
    Fault(
        "copied code that loses as_node",
        "lgviz/backend",
        'as_node=fork["as_node"],',
        "as_node=None,",
        (WORDS,),
    ),
    Fault(
        "a broken source told as a refusal",
        "lgviz/backend",
        'return "source" if isinstance(error, SourceError) else "refused"',
        'return "refused"',
        (REQUESTS, WORDS),
    ),
    # ---------------------------------------------------------------- bounds of caches
    Fault(
        "a cache drops what just fits",
        "lgviz",
        "while self._used > self._limit:",
        "while self._used >= self._limit:",
        (CACHES,),
    ),
    Fault(
        "a cache drops what was made first, used or not",
        "lgviz",
        "self._values.move_to_end(key)\n                return self._values[key]\n            return None",
        "return self._values[key]\n            return None",
        (CACHES,),
    ),
    Fault(
        "a cache counts what is put again twice",
        "lgviz",
        "if key in self._values:\n                self._drop(key)",
        "if False:\n                self._drop(key)",
        (CACHES,),
    ),
    Fault(
        "the cache of blocks counts blocks for bytes",
        "lgviz/persistence/blocks",
        'lambda block: 100 + len(block.part or b"")',
        "lambda block: 1",
        (CACHES,),
    ),
    Fault(
        "the ids of stored blocks are forgotten one too early",
        "lgviz/persistence/blocks",
        "if len(self.ids) > MOST_IDS:",
        "if len(self.ids) >= MOST_IDS:",
        (CACHES,),
    ),
    Fault(
        "the serialization memo counts no more than the bytes",
        "lgviz/persistence/blocks",
        "lambda written: len(written.payload) + 1000",
        "lambda written: len(written.payload)",
        (CACHES,),
    ),
    Fault(
        "the cache of metadata drops what just fits",
        "lgviz/sources",
        "if space <= _SPACE:",
        "if space < _SPACE:",
        ("tests/sources/test_metadata_cache.py", CACHES),
    ),
    # ---------------------------------------------------------------- the front end
    Fault(
        "dark where JupyterLab is light",
        "js/src",
        'return jupyter === "false";',
        'return jupyter === "true";',
        ("js/tests/page.test.ts",),
    ),
    Fault(
        "the time column over a minute, in the browser",
        "js/src",
        "if (milliseconds < 59_950)",
        "if (milliseconds < 599_500)",
        ("js/tests/format.test.ts",),
    ),
    Fault(
        "a click on the minimap puts its row at the top",
        "js/src",
        " * ROW_HEIGHT - view.height.peek() / 2",
        " * ROW_HEIGHT",
        ("js/tests/minimap.test.tsx",),
    ),
    Fault(
        "rows placed more closely than they are tall",
        "js/src",
        "ROW_HEIGHT = 30",
        "ROW_HEIGHT = 28",
        ("tests/test_protocol_ts.py",),
    ),
    Fault(
        "a long text loses a character at each page",
        "js/src",
        "at += characters(text);",
        "at += characters(text) + 1;",
        ("js/tests/paging.test.ts",),
    ),
    Fault(
        "a draft of spaces counts as written",
        "js/src",
        'draft.append.trim() !== ""',
        'draft.append !== ""',
        ("js/tests/draft.test.ts",),
    ),
    Fault(
        "a shortcut swallows Alt-F",
        "js/src",
        "key.ctrlKey || key.metaKey || key.altKey",
        "key.ctrlKey || key.metaKey",
        ("js/tests/keyboard.test.ts",),
    ),
    Fault(
        "keys typed into a field act on the tree",
        "js/src",
        'if (place === "field") return key.key === "Escape" ? "escape" : null;',
        "",
        ("js/tests/keyboard.test.ts",),
    ),
]


def places(fault: Fault, root: Path = REPO) -> list[Path]:
    """The files that hold the code of a fault, once for each time that they do."""
    kinds = (".ts", ".tsx", ".css") if fault.folder.startswith("js/") else (".py",)
    files = sorted(path for path in (root / fault.folder).rglob("*") if path.suffix in kinds)
    return [path for path in files for _ in range(path.read_text(encoding="utf-8").count(fault.old))]


def copied(folder: Path) -> Path:
    """A copy of the tree as it is now, with what git ignores but tests need."""
    listed = subprocess.run(
        [
            "git",
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "lgviz",
            "tests",
            "js",
            ".ci",
            "*.toml",
        ],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    for name in listed:
        if (REPO / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPO / name, folder / name)
    if (REPO / "lgviz/static").is_dir():
        shutil.copytree(REPO / "lgviz/static", folder / "lgviz/static", dirs_exist_ok=True)
    if (REPO / "js/node_modules").exists():
        (folder / "js/node_modules").symlink_to((REPO / "js/node_modules").resolve())
    return folder


def noticed(folder: Path, tests: tuple[str, ...]) -> str | None:
    """The first test that fails; None where all pass."""
    front = [name.removeprefix("js/") for name in tests if name.startswith("js/")]
    if front:
        command, where = ["npx", "vitest", "run", "--bail", "1", *front], folder / "js"
    else:
        options = ["-q", "-x", "-p", "no:cacheprovider", "--timeout", "120"]
        command, where = [sys.executable, "-m", "pytest", *options, *tests], folder
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    found = re.search(r"^(?:FAILED|ERROR|\s*FAIL) +(.+?)(?: - .*)?$", done.stdout + done.stderr, re.M)
    return found[1] if found else (done.stdout + done.stderr)[-300:]


def main(words: list[str]) -> int:
    """Apply each fault alone; tell which test noticed it."""
    chosen = [fault for fault in FAULTS if not words or any(word in fault.what for word in words)]
    unnoticed = []
    with tempfile.TemporaryDirectory(prefix="lgviz-faults-") as temporary:
        folder = copied(Path(temporary))
        tests = sorted({name for fault in chosen for name in fault.tests})
        for kind in ([name for name in tests if name.startswith("js/") == front] for front in (False, True)):
            if kind and (broken := noticed(folder, tuple(kind))) is not None:
                print(f"Without any fault this fails: {broken}")
                return 2
        for fault in chosen:
            (path,) = places(fault, folder)
            sound = path.read_text(encoding="utf-8")
            path.write_text(sound.replace(fault.old, fault.new), encoding="utf-8")
            begun = time.monotonic()
            test = noticed(folder, fault.tests)
            path.write_text(sound, encoding="utf-8")
            if test is None:
                unnoticed.append(fault.what)
            said = test or "NOT NOTICED"
            print(f"{time.monotonic() - begun:5.1f} s  {fault.what}\n         {said}", flush=True)
    print(f"{len(chosen) - len(unnoticed)} of {len(chosen)} noticed; not: {', '.join(unnoticed) or 'none'}")
    return int(len(unnoticed) > UNNOTICED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
