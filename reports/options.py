"""Every command and option of the command line, described once.

Imports nothing but the standard library.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from reports.command_help import HELP, WHOLE, Help
from reports.command_parser import CommandParser, description_of, epilog_of

__all__ = ["COMMANDS", "OPTIONS", "parser"]


def _seeds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 4 and 1 <= int(text) <= 1000):
        raise argparse.ArgumentTypeError(f"found {text!r} ; expected a whole number, 1 to 1000")
    return int(text)


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not (math.isfinite(hours) and hours >= 0):
        raise argparse.ArgumentTypeError(f"found {text!r} ; expected a number of hours, 0 or more")
    return hours


def _count(most: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"found {text!r} ; expected a number, 1 to {most}")
        return int(text)

    return count


_CLAIMS: dict[str, Any] = {"metavar": "CLAIMS", "help": "file, folder or bundled set"}
_FLAG: dict[str, Any] = {"action": "store_true"}
OPTIONS: dict[str, dict[str, Any]] = {
    "CLAIMS*": {"dest": "claims", "nargs": "*", **_CLAIMS},
    "CLAIMS+": {"dest": "claims", "nargs": "+", **_CLAIMS},
    "CLAIMS": {"dest": "claims", **_CLAIMS},
    "CLAIM": {"dest": "id", "metavar": "CLAIM", "help": "a claim's id"},
    "ID": {"dest": "id", "metavar": "ID", "help": "a claim's id, or six or more digits of a run"},
    "PREDICTIONS": {"dest": "predictions", "metavar": "PREDICTIONS",
                    "help": "folder such as PREDICTIONS/xnli/test-de.tsv"},
    "LABELS": {"dest": "labels", "metavar": "LABELS", "help": "the gold labels in the same layout"},
    "ARXIV_ID": {"dest": "id", "metavar": "ARXIV_ID",
                 "help": "such as 2005.13013, or 2005.13013v2 for the source of one version"},
    "QUERY+": {"dest": "query", "nargs": "+", "metavar": "QUERY",
               "help": "words, an arXiv identifier or a DOI"},
    "PATH": {"dest": "path", "metavar": "PATH",
             "help": "file or folder of scores; a tracking server's address for mlflow"},
    "PAPER": {"dest": "paper", "metavar": "PAPER",
              "help": "the paper: LaTeX (file or folder), HTML, PDF, Markdown or text"},
    "SHELL": {"dest": "shell", "choices": ("bash", "zsh", "tcsh"), "help": "which shell it is for"},
    "PAPER?": {"dest": "paper", "nargs": "?", "metavar": "PAPER",
               "help": "an arXiv identifier, or LaTeX (file or folder), HTML, PDF, Markdown or text"},
    "SYNTHESIS+": {"dest": "synthesis", "nargs": "+", "metavar": "SYNTHESIS",
                   "help": "a machine-written synthesis report; several are compared"},
    "--all": {**_FLAG, "help": "ask nothing: write every draft, marked as one"},
    "--ask": {**_FLAG, "help": "ask even where stdin is no terminal, and read answers line by line"},
    "--against": {"metavar": "P", "help": "list in what the protocol departs from this one"},
    "--because": {"required": True, "metavar": "TEXT", "help": "why; every verdict says it"},
    "--benchmark": {"required": True, "metavar": "B", "help": "xtreme or xtreme-r"},
    "--blank": {**_FLAG, "help": "write a file to fill in by hand, without a paper"},
    "--budget-hours": {"type": _hours, "metavar": "H", "help": "start no further run after this long"},
    "--by": {"metavar": "NAME",
             "help": "who; git's user.name and user.email where absent, or else $USER"},
    "--claims": {"nargs": "+", **_CLAIMS},
    "--claims=of": {"required": True, "dest": "claims", **_CLAIMS},
    "--condition": {"metavar": "LABEL", "help": "only runs of this condition, such as squad_v1 or none"},
    "--compare": {"nargs": 2, "metavar": ("OLD.json", "NEW.json"),
                  "help": "two reports, to write what changed between them and why; needs no CLAIMS"},
    "--data": {"metavar": "DIR", "help": "folder in the hub's layout; the hub where absent"},
    "--dry-run": {**_FLAG, "help": "only list what would go and how much it is"},
    "--earlier": {"metavar": "PATH", "help": "an earlier version of the paper, to compare with"},
    "--engine": {"default": "inline", "metavar": "E",
                 "help": "what executes the runs: inline (the default), local, ray or another"},
    "--explain": {**_FLAG, "help": "list every run and why"},
    "--fail-on": {"metavar": "V,...",
                  "help": "end with 1 for these and else with 0: verdicts, stale, unexpected"},
    "--fetched": {"metavar": "DIR",
                  "help": "folder of `corroborate fetch`, to tell what references are about"},
    "--fetched=out/papers": {"default": "out/papers", "dest": "fetched", "metavar": "DIR",
                             "help": "folder of `corroborate fetch`, out/papers where absent"},
    "--force": {**_FLAG, "help": "replace a file of that name without asking"},
    "--format": {"default": "html,md,json", "metavar": "F,...",
                 "help": "comma-separated: html, md, json, pdf, junit, ro-crate, latex, badge, nanopub"},
    "--format=export": {"required": True, "metavar": "F", "dest": "format",
                        "help": "csv, parquet, eee or model-index"},
    "--format=": {"required": True, "metavar": "F", "dest": "format",
                  "help": "tidy, xtreme, jiant, hf-trainer, model-index, eee, lm-eval or mlflow"},
    "--from": {"dest": "document", "metavar": "FILE",
               "help": "a report.json; CLAIMS and --store are not needed then"},
    "--json": {**_FLAG, "help": "print one JSON document"},
    "--kept": {"default": "out/search", "metavar": "DIR",
               "help": "folder of the indexes' earlier answers, out/search where absent"},
    "--limit": {"type": _count(50), "default": 10, "metavar": "N", "help": "works to show, 1 to 50"},
    "--extractor": {"action": "append", "default": [], "metavar": "NAME",
                    "help": "an installed extractor beside the built-in rules"},
    "--given": {"action": "append", "default": [], "metavar": "FIELD=VALUE",
                "help": "what the files do not say, such as seed=1 or intermediate=squad_v1"},
    "--judge": {"action": "append", "default": [], "metavar": "NAME",
                "help": "an installed judge, whose ratings stand beside the drafts"},
    "--lock": {"metavar": "FILE",
               "help": "refuse other data and bases than the file's; written where it is absent"},
    "--look-up": {**_FLAG, "help": "ask the indexes for every reference; else nobody is asked"},
    "--out": {"default": "out", "metavar": "DIR",
              "help": "folder for what is written, out where absent"},
    "--offline": {**_FLAG, "help": "ask nobody; use what is here already"},
    "--out=": {"required": True, "metavar": "PATH", "dest": "out",
               "help": "the file to write; a folder for eee"},
    "--out=claims.yaml": {"default": "claims.yaml", "dest": "out", "metavar": "FILE",
                          "help": "the claim file to write, claims.yaml where absent"},
    "--out=out/papers": {"default": "out/papers", "dest": "out", "metavar": "DIR",
                         "help": "folder of papers, out/papers where absent"},
    "--paper": {"action": "append", "default": [], "metavar": "PATH",
                "help": "the paper that the claims are of, to check words and numbers against"},
    "--paper=": {"dest": "paper", "metavar": "PATH",
                 "help": "the paper: LaTeX (file or folder), HTML, PDF, Markdown or text"},
    "--protocol": {"required": True, "metavar": "P", "help": "bundled protocol or YAML file"},
    "--protocol=miniature": {"default": "miniature", "metavar": "P", "dest": "protocol",
                             "help": "bundled protocol or YAML file, miniature where absent"},
    "--protocol=follows": {"metavar": "P", "dest": "follows",
                           "help": "the protocol that the imported runs followed, as you declare"},
    "--published": {"metavar": "FILE",
                    "help": "rows on the paper that others print, or a bundled set of them: xstilts"},
    "--quarantine": {**_FLAG, "help": "remove damaged runs that were put aside, too"},
    "--ratings": {"action": "append", "default": [], "metavar": "FILE",
                  "help": "another reviewer's ratings as JSON"},
    "--requests": {"type": _count(1000), "default": 12, "metavar": "N",
                   "help": "most requests in all, 1 to 1000"},
    "--schema": {**_FLAG, "help": "print the JSON Schema of such a file"},
    "--seconds": {"type": _count(3600), "default": 90, "metavar": "S",
                  "help": "most seconds in all, 1 to 3600"},
    "--seeds": {"type": _seeds, "metavar": "K", "help": "replicates per condition, 1 to 1000"},
    "--set": {"action": "append", "default": [], "metavar": "FIELD=VALUE",
              "help": "another value for a field of the protocol, such as intermediate.epochs=3"},
    "--size": {"metavar": "NAME", "help": "one of the protocol's sizes"},
    "--spans": {"choices": ("seqeval_0", "seqeval_1"), "default": "seqeval_0",
                "help": "reading of udpos tags: of the published numbers, or of today's seqeval"},
    "--store": {"required": True, "metavar": "DIR", "help": "folder of the runs"},
    "--store=": {"metavar": "DIR", "help": "say what this store has already", "dest": "store"},
    "--store=runs": {"dest": "store", "metavar": "DIR", "help": "folder of the runs"},
    "--store=out/store": {"default": "out/store", "dest": "store", "metavar": "DIR",
                          "help": "folder of the runs, out/store where absent"},
    "--watch": {**_FLAG, "help": "follow the runs of another process until they end, or Ctrl-C"},
}  # fmt: skip
"""Every option by the name that commands list it under; what follows `=` tells variants apart."""

_WHAT = ("--size", "--seeds", "--set", "--data", "--lock")
COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "check": ("Validate claim files; report every fault at once.", ("CLAIMS*", "--schema")),
    "plan": (
        "Show the runs that claims need, before anything runs; or compare two protocols.",
        ("CLAIMS*", "--protocol", *_WHAT, "--store=", "--explain", "--against", "--json"),
    ),
    "run": (
        "Execute the runs that claims need; goes on where it stopped.",
        ("CLAIMS+", "--protocol", *_WHAT, "--store", "--engine", "--budget-hours"),
    ),
    "status": (
        "Say what is done, failed and left, and which verdicts are stale, and why.",
        ("--store", "--json", "--watch"),
    ),
    "import": (
        "Bring scores that were made elsewhere into a store, all of them or none.",
        ("PATH", "--format=", "--store", "--protocol=follows", "--given", "--json"),
    ),
    "export": (
        "Write the scores of a store for other tools: tables, model cards, Every Eval Ever.",
        ("--store", "--format=export", "--condition", "--out=", "--force"),
    ),
    "score": (
        "Score a submission in a benchmark's official layout as its own program does.",
        ("PREDICTIONS", "LABELS", "--benchmark", "--spans", "--json"),
    ),
    "accept": (
        "Accept that a claim is decided otherwise than was fixed before its runs, and say why.",
        ("CLAIM", "--claims=of", "--store", "--because", "--by", "--json"),
    ),
    "verify": (
        "Decide claims on the runs of a store.",
        ("CLAIMS+", "--store", "--fail-on", "--json"),
    ),
    "report": (
        "Write the report of a store's runs, or again from its JSON, or compare two of them.",
        (
            "CLAIMS*",
            "--store=runs",
            "--from",
            "--compare",
            "--out",
            "--format",
            "--paper=",
            "--schema",
        ),
    ),
    "audit": (
        "Plan, run, verify and report; alone, the embedded miniature.",
        (
            "CLAIMS*",
            "--protocol=miniature",
            *_WHAT,
            "--engine",
            "--budget-hours",
            "--out",
            "--format",
        ),
    ),
    "show": (
        "Show a claim, a run or a verdict, with the path to its sources.",
        ("ID", "--claims", "--store=out/store"),
    ),
    "fetch": (
        "Fetch a paper's metadata and source from arXiv, all versions, politely.",
        ("ARXIV_ID", "--out=out/papers", "--offline", "--json"),
    ),
    "review": (
        "Audit machine-written synthesis reports that call a paper's claims verified.",
        (
            "SYNTHESIS+",
            "--paper",
            "--ratings",
            "--fetched",
            "--look-up",
            "--kept",
            "--offline",
            "--json",
        ),
    ),
    "search": (
        "Search arXiv, OpenAlex, Semantic Scholar and Crossref as one; retractions are shown.",
        ("QUERY+", "--limit", "--requests", "--seconds", "--kept", "--offline", "--json"),
    ),
    "new": (
        "Begin a claim file for a paper: draft its claims, ask what only a person can say.",
        (
            "PAPER?",
            "--out=claims.yaml",
            "--all",
            "--ask",
            "--blank",
            "--force",
            "--extractor",
            "--fetched=out/papers",
            "--offline",
        ),
    ),
    "extract": (
        "Draft claims from a paper's abstract, introduction, conclusion and captions.",
        ("PAPER", "--extractor", "--judge", "--json"),
    ),
    "ground": (
        "Check claims against the paper's own text and tables.",
        ("CLAIMS", "--paper=", "--earlier", "--published", "--json"),
    ),
    "gc": (
        "Remove from a store what no open claim needs: checkpoints, leftovers; never results.",
        ("--store", "--dry-run", "--quarantine", "--json"),
    ),
    "completion": ("Print a script that lets a shell complete commands and options.", ("SHELL",)),
}
"""Every command, what it does, and its options in the order of its help."""

_GROUPS = dict.fromkeys(("--protocol", "--protocol=miniature", *_WHAT), "what is replicated")
"""Options that stand under a heading of their own."""


def parser(functions: Mapping[str, Callable[[argparse.Namespace], int]]) -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Args:
        functions: command -> what it does, under `command` in the parsed options; all of `COMMANDS`.
    """
    about = "Find out whether runs bear out what a machine-learning paper claims."
    whole = CommandParser(prog="corroborate", description=about, epilog=epilog_of(WHOLE))
    whole.add_version()
    commands = whole.add_commands(tuple(COMMANDS))
    for name, (text, options) in COMMANDS.items():
        words = HELP.get(name, Help())
        sub = commands.add_parser(
            name, help=text, description=description_of(text, words), epilog=epilog_of(words)
        )
        sub.set_defaults(command=functions[name])
        groups = {title: sub.add_argument_group(title) for title in _titles(options)}
        for option in options:
            settings = dict(OPTIONS[option])
            spot = groups.get(_GROUPS.get(option, ""), sub)
            if option.startswith("--"):
                spot.add_argument(option.partition("=")[0], **settings)
            else:
                spot.add_argument(settings.pop("dest"), **settings)
    return whole


def _titles(options: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(_GROUPS[option] for option in options if option in _GROUPS)
