"""Questions about what makes a node run: its channel, and the node in whose name an update is made."""

from __future__ import annotations

from langgraph.constants import END

from lgviz.analysis.values import line
from lgviz.session import as_node_options

from .forms import name_of, node_set, nodes_text
from .question import AnswerKey, LearnQuestion
from .subject import Subject

__all__ = ["ask_as_node", "ask_trigger"]

_CHANNELS_TELL = ("input", "edge", "branch", "goto", "join")


def ask_as_node(subject: Subject) -> LearnQuestion:
    """As which node an update has to be made, so that a node comes next."""
    at, values = subject.at, subject.values if subject.updates else None
    more = {"config": subject.config, "context": subject.context}
    options = [one for one in as_node_options(subject.graph, at, values, **more) if one.disabled is None]
    alone = [one.next[0] for one in options if len(one.next) == 1]
    target = subject.node or next(iter(alone), None)
    right = [one.node for one in options if one.next == (target,)]
    right.sort(key=END.__eq__)  # an update as END is no node's: it is right, and not what is taught
    if right[:1] in ([], [END]):
        subject.refuse(f"No update at {at.label} leads to one node alone.")
    given = f" with {line(values, 200)}" if values else ""
    text = (
        f"The state is to be updated at {at.label}{given}, so that `{target}` comes next. "
        "What has `as_node` to be?"
    )
    why = (
        "`as_node` names the node in whose name it is written, and what follows that node runs; "
        f"it does not name the node to run. `{target}` follows {nodes_text(set(right) - {END})}."
    )
    key = AnswerKey(right, f"It is `{right[0]}`.", why)
    wrong = [target, *(one.node for one in options)]
    return subject.ask(text, key, name_of, wrong, lambda name: f"`{name}`", {"node": target})


def ask_trigger(subject: Subject) -> LearnQuestion:
    """Which channel made a node run, in the step that made a checkpoint."""
    at = subject.at
    causes = [
        cause
        for cause in subject.history.why(at).tasks
        if cause.via in _CHANNELS_TELL and cause.node in subject.nodes and subject.node in (None, cause.node)
    ]
    if not causes:
        subject.refuse(f"What triggered a node to make {at.label} is not certain.")
    cause = causes[0]
    right = sorted({trigger.channel for trigger in cause.triggers})
    channels = subject.graph.channels
    leading = [name for name in channels if name.startswith(("branch:", "join:"))]
    before = at.parent
    written = before.changed if before is not None else ()
    text = f"`{cause.node}` ran in the step that made {at.label}. Which channel made it run?"
    why = f"{cause.text} A node runs when a channel that it listens to is new, not when one that it reads is."
    key = AnswerKey([right], f"It was {nodes_text(right)}.", why)
    wrong = [[name] for name in (*written, *leading)]
    return subject.ask(text, key, node_set, wrong, nodes_text, {"node": cause.node})
