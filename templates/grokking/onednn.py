"""Products of float32 matrices on a CPU by oneDNN instead of MKL.

PyTorch takes MKL, which leaves the AVX-512 units of AMD's processors unused; oneDNN, which PyTorch brings along, is
twice as fast on those that have wide ones (docs/performance.md). The precision is the same, the order of the sums is
another: results differ by rounding.
"""

import warnings

import torch
from torch import Tensor, library


def multiply_by_onednn() -> library.Library | None:
    """From now on, and as long as what is returned is kept, mm and addmm on a CPU are oneDNN's.

    None where it would win nothing: no AVX-512, or no oneDNN in this PyTorch.
    """
    there = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    if not there or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return None
    ours = library.Library("aten", "IMPL")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of every kernel that takes another's place
        ours.impl("mm", mm, "CPU")
        ours.impl("addmm", addmm, "CPU")
    return ours


def mm(a: Tensor, b: Tensor) -> Tensor:
    """a @ b, of [n, k] and [k, m]."""
    if not suits(a, b):
        return torch.mm(a, b, out=a.new_empty(a.shape[0], b.shape[1]))  # the kernel for `out` is still MKL's
    return torch.ops.mkldnn._linear_pointwise(plain(a), plain(b.t()), None, "none", [], "")


def addmm(bias: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * bias + alpha * a @ b, of [m] or [n, m], [n, k] and [k, m]."""
    if not suits(a, b, bias) or bias.shape != b.shape[1:] or (beta, alpha) != (1, 1):
        return torch.addmm(bias, a, b, beta=beta, alpha=alpha, out=a.new_empty(a.shape[0], b.shape[1]))
    return torch.ops.mkldnn._linear_pointwise(plain(a), plain(b.t()), bias.contiguous(), "none", [], "")


def suits(a: Tensor, b: Tensor, *more: Tensor) -> bool:
    return {it.dtype for it in (a, b, *more)} == {torch.float32} and min(*a.shape, *b.shape) > 0


def plain(matrix: Tensor) -> Tensor:
    """The matrix in rows or columns without gaps: of others, such as x[:, -1], oneDNN's product is slow."""
    return matrix if matrix.is_contiguous() or matrix.t().is_contiguous() else matrix.contiguous()
