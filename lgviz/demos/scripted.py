"""A chat model that needs no key and no network: a function of the conversation says what it answers.

It is a model as LangChain's others are: it takes tools, gives structured output and streams. So the one line
``build(saver, model=init_chat_model("openai:gpt-5"))`` has a real one do what a demo's script does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.types import Command

__all__ = ["Script", "ScriptedModel", "last_turn", "numbered", "says", "told"]

Script = Callable[[Sequence[BaseMessage], Sequence[str]], AIMessage]
"""From the conversation, and the names of the tools that the model may call, to its next message."""


class ScriptedModel(BaseChatModel):
    """A chat model that answers by a script, the same each time, with ids that count its messages.

    >>> from lgviz.demos.scripted import ScriptedModel, says
    >>> model = ScriptedModel(script=lambda messages, tools: says(f"You say {messages[-1].text!r}."))
    >>> model.invoke("hello").text
    "You say 'hello'."

    Attributes:
        script: what it answers to a conversation.
    """

    script: Script

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """The model with tools that it may call."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools])

    def _next(self, messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]]) -> AIMessage:
        message = self.script(messages, [tool["function"]["name"] for tool in tools])
        number = 1 + sum(isinstance(m, AIMessage) for m in messages)
        calls = [{**call, "id": f"call-{number}-{i}"} for i, call in enumerate(message.tool_calls, 1)]
        read, written = sum(len(m.text.split()) for m in messages), len(message.text.split()) + len(calls)
        return AIMessage(
            message.text,
            id=f"ai-{number}",
            tool_calls=calls,
            response_metadata={"model_name": "scripted"},
            usage_metadata={"input_tokens": read, "output_tokens": written, "total_tokens": read + written},
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: Any = None,  # noqa: ARG002
        run_manager: Any = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._next(messages, kwargs.get("tools", ())))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: Any = None,  # noqa: ARG002
        run_manager: Any = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        message = self._next(messages, kwargs.get("tools", ()))
        for word in re.findall(r"\S+\s*", message.text):
            yield ChatGenerationChunk(message=AIMessageChunk(content=word, id=message.id))
        rest = message.model_dump(include={"id", "tool_calls", "response_metadata", "usage_metadata"})
        yield ChatGenerationChunk(message=AIMessageChunk(content="", chunk_position="last", **rest))


def says(text: str, *calls: tuple[str, dict[str, Any]]) -> AIMessage:
    """A message of the model, and the tools that it calls, each by its name and its arguments."""
    return AIMessage(text, tool_calls=[{"name": name, "args": args, "id": None} for name, args in calls])


def last_turn(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The conversation from what the user said last on."""
    start = max(i for i, message in enumerate(messages) if isinstance(message, HumanMessage))
    return list(messages[start:])


def told(messages: Sequence[BaseMessage]) -> dict[str, str]:
    """What tools answered, by their names; of several answers the newest."""
    return {str(message.name): message.text for message in messages if isinstance(message, ToolMessage)}


def numbered(
    request: ToolCallRequest, execute: Callable[[ToolCallRequest], ToolMessage | Command[Any]]
) -> ToolMessage | Command[Any]:
    """For ``ToolNode(wrap_tool_call=...)``: ids of answers follow from those of calls, not from chance."""
    answer = execute(request)
    update: Any = answer.update if isinstance(answer, Command) else {"messages": [answer]}
    update["messages"][0].id = f"tool-{request.tool_call['id']}"
    return answer
