"""A thread as one HTML file: the debugger's own front end over data that lies in the file (floor 6).

It works from a disk, without a network and without Python; it reads, and does not act.
"""

from .document import page_of

__all__ = ["page_of"]
