"""What of the server's part can be configured, as ``c.LgvizServer.… = …`` in ``jupyter_server_config.py``."""

from __future__ import annotations

from typing import Any

from traitlets import Float, Int, List
from traitlets.config import Configurable

__all__ = ["LgvizServer"]


class LgvizServer(Configurable):
    """The limits of what the server reads for its pages, and what it masks.

    >>> LgvizServer(max_documents=3).max_documents
    3
    """

    redact: List[Any] = List(
        help="What is masked in all that is shown: paths (messages.*.content), compiled patterns, functions."
    ).tag(config=True)
    max_documents = Int(32, min=1, help="Documents that are open at once.").tag(config=True)
    max_message_bytes = Int(1_000_000, min=1_000, help="Size of one request.").tag(config=True)
    max_bundle_bytes = Int(1_000_000_000, min=1_000, help="Size of a bundle's database, unpacked.").tag(
        config=True
    )
    max_requests = Int(64, min=1, help="Requests that one document answers at once.").tag(config=True)
    request_seconds = Float(60.0, min=0.1, help="After this, a request is cancelled.").tag(config=True)
    idle_seconds = Float(120.0, min=0.1, help="After this, a document that nobody uses is closed.").tag(
        config=True
    )
    poll_seconds = Float(0.5, min=0.05, help="How often files are looked at for what others wrote.").tag(
        config=True
    )
