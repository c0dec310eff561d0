"""LangGraph's own tables and savers, read without writing to them (floor 2)."""
