"""Span counts against seqeval itself, and their laws."""

from __future__ import annotations

import time
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score
from seqeval.metrics.sequence_labeling import get_entities

from replication.errors import DataError
from replication.scoring import SpanCounts, span_counts
from replication.spans import coded_span_counts

BIO = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]
LISTED = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X"
UDPOS = LISTED.split()
ODD = ["B", "I", "E", "S", "E-PER", "S-PER", "B-", "I-A-B", ".", ".-PER", "O-PER", "X", "_"]


def corpora(tags):
    """Pairs of gold and predicted sentences, equally long, some of them empty."""
    pair = st.tuples(st.sampled_from(tags), st.sampled_from(tags))
    return st.lists(st.lists(pair, max_size=8), min_size=1, max_size=6)


def split(corpus):
    return [[g for g, _ in s] for s in corpus], [[p for _, p in s] for s in corpus]


def as_seqeval_0(sentences):
    """Write tags so that today's seqeval reads them as seqeval 0.0.12 read the originals."""
    return [[f"{t[0]}-{t.split('-')[-1]}" for t in s] for s in sentences]


def oracle(gold, predicted):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return 100 * float(f1_score(gold, predicted))


def entities(sentences):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return set(get_entities(sentences))


@pytest.mark.parametrize("reading", ["seqeval_0", "seqeval_1"])
@pytest.mark.parametrize("tags", [BIO, UDPOS, BIO + UDPOS + ODD], ids=["bio", "udpos", "odd"])
def test_counts_and_f1_equal_seqeval(tags, reading):
    # today's seqeval names the empty type `_`, so that this oracle cannot tell the two apart
    usable = [t for t in tags if reading == "seqeval_1" or t not in {"B-", "_"}]

    @given(corpora(usable))
    def check(corpus):
        gold, predicted = split(corpus)
        counts = span_counts(gold, predicted, reading)
        if reading == "seqeval_0":
            gold, predicted = as_seqeval_0(gold), as_seqeval_0(predicted)
        theirs, ours = entities(gold), entities(predicted)
        assert counts.gold.sum() == len(theirs)
        assert counts.predicted.sum() == len(ours)
        assert counts.matched.sum() == len(theirs & ours)
        assert counts.f1() == pytest.approx(oracle(gold, predicted), abs=1e-9)

    check()


def test_a_continuation_that_continues_nothing_opens_a_span():
    counts = span_counts([["O", "B-PER", "I-PER"]], [["O", "I-PER", "I-PER"]])
    assert counts.f1() == 100.0
    changed = span_counts([["B-PER", "I-PER"]], [["B-PER", "I-LOC"]])
    assert (changed.matched.tolist(), changed.predicted.tolist()) == ([0], [2])


def test_readings_agree_on_prefixed_tags_and_differ_on_the_two_conjunctions():
    gold, predicted = [["B-PER", "I-PER", "I-LOC"]], [["B-PER", "O", "I-LOC"]]
    f1 = {r: span_counts(gold, predicted, r).f1() for r in ("seqeval_0", "seqeval_1")}
    assert f1["seqeval_0"] == f1["seqeval_1"] == 50.0
    gold, predicted = [["SCONJ", "X", "VERB"]], [["CCONJ", "X", "VERB"]]
    assert span_counts(gold, predicted, "seqeval_0").f1() == pytest.approx(200 / 3)
    assert span_counts(gold, predicted, "seqeval_1").f1() == 100.0


def test_neighbouring_words_of_one_part_of_speech_are_one_span():
    counts = span_counts([["NOUN", "NOUN", "VERB"]], [["NOUN", "VERB", "VERB"]])
    assert (counts.gold.tolist(), counts.predicted.tolist()) == ([2], [2])
    assert counts.matched.tolist() == [0]


def test_counts_belong_to_the_sentence_that_holds_the_span():
    gold = [["B-PER", "O"], [], ["B-LOC", "I-LOC", "B-LOC"]]
    predicted = [["O", "O"], [], ["B-LOC", "I-LOC", "O"]]
    counts = span_counts(gold, predicted)
    assert counts.gold.tolist() == [1, 0, 2]
    assert counts.predicted.tolist() == [0, 0, 1]
    assert counts.matched.tolist() == [0, 0, 1]


@given(corpora(BIO), st.randoms(use_true_random=False))
def test_the_order_of_sentences_changes_nothing(corpus, rng):
    shuffled = list(corpus)
    rng.shuffle(shuffled)
    one, two = span_counts(*split(corpus)), span_counts(*split(shuffled))
    assert one.f1() == two.f1()

    def rows(counts):
        return sorted(zip(counts.matched, counts.predicted, counts.gold, strict=True))

    assert rows(one) == rows(two)


@given(corpora(BIO + UDPOS))
def test_f1_lies_between_0_and_100_and_is_100_for_the_gold_tags(corpus):
    gold, predicted = split(corpus)
    counts = span_counts(gold, predicted)
    assert 0.0 <= counts.f1() <= 100.0
    assert (counts.matched <= np.minimum(counts.predicted, counts.gold)).all()
    same = span_counts(gold, gold)
    assert same.f1() == (100.0 if same.gold.sum() else 0.0)


@given(corpora(BIO))
def test_exchanging_gold_and_predicted_keeps_f1(corpus):
    gold, predicted = split(corpus)
    assert span_counts(gold, predicted).f1() == span_counts(predicted, gold).f1()


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        ([["O", "O"], ["O"]], [["O", "O"], ["O", "O"]], "sentence 1"),
        ([["O"]], [["O"], ["O"]], "2 sentences"),
        ([["O", "O"], ["O"]], [["O"], ["O", "O"]], "sentence 0"),
        ([["O", ""]], [["O", "O"]], "empty tag"),
    ],
)
def test_tags_that_do_not_fit_are_refused(gold, predicted, message):
    with pytest.raises(DataError, match=message):
        span_counts(gold, predicted)


def test_no_sentences_give_no_counts():
    counts = span_counts([], [])
    assert counts.f1() == 0.0
    assert counts.gold.shape == (0,)


def test_it_is_several_times_faster_than_seqeval():
    rng = np.random.default_rng(0)
    tags = np.array(BIO)[rng.integers(0, len(BIO), (2, 4000, 20))]
    gold, predicted = tags.tolist()

    def seconds(score):
        best = float("inf")
        for _ in range(2):
            start = time.perf_counter()
            score(gold, predicted)
            best = min(best, time.perf_counter() - start)
        return best

    assert isinstance(span_counts(gold, predicted), SpanCounts)
    # Measured 13 times faster on 2 cores; 3 leaves room for a busy machine.
    assert seconds(lambda g, p: span_counts(g, p).f1()) * 3 < seconds(f1_score)


@pytest.mark.parametrize("reading", ["seqeval_0", "seqeval_1"])
@given(corpora(BIO + UDPOS + ODD), st.randoms(use_true_random=False))
def test_tags_given_as_numbers_count_as_their_names_do(reading, corpus, rng):
    names = [*BIO, *UDPOS, *ODD]
    rng.shuffle(names)
    gold, predicted = split(corpus)
    flat = [[names.index(tag) for s in side for tag in s] for side in (gold, predicted)]
    coded = coded_span_counts(*flat, [len(s) for s in gold], names, reading)
    plain = span_counts(gold, predicted, reading)
    for one, other in (
        (coded.matched, plain.matched),
        (coded.predicted, plain.predicted),
        (coded.gold, plain.gold),
    ):
        assert one.tolist() == other.tolist()


@pytest.mark.parametrize(
    "side", [[0, 1], [0, 1, 3], [0, 1, -1], [0.0, 1.0, 1.5], [[0, 1, 1]], [True, False, True]]
)
def test_numbers_that_are_no_tags_are_refused(side):
    for pair in ((side, [0, 1, 2]), ([0, 1, 2], side)):
        with pytest.raises(DataError, match="whole numbers from 0 to 2, 3 of them"):
            coded_span_counts(*pair, [1, 2], ["O", "B-PER", "I-PER"])


def test_more_than_256_tags_are_told_apart():
    """Codes of so many tags need more than a byte."""
    kinds = [f"B-K{i}" for i in range(300)]
    counts = span_counts([kinds, []], [kinds[:150] + kinds[:150], []])
    assert (counts.matched.tolist(), counts.gold.tolist()) == ([150, 0], [300, 0])
    assert span_counts([], []).f1() == 0.0
