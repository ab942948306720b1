"""How are arguments taken from LaTeX tokens that are still to be read?"""

from __future__ import annotations

from claims.latex_tokens import Token

__all__ = ["MAX_TOKENS_MOVED", "TokenStack"]

MAX_TOKENS_MOVED = 600_000
"""Tokens read as arguments or put in as replacements in one paper."""
MAX_OPTIONAL = 10_000
"""Longest argument in brackets, in tokens."""


class TokenStack:
    """Tokens still to be read, the next one last, and how many were moved so far."""

    def __init__(self, tokens: list[Token], limit: int = MAX_TOKENS_MOVED) -> None:
        """Begin with the tokens in the order of the text, and a bound on those moved."""
        self.pending = tokens[::-1]
        self.moved = 0
        self.limit = limit

    def put(self, tokens: list[Token]) -> None:
        """Put tokens in front of those that are still to be read."""
        self.moved += len(tokens)
        self.pending += reversed(tokens)

    def spaces(self) -> None:
        """Take spaces and ends of paragraphs."""
        while self.pending and self.pending[-1].kind in {"space", "par"}:
            self.pending.pop()

    def argument(self) -> list[Token]:
        """Take a mandatory argument: a group without its braces, or one token."""
        self.spaces()
        if not self.pending:
            return []
        token = self.pending.pop()
        if token.kind == "text" and len(token.text) > 1:
            self.pending.append(Token("text", token.text[1:], token.where))
            return [Token("text", token.text[0], token.where)]
        if token.kind == "close":
            self.pending.append(token)
            return []
        return self.until_close() if token.kind == "open" else [token]

    def until_close(self) -> list[Token]:
        """Take the rest of a group whose brace was opened, without its closing brace."""
        found: list[Token] = []
        depth = 1
        while self.pending and self.moved < self.limit:
            token = self.pending.pop()
            self.moved += 1
            depth += (token.kind == "open") - (token.kind == "close")
            if not depth:
                break
            found.append(token)
        return found

    def optional(self) -> list[Token] | None:
        """Take an argument in brackets; None where none follows."""
        if not self.next_is("["):
            return None
        self.pending.pop()
        found: list[Token] = []
        depth = 0
        while self.pending and len(found) < MAX_OPTIONAL and self.moved < self.limit:
            token = self.pending.pop()
            self.moved += 1
            depth += (token.kind == "open") - (token.kind == "close")
            if (token.kind == "text" and token.text == "]" and depth <= 0) or token.kind == "par":
                break
            found.append(token)
        return found

    def next_is(self, mark: str) -> bool:
        """Return whether a mark comes next, spaces aside; those are taken where it does."""
        back = len(self.pending) - 1
        while back >= 0 and self.pending[back].kind == "space":
            back -= 1
        if back < 0 or self.pending[back][:2] != ("text", mark):
            return False
        del self.pending[back + 1 :]
        return True

    def star(self) -> bool:
        """Take a star; return whether there was one."""
        if self.next_is("*"):
            self.pending.pop()
            return True
        return False

    def word(self) -> str:
        """Take an argument that is a name: of a command, an environment or a file."""
        return "".join(t.text for t in self.argument() if t.kind not in {"open", "close"}).strip()

    def letters(self) -> str:
        """Take an argument in brackets as text; empty where none follows."""
        found = self.optional()
        return "".join(t.text for t in found) if found else ""

    def split_ahead(self, number: int) -> None:
        """See to it that the next tokens of text, `number` of them, are single characters."""
        ahead = self.pending[-number:]
        if any(t.kind == "text" and len(t.text) > 1 for t in ahead):
            del self.pending[-number:]
            for token in ahead:
                if token.kind == "text":
                    self.pending += [Token("text", c, token.where) for c in reversed(token.text)]
                else:
                    self.pending.append(token)
