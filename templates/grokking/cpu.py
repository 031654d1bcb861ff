"""What makes the trainings quick on a CPU, and nothing that a model sees of it: docs/performance.md has the figures."""

import ctypes
import math
import sys
import warnings

import torch
from torch import Tensor, library

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # <malloc.h>
JOINED_LENGTH = 16  # positions


def keep_memory() -> None:
    """Keep up to 1 GiB that is freed for the next step: pages that the kernel gives anew cost a fault and zeros."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):  # glibc
        libc.mallopt(M_MMAP_THRESHOLD, 32 << 20)  # the highest that it takes
        libc.mallopt(M_TRIM_THRESHOLD, 1 << 30)


def take_faster_kernels() -> library.Library | None:
    """From now on, and as long as what is returned is kept, mm, addmm and attention on a CPU are those below.

    Their precision is that of PyTorch's own, the order of sums is another: results differ by rounding. None where they
    would win nothing: no AVX-512, or no oneDNN in this PyTorch.
    """
    there = hasattr(torch.ops.mkldnn, "_linear_pointwise") and hasattr(torch.ops.aten, FLASH)
    if not (there and torch.backends.mkldnn.is_available() and torch.backends.cpu.get_cpu_capability() == "AVX512"):
        return None
    ours = library.Library("aten", "IMPL")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of every kernel that takes another's place
        ours.impl("mm", mm, "CPU")
        ours.impl("addmm", addmm, "CPU")
        ours.impl("scaled_dot_product_attention", attention, "AutogradCPU")
    return ours


# ---------------------------------------------------------------------------------------------------------------------
# Products of float32 matrices: PyTorch's MKL leaves the AVX-512 units of AMD's processors unused; oneDNN, which PyTorch
# brings along, is twice as fast on those that have wide ones


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


# ---------------------------------------------------------------------------------------------------------------------
# Attention: PyTorch's kernel takes its time for each sequence and each head, however short. Several short sequences are
# laid end to end and computed as one, in which each sees itself alone

FLASH = "_scaled_dot_product_flash_attention_for_cpu"


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """As torch.nn.functional.scaled_dot_product_attention."""
    joined = 1 if dropout_p or enable_gqa else joinable(query, key, value, attn_mask)
    if joined == 1:
        as_ever = torch.ops.aten.scaled_dot_product_attention.default.decompose
        return as_ever(query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa)
    visible = torch.tensor(True) if attn_mask is None else attn_mask
    visible = visible.expand(query.shape[2], key.shape[2])
    visible = visible.tril() if is_causal else visible
    hidden = query.new_full((joined, visible.shape[0], joined, visible.shape[1]), -torch.inf)
    hidden.diagonal(dim1=0, dim2=2).masked_fill_(visible[..., None], 0)
    inputs = [end_to_end(it, joined) for it in (query, key, value)]
    flash = getattr(torch.ops.aten, FLASH)
    mixed, _ = flash(*inputs, attn_mask=hidden.flatten(2).flatten(0, 1), scale=scale)
    return mixed.transpose(1, 2).reshape(query.transpose(1, 2).shape).transpose(1, 2)


def joinable(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> int:
    """How many sequences can be joined: 1 where they are long, or of another kind than the model's."""
    inputs = (query, key, value)
    shapes = {it.shape[:2] + it.shape[3:] for it in inputs}  # batch, heads, width
    if query.dim() != 4 or len(shapes) > 1 or {it.dtype for it in inputs} != {torch.float32}:
        return 1
    if mask is not None and (mask.dtype, mask.dim()) != (torch.bool, 2):
        return 1
    if not torch.backends.cuda.flash_sdp_enabled():  # counts for CPUs, too
        return 1
    return math.gcd(query.shape[0], max(1, JOINED_LENGTH // max(1, key.shape[2])))


def end_to_end(each: Tensor, joined: int) -> Tensor:
    """From [batch, heads, length, width] to [batch / joined, heads, joined * length, width]."""
    batch, heads, length, width = each.shape
    return each.transpose(1, 2).reshape(batch // joined, joined * length, heads, width).transpose(1, 2)
