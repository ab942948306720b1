"""The matrix products of linear layers on CPU, by oneDNN where they are large.

torch multiplies by the BLAS that it was built with; MKL, the usual one, leaves half of an AMD
processor's vector units idle. oneDNN comes with torch too and fits its kernels to the processor.
Single precision stays single precision: only the order of sums differs.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

__all__ = ["Linear", "outer_product", "through_onednn"]

LEAST = 2**26
"""Multiplications from which on a product is oneDNN's; it takes 0.4 ms to fit a kernel to a shape
that is new, which smaller products do not earn back."""


class Linear(nn.Linear):
    """A linear layer, the same to the last digits, whose large products on CPU are oneDNN's."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  the name is torch's
        """Return `input @ weight.T + bias`, (..., out_features)."""
        if not _worth_it(input, self.weight):
            return linear(input, self.weight, self.bias)
        if torch.is_grad_enabled():
            return _Product.apply(input, self.weight, self.bias)  # type: ignore[no-any-return, no-untyped-call]
        return _product(input, self.weight, self.bias)


def through_onednn(module: nn.Module) -> None:
    """Let the linear layers within a module multiply by oneDNN; their weights and names stay."""
    for child in module.modules():
        if type(child) is nn.Linear:  # another subclass may compute something else
            child.__class__ = Linear


def outer_product(left: Any, right: Any) -> Any:
    """Return `left @ right.T` of two float32 arrays on the host, (n, d) and (m, d), as an array."""
    one, other = torch.from_numpy(left), torch.from_numpy(right)
    with torch.inference_mode():
        if not _worth_it(one, other):
            return (one @ other.T).numpy()
        return _product(one, other, None).numpy()


def _worth_it(values: Tensor, weight: Tensor) -> bool:
    """Whether oneDNN is there, allowed, made for these, and enough is multiplied."""
    made_for = values.is_cpu and values.dtype == weight.dtype == torch.float32
    enough = values.numel() * weight.shape[0] >= LEAST
    return made_for and enough and _allowed() and not torch.is_autocast_enabled("cpu")


def _allowed() -> bool:
    onednn: Any = torch.backends.mkldnn
    return bool(onednn.is_available() and onednn.enabled and _works())


@cache
def _works() -> bool:
    """Whether this torch has the operator as it is called here, which has no public name."""
    one = torch.ones(1, 1)
    try:
        operator: Any = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001
        return bool(operator(one, 2 * one, one[0], "none", [], "").item() == 3)
    except (AttributeError, RuntimeError, TypeError):  # another version's may be called otherwise
        return False


def _product(values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return `values @ weight.T + bias`; strides may be any, as oneDNN is told of them."""
    multiply: Any = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001
    return multiply(values, weight, bias, "none", [], "")  # type: ignore[no-any-return]


class _Product(torch.autograd.Function):
    """The product with its gradients, which are products of the same size."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(values, weight)
        return _product(values, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        values, weight = ctx.saved_tensors
        grad = grads[0].contiguous()
        flat = grad.flatten(0, -2)
        of_values, of_weight, of_bias = ctx.needs_input_grad
        return (
            _product(grad, weight.t(), None) if of_values else None,
            _product(flat.t(), values.flatten(0, -2).t(), None) if of_weight else None,
            flat.sum(0) if of_bias else None,
        )
