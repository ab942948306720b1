"""The root of every error that Corroborate raises, and the errors of the package `claims`.

CorroborateError
├── ExecutionError          the machine fails, though nothing is wrong with what was asked
│   └── FetchError          a server does not answer, or not whole
│       └── SpentError      what a command may ask of servers is used up
└── ClaimsError
    ├── ClaimFileError      a claim file that cannot be accepted, with all its faults
    ├── ClaimFilesError     several such files at once
    ├── ArchiveError        a paper's source that is not safe, or is no source
    │   └── DamagedArchiveError     one that ends too early, or does not fit together
    ├── UnknownPaperError   a name that is no arXiv identifier, or of which there is no paper
    ├── SearchError         a search that cannot be asked, or a setting for it that cannot be used
    ├── SynthesisError      a report, paper or ratings file that `review` cannot read
    ├── PaperError          a paper that cannot be read
    ├── PublishedError      a file of rows that others print which cannot be accepted
    ├── ExtractorError      an extractor of claims that is not there, fails, or breaks its promises
    └── UnknownClaimsError  a name that is neither a file, a folder nor a bundled claim set

Wording: what failed, which id: found X, expected Y. What to do. Every class survives pickling,
because errors cross process boundaries. This file imports nothing of ours.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ArchiveError",
    "ClaimFileError",
    "ClaimFilesError",
    "ClaimsError",
    "CorroborateError",
    "DamagedArchiveError",
    "ExecutionError",
    "ExtractorError",
    "Fault",
    "FetchError",
    "PaperError",
    "PublishedError",
    "SearchError",
    "SpentError",
    "SynthesisError",
    "UnknownClaimsError",
    "UnknownPaperError",
]


class CorroborateError(Exception):
    """Any failure that a user of Corroborate can do something about."""


class ExecutionError(CorroborateError):
    """A failure of the machine, such as a full disk: the same input may do another time."""


class ClaimsError(CorroborateError):
    """Any failure of the package `claims`."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault of a claim file, at the place where a person would mend it."""

    line: int
    """Line in the file, counted from 1; 0 where no line can be named."""
    field: str
    """Dotted path of the field, such as `claims[3].tolerance.points`."""
    found: str
    """What stands there, shortened to one line."""
    expected: str
    """What may stand there."""

    def __str__(self) -> str:
        """Render the fault as one line of a report."""
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.field}: found {self.found} ; expected {self.expected}"


class ClaimFileError(ClaimsError):
    """A claim file that cannot be accepted; `faults` holds all of them, not only the first."""

    def __init__(self, path: str, faults: tuple[Fault, ...]) -> None:
        """Keep the path and the faults; both are part of the message."""
        self.path = path
        self.faults = faults
        super().__init__(path, faults)

    def __str__(self) -> str:
        """Render one line a fault, in the order of the file."""
        lines = "\n".join(f"  {fault}" for fault in self.faults)
        plural = "fault" if len(self.faults) == 1 else "faults"
        return f"claim file '{self.path}': {len(self.faults)} {plural}\n{lines}"


class ClaimFilesError(ClaimsError):
    """Several claim files of a folder that cannot be accepted; `errors` holds one for each."""

    def __init__(self, errors: tuple[ClaimFileError, ...]) -> None:
        """Keep the errors, in the order of the files' names."""
        self.errors = errors
        super().__init__(errors)

    def __str__(self) -> str:
        """Render every fault of every file."""
        return "\n".join(str(error) for error in self.errors)


class UnknownClaimsError(ClaimsError):
    """A CLAIMS argument that names no file, no folder and no bundled set."""


class SynthesisError(ClaimsError):
    """A file given to `corroborate review` that is too large, unreadable or of another kind."""


class FetchError(ExecutionError):
    """A server cannot be reached, refuses, or breaks off; the same command may do another time."""


class SpentError(FetchError):
    """The requests or the time that a command may use are used up, so that a server is not asked."""


class ArchiveError(ClaimsError):
    """A paper's source that is not safe to unpack, or is no source at all."""


class DamagedArchiveError(ArchiveError):
    """A source that ends too early or does not fit together; another transfer may bring it whole."""


class UnknownPaperError(ClaimsError):
    """A name that is no arXiv identifier, or an identifier of which there is no paper."""


class SearchError(ClaimsError):
    """A search that cannot be asked, or a setting for it that cannot be used."""


class ExtractorError(ClaimsError):
    """An extractor or judge of drafts that is not there, fails, or returns what is not as promised."""


class PaperError(ClaimsError):
    """A paper that is not there, or that cannot be read."""


class PublishedError(ClaimsError):
    """A file of published rows that is not there, or that cannot be accepted, with all its faults."""
