"""Scores made elsewhere become runs, all of them or none, and decide claims only as far as they may."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imported_world import AUGMENTED, CLAIMS, PLAIN, both, claim_set, reading, score, table, written

import corroborate
from claims.errors import ClaimFileError
from claims.estimand import Condition
from replication.errors import ImportedScoresError
from replication.imports.entering import FORMATS, enter, runs_of
from replication.imports.score import Reading
from replication.origin import Raw, SourceFile
from replication.run import Run
from replication.store import Store
from verifier.auditing import verified
from verifier.looks import verify_store
from verifier.scores import Scores, verified_on


def stored(path, *readings, protocol="ours"):
    with Store.open(path) as store:
        for one in readings:
            enter(one, store, format_="tidy", protocol=protocol)
    return path


def decided(path, text=CLAIMS, **reported):
    found = verify_store(path, [("claims.yaml", claim_set(text))], reported)
    return {v.claim: v for v in found.verdicts.verdicts}


def test_what_holds_is_reproduced_and_what_does_not_is_not(tmp_path):
    found = decided(stored(tmp_path / "runs", reading(*both())))
    assert found["real-gain"].verdict == "reproduced"
    assert found["real-gain"].replication == "close"
    assert found["false-gain"].verdict == "not_reproduced"
    assert all("nothing here shows" in " ".join(v.reasons) for v in found.values())
    assert all(not v.stale for v in found.values())


def test_nothing_is_decided_where_nobody_says_how_the_runs_were_made(tmp_path):
    found = decided(stored(tmp_path / "runs", reading(*both()), protocol=None))
    assert {v.verdict for v in found.values()} == {"not_evaluable"}
    assert found["real-gain"].agreement == "agrees"
    assert found["false-gain"].agreement == "disagrees"
    assert "found none declared of the scores ; expected ours" in found["real-gain"].reasons[0]


def test_nor_where_they_followed_another_protocol_than_the_claim_is_about(tmp_path):
    found = decided(stored(tmp_path / "runs", reading(*both()), protocol="theirs"))
    assert {v.verdict for v in found.values()} == {"not_evaluable"}
    assert "found theirs declared of the scores ; expected ours" in found["real-gain"].reasons[0]


def test_nor_where_the_claim_file_names_no_protocol(tmp_path):
    text = CLAIMS.replace(", protocol: ours", "")
    found = decided(stored(tmp_path / "runs", reading(*both())), text)
    assert {v.verdict for v in found.values()} == {"not_evaluable"}
    assert "claim file would say; it is not there" in found["real-gain"].reasons[0]


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": None},
        {"n": None},
        {"seeds": "mean"},
        {"seeds": "median"},
        {"shown": "It was prompted, not fine-tuned."},
    ],
    ids=lambda c: next(iter(c)),
)
def test_scores_that_are_no_replicates_are_shown_and_never_counted(tmp_path, changed):
    scores = [
        score(base, None if "seed" in changed else seed, 80 + 4 * (base == "augmented"), **other)
        for base in ("plain", "augmented")
        for seed in range(3)
        for other in ({k: v for k, v in changed.items() if k != "seed"},)
    ]
    path = stored(tmp_path / "runs", reading(*scores))
    with Store.open(path, write=False) as store:
        runs = store.runs()
    assert runs
    assert all(run.spec.origin.comparability == "shown" for run in runs)
    found = decided(path)
    assert {v.verdict for v in found.values()} == {"not_evaluable"}
    assert all(v.estimate is None for v in found.values())
    assert all("only shown" in " ".join(v.reasons) for v in found.values())


def test_shown_scores_beside_counted_ones_change_no_number(tmp_path):
    mean = [
        score(base, None, points, seeds="mean", n=None)
        for base, points in (("plain", 99), ("augmented", 1))
    ]
    alone = decided(stored(tmp_path / "a", reading(*both())))["real-gain"]
    beside = decided(stored(tmp_path / "b", reading(*both(), *mean)))["real-gain"]
    assert (beside.estimate, beside.interval, beside.verdict) == (
        alone.estimate, alone.interval, alone.verdict,
    )  # fmt: skip
    assert "only shown" in " ".join(beside.reasons)


def test_scores_of_two_evaluators_are_never_compared(tmp_path):
    plain = [s for s in both() if s.condition.base == "plain"]
    augmented = [s for s in both() if s.condition.base == "augmented"]
    path = stored(
        tmp_path / "runs",
        reading(*plain, evaluator="one 1.0"), reading(*augmented, evaluator="two 2.0", files="b"),
    )  # fmt: skip
    found = decided(path)["real-gain"]
    assert found.verdict == "not_evaluable"
    assert "scored by different code" in " ".join(found.reasons)


def test_a_condition_without_scores_is_named(tmp_path):
    only = [s for s in both() if s.condition.base == "plain"]
    found = decided(stored(tmp_path / "runs", reading(*only)))["real-gain"]
    assert found.verdict == "not_evaluable"
    assert "augmented" in " ".join(found.reasons)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{base: augmented}", "{base: Augmented}", "of the conditions base-augmented."),
        ("own: {reviews:", "own: {review:", "of the tasks reviews."),
        ("[accuracy]", "[Accuracy]", "asks for reviews by Accuracy in en."),
        ("languages: [en]", "languages: [English]", "asks for reviews by accuracy in English."),
        ("split: test", "split: validation", "measure.split: found test ; expected validation."),
    ],
)
def test_where_names_differ_the_reasons_say_both(tmp_path, old, new, said):
    assert old in CLAIMS
    found = decided(stored(tmp_path / "runs", reading(*both())), CLAIMS.replace(old, new))
    assert found["real-gain"].verdict == "not_evaluable"
    assert said in " ".join(found["real-gain"].reasons)


def with_plain(scores, n):
    cell = {"task": "reviews", "language": "en", "split": "test", "metric": "accuracy", "n": n}
    found = Scores(protocol="ours").add(scores, condition={"base": "plain"}, **cell)
    found.add(AUGMENTED, condition={"base": "augmented"}, **cell)
    return verified_on((claim_set(),), found).verdicts[0]


@pytest.mark.parametrize(
    ("scores", "n", "verdict"),
    [
        (PLAIN, 5000, "reproduced"),
        (2 * PLAIN, 5000, "inconclusive"),  # every run twice
        (4 * (81.325,), 5000, "inconclusive"),  # a mean for each seed
        ((81.2, 81.2, 81.4, 81.4), 500, "reproduced"),  # half a point holds few values
    ],
    ids=["runs", "copies", "a mean", "coarse"],
)
def test_seeds_that_look_like_copies_decide_nothing(scores, n, verdict):
    found = with_plain(scores, n)
    assert found.verdict == verdict
    assert ("score exactly alike" in " ".join(found.reasons)) == (verdict == "inconclusive")


def test_seeds_that_all_reach_the_bound_are_no_copies():
    text = CLAIMS.replace("reported: 4\n", "reported: 18.675\n")
    cell = {"task": "reviews", "language": "en", "split": "test", "metric": "accuracy", "n": 5000}
    found = Scores(protocol="ours").add(PLAIN, condition={"base": "plain"}, **cell)
    found.add([100.0] * 4, condition={"base": "augmented"}, **cell)
    verdict = verified_on((claim_set(text),), found).verdicts[0]
    assert verdict.verdict == "reproduced"


@given(
    scores=st.lists(st.sampled_from((81.0, 81.5, 82.25, 83.0)), min_size=2, max_size=8),
    order=st.randoms(use_true_random=False),
)
def test_seeds_that_score_alike_are_told_beside_the_verdict(scores, order):
    order.shuffle(scores)
    found = Scores(protocol="ours")
    cell = {"task": "reviews", "language": "en", "split": "test", "metric": "accuracy", "n": 500}
    found.add(scores, condition={"base": "plain"}, **cell)
    found.add(AUGMENTED, condition={"base": "augmented"}, **cell)
    verdict = verified_on((claim_set(),), found).verdicts[0]
    distinct = len(set(scores))
    said = f"base-plain: {len(scores)} seeds have {distinct} different scores between them."
    assert any(said in text for text in verdict.reasons) == (2 * distinct <= len(scores))
    assert not any("base-augmented:" in text for text in verdict.reasons)


def test_a_benchmark_that_nobody_describes_is_named(tmp_path):
    text = CLAIMS.replace("benchmark: own", "benchmark: other")
    found = decided(stored(tmp_path / "runs", reading(*both())), text)["real-gain"]
    assert found.verdict == "not_evaluable"
    assert "under `benchmarks`" in " ".join(found.reasons)


def test_a_described_benchmark_may_not_take_the_name_of_a_bundled_one(tmp_path):
    text = CLAIMS.replace("own: {reviews", "xtreme: {reviews").replace(
        "benchmark: own", "benchmark: xtreme"
    )
    with pytest.raises(ClaimFileError, match="bundled"):
        decided(stored(tmp_path / "runs", reading(*both())), text)


def test_a_language_that_one_arm_lacks_keeps_the_claim_from_being_decided(tmp_path):
    text = CLAIMS.replace("languages: [en]", "languages: [en, de]")
    found = decided(stored(tmp_path / "runs", reading(*both())), text)["real-gain"]
    assert found.verdict == "not_evaluable"
    assert "measure.languages" in {d.field for d in found.deviations}
    assert "measure.languages: found reviews lacks de ; expected all." in found.reasons[0]


def test_without_chance_a_seed_is_not_a_replicate(tmp_path):
    fixed = [score("plain", "none", 80.0), score("augmented", "none", 84.0)]
    with Store.open(stored(tmp_path / "runs", reading(*fixed)), write=False) as store:
        assert {run.spec.seed for run in store.runs()} == {None}


@given(order=st.permutations(range(8)))
def test_the_order_of_rows_is_no_identity(order):
    scores = both()
    first = runs_of(reading(*scores), "tidy", "ours", started="2026-01-01")
    again = runs_of(reading(*(scores[i] for i in order)), "tidy", "ours", started="2026-01-01")
    assert first == again


def test_the_same_files_again_change_nothing(tmp_path):
    path = stored(tmp_path / "runs", reading(*both()))
    before = (path / "journal.jsonl").read_bytes()
    with Store.open(path) as store:
        entered = enter(reading(*both()), store, format_="tidy", protocol="ours")
    assert (entered.runs, len(entered.there)) == ((), 8)
    assert (path / "journal.jsonl").read_bytes() == before


def test_other_scores_of_the_same_cells_are_refused_whole(tmp_path):
    path = stored(tmp_path / "runs", reading(*both()))
    before = (path / "journal.jsonl").read_bytes()
    more = reading(score("plain", 0, 12.0), score("new", 0, 13.0), files="b")
    with Store.open(path) as store, pytest.raises(ImportedScoresError, match="already") as raised:
        enter(more, store, format_="tidy", protocol="ours")
    assert len(raised.value.faults) == 1
    assert (path / "journal.jsonl").read_bytes() == before


def test_one_cell_twice_names_both_places():
    twice = reading(score("plain", 0, 80.0), score("plain", 0, 81.0))
    with pytest.raises(ImportedScoresError, match=r"plain 0.*again"):
        runs_of(twice, "tidy", None)


def test_a_seed_beside_none_is_refused():
    mixed = reading(score("plain", 0), score("plain", "none", metric="f1"))
    with pytest.raises(ImportedScoresError, match="beside"):
        runs_of(mixed, "tidy", None)


def test_an_import_that_was_killed_shows_nothing_until_it_is_made_again(tmp_path, monkeypatch):
    path = tmp_path / "runs"
    finish = Store.finish
    done = []

    def dies_at_the_third(self, run, folder):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(run)
        return finish(self, run, folder)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "finish", dies_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            stored(path, reading(*both()))
    with Store.open(path, write=False) as store:
        assert store.latest_plan() is None
    stored(path, reading(*both()))
    assert decided(path)["real-gain"].verdict == "reproduced"


def test_runs_made_here_and_imported_ones_never_share_a_store(tmp_path):
    made = runs_of(reading(*both()), "tidy", "ours")[0]
    spec = made.spec.model_copy(update={"origin": None})
    own = made.model_copy(update={"spec": spec, "spec_digest": spec.digest()})
    path = stored(tmp_path / "imported", reading(*both()))
    with Store.open(path, write=False) as store:
        plan = store.latest_plan()
    with Store.open(tmp_path / "own") as store:
        store.finish(own, store.begin(own.spec))
        store.add_plan(plan.model_copy(update={"specs": (spec,)}))
        with pytest.raises(ImportedScoresError, match="made here"):
            enter(reading(*both()), store, format_="tidy", protocol="ours")


def test_raw_values_and_checksums_are_kept(tmp_path):
    path = stored(tmp_path / "runs", reading(*both()))
    with Store.open(path, write=False) as store:
        runs = store.runs()
    for run in runs:
        assert [source.sha256 for source in run.spec.origin.sources] == ["a" * 64]
        assert all(m.raw is not None and m.raw.value == m.score for m in run.measurements)


def test_seeds_that_came_in_after_a_look_do_not_decide(tmp_path):
    path = stored(tmp_path / "runs", reading(*(s for s in both() if s.seed < 2)))
    decided(path)
    stored(path, reading(*(s for s in both() if s.seed >= 2), files="b"))
    found = decided(path)["real-gain"]
    assert found.verdict == "inconclusive"
    assert "Unplanned look" in " ".join(found.reasons)


def test_seeds_that_came_in_for_one_arm_alone_do_not_decide(tmp_path):
    late = [s for s in both() if s.condition.base == "augmented" and s.seed >= 2]
    path = stored(tmp_path / "runs", reading(*(s for s in both() if s not in late)))
    decided(path)
    for one, files in zip(late, "bc", strict=True):
        stored(path, reading(one, files=files))
        found = decided(path)["real-gain"]
        assert found.verdict == "inconclusive"
        assert "seeds of [base-augmented] came in" in " ".join(found.reasons)


def test_an_arm_of_which_nothing_was_seen_may_come_after_a_look(tmp_path):
    arms = [[s for s in both() if s.condition.base == base] for base in ("plain", "augmented")]
    path = stored(tmp_path / "runs", reading(*arms[0]))
    assert decided(path)["real-gain"].verdict == "not_evaluable"
    stored(path, reading(*arms[1], files="b"))
    assert decided(path)["real-gain"].verdict == "reproduced"


def test_a_claim_on_the_protocols_base_is_met_by_runs_that_name_it(tmp_path):
    text = CLAIMS.replace("{base: augmented}", "{intermediate: [squad_v1]}").replace(
        "{base: plain}", "{intermediate: []}"
    )
    scores = [
        score("xlm-roberta-large", s.seed, s.points, checkpoint="FacebookAI/xlm-roberta-large",
              condition=Condition(base="xlm-roberta-large", intermediate=("squad_v1",)
                                  if s.condition.base == "augmented" else ()))
        for s in both()
    ]  # fmt: skip
    found = decided(stored(tmp_path / "runs", reading(*scores)), text)["real-gain"]
    assert found.verdict == "reproduced"


def test_another_base_than_the_papers_is_an_important_deviation(tmp_path):
    from replication.protocols import load_protocol

    text = CLAIMS.replace("protocol: ours", "protocol: xstilts").replace(
        "{base: augmented}", "{intermediate: [squad_v1]}").replace(
        "{base: plain}", "{intermediate: []}")  # fmt: skip
    arms = {"plain": (), "augmented": ("squad_v1",)}
    scores = [
        score("x", s.seed, s.points, checkpoint="xlm-roberta-base",
              condition=Condition(intermediate=arms[s.condition.base]))
        for s in both()
    ]  # fmt: skip
    path = stored(tmp_path / "runs", reading(*scores), protocol="xstilts")
    found = decided(path, text, xstilts=load_protocol("xstilts"))["real-gain"]
    assert found.verdict == "not_evaluable"
    assert "base.checkpoint" in {d.field for d in found.deviations if d.importance == "important"}


def test_all_is_no_name_for_nothing(tmp_path):
    text = CLAIMS.replace("{base: augmented}", "{intermediate: all}").replace(
        "{base: plain}", "{intermediate: []}"
    )
    scores = [score("x", s.seed, s.points, condition=Condition()) for s in both()[:4]]
    found = decided(stored(tmp_path / "runs", reading(*scores)), text)["real-gain"]
    assert found.verdict == "not_evaluable"


# the command


def command(capsys, *arguments):
    code = corroborate.main([str(a) for a in arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_from_a_table_to_a_report_by_commands(tmp_path, capsys):
    claims, scores = written(tmp_path)
    store = tmp_path / "runs"
    code, out, _ = command(
        capsys, "import", scores, "--format", "tidy", "--store", store, "--protocol", "ours"
    )
    assert code == 0
    assert "8 runs" in out
    code, out, _ = command(capsys, "verify", claims, "--store", store, "--json")
    assert code == 1
    verdicts = {v["claim"]: v for v in json.loads(out)["verdicts"]}
    assert verdicts["real-gain"]["verdict"] == "reproduced"
    code, _, _ = command(
        capsys, "report", claims, "--store", store, "--out", tmp_path / "out", "--format", "md,json"
    )
    assert code == 1
    page = (tmp_path / "out" / "report.md").read_text()
    assert "These scores were imported, not made here." in page
    assert "which was fixed before the runs" not in page
    assert "corroborate import scores.csv --format tidy" in page
    code, out, _ = command(capsys, "status", "--store", store)
    assert (code, out.count("current")) == (0, 2)


def test_an_import_without_protocol_says_what_is_missing(tmp_path, capsys):
    _, scores = written(tmp_path)
    code, out, _ = command(capsys, "import", scores, "--format", "tidy", "--store", tmp_path / "r")
    assert code == 0
    assert "--protocol" in out


def test_import_as_json_is_one_document(tmp_path, capsys):
    _, scores = written(tmp_path)
    _, out, _ = command(
        capsys, "import", scores, "--format", "tidy", "--store", tmp_path / "r", "--json"
    )
    found = json.loads(out)
    assert found["schema"] == "corroborate/import@1"
    assert (len(found["runs"]), found["scores"], found["shown"]) == (8, 8, [])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "excel"), "excel"),
        (("--format", "tidy", "--given", "seeds=3"), "seeds=3"),
        (("--format", "tidy", "--given", "seed=three", "--given", "n=0"), "n: found '0'"),
        (("--format", "tidy", "--given", "n=1", "--given", "n=2"), "twice"),
    ],
)
def test_wrong_options_are_told_without_a_traceback(tmp_path, capsys, arguments, said):
    _, scores = written(tmp_path)
    code, _, err = command(capsys, "import", scores, *arguments, "--store", tmp_path / "r")
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "r").exists()


def test_every_fault_of_a_table_is_told_and_nothing_is_imported(tmp_path, capsys):
    bad = table() + "plain,none,false,reviews,en,test,accuracy,9,101,500\n,,,,,,,,x,\n"
    _, scores = written(tmp_path, scores=bad)
    code, _, err = command(capsys, "import", scores, "--format", "tidy", "--store", tmp_path / "r")
    assert code == 2
    assert "line 10" in err
    assert "line 11" in err
    assert not (tmp_path / "r").exists()


def test_every_format_can_be_read_by_its_name():
    from importlib import import_module

    assert all(callable(import_module(module).read) for module in FORMATS.values())


# programs


def test_scores_of_a_program_give_the_verdicts_of_the_store(tmp_path):
    claims, scores = written(tmp_path)
    path = stored(tmp_path / "runs", reading(*both()))
    found, _ = verified([str(claims)], path)
    mine = verified_on((claim_set(),), Scores(protocol="ours").add_files(scores))
    assert [(v.claim, v.verdict, v.estimate, v.interval) for v in mine.verdicts] == [
        (v.claim, v.verdict, v.estimate, v.interval) for v in found.verdicts.verdicts
    ]


def test_a_cell_that_two_additions_share_is_refused(tmp_path):
    _, scores = written(tmp_path)
    twice = Scores(protocol="ours").add_files(scores).add(
        [PLAIN[0] + 1], condition={"base": "plain"}, task="reviews", language="en", split="test",
        metric="accuracy", n=500,
    )  # fmt: skip
    with pytest.raises(ImportedScoresError, match="already"):
        twice.runs()


@pytest.mark.parametrize(
    ("scores", "seeds"), [([], None), ([1.0], [1, 2]), ([101.0], None), ([float("nan")], None)]
)
def test_scores_that_cannot_be_are_refused(scores, seeds):
    with pytest.raises(ImportedScoresError):
        Scores().add(
            scores, condition={"base": "plain"}, task="reviews", language="en", split="test",
            metric="accuracy", n=500, seeds=seeds,
        )  # fmt: skip


@pytest.mark.parametrize(
    "changed", [{"condition": {"bases": "plain"}}, {"task": "a/b"}, {"split": "dev"}, {"n": 0}],
    ids=str,
)  # fmt: skip
def test_what_is_no_score_is_refused_in_words(changed):
    fields = {
        "condition": {"base": "plain"}, "task": "reviews", "language": "en", "split": "test",
        "metric": "accuracy", "n": 500,
    }  # fmt: skip
    with pytest.raises(ImportedScoresError, match="expected"):
        Scores().add([80.0], **(fields | changed))


def test_claims_about_sentences_like_these_need_the_outcomes_of_examples(tmp_path):
    text = CLAIMS.replace("split: test}", "split: test, inference: sentences_like_these}")
    found = decided(stored(tmp_path / "runs", reading(*both())), text)["real-gain"]
    mine = verified_on((claim_set(text),), Scores(protocol="ours").add_table(
        [s.model_dump(mode="json") | {"base": s.condition.base, "target": s.task, "score": s.points}
         for s in both()]
    )).verdicts[0]  # fmt: skip
    for verdict in (found, mine):
        assert verdict.verdict == "not_evaluable"
        assert "without the outcomes of single examples" in " ".join(verdict.reasons)


def test_synthetic_data_say_nothing_of_a_papers_claims():
    from replication.protocols import load_protocol
    from verifier.departures import simulated_deviations

    paper = claim_set().paper
    (found,) = simulated_deviations(paper, load_protocol("miniature"))
    assert found.importance == "important"
    assert simulated_deviations(paper, load_protocol("scratch")) == ()
    controls = paper.model_copy(update={"controls": True})
    assert simulated_deviations(controls, load_protocol("miniature")) == ()


def test_a_described_chance_level_is_shown(tmp_path, capsys):
    claims, scores = written(tmp_path)
    command(
        capsys,
        "import",
        scores,
        "--format",
        "tidy",
        "--store",
        tmp_path / "r",
        "--protocol",
        "ours",
    )
    command(
        capsys, "report", claims, "--store", tmp_path / "r", "--out", tmp_path, "--format", "json"
    )
    document = json.loads((tmp_path / "report.json").read_text())
    assert {row["chance"] for row in document["scores"]} == {50.0}


def added(*conditions, scale=None, factor=1.0):
    scores = Scores(protocol="xstilts")
    for condition in conditions:
        scores.add(
            [factor * value for value in PLAIN], condition=condition, task="reviews", language="en",
            split="test", metric="accuracy", n=500, scale=scale,
        )  # fmt: skip
    return scores


def test_scores_that_could_be_points_or_fractions_are_refused_until_it_is_said():
    with pytest.raises(ImportedScoresError, match="expected to be told"):
        added({"base": "plain"}, factor=0.01)
    for scale, most in (("fraction", 100), ("points", 1)):
        runs = added({"base": "plain"}, factor=0.01, scale=scale).runs()
        assert {round(run.measurements[0].score / most, 3) for run in runs} == {
            round(value / 100, 3) for value in PLAIN
        }


def test_a_program_that_names_another_base_than_the_papers_departs_from_it():
    text = CLAIMS.replace("protocol: ours", "protocol: xstilts").replace(
        "{base: augmented}", "{mlm: true}").replace("{base: plain}", "{}")  # fmt: skip
    scores = added({"base": "bert"}, {"base": "bert", "mlm": True})
    found = verified_on((claim_set(text),), scores).verdicts[0]
    assert found.verdict == "not_evaluable"
    assert "base.checkpoint" in {d.field for d in found.deviations if d.importance == "important"}


def test_no_scores_are_no_verdict():
    with pytest.raises(ImportedScoresError, match="found none"):
        verified_on((claim_set(),), Scores())


def test_runs_of_before_origins_keep_their_digests():
    made = runs_of(reading(*both()), "tidy", "ours")[0]
    spec = made.spec.model_copy(update={"origin": None})
    assert "origin" not in spec.model_dump()
    assert "origin" in made.spec.model_dump()
    again = Run.model_validate_json(made.canonical())
    assert again.spec.digest() == made.spec_digest


def test_a_folder_with_one_more_run_in_it_adds_that_run_alone(tmp_path):
    def folder(seeds):
        scores, files = [], []
        for seed in seeds:
            place = {"path": f"seed-{seed}/all_results.json", "at": "eval_accuracy"}
            raw = Raw(value=80.0 + seed, scale="points", **place)
            scores.append(score("plain", seed, 80.0 + seed, raw=raw))
            files += [
                SourceFile(path=path, sha256=str(seed) * 64)
                for path in (place["path"], f"seed-{seed}/checkpoint-5/trainer_state.json")
            ]
        return Reading("theirs", tuple(files), tuple(scores))

    with Store.open(tmp_path / "runs") as store:
        enter(folder(range(2)), store, format_="hf-trainer", protocol="ours")
        entered = enter(folder(range(3)), store, format_="hf-trainer", protocol="ours")
    assert [run.spec.seed for run in entered.runs] == [2]
    assert len(entered.there) == 2
    assert {len(run.spec.origin.sources) for run in (*entered.runs, *entered.there)} == {2}


def test_the_description_of_a_benchmark_is_part_of_what_decides(tmp_path):
    also = [s.model_copy(update={"metric": "f1"}) for s in both()]
    path = stored(tmp_path / "runs", reading(*both(), *also))
    assert decided(path)["real-gain"].verdict == "reproduced"
    found = decided(path, CLAIMS.replace("metrics: [accuracy]", "metrics: [f1]"))["real-gain"]
    assert found.verdict == "inconclusive"
    assert "nobody has accepted that" in " ".join(found.reasons)
    assert decided(path, CLAIMS.replace("chance: 50", "chance: 40"))["real-gain"].verdict == (
        "reproduced"  # it is shown, and decides nothing
    )


def test_nobody_writes_by_hand_what_a_description_digests_to():
    by_hand = CLAIMS.replace("split: test}", f"split: test, described: {'a' * 64}}}", 1)
    with pytest.raises(ClaimFileError, match="left out"):
        claim_set(by_hand)
