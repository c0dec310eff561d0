"""``python -m lgviz.demos FILE.db``: seed every demo in one SQLite database and say what was made."""

from __future__ import annotations

import argparse
from pathlib import Path

from langgraph.checkpoint.sqlite import SqliteSaver

from . import DEMOS, seed_all


def main(argv: list[str] | None = None) -> int:
    """Seed the file named on the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m lgviz.demos",
        description="Seed lgviz's demo threads in one SQLite database (no key, no network).",
    )
    parser.add_argument("file", help="database to write, for example demos.db")
    path = Path(parser.parse_args(argv).file)
    with SqliteSaver.from_conn_string(str(path)) as saver:
        taken = {t for t in DEMOS if saver.get_tuple({"configurable": {"thread_id": t}}) is not None}
        if taken:
            print(f"{path} already has the thread(s) {', '.join(sorted(taken))}; nothing was written.")
            return 1
        for thread_id in seed_all(saver):
            count = sum(1 for _ in saver.list({"configurable": {"thread_id": thread_id}}))
            summary = (DEMOS[thread_id].__doc__ or "").splitlines()[0]
            print(f"{thread_id:10} {count:3} checkpoints   {summary}")
    print(f"\nLook at them in a notebook:\n    %load_ext lgviz\n    %lgviz {path}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
