"""Question answering against hand-worked examples and a slow reading of the published rules."""

from __future__ import annotations

import string
import unicodedata

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from replication.errors import DataError
from replication.scoring import answer_scores

ARTICLES = {
    "en": "a an the",
    "es": "un una unos unas el la los las",
    "vi": "của là cái chiếc những",
    "de": "ein eine einen einem eines einer der die das den dem des",
    "hi": "",
    "zh": "",
    "ar": "",
}


def is_word(character):
    return character.isalnum() or character == "_"


def slow_words(text, rules, language):
    """One character at a time, without regular expressions."""
    kept = ""
    for c in text.lower():
        unicode_mark = rules == "mlqa" and unicodedata.category(c).startswith("P")
        if c not in string.punctuation and not unicode_mark:
            kept += c
    language = language if rules == "mlqa" else "en"
    if language == "ar":
        kept = kept.replace("ال", " ")
    articles = ARTICLES[language].split()
    parts, current = [], ""
    for c in kept:
        if current and is_word(c) != is_word(current[-1]):
            parts.append(current)
            current = ""
        current += c
    parts.append(current)
    kept = "".join(" " if part in articles else part for part in parts)
    if language == "zh":
        kept = "".join(f" {c} " if "\u4e00" <= c <= "\u9fa5" else c for c in kept)
    return kept.split()


def slow_scores(answers, prediction, rules, language):
    candidates = [slow_words(a, rules, language) for a in answers]
    if rules == "squad_v2":
        candidates = [c for c in candidates if c] or [[]]
    said = slow_words(prediction, rules, language)
    best = 0.0
    for gold in candidates:
        left, common = list(gold), 0
        for word in said:
            if word in left:
                left.remove(word)
                common += 1
        if rules == "squad_v2" and not (gold and said):
            best = max(best, float(gold == said))
        elif common:
            precision, recall = common / len(said), common / len(gold)
            best = max(best, 2 * precision * recall / (precision + recall))
    return float(said in candidates), best


LISTED = """
    The the a an Paris paris, €5 $5 ein Der des el la un của là ال البيت بيت 北京 北 京市 x_y
    don't l\u2019eau 。 «ja» x-y कमल (1990) ß İ
"""
BLANKS = ["", "  ", "\u00a0", "\n", "a\nb", "\u2028", "\x1e", "\x00", "\x01", "ΟΔΟΣ"]
WORDS = st.sampled_from([*LISTED.split(), *BLANKS])
TEXTS = st.lists(WORDS, max_size=5).map(" ".join) | st.text(max_size=12)
RULES = st.sampled_from(["squad_v1", "squad_v2", "mlqa"])
LANGUAGES = st.sampled_from(sorted(ARTICLES))


@given(st.lists(TEXTS, min_size=1, max_size=3), TEXTS, RULES, LANGUAGES)
def test_scores_equal_a_slow_reading_of_the_rules(answers, prediction, rules, language):
    # `\w` and isalnum part ways on combining marks and a few signs beside letters.
    shared = "".join([*answers, prediction]).lower()
    assume(all(unicodedata.category(c)[0] not in "MN" or c.isdecimal() for c in shared))
    got = answer_scores([answers], [prediction], language, rules=rules)
    exact, f1 = slow_scores(answers, prediction, rules, language)
    assert got.exact_match.tolist() == [exact]
    assert got.f1.tolist() == [f1]  # to the last digit


@pytest.mark.parametrize(
    ("rules", "language", "gold", "prediction", "exact", "f1"),
    [
        # "cat sat" against "cat sat down": precision 2/3, recall 1.
        ("squad_v1", "en", ["The cat sat."], "a cat sat down", 0, 0.8),
        ("squad_v1", "en", ["Denver Broncos", "Broncos"], "the Broncos!", 1, 1),
        # Words count as often as they occur: 1 common of 2 and 1.
        ("squad_v1", "en", ["no no"], "no", 0, 2 / 3),
        # SQuAD's rules take only ASCII punctuation and only English articles.
        ("squad_v1", "de", ["der Hund"], "Hund", 0, 2 / 3),
        ("mlqa", "de", ["der Hund"], "Hund", 1, 1),
        ("squad_v1", "zh", ["北京市"], "北京", 0, 0),
        # Characters are words: 2 common of 3 and 2.
        ("mlqa", "zh", ["北京市"], "北京", 0, 0.8),
        ("mlqa", "zh", ["《iPhone 5》手机"], "iphone 5 手机", 1, 1),
        ("mlqa", "es", ["¿La casa?"], "una casa", 1, 1),
        ("squad_v1", "es", ["¿casa"], "casa", 0, 0),
        ("mlqa", "ar", ["البيت"], "بيت", 1, 1),
        ("mlqa", "vi", ["những con mèo của tôi"], "con mèo tôi", 1, 1),
        ("mlqa", "hi", ["एक घर"], "घर", 0, 2 / 3),
        # Nothing but an article: SQuAD 1.1 finds no common word, SQuAD 2.0 calls it no answer.
        ("squad_v1", "en", ["the"], "a", 1, 0),
        ("squad_v2", "en", ["the"], "", 1, 1),
        ("squad_v2", "en", [], "", 1, 1),
        ("squad_v2", "en", [], "Paris", 0, 0),
        ("squad_v2", "en", ["Paris", ""], "", 0, 0),
        ("squad_v2", "en", ["Paris"], "in Paris", 0, 2 / 3),
        ("squad_v1", "en", ["Paris"], "", 0, 0),
    ],
)
def test_hand_worked_examples(rules, language, gold, prediction, exact, f1):
    got = answer_scores([gold], [prediction], language, rules=rules)
    assert got.exact_match.tolist() == [exact]
    assert got.f1.tolist() == pytest.approx([f1])


@given(st.lists(st.tuples(st.lists(TEXTS, min_size=1), TEXTS), min_size=1), RULES, st.data())
def test_each_question_is_scored_by_itself(questions, rules, data):
    shuffled = data.draw(st.permutations(questions))
    together = answer_scores(*zip(*shuffled, strict=True), "en", rules=rules)
    alone = [answer_scores([g], [p], "en", rules=rules) for g, p in shuffled]
    assert together.f1.tolist() == [float(a.f1[0]) for a in alone]
    assert together.exact_match.tolist() == [float(a.exact_match[0]) for a in alone]


@given(st.lists(TEXTS, min_size=1, max_size=4), TEXTS, RULES, LANGUAGES)
def test_outcomes_are_shares_and_an_exact_match_has_full_overlap(answers, said, rules, language):
    got = answer_scores([answers], [said], language, rules=rules)
    assert 0 <= got.f1[0] <= 1
    assert got.exact_match[0] in (0, 1)
    same = answer_scores([answers], [answers[0]], language, rules="squad_v2")
    if slow_words(answers[0], "squad_v2", language):
        assert same.exact_match.tolist() == same.f1.tolist() == [1.0]


@given(st.lists(TEXTS, min_size=1, max_size=3), TEXTS, TEXTS, LANGUAGES)
def test_one_more_gold_answer_never_lowers_a_score(answers, further, said, language):
    few = answer_scores([answers], [said], language, rules="mlqa")
    more = answer_scores([[*answers, further]], [said], language, rules="mlqa")
    assert (more.f1 >= few.f1).all()
    assert (more.exact_match >= few.exact_match).all()


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(DataError, match="question 1: found no gold answer"):
        answer_scores([["a b"], []], ["", ""], "en", rules="squad_v1")
    with pytest.raises(DataError, match="found 1 answers ; expected 2"):
        answer_scores([["x"], ["y"]], ["x"], "en", rules="squad_v1")
    with pytest.raises(DataError, match="language 'th'"):
        answer_scores([["x"]], ["x"], "th", rules="mlqa")


def test_no_questions_give_empty_outcomes():
    assert np.array_equal(answer_scores([], [], "en", rules="mlqa").f1, np.zeros(0))
