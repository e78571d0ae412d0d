#!/usr/bin/env python3
"""Runs a model with one input and one output in onnxruntime.

    python3 tools/golden/ort_run.py MODEL.onnx INPUT.f32 OUTPUT.f32 N C H W

INPUT has little-endian floats, N×C×H×W; OUTPUT gets those of the output, whose shape is printed. Exit 77 when onnxruntime or
numpy is not installed.
"""
import sys

try:
    import numpy as np
    import onnxruntime as ort
except ImportError as e:
    print(f"skip: {e}")
    sys.exit(77)

model, source, target = sys.argv[1:4]
x = np.fromfile(source, "<f4").reshape([int(v) for v in sys.argv[4:]])
options = ort.SessionOptions()
options.log_severity_level = 3
options.intra_op_num_threads = 1
session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
(y,) = session.run(None, {session.get_inputs()[0].name: x})
y.astype("<f4").tofile(target)
print(*y.shape)
