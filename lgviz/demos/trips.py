"""A travel agent that books flights and hotels by a company's policy, and misreads a date.

Teaches how an agent's mistake is found: a booking against the policy, at the end, was caused steps before.
The traveller writes "5/6". Where nobody told how she writes dates, ``read_request`` takes it for the 6th of
May, and the agent books that, eight days ahead where the policy asks for fourteen. In the thread ``…-right``
her ``locale`` is told, and the same request is booked for the 5th of June. A fork where the request was read
puts the trip right; a second turn changes the booking. What is wrong with bookings ``against_policy`` tells.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from operator import itemgetter, or_
from typing import Annotated, Any, TypedDict
from zlib import crc32

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph, add_messages
from langgraph.prebuilt import ToolNode, ToolRuntime, tools_condition
from langgraph.types import Command

from ._seed import Graph, forked, ran, state_before
from .scripted import ScriptedModel, last_turn, numbered, says, told

__all__ = ["EARLIER", "POLICY", "REQUEST", "State", "against_policy", "ask", "build", "config_for", "seed"]

TODAY = date(2026, 4, 28)
POLICY = {"economy below hours": 6, "most for a flight": 250, "most for a night": 160, "days ahead": 14}
FLIGHTS = [
    dict(zip(("flight", "origin", "destination", "departs", "hours", "cabin", "price"), row, strict=True))
    for row in (
        ("TP934", "LIS", "ZRH", "07:10", 2.8, "economy", 209),
        ("LX2087", "LIS", "ZRH", "18:45", 2.8, "economy", 149),
        ("LX2087", "LIS", "ZRH", "18:45", 2.8, "business", 498),
        ("TP1362", "LIS", "LHR", "09:05", 2.7, "economy", 119),
        ("TP217", "LIS", "BOS", "15:25", 8.2, "business", 1890),
    )
]
HOTELS = [
    dict(zip(("hotel", "city", "price"), row, strict=True))
    for row in (("Hotel Limmat", "ZRH", 142), ("Storchen", "ZRH", 390), ("The Eagle", "LHR", 155))
]
"""What there is on every day; prices in EUR, those of hotels a night."""
AIRPORTS = {"Lisbon": "LIS", "Zurich": "ZRH", "London": "LHR", "Boston": "BOS"}

REQUEST = "Please book me a trip from Lisbon to Zurich on 5/6, with a hotel for 2 nights."
EARLIER = "Could I fly earlier on that day?"


class Trip(TypedDict):
    """The trip that a traveller asks for."""

    origin: Annotated[str, ..., "airport, as its IATA code"]
    destination: Annotated[str, ..., "airport, as its IATA code"]
    day: Annotated[str, ..., "YYYY-MM-DD"]
    nights: int


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    trip: Trip
    bookings: Annotated[dict[str, dict[str, Any]], or_]


def against_policy(bookings: dict[str, dict[str, Any]]) -> list[str]:
    """What is against the policy in bookings, a sentence each."""
    found = []
    for number, it in bookings.items():
        ahead = (date.fromisoformat(it["day"]) - TODAY).days
        if ahead < POLICY["days ahead"]:
            found.append(
                f"{number} was booked {ahead} days ahead; the policy asks for {POLICY['days ahead']}."
            )
        if it.get("cabin", "economy") != "economy" and it["hours"] < POLICY["economy below hours"]:
            found.append(f"{number} is in {it['cabin']}, for a flight of {it['hours']} hours.")
        if it["price"] > POLICY["most for a flight" if "flight" in it else "most for a night"]:
            found.append(f"{number} costs {it['price']} EUR.")
    return found


@tool
def look_up_policy() -> str:
    """The company's policy for travelling."""
    return json.dumps(POLICY)


@tool
def search_flights(origin: str, destination: str, day: str) -> str:  # noqa: ARG001
    """Flights between two airports (IATA codes) on a day (YYYY-MM-DD)."""
    return json.dumps([f for f in FLIGHTS if (f["origin"], f["destination"]) == (origin, destination)])


@tool
def search_hotels(city: str) -> str:
    """Hotels near an airport (IATA code), with the price of a night."""
    return json.dumps([h for h in HOTELS if h["city"] == city])


@tool
def book_flight(flight: str, cabin: str, day: str, runtime: ToolRuntime) -> Command[Any]:
    """Book a flight."""
    found = row_of(FLIGHTS, flight=flight, cabin=cabin)
    return booked(runtime, number_of(flight, day), {**found, "day": day})


@tool
def book_hotel(hotel: str, day: str, nights: int, runtime: ToolRuntime) -> Command[Any]:
    """Book a hotel, from a day on."""
    found = row_of(HOTELS, hotel=hotel)
    return booked(runtime, number_of(hotel, day), {**found, "day": day, "nights": nights})


@tool
def change_booking(number: str, flight: str, runtime: ToolRuntime) -> Command[Any]:
    """Change the flight of a booking; day and cabin stay."""
    old = runtime.state["bookings"][number]
    found = row_of(FLIGHTS, flight=flight, cabin=old["cabin"])
    return booked(runtime, number, {**found, "day": old["day"]})


def row_of(table: list[dict[str, Any]], **wanted: str) -> dict[str, Any]:
    """The first row with these values; without one the model is told so."""
    for row in table:
        if wanted.items() <= row.items():
            return row
    raise LookupError(f"There is nothing with {wanted}.")


def number_of(*what: str) -> str:
    """The number of a booking, the same for the same."""
    return f"{crc32(' '.join(what).encode()):08X}"[:6]


def booked(runtime: ToolRuntime, number: str, booking: dict[str, Any]) -> Command[Any]:
    """What a tool that books gives: the booking for the state, and its number for the model."""
    answer = ToolMessage(json.dumps({"number": number, **booking}), tool_call_id=runtime.tool_call_id)
    return Command(update={"bookings": {number: booking}, "messages": [answer]})


TOOLS = [look_up_policy, search_flights, search_hotels, book_flight, book_hotel, change_booking]


def script(messages: Sequence[BaseMessage], tools: Sequence[str]) -> AIMessage:
    """The scripted model. It keeps to cabin and prices, but nobody tells it which day is today."""
    prompt = messages[0].text
    if "Trip" in tools:
        trip = trip_in(messages, months_first="en_US" in prompt)
        return says("", ("Trip", trip)) if trip else says("I do not see which trip is asked for.")
    if (trip := json.loads(prompt.splitlines()[-1])) is None:
        return says("From where do you travel, where to (Lisbon, Zurich, London, Boston), and when (5/6)?")
    turn = last_turn(messages)
    new, known = told(turn), {name: json.loads(text) for name, text in told(messages).items()}
    route = {key: trip[key] for key in ("origin", "destination", "day")}
    if not new and "book_flight" in known:
        if "earlier" not in turn[0].text:
            return says("It is booked. I can look for an earlier flight, if you like.")
        return says("Let me see what else there is.", ("search_flights", route))
    if not new:
        return says(
            "Let me see what there is, and what our policy says.",
            ("look_up_policy", {}),
            ("search_flights", route),
            ("search_hotels", {"city": trip["destination"]}),
        )
    if "book_flight" in new or "change_booking" in new:
        flight = known["change_booking" if "change_booking" in new else "book_flight"]
        hotel = known["book_hotel"]["hotel"]
        return says(f"Done: {flight['flight']} on {flight['day']} at {flight['departs']}, and {hotel}.")
    limit = known["look_up_policy"]["most for a flight"]
    flights = [f for f in known["search_flights"] if f["cabin"] == "economy" and f["price"] <= limit]
    if not flights:
        return says("I am sorry, there is no flight that our policy allows.")
    if "book_flight" in known:
        earliest, number = min(flights, key=itemgetter("departs"))["flight"], known["book_flight"]["number"]
        return says("", ("change_booking", {"number": number, "flight": earliest}))
    flight, hotel = (min(found, key=itemgetter("price")) for found in (flights, known["search_hotels"]))
    return says(
        f"{flight['flight']} and {hotel['hotel']} are within the policy; I book them.",
        ("book_flight", {"flight": flight["flight"], "cabin": "economy", "day": trip["day"]}),
        ("book_hotel", {"hotel": hotel["hotel"], "day": trip["day"], "nights": trip["nights"]}),
    )


def trip_in(messages: Sequence[BaseMessage], *, months_first: bool) -> dict[str, Any] | None:
    """What the scripted model reads out of all that the traveller said."""
    said = " ".join(m.text for m in messages if isinstance(m, HumanMessage))
    cities, numbers = re.findall("|".join(AIRPORTS), said), re.search(r"(\d+)/(\d+)", said)
    if len(cities) < 2 or numbers is None:
        return None
    nights = re.search(r"(\d+) nights?", said)
    first, second = map(int, numbers.groups())
    for day, month in [(first, second), (second, first)][:: -1 if months_first else 1]:
        with suppress(ValueError):  # there is no such day
            return {
                "origin": AIRPORTS[cities[0]],
                "destination": AIRPORTS[cities[1]],
                "day": date(TODAY.year, month, day).isoformat(),
                "nights": int(nights[1]) if nights else 1,
            }
    return None


def build(
    checkpointer: BaseCheckpointSaver[Any] | None = None, *, model: BaseChatModel | None = None
) -> Graph:
    """Compile the graph; ``model=init_chat_model("openai:gpt-5")`` has a real model do it."""
    model = model or ScriptedModel(script=script)
    reader, booker = model.with_structured_output(Trip), model.bind_tools(TOOLS)

    def read_request(state: State, config: RunnableConfig) -> dict[str, Any]:
        locale = config["configurable"].get("locale", "en_US")
        prompt = (
            f"Read which trip is asked for. It is {TODAY.year}. The traveller writes dates as in {locale}."
        )
        return {"trip": reader.invoke([SystemMessage(prompt), *state["messages"]])}

    def agent(state: State) -> dict[str, Any]:
        prompt = f"Book the trip with your tools, within the company's policy.\n{json.dumps(state['trip'])}"
        return {"messages": [booker.invoke([SystemMessage(prompt), *state["messages"]])]}

    builder = StateGraph(State)
    builder.add_node(read_request)
    builder.add_node(agent)
    builder.add_node(ToolNode(TOOLS, handle_tool_errors=True, wrap_tool_call=numbered))
    builder.add_edge(START, "read_request")
    builder.add_edge("read_request", "agent")
    builder.add_conditional_edges("agent", tools_condition)
    builder.add_edge("tools", "agent")
    return builder.compile(checkpointer=checkpointer)


def ask(turn: int, text: str) -> State:
    """The input of one turn."""
    return {"messages": [HumanMessage(text, id=f"human-{turn}")]}


def config_for(thread_id: str, locale: str | None = None) -> RunnableConfig:
    """The config of a thread, and how its traveller writes dates: ``"en_GB"``; None: nobody told."""
    told_of = {} if locale is None else {"locale": locale}
    return {"configurable": {"thread_id": thread_id, **told_of}}


def seed(graph: Graph, thread_id: str = "1") -> None:
    """The request misread here, and read rightly in another thread; then a fork, and an earlier flight."""
    ran(graph, ask(1, REQUEST), config_for(thread_id))
    ran(graph, ask(1, REQUEST), config_for(f"{thread_id}-right", "en_GB"))
    read = state_before(graph, thread_id, "agent")
    trip = {**read.values["trip"], "day": "2026-06-05"}
    ran(graph, None, forked(graph, read.config, {"trip": trip}, "read_request", "5/6 is the 5th of June"))
    ran(graph, ask(2, EARLIER), config_for(thread_id, "en_GB"))
