"""Which spans did a tagger find? Span F1 over BIO tags, with counts per sentence.

Light: numpy only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count, repeat
from operator import itemgetter
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from replication.errors import DataError

__all__ = ["SpanCounts", "SpanReading", "coded_span_counts", "span_counts"]

SpanReading = Literal["seqeval_0", "seqeval_1"]
"""How a tag without prefix is read: by seqeval before 1.0, or since."""

Integers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.integer[Any]]
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
    code: dict[str, int] = defaultdict(count().__next__)
    flat, flat_p = _flat(gold, code), _flat(predicted, code)
    return _counted(flat, flat_p, lengths, _Scheme.of(list(code), reading))


def coded_span_counts(
    gold: npt.ArrayLike,
    predicted: npt.ArrayLike,
    lengths: npt.ArrayLike,
    names: Sequence[str],
    reading: SpanReading = "seqeval_0",
) -> SpanCounts:
    """Count spans as `span_counts` does, of tags that are numbers already, as a tagger gives them.

    Args:
        gold: (t,) places in `names` of the tags of all sentences, one sentence after the other.
        predicted: (t,) likewise.
        lengths: (n,) tags of each sentence, t together.
        names: of the tags, such as a task's labels.
        reading: the default is the benchmark's own.

    Raises:
        DataError: numbers of tags differ, or one is no place in `names`.
    """
    sizes = np.asarray(lengths, np.int64)
    flat, flat_p = (_with_ends(np.asarray(side), sizes, len(names)) for side in (gold, predicted))
    return _counted(flat, flat_p, sizes, _Scheme.of([*names, "O"], reading))


def _with_ends(codes: npt.NDArray[Any], lengths: Integers, end: int) -> Codes:
    """Return codes below `end` with `end` after each sentence, an O of its own number."""
    whole = codes.dtype.kind in "iu" or not codes.size
    fits = whole and codes.shape == (lengths.sum(),)
    if not fits or codes.min(initial=0) < 0 or codes.max(initial=-1) >= end:
        raise DataError(
            f"span F1: found tags of type {codes.dtype} and shape {codes.shape} ; expected whole "
            f"numbers from 0 to {end - 1}, {lengths.sum()} of them, one gold and one predicted a word."
        )
    out = np.full(codes.size + lengths.size, end, np.min_scalar_type(end))
    inside = np.ones(out.size, np.bool_)
    inside[np.cumsum(lengths + 1) - 1] = False
    out[inside] = codes
    return out


def _counted(gold: Codes, predicted: Codes, lengths: Integers, scheme: _Scheme) -> SpanCounts:
    """Count spans of tag codes in a row, with an O after each sentence."""
    ends, opening, kind = scheme.spans(gold)
    ends_p, opening_p, kind_p = scheme.spans(predicted)
    both = np.flatnonzero(ends & ends_p)
    same = (opening[both] == opening_p[both]) & (kind[both] == kind_p[both])
    after = np.cumsum(lengths + 1)
    return SpanCounts(
        matched=_per_sentence(both[same], after),
        predicted=_per_sentence(np.flatnonzero(ends_p), after),
        gold=_per_sentence(np.flatnonzero(ends), after),
    )


def _per_sentence(places: Integers, after: Integers) -> Integers:
    """Return how many of the rising places lie in each sentence, given the place after each."""
    if not after.size:
        return np.zeros(0, np.int64)
    before = np.zeros(int(after[-1]) + 1, np.int32)
    before[places + 1] = 1
    return np.diff(np.cumsum(before, out=before)[after], prepend=0).astype(np.int64)


_CLASSES = "BIESO."
"""First characters that mean something; every other one is of the last class, `other`."""


@dataclass(frozen=True, slots=True, eq=False)
class _Scheme:
    """Class and type of each tag code."""

    classes: Codes
    types: Codes
    first: int
    """Type before the first tag of all."""

    @classmethod
    def of(cls, tags: Sequence[str], reading: SpanReading) -> _Scheme:
        if "" in tags:
            raise DataError("span F1: found an empty tag ; expected a name such as B-PER or O.")
        if reading == "seqeval_0":
            names = [tag.split("-")[-1] for tag in tags]
        else:
            names = [tag[1:].split("-", maxsplit=1)[-1] or "_" for tag in tags]
        number = {name: i for i, name in enumerate(dict.fromkeys(["", *names]))}
        places = [_CLASSES.find(tag[0]) for tag in tags]
        return cls(
            np.array([p if p >= 0 else len(_CLASSES) for p in places], np.uint8),
            np.array([number[name] for name in names], np.min_scalar_type(len(number))),
            number[""],
        )

    def spans(self, tags: Codes) -> tuple[Flags, Codes, Codes]:
        """Return, per position, whether a span ended just before it, where it opened, its type."""
        here, kind = self.classes[tags], self.types[tags]
        kind_before = _shifted(kind, self.first)
        step = _shifted(here, _CLASSES.index("O")) * np.uint8(2 * _RULES.shape[1])
        step += 2 * here
        step += kind != kind_before
        said = _RULES.ravel()[step]
        latest = np.arange(tags.size, dtype=np.min_scalar_type(tags.size))
        latest *= said >> 1
        np.maximum.accumulate(latest, out=latest)
        return (said & _ENDS).astype(np.bool_), _shifted(latest, 0), kind_before


def _shifted(values: Codes, first: int) -> Codes:
    """Return what stood one place earlier."""
    out = np.empty_like(values)
    out[:1] = first
    out[1:] = values[:-1]
    return out


_ENDS, _OPENS = 1, 2


def _rules() -> Codes:
    """Return what happens from one class to the next, (before, here, whether the type changed)."""
    index = {name: at for at, name in enumerate(_CLASSES)}
    table = np.zeros((len(_CLASSES) + 1, len(_CLASSES) + 1, 2), np.uint8)
    typed = [at for at in range(len(_CLASSES) + 1) if at not in {index["O"], index["."]}]
    for before in "BI":
        table[index[before], [index[here] for here in "BSO"]] |= _ENDS
    table[[index["E"], index["S"]]] |= _ENDS
    table[typed, :, 1] |= _ENDS
    for before in "ESO":
        table[index[before], [index[here] for here in "EI"]] |= _OPENS
    table[:, [index["B"], index["S"]]] |= _OPENS
    table[:, typed, 1] |= _OPENS
    return table


_RULES = _rules()


def _flat(sentences: Sequence[Sequence[str]], code: dict[str, int]) -> Codes:
    """Return all tag codes in a row, with an O after each sentence; new tags get the next code."""
    tags = chain.from_iterable(chain.from_iterable(zip(sentences, repeat(("O",)))))
    # one call for all tags costs half of one a tag; of a single tag it would give no tuple
    found = itemgetter("O", "O", *tags)(code)
    if len(code) <= 256:
        return np.frombuffer(bytes(found), np.uint8)[2:]
    return np.array(found[2:], np.int32)
