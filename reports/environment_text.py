"""What does a reader see of the machine, versions and settings behind a run, and of what it used?"""

from __future__ import annotations

from replication.run import Environment, Usage
from reports.document import EnergyTotal, UsageTotal
from verifier.numbers import counted

__all__ = ["differing_lines", "environment_lines", "total_lines", "usage_lines"]

_TREE = {
    True: "with changed files of claims or replication, so the commit is not all that ran",
    False: "claims and replication as committed",
    None: "not known",
}
_KWH = 3.6e6
"""Joules in a kilowatt hour."""


def environment_lines(environment: Environment) -> list[str]:
    """Return a line for each thing that is known of an environment; what is unknown is left out."""
    lines = [f"code: {environment.code}", f"working tree: {_TREE[environment.dirty]}"]
    machine = [environment.platform, environment.cpu, counted(environment.threads, "thread")]
    lines.append(f"machine: {', '.join(part for part in machine if part)}")
    named = {"driver": environment.driver, "CUDA": environment.cuda, "cuDNN": environment.cudnn}
    versions = [f"{name} {version}" for name, version in named.items() if version]
    lines.append(f"device: {', '.join([environment.device, *versions])}")
    lines += [f"computed in: {environment.precision}"] if environment.precision else []
    packages = [f"{name} {version}" for name, version in sorted(environment.packages.items())]
    lines.append(f"versions: {', '.join([f'python {environment.python}', *packages])}")
    settings = [f"{name} {_word(value)}" for name, value in sorted(environment.settings.items())]
    lines += [f"determinism: {', '.join(settings)}"] if settings else []
    variables = [f"{name}={value}" for name, value in sorted(environment.variables.items())]
    lines += [f"environment variables: {' '.join(variables)}"] if variables else []
    return lines


def differing_lines(environment: Environment, first: Environment) -> list[str]:
    """Return the lines of an environment that another has not, and what is known of that one only."""
    own, other = environment_lines(environment), environment_lines(first)
    names = {line.partition(":")[0] for line in own}
    gone = [line.partition(":")[0] for line in other]
    lines = [line for line in own if line not in other]
    return lines + [f"{name}: none recorded" for name in gone if name not in names]


def usage_lines(usage: Usage | None) -> list[str]:
    """Return what a run used, in a line each, with the reason where it is unknown."""
    if usage is None:
        return []
    lines = []
    if usage.host_peak_bytes is not None:
        lines.append(f"peak memory: {_size(usage.host_peak_bytes)} of {usage.host_peak_of}")
    if usage.device_peak_bytes is not None:
        lines.append(f"peak memory of the device: {_size(usage.device_peak_bytes)}")
    if usage.energy_j is not None:
        lines.append(f"energy: {usage.energy_j:.0f} J ({usage.energy_source})")
    else:
        lines.append(f"energy: unknown, {usage.energy_source}")
    return lines


def total_lines(total: UsageTotal) -> list[str]:
    """Return the memory and the energy of all runs, a line each, with how many of them tell it."""
    lines = ["peak host memory: not known of any run"]
    if total.host_peak_bytes is not None:
        of = f" of {total.host_peak_of}" if total.host_peak_of != "the run" else ""
        most = f"{_size(total.host_peak_bytes)}{of}"
        told = _share(total.host_runs, total.runs)
        lines = [f"peak host memory: {most}, the most of any run, told by {told}"]
    if total.device_peak_bytes is not None:
        told = _share(total.device_runs, total.runs)
        most = _size(total.device_peak_bytes)
        lines.append(f"peak device memory: {most}, the most of any run, told by {told}")
    return [*lines, *_energy_lines(total)]


def _energy_lines(total: UsageTotal) -> list[str]:
    known = [e for e in total.energy if e.joules is not None]
    reasons = "; ".join(
        f"{e.source or 'nothing was recorded'} ({counted(e.runs, 'run')})"
        for e in total.energy
        if e.joules is None
    )
    if not known:
        return [f"energy: not known of any run: {reasons}"]
    runs = sum(e.runs for e in known)
    joules = sum(e.joules or 0.0 for e in known)
    by = f"({known[0].source})" if len(known) == 1 else _each(known)
    told = (
        f"energy: {_energy(joules)} over {_share(runs, total.runs)} {by}; runs at the same time "
        "on one device each count all that it used"
    )
    return [told, f"energy not known: {reasons}"] if reasons else [told]


def _each(known: list[EnergyTotal]) -> str:
    parts = (
        f"{_energy(e.joules or 0.0)} over {counted(e.runs, 'run')} by {e.source}" for e in known
    )
    return f"({'; '.join(parts)})"


def _energy(joules: float) -> str:
    hours = joules / _KWH
    if hours < 0.001:
        return f"{hours:.6f} kWh"
    return f"{hours:,.0f} kWh" if hours >= 100 else f"{hours:.3g} kWh"


def _share(some: int, every: int) -> str:
    return f"all {counted(every, 'run')}" if some == every else f"{some} of {counted(every, 'run')}"


def _word(value: bool | int | str) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _size(count: int) -> str:
    return f"{count / 2**20:.0f} MiB" if count < 10 * 2**30 else f"{count / 2**30:.1f} GiB"
