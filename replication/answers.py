"""Which answers are right? Exact match and word F1 of extractive question answering.

Light: numpy only, no tokenizer.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
import numpy.typing as npt

from replication.errors import DataError

__all__ = ["AnswerRules", "AnswerScores", "answer_scores"]

AnswerRules = Literal["squad_v1", "squad_v2", "mlqa"]
"""`squad_v1`: SQuAD 1.1 rules, which XTREME applies to XQuAD and TyDiQA in every language;
`squad_v2`: the same with unanswerable questions; `mlqa`: MLQA's rules, which know the language."""

Items = npt.NDArray[np.float64]


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
    distinct = {"", *predicted, *chain(*gold)}
    words = {text: _words(text, rules, language) for text in distinct}
    counts = {text: Counter(listed) for text, listed in words.items()}
    exact, f1 = np.zeros(len(gold)), np.zeros(len(gold))
    for i, (answers, prediction) in enumerate(zip(gold, predicted, strict=True)):
        allowed = set(answers)
        if rules == "squad_v2":
            allowed = {a for a in answers if words[a]} or {""}
        if not allowed:
            raise DataError(
                f"question answering: question {i}: found no gold answer ; expected at least one. "
                "Use squad_v2 where questions may have none."
            )
        exact[i] = any(words[a] == words[prediction] for a in allowed)
        if rules == "squad_v2" and (not words[prediction] or allowed == {""}):
            f1[i] = exact[i]
        else:
            f1[i] = max(_overlap(counts[a], counts[prediction]) for a in allowed)
    return AnswerScores(exact, f1)


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

_HAN = re.compile("([\u4e00-\u9fa5])")
"""The characters that MLQA makes words of their own in Chinese."""


class _Stripped(dict[int, str | None]):
    """A translation table that deletes MLQA's punctuation, filled as characters come up."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        # Unicode's category P lacks what is a symbol there but punctuation in ASCII, such as $.
        drop = character in string.punctuation or unicodedata.category(character)[0] == "P"
        self[code] = None if drop else character
        return self[code]


_ASCII_STRIPPED = str.maketrans("", "", string.punctuation)
_UNICODE_STRIPPED = _Stripped()


def _words(text: str, rules: AnswerRules, language: str) -> tuple[str, ...]:
    """Return the normalised words: lower case, no punctuation, no articles."""
    if rules != "mlqa":
        bare = text.lower().translate(_ASCII_STRIPPED)
        article = _MLQA_ARTICLES["en"]
    else:
        bare = text.lower().translate(_UNICODE_STRIPPED)
        article = _MLQA_ARTICLES[language]
    if article is not None:
        bare = article.sub(" ", bare)
    if rules == "mlqa" and language == "zh":
        bare = _HAN.sub(r" \1 ", bare)
    return tuple(bare.split())


def _overlap(gold: Counter[str], predicted: Counter[str]) -> float:
    """Return the F1 of two bags of words, 0 where they share none."""
    common = sum((gold & predicted).values())
    return 2.0 * common / (gold.total() + predicted.total()) if common else 0.0
