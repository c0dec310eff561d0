"""The guard tells what it should, and so do the looks at what is shown: else no file would be found at fault."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hostile.faces import MARK, faults_of

ACTS = {
    "imports": "import lgvizxss_canary",
    "runs": "exec('1')",
    "compiles": "compile('1', 'x', 'exec')",
    "os.system": "import os; os.system('true')",
    "subprocess.": "import subprocess; subprocess.run(['true'])",
    "writes": "open('../elsewhere', 'w').close()",
    "opens": "open('/etc/passwd').close()",
    "sqlite3.connect": "import sqlite3; sqlite3.connect('/tmp/lgvizxss.db')",
    "socket.connect": "import socket; socket.socket().connect_ex(('127.0.0.1', 9))",
    "pickle.find_class": "import pickle; pickle.loads(b'cos\\ngetcwd\\n.')",
    "os.mkdir": "import os; os.mkdir('../lgvizxss')",
}
PRELUDE = """
import os, pickle, socket, sqlite3, subprocess, sys
from pathlib import Path
from tests.support.hostile.guard import Guard
guard = Guard(Path.cwd())
code = compile(sys.argv[1], "<string>", "exec")
with guard.armed():
    try:
        exec(code)
    except Exception:
        pass
print(guard.seen)
"""


@pytest.mark.parametrize("told", ACTS)
def test_the_guard_tells(told: str, tmp_path: Path) -> None:
    (tmp_path / "lgvizxss_canary.py").touch()
    (tmp_path / "work").mkdir()
    paths = [str(Path(__file__).parents[2]), str(tmp_path)]
    code = f"import sys; sys.path[:0] = {paths!r}\n{PRELUDE}"
    done = subprocess.run(
        [sys.executable, "-c", code, ACTS[told]],
        cwd=tmp_path / "work",
        capture_output=True,
        text=True,
        check=True,
    )
    assert told in done.stdout.replace("runs <code object <module> at", "", 1)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("html", f"<p><{MARK}>"),
        ("html", "<p onclick=x>"),
        ("html", f"<a href='{MARK}:'>"),
        ("html", "<a href='JavaScript:x'>"),
        ("html", f"<p style='background:url({MARK}:x)'>"),
        ("html", f"<style>{MARK}</style>"),
        ("html", "<script>1</script>"),
        ("page", f"<script>1</script><{MARK}>"),
        ("svg", f"<svg><{MARK}/></svg>"),
        ("markdown", f"<{MARK}>"),
        ("markdown", f"![x](http://{MARK}/x.png)"),
        ("markdown", f"[x]({MARK}:1)"),
        ("terminal", "\x1b[2J"),
        ("terminal", "a\u202eb"),
        ("dot", f'a "b\\"c" {MARK} "d"'),
        ("mermaid", f'a\n  click b "{MARK}"'),
        ("plotly", f"<a href='{MARK}'>"),
    ],
)
def test_what_a_text_became_is_told(kind: str, text: str) -> None:
    assert faults_of(kind, text)


@pytest.mark.parametrize("kind", ["html", "markdown", "terminal", "dot", "mermaid", "plotly"])
def test_a_text_that_stays_one_is_no_fault(kind: str) -> None:
    assert not faults_of(kind, f'"{MARK}"' if kind == "dot" else f"a line of {MARK} &lt;b&gt;")
