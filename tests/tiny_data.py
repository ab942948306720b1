"""What tests of plans, data and the command line share: files in the hub's layout, small claims."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
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


def claim_set(*claims: dict[str, Any], **paper: str | bool) -> ClaimSet:
    """Return a claim file's content."""
    document = {
        "schema": "corroborate/claims@1",
        "paper": {"title": "A test", **paper},
        "claims": list(claims),
    }
    return ClaimSet.model_validate(document)


def write_protocol(path: Path, **changes: Any) -> Path:
    """Write a protocol of seconds, derived from the miniature, named after its file.

    Args:
        path: ends in `.yaml`.
        changes: fields of the document that are replaced.
    """
    bundled = resources.files("replication.protocols") / "miniature.yaml"
    document = yaml.safe_load(bundled.read_text(encoding="utf-8"))
    brief = {"examples": 24, "epochs": 1, "batch_size": 8}
    document["name"] = path.stem
    document["base"]["architecture"].update(width=16, feed_forward=32)
    document["pretraining"].update(sentences_per_language=30)
    document["pretraining"]["recipe"].update(epochs=1)
    document["intermediate"].update(brief)
    for target in document["targets"].values():
        if target["train_on"]:
            target["recipe"].update(brief)
    document["evaluation"]["examples_per_language"] = 12
    document["seeds"] = 2
    path.write_text(yaml.safe_dump(document | changes), encoding="utf-8")
    return path


def write_claims(path: Path, *claims: dict[str, Any], **paper: str | bool) -> Path:
    """Write a claim file."""
    found = claim_set(*claims, **paper)
    path.write_text(json.dumps(found.model_dump(mode="json", by_alias=True)), encoding="utf-8")
    return path
