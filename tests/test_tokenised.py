"""Tokenised data are made once, shared, and the same bit for bit; whatever is wrong with a file."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import signal
import time
from itertools import islice
from multiprocessing import get_context

import numpy as np
import pyarrow as pa
import pytest
import tiny_models as tiny
import tiny_runs
from hypothesis import given
from hypothesis import strategies as st

import replication.phases
from replication.batching import Feature, collate
from replication.data import FolderSource
from replication.errors import DataError
from replication.gc import collect_garbage
from replication.miniature.generate import write_miniature
from replication.packing import Layout
from replication.protocol import MaskedMixing
from replication.sampling import Feed, batches
from replication.store import Store
from replication.tasks.family import family
from replication.tokenised import Cut, Tokenised, kept
from replication.tokenizer import digest_of_tokenizer, load_tokenizer
from replication.worker import execute_stored

FAMILIES = ("classification", "multiple_choice", "tagging", "span_qa")
WHAT = {"data": "d", "tokenizer": "t", "é": [1, None]}


def plain(feature):
    said = [np.asarray(s).tolist() for s in feature.sequences]
    return said, feature.target, feature.weight, feature.example, feature.extra


def cut_of(features, **note):
    return Cut(features, note)


def never():
    raise AssertionError("made anew")


numbers = st.integers(-(2**63), 2**63 - 1)
ids = st.lists(st.integers(0, 2**31 - 1), max_size=9)
TARGETS = (
    st.none(),
    st.integers(0, 5000),
    st.tuples(numbers, numbers),
    st.lists(numbers, max_size=5),
)


@st.composite
def feature_lists(draw):
    target = draw(st.sampled_from(TARGETS))
    names = draw(st.sets(st.sampled_from(["words", "starts", "target", "weight"])))
    return draw(
        st.lists(
            st.builds(
                Feature,
                st.lists(ids, min_size=1, max_size=4),
                target,
                weight=st.integers(0, 99),
                example=st.integers(0, 2**40),
                extra=st.fixed_dictionaries({n: st.lists(numbers, max_size=4) for n in names}),
            ),
            min_size=1,
            max_size=9,
        )
    )


@given(features=feature_lists(), note=st.dictionaries(st.text(max_size=5), st.integers()))
def test_what_is_kept_comes_back_as_it_was(tmp_path_factory, features, note):
    folder = tmp_path_factory.mktemp("tokens")
    first = kept(folder, WHAT, lambda: Cut(features, note))
    again = kept(folder, WHAT, never)
    for found in (first, again):
        assert isinstance(found.features, Tokenised)
        assert [plain(f) for f in found.features] == [plain(f) for f in features]
        assert found.note == note
        types = [type(f.target) for f in found.features]
        assert types == [type(f.target) for f in features]
    assert plain(again.features[-1]) == plain(features[-1])
    assert [plain(f) for f in again.features[1:3]] == [plain(f) for f in features[1:3]]
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", FAMILIES)
def test_batches_are_the_same_bit_for_bit(tmp_path, name):
    features = tiny.features(name, 40)
    mapped = kept(tmp_path, WHAT, lambda: cut_of(features)).features
    assert isinstance(mapped, Tokenised)
    kind, recipe = family(name), tiny.recipe(batch_size=7)
    streams = [batches(Feed(kind, f, recipe), tiny.generator(3)) for f in (features, mapped)]
    for one, other in islice(zip(*streams, strict=False), 15):
        assert [plain(f) for f in one] == [plain(f) for f in other]
        layout = Layout(getattr(kind, "reads", None))
        made = [collate(b, 1, tiny.CPU, layout) for b in (one, other)]
        assert made[0].input_ids.equal(made[1].input_ids)
        assert made[0].input_ids.dtype == made[1].input_ids.dtype
        assert made[0].packing.input_ids.equal(made[1].packing.input_ids)
        assert made[0].packing.places.equal(made[1].packing.places)


def the_file(folder):
    (found,) = folder.iterdir()
    return found


def damaged(path, how, folder):
    content = path.read_bytes()
    if how == "foreign":
        other = folder / "elsewhere"
        other.mkdir()
        kept(other, {"of": "other data"}, lambda: cut_of(tiny.features("tagging", 3)))
        foreign = the_file(other)
        path.unlink()
        # with the digest of what it holds, as if somebody had renamed it
        name = f"{path.stem.partition('-')[0]}-{foreign.stem.partition('-')[2]}.arrow"
        foreign.rename(folder / name)
        other.rmdir()
    elif how == "link":
        path.unlink()
        path.symlink_to("/etc/hostname")
    elif how == "folder":
        path.unlink()
        path.mkdir()
    else:
        cut = len(content) // 2
        broken = {
            "empty": b"",
            "short": content[:cut],
            "long": content + b"x",
            "flip": content[:cut] + bytes([content[cut] ^ 1]) + content[cut + 1 :],
        }
        path.write_bytes(broken[how])


@pytest.mark.parametrize("how", ["empty", "short", "long", "flip", "foreign", "link", "folder"])
def test_a_file_that_is_damaged_or_another_s_is_noticed_and_made_again(tmp_path, how):
    features = tiny.features("classification", 30)
    kept(tmp_path, WHAT, lambda: cut_of(features))
    damaged(the_file(tmp_path), how, tmp_path)
    made = []

    def make():
        made.append(how)
        return cut_of(features)

    found = kept(tmp_path, WHAT, make).features
    assert [plain(f) for f in found] == [plain(f) for f in features]
    assert made == [how]
    if how != "folder":  # nobody removes a folder; it is made each time
        assert [plain(f) for f in kept(tmp_path, WHAT, never).features] == [
            plain(f) for f in features
        ]
        assert len(list(tmp_path.iterdir())) == 1


def whole(table):
    return table


def without_target(table):
    return table.drop_columns(["target"])


def of_numbers_alone(table):
    return pa.table({"sequences": [1, 2]})


def of_other_numbers(table):
    ids = pa.array([[[1.5]]] * len(table), pa.large_list(pa.large_list(pa.float64())))
    return table.set_column(0, "sequences", ids)


def with_gaps(table):
    return table.set_column(
        1, "target", pa.array([None, *table["target"].to_pylist()[1:]], pa.large_list(pa.int64()))
    )


def in_two_pieces(table):
    return pa.concat_tables([table, table])


def told_twice(table):
    return table.append_column("weight", table["weight"])


def told_deeply(table):
    return table.replace_schema_metadata({b"corroborate": b"[" * 200_000})


FORGED = (
    without_target,
    of_numbers_alone,
    of_other_numbers,
    with_gaps,
    in_two_pieces,
    told_twice,
    told_deeply,
)


@pytest.mark.parametrize("forge", [whole, *FORGED])
def test_a_file_that_says_what_is_impossible_is_made_again(tmp_path, forge):
    """Whole, and with the right name; but no table of ours, unless nothing was done to it."""
    features, made = tiny.features("classification", 5), []
    kept(tmp_path, WHAT, lambda: cut_of(features))
    path = the_file(tmp_path)
    table = pa.ipc.open_file(pa.BufferReader(path.read_bytes())).read_all()
    said = table.schema.metadata
    table = forge(table)
    table = table.replace_schema_metadata({**said, **(table.schema.metadata or {})})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.rename(tmp_path / f"{path.stem.partition('-')[0]}-{digest}.arrow")
    found = kept(tmp_path, WHAT, lambda: made.append(1) or cut_of(features)).features
    assert [plain(f) for f in found] == [plain(f) for f in features]
    assert bool(made) is (forge is not whole)


@pytest.mark.parametrize(
    "features",
    [
        [Feature([[1]], "text")],
        [Feature([[1]], 1), Feature([[1]], None)],
        [Feature([[1]], (1, True))],
        [Feature([[2**40]], 1)],
        [Feature([[1]], 1, extra={"words": [0.5]})],
        [Feature([[1]], 1, extra={"a": [1]}), Feature([[1]], 1)],
        [],
    ],
)
def test_what_no_column_holds_is_not_kept_and_not_changed(tmp_path, features):
    assert kept(tmp_path, WHAT, lambda: cut_of(features)).features is features
    assert not list(tmp_path.iterdir())


def test_where_nothing_can_be_written_it_is_returned_as_it_was_made(tmp_path):
    features = tiny.features("tagging", 200)
    assert kept(tmp_path / "absent", WHAT, lambda: cut_of(features)).features is features
    assert kept(None, WHAT, lambda: cut_of(features)).features is features
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        assert kept(tmp_path, WHAT, lambda: cut_of(features)).features is features
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.iterdir())


def sums_of(folder, barrier, answers):
    features = tiny.features("span_qa", 60)
    barrier.wait(60)
    found = kept(folder, WHAT, lambda: cut_of(features)).features
    answers.put((type(found).__name__, sum(sum(map(int, f.sequences[0])) for f in found)))


def test_two_processes_at_once_come_to_the_same(tmp_path):
    context = get_context("fork")
    barrier, answers = context.Barrier(2), context.Queue()
    both = [context.Process(target=sums_of, args=(tmp_path, barrier, answers)) for _ in range(2)]
    for process in both:
        process.start()
    told = {answers.get(timeout=120) for _ in both}
    for process in both:
        process.join(60)
    ((name, _),) = told
    assert name == "Tokenised"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_tokenizer_s_digest_does_not_tell_how_it_was_last_used():
    tokenizer = tiny.tokenizer()
    before = digest_of_tokenizer(tokenizer)
    tokenizer("bado figu", truncation=True, max_length=4, padding="max_length")
    assert digest_of_tokenizer(tokenizer) == before
    assert digest_of_tokenizer(tiny.tokenizer("words")) != before


@pytest.mark.parametrize(
    "change",
    [
        {"split_special_tokens": True},
        {"sep_token": "<s>"},
        {"cls_token": "</s>", "sep_token": "<s>"},
        {"extra_special_tokens": ["ba"]},
        {"model_max_length": 5},
        {"truncation_side": "left"},
    ],
)
def test_a_tokenizer_that_is_set_to_cut_otherwise_has_another_digest(tmp_path, change):
    """By `tokenizer_config.json` of a checkpoint, beside one and the same `tokenizer.json`."""
    tiny.tokenizer().save_pretrained(tmp_path)
    before = digest_of_tokenizer(load_tokenizer(tmp_path))
    config = tmp_path / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    assert digest_of_tokenizer(load_tokenizer(tmp_path)) != before


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return FolderSource(write_miniature(tmp_path_factory.mktemp("data")), "miniature")


def executed(store, specs, source):
    runs = [execute_stored(s, store, source) for s in specs]
    assert [r.error for r in runs] == [None] * len(runs)
    return [(r.facts, r.artifacts, r.measurements) for r in runs]


def test_runs_of_a_store_share_what_was_tokenised_and_come_to_the_same(
    source, tmp_path, monkeypatch
):
    """Two seeds; the second neither reads nor tokenises. Without the folder, the same bytes."""
    mixing = MaskedMixing(
        corpus=("mini_text",),
        sentences_per_language=20,
        step_share=0.3,
        recipe=tiny_runs.protocol().pretraining.recipe,
    )
    _, specs = tiny_runs.specs(source, (tiny_runs.MIXED, "mini_tags"), seeds=2, precision="fp32")
    training = [s for s in specs if s.phase != "evaluation"]
    text = next(u for u in training[0].data if u.split == "text")
    training = [
        s.model_copy(update={"masked_mixing": mixing, "data": (*s.data, text)})
        if s.phase == "intermediate"
        else s
        for s in training
    ]
    renamed = {}
    for old, new in zip([s for s in specs if s.phase != "evaluation"], training, strict=True):
        renamed[old.digest()] = new
    training = [
        s.model_copy(update={"parent": renamed[s.parent].digest()}) if s.parent in renamed else s
        for s in training
    ]
    made = []
    real = replication.phases.kept

    def counting(folder, what, make):
        return real(folder, what, lambda: made.append(sorted(what)) or make())

    monkeypatch.setattr(replication.phases, "kept", counting)
    with Store.open(tmp_path / "with") as store:
        found = executed(store, training, source)
        files = sorted(p.name for p in (store.path / "tokens").iterdir())
    # text to mix in, three intermediate tasks, the target: once for both seeds; pretraining's is its own
    assert len(made) == len(files) + 1 == 6
    monkeypatch.setattr(replication.phases, "kept", lambda folder, what, make: make())
    with Store.open(tmp_path / "without") as store:
        assert executed(store, training, source) == found
    assert sum(s.phase == "target" for s in training) == 2


def test_a_run_made_twice_in_one_store_writes_the_same_files(source, tmp_path):
    """A tokenizer's file says how it was last used, so that its use must not depend on what is kept."""
    _, specs = tiny_runs.specs(source, (tiny_runs.NONE, "mini_topic"))
    found = []
    for life in ("one", "two"):
        with Store.open(tmp_path / life) as store:
            if life == "two":
                for path in (tmp_path / "one" / "tokens").iterdir():
                    shutil.copy(path, store.path / "tokens")
            found.append(executed(store, specs[:2], source))
    assert found[0] == found[1]


def test_data_that_are_gone_are_missed_by_whoever_has_not_tokenised_them(source, tmp_path):
    own = FolderSource(shutil.copytree(source.root, tmp_path / "data"), "miniature")
    _, specs = tiny_runs.specs(own, (tiny_runs.NONE, "mini_topic"))
    with Store.open(tmp_path / "store") as store:
        executed(store, specs[:1], own)
        shutil.rmtree(own.root)
        run = execute_stored(specs[1], store, own)
    assert run.status == "failed"
    assert DataError.__name__ in (run.traceback or "")


def test_gc_removes_tokens_when_no_run_is_left_that_trains(source, tmp_path):
    plan = tiny_runs.plan(source, (tiny_runs.NONE, "mini_topic"))
    path = tmp_path / "store"
    with Store.open(path) as store:
        store.add_plan(plan)
        execute_stored(plan.specs[0], store, source)
    (path / "tokens" / "killed.partial").write_bytes(b"half")
    assert [(g.kind, g.path) for g in collect_garbage(path)] == [
        ("temporary", "tokens/killed.partial")
    ]
    with Store.open(path) as store:
        for spec in plan.specs[1:-1]:
            execute_stored(spec, store, source)
    found = collect_garbage(path, dry_run=True)
    assert {g.kind for g in found} >= {"tokens"}
    collect_garbage(path)
    assert not list((path / "tokens").iterdir())
    assert collect_garbage(path) == ()


def test_a_process_killed_while_it_writes_leaves_nothing_that_is_taken_for_whole(tmp_path):
    many, few = tiny.features("classification", 3000), tiny.features("classification", 20)
    context = get_context("fork")
    for number, after_s in enumerate((0.0, 0.003, 0.01, 0.03, 0.1)):
        folder = tmp_path / str(number)
        folder.mkdir()
        process = context.Process(target=kept, args=(folder, WHAT, lambda: cut_of(many)))
        process.start()
        time.sleep(after_s)
        process.kill()
        process.join(60)
        whole = [p for p in folder.iterdir() if p.suffix == ".arrow"]
        found = kept(folder, WHAT, lambda: cut_of(few)).features
        assert len(found) == (len(many) if whole else len(few))
        assert plain(found[0]) == plain(few[0])
