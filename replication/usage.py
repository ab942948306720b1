"""What did a run use: memory at its peak, and energy where the machine reports it?

Reading never fails: what cannot be read is absent, with the reason. Light: torch is looked at
where it is loaded already, and never loaded here.
"""

from __future__ import annotations

import ctypes
import resource
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replication.run import Usage

__all__ = ["Meter"]

POWERCAP = Path("/sys/class/powercap")
NVML = "libnvidia-ml.so.1"
"""Library of NVIDIA's driver."""
HIGHEST_WATTS = 1000.0
"""More than one processor package draws; a counter that this could turn over twice is not used."""

_MEMORY = Path("/proc/self")


@dataclass(frozen=True, slots=True)
class _Counter:
    """Where energy is counted, and what the count was."""

    source: str
    reading: dict[str, int]
    """What is counted -> microjoules."""
    range: dict[str, int]
    """What is counted -> microjoules after which the count begins anew; empty where it never does."""


class Meter:
    """Measures from its making to `read`."""

    def __init__(self, *, powercap: Path = POWERCAP) -> None:
        """Begin to measure.

        Args:
            powercap: folder where Linux shows processors' energy counters (RAPL).
        """
        self._powercap = powercap
        self._began = time.monotonic()
        self._host_is_reset = _reset_host_peak()
        self._cuda = _cuda()
        self._before: _Counter | str = "energy was not measured"
        with suppress(Exception):
            if self._cuda is not None:
                self._cuda.reset_peak_memory_stats()
        self._before = self._counter()

    def read(self) -> Usage:
        """Return what was used up to now, by this process or, for energy, by the whole device."""
        after = self._counter()
        energy, source = self._energy(after)
        device_peak = None
        with suppress(Exception):
            device_peak = None if self._cuda is None else int(self._cuda.max_memory_allocated())
        host_peak, of = _host_peak(since_reset=self._host_is_reset)
        return Usage(
            host_peak_bytes=host_peak,
            host_peak_of=of,
            device_peak_bytes=device_peak,
            energy_j=energy,
            energy_source=source,
        )

    def _counter(self) -> _Counter | str:
        """Return the count of energy, or why there is none."""
        try:
            return _board(self._cuda) if self._cuda is not None else _packages(self._powercap)
        except Exception as error:  # noqa: BLE001  a driver's fault must not end a run
            return f"{type(error).__name__}: {error}"[:200]

    def _energy(self, after: _Counter | str) -> tuple[float | None, str]:
        before = self._before
        if isinstance(before, str):
            return None, before
        if isinstance(after, str):
            return None, after
        if before.source != after.source or before.reading.keys() != after.reading.keys():
            return None, "the energy counters changed while the run was under way"
        seconds, total = time.monotonic() - self._began, 0
        for name, count in after.reading.items():
            spent = count - before.reading[name]
            turn = before.range.get(name)
            if turn is not None and turn < HIGHEST_WATTS * 1e6 * seconds:
                return None, "the run was longer than the energy counter surely tells"
            if spent < 0 and turn is None:
                return None, "the energy counter went back"
            total += spent if spent >= 0 or turn is None else spent + turn
        return round(total / 1e6, 3), after.source


def _cuda() -> Any:
    """Return torch's CUDA module where torch is loaded and a device is in use, else None."""
    torch = sys.modules.get("torch")
    with suppress(Exception):
        if torch is not None and torch.cuda.is_available():
            return torch.cuda
    return None


def _board(cuda: Any) -> _Counter:
    """Return the energy of the CUDA device since its driver was loaded.

    From NVML, which comes with the driver. The device is named by its identity, since NVML does not
    number devices as CUDA does.
    """
    identity = str(cuda.get_device_properties(cuda.current_device()).uuid)
    named = identity if identity.startswith(("GPU-", "MIG-")) else f"GPU-{identity}"
    nvml = ctypes.CDLL(NVML)
    _succeed(nvml.nvmlInit_v2())
    try:
        device, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
        _succeed(nvml.nvmlDeviceGetHandleByUUID(named.encode(), ctypes.byref(device)))
        _succeed(nvml.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(millijoules)))
    finally:
        nvml.nvmlShutdown()
    return _Counter("NVML, the whole device", {named: 1000 * millijoules.value}, {})


def _succeed(code: int) -> None:
    if code:
        raise OSError(f"NVML answers with its error {code}")


def _packages(powercap: Path) -> _Counter | str:
    """Return the energy of the processor packages, from RAPL."""
    reading: dict[str, int] = {}
    ranges: dict[str, int] = {}
    # `intel-rapl:0` is a package (AMD's too), `intel-rapl:0:1` a part of it
    for folder in sorted(powercap.glob("intel-rapl:*")):
        if folder.name.count(":") != 1 or not _text(folder / "name").startswith("package"):
            continue
        try:
            reading[folder.name] = int((folder / "energy_uj").read_text())
        except PermissionError:
            return "the processor's energy counter may be read by root only"
        ranges[folder.name] = int(_text(folder / "max_energy_range_uj"))
    if not reading:
        return "the machine shows no energy counter"
    return _Counter("RAPL, all processor packages, whoever used them", reading, ranges)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")[:100].strip()


def _reset_host_peak() -> bool:
    """Make the process's peak its present memory, where Linux allows it."""
    try:
        (_MEMORY / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _host_peak(*, since_reset: bool) -> tuple[int | None, str]:
    """Return the most memory that the process held, in bytes, and since when."""
    if since_reset:
        with suppress(OSError, ValueError, IndexError):
            for line in (_MEMORY / "status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return 1024 * int(line.split()[1]), "the run"
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "the process since its start"
