"""What a report says of how its runs were made: code, machine, settings, seeds, and what they used."""

from __future__ import annotations

import json
from typing import Any

import pytest
from markdown_it import MarkdownIt
from test_reports import claim_set, gain, make_runs, protocol, verdict

from replication.protocol import Protocol
from replication.run import Environment, Plan, Usage
from reports.build import build
from reports.document import Document
from reports.to_json import RENDERER as JSON
from reports.to_json import read_document
from reports.to_markdown import RENDERER as MARKDOWN
from verifier.verdict import Verdicts

MIB = 2**20
CHANGED = "with changed files of claims or replication, so the commit is not all that ran"
CAVEAT = "runs at the same time on one device each count all that it used"
NO_COUNTER = "the machine shows no energy counter"
GPU = Environment(
    python="3.11.7",
    packages={"torch": "2.13.0", "numpy": "2.4.6"},
    platform="Linux-6.1",
    device="cuda: NVIDIA H200",
    threads=3,
    code="corroborate 0.1.0, commit 0123abcd",
    dirty=True,
    cpu="AMD EPYC",
    driver="570.86",
    cuda="12.8",
    cudnn="91002",
    precision="bf16",
    settings={"matmul precision": "highest", "cudnn benchmark": False},
    variables={"PYTHONHASHSEED": "0", "CUDA_VISIBLE_DEVICES": "0"},
)


def report(
    used: Protocol | None = None, *, changes: tuple[dict[str, Any], ...] = ({},), backwards=False
) -> Document:
    """Return a report whose runs have the given fields changed, the changes taken in turn."""
    used = used or protocol(simulated=False)
    made = make_runs(used)
    runs = tuple(run.model_copy(update=changes[n % len(changes)]) for n, run in enumerate(made))
    plan = Plan(
        protocol=used,
        data="a folder",
        needs=(),
        specs=tuple(run.spec for run in runs),
        claims_digest="0" * 64,
    )
    return build(
        [claim_set(gain())],
        Verdicts(verdicts=(verdict(runs),)),
        plan=plan,
        runs=reversed(runs) if backwards else runs,
        commands=("corroborate audit",),
        generated="2026-01-02T03:04:05Z",
    )


def markdown(of: Document) -> str:
    return MARKDOWN.render(of).decode()


def part(of: Document, heading: str) -> str:
    return markdown(of).partition(f"## {heading}\n")[2].partition("\n## ")[0].strip()


def rebuilt(of: Document) -> str:
    return markdown(read_document(JSON.render(of)))


def used(host: int | None = None, **fields: Any) -> dict[str, Any]:
    of = "" if host is None else "the run"
    return {"usage": Usage(host_peak_bytes=host, host_peak_of=of, **fields)}


def test_a_reader_finds_code_machine_device_and_settings_once_for_all_runs_alike() -> None:
    of = report(changes=({"environment": GPU},))
    assert part(of, "Environment").splitlines() == [
        "8 runs, 6 min 50 s:",
        "",
        "- Code: corroborate 0.1.0, commit 0123abcd",
        f"- Working tree: {CHANGED}",
        "- Machine: Linux-6.1, AMD EPYC, 3 threads",
        "- Device: cuda: NVIDIA H200, driver 570.86, CUDA 12.8, cuDNN 91002",
        "- Computed in: bf16",
        "- Versions: python 3.11.7, numpy 2.4.6, torch 2.13.0",
        "- Determinism: cudnn benchmark no, matmul precision highest",
        "- Environment variables: CUDA_VISIBLE_DEVICES=0 PYTHONHASHSEED=0",
    ]
    assert rebuilt(of) == markdown(of)


@pytest.mark.parametrize(
    ("dirty", "said"), [(False, "claims and replication as committed"), (None, "not known")]
)
def test_a_working_tree_is_called_as_committed_only_where_that_is_known(dirty, said) -> None:
    of = report(changes=({"environment": GPU.model_copy(update={"dirty": dirty})},))
    assert f"- Working tree: {said}\n" in part(of, "Environment")


def test_of_further_environments_only_what_differs_is_said() -> None:
    other = GPU.model_copy(update={"variables": {}, "driver": "580.1"})
    of = report(changes=({"environment": GPU}, {"environment": GPU}, {"environment": other}))
    first, second = part(of, "Environment").split("\n\n2 runs, ")
    assert first.startswith("6 runs, ")
    assert second.splitlines() == [
        "1 min 43 s; as in the first, but for:",
        "",
        "- Device: cuda: NVIDIA H200, driver 580.1, CUDA 12.8, cuDNN 91002",
        "- Environment variables: none recorded",
    ]
    # the JSON report holds both whole
    held = json.loads(JSON.render(of))["environments"]
    assert [use["environment"]["driver"] for use in held] == ["570.86", "580.1"]
    assert [use["runs"] for use in held] == [6, 2]
    assert sum(use["seconds"] for use in held) == 410
    assert rebuilt(of) == markdown(of)


def test_memory_is_the_most_of_any_run_and_energy_the_sum_of_those_that_tell_it() -> None:
    nvml = "NVML, the whole device"
    changes = (
        used(300 * MIB, device_peak_bytes=11 * 2**30, energy_j=1.8e6, energy_source=nvml),
        used(700 * MIB, energy_source=NO_COUNTER),
        {"usage": None},
        used(500 * MIB, device_peak_bytes=2 * 2**30, energy_j=0.9e6, energy_source=nvml),
    )
    of = report(changes=changes)
    lines = part(of, "Cost").splitlines()
    assert "| all | 8 | 0 | 6 min 50 s |" in lines
    assert lines[-4:] == [
        "- Peak host memory: 700 MiB, the most of any run, told by 6 of 8 runs",
        "- Peak device memory: 11.0 GiB, the most of any run, told by 4 of 8 runs",
        f"- Energy: 1.5 kWh over 4 of 8 runs (NVML, the whole device); {CAVEAT}",
        f"- Energy not known: nothing was recorded (2 runs); {NO_COUNTER} (2 runs)",
    ]
    assert rebuilt(of) == markdown(of)
    assert report(changes=changes, backwards=True).usage == of.usage
    total = json.loads(JSON.render(of))["usage"]
    assert (total["runs"], total["seconds"], total["host_runs"]) == (8, 410, 6)
    assert total["energy"][0] == {"source": nvml, "runs": 4, "joules": 5.4e6}


def test_energy_of_two_counters_is_told_apart() -> None:
    of = report(
        changes=(
            used(energy_j=3.6e6, energy_source="NVML"),
            used(energy_j=1.8e6, energy_source="RAPL"),
        )
    )
    told = "6 kWh over all 8 runs (4 kWh over 4 runs by NVML; 2 kWh over 4 runs by RAPL)"
    assert told in part(of, "Cost")
    assert "not known" not in part(of, "Cost").partition("Energy")[2]


def test_energy_that_no_run_tells_is_not_zero() -> None:
    of = report(changes=(used(9 * MIB, energy_source="the counter is for root only"),))
    cost = part(of, "Cost")
    assert "- Energy: not known of any run: the counter is for root only (8 runs)" in cost
    assert "kWh" not in cost
    assert "device memory" not in cost


def test_little_energy_is_not_rounded_to_none() -> None:
    of = report(changes=(used(energy_j=2.0, energy_source="RAPL"),))
    assert "- Energy: 0.000004 kWh over all 8 runs" in part(of, "Cost")


def test_a_peak_of_more_than_the_run_is_called_so() -> None:
    usage = Usage(host_peak_bytes=5 * MIB, host_peak_of="the process since its start")
    of = report(changes=({"usage": usage},))
    assert "5 MiB of the process since its start, the most of any run" in part(of, "Cost")


def test_a_report_of_before_these_fields_is_read_and_shown() -> None:
    record = json.loads(JSON.render(report()))
    del record["usage"]
    for use in record["environments"]:
        del use["seconds"]
        for field in ("dirty", "cpu", "driver", "cuda", "cudnn", "precision", "settings"):
            del use["environment"][field]
    of = read_document(json.dumps(record).encode())
    assert part(of, "Environment").startswith("8 runs:\n\n- Code: corroborate 0.1.0\n")
    assert "Energy" not in part(of, "Cost")


def test_planned_looks_and_first_seed_stand_beside_the_seeds_and_survive_the_json() -> None:
    plain = protocol(simulated=False)
    changed = {"looks": (2, 5, 10), "first_seed": 1000, "seeds": 5}
    of = report(Protocol.model_validate({**plain.model_dump(by_alias=True), **changed}))
    shown = part(of, "Protocol")
    assert "- Seeds: 5 per condition, numbered 1000 to 1004 (first_seed 1000), " in shown
    assert (
        "- Looks: verdicts were planned at 2, 5, 10 seeds per condition; this plan goes to 5\n"
        in shown
    )
    again = read_document(JSON.render(of))
    assert again == of
    assert markdown(again) == markdown(of)
    assert (again.protocol.looks, again.protocol.first_seed) == ((2, 5, 10), 1000)


def test_a_protocol_without_looks_speaks_of_none() -> None:
    plain = protocol(simulated=False).model_copy(update={"first_seed": 0, "seeds": 1})
    shown = part(report(plain), "Protocol")
    assert "- Seeds: 1 per condition, numbered 0, statistic mean\n" in shown
    assert "Looks" not in shown


def test_the_choice_of_a_checkpoint_is_said_in_words() -> None:
    best = {"rule": "best", "languages": "all", "every_steps": 100, "patience": 3}
    record = protocol(simulated=False).model_dump(by_alias=True)
    record["evaluation"]["selection"] = best
    shown = part(report(Protocol.model_validate(record)), "Protocol")
    assert (
        "checkpoint scored: best, on validation data of all languages, looked at every 100 steps, "
        "stopped after 3 looks without improvement" in shown
    )


def test_hostile_machines_change_nothing_but_their_own_words() -> None:
    evil = "x</td><script>y</script> | [a](javascript:1) `\n\n# Reproduced | **all** |"
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    shapes = []
    for word in ("calm", evil):
        named = {"settings": {word: word}, "variables": {word: word}, "packages": {word: word}}
        told = dict.fromkeys(("platform", "device", "code", "cpu", "driver", "precision"), word)
        environment = GPU.model_copy(update={**named, **told})
        usage = used(energy_j=9e9, energy_source=word) | {"environment": environment}
        of = report(changes=(usage, used(energy_source=word)))
        tokens = parser.parse(markdown(of))
        shapes.append([(t.type, {c.type for c in t.children or []}) for t in tokens])
    assert shapes[0] == shapes[1]


def test_a_plan_without_runs_has_no_usage() -> None:
    none = report().model_copy(update={"runs": (), "environments": (), "usage": None, "costs": ()})
    assert "No run was made." in part(none, "Environment")
    assert "memory" not in part(none, "Cost")
