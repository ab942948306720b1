"""The errors of the package `replication`.

ReplicationError
├── ProtocolError      a protocol file that cannot be used
├── DataError          data that is absent, damaged or of the wrong shape
├── DepotError         a depot that cannot be reached, read or written
│   └── DamageError    a depot that lacks something, or holds other bytes than were announced
├── ImportedScoresError  foreign scores that cannot be imported, with all faults
├── LeakError          training data that contains what is evaluated
├── PlanError          a plan that cannot be made
├── ScoreError         predictions and labels that cannot be scored, with all faults
├── StoreError         a store that cannot be read or written
│   └── DiskError      a disk that is full or broken
├── StoppedError       a phase that was asked to stop; its state is kept
└── TrainingError      a phase that cannot go on, such as a loss that is not finite

All are picklable, because they cross process boundaries.
"""

from __future__ import annotations

from claims.errors import CorroborateError, ExecutionError

__all__ = [
    "DamageError",
    "DataError",
    "DepotError",
    "DiskError",
    "ImportedScoresError",
    "LeakError",
    "PlanError",
    "ProtocolError",
    "ReplicationError",
    "ScoreError",
    "StoppedError",
    "StoreError",
    "TrainingError",
]


class ReplicationError(CorroborateError):
    """Any failure of the package `replication`."""


class ProtocolError(ReplicationError):
    """A protocol that is unknown, invalid, or too incomplete to run."""


class DataError(ReplicationError):
    """Data that is absent, damaged or of the wrong shape."""


class DepotError(ReplicationError):
    """A depot that cannot be reached, read or written."""


class DamageError(DepotError):
    """A depot that lacks something, or holds other bytes than were announced."""


class LeakError(ReplicationError):
    """Training data that contains what is evaluated."""


class PlanError(ReplicationError):
    """A plan that cannot be made from these claims and this protocol."""


class _FaultsError(ReplicationError):
    """Input that cannot be used; `faults` holds all of them, not only the first."""

    def __init__(self, what: str, faults: tuple[str, ...] = ()) -> None:
        """Keep what failed and the faults, each a sentence; both are part of the message."""
        self.what = what
        self.faults = faults
        super().__init__(what, faults)

    def __str__(self) -> str:
        """Render one line a fault, in their order."""
        if not self.faults:
            return self.what
        plural = "fault" if len(self.faults) == 1 else "faults"
        lines = "\n".join(f"  {fault}" for fault in self.faults)
        return f"{self.what}: {len(self.faults)} {plural}\n{lines}"


class ScoreError(_FaultsError):
    """Predictions and labels that cannot be scored; `faults` holds all of them, not only the first."""


class ImportedScoresError(_FaultsError):
    """Foreign scores that cannot be imported; `faults` holds all of them, and nothing was imported."""


class StoreError(ReplicationError):
    """A store that cannot be read or written."""


class DiskError(StoreError, ExecutionError):
    """A disk that is full or broken, so that a store cannot be written."""


class StoppedError(ReplicationError):
    """A phase that was asked to stop after a step; it goes on from its state, where it keeps one."""


class TrainingError(ReplicationError):
    """A training phase that cannot go on."""
