"""Which claims do the numbers of a clause make: gains, scores, ends of changes and of ranges?"""

from __future__ import annotations

import re

from claims.claim_words import (
    ABSOLUTE,
    CHANGE_AFTER,
    CHANGE_BEFORE,
    CONSISTENT,
    DIFFERS,
    ELLIPTIC,
    FROM_TO,
    GAP,
    LOCAL,
    NAMED,
    NO_PERCENT,
    NO_THING,
    NOT,
    PERCENT_METRIC,
    RELATIVE,
    SCORES,
    SELECTED,
    TO_ONLY,
)
from claims.clause_view import Found, View, Weighed, direction_of, move_in
from claims.clauses import Parts, condition_end, listed, without_article
from claims.drafts import Change, Kind
from claims.measure_words import METRIC
from claims.numerals import Numeral, metric_beside

__all__ = ["groups_of", "numbered"]


_BEGINS = "It is where a change begins."
_ENDS = "It is where a change ends."


def groups_of(view: View) -> list[list[int]]:
    """Return the amounts of a clause, those of one enumeration together."""
    groups: list[list[int]] = []
    for i, numeral in enumerate(view.numerals):
        if numeral.role != "amount" or numeral.start < condition_end(view.text):
            continue
        last = groups[-1][-1] if groups else -1
        if last == i - 1 and last >= 0:
            one = view.numerals[last]
            ranged = one.hedge == "from" or numeral.hedge == "from"
            if not ranged and GAP.fullmatch(view.text, one.end, numeral.start):
                groups[-1].append(i)
                continue
        groups.append([i])
    return groups


def numbered(view: View, group: list[int]) -> list[Found]:
    """Return the claims of an enumeration of numbers, or of one; none where nothing is said of it."""
    first, last = view.numerals[group[0]], view.numerals[group[-1]]
    head, tail = view.text[: first.start], view.text[last.end :]
    kind, reason = _kind_of_number(view, group, head, tail)
    if kind is None:
        return []
    view.used.update(dict.fromkeys(group, kind))
    unit = last.quantity.unit if last.quantity.unit != "none" else first.quantity.unit
    list_, paired = _paired(view, group, tail)
    several = sum(n.role == "amount" for n in view.numerals) > len(group)
    found = []
    for place, i in enumerate(group):
        numeral = view.numerals[i]
        if numeral.quantity.unit == "none":
            numeral = numeral._replace(quantity=numeral.quantity.model_copy(update={"unit": unit}))
        parts, reasons = view.parts, [*view.reasons, reason]
        if list_ is not None:
            parts = _with_item(view, parts, list_, paired[place])
            says = re.search(r"\brespectively\b", view.text)
            reasons.append(
                (
                    0.05 if says else -0.05,
                    "Numbers and names of an enumeration are paired by their order.",
                )
            )
        elif len(group) > 1:
            reasons.append(
                (
                    -0.15,
                    "Numbers are enumerated, but not as many names; which belongs to which is unknown.",
                )
            )
        elif several:
            local = _local_scope(view, i)
            stale = any(n.quantity.raw in parts.scope for n in view.numerals if n.role == "amount")
            parts = parts._replace(scope=local or ("" if stale else parts.scope))
        if not parts.scope:
            parts = parts._replace(scope=_name_before(view, numeral))
        found.append(_with_number(view, kind, numeral, parts, reasons, last.end))
    return found


def _kind_of_number(
    view: View, group: list[int], head: str, tail: str
) -> tuple[Kind | None, Weighed]:
    """Return which kind of claim a number makes, and why; None where nothing is said of it."""
    first, last = view.numerals[group[0]], view.numerals[group[-1]]
    gain: Kind = "selected_gain" if SELECTED.search(view.text) else "gain"
    used = max((i for i in view.used if i < group[0]), default=-1)
    earlier, before = (view.numerals[used], view.used[used]) if used >= 0 else (None, None)
    moves = move_in(view.text, first.start)
    after = CHANGE_AFTER.match(tail)
    change = (moves and CHANGE_BEFORE.search(head)) or after
    word = " ".join(change[0].split()).strip(" -") if change else ""
    near = max(0, first.start - 40)
    printed = metric_beside(view.text[near : last.end + 40], first.start - near, last.end - near)
    plain = first.quantity.decimals == 0 and first.quantity.unit == "none"
    points = last.quantity.unit == "points"
    upper = earlier and first.hedge == "to" and earlier.hedge == "from"
    signed = first.quantity.signed or last.quantity.signed
    begins = moves and not plain and first.hedge != "from" and FROM_TO.search(head)
    between = re.sub(r"\([^()]{0,120}\)", "", head[earlier.end :]) if earlier else "."
    ends = TO_ONLY.fullmatch(between.replace("  ", " "))
    share = first.quantity.unit == "percent" and re.match(r"\sof\s", tail)
    own = re.search(rf"(?<![\w@-]){METRIC}(?!\w)", tail[:25], re.IGNORECASE)
    elliptic = before and ELLIPTIC.fullmatch(between) and not own
    measured = printed and not share and (not plain or SCORES.search(view.text))
    scored = not plain and not points and not share and SCORES.search(head)
    table: tuple[tuple[object, Kind, float, str], ...] = (
        (upper, before or gain, 0.2, "It is the upper end of a range."),
        (signed, gain, 0.15, "The number has a sign, as differences have."),
        (begins, "value", 0.1, _BEGINS),
        (ends, "value", 0.15, _ENDS),
        (change, gain, 0.25, f"A word of change stands at the number: '{word}'."),
        (moves and first.quantity.unit == "times", gain, 0.2, "The number is a factor."),
        (elliptic, before or gain, 0.1, "It goes on with what is said of the number before."),
        (moves and points, gain, 0.1, "It counts points, and the clause has a word of change."),
        (measured, "value", 0.2, f"A measure stands at the number: '{printed}'."),
        (scored, "value", 0.1, "The clause has a word of reaching a score."),
    )
    found = next(((kind, (weight, why)) for holds, kind, weight, why in table if holds), None)
    if DIFFERS.search(view.text):
        return None, (0.0, "")
    if found is None or NOT.search(head) is None:
        return found or (None, (0.0, ""))
    if found[0] == "value":
        return None, (0.0, "")  # what is not reached is no score
    denied: Kind = "not_consistently_better" if CONSISTENT.search(view.text) else "no_benefit"
    return denied, (0.05, "The clause denies a change of this size.")


def _with_number(
    view: View, kind: Kind, numeral: Numeral, parts: Parts, reasons: list[Weighed], end: int
) -> Found:
    metric = _metric(view, numeral, end)
    quantity = numeral.quantity
    direction = direction_of(view, numeral)
    moved = any(text in (_BEGINS, _ENDS) for _, text in reasons)
    if kind in ("no_benefit", "not_consistently_better") or (kind == "value" and not moved):
        direction = "unknown"
    if kind != "value":
        speed = re.search(r"\b(?:faster|slower)\b", view.text[numeral.end : numeral.end + 20])
        metric = "speed" if speed else metric
        follows = PERCENT_METRIC.match(view.text, min(numeral.end + 1, len(view.text)))
        if quantity.unit == "none" and follows and follows[0]:
            quantity = quantity.model_copy(update={"unit": "points"})
    change, why = _change(kind, view, quantity.unit, metric)
    reasons = [*reasons, *why]
    if quantity.unit != "none":
        reasons.append((0.05, f"The unit is printed: {quantity.unit}."))
    elif quantity.decimals == 0:
        reasons.append((-0.1, "A whole number without a unit may be a count."))
    if numeral.hedge not in ("none", "from", "to"):
        reasons.append((-0.05, f"The number is hedged: {numeral.hedge.replace('_', ' ')}."))
    if kind == "value":
        parts = parts._replace(control="")
    begins = any(text == _BEGINS for _, text in reasons)
    if begins:
        parts = parts._replace(treatment="")
    parts, metric = _with_object(parts, metric)
    return Found(
        kind, parts, numeral._replace(quantity=quantity), change, direction, metric, tuple(reasons)
    )


def _with_object(parts: Parts, metric: str) -> tuple[Parts, str]:
    """Return what is raised or lowered as scope, if it is a name, or else as measure."""
    thing = parts.object
    if not thing or re.fullmatch(METRIC, thing, re.IGNORECASE):
        return parts, metric
    if re.match(r"[A-Z]\S*[A-Z0-9-]|[A-Z]{2}", thing):
        return parts._replace(scope=parts.scope or thing), metric
    return parts, metric if metric or NO_THING.search(thing) else thing


def _metric(view: View, numeral: Numeral, end: int) -> str:
    """Return the measure of a number whose enumeration ends at a place; never that of another."""
    if "/" in (
        view.text[numeral.start - 1 : numeral.start],
        view.text[numeral.end : numeral.end + 1],
    ):
        pair = re.search(rf"({METRIC})/({METRIC})", view.text, re.IGNORECASE)
        first = view.text[numeral.end : numeral.end + 1] == "/"
        return "" if pair is None else pair[1 if first else 2]
    amounts = [n for n in view.numerals if n.role == "amount"]
    until = min((n.start for n in amounts if n.start >= end), default=len(view.text))
    beside = metric_beside(view.text[:until], numeral.start, end)
    alone = len(amounts) == 1 or view.metric in view.text[: amounts[0].start]
    return beside or (view.metric if alone or not view.text.count(view.metric) else "")


def _change(kind: Kind, view: View, unit: str, metric: str) -> tuple[Change, list[Weighed]]:
    if kind == "value":
        return "none", []
    if unit == "times" or RELATIVE.search(view.text):
        return ("absolute" if unit == "points" else "relative"), []
    if unit != "percent" or ABSOLUTE.search(view.text):
        return "absolute", []
    if metric and NO_PERCENT.search(metric):
        why = "Percent of a measure that is not itself in percent is relative."
        return "relative", [(0.0, why)]
    return "unknown", [
        (-0.1, "Percent may be of the score or of points; the sentence does not say.")
    ]


def _paired(view: View, group: list[int], tail: str) -> tuple[tuple[int, int] | None, list[str]]:
    """Return the enumeration of names that goes with one of numbers, at its place in the clause."""
    if len(group) < 2:
        return None, []
    start, end = view.numerals[group[0]].start, view.numerals[group[-1]].end
    after = listed(tail, len(group))
    if after is not None:
        return (after[0][0] + end, after[0][1] + end), after[1]
    before = listed(view.text[:start], len(group))
    return before if before is not None else (None, [])


def _with_item(view: View, parts: Parts, place: tuple[int, int], item: str) -> Parts:
    """Return what a clause says of one of several things that it lists."""
    whole = view.text[slice(*place)]
    if whole in parts.treatment:
        return parts._replace(treatment=parts.treatment.replace(whole, item, 1))
    return parts._replace(scope=without_article(item))


def _name_before(view: View, numeral: Numeral) -> str:
    """Return the name before the parenthesis in which a number stands; empty where there is none."""
    named = NAMED.search(view.text[max(0, numeral.start - 80) : numeral.start])
    return named["name"] if named else ""


def _local_scope(view: View, index: int) -> str:
    numeral = view.numerals[index]
    named = _name_before(view, numeral)
    if named:
        return named
    later = [n.start for n in view.numerals[index + 1 :] if n.role == "amount"]
    stretch = view.text[numeral.end : later[0] if later else len(view.text)]
    match = LOCAL.match(stretch)
    phrase = without_article(match["phrase"]) if match else ""
    phrase = re.sub(r"\s+and$", "", phrase)
    return re.sub(rf"\s+{METRIC}$", "", phrase, flags=re.IGNORECASE)
