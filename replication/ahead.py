"""Items made by a thread while the ones before them are used, in the same order. Light: no torch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Self, TypeVar

__all__ = ["Ahead"]

T = TypeVar("T")

DEPTH = 2
"""Items that are ready, or being made, before they are asked for."""

_END = object()


class Ahead(Generic[T]):
    """An iterator over what another one yields, which alone its thread advances.

    What the other one raises is raised where the item would have come. Used in a `with`, at whose
    end the thread ends; items that nobody asked for are dropped.
    """

    def __init__(self, items: Iterator[T], depth: int = DEPTH) -> None:
        """Begin to make the first items."""
        self._items = items
        self._thread = ThreadPoolExecutor(1, "ahead")
        self._coming: deque[Future[object]] = deque()
        for _ in range(depth):
            self._ask()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        found = self._coming.popleft().result()
        self._ask()
        if found is _END:
            raise StopIteration
        return found  # type: ignore[return-value]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def _ask(self) -> None:
        self._coming.append(self._thread.submit(next, self._items, _END))
