"""What did the runs of a report use together: time, memory at its peak, energy?"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from replication.run import Run, Usage
from reports.document import EnergyTotal, UsageTotal

__all__ = ["usage_total"]


def usage_total(runs: Sequence[Run]) -> UsageTotal | None:
    """Return what runs used together, whatever their order; None for no runs.

    A run that does not tell its memory or energy counts with those of which it is not known.
    """
    if not runs:
        return None
    told = [run.usage for run in runs if run.usage is not None]
    host = [(u.host_peak_bytes, u.host_peak_of) for u in told if u.host_peak_bytes is not None]
    device = [u.device_peak_bytes for u in told if u.device_peak_bytes is not None]
    peak, of = max(host, default=(None, ""))
    return UsageTotal(
        runs=len(runs),
        seconds=math.fsum(run.seconds for run in runs),
        host_peak_bytes=peak,
        host_peak_of=of,
        host_runs=len(host),
        device_peak_bytes=max(device, default=None),
        device_runs=len(device),
        energy=_energy([run.usage or Usage() for run in runs]),
    )


def _energy(used: Sequence[Usage]) -> tuple[EnergyTotal, ...]:
    """Return a total per counter, and per reason for there being none."""
    groups: dict[tuple[bool, str], list[float]] = defaultdict(list)
    for usage in used:
        unknown = usage.energy_j is None
        groups[unknown, usage.energy_source].append(usage.energy_j or 0.0)
    return tuple(
        EnergyTotal(source=source, runs=len(joules), joules=None if unknown else math.fsum(joules))
        for (unknown, source), joules in sorted(groups.items())
    )
