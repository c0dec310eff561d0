"""Embeddings that need no model: what they give depends on the text alone."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Sequence

from langchain_core.embeddings import Embeddings

DIMS = 16
FIELDS = ["text", "tags[*]"]


def words(texts: Sequence[str], salt: str = "") -> list[list[float]]:
    """How often the words of each text fall into each of few classes: small whole numbers, exact in float32."""
    rows = []
    for text in texts:
        row = [0.0] * DIMS
        for word in text.lower().split():
            row[hashlib.blake2b((salt + word).encode()).digest()[0] % DIMS] += 1
        rows.append(row)
    return rows


def other_words(texts: Sequence[str]) -> list[list[float]]:
    """Another model of as many dimensions."""
    return words(texts, "other")


async def awords(texts: Sequence[str]) -> list[list[float]]:
    """The same, as a coroutine."""
    await asyncio.sleep(0)
    return words(texts)


class Recorder(Embeddings):
    """A LangChain embedding that tells what it was asked, and from which threads."""

    def __init__(self) -> None:
        self.documents: list[list[str]] = []
        self.queries: list[str] = []
        self.threads: set[int] = set()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.documents.append(list(texts))
        self.threads.add(threading.get_ident())
        return words(texts)

    def embed_query(self, text: str) -> list[float]:
        self.queries.append(text)
        self.threads.add(threading.get_ident())
        return words([text])[0]


INDEX = {"embed": words, "dims": DIMS, "fields": FIELDS}
AINDEX = {**INDEX, "embed": awords}
