#!/usr/bin/python3
"""Golden losses of a toy training run, made by PyTorch in float64.

Writes core/plan/testdata/losses.json, which core/plan/train_test.go reads: the losses of ten steps
of the network toy of core/plan/harness_test.go with SGD, momentum, weight decay, clipping and
frozen batch norm, and the sum of the absolute values of each parameter at the end.

    /usr/bin/python3 tools/golden/toy.py     # Debian: apt-get install python3-torch
"""

import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

OUT = pathlib.Path(__file__).resolve().parents[2] / "core/plan/testdata/losses.json"
BATCH, CLASSES, STEPS = 6, 5, 10


def ramp(shape, seed, scale):
    """The numbers of ramp in harness_test.go, in float32 as there."""
    i = np.arange(math.prod(shape), dtype=np.int64)
    v = ((i * 7919 + seed * 104729 + 13) % 1009).astype(np.float32) / np.float32(504.5) - np.float32(1)
    return (np.float32(scale) * v).reshape(shape)


class Leaves:
    """Leaves in the order in which toy makes them: each has the next seed."""

    def __init__(self):
        self.seed, self.params = 0, {}

    def leaf(self, name, centre, spread, *shape, train=True):
        self.seed += 1
        v = ramp(shape, self.seed, spread) + np.float32(centre)
        t = torch.tensor(v.astype(np.float64))
        if train:
            self.params[name] = t.requires_grad_()
        return t

    def param(self, name, *shape):
        return self.leaf(name, 0, np.float32(math.sqrt(3 / max(1, math.prod(shape[1:])))), *shape)

    def norm(self, name, c):
        gamma, beta = self.leaf(name + ".gamma", 1, 0.25, c), self.leaf(name + ".beta", 0, 0.25, c)
        mean = self.leaf(name + ".mean", 0, 0.25, c, train=False)
        return gamma, beta, mean, self.leaf(name + ".var", 0.75, 0.25, c, train=False)


def conv(x, w, b=None, **k):
    """w is O×KH×KW×I, as memory holds it in Go."""
    return F.conv2d(x, w.permute(0, 3, 1, 2), b, **k)


def bn(x, p):
    return F.batch_norm(x, p[2], p[3], p[0], p[1], eps=float(np.float32(1e-3)))


l = Leaves()
stem, stem_bn = l.param("stem.w", 8, 3, 3, 3), l.norm("stem.bn", 8)
dw, dw_bn = l.param("dw.w", 8, 3, 3, 1), l.norm("dw.bn", 8)
pw, pw_bn = l.param("pw.w", 8, 1, 1, 8), l.norm("pw.bn", 8)
wide, wide_b = l.param("wide.w", 16, 3, 3, 8), l.leaf("wide.b", 0, 0.1, 16)
fc, fc_b = l.param("fc.w", 5, 16), l.leaf("fc.b", 0, 0.1, 5)


def toy(x):
    r = torch.relu(bn(conv(x, stem, padding=1), stem_bn))
    d = torch.clamp(bn(conv(r, dw, padding=1, groups=8), dw_bn), 0, 6)
    s = bn(conv(d, pw), pw_bn) + r
    h = torch.relu(conv(s, wide, wide_b, stride=2, padding=1)).mean((2, 3))
    return F.linear(h, fc, fc_b)


opt = torch.optim.SGD(l.params.values(), lr=0.05, momentum=0.9, weight_decay=0.01)
losses = []
for step in range(STEPS):
    x = torch.tensor(ramp((BATCH, 8, 8, 3), step, 1).astype(np.float64)).permute(0, 3, 1, 2)
    y = torch.tensor([(i * i + step) % CLASSES for i in range(BATCH)])
    loss = F.cross_entropy(toy(x), y, label_smoothing=0.1)
    losses.append(round(loss.item(), 10))
    opt.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(l.params.values(), 1.0)
    opt.step()
OUT.parent.mkdir(exist_ok=True)
with OUT.open("w") as f:
    json.dump({"losses": losses, "size": {k: round(p.abs().sum().item(), 8) for k, p in l.params.items()}}, f, indent=1)
    f.write("\n")
