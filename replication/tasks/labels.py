"""The classes of a task whose row names none, because they come with data that nobody may pass on."""

from __future__ import annotations

from replication.errors import DataError
from replication.examples import Example
from replication.tasks.row import Task

__all__ = ["MAX_LABELS", "with_labels"]

MAX_LABELS = 5000
"""Most classes taken from data; CCGbank has some 1300 supertags."""


def with_labels(task: Task, examples: list[Example]) -> Task:
    """Return the row with the sorted set of its training data's own tags, where it names no labels.

    Rows that name labels, and families other than tagging, are returned as they are.

    Args:
        task: the row.
        examples: the training examples, all of those that are read.

    Raises:
        DataError: tags are no text, or there are too many different ones, or none.
    """
    if task.labels or task.family != "tagging":
        return task
    tags = [tag for example in examples for tag in example["tags"] or ()]
    odd = sorted({type(tag).__name__ for tag in tags if not isinstance(tag, str)})
    found = set() if odd else set(tags)
    if odd or not 0 < len(found) <= MAX_LABELS:
        said = f"tags of type {', '.join(odd)}" if odd else f"{len(found)} different tags"
        raise DataError(
            f"task '{task.name}': found {said} in its training data ; expected 1 to {MAX_LABELS} "
            "different ones, all of them text. The column of tags must hold lists of their names."
        )
    return task.model_copy(update={"labels": tuple(sorted(found))})
