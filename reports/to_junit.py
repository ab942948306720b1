"""How does a CI that knows JUnit read verdicts?

A suite per claim set, a case per claim. A case passes only for a verdict as expected that can be relied
on; `inconclusive` fails and `not_evaluable` is skipped, each with its reason, as under pytest. The XML
keeps to what the schemas of Ant and of Jenkins both allow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from claims.claim import Paper
from reports.document import ClaimSection, Document, SetSection
from reports.escaping import one_line, visible
from reports.summary import weakness
from reports.words import claimed, what_would_change
from verifier.interval_text import interval_lines
from verifier.numbers import estimate
from verifier.words import FINDING_WORDS, VERDICT_WORDS, has_sign

__all__ = ["RENDERER", "JunitRenderer"]

_BLANK = re.compile(r"[^\S ]")
"""White space of all sorts but blanks; XML allows some of it only."""


@dataclass(frozen=True)
class JunitRenderer:
    """JUnit XML, for the test views of CI servers."""

    name: str = "junit"
    file_name: str = "report.junit.xml"

    def render(self, document: Document) -> bytes:
        """Return UTF-8 XML."""
        root = Element("testsuites")
        for place, claim_set in enumerate(document.sets):
            root.append(_suite(document, claim_set, place))
        indent(root)
        content: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
        return content + b"\n"


def _suite(document: Document, claim_set: SetSection, place: int) -> Element:
    weak = weakness(document)
    ran = {digest for section in claim_set.claims for digest in section.runs}
    cases = [_case(section, claim_set, weak) for section in claim_set.claims]
    paper = claim_set.paper
    title = paper.named() if claim_set.is_paper() else f"Controls: {paper.title}"
    counts = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": 0,
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    suite = Element(
        "testsuite",
        {
            "name": one_line(f"{weak[0]} {title}" if weak else title),
            "package": "corroborate",
            "id": str(place),
            "hostname": "localhost",  # Ant's word for a machine that is not named
            "time": _seconds(sum(run.seconds for run in document.runs if run.run in ran)),
            **{name: str(count) for name, count in counts.items()},
            **_timestamp(document.generated),
        },
    )
    properties = SubElement(suite, "properties")
    for name, value in _facts(document, weak):
        SubElement(properties, "property", {"name": name, "value": one_line(value)})
    suite.extend(cases)
    said = [" ".join(weak)] if weak else []
    said += [_summary(section) for section in claim_set.claims]
    SubElement(suite, "system-out").text = _text(said)
    SubElement(suite, "system-err")
    return suite


def _facts(document: Document, weak: tuple[str, str] | None) -> Iterator[tuple[str, str]]:
    yield "schema", document.schema_version
    yield "protocol", f"{document.protocol.name} ({document.protocol.size})"
    yield "data", document.data_source
    if weak:
        yield "evidence", " ".join(weak)


def _case(section: ClaimSection, claim_set: SetSection, weak: tuple[str, str] | None) -> Element:
    claim = section.claim
    room = f"claims.{_room(claim_set.paper)}" if claim_set.is_paper() else "controls"
    if weak:
        room = f"{weak[0].rstrip('.').lower().replace(' ', '-')}.{room}"
    case = Element(
        "testcase",
        {"classname": one_line(room), "name": claim.id, "time": _seconds(section.seconds)},
    )
    outcome = _outcome(section)
    if outcome is not None:
        tag, kind = outcome
        found = SubElement(case, tag, {"message": one_line(_summary(section))})
        if tag == "failure":
            found.set("type", kind)
        found.text = _text(_reasons(section, weak))
    return case


def _room(paper: Paper) -> str:
    """Return a paper's name without full stops, which part packages in the views of CI servers."""
    if paper.arxiv is not None:
        return f"arxiv-{paper.arxiv.replace('.', '_')}"
    return "-".join(re.findall(r"\w+", paper.title.lower()))[:80] or "paper"


def _outcome(section: ClaimSection) -> tuple[str, str] | None:
    """Return element and type of what did not pass; None for what did."""
    verdict = section.verdict
    if verdict.verdict == "not_evaluable":
        return "skipped", verdict.verdict
    if verdict.as_expected() is not True:
        return "failure", verdict.verdict
    if verdict.stale:
        return "failure", "stale"
    if section.criterion_stands() is False:
        return "failure", "changed_after_planning"
    return None


def _summary(section: ClaimSection) -> str:
    verdict = section.verdict
    said = f"{section.claim.id}: {VERDICT_WORDS[verdict.verdict]}"
    if verdict.expected is not None:
        said += f" (expected: {VERDICT_WORDS[verdict.expected]})"
    said += f", {FINDING_WORDS[verdict.finding]}"
    if verdict.estimate is not None:
        signed = has_sign(section.claim)
        said += f"; found {estimate(verdict.estimate, verdict.interval, signed=signed)} points"
    if verdict.agreement is not None:
        said += f"; evidence that cannot decide it: {verdict.agreement}"
    if verdict.stale:
        said += "; stale"
    if verdict.acceptances:
        last = verdict.acceptances[-1]
        said += f"; changed after it was fixed, accepted by {last.by} on {last.time[:10]}"
    return said


def _reasons(section: ClaimSection, weak: tuple[str, str] | None) -> list[str]:
    verdict = section.verdict
    lines = [" ".join(weak)] if weak else []
    if section.criterion_stands() is False:
        lines.append("The claim was changed after its runs were planned.")
    lines += [f"Stale: {why}" for why in verdict.stale]
    lines += [section.claim.statement, f"Claimed: {claimed(section.claim)}"]
    lines += interval_lines(section.claim, section.verdict)
    lines += [f"Why: {reason}" for reason in verdict.reasons]
    lines += [f"What would change it: {line}" for line in what_would_change(section)]
    lines += [f"Left out: {line}" for line in verdict.evidence.exclusions]
    replication = verdict.replication or "none, no run bears on the claim"
    return [*lines, f"Replication: {replication}", f"Signature: {verdict.signature}"]


def _timestamp(generated: str) -> dict[str, str]:
    """Return the attribute, which has no room for a time zone; nothing where no time is given."""
    try:
        when = datetime.fromisoformat(generated)
        utc = when.astimezone(UTC) if when.tzinfo else when
    except (ValueError, OverflowError):
        return {}
    return {"timestamp": utc.replace(tzinfo=None).isoformat(timespec="seconds")}


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _text(lines: Sequence[str]) -> str:
    """Return lines as they stand, each without what would break it or the XML."""
    said = (_BLANK.sub(" ", visible(line)).rstrip() for line in lines)
    return "".join(f"\n{line}" for line in said) + "\n"


RENDERER = JunitRenderer()
"""Of the entry point `junit`."""
