"""LangGraph's savers, each operation written once."""
