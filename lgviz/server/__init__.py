"""The debugger as a part of a Jupyter server: databases below its root, over authenticated routes (floor 6).

::

    GET    {base_url}lgviz/api                                  the versions of lgviz and of its protocol
    POST   {base_url}lgviz/api/documents                        {"path", "protocol", "agent"}: opens to read
    POST   {base_url}lgviz/api/documents/{document}/request     one request of the protocol; frames
    GET    {base_url}lgviz/api/documents/{document}/channel     a websocket: requests in, frames out
    DELETE {base_url}lgviz/api/documents/{document}             closes

``lgviz.server.frames`` says what a frame is, ``lgviz.server.settings`` what can be configured.
"""

from __future__ import annotations

from typing import Any

__all__ = ["load"]


def load(server: Any) -> None:
    """Add the routes to a ``jupyter_server.serverapp.ServerApp``; nothing is opened unasked."""
    from lgviz.server.documents import OpenDocuments
    from lgviz.server.routes import routes
    from lgviz.server.settings import LgvizServer

    documents = OpenDocuments(LgvizServer(parent=server))
    server.web_app.add_handlers(".*$", routes(server.web_app.settings["base_url"], documents))
    server.log.info("lgviz reads databases of checkpoints as documents")


_load_jupyter_server_extension = load
