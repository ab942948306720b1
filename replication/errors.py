"""The errors of the package `replication`.

ReplicationError
├── ProtocolError      a protocol file that cannot be used
├── DataError          data that is absent, damaged or of the wrong shape
├── LeakError          training data that contains what is evaluated
├── PlanError          a plan that cannot be made
├── StoreError         a store that cannot be read or written
└── TrainingError      a phase that cannot go on, such as a loss that is not finite

All are picklable, because they cross process boundaries.
"""

from __future__ import annotations

from claims.errors import CorroborateError

__all__ = [
    "DataError",
    "LeakError",
    "PlanError",
    "ProtocolError",
    "ReplicationError",
    "StoreError",
    "TrainingError",
]


class ReplicationError(CorroborateError):
    """Any failure of the package `replication`."""


class ProtocolError(ReplicationError):
    """A protocol that is unknown, invalid, or too incomplete to run."""


class DataError(ReplicationError):
    """Data that is absent, damaged or of the wrong shape."""


class LeakError(ReplicationError):
    """Training data that contains what is evaluated."""


class PlanError(ReplicationError):
    """A plan that cannot be made from these claims and this protocol."""


class StoreError(ReplicationError):
    """A store that cannot be read or written."""


class TrainingError(ReplicationError):
    """A training phase that cannot go on."""
