"""A replay as one HTML page without scripts: the verdicts, and where and how threads parted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from markupsafe import Markup

from lgviz._visible import visible
from lgviz.analysis.diff import StateDiff
from lgviz.analysis.html import Room, diff_html, esc, tag
from lgviz.analysis.style import ROOT, STYLE

from .verdicts import ORDER, BranchReplay, ThreadReplay

__all__ = ["report_html"]

_SIGNS = {"failed": "✕", "parted": "≠", "unknown": "?", "same": "✓"}
"""By verdict a sign that is read without its color."""
_DIFF = 20_000
_DIFFS = 2_000_000
"""Characters of one diff, and of all: a page of thousands of threads still opens."""
_OPEN = 10
"""So many threads show their diffs at once."""
_SAME = 2_000
"""So many of the threads that are the same are named."""

_HEADS = 20
"""So many branches that came to the same are named."""

_LOOK = """
body{margin:0}
.lg-report{min-height:100vh;font-size:14px;padding:40px 24px 64px}
.lg-report main{max-width:860px;margin:0 auto}
.lg-report h1{font:600 22px/1.3 var(--ui);letter-spacing:-.015em;margin:0;overflow-wrap:anywhere}
.lg-report .lg-of{color:var(--mute);margin:2px 0 0;overflow-wrap:anywhere}
.lg-report .lg-bar{display:flex;gap:2px;height:6px;margin:24px 0 12px}
.lg-report .lg-bar i{border-radius:3px;min-width:6px;background:var(--tone)}
.lg-report .lg-facts,.lg-report .lg-facts ul{display:flex;flex-wrap:wrap;gap:4px 20px;
 justify-content:space-between;color:var(--mute);margin:0;padding:0;list-style:none}
.lg-report .lg-facts b{color:var(--text);font-weight:600;font-variant-numeric:tabular-nums}
.lg-report .lg-early{background:var(--warn-bg);color:var(--warn);border-radius:8px;
 padding:8px 12px;margin:20px 0 0}
.lg-report h2{font:600 13px/1.4 var(--ui);margin:32px 0 8px;display:flex;gap:8px;align-items:center}
.lg-report h2 span{color:var(--mute);font-weight:400}
.lg-report .lg-failed{--tone:var(--del);--soft-tone:var(--del-bg)}
.lg-report .lg-parted{--tone:var(--warn);--soft-tone:var(--warn-bg)}
.lg-report .lg-unknown{--tone:var(--mute);--soft-tone:var(--chip)}
.lg-report .lg-same{--tone:var(--add);--soft-tone:var(--add-bg)}
.lg-report .lg-sign{flex:none;width:18px;height:18px;border-radius:6px;font:700 11px/18px var(--ui);
 text-align:center;
 font-style:normal;color:var(--tone);background:var(--soft-tone)}
.lg-report .lg-list{border:1px solid var(--line);border-radius:10px;overflow:hidden}
.lg-report .lg-list>*+*{border-top:1px solid var(--line)}
.lg-report .lg-head{display:flex;flex-wrap:wrap;gap:2px 10px;align-items:baseline;padding:9px 14px}
.lg-report summary.lg-head{list-style:none}
.lg-report summary.lg-head::-webkit-details-marker{display:none}
.lg-report summary.lg-head:hover{background:var(--panel)}
.lg-report summary:focus-visible{outline:2px solid var(--accent);outline-offset:-2px}
.lg-report .lg-head>i{flex:none;width:18px;height:10px;align-self:center}
.lg-report .lg-fold::before{content:"";display:block;width:6px;height:6px;margin:2px 4px;rotate:45deg;
 border:solid var(--mute);border-width:1.5px 1.5px 0 0}
.lg-report [open]>summary .lg-fold::before{rotate:135deg;margin-top:0}
.lg-report .lg-id{font:600 13px/1.5 var(--mono);overflow-wrap:anywhere;min-width:0}
.lg-report .lg-count{margin-left:auto;color:var(--mute);font-size:12px;font-variant-numeric:tabular-nums}
.lg-report .lg-why{flex:1 1 100%;padding-left:28px;overflow-wrap:anywhere}
.lg-report .lg-at{font-weight:600;color:var(--tone);margin-right:6px}
.lg-report .lg-more{padding:2px 14px 12px 42px;min-width:0}
.lg-report .lg-more>*{margin:0 0 8px}
.lg-report .lg-more>:last-child{margin:0}
.lg-report .lg-more p{display:flex;flex-wrap:wrap;gap:4px 8px;color:var(--mute);font-size:12px;
 overflow-wrap:anywhere}
.lg-report .lg-more p *{min-width:0}
.lg-report .lg-more .lg-faint{color:var(--mute)}
.lg-report .lg-rest div{border-top:1px solid var(--line);padding:5px 14px}
.lg-report .lg-rest .lg-id{font-weight:400}
.lg-report footer{color:var(--mute);font-size:12px;margin:32px 0 0}
.lg-report footer p{margin:0 0 4px}
@media (max-width:560px){.lg-report{padding:24px 12px 40px}.lg-report .lg-more{padding-left:14px}}
"""
_PAGE = Markup("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="lgviz">
<title>{title}</title>
<style>{style}</style>
</head>
<body class="{root} lg-report">
<main>
{body}
</main>
</body>
</html>
""")


def report_html(threads: Sequence[ThreadReplay], of: str = "", *, stopped: bool = False) -> Markup:
    """The page.

    Args:
        threads: what it tells; masked as the source was that was replayed.
        of: what was replayed, in words: stands below the title.
        stopped: whether other threads were to be replayed, too.
    """
    room = Room(_DIFFS)
    opened = iter([True] * _OPEN)
    by_verdict = {name: [each for each in threads if each.verdict == name] for name in reversed(ORDER)}
    found = {name: group for name, group in by_verdict.items() if group}
    title = _title(len(threads), len(by_verdict["same"]), stopped)
    body = tag("h1", title) + (tag("p", of, "lg-of") if of else Markup())
    body += _facts(threads, {name: len(group) for name, group in found.items()})
    if stopped:
        body += tag("p", "Stopped early: threads that are not named here were not replayed.", "lg-early")
    for warning in dict.fromkeys(text for thread in threads for text in thread.warnings):
        body += tag("p", warning, "lg-early")
    body += Markup().join(_group(name, group, room, opened) for name, group in found.items()) + _LEGEND
    look = Markup(STYLE + _LOOK)  # noqa: S704
    return _PAGE.format(title=visible(f"{title} · {of}" if of else title), style=look, root=ROOT, body=body)


def _title(count: int, same: int, stopped: bool) -> str:
    """What a reader wants to know first."""
    if not count:
        return "No thread was replayed"
    if same == count:
        which = "1 thread" if count == 1 else f"{'' if stopped else 'All '}{count:,} threads"
        return f"{which} came out the same"
    if count == 1:
        return "1 thread did not come out the same"
    return f"{count - same:,} of {count:,} threads did not come out the same"


def _facts(threads: Sequence[ThreadReplay], counts: Mapping[str, int]) -> Markup:
    """The shares of the verdicts, and what was spared."""
    part = Markup('<i class="lg-{}" style="flex-grow:{}"></i>')
    parts = Markup().join(part.format(name, count) for name, count in counts.items())
    found = [_fact(count, name) for name, count in counts.items()]
    served = sum(each.served.total() for each in threads)
    work = [_fact(served, "task served" if served == 1 else "tasks served")]
    work.append(_fact(sum(each.ran.total() for each in threads), "ran"))
    if answered := sum(each.answered.total() for each in threads):
        work.append(_fact(answered, "model call answered" if answered == 1 else "model calls answered"))
    if tokens := sum(each.tokens for each in threads):
        work.append(_fact(tokens, "tokens not bought"))
    bar = Markup('<div class="lg-bar" aria-hidden="true">{}</div>').format(parts)
    lists = tag("ul", Markup().join(found)) + tag("ul", Markup().join(work))
    return bar + tag("div", lists, "lg-facts")


def _fact(count: int, what: str) -> Markup:
    return tag("li", tag("b", f"{count:,}") + f" {what}")


# ---------------------------------------------------------------- threads


def _group(verdict: str, threads: list[ThreadReplay], room: Room, opened: Iterator[bool]) -> Markup:
    """The threads of one verdict; those that are the same in one fold."""
    head = tag(
        "h2", _sign(verdict) + verdict.capitalize() + tag("span", f"{len(threads):,}"), f"lg-{verdict}"
    )
    if verdict != "same":
        rows = [_thread(thread, room, opened) for thread in threads]
    else:
        lines = [tag("div", tag("i") + _head(each), "lg-head") for each in threads[:_SAME]]
        if len(threads) > _SAME:
            lines.append(tag("div", tag("i") + f"and {len(threads) - _SAME:,} more", "lg-head"))
        rows = [_fold("Which ones", Markup().join(lines), "lg-rest", shown=len(threads) <= _OPEN)]
    return head + tag("div", Markup().join(rows), f"lg-list lg-{verdict}")


def _thread(thread: ThreadReplay, room: Room, opened: Iterator[bool]) -> Markup:
    where = tag("span", f"at {thread.parted_at}", "lg-at") if thread.parted_at else Markup()
    head = _head(thread) + tag("div", where + esc(thread.reason), "lg-why")
    more = _branches(thread, room)
    if not more:
        return tag("div", tag("i") + head, "lg-head")
    return _fold(head, tag("div", more, "lg-more"), shown=next(opened, False))


def _fold(head: Markup | str, body: Markup, look: str = "", *, shown: bool) -> Markup:
    named = tag("summary", tag("i", look="lg-fold") + head, "lg-head")
    made = Markup('<details class="{}"{}>{}{}</details>')
    return made.format(look, Markup(" open" if shown else ""), named, body)  # noqa: S704


def _head(thread: ThreadReplay) -> Markup:
    """Its id, and how many tasks were answered."""
    counts = f"{thread.served.total():,} served, {thread.ran.total():,} ran"
    return tag("span", thread.thread_id, "lg-id") + tag("span", counts, "lg-count")


def _sign(verdict: str) -> Markup:
    return Markup('<i class="lg-sign lg-{}" title="{}">{}</i>').format(verdict, verdict, _SIGNS[verdict])


def _branches(thread: ThreadReplay, room: Room) -> Markup:
    """What became of its branches, those that came to the same told once, with their diff."""
    told: dict[tuple[str, str | None, str], list[BranchReplay]] = {}
    for branch in thread.branches:
        told.setdefault((branch.verdict, branch.parted_at, branch.reason), []).append(branch)
    parts = []
    for branches in told.values():
        first = branches[0]
        if len(thread.branches) > 1:
            parts.append(tag("p", _sign(first.verdict) + tag("span", _which(branches, thread.reason))))
        if first.diff is not None:
            parts.append(_diff(first.diff, room))
    if thread.ran:
        ran = (f"{name} × {count:,}" if count > 1 else name for name, count in thread.ran.most_common())
        parts.append(tag("p", f"Ran: {', '.join(ran)}"))
    return Markup().join(parts)


def _which(branches: Sequence[BranchReplay], known: str) -> str:
    """Branches that came to the same, and why, unless that is known."""
    first = branches[0]
    heads = [branch.head for branch in branches[:_HEADS]]
    if len(branches) > _HEADS:
        heads.append(f"{len(branches) - _HEADS:,} more")
    where = f" at {first.parted_at}" if first.parted_at else ""
    why = f", {first.reason}" if first.reason not in ("", known) else ""
    which = f"{'Branch' if len(branches) == 1 else 'Branches'} to {', '.join(heads)}"
    return f"{which}: {first.verdict}{where}{why}"


def _diff(diff: StateDiff, room: Room) -> Markup:
    if room.left <= 0:
        return tag("p", "The difference is left out, for the page is long: see .diff in Python.")
    own = Room(min(_DIFF, room.left))
    had = own.left
    drawn = diff_html(diff, own)
    room.left -= had - own.left
    return drawn


_LEGEND = tag(
    "footer",
    tag(
        "p",
        "Served: answered by what is stored. Ran: done by today's code. − as it was stored, + as it is now.",
    )
    + tag("p", "A thread counts by the worst of its branches. What is unknown never counts as the same."),
)
