"""What happened to make a checkpoint, told, as protocol messages."""

from __future__ import annotations

from lgviz.analysis.narration import Told
from lgviz.analysis.phrases import Phrase
from lgviz.protocol import ToldSentence

__all__ = ["narration_view"]


def narration_view(told: Told) -> list[ToldSentence]:
    """The sentences of one checkpoint, with their holes."""
    return [_sentence(each) for each in told.sentences]


def _sentence(phrase: Phrase) -> ToldSentence:
    return {
        "text": phrase.text,
        "holes": {
            name: {
                "kind": hole.kind,
                "texts": list(hole.texts),
                "clauses": [_sentence(each) for each in hole.clauses],
                "more": hole.more,
            }
            for name, hole in phrase.holes.items()
        },
    }
