"""Which spans did a tagger find? Span F1 over BIO tags, with counts per sentence.

Light: numpy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
import numpy.typing as npt

from replication.errors import DataError

__all__ = ["SpanCounts", "SpanReading", "span_counts"]

SpanReading = Literal["seqeval_0", "seqeval_1"]
"""How a tag without prefix is read: by seqeval before 1.0, or since."""

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class SpanCounts:
    """Sufficient statistics of span F1, one entry per sentence."""

    matched: Integers
    """(n,) predicted spans that are gold spans: same type, first and last token."""
    predicted: Integers
    """(n,) predicted spans."""
    gold: Integers
    """(n,) gold spans."""

    def f1(self) -> float:
        """Return micro F1 over the corpus in points; 0 without any span, as in seqeval."""
        total = int(self.predicted.sum() + self.gold.sum())
        return 200.0 * int(self.matched.sum()) / total if total else 0.0


def span_counts(
    gold: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    reading: SpanReading = "seqeval_0",
) -> SpanCounts:
    """Count spans per sentence as seqeval does in its default mode, that is, as conlleval.

    A tag is its first character plus a type; an I- that continues nothing opens a span. The two
    readings agree on tags such as B-PER and differ on tags without prefix, such as udpos's.
    `seqeval_0` takes NOUN for tag N of type NOUN; XTREME's published numbers of udpos and jiant
    are of this reading. `seqeval_1` takes it for tag N of type OUN, so that SCONJ and CCONJ share
    a type. Under both, neighbours of one type are one span. Under `seqeval_1` the one-letter tag X
    opens no span after O or at the start of a sentence, and a span that it then closes reaches back
    to the last opening, if need be in an earlier sentence. That quirk alone makes counts depend on
    the order of sentences; it is kept, because scores of today's seqeval contain it.

    Args:
        gold: (n,) sentences of tags, none of them empty strings.
        predicted: (n,) sentences, each as long as its gold sentence.
        reading: the default is the benchmark's own.

    Raises:
        DataError: numbers of sentences or of tags differ, or a tag is empty.
    """
    lengths = np.fromiter(map(len, gold), np.int64, len(gold))
    found = np.fromiter(map(len, predicted), np.int64, len(predicted))
    if lengths.shape != found.shape or bool((lengths != found).any()):
        fits = lengths.shape == found.shape
        place = f"sentence {int(np.flatnonzero(lengths != found)[0])}: " if fits else ""
        raise DataError(
            f"span F1: {place}found {found.sum()} predicted tags in {found.size} sentences ; "
            f"expected {lengths.sum()} in {lengths.size}, one per gold tag. "
            "Fill in tags for words that were cut off."
        )
    code = {tag: i for i, tag in enumerate(sorted({"O", *chain(*gold), *chain(*predicted)}))}
    if "" in code:
        raise DataError("span F1: found an empty tag ; expected a name such as B-PER or O.")
    scheme = _Scheme.of(code, reading)
    sentence = np.repeat(np.arange(lengths.size), lengths + 1)
    ends, opening, kind = scheme.spans(_flat(gold, code, lengths))
    ends_p, opening_p, kind_p = scheme.spans(_flat(predicted, code, lengths))
    same = ends & ends_p & (opening == opening_p) & (kind == kind_p)
    n = lengths.size
    return SpanCounts(
        matched=np.bincount(sentence[same], minlength=n).astype(np.int64),
        predicted=np.bincount(sentence[ends_p], minlength=n).astype(np.int64),
        gold=np.bincount(sentence[ends], minlength=n).astype(np.int64),
    )


_CLASSES = "BIESO."
"""First characters that mean something; every other one is of the last class, `other`."""


@dataclass(frozen=True, slots=True, eq=False)
class _Scheme:
    """Class and type of each tag code."""

    classes: Integers
    types: Integers
    first: int
    """Type before the first tag of all."""

    @classmethod
    def of(cls, code: dict[str, int], reading: SpanReading) -> _Scheme:
        if reading == "seqeval_0":
            names = [tag.split("-")[-1] for tag in code]
        else:
            names = [tag[1:].split("-", maxsplit=1)[-1] or "_" for tag in code]
        number = {name: i for i, name in enumerate(sorted(set(names)))}
        places = [_CLASSES.find(tag[0]) for tag in code]
        return cls(
            np.array([p if p >= 0 else len(_CLASSES) for p in places], np.int64),
            np.array([number[name] for name in names], np.int64),
            number.get("", -1),
        )

    def spans(self, tags: Integers) -> tuple[Flags, Integers, Integers]:
        """Return, per position, whether a span ended just before it, where it opened, its type."""
        here, kind = self.classes[tags], self.types[tags]
        before = np.concatenate(([_CLASSES.index("O")], here[:-1]))
        kind_before = np.concatenate(([self.first], kind[:-1]))
        changed = kind != kind_before
        ends = _ENDS[before, here] | (_TYPED[before] & changed)
        opens = _OPENS[before, here] | (_TYPED[here] & changed)
        latest = np.maximum.accumulate(np.where(opens, np.arange(tags.size), 0))
        return ends, np.concatenate(([0], latest[:-1])), kind_before


def _table(*rules: tuple[str, str]) -> Flags:
    table = np.zeros((len(_CLASSES) + 1, len(_CLASSES) + 1), np.bool_)
    for before, here in rules:
        for left in before:
            table[_CLASSES.index(left), [_CLASSES.index(right) for right in here]] = True
    return table


_ENDS = _table(("BI", "BSO"))
_ENDS[[_CLASSES.index("E"), _CLASSES.index("S")]] = True
_OPENS = _table(("ESO", "EI"))
_OPENS[:, [_CLASSES.index("B"), _CLASSES.index("S")]] = True
_TYPED = np.array([c not in "O." for c in _CLASSES] + [True])


def _flat(sentences: Sequence[Sequence[str]], code: dict[str, int], lengths: Integers) -> Integers:
    """Return all tag codes in a row, with an O after each sentence."""
    out = np.full(int(lengths.sum()) + lengths.size, code["O"], np.int64)
    inside = np.ones(out.size, np.bool_)
    inside[np.cumsum(lengths + 1) - 1] = False
    out[inside] = np.fromiter(map(code.__getitem__, chain(*sentences)), np.int64, lengths.sum())
    return out
