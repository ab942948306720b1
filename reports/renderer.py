"""Which renderings of a document are there?

A renderer is an extension point: any installed distribution may add one under the entry-point
group `corroborate.renderers`.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, runtime_checkable

from reports.document import Document
from reports.errors import RendererError

__all__ = ["GROUP", "Renderer", "renderer", "renderer_names"]

GROUP = "corroborate.renderers"


@runtime_checkable
class Renderer(Protocol):
    """One rendering of a document.

    A renderer whose file needs others beside it, such as pictures, also has a method
    `beside(document)` that returns their bytes by path, relative to the report's folder.
    """

    @property
    def name(self) -> str:
        """Name of the format, as `--format` takes it."""

    @property
    def file_name(self) -> str:
        """Name of the file that it writes, without folder."""

    def render(self, document: Document) -> bytes:
        """Return the bytes of the file; the same document always gives the same bytes."""


def renderer_names() -> tuple[str, ...]:
    """Return the names of all installed renderers, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def renderer(name: str) -> Renderer:
    """Return the renderer of a format.

    Raises:
        RendererError: there is none of that name, or it cannot be loaded.
    """
    found = sorted(entry_points(group=GROUP, name=name), key=lambda point: point.value)
    if not found:
        known = ", ".join(renderer_names()) or "none"
        raise RendererError(
            f"report format '{name}': found no renderer ; expected one of: {known}. "
            "Choose another format or install the distribution that provides it."
        )
    values = {point.value for point in found}
    if len(values) > 1:
        raise RendererError(
            f"report format '{name}': found {len(values)} renderers, {', '.join(sorted(values))} ; "
            "expected one. Uninstall the one that is not wanted."
        )
    return _load(found[0])


def _load(point: EntryPoint) -> Renderer:
    try:
        loaded = point.load()
    except Exception as error:  # noqa: BLE001 - a plugin may fail in any way when it is imported
        raise RendererError(
            f"report format '{point.name}': found {point.value}, which fails with "
            f"{type(error).__name__}: {error} ; expected a renderer. "
            "Mend or uninstall the distribution that provides it."
        ) from None
    if not isinstance(loaded, Renderer):
        raise RendererError(
            f"report format '{point.name}': found {point.value} of type {type(loaded).__name__} ; "
            "expected an object with name, file_name and render. Mend the plugin."
        )
    return loaded
