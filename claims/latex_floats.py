"""Which captions, labels and tabulars does a float of LaTeX hold?"""

from __future__ import annotations

from dataclasses import dataclass, field

from claims.latex_stack import TokenStack
from claims.latex_tables import TABULARS
from claims.latex_tokens import Token

__all__ = ["FloatParts", "FoundCaption", "FoundTabular", "float_parts", "holds_float"]


@dataclass(slots=True)
class FoundTabular:
    """A tabular found in the paper, with its caption."""

    name: str
    tokens: list[Token]
    where: int
    section: str
    number: int
    label: str
    part: str
    """Its letter among several tabulars of one float."""
    shared: bool
    """Whether its label is that of the whole float."""
    caption: list[Token] = field(default_factory=list)


@dataclass(slots=True)
class FoundCaption:
    """A caption, and the labels that stand in it or after it."""

    kind: str
    """`table` or `figure` where the source says so, else empty."""
    tokens: list[Token]
    labels: list[str]


@dataclass(slots=True)
class FloatParts:
    """What a float holds, each in its order."""

    captions: list[FoundCaption] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    """Those before the first caption."""
    tabulars: list[tuple[str, list[Token], int]] = field(default_factory=list)
    """Name, inside, and where it stands."""


def float_parts(name: str, tokens: list[Token], where: int) -> FloatParts:
    """Return the captions, labels and tabulars of a float, which may itself be a tabular."""
    found = FloatParts()
    stack = TokenStack(tokens, 1000 + 20 * len(tokens))
    if name in TABULARS:
        found.tabulars.append((name, tokens, where))
    open_tabulars: list[tuple[str, list[Token], int]] = []
    while stack.pending:
        token = stack.pending.pop()
        if token.kind == "command" and token.text in {
            "caption",
            "captionof",
            "label",
            "subcaption",
        }:
            if token.text == "label":
                labels = found.captions[-1].labels if found.captions else found.labels
                labels.append(stack.word()[:150])
                continue
            stack.star()
            kind = stack.word() if token.text == "captionof" else ""
            stack.optional()
            caption = stack.argument()
            found.captions.append(FoundCaption(kind, caption, _labels_in(caption)))
            continue
        if token.kind == "begin" and token.text in TABULARS and name not in TABULARS:
            if not open_tabulars:
                open_tabulars.append((token.text, [], token.where))
                continue
            open_tabulars.append((token.text, [], token.where))
        elif token.kind == "end" and open_tabulars and token.text == open_tabulars[-1][0]:
            done = open_tabulars.pop()
            if not open_tabulars:
                found.tabulars.append(done)
                continue
        if open_tabulars:
            open_tabulars[0][1].append(token)
    found.tabulars += open_tabulars[:1]
    return found


def holds_float(tokens: list[Token]) -> bool:
    """Return whether a box holds a tabular or a caption."""
    return any(
        (t.kind == "begin" and t.text in TABULARS)
        or (t.kind == "command" and t.text == "captionof")
        for t in tokens
    )


def _labels_in(tokens: list[Token]) -> list[str]:
    return [
        TokenStack(tokens[i + 1 : i + 20]).word()[:150]
        for i, t in enumerate(tokens)
        if t.kind == "command" and t.text == "label"
    ]
