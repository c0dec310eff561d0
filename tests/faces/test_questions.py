"""Questions of LangChain's agents and of older graphs, as views show them; what a person decided reaches the tools."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, Field

import lgviz
from lgviz.persistence import SqliteSaver
from tests.support.agents import ASK, asking_agent, old_inbox
from tests.support.graphs import CONFIG, Log, chain
from tests.support.view import View, run

MAIL = {"to": "bob@example.org", "body": "Dear Bob"}


class Asked:
    """A view at the newest checkpoint of thread 1, whose questions it answers."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self.view = View(graph, "1", name="graph")
        self.at = self.view.ask("thread_open", thread_id="1")["tree"]["ids"][-1]

    @property
    def interrupts(self) -> list[Any]:
        self.view.ask("thread_refresh")
        return self.view.ask("checkpoint_get", checkpoint=self.at)["interrupts"]

    def make(self, *drafts: Any) -> Any:
        """The answers to its questions, in order; a draft None leaves one out."""
        ids = [one["id"] for one in self.interrupts]
        given = {key: draft for key, draft in zip(ids, drafts, strict=True) if draft is not None}
        return self.view.ask("answer_make", checkpoint=self.at, drafts=given)

    def answer(self, *drafts: Any, **more: Any) -> Any:
        made = self.make(*drafts)
        assert made["errors"] == []
        return self.view.ask("run_start", **run(self.at, resume=made["answers"], **more))

    def tools(self) -> list[tuple[str, str]]:
        """What the tools answered, in order of their calls."""
        messages = self.graph.get_state(CONFIG).values["messages"]
        told = {m.tool_call_id: m for m in messages if m.type == "tool"}
        return [(told[key].name, told[key].content) for key in sorted(told)]


@pytest.fixture
def asked() -> Iterator[Any]:
    made: list[Asked] = []

    def begin(graph: Any, given: Any = ASK) -> Asked:
        graph.invoke(given, CONFIG)
        made.append(Asked(graph))
        return made[-1]

    yield begin
    for one in made:
        one.view.close()


def decisions(*some: Any) -> dict[str, Any]:
    listed = [one and {"type": one[0], "text": one[1], "args": one[2]} for one in some]
    return {"decisions": listed, "json": None, "text": None}


def text(said: str) -> dict[str, Any]:
    return {"decisions": None, "json": None, "text": said}


def by_json(said: str) -> dict[str, Any]:
    return {"decisions": None, "json": said, "text": None}


APPROVE, REJECT = ("approve", "", None), ("reject", "keep it open", None)
EDIT = ("edit", "", json.dumps(MAIL))


@pytest.mark.parametrize("mode", ["batched", "per_call"])
def test_one_is_approved_one_edited_one_rejected(mode: str, asked: Any, tmp_path: Any) -> None:
    only = {"close": ["approve", "reject"]}
    with SqliteSaver.from_conn_string(str(tmp_path / "agent.db")) as saver:
        here = asked(asking_agent(saver, interrupt_mode=mode, only=only))
        actions = [action for one in here.interrupts for action in one["question"]["actions"]]
        assert [action["name"] for action in actions] == ["refund", "send_mail", "close"]
        allowed = [[one["type"] for one in action["decisions"]] for action in actions]
        assert allowed == [["approve", "edit", "reject", "respond"]] * 2 + [["approve", "reject"]]
        assert [action["description"] for action in actions] == ["", "", ""]
        assert [[a["key"] for a in action["args"]] for action in actions] == [
            ["order", "amount"],
            ["to", "body"],
            ["ticket"],
        ]
        (mark,) = here.view.ask("rows_marks", checkpoints=[here.at])
        assert mark["interrupt"] == "refund, send_mail, close?"
        each = [APPROVE, EDIT, REJECT]
        ended = here.answer(*([decisions(*each)] if mode == "batched" else map(decisions, each)))
        assert ended["status"] == "done"
        (refund, mail, close) = here.tools()
        assert refund == ("refund", "refunded A-2: 21.0")
        assert mail[1].endswith("sent to bob@example.org: Dear Bob")
        assert close == ("close", "User rejected the tool call for `close` with reason: keep it open")
        decided = [action["decided"] for one in here.interrupts for action in one["question"]["actions"]]
        assert [(one["type"], one["text"], one["name"]) for one in decided] == [
            ("approve", "", ""),
            ("edit", "", "send_mail"),
            ("reject", "keep it open", ""),
        ]
        file = lgviz.history(str(tmp_path / "agent.db"), thread_id="1")
        assert file[here.at].interrupts == tuple(i for t in file[here.at].tasks for i in t.interrupts)


def test_a_person_answers_in_the_place_of_a_tool(asked: Any) -> None:
    here = asked(asking_agent(InMemorySaver(), calls=[("close", {"ticket": 7})]))
    (error,) = here.make(decisions(("respond", " ", None)))["errors"]
    assert (error["action"], error["message"]) == (0, "Write an answer.")
    here.answer(decisions(("respond", "It is closed.", None)))
    assert here.tools() == [("close", "It is closed.")]


def test_what_a_decision_lacks_is_told_at_its_action(asked: Any) -> None:
    here = asked(asking_agent(InMemorySaver(), only={"close": ["approve"]}))
    made = here.make(decisions(None, ("edit", "", "{"), ("reject", "", None)))
    found = [(error["action"], error["message"]) for error in made["errors"]]
    assert found[0] == (0, "Decide: approve, edit, reject, respond.")
    assert found[1][0] == 1 and "JSON" in found[1][1]
    assert found[2] == (2, "Decide: approve.")
    assert made["answers"] == {}


def test_edited_arguments_are_checked_by_the_tool_of_the_graph(asked: Any) -> None:
    """A ``HITLRequest`` does not tell what its tools take."""
    here = asked(
        asking_agent(InMemorySaver(), calls=[("send_mail", {"to": "ana"})])
    )  # the model forgot the body
    ((args,),) = [form["args"] for form in here.view.ask("answer_form", checkpoint=here.at)]
    assert [(f["name"], f["kind"], f["value"]) for f in args["fields"]] == [
        ("to", "text", "ana"),
        ("body", "text", None),
    ]
    (error,) = here.make(decisions(("edit", "", '{"to": "ana"}')))["errors"]
    assert (error["action"], error["path"], error["message"]) == (0, ["body"], "A value is needed.")


def test_edited_arguments_are_checked_by_the_schema_of_the_question(asked: Any) -> None:
    here = asked(asking_agent(InMemorySaver(), interrupt_mode="per_call"))
    refund, mail, close = here.view.ask("answer_form", checkpoint=here.at)
    assert [f["kind"] for f in refund["args"][0]["fields"]] == ["text", "number"]
    wrong = json.dumps({"order": "A-2", "amount": "much"})
    made = here.make(decisions(("edit", "", wrong)), decisions(APPROVE), decisions(("edit", "", "{}")))
    found = [(error["id"], error["action"], error["path"]) for error in made["errors"]]
    assert found == [(refund["id"], 0, ["amount"]), (close["id"], 0, ["ticket"])]
    assert list(made["answers"]) == [mail["id"]]
    # one of several alone: the others ask on
    ended = here.answer(decisions(APPROVE), None, None)
    assert ended["status"] == "interrupted"
    assert [one["answered"] for one in here.interrupts] == [True, False, False]
    here.answer(None, decisions(APPROVE), decisions(REJECT))
    assert [content for _, content in here.tools()][:2] == [
        "refunded A-2: 21.0",
        "sent to ana@example.org: Dear Ana,\nwe refunded order A-2.",
    ]


def test_a_wrong_number_of_decisions_fails_and_is_answered_anew(asked: Any) -> None:
    here = asked(asking_agent(InMemorySaver()))
    failed = here.answer(by_json('{"decisions": [{"type": "approve"}]}'))
    assert failed["status"] == "failed"
    (seen,) = here.interrupts
    assert seen["answered"] and seen["answer"]["kind"] == "dict"
    assert [action["decided"] for action in seen["question"]["actions"]] == [None] * 3
    assert here.answer(decisions(APPROVE, EDIT, REJECT))["status"] == "done"
    assert [name for name, _ in here.tools()] == ["refund", "send_mail", "close"]


@pytest.mark.parametrize(
    ("draft", "told"),
    [
        (("accept", "", None), {"type": "accept", "args": None}),
        (("ignore", "", None), {"type": "ignore", "args": None}),
        (("response", "too much", None), {"type": "response", "args": "too much"}),
        (
            ("edit", "", '{"order": "A-2", "amount": 20.5}'),
            {"type": "edit", "args": {"action": "refund", "args": {"order": "A-2", "amount": 20.5}}},
        ),
    ],
)
@pytest.mark.parametrize("listed", [True, False])
def test_the_older_requests_are_answered_by_a_list(draft: Any, told: Any, listed: bool, asked: Any) -> None:
    here = asked(old_inbox(InMemorySaver(), listed=listed), {"log": []})
    (action,) = here.interrupts[0]["question"]["actions"]
    assert (action["name"], action["description"]) == ("refund", "Please review")
    assert [one["type"] for one in action["decisions"]] == ["accept", "edit", "response", "ignore"]
    here.answer(decisions(draft))
    assert here.graph.get_state(CONFIG).values["log"] == [[told]]
    assert here.interrupts[0]["question"]["actions"][0]["decided"]["type"] == draft[0]


def test_the_older_requests_allow_what_they_say(asked: Any) -> None:
    graph = old_inbox(InMemorySaver(), allow_edit=False, allow_ignore=False)
    (action,) = asked(graph, {"log": []}).interrupts[0]["question"]["actions"]
    assert action["decisions"] == [
        {"type": "accept", "takes": "nothing"},
        {"type": "response", "takes": "text"},
    ]


class Refund(BaseModel):
    amount: float = Field(gt=0)
    to: Literal["card", "cash"]


@dataclasses.dataclass
class Address:
    street: str
    number: int


AS_DICT = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.parametrize(
    ("schema", "right", "wrong", "path", "kept"),
    [
        (Refund, '{"amount": 2.50, "to": "cash"}', '{"amount": 0, "to": "cash"}', ["amount"], Refund(amount=2.5, to="cash")),
        (Address, '{"street": "A", "number": 3}', '{"street": "A"}', ["number"], Address("A", 3)),
        (AS_DICT, '{"n": 3}', '{"n": "3"}', ["n"], {"n": 3}),
        ({"enum": ["yes", "no"]}, '"yes"', '"maybe"', [], "yes"),
    ],
)  # fmt: skip
def test_a_schema_is_a_form_and_checked_before_anything_runs(
    schema: Any, right: str, wrong: str, path: Any, kept: Any, asked: Any
) -> None:
    def node(state: Log) -> dict[str, Any]:
        return {"log": [interrupt("How?", response_schema=schema)]}

    here = asked(chain([("ask", node)], InMemorySaver()), {"log": []})
    (seen,) = here.interrupts
    assert seen["question"]["kind"] == "form" and not seen["question"]["actions"]
    (form,) = here.view.ask("answer_form", checkpoint=here.at)
    assert form["form"]["kind"] in ("object", "choice")
    (error,) = here.make(by_json(wrong))["errors"]
    assert error["path"] == path
    refused = here.view.refused("run_start", **run(here.at, resume={seen["id"]: wrong}))
    assert refused["code"] == "refused" and "does not fit" in refused["cause"]
    assert not here.interrupts[0]["answered"]
    here.answer(by_json(right))
    assert here.graph.get_state(CONFIG).values["log"] == [kept]
    assert here.interrupts[0]["answer"]["kind"] in ("dict", "string")


@pytest.mark.parametrize(
    ("asks", "options"),
    [
        ({"q": "?", "options": ["approve", "reject"]}, [("approve", '"approve"'), ("reject", '"reject"')]),
        ({"choices": [1, 2.5, True]}, [("1", "1"), ("2.5", "2.5"), ("true", "true")]),
        ({"options": [{"label": "Yes", "value": "y"}, {"value": 0}]}, [("Yes", '"y"'), ("0", "0")]),
        ({"options": [{"no": "value"}, ["a"]]}, []),
        ("Sure (yes/no)?", []),
        ({"question": "Sure?"}, []),
        (None, []),
    ],
)
def test_only_answers_that_a_question_names_are_offered(asks: Any, options: Any, asked: Any) -> None:
    def node(state: Log) -> dict[str, Any]:
        return {"log": [interrupt(asks)]}

    here = asked(chain([("ask", node)], InMemorySaver()), {"log": []})
    (seen,) = here.interrupts
    assert seen["question"]["kind"] == "text"
    assert [(one["label"], one["value"]) for one in seen["question"]["options"]] == options
    here.answer(text('"1"'))
    assert here.graph.get_state(CONFIG).values["log"] == ["1"]
    assert here.interrupts[0]["answer"]["text"] == "1"


@pytest.mark.parametrize(
    "asks",
    [
        {"action_requests": [], "review_configs": []},
        {"action_requests": [{"name": "a", "args": {}}], "review_configs": []},
        {"action_requests": [{"name": "a", "args": "x"}], "review_configs": [{"action_name": "a", "allowed_decisions": ["approve"]}]},
        {"action_requests": "x", "review_configs": {"a": 1}},
        {"action_requests": [{"name": ["a"], "args": {}}], "review_configs": [{"action_name": {}, "allowed_decisions": 3}]},
        {"type": "tool_approval", "name": "a"},
        [{"action_request": {"action": "a", "args": {}}, "config": {}}],
        [{"action_request": {"action": "a", "args": {}}, "config": {"allow_accept": True}}, 3],
    ],
)  # fmt: skip
def test_what_only_looks_like_a_request_is_a_plain_question(asks: Any, asked: Any) -> None:
    here = asked(chain([("ask", lambda state: {"log": [interrupt(asks)]})], InMemorySaver()), {"log": []})
    assert here.interrupts[0]["question"]["kind"] == "text"


def test_a_schema_that_cannot_be_used_is_told(asked: Any) -> None:
    def node(state: Log) -> dict[str, Any]:
        return {"log": [interrupt("How?", response_schema={"$ref": "https://example.org/s"})]}

    here = asked(chain([("ask", node)], InMemorySaver()), {"log": []})
    question = here.interrupts[0]["question"]
    assert question["kind"] == "text" and "https://example.org/s" in question["warning"]
    here.answer(text("so"))
    assert here.graph.get_state(CONFIG).values["log"] == ["so"]


def test_what_a_subgraph_was_told_is_shown_where_it_surfaced(asked: Any) -> None:
    inner = (
        StateGraph(Log).add_node("ask", lambda state: {"log": [interrupt("Sure?")]}).add_edge(START, "ask")
    )
    graph = chain([("team", inner.compile())], InMemorySaver())
    here = asked(graph, {"log": []})
    here.at = lgviz.history(graph, thread_id="1").heads[0].id
    here.answer(text("yes"))
    assert [(one["answered"], one["answer"]["text"]) for one in here.interrupts] == [(True, "yes")]
