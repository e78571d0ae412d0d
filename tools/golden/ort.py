#!/usr/bin/env python3
"""Runs a model in onnxruntime and holds its outputs against golden tensors.

    python3 tools/golden/ort.py MODEL.onnx golden.json [--reference OTHER.onnx] [--batch N]

Prints the largest error of each output, relative to the largest absolute value of the golden
tensor. With --reference the outputs of another model, on the golden input, take the place of
the golden tensors. With --batch the input is repeated and every image must give the same. Exit
1 when an error is above 1e-4, 2 on wrong usage, 77 when onnxruntime or numpy is not installed.
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


def main():
    args = argparse.ArgumentParser()
    args.add_argument("model")
    args.add_argument("golden")
    args.add_argument("--reference")
    args.add_argument("--batch", type=int, default=1)
    args = args.parse_args()
    with open(args.golden) as f:
        golden = json.load(f)
    folder = os.path.dirname(args.golden)
    x = load(folder, golden["input"])
    names = [o["name"] for o in golden["outputs"]]
    if args.reference:
        want = run(args.reference, x, names)
    else:
        want = {o["name"]: load(folder, o) for o in golden["outputs"]}
    got = run(args.model, np.repeat(x, args.batch, axis=0), names)
    worst = 0.0
    for name in names:
        w = np.repeat(want[name], args.batch, axis=0)
        if got[name].shape != w.shape:
            print(f"{name}: shape {got[name].shape}, want {w.shape}")
            return 1
        error = float(np.abs(got[name] - w).max() / max(np.abs(w).max(), 1e-30))
        print(f"{name}: largest error {error:.3g} of the largest value")
        worst = max(worst, error if error == error else float("inf"))
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
