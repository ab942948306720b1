"""The training loop: how many steps, at which rate, on which task, and what makes it stop."""

from __future__ import annotations

import hashlib
import math
from itertools import islice, pairwise

import numpy as np
import pytest
import tiny_models as tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from replication.batching import Feature, collate
from replication.errors import TrainingError
from replication.model import EncoderWithHeads, save
from replication.protocol import Mixing
from replication.sampling import batches
from replication.tasks.family import family
from replication.training import TOKENS_AT_ONCE, Execution, Feed, step_count, train

KIND = family("classification")


def feed(count=12, *, name="classification", seed=0, **recipe):
    return Feed(family(name), tiny.features(name, count, seed=seed), tiny.recipe(**recipe))


def run(model, feeds, seed=0, mixing=None):
    torch.manual_seed(seed)
    return train(model, feeds, mixing=mixing or Mixing(), pad_id=1, rng=tiny.generator(seed))


def state(model):
    return {n: p.detach().clone() for n, p in model.named_parameters()}


def changed(before, after):
    return {n for n in before if not torch.equal(before[n], after[n])}


class Watched(EncoderWithHeads):
    """Notes what each forward pass was given, and in which mode."""

    def __init__(self, model):
        super().__init__(model.encoder, dict(model.heads.items()))
        self.seen = []

    def hidden(self, batch, layer=None):
        self.seen.append((sorted(f.example for f in batch.features), self.encoder.training))
        return super().hidden(batch, layer)


def learning_rates(monkeypatch, recipe, count=40):
    """Return the rate of each step, with the group's weight decay and epsilon."""
    seen = []
    step = torch.optim.AdamW.step

    def noted(self, *args, **kwargs):
        first, second = self.param_groups
        seen.append((first["lr"], first["weight_decay"], second["weight_decay"], first["eps"]))
        assert second["lr"] == first["lr"]
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", noted)
    run(tiny.model("classification"), {"tiny_classification": feed(count, **recipe)})
    return seen


@given(st.integers(1, 5000), st.integers(1, 64), st.integers(1, 9))
def test_steps_are_whole_epochs_of_batches_the_last_of_which_may_be_short(examples, batch, epochs):
    features = [Feature([[7]], 0)] * examples
    steps = step_count(features, tiny.recipe(batch_size=batch, epochs=epochs))
    assert steps == sum(1 for _ in range(0, examples, batch)) * epochs


@pytest.mark.parametrize(("epochs", "steps"), [(0.5, 2), (1.5, 4), (0.01, 1)])
def test_part_of_an_epoch_is_rounded_to_steps_and_never_none(epochs, steps):
    features = [Feature([[7]], 0)] * 9
    assert step_count(features, tiny.recipe(batch_size=4, epochs=epochs)) == steps


sizes = st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=3), min_size=1, max_size=60).map(
    lambda rows: [Feature([[7] * n for n in row], 0, example=i) for i, row in enumerate(rows)]
)


@given(sizes, st.integers(1, 200), st.integers(0, 99))
def test_a_budget_of_tokens_makes_epochs_of_as_many_batches_of_neighbours_in_length(
    features, tokens, seed
):
    recipe = tiny.recipe(batch_size={"tokens": tokens}, epochs=2)
    steps = step_count(features, recipe)
    rng = np.random.Generator(np.random.PCG64(seed))
    drawn = list(islice(batches(Feed(KIND, features, recipe), rng), steps))
    assert steps % 2 == 0
    for epoch in (drawn[: steps // 2], drawn[steps // 2 :]):
        assert sorted(f.example for b in epoch for f in b) == list(range(len(features)))
        for batch in epoch:
            assert len(batch) == 1 or sum(f.tokens for f in batch) <= tokens
        spans = sorted((min(f.length for f in b), max(f.length for f in b)) for b in epoch)
        assert all(high <= low for (_, high), (low, _) in pairwise(spans))


def test_batches_of_a_budget_come_in_another_order_and_with_others_in_the_next_epoch():
    features = [Feature([[7] * (1 + i % 3)], 0, example=i) for i in range(90)]
    recipe = tiny.recipe(batch_size={"tokens": 12}, epochs=2)
    steps = step_count(features, recipe)
    drawn = list(islice(batches(Feed(KIND, features, recipe), tiny.generator(0)), steps))
    first, second = ([{f.example for f in b} for b in part]
                     for part in (drawn[: steps // 2], drawn[steps // 2 :]))  # fmt: skip
    assert not any(batch in second for batch in first)
    lengths = [b[0].length for b in drawn[: steps // 2]]
    assert lengths not in (sorted(lengths), sorted(lengths)[::-1])


def test_a_phase_is_trained_on_a_budget_of_tokens():
    settings = {"batch_size": {"tokens": 60}, "epochs": 2}
    given_feed = feed(12, **settings)
    model = Watched(tiny.model("classification"))
    trained = run(model, {"tiny_classification": given_feed})
    assert trained.steps == step_count(given_feed.features, given_feed.recipe) > 4
    assert trained.tokens == 2 * sum(f.tokens for f in given_feed.features)
    assert sorted(e for seen, _ in model.seen for e in seen) == sorted([*range(12), *range(12)])


def test_every_example_is_seen_once_an_epoch_and_in_another_order_the_next():
    model = Watched(tiny.model("classification"))
    trained = run(model, {"tiny_classification": feed(10, batch_size=3, epochs=2)})
    # ten examples by threes: four batches; a batch may be cut, so passes are joined by epoch
    examples = [e for seen, _ in model.seen for e in seen]
    assert trained.steps == 8
    assert sorted(examples[:10]) == sorted(examples[10:]) == list(range(10))
    assert examples[:10] != examples[10:]


def test_dropout_is_on_while_training_and_off_afterwards():
    model = Watched(tiny.model("classification", dropout=0.5))
    run(model, {"tiny_classification": feed(4)})
    assert all(training for _, training in model.seen)
    assert not any(module.training for module in model.modules())


def test_the_rate_rises_linearly_over_the_warm_up_and_falls_linearly_to_almost_nothing(monkeypatch):
    settings = {"warmup_share": 0.4, "learning_rate": 0.01, "weight_decay": 0.3}
    seen = learning_rates(monkeypatch, {**settings, "adam_epsilon": 1e-6})
    rates = [rate for rate, *_ in seen]
    rising = [0.01 * s / 5 for s in (1, 2, 3, 4)]
    falling = [0.01 * s / 6 for s in (6, 5, 4, 3, 2, 1)]
    assert rates == pytest.approx(rising + falling)
    assert {rest for _, *rest in seen for rest in [tuple(rest)]} == {(0.3, 0.0, 1e-6)}


def test_without_warm_up_the_first_step_has_the_whole_rate(monkeypatch):
    seen = learning_rates(monkeypatch, {"warmup_share": 0.0, "learning_rate": 0.01}, count=8)
    assert [rate for rate, *_ in seen] == pytest.approx([0.01, 0.005])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("count", [1, 5, 40])
def test_no_step_has_a_rate_of_zero_or_above_the_recipe_s(monkeypatch, share, count):
    seen = learning_rates(monkeypatch, {"warmup_share": share, "learning_rate": 0.01}, count)
    assert all(0 < rate <= 0.01 + 1e-12 for rate, *_ in seen)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    def digest(name, seed):
        model = tiny.model("classification", dropout=0.1)
        run(model, {"tiny_classification": feed(20)}, seed)
        (tmp_path / name).mkdir()
        save(model, tmp_path / name)
        return hashlib.sha256((tmp_path / name / "model.safetensors").read_bytes()).hexdigest()

    assert digest("a", 3) == digest("b", 3) != digest("c", 4)


def test_clipping_bounds_the_step_s_gradient(monkeypatch):
    norms = []
    step = torch.optim.AdamW.step

    def noted(self, *args, **kwargs):
        grads = [p.grad for g in self.param_groups for p in g["params"] if p.grad is not None]
        norms.append(float(torch.linalg.vector_norm(torch.cat([g.flatten() for g in grads]))))
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", noted)
    run(tiny.model("classification"), {"tiny_classification": feed(12, clip_norm=0.01)})
    assert len(norms) == 3
    assert all(0.0099 < norm <= 0.01 + 1e-6 for norm in norms)


def test_one_step_is_one_step_of_adamw_on_the_mean_loss_however_the_batch_is_cut(monkeypatch):
    """The reference is written out: one padded batch, torch's own optimiser, the mean loss."""
    settings = {"batch_size": 9, "warmup_share": 0.0, "clip_norm": 1e6, "learning_rate": 0.01}
    own, reference = tiny.model("tagging"), tiny.model("tagging")
    given_feed = feed(9, name="tagging", **settings)
    monkeypatch.setitem(TOKENS_AT_ONCE, "cpu", 64)
    trained = run(own, {"tiny_tagging": given_feed})
    batch = collate(given_feed.features, 1, tiny.CPU)
    loss = given_feed.objective.loss(
        reference.hidden(batch), reference.heads["tiny_tagging"], batch
    ) / sum(len(f.target) for f in given_feed.features)
    loss.backward()
    groups = [
        {"params": [p for p in reference.parameters() if p.ndim >= 2], "weight_decay": 0.01},
        {"params": [p for p in reference.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    torch.optim.AdamW(groups, lr=0.01, eps=1e-8).step()
    assert trained.first_loss == pytest.approx(float(loss.detach()), abs=1e-5)
    # Adam's first step is the gradient's sign, so near-zero gradients may differ: compare in bulk
    ours = torch.cat([p.detach().flatten() for p in own.parameters()])
    theirs = torch.cat([p.detach().flatten() for p in reference.parameters()])
    assert float((ours - theirs).abs().median()) < 1e-6
    assert float(((ours - theirs).abs() > 1e-4).float().mean()) < 0.02


class Spoilt:
    """A task whose loss turns bad after a number of steps."""

    def __init__(self, after, value):
        self.left, self.value = after, value

    def loss(self, hidden, head, batch):
        self.left -= 1
        good = KIND.loss(hidden, head, batch)
        return good * self.value if self.left < 0 else good


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_training_with_its_step_and_task(value):
    features = tiny.features("classification", 12)
    bad = Feed(Spoilt(2, value), features, tiny.recipe(batch_size=1, epochs=2))
    with pytest.raises(TrainingError, match=r"step 3 on task 'tiny_classification'.*expected a"):
        run(tiny.model("classification"), {"tiny_classification": bad})


class SpoiltGradient:
    """A task whose loss is finite and whose gradient is not."""

    def loss(self, hidden, head, batch):
        good = KIND.loss(hidden, head, batch)
        return good + torch.sqrt((good - good.detach()).abs())


def test_weights_spoilt_by_the_very_last_step_are_refused():
    features = tiny.features("classification", 4)
    bad = Feed(SpoiltGradient(), features, tiny.recipe(batch_size=4))
    with pytest.raises(TrainingError, match="weight that is not finite"):
        run(tiny.model("classification"), {"tiny_classification": bad})


def learnable(count=96):
    """Sentences whose class is told by one word."""
    rng = tiny.generator(5)
    words = ("bado", "figu", "kalo")
    found = []
    for i in range(count):
        label = int(rng.integers(3))
        first = f"{tiny.sentence(rng, 4)} {words[label]}"
        found.append({"id": f"e{i}", "first": first, "second": "mi", "label": label})
    task = tiny.task("classification")
    return KIND.features(found, task, tiny.tokenizer(), tiny.LENGTHS, train=True)


def test_the_loss_falls_on_a_task_that_can_be_learned():
    recipe = tiny.recipe(epochs=12, batch_size=16, learning_rate=0.01)
    model = tiny.model("classification")
    trained = run(model, {"tiny_classification": Feed(KIND, learnable(), recipe)})
    assert trained.first_loss == pytest.approx(math.log(3), abs=0.25)
    assert trained.last_loss < 0.2


def test_tokens_count_what_was_read_and_not_the_padding():
    given_feed = feed(10, batch_size=3, epochs=2)
    trained = run(tiny.model("classification"), {"tiny_classification": given_feed})
    assert trained.tokens == 2 * sum(len(f.sequences[0]) for f in given_feed.features)


def two(first, second, **recipe):
    return {
        "tiny_classification": feed(first, **recipe),
        "tiny_tagging": feed(second, name="tagging", **recipe),
    }


def test_several_tasks_take_the_steps_that_their_epochs_sum_to_by_their_sizes():
    """Steps of a task are binomial: 120 draws at 3/4 lie within 4 deviations of 90."""
    trained = run(tiny.model("classification", "tagging"), two(90, 30, batch_size=1))
    assert trained.steps == sum(trained.steps_of.values()) == 120
    assert abs(trained.steps_of["tiny_classification"] - 90) < 4 * math.sqrt(120 * 0.75 * 0.25)


def test_a_cap_evens_out_the_shares_of_tasks():
    shares = []
    for mixing in (Mixing(), Mixing(cap=30)):
        trained = run(
            tiny.model("classification", "tagging"), two(90, 30, batch_size=1), mixing=mixing
        )
        shares.append(trained.steps_of["tiny_classification"] / trained.steps)
    assert shares[0] == pytest.approx(0.75, abs=4 * math.sqrt(0.75 * 0.25 / 120))
    assert shares[1] == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / 120))


def test_a_step_of_one_task_leaves_the_heads_of_the_others_alone():
    model = tiny.model("classification", "tagging")
    before = state(model)
    trained = run(model, {"tiny_classification": feed(4)})
    moved = changed(before, state(model))
    assert trained.steps_of == {"tiny_classification": 1}
    assert not any(n.startswith("heads.tiny_tagging.") for n in moved)
    assert any(n.startswith("heads.tiny_classification.") for n in moved)
    assert any(n.startswith("encoder.") for n in moved)


def test_in_a_mixed_phase_a_head_moves_only_in_steps_of_its_own_task(monkeypatch):
    model = tiny.model("classification", "tagging")
    moves = []
    step = torch.optim.AdamW.step

    def noted(self, *args, **kwargs):
        before = state(model)
        result = step(self, *args, **kwargs)
        moved = changed(before, state(model))
        moves.append({n.split(".")[1] for n in moved if n.startswith("heads.")})
        return result

    monkeypatch.setattr(torch.optim.AdamW, "step", noted)
    trained = run(model, two(12, 12))
    assert all(len(heads) == 1 for heads in moves)
    for name, count in trained.steps_of.items():
        assert sum(name in heads for heads in moves) == count > 0


def test_each_step_follows_the_recipe_of_its_own_task(monkeypatch):
    seen = set()
    step = torch.optim.AdamW.step

    def noted(self, *args, **kwargs):
        seen.add((self.param_groups[0]["weight_decay"], self.param_groups[0]["eps"]))
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", noted)
    feeds = {
        "tiny_classification": feed(12, weight_decay=0.5, adam_epsilon=1e-6),
        "tiny_tagging": feed(12, name="tagging", weight_decay=0.0),
    }
    run(tiny.model("classification", "tagging"), feeds)
    assert seen == {(0.5, 1e-6), (0.0, 1e-8)}


def test_the_order_in_which_tasks_are_named_changes_nothing():
    weights = []
    for names in (("tiny_classification", "tiny_tagging"), ("tiny_tagging", "tiny_classification")):
        model, feeds = tiny.model("classification", "tagging"), two(8, 8)
        run(model, {n: feeds[n] for n in names})
        weights.append(state(model))
    assert not changed(*weights)


def test_redrawing_changes_each_batch_as_it_is_drawn_and_not_the_features():
    drawn = []

    def redraw(batch, rng):
        assert isinstance(rng, np.random.Generator)
        drawn.append([f.example for f in batch])
        return [Feature(f.sequences, 0, example=f.example) for f in batch]

    given_feed = feed(6, batch_size=3, epochs=2)
    targets = [f.target for f in given_feed.features]
    redrawn = Feed(given_feed.objective, given_feed.features, given_feed.recipe, redraw)
    run(tiny.model("classification"), {"tiny_classification": redrawn})
    assert [len(d) for d in drawn] == [3, 3, 3, 3]
    assert [f.target for f in given_feed.features] == targets


def test_bfloat16_trains_with_weights_kept_in_fp32():
    model = tiny.model("classification")
    torch.manual_seed(0)
    trained = train(
        model,
        {"tiny_classification": feed(8)},
        mixing=Mixing(),
        pad_id=1,
        rng=tiny.generator(),
        execution=Execution(bf16=True),
    )
    assert math.isfinite(trained.last_loss)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert isinstance(model.heads["tiny_classification"], nn.Module)
