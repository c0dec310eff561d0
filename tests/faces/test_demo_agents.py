"""The demos' agents: each does what its docstring promises, with its scripted model and with another one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import Field

import lgviz
from lgviz.demos import expenses, files, mail, trips
from lgviz.demos.scripted import ScriptedModel, says

TALKING = [trips, files]
"""Those whose state has messages."""
CONFIG: Any = {"configurable": {"thread_id": "1"}}


class OtherModel(BaseChatModel):
    """A model of another make, which calls a tool only where it must, with given arguments."""

    fields: dict[str, Any]
    asked: list[str] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "other"

    def bind_tools(self, tools: Sequence[Any], *, tool_choice: str | None = None, **_: Any) -> Any:
        return self.bind(forced=getattr(tools[0], "__name__", "") if tool_choice else "")

    def _generate(
        self, messages: Any, stop: Any = None, run_manager: Any = None, forced: str = "", **_: Any
    ) -> ChatResult:
        self.asked.append(messages[0].text)
        calls = [{"name": forced, "args": self.fields, "id": "1"}] if forced else []
        message = AIMessage("" if forced else "another model's words", tool_calls=calls)
        return ChatResult(generations=[ChatGeneration(message=message)])


@pytest.fixture(params=TALKING, ids=lambda demo: demo.__name__.rpartition(".")[2])
def demo(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module


def test_ids_of_messages_and_of_tool_calls_are_not_by_chance(demo: ModuleType) -> None:
    demo.seed(graph := demo.build(InMemorySaver()))
    messages = [m for c in lgviz.history(graph, "1") for m in c.values.get("messages", ())]
    assert {m.id.partition("-")[0] for m in messages} == {"human", "ai", "tool"}
    assert {call["id"][:5] for m in messages if m.type == "ai" for call in m.tool_calls} == {"call-"}


async def test_streamed_and_awaited_runs_come_to_the_same(demo: ModuleType) -> None:
    begun = demo.ask(1, demo.REQUEST) | ({"files": files.FILES} if demo is files else {})
    graph = demo.build()
    invoked = graph.invoke(begun, CONFIG)
    streamed = list(graph.stream(begun, CONFIG, stream_mode=["messages", "values"]))
    assert streamed[-1] == ("values", invoked)
    assert [mode for mode, _ in streamed].count("messages") > len(invoked["messages"])
    assert await graph.ainvoke(begun, CONFIG) == invoked


# ---------------------------------------------------------------- the scripted model


def echo(messages: Any, tools: Any) -> AIMessage:
    return says(f"You say {messages[-1].text}.", ("look", {"at": messages[-1].text}))


def test_a_scripted_model_streams_what_it_answers() -> None:
    model = ScriptedModel(script=echo)
    whole, chunks = model.invoke("a b c"), list(model.stream("a b c"))
    assert [chunk.text for chunk in chunks] == ["You ", "say ", "a ", "b ", "c.", ""]
    joined = sum(chunks[1:], chunks[0])
    assert isinstance(joined, AIMessageChunk)
    for one in (whole, joined):
        assert (one.text, one.id, one.usage_metadata["input_tokens"]) == ("You say a b c.", "ai-1", 3)  # type: ignore[index]
        (call,) = one.tool_calls
        assert (call["name"], call["args"], call["id"]) == ("look", {"at": "a b c"}, "call-1-1")


def test_a_scripted_model_counts_its_own_messages() -> None:
    answer = ScriptedModel(script=echo).invoke([("human", "a"), ("ai", "b"), ("human", "c")])
    assert (answer.id, answer.tool_calls[0]["id"]) == ("ai-2", "call-2-1")


# ---------------------------------------------------------------- trips


@pytest.fixture
def booked() -> Any:
    """The graph, with the request misread in thread ``failing`` and read rightly in thread ``right``."""
    graph = trips.build(InMemorySaver())
    for config in (trips.config_for("failing"), trips.config_for("right", "en_GB")):
        graph.invoke(trips.ask(1, trips.REQUEST), config)
    return graph


def broken(checkpoint: lgviz.Checkpoint) -> list[str]:
    return trips.against_policy(checkpoint.values.get("bookings", {}))


def test_the_misread_date_is_found_and_put_right_and_kept_as_a_test(booked: Any, tmp_path: Path) -> None:
    failing, right = (lgviz.history(booked, thread) for thread in ("failing", "right"))
    assert [text.partition(" ")[2] for text in broken(failing.latest)] == [
        "was booked 8 days ahead; the policy asks for 14."
    ] * 2
    assert broken(right.latest) == []

    parted = lgviz.compare(failing, right).divergence
    assert (parted.node, parted.place, parted.left.label) == ("read_request", "trip.day", "c2")
    assert (parted.change.before, parted.change.after) == ("2026-05-06", "2026-06-05")
    (origin,) = failing.blame(("trip", "day"))
    assert (origin.node, origin.set_by.label, origin.value) == ("read_request", "c2", "2026-05-06")
    first = failing.bisect(broken)
    assert (first.label, first.nodes) == ("c6", ("tools",))

    trip = {**parted.left.values["trip"], "day": "2026-06-05"}
    mended = lgviz.run(booked, lgviz.fork(booked, parted.left, {"trip": trip}, as_node="read_request"))
    assert mended.status == "done"
    assert mended.values["bookings"] == right.latest.values["bookings"]
    assert broken(mended.checkpoint) == []

    recording = tmp_path / "trip.lgviz"  # what `lgviz.pin` writes, with a test that does the next
    lgviz.save_bundle(booked, "failing", recording, at=mended.checkpoint.label)
    lgviz.check_pin("lgviz.demos.trips:build", recording, live=["agent", "tools"])


def test_an_earlier_flight_is_a_change_of_the_same_booking(booked: Any) -> None:
    config = trips.config_for("right", "en_GB")
    before = booked.get_state(config).values["bookings"]
    after = booked.invoke(trips.ask(2, trips.EARLIER), config)["bookings"]
    flights = {number: it["flight"] for number, it in after.items() if "flight" in it}
    assert (list(after), list(flights.values())) == (list(before), ["TP934"])


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("hello", "From where do you travel"),
        ("From Lisbon to Zurich on 31/2, please.", "From where do you travel"),
        ("From Lisbon to Boston on 7/8, please.", "no flight that our policy allows"),
        ("From London to Zurich on 7/8, please.", "no flight that our policy allows"),
    ],
)
def test_the_travel_agent_says_what_it_cannot_do(text: str, answer: str) -> None:
    graph = trips.build(InMemorySaver())
    values = graph.invoke(trips.ask(1, text), trips.config_for("1", "en_GB"))
    assert answer in values["messages"][-1].text
    assert values["bookings"] == {}


@pytest.mark.parametrize(("said", "day"), [("5/6", "2026-05-06"), ("25/6", "2026-06-25")])
def test_a_month_comes_first_where_there_is_one(said: str, day: str) -> None:
    text = f"From Lisbon to London on {said}."
    assert trips.build().invoke(trips.ask(1, text), CONFIG)["trip"]["day"] == day


def test_thanks_change_no_booking(booked: Any) -> None:
    config = trips.config_for("right", "en_GB")
    before = booked.get_state(config).values["bookings"]
    assert booked.invoke(trips.ask(2, "Thank you!"), config)["bookings"] == before


def test_a_tool_that_finds_nothing_tells_the_model_so() -> None:
    def books_nothing(messages: Any, tools: Any) -> AIMessage:
        if "Trip" in tools:
            return trips.script(messages, tools)
        if messages[-1].type == "tool":
            return says("Then not.")
        return says("", ("book_flight", {"flight": "XX1", "cabin": "economy", "day": "2026-06-05"}))

    graph = trips.build(model=ScriptedModel(script=books_nothing))
    *_, answer, last = graph.invoke(trips.ask(1, trips.REQUEST), CONFIG)["messages"]
    assert (answer.status, last.text) == ("error", "Then not.")
    assert "There is nothing with" in answer.text


def test_what_is_against_the_policy_is_told() -> None:
    flight = {"flight": "LX2087", "day": "2026-07-01", "cabin": "business", "hours": 2.8, "price": 498}
    hotel = {"hotel": "Storchen", "day": "2026-07-01", "nights": 1, "price": 390}
    assert trips.against_policy({"A": flight, "B": hotel}) == [
        "A is in business, for a flight of 2.8 hours.",
        "A costs 498 EUR.",
        "B costs 390 EUR.",
    ]


def test_another_model_reads_the_request_and_speaks() -> None:
    trip = {"origin": "LIS", "destination": "LHR", "day": "2026-09-01", "nights": 3}
    model = OtherModel(fields=trip)
    values = trips.build(model=model).invoke(trips.ask(1, trips.REQUEST), trips.config_for("1", "en_GB"))
    assert values["trip"] == trip
    assert values["messages"][-1].text == "another model's words"
    assert "en_GB" in model.asked[0] and '"LHR"' in model.asked[1]


# ---------------------------------------------------------------- expenses

APPROVE, REJECT = {"type": "approve"}, {"type": "reject", "message": "no"}


def approved(*, apart: bool) -> Any:
    """The first lines of the mails of a report whose two doubtful items were decided about, and its state."""
    graph = expenses.build(InMemorySaver(), apart=apart)
    expenses.sent.clear()
    asked = graph.invoke(expenses.report(expenses.REPORT), CONFIG)
    assert [a["args"]["what"] for a in asked["__interrupt__"][0].value["action_requests"]] == [
        "Dinner with two customers",
        "Headphones for the flight",
    ]
    values = graph.invoke(expenses.answer(APPROVE, REJECT), CONFIG)
    return [mail.partition(":")[0] for mail in expenses.sent], values


@pytest.mark.parametrize(
    ("apart", "mails"),
    [(True, ["To Rui Dias", "To Ana Sousa"]), (False, ["To Rui Dias", "To Rui Dias", "To Ana Sousa"])],
)
def test_a_mail_before_the_interrupt_goes_out_twice_and_one_in_a_node_of_its_own_once(
    apart: bool, mails: list[str]
) -> None:
    told, values = approved(apart=apart)
    assert told == mails
    assert (values["paid"], values["declined"]) == (362.5, {"Headphones for the flight": "no"})


def test_nobody_is_asked_about_a_report_within_the_rules() -> None:
    expenses.sent.clear()
    values = expenses.build(InMemorySaver()).invoke(expenses.report("Taxi: 34.00 EUR", "Ben Frei"), CONFIG)
    assert (values["paid"], values["doubts"]) == (34.0, {})
    assert expenses.sent == ["To Ben Frei: 34.00 EUR are on their way to you."]


def test_the_expenses_were_answered_in_two_ways_and_one_question_waits() -> None:
    expenses.seed(graph := expenses.build(InMemorySaver()))
    history = lgviz.history(graph, "1")
    assert [head.values.get("paid") for head in history.heads] == [362.5, 375.0, None]
    assert history.status == "interrupted"
    assert lgviz.run(graph, history.latest, resume={"decisions": [APPROVE]}).values["paid"] == 362.5


def test_another_model_reads_the_report() -> None:
    items = [{"what": "Hotel", "category": "hotel", "amount": 99.0}]
    model = OtherModel(fields={"items": items})
    values = expenses.build(InMemorySaver(), model=model).invoke(expenses.report("…"), CONFIG)
    assert (values["items"], values["paid"], model.asked) == (items, 99.0, ["…"])


# ---------------------------------------------------------------- mail

SCRIPTED = {"m1": "urgent", "m2": "junk", "m3": "answer", "m4": "junk", "m5": "read"}
MIA = mail.config_for("mia", "1")


def test_the_other_mails_are_not_classified_again_after_one_failed() -> None:
    model = ScriptedModel(
        script=lambda messages, tools: asked.append(messages) or mail.script(messages, tools)
    )
    asked: list[Any] = []
    graph = mail.build(InMemorySaver(), model=model)
    mail.outages.add("m4")
    with pytest.raises(ConnectionError, match="m4"):
        graph.invoke({"moved": {}}, MIA, durability="sync")
    failed = lgviz.history(graph, "1").latest
    assert (len(asked), [bool(task.error) for task in failed.tasks].count(True)) == (4, 1)
    values = graph.invoke(None, MIA)
    assert (len(asked), values["labels"]) == (5, SCRIPTED)
    assert values["digest"].splitlines() == [
        "urgent: Contract (rui@office.example)",
        "answer: Lunch (lea@office.example)",
        "read: Downtime (it@office.example)",
    ]


def test_what_a_reader_moves_by_hand_holds_in_her_next_thread_and_for_nobody_else() -> None:
    graph = mail.build(InMemorySaver())
    moved = graph.invoke({"moved": {"m2": "read"}}, MIA)
    assert moved["labels"] == SCRIPTED | {"m2": "read"}
    assert graph.invoke({"moved": {}}, mail.config_for("mia", "2"))["labels"] == SCRIPTED | {"m2": "read"}
    assert graph.invoke({"moved": {}}, mail.config_for("ben", "3"))["labels"] == SCRIPTED


def test_a_branch_of_the_mail_has_failed_and_can_go_on() -> None:
    mail.seed(graph := mail.build(InMemorySaver()))
    history = lgviz.history(graph, "1")
    assert (history.status, mail.outages) == ("failed", set())
    assert [head.values.get("labels") for head in history.heads] == [SCRIPTED | {"m2": "read"}, {}]
    resumed = lgviz.run(graph, history.latest, only="unfinished")
    assert resumed.values["labels"] == SCRIPTED | {"m3": "urgent"}


def test_another_model_classifies() -> None:
    model = OtherModel(fields={"label": "read"})
    values = mail.build(model=model).invoke({"moved": {"m1": "junk"}}, MIA)
    assert set(values["labels"].values()) == {"read"}
    assert model.asked[0].endswith('{"rui@office.example": "junk"}')


# ---------------------------------------------------------------- files


def renamed(new: str) -> dict[str, str]:
    return {path: re.sub(r"\btotal\b", new, text) for path, text in files.FILES.items()}


def test_the_reviewer_finds_what_the_agent_forgot_and_a_person_may_mend_it_first() -> None:
    files.seed(graph := files.build(InMemorySaver()))
    history = lgviz.history(graph, "1")
    assert [head.values["files"] for head in history.heads] == [
        renamed("total_price"),
        renamed("total_price"),
        renamed("amount_due"),
    ]
    remarks = [[m.text for m in head.values["messages"] if m.name == "reviewer"] for head in history.heads]
    assert remarks == [["receipt.py imports `total`, which `shop` lacks."], [], remarks[0]]
    assert {"check_code", "check_guide", "remark"} <= {
        node for c in history.all if c.namespace for node in c.nodes
    }


def test_edits_of_one_file_in_one_step_are_all_kept() -> None:
    files.seed(graph := files.build(InMemorySaver()))
    first = lgviz.history(graph, "1").find(
        lambda c: "total_price" in c.values.get("files", {}).get("shop.py", "")
    )[0]
    assert first.nodes == ("tools",)
    assert first.values["files"] == renamed("total_price") | {"receipt.py": files.RECEIPT}


def test_a_text_that_is_not_unique_is_told_to_the_model() -> None:
    files.seed(graph := files.build(InMemorySaver()))
    told = [
        m
        for m in lgviz.history(graph, "1").latest.values["messages"]
        if m.type == "tool" and m.status == "error"
    ]
    assert ["It occurs 5 times in shop.py" in m.text for m in told] == [True]


@pytest.mark.parametrize(
    ("changes", "remarks"),
    [
        ({}, []),
        (
            {"shop.py": "def total(basket):\n    return subtotal(basket)\n"},
            [
                "receipt.py imports `discount`, which `shop` lacks.",
                "shop.py uses `subtotal`, which is not defined.",
                "guide.md tells of `split`, which no file has.",
                "guide.md tells of `subtotal`, which no file has.",
            ],
        ),
        ({"guide.md": "`sum_up` adds up."}, ["guide.md tells of `sum_up`, which no file has."]),
        (
            {"receipt.py": "def receipt(:"},
            [
                "receipt.py cannot be parsed: look at line 1.",
                "guide.md tells of `receipt`, which no file has.",
            ],
        ),
    ],
)
def test_the_review_compares_names(changes: dict[str, str], remarks: list[str]) -> None:
    state = files.ask(1, files.REQUEST, files.FILES | changes)
    found = files.review().invoke(state)["messages"][1:]
    assert [line for message in found for line in message.text.splitlines()] == remarks


def test_another_model_is_asked_for_edits() -> None:
    model = OtherModel(fields={})
    values = files.build(model=model).invoke(files.ask(1, files.REQUEST, files.FILES))
    assert (values["files"], values["messages"][-1].text) == (files.FILES, "another model's words")
