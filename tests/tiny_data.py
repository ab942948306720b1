"""What tests of plans, data and the command line share: files in the hub's layout, small claims."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import settings

from claims.claim import ClaimSet

SHARED = Path(__file__).parents[2] / "shared"

UNHURRIED = settings(deadline=None, max_examples=40)
"""For laws whose examples take milliseconds to tens of them."""

EFFECT = {"points": 15, "because": "a test"}
QUESTION = {
    "question": "who ?",
    "context": "it is me .",
    "answers": {"text": ["me"], "answer_start": [6]},
}
PAIR = {"sentence1": "a cat sits .", "sentence2": "a cat .", "gold_label": "entailment"}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows as Parquet, with the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def write_xtreme(root: Path) -> Path:
    """Write what protocol `scratch` needs for XQuAD, TyDiQA and XNLI, a row or two of each."""
    for code in ("en", "de"):
        rows = [{"id": f"{code}-1", **QUESTION}]
        write(root / f"xtreme/XQuAD.{code}/validation-00000-of-00001.parquet", rows)
    for split in ("train", "validation"):
        rows = [{"id": f"{language}-1", **QUESTION} for language in ("english", "finnish")]
        write(root / f"xtreme/tydiqa/{split}-00000-of-00001.parquet", rows)
    write(root / "intermediate/squad/validation.parquet", [{"id": "1", **QUESTION}])
    pairs = [{"premise": "a", "hypothesis": "b", "label": 0}]
    write(root / "intermediate/mnli/train.parquet", pairs)
    rows = [{"language": code, **PAIR} for code in ("en", "de")]
    for split in ("validation", "test"):
        write(root / f"xtreme/XNLI/{split}-00000-of-00001.parquet", rows)
    return root


def measure(**changes: Any) -> dict[str, Any]:
    """Return the measure of a claim on the miniature."""
    return {"benchmark": "miniature", "tasks": ["mini_topic"], "split": "test", **changes}


def claim(name: str, kind: str = "gain", **fields: Any) -> dict[str, Any]:
    """Return a claim on the miniature, with what its kind cannot do without."""
    own: dict[str, Any] = {"id": name, "kind": kind, "statement": "It helps."}
    own["source"] = {"quote": "unknown", "found_in": "a test"}
    if kind != "protocol":
        own["measure"] = measure()
    if kind == "gain":
        own |= {"treatment": arm("mini_guild"), "control": arm(), "minimum_effect": EFFECT}
        own |= {"reported": "unknown"}
    if kind == "no_benefit":
        own |= {"minimum_effect": EFFECT}
    return own | fields


def arm(*intermediate: str, **fields: Any) -> dict[str, Any]:
    """Return a condition."""
    return {"intermediate": list(intermediate), **fields}


def contrast(treatment: dict[str, Any], control: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a contrast, against no intermediate training unless another control is given."""
    return {"treatment": treatment, "control": arm() if control is None else control}


def claim_set(*claims: dict[str, Any], **paper: str) -> ClaimSet:
    """Return a claim file's content."""
    document = {
        "schema": "corroborate/claims@1",
        "paper": {"title": "A test", **paper},
        "claims": list(claims),
    }
    return ClaimSet.model_validate(document)
