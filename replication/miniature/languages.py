"""The miniature's languages: one grammar of meanings, five ways to say them.

A meaning is who (a name) does what (a verb) to which (a noun), with options of time, quality and
place. Languages differ in word order and in every word but the names, as real ones do who share
little but proper names. Each name belongs to one of three guilds, at random: text alone never
says which, so a model that was not told cannot know. That is what the controls rest on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["GUILDS", "LANGUAGES", "ORDERS", "Language", "Meaning", "World", "make_world"]

ORDERS = {
    "en": "tsvqop",
    "qaa": "tsqopv",
    "qab": "vsqopt",
    "qac": "pvoqst",
    "qad": "oqvspt",
}
"""Language -> order of time, subject, verb, quality, object, place. `qaa` to `qad` are codes that
ISO 639 sets aside for private use; `en` is the language that tasks are trained in, not English."""

LANGUAGES = tuple(ORDERS)
GUILDS = ("amber", "basalt", "cobalt")
SIZES = {"t": 6, "v": 12, "q": 8, "o": 24, "p": 8}
NAMES_PER_GUILD = 50
SEEN_PER_GUILD = 20
ONSETS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "ch", "sh")
VOWELS = ("a", "e", "i", "o", "u", "ai", "ou")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a sentence says, in no language: indices into the lexicons."""

    subject: int
    verb: int
    noun: int
    time: int | None = None
    quality: int | None = None
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Language:
    """A word order and a lexicon."""

    code: str
    order: str
    words: dict[str, tuple[str, ...]]
    """Slot -> words; the subject slot holds names and is the same in every language."""
    who: str
    """The question that asks for a member of the first guild."""

    def say(self, meaning: Meaning) -> list[str]:
        """Return the words of a statement."""
        return [self.words[s][i] for s, i in self._slots(meaning)]

    def _slots(self, meaning: Meaning) -> list[tuple[str, int]]:
        values = {
            "s": meaning.subject,
            "v": meaning.verb,
            "o": meaning.noun,
            "t": meaning.time,
            "q": meaning.quality,
            "p": meaning.place,
        }
        return [(slot, index) for slot in self.order if (index := values[slot]) is not None]


@dataclass(frozen=True, slots=True)
class World:
    """The languages, the names, and the guild of each name."""

    languages: dict[str, Language]
    guild: tuple[int, ...]
    """Guild of each name, by index."""
    seen: tuple[int, ...]
    """Names that target training may show, the same number of each guild."""
    unseen: tuple[int, ...]
    """Names that only evaluation and the intermediate tasks show, likewise."""

    def meaning(self, names: tuple[int, ...], rng: np.random.Generator) -> Meaning:
        """Draw a meaning about one of some names."""

        def maybe(slot: str) -> int | None:
            return int(rng.integers(SIZES[slot])) if rng.random() < 0.5 else None

        return Meaning(
            subject=int(names[rng.integers(len(names))]),
            verb=int(rng.integers(SIZES["v"])),
            noun=int(rng.integers(SIZES["o"])),
            time=maybe("t"),
            quality=maybe("q"),
            place=maybe("p"),
        )


def make_world(rng: np.random.Generator) -> World:
    """Draw names, guilds and lexicons; the same generator state gives the same world."""
    taken: set[str] = set()
    total = NAMES_PER_GUILD * len(GUILDS)
    names = tuple(_word(rng, taken, 3).capitalize() for _ in range(total))
    guild = tuple(
        int(g) for g in rng.permutation(np.repeat(np.arange(len(GUILDS)), NAMES_PER_GUILD))
    )
    languages = {}
    for code, order in ORDERS.items():
        words = {s: tuple(_word(rng, taken, 2) for _ in range(n)) for s, n in SIZES.items()}
        languages[code] = Language(code, order, {**words, "s": names}, _word(rng, taken, 1))
    by_guild = [[i for i, g in enumerate(guild) if g == wanted] for wanted in range(len(GUILDS))]
    seen = tuple(sorted(i for group in by_guild for i in group[:SEEN_PER_GUILD]))
    unseen = tuple(sorted(i for group in by_guild for i in group[SEEN_PER_GUILD:]))
    return World(languages, guild, seen, unseen)


def _word(rng: np.random.Generator, taken: set[str], syllables: int) -> str:
    """Draw a word that no language has yet."""
    while True:
        parts = [
            ONSETS[rng.integers(len(ONSETS))] + VOWELS[rng.integers(len(VOWELS))]
            for _ in range(syllables)
        ]
        word = "".join(parts)
        if word not in taken:
            taken.add(word)
            return word
