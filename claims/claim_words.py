"""Which words of a clause say that it makes a claim, and of which kind?

English only. Every expression is searched in one clause, whose length the caller bounds.
"""

from __future__ import annotations

import re

from claims.clauses import CHANGE, PHRASE
from claims.measure_words import METRIC, SETTING

__all__ = [
    "ABSOLUTE",
    "AIM",
    "BEST",
    "CHANGE_AFTER",
    "CHANGE_BEFORE",
    "CONSISTENT",
    "CUE",
    "DIFFERS",
    "ELLIPTIC",
    "FROM_TO",
    "GAP",
    "LOCAL",
    "MOVES",
    "NAMED",
    "NOT",
    "NO_MOVE",
    "NO_PERCENT",
    "NO_THING",
    "OTHERS",
    "OURS",
    "PERCENT_METRIC",
    "PRINTED",
    "PROTOCOL",
    "RELATIVE",
    "SAME",
    "SCORES",
    "SEARCHED",
    "SELECTED",
    "TO_DO",
    "TO_ONLY",
    "UNSURE",
]

_UP = (
    r"improv\w*|gain\w*|increas\w*|rais(?:es?|ed|ing)|boost\w*|outperform\w*|surpass\w*|"
    r"exceed\w*|beat(?:s|ing)?|better|"
    r"higher|benefit\w*|help(?:s|ed|ful)?|enhanc\w*|above|rises?|rose|superior|faster|"
    r"more accurate|"
    r"earlier|speed-?ups?|more|"
    r"doubl\w+|tripl\w+|twice"
)
_DOWN = (
    r"reduc\w*|decreas\w*|lower(?:s|ed|ing)?|drop(?:s|ped|ping)?|degrad\w*|los(?:es?|ing|s|ses)|"
    r"lost|hurt\w*|worse\w*|falls?|"
    r"fell|declin\w*|cuts?|cutting|harm\w*|shrink\w*|fewer|below|smaller|slower|less|halv\w+"
)
MOVES = re.compile(rf"(?<![\w-])(?:(?P<up>{_UP})|(?P<down>{_DOWN}))(?![\w-])", re.IGNORECASE)
NO_MOVE = re.compile(
    r"(?:more than|less than|fewer than|lower bound|higher[- ]order)", re.IGNORECASE
)
NOT = re.compile(
    r"\b(?:neither|nor|none of|nothing)\b|\b(?:do|does|did|is|are|was|were|has|have|had|can|"
    r"could|will|would)(?: not|n't)\b(?! only)|"
    r"\bcannot\b|^(?:no|none)\b|\bno(?= (?:[\w-]+ ){0,3}(?:improvement|gain|benefit|difference|"
    r"effect|change|"
    r"advantage|increase|help)s?\b)|"
    r"\bfail(?:s|ed)? to\b|\b(?:little|hardly any) (?=(?:benefit|gain|improvement|effect))|"
    r"\bnot (?=significantly|consistently)",
    re.IGNORECASE,
)
SAME = re.compile(
    r"\bno (?:[\w-]+ ){0,3}(?:difference|effect|change)s?\b|\bon par with\b|\bcomparable (?:to|"
    r"with)\b|\bmakes? little difference\b",
    re.IGNORECASE,
)
CONSISTENT = re.compile(
    r"\bconsistent(?:ly)?\b|\buniformly\b|\bacross the board\b|\balways\b|"
    r"\b(?:on|in|for|across) (?:every|each of|all (?:but|except|of)|"
    r"all (?:the )?(?:\w+ )?(?:tasks|languages|data ?sets|benchmarks|settings))\b",
    re.IGNORECASE,
)
BEST = re.compile(
    r"\b(?:achiev|obtain|yield|giv|attain|reach|perform|set|establish|deliver|produc|rank|"
    r"remain|is|are|was|were|works?|provid|"
    r"mark|report|show|hold)\w*\s(?:(?!than\b|over\b|compar|from\b|by\b|to\b|our\b|as\b|"
    r"on\b)[\w'-]+\s){0,4}?"
    r"(?:best|state[- ]of[- ]the[- ]art|SOTA|highest|first place|first among|first on|strongest|"
    r"top[- ]ranked)(?![- ]?(?:model|of the))",
    re.IGNORECASE,
)
SELECTED = re.compile(
    r"\b(?:best|top)(?:[- ]performing)?\b[^.;,]{0,60}\b(?:for|per) (?:each|every)\b", re.IGNORECASE
)
SCORES = re.compile(
    r"\b(?:achiev|reach|obtain|attain|scor|get|yield|report|perform|hit|detect|classif|predict|"
    r"identif|recogni|correlat|with an?)\w*\b",
    re.IGNORECASE,
)
AIM = re.compile(
    r"\bwhether\b|^\W*(?:we|this paper|this work)\s(?:also\s|further\s)?(?:ask|aim|hope|seek|"
    r"investigate|explore|wonder|hypothesi[sz]e|expect|conjecture|discuss|"
    r"describe|review|survey)\w*\b|\?\s*$",
    re.IGNORECASE,
)
OTHERS = re.compile(
    r"\b(?:has|have) (?:recently )?been (?:shown|found|demonstrated|reported|used)\b|\b(?:is|"
    r"are) (?:well[- ])?known to\b|"
    r"\b(?:often|typically|commonly|usually|generally)\b|\b(?:recent|prior|previous|earlier|"
    r"existing) (?:work|studies|research)\b",
    re.IGNORECASE,
)
OURS = re.compile(r"\b(?:we|our|us|this (?:paper|work))\b", re.IGNORECASE)
PRINTED = re.compile(
    r"\b(?:bold|boldface|underlined?|italics?|shaded|highlighted|greyed|grayed)\b|"
    r"\b(?:lower|higher|smaller|larger|less|more) is better\b|\bmarked (?:with|by)\b|"
    r"\b(?:denotes?|stands? for)\b|\bcolou?rs? (?:show|indicate)",
    re.IGNORECASE,
)
TO_DO = re.compile(
    r"(?<!found )(?<!shown )(?<!able )(?<!seen )(?<!fail )(?<!fails )(?<!failed )\bto\s(?:further\s)?$"
)
_ADVERBS = r"(?:also |then |further |only |always |jointly |instead )*"
_DONE = (
    r"(?:us(?:e|es|ed)|employ(?:ed|s)?|adopt(?:ed|s)?|(?:pre-?|fine-?)?train(?:ed|s)?|"
    r"(?:fine-?)?tuned?|follow(?:ed|s)?|"
    r"initiali[sz]ed?|start(?:ed|s)? (?:from|with)|optimi[sz]ed?|evaluated?|run|ran|"
    r"repeat(?:ed)?|averaged?|sampled?|stud(?:y|ied)|"
    r"selected|averages?|experimented?)"
)
PROTOCOL = re.compile(
    rf"^(?:[A-Z][\w-]+ [^,]{{1,160}}, )?(?:we {_ADVERBS}{_DONE}|(?:[\w-]+ ){{1,4}}(?:is|are|was|"
    rf"were) {_ADVERBS}(?:the )?{_DONE})\b",
    re.IGNORECASE,
)
CUE = re.compile(
    rf"\b(?:{SETTING}|checkpoints?|optimi[sz]er|Adam\w*|SGD|approach|starting point|"
    rf"learning rate|batch size|beam|dropout|GPUs?)\b",
    re.IGNORECASE,
)
UNSURE = re.compile(
    r"\b(?:may|might|could|would|expect(?:ed)?|potentially|hypothesi[sz]e|if)\b", re.IGNORECASE
)
NO_THING = re.compile(
    r"\b(?:averages?|scores?|performance|results?|quality|models?|state[- ]of[- ]the[- ]art|it|"
    r"them|this|\d)\b|[A-Z]",
)
DIFFERS = re.compile(r"\bdiffer\w*\b", re.IGNORECASE)
ELLIPTIC = re.compile(r"[^.;]{0,60}?(?:,|,? and|,? or)\s(?:about |up to |by |nearly )?")
ABSOLUTE = re.compile(r"\babsolute(?:ly)?\b", re.IGNORECASE)
RELATIVE = re.compile(r"\brelative(?:ly)?\b(?! to)", re.IGNORECASE)
NO_PERCENT = re.compile(
    r"latency|throughput|time|memory|speed|perplexity|FLOPs|cost|parameters", re.IGNORECASE
)
PERCENT_METRIC = re.compile(
    METRIC + r"(?<!perplexity)(?<!speed)(?<!latency)(?<!throughput)(?<!memory)", re.IGNORECASE
)
_ADJECTIVES = (
    r"(?:(?:an? |the )?(?:average|mean|additional|absolute|relative|further|factor of|up to|"
    r"more than|at least|about|around|"
)
_ADJECTIVES += (
    r"roughly|approximately|nearly|almost|over|some|only|as much as|between|from|total of|"
    r"range from|≈|~|>|<)\s?)*"
)
CHANGE_BEFORE = re.compile(
    rf"(?:\bby (?:an? )?|\b{CHANGE}(?: [\w-]+){{0,3}} (?:of|by|from|between) |"
    rf"\b{CHANGE} (?:range|ranging|vary|varying) (?:from |between )|"
    r"\b(?:gain|drop|lose|rise|fall|add)(?:s|es|ed|ing|ped|ping)? |(?:improv|increas|decreas|"
    r"reduc)(?:e|es|ed|ing) |\bfell |"
    r"\brose |\blost )"
    rf"{_ADJECTIVES}$",
    re.IGNORECASE,
)
CHANGE_AFTER = re.compile(
    rf"[\s-]?(?:(?:absolute|relative|average|further|additional|[\w-]+),? ){{0,3}}?(?:{CHANGE}|"
    rf"better|higher|lower|more|less|fewer|faster|"
    r"slower|worse|above|below|earlier|larger|smaller|improvement)\b",
    re.IGNORECASE,
)
FROM_TO = re.compile(r"(?<!ranging )(?<!range )\bfrom (?:about |around |roughly )?$", re.IGNORECASE)
TO_ONLY = re.compile(r"\s?(?:to|down to|up to)\s?(?:about |only |roughly )?$", re.IGNORECASE)
LOCAL = re.compile(rf"[^,;()]{{0,40}}?\b(?:on|across|in|for)\s+(?!average\b|terms\b){PHRASE}")
NAMED = re.compile(r"(?P<name>(?:[A-Z]|\w*[A-Z])[\w.+/-]*(?: [A-Z][\w.+/-]*){0,2})\s?\($")
GAP = re.compile(r"(?:%|\s?percent|\s?points?)?\s?(?:,|/|,? and|,? or|&)\s?")
SEARCHED = re.compile(
    r"(?:investigat|explor|try|stud(?:y|i)|consider|compar|test|examin|"
    r"evaluat)\w*\s+(?P<one>.{3,160}?)\s+and\s+(?P<two>.{3,160}?)[,.]?$",
    re.IGNORECASE,
)
