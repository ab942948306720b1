"""Products by oneDNN: the values and gradients of torch's own, wherever they are used."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import tiny_models as tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from replication import products
from replication.packing import Layout
from replication.products import Linear, outer_product, through_onednn

pytestmark = pytest.mark.skipif(
    not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")),
    reason="this torch has no oneDNN",
)


@pytest.fixture
def counted(monkeypatch):
    """All products by oneDNN, however small, and how many there were."""
    calls = []
    plain = products._product
    monkeypatch.setattr(products, "LEAST", 1)
    monkeypatch.setattr(products, "_product", lambda *a: calls.append(a[0].shape) or plain(*a))
    return calls


def layers(width, outputs, *, bias):
    torch.manual_seed(width + outputs)
    own = nn.Linear(width, outputs, bias=bias)
    twin = copy.deepcopy(own).double()
    through_onednn(own)
    assert type(own) is Linear
    return own, twin


@settings(max_examples=25, deadline=None)
@given(
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    width=st.integers(1, 40),
    outputs=st.integers(1, 40),
    bias=st.booleans(),
    strided=st.booleans(),
)
def test_values_and_gradients_are_those_of_double_precision(shape, width, outputs, bias, strided):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "LEAST", 1)
        own, twin = layers(width, outputs, bias=bias)
        values = torch.randn(*shape, 2 * width)[..., ::2] if strided else torch.randn(*shape, width)
        weights = torch.randn(*shape, outputs).transpose(0, -1).contiguous().transpose(0, -1)
        sides = []
        for layer, x in ((own, values), (twin, values.double())):
            leaf = x.detach().requires_grad_()
            out = layer(leaf)
            (out * weights.to(out.dtype)).sum().backward()
            sides.append([out, leaf.grad, *[p.grad for p in layer.parameters()]])
        for one, other in zip(*sides, strict=True):
            torch.testing.assert_close(one.double(), other, atol=2e-4, rtol=2e-5)
        with torch.no_grad():
            torch.testing.assert_close(own(values), sides[0][0])


def test_a_sum_gives_a_gradient_without_strides_and_frozen_weights_none(counted):
    own, twin = layers(8, 4, bias=True)
    own.weight.requires_grad_(requires_grad=False)
    values = torch.randn(5, 8, requires_grad=True)
    own(values).sum().backward()
    wanted = twin.weight.detach().sum(0).expand(5, 8)
    torch.testing.assert_close(values.grad.double(), wanted)
    assert own.weight.grad is None
    assert len(counted) == 2


def test_a_gradient_of_a_gradient_is_refused_and_not_taken_for_nothing(counted):
    own, _ = layers(8, 4, bias=True)
    values = torch.randn(5, 8, requires_grad=True)
    (grad,) = torch.autograd.grad(own(values).square().sum(), values, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


def test_small_products_are_torchs_own_bit_for_bit(monkeypatch):
    monkeypatch.setattr(products, "_product", lambda *_: pytest.fail("a small product"))
    own, _ = layers(64, 64, bias=True)
    values = torch.randn(300, 64)
    assert torch.equal(own(values), torch.nn.functional.linear(values, own.weight, own.bias))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions_are_left_to_torch(counted, dtype):
    own, _ = layers(8, 8, bias=True)
    own.to(dtype)(torch.randn(4, 8, dtype=dtype))
    own.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert own(torch.randn(4, 8)).dtype == torch.bfloat16
    assert not counted


def test_names_and_weights_of_a_model_stay():
    model = tiny.model("tagging")
    kinds = {type(m) for m in model.encoder.modules() if isinstance(m, nn.Linear)}
    assert kinds == {Linear}
    assert any("attention.self.query.weight" in name for name in model.state_dict())


def test_a_layer_that_computes_something_else_is_left_alone():
    class Halved(nn.Linear):
        def forward(self, x):
            return super().forward(x) / 2

    module = nn.Sequential(Halved(3, 3), nn.Linear(3, 3))
    through_onednn(module)
    assert [type(child) for child in module] == [Halved, Linear]


@pytest.mark.parametrize("name", ["classification", "multiple_choice", "tagging", "span_qa"])
def test_item_outcomes_are_those_of_torchs_own_products(name, monkeypatch):
    model, examples = tiny.sure_model(name), tiny.examples(name, 40, tiny.generator(7))
    own = tiny.scored(name, model, examples, 500, Layout())
    calls, plain = [], products._product
    monkeypatch.setattr(products, "LEAST", 1)
    monkeypatch.setattr(products, "_product", lambda *a: calls.append(1) or plain(*a))
    other = tiny.scored(name, model, examples, 500, Layout())
    assert calls
    assert other.items == own.items
    assert other.predictions == own.predictions
    assert len({str(p) for p in own.predictions}) > 1


@pytest.mark.parametrize("least", [1, 2**40])
def test_vectors_are_multiplied_as_by_numpy(least, monkeypatch):
    monkeypatch.setattr(products, "LEAST", least)
    rng = tiny.generator()
    left = rng.normal(size=(70, 33)).astype(np.float32)
    right = rng.normal(size=(90, 33)).astype(np.float32)[20:]
    np.testing.assert_allclose(outer_product(left, right), left @ right.T, atol=1e-5)


def test_an_operator_that_is_called_otherwise_is_left_alone(monkeypatch):
    class Other:
        def _linear_pointwise(self, values):
            raise AssertionError("called as another version asks")

    monkeypatch.setattr(products, "LEAST", 1)
    monkeypatch.setattr(torch.ops, "mkldnn", Other())
    products._works.cache_clear()
    own, twin = layers(6, 4, bias=True)
    values = torch.randn(3, 6)
    try:
        assert torch.allclose(own(values).double(), twin(values.double()), atol=1e-5)
    finally:
        monkeypatch.undo()
        products._works.cache_clear()
