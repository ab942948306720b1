"""The built-in extractor: rules of English grammar and usage, without a model of language.

It reads abstract, introduction, conclusion and captions, sentence by sentence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from claims.clause_view import Found
from claims.drafting import read_sentence
from claims.drafts import MAX_DRAFTS, Draft, DraftMeasure, DraftNumber, Extracted, LeftOut
from claims.numerals import Numeral, counted
from claims.paper import PaperText, Passage
from claims.prose import sentences
from claims.quantities import CommaStyle, comma_style
from claims.record import UNKNOWN

__all__ = ["EXTRACTOR", "MAX_CHARACTERS", "MAX_SENTENCE", "RuleExtractor"]

MAX_CHARACTERS = 600_000
"""Of all passages together that are searched."""
MAX_SENTENCE = 1500
"""Characters of a sentence; a longer one is none of prose."""
_MAX_SENTENCES = 10_000
_EXAMPLES = 3
_READ = re.compile(
    r"\W*(?:[\dIVX]{1,4}[.)]?\s+)?(?:introduction|conclusions?|concluding remarks|summary|"
    r"discussion and conclusions?|"
    r"conclusions? and [\w ]{1,40}|contributions?)\W*",
    re.IGNORECASE,
)
_ABBREVIATED = re.compile(
    r"(?:\b(?:et al|e\.g|i\.e|cf|vs|resp|approx|ca|Fig|Figs|Tab|Tabs|Sec|Secs|Eq|Eqs|No|Dr|Prof|"
    r"w\.r\.t|St|v|ver)\.|\b[A-Z]\.)$"
)
_MARK = re.compile(r"^(?:\(?(?:\d{1,2}|[ivx]{1,4}|[a-h])[.)]|[-*•–†‡])\s+")
_SLUG = re.compile(r"[^a-z0-9]+")
_SMALL_WORDS = "a an the of on in for with by to and or our we using all each best"
_SMALL = frozenset(_SMALL_WORDS.split())
_HEDGE_WORDS = {
    "about": "about ",
    "up_to": "up to ",
    "more_than": "more than ",
    "less_than": "less than ",
    "from": "at the least ",
    "to": "at the most ",
    "none": "",
}


class RuleExtractor:
    """Drafts claims by rules; the same paper always gives the same drafts."""

    name = "rules"

    def extract(self, paper: PaperText) -> Extracted:
        """Return the drafts of a paper, at most `MAX_DRAFTS`, and what was taken for no claim."""
        passages, notices = _chosen(paper)
        style = CommaStyle(comma_style(p.text for p in passages))
        gathered = _Gathered(notices)
        for passage in passages:
            for sentence in gathered.sentences(passage):
                found, left = read_sentence(sentence, style, caption=passage.kind == "caption")
                for one in found:
                    gathered.add(one, passage, sentence)
                gathered.leave(left, passage)
        return gathered.done()


EXTRACTOR = RuleExtractor()


def _chosen(paper: PaperText) -> tuple[list[Passage], list[str]]:
    """Return the passages in which papers state their claims."""
    heads = [p for p in paper.passages if p.kind == "heading" and _READ.fullmatch(p.text)]
    sections = {p.address.rpartition("/")[0] for p in heads}
    chosen = []
    for passage in paper.passages:
        here = passage.address.partition("/")[0]
        inside = any(here == s or here.startswith(f"{s}.") for s in sections)
        if passage.kind in ("abstract", "caption") or (
            inside and passage.kind in ("paragraph", "item")
        ):
            chosen.append(passage)
    if any(p.kind != "caption" for p in chosen):
        return chosen, []
    rest = [p for p in paper.passages if p.kind in ("paragraph", "item", "caption")]
    if not rest:
        return rest, ["Found no passage of text that could be searched."]
    return rest, ["Found no abstract, introduction or conclusion; all paragraphs were searched."]


class _Gathered:
    """Drafts and what was left out, as they are found."""

    def __init__(self, notices: list[str]) -> None:
        self.notices = notices
        self.drafts: dict[str, Draft] = {}
        """By what they say, without where they say it."""
        self.ids: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self.read = 0
        self.characters = 0

    def sentences(self, passage: Passage) -> Iterator[str]:
        """Yield the sentences of a passage that are short enough, until too many were read."""
        text = passage.text[: max(0, MAX_CHARACTERS - self.characters)]
        self.characters += len(passage.text)
        for sentence in _whole(sentences(text)):
            self.read += 1
            if self.read > _MAX_SENTENCES:
                break
            if len(sentence) > MAX_SENTENCE:
                self.leave([("sentence too long to be one", sentence[:60])], passage)
                continue
            yield sentence

    def leave(self, left: list[tuple[str, str]], passage: Passage) -> None:
        """Count what is no claim."""
        for reason, words in left:
            self.counts[reason] += 1
            shown = self.examples.setdefault(reason, [])
            if len(shown) < _EXAMPLES:
                shown.append(f"'{words[:80]}' ({passage.address})"[:300])

    def add(self, found: Found, passage: Passage, sentence: str) -> None:
        """Add a draft, or the address of one that says the same."""
        draft = _draft(found, passage, sentence)
        same = draft.model_dump_json(
            include={"kind", "number", "direction", "treatment", "control", "measure"}
        ) + ("" if found.kind != "protocol" else draft.statement)
        known = self.drafts.get(same)
        if known is not None:
            if passage.address not in (known.address, *known.also_at) and len(known.also_at) < 20:
                also = (*known.also_at, passage.address)
                self.drafts[same] = known.model_copy(update={"also_at": also})
        elif len(self.drafts) < MAX_DRAFTS:
            self.ids[draft.id] += 1
            again = self.ids[draft.id]
            name = draft.id if again == 1 else f"{draft.id}.{again}"
            self.drafts[same] = draft.model_copy(update={"id": name})
        else:
            self.leave([("more drafts than a claim file may have claims", sentence)], passage)

    def done(self) -> Extracted:
        """Return all that was gathered, in the order of the paper."""
        if self.characters > MAX_CHARACTERS or self.read > _MAX_SENTENCES:
            self.notices.append(
                f"Only the first {MAX_CHARACTERS} characters and {_MAX_SENTENCES} sentences "
                "were searched."
            )
        left = tuple(
            LeftOut(reason=r, count=c, examples=tuple(self.examples[r]))
            for r, c in sorted(self.counts.items())
        )
        return Extracted(
            drafts=tuple(self.drafts.values()), left_out=left, notices=tuple(self.notices)
        )


def _whole(pieces: list[str]) -> Iterator[str]:
    """Join again what was parted after an abbreviation, and leave marks of lists away."""
    held: list[str] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if _ABBREVIATED.search(piece[-12:]) is None or size > MAX_SENTENCE:
            yield _MARK.sub("", " ".join(held))
            held, size = [], 0
    if held:
        yield _MARK.sub("", " ".join(held))


def _draft(found: Found, passage: Passage, sentence: str) -> Draft:
    number = None
    if found.numeral is not None:
        quantity = found.numeral.quantity
        if found.kind != "value":
            quantity = quantity.model_copy(update={"value": abs(quantity.value)})
        count = found.kind in ("protocol", "consistency")
        number = DraftNumber.of(quantity, found.numeral.hedge, found.change, count=count)
    parts = found.parts
    confidence, reasons = _confidence(found, passage)
    return Draft(
        id=_id(found),
        statement=_statement(found, sentence)[:4000],
        kind=found.kind,
        number=number,
        direction=found.direction,
        treatment=parts.treatment or UNKNOWN,
        control=parts.control or UNKNOWN,
        measure=DraftMeasure(
            metric=found.metric or UNKNOWN,
            scope=parts.scope or UNKNOWN,
            split=parts.split or "unknown",
            statistic=parts.statistic or UNKNOWN,
        ),
        address=passage.address,
        place=passage.place,
        quote=sentence,
        confidence=confidence,
        reasons=reasons,
    )


def _confidence(found: Found, passage: Passage) -> tuple[float, tuple[str, ...]]:
    """Return how surely this is a claim and read rightly, and why, the weightiest reason first."""
    weighed = list(found.reasons)
    if found.kind != "protocol":
        named = [
            ("treatment", found.parts.treatment),
            ("comparator", found.parts.control),
            ("scope", found.parts.scope),
            ("measure", found.metric),
        ]
        for name, said in named:
            if said:
                weighed.append((0.05, f"The sentence names its {name}: '{said[:120]}'."))
        if not found.parts.treatment:
            weighed.append((-0.1, "The sentence does not say what the claim is about."))
    if passage.kind == "caption":
        weighed.append((-0.1, "It stands in a caption, which describes more often than it claims."))
    total = round(min(0.95, max(0.05, 0.5 + sum(weight for weight, _ in weighed))), 2)
    ordered = sorted(dict.fromkeys(weighed), key=lambda w: -abs(w[0]))
    return total, tuple(text[:300] for _, text in ordered[:40]) or ("It matches a rule.",)


def _statement(found: Found, sentence: str) -> str:
    """Return the claim in one line of the same shape for each kind."""
    parts, numeral = found.parts, found.numeral
    size = "" if numeral is None else _size(numeral)
    if found.kind == "protocol":
        start = -1 if numeral is None else sentence.find(numeral.quantity.raw)
        words = counted(sentence, start, start + len(numeral.quantity.raw)) if numeral else sentence
        return f"Setting of the runs: {words}"
    what = found.metric or "the measure"
    goes = {"up": "goes up", "down": "goes down"}.get(found.direction, "changes")
    says = {
        "gain": f"{what} {goes}{f' by {size}' if size else ''}",
        "selected_gain": f"with the best chosen for each, {what} {goes}{f' by {size}' if size else ''}",
        "value": f"{what} is {size}",
        "ranking": f"best in {what}",
        "consistency": f"{what} {goes} in {f'{size} of' if size else 'all or most of'} "
        f"{parts.scope if size and parts.scope else 'the cases'}",
        "no_benefit": f"no difference that counts in {what}",
        "not_consistently_better": f"{what} does not always improve",
    }[found.kind]
    who = f"{_capital(parts.treatment)}: " if parts.treatment else ""
    counted_in = found.kind == "consistency" and size
    on = f" on {parts.scope}" if parts.scope and not counted_in else ""
    over = f", compared with {parts.control}" if parts.control else ""
    how = ", ".join(said for said in (parts.statistic, parts.split) if said)
    return _capital(f"{who}{says}{on}{over}{f' ({how})' if how else ''}.")


def _size(numeral: Numeral) -> str:
    """Return a number as a sentence takes it up, without its sign."""
    quantity = numeral.quantity
    raw = quantity.raw.lstrip("+-−–↑↓ ")
    if quantity.unit == "times" and not raw[:1].isdigit():
        raw = f"a factor of {quantity.value:g}"
    elif quantity.unit != "none" and raw[-1:].isdigit():
        raw = f"{raw} {quantity.unit}"
    return f"{_HEDGE_WORDS[numeral.hedge]}{raw}"


def _id(found: Found) -> str:
    names = [found.parts.treatment or found.parts.control, found.parts.scope]
    words = [w for name in names for w in _SLUG.sub(" ", name.lower()).split() if w not in _SMALL]
    if found.kind == "protocol" and found.numeral:
        words = [_SLUG.sub("", found.numeral.quantity.raw.lower())]
    return f"{'-'.join(words[:5])[:48]}-{found.kind.replace('_', '-')}".strip("-")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
