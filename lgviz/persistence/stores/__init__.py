"""LangGraph's stores, each operation written once, every version kept."""
