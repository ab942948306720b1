"""Which tokens of a LaTeX paper are its body, its title and its paragraphs?"""

from __future__ import annotations

from claims.latex_stack import TokenStack
from claims.latex_tokens import Token

__all__ = ["body_of", "paragraphs_of", "title_of"]


def paragraphs_of(tokens: list[Token]) -> list[list[Token]]:
    """Return tokens parted at the ends of paragraphs."""
    found: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind == "par":
            found.append([])
        else:
            found[-1].append(token)
    return [p for p in found if p]


def body_of(tokens: list[Token]) -> list[Token]:
    """Return what stands between the begin and the end of the document, or all of it."""
    start = next((i for i, t in enumerate(tokens) if t[:2] == ("begin", "document")), None)
    if start is None:
        return tokens
    end = next(
        (i for i, t in enumerate(tokens) if i > start and t[:2] == ("end", "document")), None
    )
    return tokens[start + 1 : end]


def title_of(tokens: list[Token]) -> list[Token]:
    """Return the title that stands before the document; empty where none does."""
    for i, token in enumerate(tokens):
        if token.kind == "command" and token.text in {"title", "icmltitle"}:
            stack = TokenStack(tokens[i + 1 : i + 2000])
            stack.optional()
            return stack.argument()
        if token[:2] == ("begin", "document"):
            break
    return []
