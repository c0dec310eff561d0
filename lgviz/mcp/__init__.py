"""Threads for a coding agent: an MCP server whose tools read a checkpoint database (floor 6)."""

from .desk import ToolDesk
from .tools import AgentTools, ToolAnswer, tool

__all__ = ["AgentTools", "ToolAnswer", "ToolDesk", "tool"]
