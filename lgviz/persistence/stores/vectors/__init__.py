"""Semantic search: items are embedded as vectors, and ranked against an embedded query."""
