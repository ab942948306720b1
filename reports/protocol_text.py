"""How is the recipe of a report said in a few lines?"""

from __future__ import annotations

from replication.protocol import Protocol, Selection
from reports.blocks import Inline, code, words

__all__ = ["protocol_lines"]


def protocol_lines(protocol: Protocol) -> list[Inline]:
    """Return what was run, a line each; the JSON report has the whole protocol."""
    lines = [
        words(
            "Protocol ", code(protocol.name), ", size ", code(protocol.size),
            ", digest ", code(protocol.digest()[:12]),
        ),
        words("Base: ", code(protocol.base.checkpoint or "from random weights")),
        words(f"Intermediate tasks: {', '.join(protocol.intermediate_tasks) or 'none'}"),
        words(f"Targets: {', '.join(protocol.targets)}"),
        words(f"Seeds: {_seeds(protocol)}, statistic {protocol.seed_statistic}"),
    ]  # fmt: skip
    if protocol.looks:
        listed = ", ".join(map(str, protocol.looks))
        lines.append(
            words(
                f"Looks: verdicts were planned at {listed} seeds per condition; this plan goes to "
                f"{protocol.seeds}"
            )
        )
    scored = _selection(protocol.evaluation.selection)
    lines.append(words(f"Precision: {protocol.precision}; checkpoint scored: {scored}"))
    return lines


def _seeds(protocol: Protocol) -> str:
    first, count = protocol.first_seed, protocol.seeds
    if isinstance(count, str):
        return f"{count} number per condition, first_seed {first}"
    numbered = f"{first}" if count == 1 else f"{first} to {first + count - 1}"
    said = f"{count} per condition, numbered {numbered}"
    return f"{said} (first_seed {first})" if first else said


def _selection(selection: Selection | str) -> str:
    """Return which checkpoint of a target run is scored, in words."""
    if isinstance(selection, str):
        return selection
    if selection.rule != "best":
        return selection.rule
    spoken = {"training": "the training language", "all": "all languages", "unknown": "unknown"}
    said = ["best", f"on validation data of {spoken[selection.languages]}"]
    step = selection.every_steps
    said.append("looked at once an epoch" if step is None else f"looked at every {step} steps")
    if selection.examples is not None:
        said.append(f"at most {selection.examples} examples per language")
    if selection.patience is not None:
        said.append(f"stopped after {selection.patience} looks without improvement")
    return ", ".join(said)
