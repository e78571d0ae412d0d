#!/usr/bin/python3
"""Golden scores of the pruning criteria on ResNet-20 with 100 pictures of CIFAR-10 as JPEG.

Writes core/score/testdata/scores.npz, which TestGoldenScores of core/score compares with: "criterion/group",
one score a unit. What is drawn by chance (pictures, shuffled labels, outputs, orders) comes from that test;
everything else is calculated here in float64 from the network's file by the formulas of the papers: gradients by
PyTorch's autograd, relevance by a pass over the nodes, conditional variances and compensated weights by solving
anew at each greedy step.

    /usr/bin/python3 tools/golden/scores.py     # Debian: apt-get install python3-torch python3-onnx
"""

import json
import math
import pathlib
import subprocess
import tempfile

import numpy as np
import torch
import torch.nn.functional as F

import resnet

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "core/score/testdata/scores.npz"


class Matrices:
    """P, Γ, R and what the readers see, by gate or layer, over N pictures."""

    def __init__(self, net, x, labels, groups):
        self.net, self.labels, self.n = net, labels.numpy(), len(labels)
        count = np.bincount(self.labels, minlength=10)
        self.weight = self.n / (np.count_nonzero(count) * count[self.labels])
        self.weight = self.weight / self.weight.sum()  # every class counts alike
        gates = [g for group in groups for g in group.gates]
        tracked = {}

        def track(name, y):
            if name in gates and not y.requires_grad:
                y.requires_grad_()
            if name in gates:
                tracked[name] = y
            return y

        v = net.run(x, track)
        z, target = v[net.logits], F.one_hot(labels, 10).double()
        margin = (z * target).sum(1) - (z * (1 - target)).sum(1) / 9
        loss = -(torch.log_softmax(z, 1) * target).sum(1)
        self.margin, self.loss, self.cam = {}, {}, {}
        for of, into in ((margin, self.margin), (loss, self.loss), ((z * target).sum(1), self.cam)):
            d = torch.autograd.grad(of.sum(), [tracked[g] for g in gates], retain_graph=True)
            for g, dg in zip(gates, d):
                a = tracked[g].detach()
                if into is self.cam:
                    into[g] = (dg.mean((2, 3)) * a.mean((2, 3))).numpy()
                else:
                    into[g] = (a * dg).sum((2, 3)).numpy()
        r = net.relevance(v, labels)
        self.relevance = {g: r[g].sum((2, 3)).numpy() for g in gates}
        self.a = {k: t.detach().numpy() for k, t in v.items() if k not in net.w}
        self.pixels = {g: self.a[g].shape[2] * self.a[g].shape[3] for g in gates}

    def mean(self, rows):
        """Weighted over pictures."""
        return self.weight @ rows

    def gamma(self, of, group, per_pixel=False):
        """N×F, added over the group's gates before anything is squared."""
        return sum(of[g] / (self.pixels[g] if per_pixel else 1) for g in group.gates)


# --- weights


def rows(w):
    return w.reshape(w.shape[0], -1).numpy()


def incoming(net, group, f, folded=False):
    return sum(f(rows(net.folded(p) if folded else net.weight(p))).sum(1) for p in group.producers)


def outgoing(net, group, f):
    """Over the weights that read each channel, at the scale at which they add to what follows."""
    out = 0
    for c in group.consumers:
        w = net.folded(c).numpy()
        out = out + f(np.moveaxis(w, 1, 0).reshape(w.shape[1], -1)).sum(1)
    return out


def fpgm(net, group, folded):
    square = 0
    for p in group.producers:
        w = rows(net.folded(p) if folded else net.weight(p))
        square = square + ((w[:, None] - w[None]) ** 2).sum(2)
    return np.sqrt(square).sum(1)


def lamp(s):
    return np.array([x * x / (s[s >= x] ** 2).sum() for x in s])


def magnitude(m, group):
    net, l2 = m.net, np.sqrt(incoming(m.net, group, np.square))
    yield "l1", incoming(net, group, np.abs)
    yield "l2", l2
    yield "l1-folded", incoming(net, group, np.abs, True)
    yield "l1-out", incoming(net, group, np.abs) * np.sqrt(outgoing(net, group, np.square))
    yield "fpgm", fpgm(net, group, False)
    yield "fpgm-folded", fpgm(net, group, True)
    yield "bn-scale", sum(net.w[net.norm_of[p].input[1]].abs().numpy() for p in group.producers)
    yield "lamp", lamp(l2)


# --- activations


def small(a):
    """Maps averaged over windows of one size to at most 14 cells a side; the last window may be cut off."""
    side = a.shape[2]
    k = -(-side // 14)
    return a if k == 1 else F.avg_pool2d(torch.tensor(a), k, ceil_mode=True).numpy()


def effective_rank(maps):
    s = np.linalg.svd(maps, compute_uv=False)
    q = s / np.maximum(s.sum(-1, keepdims=True), 1e-300)
    h = -(q * np.log(np.where(q > 0, q, 1))).sum(-1)
    return np.where(s.sum(-1) > 0, np.exp(h), 0)


def entropy(x):
    if x.max() == x.min():
        return 0
    p = np.histogram(x, bins=10)[0] / len(x)
    return -(p[p > 0] * np.log(p[p > 0])).sum()


def activation(m, group):
    maps = [m.a[g] for g in group.gates]
    size = sum(m.mean(np.abs(a).mean((2, 3))) for a in maps)
    yield "activation", size
    yield "activation-out", size * outgoing(m.net, group, np.abs)
    spread = sum(np.sqrt(m.mean((a * a).mean((2, 3))) - m.mean(a.mean((2, 3))) ** 2) for a in maps)
    yield "spread-out", spread * np.sqrt(outgoing(m.net, group, np.square))
    positive = np.mean([m.mean((a > 0).mean((2, 3))) for a in maps], 0)
    yield "apoz", positive + 1e-9 * size / (1 + size)
    x = maps[-1].mean((2, 3))
    yield "variance", x.var(0)
    yield "entropy", np.array([entropy(c) for c in x.T])
    yield "hrank", np.mean([m.mean(effective_rank(small(a))) for a in maps], 0)


# --- reconstruction


def obs(m, group):
    """Greedy: of those left, S, unit i costs ‖W^S_i‖²/[K_SS⁻¹]_ii, with K the covariance of what a consumer reads plus
    1 % of its mean variance, and W^S = W_S + W_R·K_RS·K_SS⁻¹ the weights that best make up for those gone, R."""
    ks, ws = [], []
    for c in group.consumers:
        a = m.a[m.net.by_output[c].input[0]]
        a = np.moveaxis(a, 1, -1).reshape(-1, a.shape[1])
        k = np.cov(a.T, bias=True)
        w = np.moveaxis(m.net.folded(c).numpy(), 1, -1).reshape(-1, a.shape[1])
        ws.append(w * (np.diag(k) > 0))
        ks.append(k + 0.01 * np.trace(k) / len(k) * np.eye(len(k)))
    f = ks[0].shape[0]
    left, place = list(range(f)), np.zeros(f)
    for step in range(f):
        gone = [i for i in range(f) if i not in left]
        cost = 0
        for k, w in zip(ks, ws):
            inverse = np.linalg.inv(k[np.ix_(left, left)])
            now = w[:, left] + w[:, gone] @ k[np.ix_(gone, left)] @ inverse
            cost = cost + (now**2).sum(0) / np.diag(inverse)
        i = left[int(np.argmin(cost))]
        place[i] = step
        left.remove(i)
    return place


def contributions(m, conv, picks):
    """S×C: what each channel adds to drawn outputs, N×K×3: channel, row, column."""
    n = m.net.by_output[conv]
    a, w = m.a[n.input[0]], m.net.folded(conv).numpy()
    if n.op_type == "Gemm":
        return np.concatenate([a[i] * w[p[:, 0]] for i, p in enumerate(picks)])
    at = m.net.attributes(n)
    pad, stride = at["pads"][0], at["strides"][0]
    a = np.pad(a, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    k, out = w.shape[2], []
    for i, p in enumerate(picks):
        for o, y, x in p:
            out.append((w[o] * a[i, :, y * stride:y * stride + k, x * stride:x * stride + k]).sum((1, 2)))
    return np.array(out)


def thinet(m, group, picks):
    x = np.concatenate([contributions(m, c, np.array(picks[c])) for c in group.consumers])
    left, total, place = list(range(x.shape[1])), 0, np.zeros(x.shape[1])
    for step in range(x.shape[1]):
        i = min(left, key=lambda j: ((total + x[:, j]) ** 2).sum())
        total, place[i] = total + x[:, i], step
        left.remove(i)
    return place


# --- gradients, relevance


def gradients(m, group):
    for of, suffix in ((m.loss, "-loss"), (m.margin, "-margin")):
        gamma = m.gamma(of, group)
        size = m.mean(np.abs(m.gamma(of, group, per_pixel=True)))
        yield "taylor" + suffix, size / np.sqrt((size**2).sum())
        batches = [slice(i, i + 8) for i in range(0, m.n, 8)]
        yield "taylor-gate" + suffix, np.mean([np.average(gamma[b], 0, m.weight[b]) ** 2 for b in batches], 0)
        yield "fisher" + suffix, m.mean(gamma**2) / 2
        yield "group-fisher" + suffix, m.mean(gamma**2) / (4 * sum(m.pixels[g] for g in group.gates))
        yield "snip" + suffix, np.abs(m.mean(gamma))


def interpretability(m, group):
    yield "lrp", m.mean(m.gamma(m.relevance, group))
    yield "grad-cam", m.mean(np.abs(m.gamma(m.cam, group)))
    x = m.a[group.gates[-1]].mean((2, 3))
    classes = np.array([x[m.labels == c].mean(0) for c in np.unique(m.labels)])
    top = classes.max(0)
    rest = (classes.sum(0) - top) / (len(classes) - 1)
    yield "selectivity", (top - rest) / (top + rest + 1e-9)


def cover(boxes, cells, side=32):
    """N×cells×cells: the share of each cell that the boxes take. A box's last pixels count."""
    edge = np.arange(cells + 1) * side / cells

    def along(lo, hi):
        return np.clip(np.minimum(edge[1:], hi + 1) - np.maximum(edge[:-1], lo), 0, None) / (side / cells)

    return np.array([np.outer(along(y0, y1), along(x0, x1)) for x0, y0, x1, y1 in boxes])


def defect(m, group, boxes):
    score = 0
    for g in group.gates:
        maps = small(m.a[g])
        defects = cover(boxes, maps.shape[2]).ravel()
        flat = np.moveaxis(maps, 1, 0).reshape(maps.shape[1], -1)
        most = math.ceil(0.02 * flat.shape[1])
        iou = []
        for v in flat:
            top = np.argsort(-v, kind="stable")[:most]
            top = top[v[top] > 0]
            on = defects[top].sum()
            iou.append(on / (len(top) + defects.sum() - on))
        score = score + np.array(iou) / len(group.gates)
    return score


# --- information


def scatter(x, labels):
    """Total and within classes, F×F."""
    t = x - x.mean(0)
    w = x.copy()
    for c in np.unique(labels):
        w[labels == c] -= x[labels == c].mean(0)
    return t.T @ t, w.T @ w


def plug_in(a, b):
    joint = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(joint, (a, b), 1 / len(a))
    free = np.outer(joint.sum(1), joint.sum(0))
    on = joint > 0
    return (joint[on] * np.log(joint[on] / free[on])).sum()


def kernel(x):
    """Gaussian, as wide as the median of the distances that are not 0; of an even number of pairs the upper one."""
    d = np.abs(x[:, None] - x[None])
    apart = np.sort(d[np.triu_indices(len(x), 1)])
    apart = apart[apart > 0]
    return None if len(apart) == 0 else np.exp(-(d**2) / (2 * apart[len(apart) // 2] ** 2))


def nhsic(x, same):
    k = kernel(x)
    if k is None:
        return 0
    h = np.eye(len(x)) - 1 / len(x)
    k, l = h @ k @ h, h @ same @ h
    return (k * l).sum() / math.sqrt((k * k).sum() * (l * l).sum())


def renyi(x, same):
    k = kernel(x)
    if k is None:
        return 0
    a, b = k / len(x), same / len(x)
    joint = a * b / np.trace(a * b)
    return -math.log2((a * a).sum()) - math.log2((b * b).sum()) + math.log2((joint * joint).sum())


def hellinger(x, labels):
    spread = x.max() - x.min()
    if spread == 0:
        return 0
    classes = np.unique(labels)
    mu = [x[labels == c].mean() for c in classes]
    sd = [max(x[labels == c].std(), 1e-3 * spread) for c in classes]
    share = [np.mean(labels == c) for c in classes]
    total = norm = 0
    for i in range(len(classes)):
        for j in range(i):
            v = sd[i] ** 2 + sd[j] ** 2
            d = 1 - math.sqrt(2 * sd[i] * sd[j] / v) * math.exp(-((mu[i] - mu[j]) ** 2) / (4 * v))
            total += share[i] * share[j] * d
            norm += share[i] * share[j]
    return total / norm


def greedy(f, gain, alive):
    """Place by the order of a search that takes the largest gain(i, taken): f for the first. Dead units come last."""
    taken, place = [], np.zeros(f)
    left = [i for i in range(f) if alive[i]]
    while left:
        i = max(left, key=lambda i: gain(i, taken))
        place[i] = f - len(taken)
        taken.append(i)
        left.remove(i)
    return place


def information(m, group, shuffled):
    labels, n = m.labels, m.n
    x = m.a[group.gates[-1]].mean((2, 3))
    f, classes = x.shape[1], len(np.unique(labels))
    t, w = scatter(x, labels)
    ssw, ssb = np.diag(w), np.diag(t) - np.diag(w)
    msw = ssw / (n - classes)
    with np.errstate(invalid="ignore"):
        omega = np.nan_to_num((ssb - (classes - 1) * msw) / (ssb + ssw + msw))
    yield "mi", -0.5 * np.log(1 - np.clip(omega, 0, 1 - 1e-9))
    bins = min(max(2, n // (5 * classes)), 8)
    binned = []
    for v in x.T:
        bin = np.searchsorted(np.sort(v), v) * bins // n  # the place of the first equal value
        null = np.mean([plug_in(bin, np.array(s)) for s in shuffled])
        binned.append(max(0, plug_in(bin, labels) - null))
    yield "mi-binned", np.array(binned)
    same = (labels[:, None] == labels[None]).astype(float)
    yield "nhsic", np.array([nhsic(v, same) for v in x.T])
    yield "renyi", np.array([renyi(v, same) for v in x.T])
    yield "hellinger", np.array([hellinger(v, labels) for v in x.T])

    alive = np.diag(t) > 0
    own = 0.5 * np.log(np.where(alive, np.diag(t), 1) / np.where(alive, np.diag(w), 1))

    def pair(i, j):
        at = np.ix_([i, j], [i, j])
        return 0.5 * math.log(np.linalg.det(t[at]) / np.linalg.det(w[at]))

    def redundancy(i, j):
        return -0.5 * math.log(1 - t[i, j] ** 2 / (t[i, i] * t[j, j]))

    pairs = {(i, j): pair(i, j) for i in range(f) for j in range(f) if i != j and alive[i] and alive[j]}
    yield "jmi", greedy(f, lambda i, s: sum(pairs[i, j] for j in s) if s else own[i], alive)
    yield "mrmr", greedy(f, lambda i, s: own[i] - (np.mean([redundancy(i, j) for j in s]) if s else 0), alive)
    rho = 0.1 if n > f else 0.5
    ws = (1 - rho) * w + rho * np.diag(np.diag(w))
    ts = ws + (t - w)  # shrunk alike, a copy of a taken unit would keep its gain

    def left_of(s, i, given):
        if not given:
            return s[i, i]
        return s[i, i] - s[i, given] @ np.linalg.solve(s[np.ix_(given, given)], s[given, i])

    yield "cmi", greedy(f, lambda i, s: 0.5 * math.log(left_of(ts, i, s) / left_of(ws, i, s)), alive)


# --- runs of the network


class Probe:
    """The network with the units of one group passing keep of themselves and the rest of their mean, at all gates."""

    def __init__(self, m, x, labels, group):
        self.m, self.x, self.labels, self.group = m, x, labels, group
        self.mean = {g: torch.tensor(m.a[g].mean((0, 2, 3))).reshape(1, -1, 1, 1) for g in group.gates}

    def losses(self, keep):
        k = keep.reshape(keep.shape[0] if keep.dim() == 2 else 1, -1, 1, 1)

        def switch(name, y):
            return k * y + (1 - k) * self.mean[name] if name in self.mean else y

        z = self.m.net.run(self.x, switch)[self.m.net.logits]
        return F.cross_entropy(z, self.labels, reduction="none")

    def loss(self, keep):
        with torch.no_grad():
            return float(self.losses(torch.tensor(keep)).numpy() @ self.m.weight)


def oracle(p, f):
    whole, keep, out = p.loss(np.ones(f)), np.ones(f), []
    for i in range(f):
        keep[i] = 0
        out.append(p.loss(keep) - whole)
        keep[i] = 1
    return np.array(out)


def joint_path(p, f, points=8):
    """By autograd through the shares of each picture."""
    out = 0
    for k in range(points):
        keep = torch.full((p.m.n, f), (k + 0.5) / points, dtype=torch.float64, requires_grad=True)
        d = torch.autograd.grad(p.losses(keep).sum(), keep)[0]
        out = out - p.m.mean(d.numpy()) / points
    return out


def shapley(p, f, orders):
    """Over given orders; blocks of ceil(F/32) units, at most 8. An order ends when two losses in a row lie within 1 % of
    the whole way from the end; the rest share what is left."""
    whole, none = p.loss(np.ones(f)), p.loss(np.zeros(f))
    block = min(-(-f // 32), 8)
    out = np.zeros(f)
    for order in orders:
        keep, before, near, at = np.ones(f), whole, 0, 0
        while at < f:
            near = near + 1 if abs(none - before) <= 0.01 * abs(none - whole) else 0
            units = order[at:] if near == 2 else order[at:at + block]
            keep[units] = 0
            after = none if at + len(units) == f else p.loss(keep)
            out[units] += (after - before) / len(units) / len(orders)
            before, at = after, at + len(units)
    return out


def probing(net, x, labels, group, orders):
    m = Matrices(net, x, labels, [group])
    p, f = Probe(m, x, labels, group), len(orders[0])
    yield "oracle", oracle(p, f)
    yield "joint-ig", joint_path(p, f)
    yield "shapley", shapley(p, f, orders)


def ranks(v):
    return (v[:, None] > v[None]).sum(1) + ((v[:, None] == v[None]).sum(1) - 1) / 2


def scores(draw, pixels):
    net = resnet.Net(draw["Model"])
    labels = torch.tensor(draw["Labels"])
    x = resnet.pictures(pixels, len(labels))
    groups = net.groups()
    m = Matrices(net, x, labels, groups)
    out = {}
    for group in groups:
        own = {}
        for family in (magnitude(m, group), activation(m, group), gradients(m, group), interpretability(m, group),
                       information(m, group, draw["Shuffled"])):
            own.update(family)
        own["obs"] = obs(m, group)
        own["thinet"] = thinet(m, group, draw["Picks"])
        own["defect"] = defect(m, group, draw["Boxes"])
        own["fusion"] = sum(ranks(own[k]) for k in ("fisher-margin", "obs", "jmi"))
        if group.name in draw["Orders"]:
            some = draw["Probed"]
            own.update(probing(net, x[some], labels[some], group, draw["Orders"][group.name]))
        out.update({f"{name}/{group.name}": v for name, v in own.items()})
    return out


def main():
    with tempfile.TemporaryDirectory() as dir:
        subprocess.run(["go", "test", "./core/score", "-run", "^TestGoldenScores$", "-draw", dir], check=True, cwd=ROOT)
        draw = json.load(open(dir + "/draw.json"))
        out = scores(draw, dir + "/pixels")
    OUT.parent.mkdir(exist_ok=True)
    out["labels"] = np.array(draw["Labels"])
    np.savez_compressed(OUT, **{k: v.astype("<f4") for k, v in out.items()})


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
