"""Which commands of LaTeX stand for characters, which for style, and which only for layout?"""

from __future__ import annotations

__all__ = ["ACCENTS", "LAYOUT", "STYLE_OF_ARGUMENT", "STYLE_ON", "SYMBOLS"]

_GREEK = (
    "alpha α beta β gamma γ delta δ epsilon ε varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι "
    "kappa κ lambda λ mu μ nu ν xi ξ pi π rho ρ sigma σ tau τ upsilon υ phi φ varphi φ chi χ psi ψ "
    "omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω"
)
_SIGNS = (
    "pm ± mp ∓ times × div ÷ cdot · ast * star ⋆ circ ° bullet • leq ≤ le ≤ geq ≥ ge ≥ neq ≠ ne ≠ "
    "approx ≈ sim ~ simeq ≃ equiv ≡ ll ≪ gg ≫ infty ∞ uparrow ↑ downarrow ↓ Uparrow ↑ Downarrow ↓ "
    "nearrow ↗ searrow ↘ rightarrow → to → leftarrow ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ "
    "mapsto ↦ dagger † dag † textdagger † ddagger ‡ ddag ‡ textdaggerdbl ‡ S § P ¶ checkmark ✓ "
    "blacktriangle ▲ blacktriangledown ▼ triangle △ triangledown ▽ diamond ⋄ ldots … dots … cdots … "
    "textellipsis … in ∈ notin ∉ subset ⊂ subseteq ⊆ cup ∪ cap ∩ emptyset ∅ forall ∀ exists ∃ "
    "neg ¬ lnot ¬ wedge ∧ vee ∨ sum Σ prod Π int ∫ partial ∂ nabla ∇ sqrt √ ell ℓ prime ′ mid | "
    "vert | lvert | rvert | langle ⟨ rangle ⟩ propto ∝ oplus ⊕ otimes ⊗ perp ⊥ textendash – "
    "textemdash — textminus − textpm ± texttimes × textdegree ° degree ° textbackslash \\ "
    "textasciitilde ~ texttildelow ~ textasciicircum ^ textless < textgreater > textbar | lt < gt > "
    "textquoteright ’ textquoteleft ‘ textquotedblleft “ textquotedblright ” textregistered ® "
    "texttrademark ™ copyright © euro € texteuro € pounds £ ss ß o ø O Ø ae æ AE Æ oe œ OE Œ aa å "
    "AA Å l ł L Ł i ı j ȷ percent % & & % % $ $ # # _ _ { { } } cmark ✓ xmark ✗ "
    "TeX TeX LaTeX LaTeX min min max max log log exp exp argmax argmax argmin argmin Pr Pr"
)
_SPACES = {
    ",": "\u2009", "thinspace": "\u2009", ";": " ", ":": " ", " ": " ", "quad": " ", "qquad": " ",
    "enspace": " ", "space": " ", "!": "", "/": "", "-": "", "@": "", "\\": " ", "newline": " ",
    "tabularnewline": " ", "par": " ", "linebreak": " ", "slash": "/", "allowbreak": "",
    "nobreakspace": " ", "backslash": "\\", "lbrace": "{", "rbrace": "}",
}  # fmt: skip
_pairs = f"{_GREEK} {_SIGNS}".split()
SYMBOLS: dict[str, str] = dict(zip(_pairs[::2], _pairs[1::2], strict=True)) | _SPACES
"""What a command without arguments prints."""

ACCENTS: dict[str, str] = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304",
    ".": "\u0307", "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "k": "\u0328",
    "r": "\u030a", "b": "\u0331", "d": "\u0323",
}  # fmt: skip
"""The combining character of a command that accents the next letter."""

STYLE_OF_ARGUMENT: dict[str, str] = {
    "textbf": "bold", "mathbf": "bold", "bm": "bold", "boldsymbol": "bold", "pmb": "bold",
    "mathbfit": "bold", "symbf": "bold", "textit": "italic", "emph": "italic", "mathit": "italic",
    "textsl": "italic", "underline": "underline", "uline": "underline", "ul": "underline",
    "uuline": "underline", "dashuline": "underline", "uwave": "underline", "dotuline": "underline",
    "underbar": "underline", "sout": "struck", "st": "struck", "xout": "struck",
}  # fmt: skip
"""The style of a command's argument."""

STYLE_ON: dict[str, str] = {
    "bfseries": "bold", "bf": "bold", "boldmath": "bold", "itshape": "italic", "it": "italic",
    "em": "italic", "slshape": "italic", "sl": "italic",
}  # fmt: skip
"""The style from a command to the end of its group."""

LAYOUT: dict[str, int] = {
    "label": 1, "vspace": 1, "hspace": 1, "phantom": 1, "hphantom": 1, "vphantom": 1, "rule": 2,
    "includegraphics": 1, "resizebox": 2, "scalebox": 1, "rotatebox": 1, "raisebox": 1,
    "parbox": 1, "setlength": 2, "addtolength": 2, "fontsize": 2, "selectfont": 0, "href": 1,
    "hyperlink": 1, "hypertarget": 1, "hyperref": 0, "adjustbox": 1, "multicolumn": 2,
    "cline": 1, "cmidrule": 1, "definecolor": 3, "colorlet": 2, "captionsetup": 1, "setcounter": 2,
    "addtocounter": 2, "bibliographystyle": 1, "bibliography": 1, "thispagestyle": 1,
    "pagestyle": 1, "usepackage": 1, "documentclass": 1, "RequirePackage": 1, "sisetup": 1,
    "hypersetup": 1, "arrayrulecolor": 1, "addcontentsline": 3, "setstretch": 1, "linespread": 1,
    "graphicspath": 1, "index": 1, "nocite": 1, "pdfbookmark": 2, "enlargethispage": 1,
    "vskip": 0, "setul": 2, "si": 1, "unit": 1, "fontfamily": 1, "foreignlanguage": 1, "lstset": 1,
    "newlength": 1, "settowidth": 2, "newcounter": 1, "stepcounter": 1, "refstepcounter": 1,
    "pgfplotsset": 1, "usetikzlibrary": 1, "theoremstyle": 1, "newtheorem": 2, "crefname": 3,
    "Crefname": 3, "hyphenation": 1, "DeclareMathSymbol": 4, "urlstyle": 1, "titlespacing": 4,
    "cellcolor": 1, "rowcolor": 1, "columncolor": 1, "color": 1, "textcolor": 1, "colorbox": 1,
    "pagecolor": 1, "rowcolors": 3, "cdashline": 1, "specialrule": 3, "Xhline": 1, "noalign": 1,
    "fcolorbox": 2, "SetCell": 1, "stackengine": 0, "tikz": 0, "parindent": 0, "thanks": 1,
    "tableofcontents": 0, "counterwithin": 2, "numberwithin": 2, "setcitestyle": 1,
}  # fmt: skip
"""How many arguments of a command are layout and not text; what follows them is text."""
