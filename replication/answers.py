"""Which answers are right? Exact match and word F1 of extractive question answering.

Light: numpy only, no tokenizer.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Literal

import numpy as np
import numpy.typing as npt

from replication.errors import DataError

__all__ = ["AnswerRules", "AnswerScores", "answer_scores"]

AnswerRules = Literal["squad_v1", "squad_v2", "mlqa"]
"""`squad_v1`: SQuAD 1.1 rules, which XTREME applies to XQuAD and TyDiQA in every language;
`squad_v2`: the same with unanswerable questions; `mlqa`: MLQA's rules, which know the language."""

Items = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class AnswerScores:
    """Item outcomes of extractive question answering."""

    exact_match: Items
    """(n,) 1 where the normalised prediction is a normalised gold answer, else 0."""
    f1: Items
    """(n,) F1 over words in [0, 1], the best over the gold answers."""


def answer_scores(
    gold: Sequence[Sequence[str]],
    predicted: Sequence[str],
    language: str,
    *,
    rules: AnswerRules,
) -> AnswerScores:
    """Score answers by exact match and word F1, the best over the gold answers of each question.

    SQuAD 1.1 (Rajpurkar et al., 2016) and 2.0 (2018), MLQA (Lewis et al., 2020). Where two
    normalised answers have no words, F1 is 0 under `squad_v1` and `mlqa` even if they agree, and
    the exact match under `squad_v2`: so the official programs do.

    Args:
        gold: (n,) gold answers of each question; under `squad_v2` an empty list, or answers
            without words only, means that the question has no answer.
        predicted: (n,) answers; an empty string is no answer.
        language: of the answers; only `mlqa` looks at it.
        rules: whose normalisation; no default, since a wrong one gives a plausible wrong score.

    Raises:
        DataError: lengths differ, a question lacks gold answers, or MLQA lacks the language.
    """
    if len(gold) != len(predicted):
        raise DataError(
            f"question answering: found {len(predicted)} answers ; expected {len(gold)}, one per "
            "question. Give an empty string where there is no answer."
        )
    if rules == "mlqa" and language not in _MLQA_ARTICLES:
        raise DataError(
            f"question answering: found language '{language}' ; expected one of "
            f"{', '.join(sorted(_MLQA_ARTICLES))}, those that MLQA's rules know. Use squad_v1."
        )
    lengths = np.fromiter(map(len, gold), np.int64, len(gold))
    if rules != "squad_v2" and not bool(lengths.all()):
        raise DataError(
            f"question answering: question {int(lengths.argmin())}: found no gold answer ; expected "
            "at least one. Use squad_v2 where questions may have none."
        )
    code: dict[str, int] = defaultdict(count().__next__)
    answer = np.fromiter(map(code.__getitem__, chain.from_iterable(gold)), np.int64, lengths.sum())
    said = np.fromiter(map(code.__getitem__, predicted), np.int64, len(predicted))
    bags = _Bags.of(*_words(list(code), rules, language))
    # Annotators often agree: each distinct answer to a question is compared once.
    pairs = np.repeat(np.arange(said.size) * len(code), lengths) + answer
    if lengths.max(initial=0) > 1:
        pairs = np.unique(pairs)
    if rules == "squad_v2":
        pairs = pairs[bags.sizes[pairs % len(code)] > 0]
    question, answer = np.divmod(pairs, max(len(code), 1))
    exact, f1 = np.zeros(said.size), np.zeros(said.size)
    exact[question[bags.same(said[question], answer)]] = 1.0
    np.maximum.at(f1, question, bags.f1(said[question], answer))
    if rules == "squad_v2":
        unanswerable = np.bincount(question, minlength=said.size) == 0
        exact[unanswerable] = f1[unanswerable] = bags.sizes[said[unanswerable]] == 0
    return AnswerScores(exact, f1)


@dataclass(frozen=True, slots=True, eq=False)
class _Bags:
    """The words of n distinct strings, in their order and as bags."""

    words: Integers
    """Codes of all words of the first string, of the second, and so on."""
    sizes: Integers
    """(n,) words of each string, repeated ones counted."""
    starts: Integers
    """(n + 1,) where the words of each string start."""
    keys: Integers
    """String times `width` plus word, distinct and rising."""
    times: Integers
    """How often the word of each key occurs in its string."""
    key_starts: Integers
    """(n + 1,) where the keys of each string start."""
    width: int
    """Distinct words, and more than every code."""

    @classmethod
    def of(cls, words: Integers, sizes: Integers) -> _Bags:
        width = int(words.max(initial=0)) + 1
        rows = np.arange(sizes.size + 1) * width
        keys, times = np.unique(words + np.repeat(rows[:-1], sizes), return_counts=True)
        starts = np.concatenate(([0], np.cumsum(sizes)))
        return cls(words, sizes, starts, keys, times, np.searchsorted(keys, rows), width)

    def same(self, left: Integers, right: Integers) -> Flags:
        """Return which pairs of strings are the same words in the same order."""
        fits: Flags = self.sizes[left] == self.sizes[right]
        pair, at = _spread(self.starts, left[fits])
        other = at + (self.starts[right] - self.starts[left])[fits][pair]
        fits[fits] = np.bincount(pair, self.words[at] != self.words[other], fits.sum()) == 0
        return fits

    def f1(self, predicted: Integers, gold: Integers) -> Items:
        """Return the F1 of pairs of strings, 0 where they share no word."""
        pair, at = _spread(self.key_starts, predicted)
        wanted = self.keys[at] + (gold - predicted)[pair] * self.width
        found = np.minimum(np.searchsorted(self.keys, wanted), self.keys.size - 1)
        shared = np.minimum(self.times[at], self.times[found]) * (self.keys[found] == wanted)
        common = np.bincount(pair, shared, predicted.size)
        some = np.flatnonzero(common)
        precision = common[some] / self.sizes[predicted[some]]
        recall = common[some] / self.sizes[gold[some]]
        f1 = np.zeros(predicted.size)
        f1[some] = 2 * precision * recall / (precision + recall)
        return f1


def _spread(starts: Integers, rows: Integers) -> tuple[Integers, Integers]:
    """Return for each entry of some rows of a ragged array the number of its row, and its place."""
    begin, many = starts[rows], starts[rows + 1] - starts[rows]
    row = np.repeat(np.arange(rows.size), many)
    return row, np.arange(row.size) + np.repeat(begin - (np.cumsum(many) - many), many)


_MLQA_ARTICLES: dict[str, re.Pattern[str] | None] = {
    # Arabic: every alef-lam goes, also inside a word; the published pattern's other half can
    # never match, since it asks for the start of the text after a blank.
    "ar": re.compile("ال"),
    "de": re.compile(r"\b(?:ein|eine[mnrs]?|der|die|das|de[mns])\b"),
    "en": re.compile(r"\b(?:an?|the)\b"),
    "es": re.compile(r"\b(?:una?|un[ao]s|el|las?|los)\b"),
    "hi": None,
    "vi": re.compile(r"\b(?:của|là|cái|chiếc|những)\b"),
    "zh": None,
}
"""What MLQA's official program takes for articles, per language."""


def _words(texts: list[str], rules: AnswerRules, language: str) -> tuple[Integers, Integers]:
    """Return codes of the normalised words of all texts in a row, and how many each text has.

    Normalised is lower case, without punctuation and articles. All texts pass through as lines of
    one, since a call costs more than a text.
    """
    whole = "\n".join(texts)
    if whole.count("\n") >= len(texts):  # within a text every blank counts the same
        whole = "\n".join([text.replace("\n", " ") for text in texts])
    whole = whole.lower()
    present = _characters(whole)
    for character in present:
        # Unicode's category P lacks what is a symbol there but punctuation in ASCII, such as $.
        if character in string.punctuation or (
            rules == "mlqa" and unicodedata.category(character)[0] == "P"
        ):
            whole = whole.replace(character, "")
    article = _MLQA_ARTICLES[language if rules == "mlqa" else "en"]
    if article is not None:
        whole = article.sub(" ", whole)
    if rules == "mlqa" and language == "zh":
        whole = whole.translate({ord(c): f" {c} " for c in present if "\u4e00" <= c <= "\u9fa5"})
    end = next(c for c in map(chr, count()) if c not in present and not c.isspace())
    code: dict[str, int] = defaultdict(count().__next__)
    listed = whole.replace("\n", f" {end} ").split()
    listed.append(end)
    words = np.fromiter(map(code.__getitem__, listed), np.int64, len(listed))
    ends = np.flatnonzero(words == code[end])
    sizes = np.diff(ends, prepend=-1) - 1
    return np.delete(words, ends), sizes[: len(texts)]


def _characters(text: str) -> set[str]:
    """Return the characters that occur; a set of the text itself would make each a string first."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    return set(map(chr, np.flatnonzero(np.bincount(codes)).tolist()))
