"""What does the help of each command say beside its options?

A command's row has examples that can be typed as they stand; what a row leaves out is `Help`'s.
Imports nothing but the standard library, since every command begins here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["HELP", "WHOLE", "Help"]

_INVALID = "usage or invalid input; a message says what to mend"
_FAILED = "execution failed, or a fault of the program"
_DONE = {0: "done", 2: _INVALID, 4: _FAILED}
_VERDICTS = {
    0: "every verdict is as expected",
    1: "at least one verdict is against expectation",
    2: _INVALID,
    3: "none against expectation, but something is open",
    4: _FAILED,
}


class Help(NamedTuple):
    """What the help of a command says beside its one line and its options."""

    examples: Mapping[str, str] = {}
    """Command as typed -> what it does."""
    about: str = ""
    codes: Mapping[int, str] = _DONE
    """Exit code -> what it says here."""
    page: str = "docs/command-line.md"


WHOLE = Help(
    {
        "corroborate audit": "try everything on embedded data; minutes, no network",
        "corroborate verify --help": "show a command's options and examples",
    },
    codes=_VERDICTS,
)
"""The help of the program itself."""

HELP: dict[str, Help] = {
    "check": Help(
        {
            "corroborate check my_claims.yaml": "say what is wrong with a claim file",
            "corroborate check --schema": "print the JSON Schema, for an editor",
        },
        "Without CLAIMS the bundled sets are checked.",
        _DONE | {0: "no faults", 2: "faults, each of them told"},
        "docs/claim-files.md",
    ),
    "plan": Help(
        {
            "corroborate plan controls --protocol miniature": "list what would be run",
            "corroborate plan xstilts --protocol scratch --data DIR --store runs":
                "say what of it the store has already",
            "corroborate plan --protocol scratch --against xstilts":
                "list in what one protocol departs from another",
        },
        "Nothing runs. Runs that claims share are listed once, with what each would cost where "
        "that is known, and claims that cannot be tested with the reason.",
        page="docs/protocols.md",
    ),
    "run": Help(
        {
            "corroborate run controls --protocol miniature --store out/store":
                "make the runs that the store lacks",
            "corroborate run xstilts --protocol scratch --store runs --budget-hours 8":
                "begin no run after 8 hours; what decides most comes first",
        },
        "What the store holds is not run again, so the same command goes on after an interrupt, "
        "a crash or a spent budget.",
        {0: "every run is done", 2: _INVALID, 3: "the budget left some runs for later", 4: _FAILED},
        "docs/engines.md",
    ),
    "status": Help(
        {
            "corroborate status --store out/store": "say what is done, failed and left",
            "corroborate status --store out/store --watch":
                "follow the runs of another process until they end",
        },
        page="docs/store.md",
    ),
    "import": Help(
        {
            "corroborate import scores.csv --format tidy --store runs --protocol ours":
                "a table, one row a score, of runs that followed the protocol `ours`",
            "corroborate import output/ --format hf-trainer --store runs --given seed=1 "
            "--given task=xnli --given language=en":
                "what the Hugging Face Trainer wrote, with what its files do not say",
        },
        "Scores of runs made here and imported ones are never in one store. Without --protocol the "
        "evidence stays conceptual and decides nothing.",
        page="docs/imports.md",
    ),
    "export": Help(
        {
            "corroborate export --store out/store --format csv --out scores.csv":
                "all scores as a table, one row each",
            "corroborate export --store out/store --format model-index --condition none --out card.md":
                "the head of a model card with the scores of one condition",
            "corroborate export --store out/store --format eee --out records":
                "a record of Every Eval Ever for each run, below records/data",
        },
        "Nothing that is there is replaced without --force. The same store gives the same bytes.",
        page="docs/exports.md",
    ),
    "score": Help(
        {
            "corroborate score predictions labels --benchmark xtreme":
                "print the scores that the benchmark's program would print",
        },
        page="docs/scores.md",
    ),
    "accept": Help(
        {
            "corroborate accept gain --claims c.yaml --store runs --because 'a typo'":
                "let the changed claim decide; verdicts say who accepted it and why",
        },
        "A claim that was changed after it was fixed is stale and decides nothing until then. Each "
        "acceptance is of exactly one change, and stays on record in the store.",
        {0: "accepted", 2: "nothing changed, or " + _INVALID, 4: _FAILED},
    ),
    "verify": Help(
        {
            "corroborate verify my_claims.yaml --store out/store": "decide every claim of a file",
            "corroborate verify controls --store out/store --json": "the same as JSON",
            "corroborate verify c.yaml --store runs --fail-on unexpected,stale":
                "fail a build on what you name, and on nothing else",
        },
        "Each verification is a look at the scores and is put on record in the store.",
        _VERDICTS,
        "docs/statistics.md",
    ),
    "report": Help(
        {
            "corroborate report my_claims.yaml --store out/store --format html,pdf":
                "decide the claims and write the report",
            "corroborate report --from out/report.json --out again --format md":
                "write a report again, without its runs",
            "corroborate report --compare old.json new.json --out changes":
                "write what changed between two reports",
        },
        "CLAIMS and --store, --from, --compare or --schema: one of these is needed.",
        _VERDICTS,
        "docs/report-formats.md",
    ),
    "audit": Help(
        {
            "corroborate audit": "audit the embedded controls; minutes, no network",
            "corroborate audit xstilts --protocol scratch --data DIR --out out/xstilts":
                "audit a paper's claims on real data",
        },
        "The runs go to the folder `store` of --out, where the same command goes on.",
        _VERDICTS,
    ),
    "show": Help(
        {
            "corroborate show my-claim --claims my_claims.yaml":
                "show a claim, and its verdict where the store has its runs",
            "corroborate show 3fa94c --store out/store": "show the run of this digest",
        },
    ),
    "fetch": Help(
        {
            "corroborate fetch 2005.13013": "fetch all versions to out/papers/2005.13013",
            "corroborate fetch 2005.13013v2 --offline": "say what of one version is here",
        },
        codes=_DONE
        | {
            0: "every version asked for is here with its source",
            2: "no such paper, or a version that was refused as unsafe",
            3: "arXiv has no source of some version",
            4: "something did not come; the same command goes on",
        },
        page="docs/literature.md",
    ),
    "review": Help(
        {
            "corroborate review synthesis.md --paper paper.pdf":
                "hold what a synthesis says against the paper",
            "corroborate review one.md two.md --look-up":
                "compare two, and look their references up",
        },
        codes=_DONE
        | {
            0: "the papers bear out every ticked claim",
            1: "they contradict one",
            3: "one stays open, as all do without --paper",
        },
        page="docs/literature.md",
    ),
    "search": Help(
        {
            "corroborate search intermediate-task training": "search by words",
            "corroborate search 2005.13013 --json": "look one paper up in every index",
        },
        codes=_DONE
        | {
            0: "every index has answered",
            3: "one did not, and the others are shown",
            4: "none answered",
        },
        page="docs/literature.md",
    ),
    "new": Help(
        {
            "corroborate new paper.tex": "show each draft, and ask whether and how it is a claim",
            "corroborate new 2005.13013 --all --out drafts.yaml":
                "write every draft of a paper at arXiv, to be decided in an editor",
            "corroborate new --blank": "write a file to fill in, for scores without a paper",
        },
        "What nobody decided is `unknown` in the file, and `check` names it.",
        _DONE
        | {
            0: "the file that was written has no faults",
            3: "something in it is left to decide, or nothing was kept",
            4: "broken off; what was kept is in FILE.partial",
        },
        "docs/own-paper.md",
    ),
    "extract": Help(
        {
            "corroborate extract paper.tex": "list drafts of the claims of a paper",
            "corroborate extract paper.pdf --json": "the same as JSON",
        },
        "Drafts are to be read and mended by people; none is accepted as it is.",
        page="docs/papers.md",
    ),
    "ground": Help(
        {
            "corroborate ground my_claims.yaml --paper paper.tex":
                "find the quote and number of each claim in the paper",
            "corroborate ground my_claims.yaml --paper v2.tex --earlier v1.tex":
                "say as well what changed between two versions",
            "corroborate ground xstilts --published xstilts":
                "compare with rows that other papers print",
        },
        codes=_DONE
        | {
            0: "all was found and follows",
            1: "something is altered or impossible",
            3: "something is open",
        },
        page="docs/papers.md",
    ),
    "gc": Help(
        {
            "corroborate gc --store out/store --dry-run": "list what would go, and how much it is",
            "corroborate gc --store out/store": "remove it",
        },
        page="docs/store.md",
    ),
    "completion": Help(
        {
            'eval "$(corroborate completion bash)"': "complete in this shell; or in ~/.bashrc",
            'eval "$(corroborate completion zsh)"': "the same in ~/.zshrc, after compinit",
            "corroborate completion tcsh > ~/.corroborate.tcsh": "then `source` it in ~/.tcshrc",
        },
        "The script knows the claim sets, protocols, formats and engines that were installed when "
        "it was made, so make it again after an update.",
    ),
}  # fmt: skip
"""Command -> what its help says beside its options."""
