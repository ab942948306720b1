"""How does a paper of one's own become a claim file: which paper, which drafts, and what comes next?"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from shlex import join

from claims.arxiv_client import fetch
from claims.arxiv_paper import Identifier, identifier
from claims.check import read_claim_file
from claims.drafts import Drafts
from claims.errors import ClaimFileError, PaperError, UnknownPaperError
from claims.extractor import BUILT_IN, drafts_of
from claims.ground import ground
from claims.paper import PaperText
from claims.prose import visible
from claims.reading import read_paper
from claims.starting import Beginning, Chosen, blank_file, claim_file
from replication.protocols import bundled_protocols
from reports.errors import WriteError
from reports.exit_codes import FAILED, UNDECIDED
from reports.ground_view import ground_text
from reports.interview import OWN_PROTOCOL, interview
from reports.questions import Questions
from reports.replies import BUNDLED, one_of, sentence_in
from reports.streams import say, tell
from reports.write import write_files
from verifier.numbers import counted

__all__ = ["new_command"]

_NONE = "none"
_RUNNABLE = "scratch"
"""The bundled protocol of real data that leaves nothing unknown, unlike those of papers."""
_MOST_PARTIAL = 100


def new_command(options: argparse.Namespace) -> int:
    """Run `corroborate new` with its options and return the exit code.

    0: the file that was written passes `check`; 3: it was written and something is left to decide, or
    nothing was kept and nothing written; 4: it was broken off, and only what was kept is beside it.
    """
    out = Path(options.out)
    asked = sys.stdin is not None and (options.ask or _is_terminal())
    asking = asked and not (options.all or options.blank)
    questions = Questions(sys.stdin.buffer, echo=not _is_terminal()) if asking else None
    try:
        if not _may_write(out, questions, force=options.force):
            tell(f"{visible(str(out))} stays as it is; nothing is written.")
            return UNDECIDED
        name = _NONE if options.blank else _named(options.paper, questions)
    except (EOFError, KeyboardInterrupt):
        tell("\nBroken off; nothing is written.")
        return FAILED
    if name == _NONE:
        steps = _steps(out, None, None)
        _write(out, blank_file(steps))
        return _finished(out, None, Beginning("", "", 0), steps)
    path, title, arxiv = _paper(name, options)
    paper = read_paper(path)
    drafts = drafts_of(paper, str(path), names=(BUILT_IN, *options.extractor))
    if not drafts.drafts:
        raise PaperError(
            f"paper '{visible(name)[:200]}': found no sentence that looks like a claim ; expected some. "
            "`corroborate new --blank` writes a claim file to fill in by hand."
        )
    begun = _begun(name, path, title or drafts.title, arxiv, drafts)
    if questions is None:
        begun.claims = [Chosen(draft, n) for n, draft in enumerate(drafts.drafts, 1)]
        begun.protocol = OWN_PROTOCOL  # a name, to which the import that comes next refers
    else:
        try:
            _greet(begun)
            interview(questions, drafts.drafts, begun)
        except (EOFError, KeyboardInterrupt):
            return _broken_off(out, begun, path)
    if not begun.claims:
        tell("No draft was kept; nothing is written.")
        return UNDECIDED
    return _written(out, begun, paper, path)


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _may_write(out: Path, questions: Questions | None, *, force: bool) -> bool:
    """Return whether the file may be written; what it says is known before anything is asked."""
    if out.is_dir() or not out.absolute().parent.is_dir():
        raise WriteError(
            f"claim file '{out}': found no folder to write it into ; expected one. Make it, or "
            "name another file with --out."
        )
    if force or not os.path.lexists(out):
        return True
    if questions is None:
        raise WriteError(
            f"claim file '{out}': found a file of that name ; expected none. Name another with "
            "--out, or replace it with --force."
        )
    question = f"{out} is there already; replace it"
    return questions.ask(question, one_of(("yes", "no")), "no") == "yes"


def _named(paper: str | None, questions: Questions | None) -> str:
    if paper is not None:
        return paper
    if questions is None:
        raise PaperError(
            "new: found no PAPER ; expected an arXiv identifier or a file, as nobody can be asked here. "
            "Name one, or use --blank for a claim file to fill in by hand."
        )
    question = "paper: an arXiv identifier, a file or folder, or none for a file to fill in by hand"
    return questions.ask(question, sentence_in)


def _paper(name: str, options: argparse.Namespace) -> tuple[Path, str, str | None]:
    """Return where a paper lies, its title where arXiv says it, and its identifier there."""
    path = Path(name)
    with suppress(OSError, ValueError):
        if path.exists():
            return path, "", None
    try:
        wanted = identifier(name)
    except UnknownPaperError:
        raise PaperError(
            f"paper '{visible(name)[:200]}': found no such file, and no arXiv identifier ; expected "
            "one of them, such as paper.tex or 2005.13013v2. Check the spelling."
        ) from None
    return _from_arxiv(wanted, Path(options.fetched), offline=options.offline)


def _from_arxiv(wanted: Identifier, folder: Path, *, offline: bool) -> tuple[Path, str, str]:
    if not offline:
        tell(f"asking arXiv for {wanted.paper}, politely: some seconds for each version")
    found = fetch(wanted, folder, offline=offline)
    number = wanted.version or found.versions[-1].number
    version = next(v for v in found.versions if v.number == number)
    own = folder / wanted.folder() / f"v{number}"
    path = {"source": own / "source", "pdf only": own / "e-print"}.get(version.state)
    if path is None:
        raise PaperError(
            f"paper {wanted.paper}v{number}: found no source of this version ({version.state}: "
            f"{visible(version.why)[:300]}) ; expected one. Name another version, or a file."
        )
    return path, version.title, f"{wanted.paper}v{number}"


def _begun(name: str, path: Path, title: str, arxiv: str | None, drafts: Drafts) -> Beginning:
    shown = " ".join(visible(title).split())[:1000] or path.stem or "A paper"
    read = f"arXiv:{arxiv}" if arxiv else name
    return Beginning(shown, " ".join(visible(read).split())[:1000], len(drafts.drafts), arxiv)


def _greet(begun: Beginning) -> None:
    tell(
        f"{visible(begun.title)}: {counted(begun.drafts, 'draft')}. None of them is a claim until you "
        "keep it.\nEnter takes what stands in brackets; `unknown` is an answer, too. Ctrl-C ends it."
    )


def _broken_off(out: Path, begun: Beginning, path: Path) -> int:
    if not begun.claims:
        tell("\nBroken off; nothing was kept, and nothing is written.")
        return FAILED
    free = [out.with_name(f"{out.name}.partial{n or ''}") for n in range(_MOST_PARTIAL)]
    partial = next((p for p in free if not os.path.lexists(p)), free[0])
    text, number = claim_file(begun, _steps(out, path, begun))
    _write(partial, text)
    tell(f"\nBroken off; {counted(number, 'claim')} kept so far: {visible(str(partial))}")
    return FAILED


def _written(out: Path, begun: Beginning, paper: PaperText, path: Path) -> int:
    steps = _steps(out, path, begun)
    text, number = claim_file(begun, steps)
    _write(out, text)
    if number < len(begun.claims):
        left = counted(len(begun.claims) - number, "draft")
        tell(f"{left} left out: a claim file holds no more. Skip some to reach the others.")
    return _finished(out, (paper, path), begun, steps)


def _finished(
    out: Path, source: tuple[PaperText, Path] | None, begun: Beginning, steps: Sequence[str]
) -> int:
    """Check and ground the file as it was written, and say what comes next."""
    name = visible(str(out))
    try:
        claims = read_claim_file(out)
    except ClaimFileError as error:
        accepted = sum(one.accepted for one in begun.claims)
        say(f"{name}: written, {counted(len(begun.claims), 'draft')}, {accepted} accepted")
        tell(visible(f"corroborate: {error}"))
        say("Decide these fields, or delete the drafts that are no claims.")
        _say_next([*_mending(out, source), steps[-3]])
        return UNDECIDED
    say(f"{name}: {counted(len(claims.claims), 'claim')}, no faults")
    if source is not None:
        say(visible(ground_text(ground(claims, source[0], str(source[1])))))
    _say_next(steps[-3:])
    return 0


def _say_next(steps: Sequence[str]) -> None:
    say(visible("\n  ".join(("What comes next:", *steps))))


def _mending(out: Path, source: tuple[PaperText, Path] | None) -> list[str]:
    check = [join(["corroborate", "check", str(out)])]
    if source is None:
        return check
    return [*check, join(["corroborate", "ground", str(out), "--paper", str(source[1])])]


def _steps(out: Path, path: Path | None, begun: Beginning | None) -> list[str]:
    """Return the commands that follow for this very file, the last three once it is finished."""
    claims = str(out)
    first = [["check", claims]]
    first += [] if path is None else [["ground", claims, "--paper", str(path)]]
    if begun is not None and _can_be_run(begun):
        with_protocol = ["--protocol", _RUNNABLE]
        made = [
            ["plan", claims, *with_protocol],
            ["run", claims, *with_protocol, "--store", "runs"],
            ["verify", claims, "--store", "runs"],
        ]
    else:
        protocol = (begun.protocol if begun else None) or OWN_PROTOCOL
        scores = ["scores.csv", "--format", "tidy", "--store", "runs", "--protocol", protocol]
        made = [
            ["import", *scores],
            ["verify", claims, "--store", "runs"],
            ["report", claims, "--store", "runs", "--out", "out"],
        ]
    return [join(["corroborate", *words]) for words in (*first, *made)]


def _can_be_run(begun: Beginning) -> bool:
    """Return whether claims are about the bundled benchmark, and nothing names a foreign protocol."""
    measured = {one.fields.get("measure", {}).get("benchmark") for one in begun.claims}
    ours = begun.protocol is None or begun.protocol in bundled_protocols()
    return BUNDLED in measured and not begun.benchmarks and ours


def _write(out: Path, text: str) -> None:
    write_files(out.absolute().parent, {out.name: text.encode()})
