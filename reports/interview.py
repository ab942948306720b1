"""What does only a person know of a paper's claims, and how is it asked draft by draft?

A draft is kept by a person or not at all. What is offered as a default says that it is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_args

from claims.claim import BenchmarkTask
from claims.drafts import Draft
from claims.estimand import SeedStatistic, Split
from claims.record import UNKNOWN
from claims.starting import (
    DEFAULT_EFFECT,
    DEFAULT_EFFECT_REASON,
    DEFAULT_TOLERANCE_REASON,
    FIELDS,
    Beginning,
    Chosen,
    default_tolerance,
    offered_count,
    offered_direction,
    offered_size,
)
from replication.tasks.row import benchmark_tasks
from reports.drafts_view import draft_text
from reports.questions import Questions
from reports.replies import (
    BUNDLED,
    MOST_CONDITIONS,
    SYSTEM,
    alike,
    benchmark_in,
    chance_in,
    condition_in,
    conditions_in,
    differing_from,
    name_in,
    names_in,
    one_of,
    points_in,
    sentence_in,
    setting_in,
    value_in,
    whole_in,
)  # fmt: skip
from reports.streams import tell

__all__ = ["OWN_PROTOCOL", "interview"]

OWN_PROTOCOL = "as-reported"
"""The name that is offered for a protocol that only the paper describes."""
_AS_DRAFTED = "as drafted"


def interview(questions: Questions, drafts: Sequence[Draft], begun: Beginning) -> None:
    """Ask of each draft whether it is a claim, and of those kept what nobody else can say.

    Args:
        questions: where to ask.
        drafts: in the order of the paper.
        begun: gets each claim as soon as all of it is known, so that what is there is whole.

    Raises:
        EOFError: the answers ended.
    """
    person = _Person(questions, begun)
    for number, draft in enumerate(drafts, 1):
        tell(f"\nDraft {number} of {len(drafts)}, {draft.place}\n{draft_text(draft)}")
        answer = questions.ask(
            "keep it, skip it, edit its id and keep it, or quit asking and write what is kept",
            one_of(("keep", "skip", "edit", "quit")),
            "skip",
        )
        if answer == "quit":
            break
        if answer != "skip":
            begun.claims.append(person.claim(draft, number, edit=answer == "edit"))


class _Person:
    """Whoever answers, with what they said before, which is offered again."""

    def __init__(self, questions: Questions, begun: Beginning) -> None:
        self.ask = questions.ask
        self.begun = begun
        self.before: dict[str, str] = {}
        """Question -> the answer given to it for the claim before."""

    def claim(self, draft: Draft, number: int, *, edit: bool) -> Chosen:
        """Return a draft as it was accepted, with all that a claim of its kind needs."""
        chosen = Chosen(draft, number, accepted=True, fields={"id": self._id(draft, edit=edit)})
        said = self.ask("statement in your own words", sentence_in, _AS_DRAFTED)
        said = draft.statement if said == _AS_DRAFTED else said
        chosen = replace(chosen, fields={**chosen.fields, "statement": said})
        for name in FIELDS[draft.kind]:
            asking: Callable[[Chosen], Any] = getattr(self, f"_{name}")
            chosen = replace(chosen, fields={**chosen.fields, name: asking(chosen)})
        return chosen

    def _id(self, draft: Draft, *, edit: bool) -> str:
        taken = {one.fields["id"] for one in self.begun.claims}
        if not edit and draft.id not in taken:
            return draft.id

        def read(answer: str) -> str:
            if answer in taken:
                raise ValueError("an id that no other claim of the file has")
            return name_in(answer)

        return self.ask("id", read, draft.id)

    def _again(
        self,
        key: str,
        question: str,
        read: Callable[[str], Any],
        offered: Sequence[str | None] = (),
    ) -> Any:
        """Ask; what is offered is the first that is known, or what was answered to `key` before."""

        def keep(answer: str) -> Any:
            value = read(answer)
            self.before[key] = answer
            return value

        said = next((one for one in offered if one is not None), None)
        return self.ask(question, keep, said if said is not None else self.before.get(key))

    def _choice(self, key: str, question: str, words: Sequence[str], said: str = UNKNOWN) -> str:
        """Ask for one of some words, and offer what the paper says, or the answer before."""
        told = f"{question}: {', '.join(words)}"
        found: str = self._again(key, told, one_of(words), (None if said == UNKNOWN else said,))
        return found

    def _condition(self, chosen: Chosen, role: str = "what reaches the score") -> dict[str, Any]:
        words = _said(chosen.draft.treatment)
        found: dict[str, Any] = self.ask(f"{role}{words}: {SYSTEM}", condition_in)
        return found

    def _treatment(self, chosen: Chosen) -> dict[str, Any]:
        return self._condition(chosen, "treatment, what is tried")

    def _control(self, chosen: Chosen) -> dict[str, Any]:
        words = _said(chosen.draft.control)
        question = f"control, what it is compared with{words}: the same, or none"
        if chosen.draft.kind == "selected_gain":
            return self.ask(question, condition_in)
        return self.ask(question, differing_from(chosen.fields["treatment"]))

    def _claimed(self, chosen: Chosen) -> list[dict[str, Any]]:
        words = _said(chosen.draft.treatment)
        return self.ask(f"who is best{words}: {SYSTEM}; several by commas", conditions_in)

    def _candidates(self, chosen: Chosen) -> list[dict[str, Any]]:
        claimed = chosen.fields.get("claimed", [])

        def read(answer: str) -> list[dict[str, Any]]:
            found = [*claimed, *conditions_in(answer)]
            if len(found) < 2 or any(one in found[:n] for n, one in enumerate(found)):
                raise ValueError("two or more in all, each once")
            if len(found) > MOST_CONDITIONS:
                raise ValueError(f"at most {MOST_CONDITIONS}")
            return found

        what = (
            "the others that they are compared with" if claimed else "those to choose the best of"
        )
        if not claimed:  # the control of a selected gain comes next
            what += _said(chosen.draft.treatment)
        return self.ask(f"{what}: {SYSTEM}; several by commas", read)

    def _top(self, chosen: Chosen) -> int | str:
        claimed, all_of_them = chosen.fields["claimed"], chosen.fields["candidates"]
        read = whole_in(len(claimed), len(all_of_them) - 1)
        return self.ask("in the best how many", read, str(len(claimed)))

    def _contrasts(self, chosen: Chosen) -> list[dict[str, Any]]:
        words = _said(chosen.draft.treatment)
        tried = self.ask(f"treatments{words}: {SYSTEM}; several by commas", conditions_in)

        question = f"control of each{_said(chosen.draft.control)}: the same, or none"
        control = self.ask(question, differing_from(*tried))
        return [{"treatment": one, "control": control} for one in tried]

    def _cells(self, _: Chosen) -> str:
        return self._choice("cells", "what is counted", ("contrasts", "tasks", "languages"))

    def _at_least(self, chosen: Chosen) -> int | str:
        count = offered_count(chosen.draft)
        return self.ask(
            "at least how many of them improve: a number, all or unknown",
            whole_in(1, 10**6, "all", UNKNOWN),
            UNKNOWN if count is None else str(count),
        )

    def _selection(self, _: Chosen) -> dict[str, Any]:
        on = (*get_args(Split), UNKNOWN)
        split = self._choice("chosen on", "split on which the best is chosen", on)
        where = ("training", "all", UNKNOWN)
        languages = self._choice("chosen in", "languages in which it is chosen", where)
        return {"split": split, "languages": languages}

    def _direction(self, chosen: Chosen) -> str:
        known = offered_direction(chosen.draft)
        return known or self.ask("direction of the score: up, down", one_of(("up", "down")))

    def _measure(self, chosen: Chosen) -> dict[str, Any]:
        first = "benchmark" not in self.before
        benchmark = self._benchmark(chosen)
        if benchmark != BUNDLED and benchmark not in self.begun.benchmarks:
            self.begun.benchmarks[benchmark] = self._tasks()
        if first:
            self._name_protocol(benchmark)
        known = self._known(benchmark)
        tasks = self._some_of(f"tasks of {benchmark}", known)
        named = known if tasks == "all" else {name: known[name] for name in tasks}
        spoken = dict.fromkeys(code for codes in named.values() for code in codes)
        languages = self._some_of(f"languages of {benchmark}", spoken)
        splits, said = (*get_args(Split), UNKNOWN), chosen.draft.measure
        split = self._choice("split", "split that is scored", splits, said.split)
        over = (*get_args(SeedStatistic), UNKNOWN)
        seeds = self._choice("seeds", f"what the number is over seeds{_said(said.statistic)}", over)
        sure = "yes"
        if len(named) > 1 or len(spoken) > 1:
            question = "is it the mean over tasks of the mean over languages"
            sure = self._choice("score", question, ("yes", UNKNOWN))
        score = "task_average" if sure == "yes" else UNKNOWN
        return {"benchmark": benchmark, "tasks": tasks, "languages": languages, "split": split,
                "score": score, "seeds": seeds}  # fmt: skip

    def _benchmark(self, chosen: Chosen) -> str:
        """Ask for the benchmark, and again where it is scored otherwise than the paper speaks."""
        question = f"benchmark: {BUNDLED}, or a name for your own"
        name: str = self._again("benchmark", question, benchmark_in)
        rows, metric = self.begun.benchmarks.get(name, {}), chosen.draft.measure.metric
        scored = dict.fromkeys(m for row in rows.values() for m in row["metrics"])
        if scored and metric != UNKNOWN and not any(alike(metric, m) for m in scored):
            question = (
                f"{name} is scored by {', '.join(scored)}{_said(metric)}: {name} all the same, or a "
                "name for another benchmark"
            )
            name = self.ask(question, benchmark_in)
        return name

    def _known(self, benchmark: str) -> dict[str, list[str]]:
        """Return task -> languages of a benchmark."""
        if benchmark == BUNDLED:
            return {task.name: list(task.languages) for task in benchmark_tasks(BUNDLED)}
        rows = self.begun.benchmarks[benchmark]
        return {name: list(row["languages"]) for name, row in rows.items()}

    def _some_of(self, what: str, known: dict[str, Any]) -> str | list[str]:
        """Ask which tasks or languages are meant, where there are several."""
        if len(known) < 2:
            return "all"

        def read(answer: str) -> str | list[str]:
            if answer == "all":
                return answer
            found = names_in(answer)
            if not set(found) <= set(known):
                raise ValueError(f"all, or some of {', '.join(known)}")
            return found

        before = self.before.get(what, "all")
        question = f"{what}: all, or names by commas"
        found: str | list[str] = self._again(what, question, read, (before,))
        return found

    def _tasks(self) -> dict[str, Any]:
        tasks = self.ask("its tasks, by commas, as your scores name them", names_in)
        rows: dict[str, Any] = {}
        for task in tasks:
            metrics = self._again(
                "metrics",
                f"metrics of {task}, such as accuracy; of several, the mean counts",
                names_in,
            )
            codes = self.before.get("codes", "en")
            languages = self._again("codes", f"languages of {task}", names_in, (codes,))
            chance = self.ask(
                f"score of guessing in {task}, 0 to 100, or unknown", chance_in, UNKNOWN
            )
            row = {"metrics": metrics, "languages": languages}
            row |= {} if chance is None else {"chance": chance}
            BenchmarkTask.model_validate(row)
            rows[task] = row
        return rows

    def _name_protocol(self, benchmark: str) -> None:
        own = benchmark != BUNDLED
        question = "a name for how the paper made its numbers (its protocol)" + (
            "" if own else "; none leaves it open"
        )
        name = self.ask(question, name_in, OWN_PROTOCOL if own else "none")
        self.begun.protocol = None if name == "none" else name

    def _reported(self, chosen: Chosen) -> float | str:
        direction = chosen.fields.get("direction", "up")
        value = chosen.draft.kind == "value"

        def read(answer: str) -> float | str:
            if answer == UNKNOWN and not value:
                return UNKNOWN
            if value:
                return value_in(answer)
            size = points_in(-100, 100)(answer)
            if size == 0 or (size > 0) != (direction == "up"):
                raise ValueError(
                    f"a size {'above' if direction == 'up' else 'below'} 0, or unknown"
                )
            return size

        size = offered_size(chosen.draft)
        if size is not None and not value:
            size = abs(size) if direction == "up" else -abs(size)
        raw = "" if chosen.draft.number is None else _said(chosen.draft.number.raw)
        default = None if size is None else f"{size:g}"
        if default is None and not value and chosen.draft.number is None:
            default = UNKNOWN
        hint = "" if value else "; unknown for a claim of direction only"
        return self.ask(f"reported size in points{raw}{hint}", read, default)

    def _tolerance(self, chosen: Chosen) -> dict[str, Any] | None:
        reported = chosen.fields["reported"]
        if reported == UNKNOWN:
            return None
        question = "tolerance in points: how far a replicated size may lie from the reported one"
        return self._sized(question, default_tolerance(reported), DEFAULT_TOLERANCE_REASON)

    def _minimum_effect(self, _: Chosen) -> dict[str, Any]:
        question = "minimum effect in points: the smallest size worth the name"
        return self._sized(question, DEFAULT_EFFECT, DEFAULT_EFFECT_REASON)

    def _sized(self, question: str, default: float, reason: str) -> dict[str, Any]:
        """Ask for a size and its reason; the default's reason is offered for the default only."""
        points = self.ask(question, points_in(0, 100), f"{default:g}")
        offered = reason if points == float(f"{default:g}") else None
        return {"points": points, "because": self.ask("because", sentence_in, offered)}

    def _settings(self, chosen: Chosen) -> list[dict[str, Any]]:
        raw = "" if chosen.draft.number is None else _said(chosen.draft.number.raw)
        question = f"setting of every run{raw}: FIELD=VALUE such as base.architecture.layers=12"
        return [self.ask(question, setting_in)]


def _said(words: str) -> str:
    return "" if words == UNKNOWN else f" (the paper: '{words}')"
