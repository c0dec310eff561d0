"""The files that a thread is exported to: what each contains, and how it is made (floor 6)."""

from .formats import FORMATS, FileFormat
from .prepared import PreparedFile, export, prepare

__all__ = ["FORMATS", "FileFormat", "PreparedFile", "export", "prepare"]
