"""The files that a thread is exported to: what each contains, and how it is made (floor 6)."""

from .formats import FORMATS, FileFormat, format_of
from .prepared import PreparedFile, export, prepare, refuse_existing

__all__ = ["FORMATS", "FileFormat", "PreparedFile", "export", "format_of", "prepare", "refuse_existing"]
