"""Copying from LangGraph's savers, stores and databases."""
