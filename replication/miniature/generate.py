"""The miniature's data sets, written as a folder in the hub's layout.

Planted, by construction:
- `mini_topic`, `mini_tags` and `mini_qa` ask about the guilds of names that their own training never
  shows. Without being told, no system beats chance there, whatever it learned from text.
- `mini_guild` (classification) tells the guild of every name.
- `mini_choice` (multiple choice) and `mini_squad` (span QA) tell who is of the first guild, no more:
  of `mini_topic` that leaves the other two guilds to chance, two thirds right at the best.
- `mini_shuffled` has the sentences of `mini_guild` with labels drawn at random: it tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from replication.miniature.languages import GUILDS, LANGUAGES, World, make_world

__all__ = ["WORLD_SEED", "write_miniature"]

WORLD_SEED = 20200526
"""Names the world. Fixed: the controls are claims about this world."""

Row = dict[str, Any]


def write_miniature(folder: Path, seed: int = WORLD_SEED) -> Path:
    """Write every data set of the miniature below a folder and return the folder.

    The content is a pure function of the seed. Existing files are overwritten with the same content.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    world = make_world(rng)
    everyone = (*world.seen, *world.unseen)
    _write(folder, "mini_text", "text", _text(world, 900, rng))
    _write(folder, "mini_guild", "train", _guild(world, everyone, 1800, rng))
    _write(folder, "mini_shuffled", "train", _shuffled(world, 1800, rng))
    _write(folder, "mini_choice", "train", _choice(world, 1200, rng))
    _write(folder, "mini_squad", "train", _questions(world, "en", everyone, 1200, rng))
    for name, make in _TARGETS.items():
        trained = {"mini_topic": 240, "mini_tags": 240, "mini_qa": 160}.get(name, 0)
        if trained:
            _write(folder, name, "train", make(world, "en", world.seen, trained, rng))
        for split in ("validation", "test"):
            rows = [r for c in LANGUAGES for r in make(world, c, world.unseen, 180, rng)]
            _write(folder, name, split, rows)
    return folder


def _text(world: World, per_language: int, rng: np.random.Generator) -> list[Row]:
    names = (*world.seen, *world.unseen)
    return [
        {"language": code, "text": " ".join(world.languages[code].say(world.meaning(names, rng)))}
        for code in LANGUAGES
        for _ in range(per_language)
    ]


def _guild(world: World, names: tuple[int, ...], count: int, rng: np.random.Generator) -> list[Row]:
    rows = []
    for _ in range(count):
        meaning = world.meaning(names, rng)
        sentence = " ".join(world.languages["en"].say(meaning))
        rows.append({"language": "en", "sentence": sentence, "label": world.guild[meaning.subject]})
    return rows


def _shuffled(world: World, count: int, rng: np.random.Generator) -> list[Row]:
    rows = _guild(world, (*world.seen, *world.unseen), count, rng)
    labels = rng.integers(len(GUILDS), size=count)
    return [{**row, "label": int(label)} for row, label in zip(rows, labels, strict=True)]


def _topic(
    world: World, code: str, names: tuple[int, ...], count: int, rng: np.random.Generator
) -> list[Row]:
    rows = []
    for _ in range(count):
        meaning = world.meaning(names, rng)
        sentence = " ".join(world.languages[code].say(meaning))
        rows.append({"language": code, "sentence": sentence, "label": world.guild[meaning.subject]})
    return rows


def _tags(
    world: World, code: str, names: tuple[int, ...], count: int, rng: np.random.Generator
) -> list[Row]:
    rows = []
    language = world.languages[code]
    for _ in range(count):
        meaning = world.meaning(names, rng)
        tokens = language.say(meaning)
        name = language.words["s"][meaning.subject]
        tags = [1 + world.guild[meaning.subject] if t == name else 0 for t in tokens]
        rows.append({"language": code, "tokens": tokens, "ner_tags": tags})
    return rows


def _choice(world: World, count: int, rng: np.random.Generator) -> list[Row]:
    """Offer three names, one of each guild; the right one is of the first guild."""
    names = world.languages["en"].words["s"]
    rows = []
    for _ in range(count):
        picked = _one_of_each(world, (*world.seen, *world.unseen), rng)
        order = rng.permutation(len(GUILDS))
        row: Row = {f"choice{i}": names[picked[g]] for i, g in enumerate(order)}
        row |= {"question": world.languages["en"].who, "label": int(np.flatnonzero(order == 0)[0])}
        rows.append(row)
    return rows


def _questions(
    world: World, code: str, names: tuple[int, ...], count: int, rng: np.random.Generator
) -> list[Row]:
    """Tell of three people, one of each guild, and ask for the one of the first guild."""
    language = world.languages[code]
    rows = []
    for index in range(count):
        people = _one_of_each(world, names, rng)
        story = [replace(world.meaning(names, rng), subject=p) for p in people]
        told = [language.say(story[i]) for i in rng.permutation(len(story))]
        context = " . ".join(" ".join(words) for words in told) + " ."
        answer = language.words["s"][people[0]]
        rows.append(
            {
                "id": f"{code}-{index}",
                "language": code,
                "question": language.who,
                "context": context,
                "answers": {"answer_start": [_place(context, answer)], "text": [answer]},
            }
        )
    return rows


def _one_of_each(world: World, names: tuple[int, ...], rng: np.random.Generator) -> list[int]:
    """Draw one name of each guild, in the order of the guilds."""
    by_guild = [[n for n in names if world.guild[n] == g] for g in range(len(GUILDS))]
    return [group[rng.integers(len(group))] for group in by_guild]


def _pairs(
    world: World, code: str, names: tuple[int, ...], count: int, rng: np.random.Generator
) -> list[Row]:
    """Say the same things in a language and in `en`."""
    if code == "en":
        return []
    rows = []
    for _ in range(count):
        meaning = world.meaning(names, rng)
        rows.append(
            {
                "language": code,
                "source_sentence": " ".join(world.languages[code].say(meaning)),
                "target_sentence": " ".join(world.languages["en"].say(meaning)),
            }
        )
    return rows


_TARGETS: dict[
    str, Callable[[World, str, tuple[int, ...], int, np.random.Generator], list[Row]]
] = {
    "mini_topic": _topic,
    "mini_tags": _tags,
    "mini_qa": _questions,
    "mini_pairs": _pairs,
}


def _place(context: str, answer: str) -> int:
    """Return where the answer stands as a whole word."""
    return f" {context}".index(f" {answer} ")


def _write(folder: Path, name: str, split: str, rows: list[Row]) -> None:
    target = folder / "miniature" / name
    target.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), target / f"{split}.parquet", compression="zstd")
