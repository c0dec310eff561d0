"""Rule of interrupts: what a node did before it asked, it does again when it is answered."""

from __future__ import annotations

from collections.abc import Iterator

from .effects import InterruptWalk
from .findings import Finding
from .subject import CheckSubject

__all__ = ["effects_before_interrupts"]


def effects_before_interrupts(subject: CheckSubject) -> Iterator[Finding]:
    """A call before an ``interrupt()`` that acts on something outside, or asks a model."""
    for one in subject.functions:
        for effect in InterruptWalk(one.code).before if one.code is not None else ():
            through = f", which calls `{effect.through}`," if effect.through else ""
            yield Finding(
                "effect-before-interrupt",
                "warning",
                f"Node {one.node!r} runs again from its first line when its interrupt is answered: "
                f"`{effect.text}`{through} is done once more.",
                f"builder.add_edge('before_{one.name}', {one.name!r})  # or behind interrupt()",
                node=one.node,
                file=effect.file,
                line=effect.line,
            )
