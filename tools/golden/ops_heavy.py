#!/usr/bin/python3
"""Golden tensors of the ops that training spends its time in, made by PyTorch in float64.

Writes core/op/testdata/heavy.npz, which core/op/golden_heavy_test.go reads: CASE/x, CASE/w, … the
inputs, CASE/y the output, CASE/dy a gradient of it, CASE/dx, CASE/dw, … the gradients of the
inputs. Activations are N×H×W×C and weights O×KH×KW×I, as memory holds them in Go.

    /usr/bin/python3 tools/golden/ops_heavy.py     # Debian: apt-get install python3-torch
"""

import pathlib

import numpy as np
import torch
import torch.nn.functional as F

OUT = pathlib.Path(__file__).resolve().parents[2] / "core/op/testdata/heavy.npz"
arrays = {}


def numbers(*shape, lo=-1.0, hi=1.0):
    """Multiples of 1/64: the same in float32 and float64, and they pack well."""
    values = lo + (hi - lo) * torch.rand(*shape, dtype=torch.float64)
    return (torch.round(values * 64) / 64).requires_grad_()


def last(t):
    """N×C×H×W to N×H×W×C, and O×I×KH×KW to O×KH×KW×I."""
    return t.permute(0, 2, 3, 1) if t.dim() == 4 else t


def save(case, y, inputs, consts=None):
    """Stores a case: inputs get gradients, consts do not."""
    dy = numbers(*y.shape).detach()
    grads = torch.autograd.grad(y, list(inputs.values()), dy)
    tensors = {**inputs, **(consts or {}), "y": y, "dy": dy}
    tensors.update({"d" + name: grad for name, grad in zip(inputs, grads)})
    for name, t in tensors.items():
        arrays[f"{case}/{name}"] = np.ascontiguousarray(last(t.detach()).numpy().astype(np.float32))


def conv(case, x, w, pads=(0, 0, 0, 0), **kw):
    """pads are top, left, bottom, right; w is O×I×KH×KW."""
    x, w, b = numbers(*x), numbers(*w), numbers(w[0])
    top, left, bottom, right = pads
    y = F.conv2d(F.pad(x, (left, right, top, bottom)), w, b, **kw)
    save(case, y, {"x": x, "w": w, "b": b})


def gemm():
    x, w, b = numbers(6, 11), numbers(7, 11), numbers(7)
    save("gemm", F.linear(x, w, b), {"x": x, "w": w, "b": b})


def batch_norm():
    x, gamma, beta = numbers(3, 5, 4, 3), numbers(5), numbers(5)
    mean, var = numbers(5).detach(), numbers(5, lo=0.5, hi=2).detach()
    y = F.batch_norm(x, mean, var, gamma, beta, training=False, eps=1e-3)
    params = {"x": x, "gamma": gamma, "beta": beta}
    save("bn_frozen", y, params, {"mean": mean, "var": var})
    run_mean, run_var = mean.clone(), var.clone()
    y = F.batch_norm(x, run_mean, run_var, gamma, beta, training=True, momentum=0.1, eps=1e-3)
    stats = {"mean": mean, "var": var, "newmean": run_mean, "newvar": run_var}
    save("bn_train", y, params, stats)


def losses():
    z, weight = numbers(6, 5, lo=-4, hi=4), numbers(6, lo=0.25, hi=2).detach()
    target = F.one_hot(torch.tensor([0, 3, 4, 1, 1, 2]), 5).double()
    for case, smoothing in (("cross_entropy", 0.0), ("cross_entropy_smooth", 0.125)):
        y = weight * F.cross_entropy(z, target, reduction="none", label_smoothing=smoothing)
        save(case, y, {"x": z}, {"target": target, "weight": weight})
    teacher, t = numbers(6, 5, lo=-4, hi=4).detach(), 3.0
    kl = F.kl_div(F.log_softmax(z / t, 1), F.softmax(teacher / t, 1), reduction="none").sum(1)
    save("distill", weight * t * t * kl, {"x": z}, {"target": teacher, "weight": weight})


def main():
    torch.manual_seed(1)
    conv("conv_pads", (2, 3, 7, 6), (4, 3, 3, 2), (2, 0, 1, 3))
    conv("conv_stride2", (2, 5, 8, 7), (6, 5, 3, 3), (1, 1, 1, 1), stride=2)
    conv("conv_dilation2", (1, 4, 9, 8), (5, 4, 3, 3), (2, 2, 2, 2), dilation=2)
    conv("conv_groups2", (2, 6, 5, 6), (8, 3, 3, 3), (1, 1, 1, 1), groups=2)
    conv("conv_1x1", (2, 9, 8, 7), (10, 9, 1, 1))
    conv("conv_1x1_stride2", (2, 9, 7, 6), (10, 9, 1, 1), stride=2)
    conv("conv_7x7_stride2", (1, 3, 17, 16), (8, 3, 7, 7), (3, 3, 3, 3), stride=2)
    conv("depthwise", (2, 9, 6, 7), (9, 1, 3, 3), (1, 1, 1, 1), groups=9)
    conv("depthwise_stride2", (2, 9, 8, 7), (9, 1, 3, 3), (0, 0, 1, 1), stride=2, groups=9)
    conv("depthwise_5x5", (1, 6, 9, 8), (6, 1, 5, 5), (2, 2, 2, 2), groups=6)
    conv("depthwise_twice", (1, 5, 6, 7), (10, 1, 3, 3), (1, 1, 1, 1), groups=5)
    gemm()
    batch_norm()
    losses()
    np.savez_compressed(OUT, **arrays)


if __name__ == "__main__":
    main()
