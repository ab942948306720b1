"""Training on the rows of the embedding that are read: the same weights as with the whole table."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_models as tiny
import torch
from safetensors.torch import load_file
from torch import nn

from replication import vocabulary
from replication.batching import Feature
from replication.errors import StoppedError
from replication.model import save
from replication.protocol import Mixing
from replication.resume import Resume
from replication.sampling import Feed
from replication.tasks.family import family
from replication.tasks.mlm import MASKED_LANGUAGE_MODELLING, MaskedHead
from replication.training import Execution, Look, train
from replication.vocabulary import Vocabulary, rows_read
from replication.watch import Watch

ROWS = 320
TABLE = "encoder.embeddings.word_embeddings.weight"
SETTINGS = {"epochs": 4, "clip_norm": 0.05, "learning_rate": 0.01, "weight_decay": 0.2}


def feeds(*names, **recipe):
    return {
        f"tiny_{n}": Feed(
            family(n), tiny.features(n, 24, seed=2), tiny.recipe(**{**SETTINGS, **recipe})
        )
        for n in names
    }


def trained(names=("classification",), *, dropout=0.1, execution=None, given=None):
    model = tiny.model(*names, dropout=dropout)
    torch.manual_seed(1)
    train(
        model, given or feeds(*names), mixing=Mixing(), pad_id=1,
        rng=tiny.generator(3), execution=execution,
    )  # fmt: skip
    return {n: t.clone() for n, t in model.state_dict().items()}


def read_by(given):
    features = [f for feed in given.values() for f in feed.features]
    rows = rows_read(features, ROWS, 1)
    assert 20 < len(rows) < ROWS / 2
    return rows


@pytest.fixture
def whole(monkeypatch):
    """Call to train on the whole table from now on."""
    return lambda: monkeypatch.setattr(vocabulary, "LARGEST_SHARE", 0.0)


@pytest.mark.parametrize("decay", [0.0, 0.2])
@pytest.mark.parametrize("clip", [0.05, 1e9])
@pytest.mark.parametrize(
    "names", [("classification",), ("span_qa",), ("classification", "tagging")]
)
def test_rows_that_are_read_train_as_within_the_whole_table(names, clip, decay, whole):
    """24 steps of AdamW or more, dropout on; bit for bit but for the decay of rows not read.

    Where gradients are clipped, their norm is a sum of another order, which may move its last digit.
    """
    given = feeds(*names, weight_decay=decay, clip_norm=clip)
    rows, start = read_by(given), tiny.model(*names).state_dict()[TABLE]
    unread = np.setdiff1d(np.arange(ROWS), rows)
    small = trained(names, given=given)
    whole()
    large = trained(names, given=given)
    torch.testing.assert_close(small[TABLE][unread], large[TABLE][unread], rtol=2e-6, atol=0)
    assert torch.equal(small[TABLE][unread], start[unread]) == (decay == 0)
    small[TABLE], large[TABLE] = small[TABLE][rows], large[TABLE][rows]
    assert float((small[TABLE] - start[rows]).abs().max()) > 0.05
    for key, weights in large.items():
        torch.testing.assert_close(
            small[key], weights, atol=1e-6 if clip < 1 else 0.0, rtol=0, msg=key
        )


def test_the_optimiser_holds_no_state_of_rows_that_are_not_read(monkeypatch):
    shapes = []
    step = torch.optim.AdamW.step

    def noted(self, *args, **kwargs):
        shapes.append([tuple(p.shape) for g in self.param_groups for p in g["params"]])
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", noted)
    given = feeds("classification")
    state = trained(given=given)
    assert all((ROWS, 16) not in shape for shape in shapes)
    assert all((len(read_by(given)), 16) in shape for shape in shapes)
    assert state[TABLE].shape == (ROWS, 16)


def test_validation_and_the_checkpoint_it_keeps_have_the_whole_table(tmp_path, whole):
    """The middle one of three looks is the best, so what is kept is older than the end."""
    seen = []

    def score(model):
        assert not model.training
        seen.append(model.encoder.get_input_embeddings().weight.detach().clone())
        return [1.0, 3.0, 2.0, 0.0][len(seen) - 1]

    execution = Execution(look=Look(6, score, None))
    kept = trained(execution=execution)[TABLE]
    small = list(seen)
    seen.clear()
    whole()
    trained(execution=execution)
    assert len(small) == len(seen) == 4
    for one, other in zip(small, seen, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-6, atol=1e-7)
    assert torch.equal(kept, small[1])
    assert not torch.equal(kept, small[3])


def test_a_stopped_phase_goes_on_with_the_rows_it_had_bit_for_bit(tmp_path):
    def run(stop_after, folder):
        folder.mkdir(exist_ok=True)
        steps = iter(range(99))
        watch = Watch(stop=lambda: next(steps) >= stop_after)
        resume = Resume(folder, every_s=0)
        try:
            return trained(execution=Execution(resume=resume, watch=watch))
        except StoppedError:
            return None

    at_once = run(99, tmp_path / "a")
    assert run(7, tmp_path / "b") is None
    state = load_file(tmp_path / "b" / "training.safetensors")
    assert state[f"model.{TABLE}"].shape[0] < ROWS / 2
    resumed = run(99, tmp_path / "b")
    for key, weights in at_once.items():
        assert torch.equal(resumed[key], weights), key


def test_a_phase_that_is_stopped_leaves_the_model_whole():
    model = tiny.model("classification")
    watch = Watch(stop=lambda: True)
    with pytest.raises(StoppedError):
        train(
            model, feeds("classification"), mixing=Mixing(), pad_id=1,
            rng=tiny.generator(), execution=Execution(watch=watch),
        )  # fmt: skip
    assert model.encoder.get_input_embeddings().weight.shape == (ROWS, 16)


def test_a_head_tied_to_the_table_keeps_it_whole(monkeypatch):
    monkeypatch.setattr(Vocabulary, "__init__", lambda *_: pytest.fail("cut down"))
    model = tiny.model("classification")
    model.heads["mlm"] = MaskedHead(model.encoder.get_input_embeddings())
    given = feeds("classification")
    text = tiny.features("classification", 8)
    for feature in text:
        feature.target = ([1, 2], feature.sequences[0][1:3])
    given["mlm"] = Feed(MASKED_LANGUAGE_MODELLING, text, tiny.recipe(), None, 0.2)
    train(model, given, mixing=Mixing(), pad_id=1, rng=tiny.generator())


def test_a_table_that_is_mostly_read_stays_as_it_is():
    features = tiny.features("classification", 24)
    assert rows_read(features, ROWS, 1) is not None
    used = {t for f in features for s in f.sequences for t in s}
    assert set(rows_read(features, ROWS, 1).tolist()) == used | {0, 1}
    every = [Feature([list(range(0, ROWS, step))], None) for step in (2, 3)]
    assert rows_read(every[:1], ROWS, 1) is None
    assert rows_read(every[1:], ROWS, 1) is not None


def test_a_saved_checkpoint_has_every_row(tmp_path):
    model = tiny.model("classification")
    train(model, feeds("classification"), mixing=Mixing(), pad_id=1, rng=tiny.generator())
    save(model, tmp_path)
    assert load_file(tmp_path / "model.safetensors")[TABLE].shape == (ROWS, 16)


def test_a_table_can_be_had_at_any_step_and_given_back():
    embedding = nn.Embedding(10, 4)
    start = embedding.weight.detach().clone()
    cut = Vocabulary(embedding, np.array([0, 1, 5]))
    assert cut.lookup.tolist() == [0, 1, -1, -1, -1, 2, -1, -1, -1, -1]
    cut.decay(0.1, 0.5)
    with torch.no_grad():
        embedding.weight[2] = 7.0
    with cut.whole():
        expected = start * 0.95
        expected[[0, 1]] = start[[0, 1]]
        expected[5] = 7.0
        torch.testing.assert_close(embedding.weight.detach(), expected)
    assert embedding.weight.shape == (3, 4)
    cut.restore()
    torch.testing.assert_close(embedding.weight.detach(), expected)
