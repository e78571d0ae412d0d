#!/usr/bin/env python3
"""Runs a model in onnxruntime and holds its outputs against golden tensors.

    python3 tools/golden/ort.py MODEL.onnx golden.json [--reference OTHER.onnx] [--batch N]
    python3 tools/golden/ort.py FOLDER cases.json [--batch N]

Prints the largest error of each output, relative to the largest absolute value of the golden
tensor. With --reference the outputs of another model, on the golden input, take the place of
the golden tensors. With --batch the input is repeated and every image must give the same. With
a folder, every case of onnx_cases.py in it is held against cases.json. Exit 1 when an error is above 1e-4, 2 on wrong usage, 77 when onnxruntime or numpy is not installed.
"""
import argparse
import json
import os
import sys

try:
    import numpy as np
    import onnxruntime as ort
except ImportError as e:
    print(f"skip: {e}")
    sys.exit(77)

LIMIT = 1e-4


def load(folder, entry):
    return np.fromfile(os.path.join(folder, entry["file"]), "<f4").reshape(entry["shape"])


def run(path, x, names):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: x})))


def ramp(shape):
    """The input of onnx_cases.py."""
    i = np.arange(int(np.prod(shape)), dtype=np.int64)
    return (((i * 7919 + 13) % 1009) / 504.5 - 1).astype(np.float32).reshape(shape)


def worst_error(got, want, batch, title):
    """Prints the error of each output and returns the largest."""
    worst = 0.0
    for name, w in want.items():
        w = np.repeat(w, batch, axis=0)
        if got[name].shape != w.shape:
            print(f"{title}{name}: shape {got[name].shape}, want {w.shape}")
            return float("inf")
        error = float(np.abs(got[name] - w).max() / max(np.abs(w).max(), 1e-30))
        print(f"{title}{name}: largest error {error:.3g} of the largest value")
        worst = max(worst, error if error == error else float("inf"))
    return worst


def run_cases(folder, cases, batch):
    worst = 0.0
    for case in cases:
        want = {o["name"]: np.array(o["values"], np.float32).reshape(o["shape"]) for o in case["outputs"]}
        x = np.repeat(ramp(case["input"]), batch, axis=0)
        got = run(os.path.join(folder, case["name"] + ".onnx"), x, list(want))
        worst = max(worst, worst_error(got, want, batch, case["name"] + " "))
    return worst


def main():
    args = argparse.ArgumentParser()
    args.add_argument("model")
    args.add_argument("golden")
    args.add_argument("--reference")
    args.add_argument("--batch", type=int, default=1)
    args = args.parse_args()
    with open(args.golden) as f:
        golden = json.load(f)
    if isinstance(golden, list):
        return int(run_cases(args.model, golden, args.batch) > LIMIT)
    folder = os.path.dirname(args.golden)
    x = load(folder, golden["input"])
    names = [o["name"] for o in golden["outputs"]]
    if args.reference:
        want = run(args.reference, x, names)
    else:
        want = {o["name"]: load(folder, o) for o in golden["outputs"]}
    got = run(args.model, np.repeat(x, args.batch, axis=0), names)
    return int(worst_error(got, want, args.batch, "") > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
