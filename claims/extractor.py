"""Which extractors of claims are there, and may what they found be believed to be drafts?

An extractor is an extension point: any installed distribution may add one under the entry-point
group `corroborate.extractors`. What it returns is checked against the paper, and is only ever drafts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from itertools import islice
from typing import Any, Protocol, TypeVar, runtime_checkable

from pydantic import ValidationError

from claims.drafts import DRAFTS, MAX_DRAFTS, Draft, Drafts, Extracted, Judgement, LeftOut
from claims.errors import ExtractorError
from claims.paper import Cell, PaperText, Passage
from claims.record import Record

__all__ = ["BUILT_IN", "GROUP", "Extractor", "Judge", "drafts_of", "extractor", "extractor_names"]

GROUP = "corroborate.extractors"
BUILT_IN = "rules"
"""The default; no distribution can put another in its place."""
_Checked = TypeVar("_Checked", bound=Record)


@runtime_checkable
class Extractor(Protocol):
    """Reads drafts of claims out of a paper."""

    @property
    def name(self) -> str:
        """Name, as `--extractor` takes it."""

    def extract(self, paper: PaperText) -> Extracted:
        """Return the drafts of a paper; the same paper always gives the same drafts.

        Every draft's quotation stands at its address, and its number's characters in the quotation.
        """


@runtime_checkable
class Judge(Protocol):
    """Judges drafts of others, as an entailment model may; an entry point of the same group."""

    @property
    def name(self) -> str:
        """Name, as `--judge` takes it."""

    def judge(self, paper: PaperText, drafts: Sequence[Draft]) -> Sequence[Judgement]:
        """Return what it makes of the drafts, of at most one judgement each."""


def extractor_names() -> tuple[str, ...]:
    """Return the names of the built-in extractor and of all installed ones, sorted."""
    return tuple(sorted({BUILT_IN, *(point.name for point in entry_points(group=GROUP))}))


def extractor(name: str) -> Extractor:
    """Return the extractor of a name.

    Raises:
        ExtractorError: there is none of that name, or it cannot be loaded.
    """
    if name == BUILT_IN:
        from claims.rule_extractor import EXTRACTOR  # noqa: PLC0415 - others need none of its rules

        return EXTRACTOR
    loaded = _load(name)
    if not isinstance(loaded, Extractor):
        raise ExtractorError(
            f"extractor '{name}': found an object of type {type(loaded).__name__} ; expected one with "
            "name and extract. Mend the plugin."
        )
    return loaded


def drafts_of(
    paper: PaperText, path: str, *, names: Sequence[str] = (BUILT_IN,), judges: Sequence[str] = ()
) -> Drafts:
    """Return what extractors draft from a paper, and what judges make of it.

    Args:
        paper: as `claims.reading.read_paper` returns it.
        path: under which the paper is named in the result.
        names: of extractors, each asked once.
        judges: names of judges; their judgements stand beside a draft and change nothing of it.

    Raises:
        ExtractorError: an extractor or judge is not there, fails, or returns what is not as promised.
    """
    names, judges = tuple(dict.fromkeys(names)), tuple(dict.fromkeys(judges))
    loaded = [(name, extractor(name)) for name in names]
    judging = [(name, _judge(name)) for name in judges]
    drafts: list[Draft] = []
    left: list[LeftOut] = []
    notices = list(paper.notices)
    for name, plugin in loaded:
        found = _extracted(name, plugin, paper)
        own = f"{name}-" if len(names) > 1 else ""
        drafts += [_named(draft, name, f"{own}{draft.id}") for draft in found.drafts]
        left += found.left_out
        notices += found.notices
    for name, judge in judging:
        drafts = _judged(name, judge, paper, drafts)
    return Drafts(
        schema_version=DRAFTS,
        paper=path,
        title=paper.title,
        format=paper.format,
        extractors=names,
        judges=judges,
        drafts=tuple(drafts),
        left_out=tuple(left),
        notices=tuple(dict.fromkeys(notices)),
    )


def _load(name: str) -> object:
    points = sorted(entry_points(group=GROUP, name=name), key=lambda point: point.value)
    values = {point.value for point in points}
    if len(values) != 1:
        known = ", ".join(extractor_names())
        found = f"{len(values)} entry points, {', '.join(sorted(values))}" if values else "none"
        raise ExtractorError(
            f"extractor '{name[:80]}': found {found} ; expected one of: {known}. "
            "Choose another, or install the one distribution that provides it."
        )
    point: EntryPoint = points[0]
    return _asked(name, "being imported", point.load)


def _judge(name: str) -> Judge:
    loaded = extractor(name) if name == BUILT_IN else _load(name)
    if not isinstance(loaded, Judge):
        raise ExtractorError(
            f"judge '{name}': found an object of type {type(loaded).__name__} ; expected one with name "
            "and judge. Choose another."
        )
    return loaded


def _asked(name: str, doing: str, ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may fail in any way
        raise ExtractorError(
            f"extractor '{name}': found {type(error).__name__}: {str(error)[:300]} while {doing} ; "
            "expected drafts. Mend or uninstall the distribution that provides it."
        ) from None


def _extracted(name: str, plugin: Extractor, paper: PaperText) -> Extracted:
    """Return what an extractor found, after checking all that it promises."""
    found = _asked(name, "reading the paper", lambda: plugin.extract(paper))
    drafts = _records(name, "drafts", getattr(found, "drafts", None), Draft)
    left = _records(name, "left_out", getattr(found, "left_out", None), LeftOut)
    notices = getattr(found, "notices", None)
    if not isinstance(notices, tuple) or not all(isinstance(n, str) for n in notices[:101]):
        raise _nonsense(name, "notices that are no tuple of sentences")
    faults = [f for draft in drafts for f in _faults(draft, paper)]
    ids = [draft.id for draft in drafts]
    faults += [f"draft '{i}' twice" for i in sorted({i for i in ids if ids.count(i) > 1})]
    if faults:
        more = f", and {len(faults) - 5} further faults" if len(faults) > 5 else ""
        raise _nonsense(name, "; ".join(faults[:5]) + more)
    try:
        return Extracted(drafts=tuple(drafts), left_out=tuple(left), notices=notices)
    except ValidationError as error:
        raise _nonsense(name, _first(error)) from None


def _records(name: str, what: str, found: object, kind: type[_Checked]) -> list[_Checked]:
    """Return records as they are after validation, whatever class or trick they came as."""
    if not isinstance(found, Iterable) or isinstance(found, str | bytes):
        raise _nonsense(name, f"{what} of type {type(found).__name__}")
    some = _asked(name, f"giving its {what}", lambda: list(islice(found, MAX_DRAFTS + 1)))
    if len(some) > MAX_DRAFTS:
        raise _nonsense(name, f"more than {MAX_DRAFTS} {what}")
    checked = []
    for one in some:
        if not isinstance(one, kind):
            raise _nonsense(name, f"a thing of type {type(one).__name__} among its {what}")
        fields = _asked(name, f"giving its {what}", partial(Record.model_dump, one, warnings=False))
        try:
            checked.append(kind.model_validate(fields))
        except ValidationError as error:
            raise _nonsense(name, f"{what} that are not as promised: {_first(error)}") from None
    return checked


def _faults(draft: Draft, paper: PaperText) -> list[str]:
    """Return what of a draft the paper does not bear out."""
    at = paper.find(draft.address)
    if at is None:
        return [f"draft '{draft.id}' at the address '{draft.address}', where nothing stands"]
    text = at.text if isinstance(at, Passage | Cell) else at.caption
    faults = []
    quote = " ".join(draft.quote.split())
    if quote not in " ".join(text.split()):
        faults.append(f"draft '{draft.id}' with a quotation that does not stand at {draft.address}")
    if draft.number is not None and " ".join(draft.number.raw.split()) not in quote:
        faults.append(f"draft '{draft.id}' with a number that is not in its quotation")
    return faults


def _named(draft: Draft, extractor_name: str, name: str) -> Draft:
    """Return a draft under whom it is of, without judgements that nobody was asked for."""
    return draft.model_copy(
        update={"id": name[:80], "extractor": extractor_name, "judgements": (), "status": "draft"}
    )


def _judged(name: str, judge: Judge, paper: PaperText, drafts: list[Draft]) -> list[Draft]:
    found = _asked(name, "judging", lambda: judge.judge(paper, tuple(drafts)))
    judgements: dict[str, Judgement] = {}
    known = {draft.id for draft in drafts}
    for one in _records(name, "judgements", found, Judgement):
        if one.draft not in known or one.draft in judgements:
            raise _nonsense(name, f"a judgement of '{one.draft}', which is no draft or has one")
        judgements[one.draft] = one.model_copy(update={"judge": name})
    return [
        d.model_copy(update={"judgements": (*d.judgements, judgements[d.id])})
        if d.id in judgements
        else d
        for d in drafts
    ]


def _nonsense(name: str, found: str) -> ExtractorError:
    return ExtractorError(
        f"extractor '{name}': found {found} ; expected drafts whose quotations and numbers stand in the "
        "paper. Mend or uninstall the distribution that provides it."
    )


def _first(error: ValidationError) -> str:
    one = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(step) for step in one['loc'])}: {one['msg']}"[:300]
