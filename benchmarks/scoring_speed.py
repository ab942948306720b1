"""How fast are question answering and span F1 scored, against the official programs' ways?

Answers: the published algorithm of SQuAD 1.1 and MLQA, which normalises and counts each pair of
answer and prediction anew, written here from its definition. Spans: seqeval itself, called once,
and called for F1, precision and recall as XTREME's program does; our counts give all three, from
lists of tags as seqeval takes them, and from numbers, as a tagger's predictions are scored.
Answers and tags are made up, of about the sizes of the real sets. `python -m benchmarks.scoring_speed`
prints JSON; every row first checks that the digits are equal.
"""

from __future__ import annotations

import argparse
import re
import string
import sys
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from seqeval.metrics import f1_score, precision_score, recall_score

from benchmarks.turns import in_turns, report, timed
from replication.answers import AnswerRules, answer_scores
from replication.scoring import overlap_scores
from replication.spans import SpanCounts, coded_span_counts, span_counts

Rng = np.random.Generator
Questions = tuple[list[list[str]], list[str]]
"""Gold answers and the prediction of each question."""

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]
ARTICLES = {
    "en": "a|an|the",
    "es": "un|una|unos|unas|el|la|los|las",
    "de": "ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des",
    "vi": "của|là|cái|chiếc|những",
}
LETTERS = {
    "en": "etaoinshrdlcumwfgypbvk",
    "de": "enisratdhulcgmobwfkzäüöß",
    "es": "eaosrnidltcmpubgvyqhfzjáéíóú",
    "vi": "nhtcgiaoumlđvrkpbyơưàáếệạờủ",
    "hi": "करनसतमहपयलजवबगदचटशभख",
    "ar": "ايلنمروتبهعدسفكحقجشصطخ",
    "zh": "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年",
}
JOINED = {"zh"}


def questions(n: int, language: str, gold: int, rng: Rng) -> Questions:
    """Return made-up answers: annotators mostly agree, and the model is right as often as not.

    Args:
        n: questions.
        language: whose letters and articles the answers have.
        gold: answers a question; 3 in SQuAD's development set, 1 in MLQA.
        rng: source of randomness.
    """
    letters = list(LETTERS[language])
    articles = ARTICLES.get(language, "").split("|")
    lengths = rng.integers(2, 9, 4000)
    known = ["".join(rng.choice(letters, size)) for size in lengths]

    def text() -> str:
        picked = [known[int(4000 * rng.random() ** 2)] for _ in range(rng.geometric(1 / 3))]
        if rng.random() < 0.3:
            picked.insert(0, articles[int(rng.integers(len(articles)))])
        if rng.random() < 0.2:
            picked[-1] += ",.!-"[int(rng.integers(4))]
        return ("" if language in JOINED else " ").join(picked).capitalize()

    answers, said = [], []
    for _ in range(n):
        first = text()
        others = [first if rng.random() < 0.6 else f"{first} {text()}" for _ in range(gold - 1)]
        answers.append([first, *others])
        guess = rng.random()
        said.append(first if guess < 0.5 else f"{first} {text()}" if guess < 0.8 else text())
    return answers, said


def official(language: str, rules: AnswerRules) -> Callable[[Questions], tuple[float, float]]:
    """Return the published algorithm: sums of exact matches and of word F1 over questions.

    Each call normalises both of its texts to a string, and the F1 splits them again, as published.
    """
    normal = _squad_normal if rules == "squad_v1" else _mlqa_normal(language)

    def exact(said: str, gold: str) -> bool:
        return normal(said) == normal(gold)

    def overlap(said: str, gold: str) -> float:
        left, right = normal(said).split(), normal(gold).split()
        common = sum((Counter(left) & Counter(right)).values())
        if not common:
            return 0.0
        precision, recall = common / len(left), common / len(right)
        return 2 * precision * recall / (precision + recall)

    def score(asked: Questions) -> tuple[float, float]:
        matches = total = 0.0
        for gold, said in zip(*asked, strict=True):
            matches += max(exact(said, answer) for answer in gold)
            total += max(overlap(said, answer) for answer in gold)
        return matches, total

    return score


def _squad_normal(text: str) -> str:
    marks = set(string.punctuation)
    bare = "".join(c for c in text.lower() if c not in marks)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def _mlqa_normal(language: str) -> Callable[[str], str]:
    every = map(chr, range(sys.maxunicode + 1))
    marks = {c for c in every if unicodedata.category(c).startswith("P")} | set(string.punctuation)
    pattern = rf"\b({ARTICLES[language]})\b" if language in ARTICLES else None
    if language == "ar":
        pattern = "ال"

    def segments(text: str) -> list[str]:
        found, run = [], ""
        for c in text:
            if re.search("[\u4e00-\u9fa5]", c):
                found += [*run.split(), c]
                run = ""
            else:
                run += c
        return found + run.split()

    def normal(text: str) -> str:
        bare = "".join(c for c in text.lower() if c not in marks)
        if pattern:
            bare = re.sub(pattern, " ", bare)
        return " ".join(segments(bare) if language == "zh" else bare.split())

    return normal


def tagged(sentences: int, rng: Rng) -> tuple[list[list[str]], list[list[str]]]:
    """Return gold and predicted tags of sentences about as long as WikiANN's; a twelfth is wrong."""
    gold = []
    for length in rng.integers(3, 14, sentences):
        tags: list[str] = []
        while len(tags) < length:
            size = int(rng.integers(1, 5))
            kind = ("PER", "LOC", "ORG")[int(rng.integers(3))]
            inside = rng.random() < 0.45
            tags += [f"B-{kind}", *[f"I-{kind}"] * (size - 1)] if inside else ["O"] * size
        gold.append(tags)
    said = [[t if rng.random() < 11 / 12 else str(rng.choice(TAGS)) for t in s] for s in gold]
    return gold, said


def measure(turns: int, *, scale: float = 1.0) -> list[dict[str, Any]]:
    """Return rows of work, way, peer, seconds and ratio.

    Args:
        turns: of each way.
        scale: of the number of questions and sentences.

    Raises:
        AssertionError: the ways do not agree to the last digit.
    """
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    squad = [("squad_v1", "en", 10_570, 3)]
    mlqa: list[tuple[str, str, int, int]] = [
        ("mlqa", code, 1148 if code == "en" else 510, 1) for code in LETTERS
    ]
    for work, parts in (("answers, SQuAD 1.1", squad), ("answers, MLQA in 7 languages", mlqa)):
        rows += _answers(work, parts, turns, scale, rng)
    return rows + _spans(turns, scale, rng)


def _answers(
    work: str, parts: list[tuple[Any, str, int, int]], turns: int, scale: float, rng: Rng
) -> list[dict[str, Any]]:
    made = [
        (rules, code, official(code, rules), questions(max(2, int(n * scale)), code, gold, rng))
        for rules, code, n, gold in parts
    ]

    def peers() -> list[tuple[float, float]]:
        return [score(asked) for _, _, score, asked in made]

    def ours() -> list[tuple[float, float]]:
        found = [answer_scores(*asked, code, rules=rules) for rules, code, _, asked in made]
        # Summed in the official order, one after the other, so that the digits can be equal.
        return [(sum(f.exact_match.tolist()), sum(f.f1.tolist())) for f in found]

    assert ours() == peers(), f"{work}: found {ours()} ; expected {peers()}"
    ways = {"ours": timed(ours), "official algorithm": timed(peers)}
    return in_turns(work, ways, peer="official algorithm", turns=turns)


def _spans(turns: int, scale: float, rng: Rng) -> list[dict[str, Any]]:
    gold, said = tagged(max(2, int(10_000 * scale)), rng)

    lengths = [len(tags) for tags in gold]
    numbers = [np.array([TAGS.index(t) for s in side for t in s]) for side in (gold, said)]

    def scores(counts: SpanCounts) -> tuple[float, float, float]:
        sums = (int(c.sum()) for c in (counts.matched, counts.predicted, counts.gold))
        found = overlap_scores(*sums)
        return found["f1"], found["precision"], found["recall"]

    def ours() -> tuple[float, float, float]:
        return scores(span_counts(gold, said))

    def coded() -> tuple[float, float, float]:
        return scores(coded_span_counts(*numbers, lengths, TAGS))

    def alone() -> float:
        return 100 * float(f1_score(gold, said))

    def benchmark() -> tuple[float, float, float]:
        scores = (f1_score(gold, said), precision_score(gold, said), recall_score(gold, said))
        return tuple(100 * float(s) for s in scores)  # type: ignore[return-value]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.allclose(ours(), benchmark(), rtol=0, atol=1e-12), (ours(), benchmark())
        assert coded() == ours(), (coded(), ours())
        work = f"span F1, precision and recall, {len(gold):,} sentences"
        three = "seqeval, three calls"
        ways = {"ours": timed(ours), three: timed(benchmark)}
        rows = in_turns(work, ways, peer=three, turns=turns)
        ways = {"ours": timed(ours), "ours, from numbers": timed(coded)}
        ways["seqeval, F1 alone"] = timed(alone)
        return rows + in_turns(work, ways, peer="seqeval, F1 alone", turns=turns)


def main(arguments: list[str] | None = None) -> int:
    """Print what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    asked = parser.parse_args(arguments)
    sys.stdout.write(report(measure(asked.turns, scale=asked.scale)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
