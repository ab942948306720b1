"""The environment's record: versions, commit, settings; what is used; and what is never kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from replication import environment as environment_module
from replication import usage
from replication.environment import changed, code_version, commit_of, environment
from replication.run import Environment, Run
from replication.usage import Meter
from reports.environment_text import environment_lines, usage_lines

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def git(folder, *arguments):
    configured = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=trunk"]
    command = ["git", *configured, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "first")
    return folder


def test_versions_are_those_that_are_installed():
    made = environment("cpu", 2)
    assert made.packages["numpy"] == np.__version__
    assert made.python == sys.version.split()[0]
    assert (made.device, made.threads) == ("cpu", 2)
    assert made.code.startswith("corroborate ")
    assert "sources sha256:" in code_version()


def test_nothing_heavy_is_imported():
    code = "import sys; from replication.environment import environment; environment('cpu', 1)\n"
    code += "print({'torch', 'transformers', 'datasets', 'ray'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_commit_is_the_one_that_git_names(checkout):
    expected = git(checkout, "rev-parse", "HEAD")
    assert commit_of(checkout) == expected
    git(checkout, "pack-refs", "--all")
    assert commit_of(checkout) == expected
    git(checkout, "commit", "--quiet", "--allow-empty", "-m", "second")
    assert commit_of(checkout) == git(checkout, "rev-parse", "HEAD") != expected
    git(checkout, "checkout", "--quiet", "--detach", expected)
    assert commit_of(checkout) == expected


def test_the_commit_of_a_linked_worktree_is_found(checkout, tmp_path):
    git(checkout, "worktree", "add", "--quiet", "-b", "topic/one", str(tmp_path / "linked"))
    git(tmp_path / "linked", "commit", "--quiet", "--allow-empty", "-m", "there")
    expected = git(tmp_path / "linked", "rev-parse", "HEAD")
    assert commit_of(tmp_path / "linked") == expected
    git(checkout, "pack-refs", "--all")
    assert commit_of(tmp_path / "linked") == expected


@pytest.mark.parametrize(
    "head",
    [
        "",
        "ref: refs/heads/unborn",
        "ref: ../../secret",
        "ref: refs/heads/../../../secret",
        "x" * 99,
    ],
)
def test_what_is_no_checkout_has_no_commit(tmp_path, head):
    assert commit_of(tmp_path) is None
    (tmp_path / "secret").write_text(COMMIT)
    (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True)
    (tmp_path / ".git" / "HEAD").write_text(head)
    assert commit_of(tmp_path) is None


def test_changed_and_new_files_of_the_code_make_a_checkout_dirty(checkout):
    for package in ("claims", "replication"):
        (checkout / package).mkdir()
        (checkout / package / "a.py").write_text("1")
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "-m", "code")

    def now():
        changed.cache_clear()
        return changed(checkout)

    assert now() is False
    (checkout / "notes.txt").write_text("no part of what computes scores")
    assert now() is False
    (checkout / "claims" / "b.py").write_text("new")
    assert now() is True
    (checkout / "claims" / "b.py").unlink()
    (checkout / "replication" / "a.py").write_text("2")
    assert now() is True


def test_where_git_cannot_tell_nothing_is_claimed(checkout, tmp_path, monkeypatch):
    changed.cache_clear()
    assert changed(tmp_path / "no checkout") is None
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    changed.cache_clear()
    assert changed(checkout) is None
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec /bin/sleep 9\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(environment_module, "_GIT_S", 0.1)
    changed.cache_clear()
    assert changed(checkout) is None
    changed.cache_clear()


def test_another_repository_in_the_environment_does_not_mislead(checkout, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    changed.cache_clear()
    assert changed(checkout) is False
    changed.cache_clear()


def test_settings_that_decide_bits_are_kept(monkeypatch):
    before = environment("cpu", 1).settings
    assert before["deterministic algorithms"] is torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(not before["deterministic algorithms"])
    try:
        after = environment("cpu", 1).settings
    finally:
        torch.use_deterministic_algorithms(before["deterministic algorithms"])
    assert after["deterministic algorithms"] is not before["deterministic algorithms"]
    assert {"matmul precision", "cudnn deterministic"} <= after.keys()
    onednn = torch.backends.mkldnn
    assert after["onednn enabled"] is (onednn.is_available() and onednn.enabled)


def test_only_named_variables_are_kept(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "\x1b[31m")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")  # other kernels, other last digits
    made = environment("cpu", 1)
    assert made.variables["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert made.variables["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert made.variables["CUDA_VISIBLE_DEVICES"] == "(not plain text)"
    assert "secret" not in made.canonical()


def test_an_environment_is_looked_at_once_and_then_costs_nothing():
    environment("cpu", 1)
    began = time.perf_counter()
    for _ in range(10):
        environment("cpu", 1)
    assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19", "535.104.05"),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.10  Release",
            "570.86.10",
        ),
        ("something else", None),
        (None, None),
    ],
)
def test_the_driver_is_what_the_kernel_says(tmp_path, monkeypatch, text, found):
    if text is not None:
        (tmp_path / "version").write_text(text)
    monkeypatch.setattr(environment_module, "_DRIVER", tmp_path / "version")
    environment_module._driver.cache_clear()
    assert environment_module._driver() == found
    environment_module._driver.cache_clear()


def test_records_of_before_these_fields_are_still_read():
    old = {
        "python": "3.11",
        "packages": {},
        "platform": "x",
        "device": "cpu",
        "threads": 1,
        "code": "y",
    }
    read = Environment.model_validate(old)
    assert (read.dirty, read.settings) == (None, {})
    assert environment_lines(read)
    assert usage_lines(Run.model_fields["usage"].default) == []


def test_the_peak_is_that_of_the_run_where_the_machine_can_tell():
    held = np.ones(60 * 2**17)  # 60 MiB
    del held
    meter = Meter()
    if not meter._host_is_reset:
        pytest.skip("this machine does not let a process forget its peak")
    before = meter.read().host_peak_bytes
    held = np.ones(100 * 2**17)
    after = meter.read()
    assert after.host_peak_of == "the run"
    assert 90 * 2**20 < after.host_peak_bytes - before < 200 * 2**20
    assert held.size


def rapl(folder, **packages):
    for name, (label, count, turn) in packages.items():
        place = folder / name.replace("_", ":").replace("intel:rapl", "intel-rapl")
        place.mkdir(parents=True, exist_ok=True)
        (place / "name").write_text(label)
        (place / "energy_uj").write_text(f"{count}\n")
        (place / "max_energy_range_uj").write_text(f"{turn}\n")


def test_energy_is_that_of_all_packages_also_when_a_counter_turns_over(tmp_path):
    turn = 262_143_328_850
    rapl(tmp_path, intel_rapl_0=("package-0", 1_000_000, turn))
    rapl(tmp_path, intel_rapl_1=("package-1", turn - 500_000, turn))
    rapl(tmp_path, intel_rapl_0_1=("core", 7, turn), intel_rapl_2=("psys", 7, turn))
    meter = Meter(powercap=tmp_path)
    rapl(tmp_path, intel_rapl_0=("package-0", 3_000_000, turn))
    rapl(tmp_path, intel_rapl_1=("package-1", 250_000, turn))
    used = meter.read()
    assert used.energy_j == pytest.approx(2.0 + 0.75)
    assert "RAPL" in used.energy_source


def test_energy_that_cannot_be_known_is_absent_with_the_reason(tmp_path, monkeypatch):
    assert Meter(powercap=tmp_path).read().energy_source == "the machine shows no energy counter"
    rapl(tmp_path, intel_rapl_0=("package-0", 1, 1000))  # turns over within a microsecond
    used = Meter(powercap=tmp_path).read()
    assert (used.energy_j, "longer than" in used.energy_source) == (None, True)
    rapl(tmp_path, intel_rapl_0=("package-0", "nonsense", 1000))
    assert Meter(powercap=tmp_path).read().energy_j is None
    meter = Meter(powercap=tmp_path)
    shutil.rmtree(tmp_path / "intel-rapl:0")
    assert meter.read().energy_j is None
    assert usage_lines(meter.read())[-1].startswith("energy: unknown, ")


class Cuda:
    """A device as torch shows it."""

    peak = 0
    uuid = "abc"

    def reset_peak_memory_stats(self):
        self.peak = 0

    def max_memory_allocated(self):
        return self.peak

    def current_device(self):
        return 0

    def get_device_properties(self, _):
        return self


NVML = """
#include <string.h>
static unsigned long long spent = 5000000000000ULL;
static int begun = 0;
int nvmlInit_v2(void) { begun = 1; return 0; }
int nvmlShutdown(void) { begun = 0; return 0; }
int nvmlDeviceGetHandleByUUID(const char *name, void **device) {
  *device = &spent;
  return begun ? (strcmp(name, "GPU-abc") ? 6 : 0) : 1;
}
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *millijoules) {
  *millijoules = (*(unsigned long long *)device += 1500);
  return 0;
}
"""


def test_the_energy_and_memory_of_a_cuda_device_are_its_own(tmp_path, monkeypatch):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler, to build a library that answers as the driver's does")
    (tmp_path / "nvml.c").write_text(NVML)
    library = str(tmp_path / "nvml.so")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", library, "nvml.c"], cwd=tmp_path, check=True
    )
    device = Cuda()
    monkeypatch.setattr(usage, "_cuda", lambda: device)
    monkeypatch.setattr(usage, "NVML", library)
    meter = Meter()
    device.peak = 12_345
    used = meter.read()
    assert (used.energy_j, used.device_peak_bytes) == (1.5, 12_345)
    assert used.energy_source == "NVML, the whole device"
    device.uuid = "another"
    assert Meter().read().energy_source == "OSError: NVML answers with its error 6"


def test_a_driver_without_its_library_is_a_reason_and_no_fault(monkeypatch):
    monkeypatch.setattr(usage, "_cuda", Cuda)
    monkeypatch.setattr(usage, "NVML", "no-such-library.so")
    used = Meter().read()
    assert used.energy_j is None
    assert "no-such-library.so" in used.energy_source


def test_a_reader_sees_what_is_known_and_nothing_of_what_is_not():
    made = environment("cuda: H200", 2, precision="bf16").model_copy(
        update={"dirty": True, "driver": "570.86", "cuda": "12.8", "variables": {"A": "b"}}
    )
    lines = "\n".join(environment_lines(made))
    for part in ("with changed files", "driver 570.86, CUDA 12.8", "computed in: bf16", "A=b"):
        assert part in lines
    assert f"numpy {np.__version__}" in lines
    bare = made.model_copy(update={"settings": {}, "variables": {}, "precision": None})
    assert len(environment_lines(bare)) == len(environment_lines(made)) - 3
    assert "None" not in lines
    assert os.environ["PATH"] not in lines
