"""What does a reader see of the machine, the versions and the settings behind a run?"""

from __future__ import annotations

from replication.run import Environment, Usage

__all__ = ["environment_lines", "usage_lines"]


def environment_lines(environment: Environment) -> list[str]:
    """Return a line for each thing that is known of an environment; what is unknown is left out."""
    dirty = {True: ", with changed files", False: ", unchanged", None: ""}[environment.dirty]
    lines = [f"code: {environment.code}{dirty}"]
    plural = "" if environment.threads == 1 else "s"
    machine = [environment.platform, environment.cpu, f"{environment.threads} thread{plural}"]
    lines.append(f"machine: {', '.join(part for part in machine if part)}")
    named = {"driver": environment.driver, "CUDA": environment.cuda, "cuDNN": environment.cudnn}
    versions = [f"{name} {version}" for name, version in named.items() if version]
    lines.append(f"device: {', '.join([environment.device, *versions])}")
    lines += [f"computed in: {environment.precision}"] if environment.precision else []
    packages = [f"{name} {version}" for name, version in sorted(environment.packages.items())]
    lines.append(f"versions: {', '.join([f'python {environment.python}', *packages])}")
    settings = [f"{name} {_word(value)}" for name, value in environment.settings.items()]
    lines += [f"settings: {', '.join(settings)}"] if settings else []
    variables = [f"{name}={value}" for name, value in sorted(environment.variables.items())]
    lines += [f"variables: {' '.join(variables)}"] if variables else []
    return lines


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


def _word(value: bool | int | str) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _size(count: int) -> str:
    return f"{count / 2**20:.0f} MiB" if count < 10 * 2**30 else f"{count / 2**30:.1f} GiB"
