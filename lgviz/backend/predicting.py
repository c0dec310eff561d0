"""Asks a person to predict what an act will come to, before it is done."""

from __future__ import annotations

from lgviz.backend.acts import Acts
from lgviz.backend.dispatch import RequestCall, handler
from lgviz.backend.open_thread import OpenThread
from lgviz.errors import LgvizError, NotFound
from lgviz.learn import LearnQuestion, predict
from lgviz.protocol import PredictAnswer, PredictChoice, PredictRequest, PredictTold, PredictView

__all__ = ["PredictRequests"]

_OPEN = 50
"""Questions that can still be answered."""
_NONE: PredictView = {"id": None, "text": "", "choices": []}


class PredictRequests:
    """The requests of a view that asks before it acts; keys stay here.

    Args:
        thread: the open thread.
        acts: reads what was typed into a fork.
    """

    def __init__(self, thread: OpenThread, acts: Acts) -> None:
        self._thread = thread
        self._acts = acts
        self._asked: dict[str, LearnQuestion] = {}

    @handler("act")
    def predict_make(self, call: RequestCall, params: PredictRequest) -> PredictView:
        question = self._question(params)
        if question is None:
            return _NONE
        self._asked[question.id] = question
        while len(self._asked) > _OPEN:
            del self._asked[next(iter(self._asked))]
        shown = self._thread.shown
        choices = [PredictChoice(mark=one.mark, text=shown(one.text)) for one in question.choices]
        return {"id": question.id, "text": shown(question.text), "choices": choices}

    @handler("read")
    def predict_answer(self, call: RequestCall, params: PredictAnswer) -> PredictTold:
        question = self._asked.get(params["id"])
        if question is None:
            raise NotFound("This question was asked too long ago.", "Act again to be asked anew.")
        told = question.answer(params["answer"])
        return {"right": bool(told), "text": self._thread.shown(told.text)}

    def _question(self, params: PredictRequest) -> LearnQuestion | None:
        """The first question that fits; None where none can be made: then the act is done unasked."""
        fork, run = params["fork"], params["run"]
        try:
            about = self._acts.update_of(fork) if fork is not None else {}
        except LgvizError:
            return None  # the act itself says why
        steps = run is not None and (run.get("steps") or run.get("only") == "unfinished" or run["resume"])
        kinds = ("value", "next") if fork is not None else ("next",) if steps else ("runs", "next")
        for kind in kinds:
            try:
                return predict(self._thread.current(), kind, self._thread.at(params["checkpoint"]), **about)
            except LgvizError:
                continue
        return None
