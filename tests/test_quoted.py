"""Laws of the one check of quotations: what stands in a paper is found, what was changed is not."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from claims.paper import PaperText, Passage
from claims.prose import words
from claims.quoted import ALIKE, FEWEST, MOST, Quotable, check_quote

WORDS = st.sampled_from(
    ["we", "train", "small", "encoders", "on", "many", "tasks", "zero-shot", "XTREME-R", "F1", "of"]
)
NUMBERS = st.decimals(0, 99, places=1).map(str)
LETTERS = st.text("abcdefgh", min_size=3, max_size=9)


def passage(text: str, number: int = 1) -> Passage:
    return Passage(address=f"p{number}", place=f"passage {number}", kind="paragraph", text=text)


@st.composite
def sentences(draw) -> list[str]:
    told = draw(st.lists(st.one_of(LETTERS, WORDS), min_size=8, max_size=25, unique=True))
    return [*told[:4], draw(NUMBERS), *told[4:]]


@given(sentences(), sentences(), st.data())
def test_any_run_of_a_passages_words_is_found_in_it(before, told, data) -> None:
    text = " ".join(told)
    start = data.draw(st.integers(0, len(told) - FEWEST))
    run = " ".join(told[start : data.draw(st.integers(start + FEWEST, len(told)))])
    assume(f" {' '.join(words(run))}" not in f" {' '.join(words(' '.join(before)))}")
    found = Quotable([passage(" ".join(before)), passage(text, 2)]).check(run)
    assert (found.status, found.address) == ("found", "p2")


@given(sentences(), NUMBERS)
def test_another_number_is_an_altered_quotation_that_turns_what_is_said(told, other) -> None:
    assume(float(other) != float(told[4]))
    changed = " ".join([*told[:4], other, *told[5:]])
    found = Quotable([passage(" ".join(told))]).check(changed)
    assert found.status == "altered"
    assert found.turned()
    assert found.differences == (f"'{told[4]}' for '{other}'",)


@given(sentences(), st.integers(5, 8))
def test_a_negation_more_or_less_turns_what_is_said(told, place) -> None:
    plain, denied = " ".join(told), " ".join([*told[:place], "not", *told[place:]])
    for quoted, printed in ((plain, denied), (denied, plain)):
        found = Quotable([passage(printed)]).check(quoted)
        assert found.status == "altered"
        assert found.turned()


@given(sentences())
def test_case_hyphens_and_citations_do_not_count(told) -> None:
    printed = " ".join([*told[:6], "(Reed et al., 2019)", *told[6:], "[reed2019]"])
    quoted = " ".join(told).upper().replace("-", " - ")
    assert Quotable([passage(printed)]).check(quoted).status == "found"


def test_a_number_may_be_cut_off_only_where_the_quotation_is() -> None:
    paper = Quotable([passage("Echo dropout gains 5.47 points on average.")])
    assert paper.check("Echo dropout gains 5.47 poi").status == "found"
    assert paper.check("Echo dropout gains 5.4").status == "altered"
    assert paper.check("Echo dropout gains 5.4").turned()
    assert paper.check("Echo dropout gains 5.4", cut=True).status == "absent"  # too few whole words
    longer = Quotable([passage("In all halls echo dropout gains 5.47 points on average.")])
    assert longer.check("In all halls echo dropout gains 5.4").status == "altered"
    cut = longer.check("In all halls echo dropout gains 5.4", cut=True)
    assert (cut.status, cut.differences) == (
        "found", ("a longer word for '5.4', which may be cut off",)
    )  # fmt: skip
    whole = longer.check("In all halls echo dropout gains 5.47", cut=True)
    assert (whole.status, whole.differences) == ("found", ())


def test_a_quotation_over_two_sentences_is_compared_with_two() -> None:
    text = "One seed was used for each task. Gains on the largest of them were 4.2 points."
    found = Quotable([passage(text)]).check(text.replace("4.2", "2.4"))
    assert found.differences == ("'4.2' for '2.4'",)


def test_words_scattered_over_a_passage_are_no_altered_quotation() -> None:
    quoted = "small encoders gain most on tasks with guild labels"
    scattered = " and so did several others in those days before anyone asked ".join(quoted.split())
    assert Quotable([passage(scattered)]).check(quoted).status == "absent"


def test_a_word_far_from_the_rest_of_a_quotation_does_not_hide_what_is_near() -> None:
    told = "we train small encoders on many tasks and gain 4.2 points"
    printed = f"Guild rolls {'were read aloud to smiths ' * 8} and {told}"
    found = Quotable([passage(printed)]).check(f"Guild: {told.replace('4.2', '2.4')}")
    assert found.status == "altered"
    assert "'4.2' for '2.4'" in found.differences


@given(st.text(max_size=300), st.lists(st.text(max_size=300), max_size=4), st.booleans())
def test_no_text_is_too_odd(quoted, texts, cut) -> None:
    passages = tuple(passage(t, i) for i, t in enumerate(texts))
    found = Quotable(passages).check(quoted, cut=cut)
    assert found.status in {"found", "altered", "absent"}
    assert (found.status == "altered") <= bool(found.passage)
    assert isinstance(Quotable(passages).continued(quoted), str)
    paper = PaperText(format="text", passages=passages, tables=())
    assert check_quote(quoted, paper).status in {"found", "altered", "absent"}


def test_the_least_likeness_is_three_of_four_words() -> None:
    paper = Quotable([passage("alpha beta gamma delta")])
    assert paper.check("alpha beta gamma omega").status == "altered"
    assert paper.check("alpha beta omega sigma").status == "absent"
    assert ALIKE == 0.75


@pytest.mark.parametrize(
    ("quoted", "status", "turned"),
    [
        ("Street noise reduces errors on CafeSet in all", "found", False),
        ("Street noise reduces errors on CafeSet in all.", "altered", False),
        ("Street noise does not reduce errors on CafeSet in all but one run", "altered", True),
        ("Street noise never reduced errors on CafeSet in all but one run", "altered", True),
        ("Street noise does not produce errors on CafeSet in all but one run", "altered", False),
    ],
)
def test_whole_sentence_ends_with_its_last_word_and_a_denied_verb_is_a_negation(
    quoted, status, turned
) -> None:
    printed = "Street noise reduces errors on CafeSet in allusive but one run."
    if "but one" in quoted:
        printed = printed.replace("allusive", "all")
    found = Quotable([passage(printed)]).check(quoted)
    assert (found.status, found.turned()) == (status, turned), found.differences


@pytest.mark.parametrize("tail", ["and the gain is 9.9 points", "and nothing more"])
def test_long_quotation_is_found_only_with_its_last_words(tail) -> None:
    start = " ".join(f"word{i}" for i in range(MOST + 20))
    paper = Quotable([passage(f"{start} and the gain is 5.0 points.")])
    assert paper.check(f"{start} and the gain is 5.0 points").status == "found"
    altered = paper.check(f"{start} {tail}")
    assert altered.status == "altered"
    assert not altered.turned(), "what was not compared is not known to differ"
