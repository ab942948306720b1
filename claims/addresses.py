"""Under which address does each part of a paper stand, for a person and for a machine?

LaTeX and HTML of the same paper count sections and paragraphs alike, so that most addresses agree.
"""

from __future__ import annotations

import string

from claims.paper import slug

__all__ = ["Addresses"]


class Addresses:
    """Counts sections, paragraphs and floats in the order in which a paper is read."""

    def __init__(self) -> None:
        """Begin before the first section."""
        self.numbers: list[int] = []
        self.base = 1
        """The level of the highest heading that counts."""
        self.letters = False
        self.section = "front"
        """Machine address of the section that is being read."""
        self.section_place = "before the first section"
        self.title = ""
        self._before: tuple[str, str, str] = (self.section, self.section_place, self.title)
        self._counts: dict[str, int] = {}
        self._taken: dict[str, int] = {}

    def enter(self, level: int, title: str, *, numbered: bool, printed: str = "") -> str:
        """Enter a section and return its number: the one printed, else the next; empty for none."""
        depth = max(0, level - self.base) if self.numbers or level >= self.base else 0
        self.base = min(self.base, level)
        number = ""
        if numbered:
            self.numbers = [*self.numbers[: depth + 1], *[0] * (depth + 1 - len(self.numbers))]
            self.numbers[depth] += 1
            first = self.numbers[0]
            head = string.ascii_uppercase[(first - 1) % 26] if self.letters else str(first)
            number = ".".join([head, *map(str, self.numbers[1:])])
        number = printed or number
        self.title = title[:300]
        self.section = self._own(f"s{number}" if number else slug(title.lower())[:60])
        named = f' "{self.title}"' if self.title else ""
        self.section_place = f"section {number}{named}" if number else f"section{named}"
        return number

    def appendix(self) -> None:
        """Count sections with letters from here on."""
        self.letters, self.numbers = True, []

    def enter_abstract(self) -> None:
        """Enter the abstract."""
        self._before = (self.section, self.section_place, self.title)
        self.section, self.section_place, self.title = "abstract", "abstract", "Abstract"

    def leave_abstract(self) -> None:
        """Return to where the abstract stood."""
        self.section, self.section_place, self.title = self._before

    def count(self, kind: str) -> int:
        """Return the number of the next float of a kind."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return self._counts[kind]

    def passage(self, section: str, place: str, kind: str) -> tuple[str, str]:
        """Return the machine and human address of the next passage of a section."""
        if kind == "heading":
            return self._own(f"{section}/heading"), f"heading of {place}"
        key = f"{section}/p"
        self._counts[key] = self._counts.get(key, 0) + 1
        number = self._counts[key]
        return f"{key}{number}", f"{place}, paragraph {number}"

    def float_names(self, kind: str, number: str, label: str, part: str) -> tuple[str, str]:
        """Return the machine and human address of a float."""
        if not number:
            number = f"unnumbered-{self.count(f'{kind} without number')}"
        name = slug(label) if label else number
        address = self._own(f"{kind}s/{name}{f'.{part}' if part else ''}")
        return address, f"{kind} {number}{part}"

    def _own(self, address: str) -> str:
        """Return an address that nothing else has."""
        self._taken[address] = self._taken.get(address, 0) + 1
        again = self._taken[address]
        return address if again == 1 else f"{address}~{again}"
