#!/usr/bin/env python3
"""Golden tensors for the losses of a detector: core/op/testdata/detect.npz.

Values and gradients come from PyTorch's autograd on the formulas of the papers, written with torch's own functions:
quality focal loss (2006.04388, eq. 5) by binary_cross_entropy_with_logits, GIoU (1902.09630, algorithm 1) by clamps and
maxima. The keys are NAME/x, NAME/assigned, NAME/weight, NAME/dy, NAME/y, NAME/dx.
"""
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

OUT = pathlib.Path(__file__).resolve().parents[2] / "core/op/testdata/detect.npz"
N, A, C = 3, 40, 5

rng = np.random.default_rng(11)
golden = {}


def boxes():
    corner, side = 100 * rng.random((N, A, 2)), 1 + 60 * rng.random((N, A, 2))
    return np.concatenate([corner, corner + side], 2)


def assigned():
    quality = rng.random((N, A, 1)) * (rng.random((N, A, 1)) < 0.6)
    classes = np.where(quality > 0, rng.integers(0, C, (N, A, 1)), -1)
    return np.concatenate([quality, classes, boxes()], 2).astype(np.float32)


def focal(z, rows, weight, beta):
    wanted = torch.zeros_like(z)
    for n in range(N):
        for a in range(A):
            if rows[n, a, 0] > 0:
                wanted[n, a, int(rows[n, a, 1])] = rows[n, a, 0]
    ce = F.binary_cross_entropy_with_logits(z, wanted, reduction="none")
    return weight * ((wanted - z.sigmoid()).abs() ** beta * ce).sum((1, 2))


def giou(b, rows, weight):
    q, t = rows[..., 0], rows[..., 2:]
    both = (torch.minimum(b[..., 2:], t[..., 2:]) - torch.maximum(b[..., :2], t[..., :2])).clamp(min=0).prod(-1)
    union = (b[..., 2:] - b[..., :2]).prod(-1) + (t[..., 2:] - t[..., :2]).prod(-1) - both
    hull = (torch.maximum(b[..., 2:], t[..., 2:]) - torch.minimum(b[..., :2], t[..., :2])).prod(-1)
    return weight * (q * (1 - both / union + (hull - union) / hull)).sum(1)


def case(name, f, x):
    x = x.astype(np.float32)
    rows, weight, dy = assigned(), (0.5 + rng.random(N)).astype(np.float32), rng.standard_normal(N).astype(np.float32)
    leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    y = f(leaf, torch.tensor(rows, dtype=torch.float64), torch.tensor(weight, dtype=torch.float64))
    y.backward(torch.tensor(dy, dtype=torch.float64))
    for key, v in dict(x=x, assigned=rows, weight=weight, dy=dy, y=y.detach().numpy(), dx=leaf.grad.numpy()).items():
        golden[f"{name}/{key}"] = np.asarray(v, np.float32)


case("quality_focal", lambda *a: focal(*a, 2), 3 * rng.standard_normal((N, A, C)))
case("bce", lambda *a: focal(*a, 0), 3 * rng.standard_normal((N, A, C)))
case("giou", giou, boxes())
np.savez_compressed(OUT, **golden)
