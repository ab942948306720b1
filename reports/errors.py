"""The errors of the package `reports`.

ReportError
├── DocumentError   parts that do not belong together, or a verdict that must not be printed
├── ExportError     scores that cannot be exported as asked
├── RendererError   a format without renderer, or a renderer that cannot be used
└── WriteError      a folder or file that cannot be written
"""

from __future__ import annotations

from claims.errors import CorroborateError

__all__ = ["DocumentError", "ExportError", "RendererError", "ReportError", "WriteError"]


class ReportError(CorroborateError):
    """Any failure of the package `reports`."""


class DocumentError(ReportError):
    """Parts that do not belong together, or a verdict that must not be printed."""


class ExportError(ReportError):
    """Scores that cannot be exported as asked."""


class RendererError(ReportError):
    """A format without renderer, or a renderer that cannot be used."""


class WriteError(ReportError):
    """A folder or file that cannot be written."""
