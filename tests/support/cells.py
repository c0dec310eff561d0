"""Cells of notebooks that several tests open: agents that ask, a run that streams, a graph with a memory."""

from __future__ import annotations

from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
SUPPORT = f"import sys; sys.path.append({str(REPO)!r})\nfrom tests.support.agents import *\n"
AGENT = f"""{SUPPORT}
graph = asking_agent(saver, only={{"close": ["approve", "reject"]}})
_ = graph.invoke(ASK, {{"configurable": {{"thread_id": "1"}}}})
"""
FORM = """
from typing import Literal
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, Field
class Trip(BaseModel):
    nights: int = Field(gt=0)
    seat: Literal["window", "aisle"]
    note: str | None = None
def ask(state):
    trip = interrupt("Which trip?", response_schema=Trip)
    if trip.nights > 20:
        raise ValueError("too long")
    return {"told": trip.model_dump()}
graph = StateGraph(dict).add_node(ask).add_edge(START, "ask").compile(checkpointer=saver)
_ = graph.invoke({"told": None}, {"configurable": {"thread_id": "1"}})
"""
STREAMING = """
import threading
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Send
gate = threading.Event(); gate.set()
class Slow(GenericFakeChatModel):
    def _stream(self, *args, run_manager=None, **kwargs):
        pieces = list(super()._stream(*args, **kwargs))
        for piece in pieces:
            if piece.text == "end.": gate.wait(60)
            if run_manager: run_manager.on_llm_new_token(piece.text, chunk=piece)
            yield piece
def asked(text):
    usage = {"input_tokens": 1500, "output_tokens": 340, "total_tokens": 1840}
    return AIMessage(text, usage_metadata=usage, response_metadata={"model_name": "scripted-1"})
def agent(state):
    get_stream_writer()({"progress": 0.5})
    model = Slow(messages=iter([AIMessage("Your policy allows business above six hours, so in the end.")]))
    return {"messages": [model.invoke(state["messages"])]}
def tool(state):
    return {"messages": [asked("Booked.")]}
def check(state):
    model = Slow(messages=iter([AIMessage(f"Looked at {state['what']} until the end.")]))
    return {"messages": [model.invoke("go on")]}
inner = StateGraph(MessagesState)
inner.add_node(check)
inner.add_conditional_edges(START, lambda _: [Send("check", {"what": w}) for w in ("fares", "seats")], ["check"])
b = StateGraph(MessagesState)
b.add_node(agent); b.add_node(tool); b.add_node("checks", inner.compile())
b.add_edge(START, "agent"); b.add_edge("agent", "tool"); b.add_edge("tool", "checks")
graph = b.compile(checkpointer=saver)
_ = graph.invoke({"messages": [("human", "May I fly business?")]}, {"configurable": {"thread_id": "1"}})
gate.clear()
"""
MEMORY = """
from lgviz.demos import memory
from lgviz.persistence import InMemoryStore
graph = memory.build(saver, InMemoryStore())
memory.seed(graph, thread_id="1")
"""
