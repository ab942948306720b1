"""How fast is training XLM-R Large on one GPU, against Hugging Face's Trainer at its best?

`python -m benchmarks.bench_gpu` builds XLM-R Large from its config with random weights and trains it in
bf16 at the protocol's batches: ours, and the Trainer with and without group_by_length, flash attention
where installed, and torch_compile, all with fused AdamW. It fits one command of ten minutes, writes
out/bench-gpu.json after each part, and makes the GPU table of docs/performance.md from it.

Run in two commands, compilation gets more time: `--only '^[^ ]+$'`, then `--only compiled`.
On another machine than this: needs torch, transformers, accelerate, pyarrow, pydantic and pyyaml.
`--small` tries the script with a small encoder on a CPU, without compiling unless `--only compiled`
asks for it; what it says of speed means nothing.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bench import (
    interruptible,
    options,
    refuse_no_time,
    selected,
    written_before,
)
from benchmarks.bench_derived import Derivation, derive
from benchmarks.bench_page import around, in_page, shown
from benchmarks.bench_parts import ROOT, Part, measure_parts, say, written
from benchmarks.bench_targets import GPU
from benchmarks.gpu_derived import best, matrix

__all__ = ["main", "parts"]

OUT = ROOT / "out" / "bench-gpu.json"
TRIED = ROOT / "out" / "bench-gpu-small.json"
DERIVED: dict[str, Derivation] = {"best": best, "matrix": matrix}
"""Parts that follow from the others' rows."""
UNCOMPILED = "^[^ ]+$"
"""What --small tries where nothing is named: compiling takes minutes on a CPU."""
_EAGER = {"XNLI": 85.0, "SQuAD": 100.0, "tagging": 85.0}
_COMPILED = {"XNLI compiled": 190.0, "SQuAD compiled": 190.0, "tagging compiled": 190.0}
_FUNCTIONS = "benchmarks.gpu_training:"


def parts(*, small: bool) -> tuple[Part, ...]:
    """Return the parts in their order: where time runs short, compiled peers go without."""
    more = {"small": small}

    def training(name: str, seconds: float) -> Part:
        work, _, compiled = name.partition(" ")
        call = _FUNCTIONS + (compiled or "training")
        return Part(name, call, 1.3 * seconds, {"work": work, "seconds": seconds, **more})

    return (
        Part("peak", f"{_FUNCTIONS}peak", 40, more),
        *(training(name, seconds) for name, seconds in _EAGER.items()),
        Part("packed", f"{_FUNCTIONS}packed", 60, more),
        Part("several", f"{_FUNCTIONS}several", 100, more),
        *(training(name, seconds) for name, seconds in _COMPILED.items()),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and put it into the page."""
    parser = options(__doc__, OUT, 9.5)
    parser.add_argument("--small", action="store_true", help="a small encoder, on a CPU")
    asked = parser.parse_args(arguments)
    refuse_no_time(parser, asked)
    only = UNCOMPILED if asked.small and asked.only is None else asked.only
    chosen = selected(parser, parts(small=asked.small), only)
    out: Path = TRIED if asked.small and asked.out == OUT else asked.out
    around(asked.page, "bench-gpu")
    if asked.page_only:
        document = written_before(parser, out)
    elif not asked.small and not _gpu():
        parser.error(
            "found no GPU ; expected one that torch finds. "
            "Run it where there is one, or try the script with --small."
        )
    else:
        given = list(sys.argv[1:] if arguments is None else arguments)
        document = measure_parts(
            chosen, out, turns=asked.turns, minutes=asked.minutes, afresh=asked.afresh,
            patience=asked.patience, missing=asked.missing,
            command=shlex.join(["python", "-m", "benchmarks.bench_gpu", *given]),
        )  # fmt: skip
        if not asked.small:
            derive(document, DERIVED)
            written(out, document)
    names = [part.name for part in parts(small=asked.small)]
    text = shown(document, [*names, *DERIVED][: None if not asked.small else len(names)],
                 () if asked.small else GPU)  # fmt: skip
    print(text)
    if asked.small:
        say("This was a small encoder on a CPU: it tries the script and says nothing about speed.")
        say(f"numbers: {out}; {asked.page} is left as it is")
    else:
        in_page(asked.page, "bench-gpu", text)
        say(f"numbers: {out}; table: {asked.page}")
    return 0


def _gpu() -> bool:
    try:
        import torch  # noqa: PLC0415 - `--help` does not wait for it
    except ImportError:
        return False
    return torch.cuda.is_available()


if __name__ == "__main__":
    sys.exit(interruptible(main))
