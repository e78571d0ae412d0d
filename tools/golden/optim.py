#!/usr/bin/python3
"""Golden weights of the optimisers, made by PyTorch in float64.

Writes core/optim/testdata/optim.json, which core/optim/golden_test.go reads: for each case the
settings, two parameters, and for each of five steps the learning rate, the gradients, and the
parameters and their moving averages after it.

    /usr/bin/python3 tools/golden/optim.py     # Debian: apt-get install python3-torch
"""

import json
import pathlib

import torch

OUT = pathlib.Path(__file__).resolve().parents[2] / "core/optim/testdata/optim.json"
NAMES = {"w": (2, 3), "b": (4,)}
STEPS = 5


def numbers(shape, scale):
    """Multiples of 1/64: the same in float32 and float64."""
    return torch.round(scale * torch.randn(*shape, dtype=torch.float64) * 64) / 64


def flat(tensors):
    return {k: [round(x, 12) for x in t.detach().reshape(-1).tolist()] for k, t in tensors.items()}


def optimiser(case, params):
    groups = [{"params": [p], "ratio": case["rates"][k]} for k, p in params.items()]
    if case["adam"]:
        return torch.optim.AdamW(groups, lr=1, betas=(case["momentum"], case["beta2"]), eps=case["eps"],
                                 weight_decay=case["decay"])
    return torch.optim.SGD(groups, lr=1, momentum=case["momentum"], weight_decay=case["decay"])


def run(case):
    params = {k: numbers(s, 1).requires_grad_() for k, s in NAMES.items()}
    average = {k: p.detach().clone() for k, p in params.items()}
    opt = optimiser(case, params)
    case["start"], case["steps"] = flat(params), []
    for k in range(STEPS):
        lr = 0.125 / (1 + k)
        grads = {k: numbers(s, 2) for k, s in NAMES.items()}
        for name, p in params.items():
            p.grad = grads[name].clone()
        if case["clip"]:
            torch.nn.utils.clip_grad_norm_(params.values(), case["clip"])
        for group in opt.param_groups:
            group["lr"] = lr * group["ratio"]
        opt.step()
        for name, p in params.items():
            average[name].mul_(case["average"]).add_(p.detach(), alpha=1 - case["average"])
        case["steps"].append({"lr": lr, "grads": flat(grads), "after": flat(params), "average": flat(average)})
    return case


def case(name, **changes):
    return {"name": name, "adam": False, "momentum": 0.0, "beta2": 0.0, "eps": 0.0, "decay": 0.0, "clip": 0.0,
            "average": 0.875, "rates": {"w": 1.0, "b": 1.0}, **changes}


torch.manual_seed(1)
cases = [
    case("sgd"),
    case("sgd momentum", momentum=0.9),
    case("sgd momentum decay clip", momentum=0.9, decay=0.0625, clip=1.0),
    case("sgd clip that does not bind", momentum=0.5, clip=1000.0),
    case("sgd rates", momentum=0.9, rates={"w": 0.25, "b": 1.0}),
    case("adamw", adam=True, momentum=0.9, beta2=0.999, eps=1e-8),
    case("adamw decay clip rates", adam=True, momentum=0.875, beta2=0.96875, eps=1e-3, decay=0.125, clip=0.5,
         rates={"w": 1.0, "b": 0.5}),
]
OUT.parent.mkdir(exist_ok=True)
with OUT.open("w") as f:
    json.dump([run(c) for c in cases], f, separators=(",", ":"))
    f.write("\n")
