#!/usr/bin/env python3
"""Golden tensors for the light operators of core/op: core/op/testdata/light.npz.

Outputs and gradients come from PyTorch, what PyTorch cannot do from onnxruntime (outputs only).
Tensors are written in our order of axes, N×H×W×C. The keys are NAME/x, NAME/dy, NAME/y, NAME/dx,
and NAME/b, NAME/db where there is a second operand; golden_light_test.go has the operator that
goes with each name.

It needs torch, onnx and onnxruntime in one interpreter, on Debian:

    apt-get install python3-torch python3-onnx
    python3 -m pip install --no-deps --target DIR onnxruntime
    PYTHONPATH=DIR /usr/bin/python3 tools/golden/ops_light.py
"""
import pathlib

import numpy as np
import onnxruntime as ort
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

OUT = pathlib.Path(__file__).resolve().parents[2] / "core/op/testdata/light.npz"

rng = np.random.default_rng(7)
golden = {}


def ours(a):
    """N×C×H×W to N×H×W×C; other ranks stay."""
    a = np.asarray(a, np.float32)
    return np.ascontiguousarray(a.transpose(0, 2, 3, 1) if a.ndim == 4 else a)


def randn(*shape, scale=1.0):
    return (scale * rng.standard_normal(shape)).astype(np.float32)


def ladder(*shape):
    """Distinct values, so that a maximum is never a matter of rounding."""
    n = int(np.prod(shape))
    return (rng.permutation(n).reshape(shape) / n * 4 - 2).astype(np.float32)


def case(name, f, x, b=None):
    """Output and gradients by PyTorch; f takes N×C×H×W tensors."""
    args = [torch.tensor(v, requires_grad=True) for v in (x, b) if v is not None]
    y = f(*args)
    dy = randn(*y.shape)
    y.backward(torch.tensor(dy))
    put = dict(x=x, dy=dy, y=y.detach().numpy(), dx=args[0].grad.numpy())
    if b is not None:
        put.update(b=b, db=args[1].grad.numpy())
    for key, v in put.items():
        golden[f"{name}/{key}"] = ours(v)


def ort_case(name, op, x, opset=19, extra=(), **attrs):
    """Output by onnxruntime. extra holds further constant inputs, None for one left out."""
    inits, inputs = [], ["x"]
    for i, v in enumerate(extra):
        inputs.append("" if v is None else f"c{i}")
        if v is not None:
            inits.append(numpy_helper.from_array(v, f"c{i}"))
    node = helper.make_node(op, inputs, ["y"], **attrs)
    graph = helper.make_graph(
        [node], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], inits)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    options = ort.SessionOptions()
    options.log_severity_level = 3  # onnx 1.12 infers shapes that onnxruntime corrects, with a warning
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": x})
    golden[f"{name}/x"], golden[f"{name}/y"] = ours(x), ours(y)


def activations():
    x = randn(2, 5, 3, 4, scale=3)
    case("relu", F.relu, x)
    case("relu6", F.relu6, 3 * x)
    case("leaky", lambda v: F.leaky_relu(v, 0.1), x)
    case("leaky_negative", lambda v: F.leaky_relu(v, -0.3), x)
    case("prelu", F.prelu, x, randn(5))
    case("prelu_one", F.prelu, x, randn(1))
    case("hardswish", F.hardswish, x)
    case("hardsigmoid", F.hardsigmoid, x)
    case("sigmoid", torch.sigmoid, x)
    case("silu", F.silu, x)
    case("tanh", torch.tanh, x)
    case("exp", torch.exp, x)
    case("softmax", lambda v: F.softmax(v, 1), x)
    case("log_softmax", lambda v: F.log_softmax(v, 1), 3 * x)
    case("lrn", lambda v: F.local_response_norm(v, 3, alpha=0.3, beta=0.75, k=2), x)
    case("lrn_beta", lambda v: F.local_response_norm(v, 5, alpha=0.5, beta=0.6, k=1), x)


def operands():
    x = randn(2, 5, 3, 4)
    case("mul_gate", torch.mul, x, randn(2, 5, 1, 1))
    case("add_channel", torch.add, x, randn(1, 5, 1, 1))
    case("sub_plane", torch.sub, x, randn(2, 1, 3, 4))
    case("div_gate", torch.div, x, 2 + np.abs(randn(2, 5, 1, 1)))
    case("max_channel", torch.maximum, x, randn(1, 5, 1, 1))
    case("min", torch.minimum, x, np.where(rng.random(x.shape) < 0.3, x, randn(*x.shape)))


def pools():
    x = ladder(2, 3, 7, 9)
    case("max", lambda v: F.max_pool2d(v, 2, 2), x)
    case("max_ceil", lambda v: F.max_pool2d(v, (2, 3), 2, (0, 1), ceil_mode=True), x)
    case("max_overlap", lambda v: F.max_pool2d(v, 3, (2, 1), 1), x)
    case("max_dilated", lambda v: F.max_pool2d(v, 3, 1, 1, dilation=(2, 3)), x)
    case("max_asymmetric", lambda v: F.max_pool2d(F.pad(v, (0, 1, 0, 1), value=-np.inf), 3, 2), x)
    case("max_ties", lambda v: F.max_pool2d(v, 3, 2, 1), np.maximum(np.round(2 * x), 0))
    case("average", lambda v: F.avg_pool2d(v, 2, 2), x)
    for pad in (True, False):
        case(f"average_ceil_{pad}", lambda v: F.avg_pool2d(v, (3, 2), 2, 1, True, pad), x)
        case(f"average_overlap_{pad}", lambda v: F.avg_pool2d(v, 3, (1, 2), 1, False, pad), x)
    case("average_asymmetric", lambda v: F.avg_pool2d(F.pad(v, (0, 1, 1, 0)), 3, 2), x)
    case("global", lambda v: F.adaptive_avg_pool2d(v, 1), x)
    case("mean_height", lambda v: v.mean(2, keepdim=True), x)
    for pad in (0, 1):
        for size in (8, 9):
            ort_case(f"ort_average_{pad}_{size}", "AveragePool", randn(1, 2, size, size), kernel_shape=[3, 3],
                     strides=[3, 2], pads=[0, 1, 2, 1], ceil_mode=1, count_include_pad=pad)
    ort_case("ort_max_ceil", "MaxPool", randn(1, 2, 8, 8), kernel_shape=[3, 2], strides=[3, 3],
             pads=[0, 1, 2, 0], ceil_mode=1)


def resizes():
    x = randn(2, 3, 5, 6)
    case("nearest_up", lambda v: F.interpolate(v, scale_factor=2, mode="nearest"), x)
    case("nearest_odd", lambda v: F.interpolate(v, (7, 4), mode="nearest"), x)
    case("bilinear", lambda v: F.interpolate(v, (9, 4), mode="bilinear", align_corners=False), x)
    case("bilinear_down", lambda v: F.interpolate(v, (2, 3), mode="bilinear", align_corners=False), x)
    case("bilinear_corners", lambda v: F.interpolate(v, (8, 11), mode="bilinear", align_corners=True), x)
    case("bilinear_scale", lambda v: F.interpolate(v, scale_factor=(1.7, 0.6), mode="bilinear",
                                                   align_corners=False, recompute_scale_factor=False), x)
    x = randn(1, 2, 5, 6)
    sizes = np.array([1, 2, 8, 4], np.int64)
    scales = np.array([1, 1, 1.7, 0.6], np.float32)
    for coord in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"):
        ort_case(f"ort_linear_{coord}", "Resize", x, extra=(None, scales), mode="linear",
                 coordinate_transformation_mode=coord)
        for how in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
            ort_case(f"ort_{how}_{coord}", "Resize", x, extra=(None, None, sizes), mode="nearest",
                     coordinate_transformation_mode=coord, nearest_mode=how)
    ort_case("ort_one_pixel", "Resize", x, extra=(None, None, np.array([1, 2, 1, 1], np.int64)), mode="linear",
             coordinate_transformation_mode="pytorch_half_pixel")


def moves():
    x = randn(2, 6, 3, 4)
    case("pad", lambda v: F.pad(v, (1, 0, 2, 1), value=0.5), x)
    case("pad_channels", lambda v: F.pad(v, (0, 0, 0, 0, 1, 2)), x)
    case("slice", lambda v: v[:, 1:6:2], x)
    case("shuffle", lambda v: v.reshape(2, 3, 2, 3, 4).transpose(1, 2).reshape(2, 6, 3, 4), x)


if __name__ == "__main__":
    for make in (activations, operands, pools, resizes, moves):
        make()
    np.savez_compressed(OUT, **golden)
    print(f"{len(golden)} tensors, {OUT.stat().st_size} bytes")
