#!/usr/bin/env python3
"""Writes the ONNX operator cases of core/onnx/testdata/cases: small models with odd attributes
and what onnxruntime computes for them.

    python3 tools/golden/onnx_cases.py core/onnx/testdata/cases

needs onnx, onnxruntime and numpy. Inputs are not stored: element i of an input is ramp(i), which
core/onnx/cases_test.go repeats.
"""
import json
import os
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

CASES = []


def ramp(n):
    i = np.arange(n, dtype=np.int64)
    return (((i * 7919 + 13) % 1009) / 504.5 - 1).astype(np.float32)


def weights(*shape, seed=1, scale=1.0):
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def ints(*v):
    return np.array(v, dtype=np.int64)


def node(kind, inputs, outputs=("y",), **attrs):
    return helper.make_node(kind, list(inputs), list(outputs), name=kind.lower() + "_" + outputs[0], **attrs)


def case(name, opset, shape, nodes, outputs=("y",), symbolic=False, tensors=(), **inits):
    CASES.append((name, opset, shape, nodes, outputs, symbolic, tensors, inits))


def build(opset, shape, nodes, outputs, symbolic, tensors, inits):
    dims = list(shape)
    if symbolic:
        dims[0] = "batch"
    graph = helper.make_graph(
        nodes, "case",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, dims)],
        [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs],
        [numpy_helper.from_array(v, k) for k, v in inits.items()] + list(tensors))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, producer_name="cases")


def windows():
    w = weights(4, 3, 3, 3)
    x = (1, 3, 7, 6)
    case("conv_asymmetric_pads", 13, x, [node("Conv", ["x", "w", "b"], pads=[0, 1, 2, 3])], w=w, b=weights(4))
    case("conv_same_upper", 7, x, [node("Conv", ["x", "w"], auto_pad="SAME_UPPER", strides=[2, 2])], w=w)
    case("conv_same_lower", 11, x, [node("Conv", ["x", "w"], auto_pad="SAME_LOWER", strides=[2, 2])], w=w)
    case("conv_valid", 11, x, [node("Conv", ["x", "w"], auto_pad="VALID", kernel_shape=[3, 3])], w=w)
    case("conv_dilated_groups", 13, (1, 4, 9, 9),
         [node("Conv", ["x", "w"], dilations=[2, 3], group=2, pads=[2, 3, 2, 3])], w=weights(6, 2, 3, 3))
    case("conv_depthwise_multiplier", 13, x, [node("Conv", ["x", "w", "b"], group=3, pads=[1, 1, 1, 1])],
         w=weights(6, 1, 3, 3), b=weights(6))
    case("conv_kernel_flat", 13, x, [node("Conv", ["x", "w"], strides=[1, 2], pads=[0, 2, 0, 2])], w=weights(2, 3, 1, 5))
    case("maxpool_ceil", 12, x, [node("MaxPool", ["x"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)])
    case("maxpool_dilated", 12, (1, 2, 9, 9),
         [node("MaxPool", ["x"], kernel_shape=[2, 3], dilations=[2, 2], pads=[0, 1, 1, 2])])
    case("maxpool_same", 8, x, [node("MaxPool", ["x"], kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER")])
    for count in (0, 1):
        case(f"averagepool_ceil_{count}", 19, x, [node(
            "AveragePool", ["x"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 0, 0, 1], ceil_mode=1,
            count_include_pad=count)])
        case(f"averagepool_pads_{count}", 7, x, [node(
            "AveragePool", ["x"], kernel_shape=[3, 2], pads=[1, 1, 2, 0], count_include_pad=count)])
    case("global_pools", 13, x, [
        node("GlobalMaxPool", ["x"], ["m"]), node("GlobalAveragePool", ["x"], ["a"]), node("Concat", ["m", "a"], axis=1)])


def resizes():
    x = (1, 2, 4, 3)
    case("upsample_7", 7, x, [node("Upsample", ["x"], mode="nearest", scales=[1.0, 1.0, 2.0, 3.0])])
    case("upsample_9", 9, x, [node("Upsample", ["x", "s"], mode="linear")], s=np.array([1, 1, 2, 2], np.float32))
    case("resize_10", 10, x, [node("Resize", ["x", "s"], mode="nearest")], s=np.array([1, 1, 1.5, 2.5], np.float32))
    scale = np.array([1, 1, 1.7, 0.6], np.float32)
    for coord in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"):
        for mode in ("nearest", "linear"):
            case(f"resize_{coord}_{mode}", 11, (1, 2, 5, 7),
                 [node("Resize", ["x", "roi", "s"], mode=mode, coordinate_transformation_mode=coord)],
                 s=scale, roi=np.zeros(0, np.float32))
    for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
        case(f"resize_{rounding}", 13, (1, 1, 5, 7),
             [node("Resize", ["x", "", "", "size"], mode="nearest", nearest_mode=rounding)], size=ints(1, 1, 9, 4))
    case("resize_axes", 18, x, [node("Resize", ["x", "", "", "size"], mode="linear", axes=[2, 3])], size=ints(7, 9))


def moves():
    x = (1, 6, 4, 3)
    case("split_attribute", 11, x, [
        node("Split", ["x"], ["a", "b"], axis=1, split=[2, 4]), node("Relu", ["a"], ["u"]), node("Relu", ["b"], ["v"])],
        outputs=("u", "v"))
    case("split_input", 13, x, [
        node("Split", ["x", "n"], ["a", "b", "c"], axis=-1), node("Add", ["a", "b"], ["s"]), node("Add", ["s", "c"])],
        n=ints(1, 1, 1))
    case("split_even", 18, (1, 5, 4, 3), [
        node("Split", ["x"], ["a", "b"], axis=1, num_outputs=2), node("Relu", ["a"], ["u"]), node("Relu", ["b"], ["v"])],
        outputs=("u", "v"))
    case("slice_attributes", 9, x, [node("Slice", ["x"], ["s"], starts=[1, -3], ends=[5, 1000], axes=[1, 2]),
                                    node("Relu", ["s"])])
    case("slice_negative", 13, x, [node("Slice", ["x", "b", "e", "a", "t"], ["s"]), node("Relu", ["s"])],
         b=ints(-1, 3), e=ints(-100, -1000), a=ints(1, -2), t=ints(-2, -1))
    case("slice_focus", 11, (1, 3, 4, 6), [
        node("Slice", ["x", "b00", "e", "a", "t"], ["p"]), node("Slice", ["x", "b01", "e", "a", "t"], ["q"]),
        node("Concat", ["p", "q"], axis=1)],
        b00=ints(0, 0), b01=ints(1, 1), e=ints(100, 100), a=ints(2, 3), t=ints(2, 2))
    for opset in (11, 13):
        axes = {} if opset == 13 else {"axes": [2, 3]}
        extra = ["ax"] if opset == 13 else []
        inits = {"ax": ints(2, 3)} if opset == 13 else {}
        case(f"squeeze_{opset}", opset, (1, 5, 1, 1), [
            node("Squeeze", ["x"] + extra, ["s"], **axes), node("Relu", ["s"], ["r"]),
            node("Unsqueeze", ["r"] + extra, ["u"], **axes), node("Tanh", ["u"])], **inits)
    case("squeeze_all", 11, (1, 5, 1, 1), [
        node("Squeeze", ["x"], ["s"]), node("Unsqueeze", ["s"], ["u"], axes=[0]), node("Relu", ["u"])])
    case("transpose_reshape_head", 11, (1, 8, 3, 5), [
        node("Transpose", ["x"], ["t"], perm=[0, 2, 3, 1]), node("Reshape", ["t", "s"])], s=ints(1, -1, 4))
    case("reshape_transpose_yolo", 11, (1, 10, 3, 4), [
        node("Reshape", ["x", "s"], ["r"]), node("Transpose", ["r"], ["t"], perm=[0, 1, 3, 4, 2]),
        node("Sigmoid", ["t"], ["g"]), node("Reshape", ["g", "f"])], s=ints(1, 2, 5, 3, 4), f=ints(1, -1, 5))
    case("shuffle", 11, (1, 8, 3, 3), [
        node("Reshape", ["x", "s1"], ["r1"]), node("Transpose", ["r1"], ["t"], perm=[0, 2, 1, 3, 4]),
        node("Reshape", ["t", "s2"], ["r2"]), node("Conv", ["r2", "w"])],
        s1=ints(1, 2, 4, 3, 3), s2=ints(1, 8, 3, 3), w=weights(4, 8, 1, 1))
    case("shuffle_split", 11, (1, 8, 4, 4), [
        node("Reshape", ["x", "s1"], ["r1"]), node("Transpose", ["r1"], ["t"], perm=[1, 0, 2]),
        node("Reshape", ["t", "s2"], ["r2"]), node("Gather", ["r2", "zero"], ["a"], axis=0),
        node("Gather", ["r2", "one"], ["b"], axis=0), node("Sigmoid", ["a"], ["u"]), node("Tanh", ["b"], ["v"])],
        outputs=("u", "v"), s1=ints(4, 2, 16), s2=ints(2, -1, 4, 4, 4), zero=np.int64(0), one=np.int64(1))
    case("gather_channels", 13, x, [node("Gather", ["x", "i"], ["g"], axis=1), node("Relu", ["g"])], i=ints(5, 0, -3, 3))
    case("expand", 13, (1, 1, 3, 2), [node("Expand", ["x", "s"], ["e"]), node("Relu", ["e"])], s=ints(1, 4, 1, 2))
    case("depth_to_space", 13, (1, 8, 2, 3), [
        node("DepthToSpace", ["x"], ["a"], blocksize=2), node("DepthToSpace", ["x"], ["b"], blocksize=2, mode="CRD"),
        node("Add", ["a", "b"])])
    case("space_to_depth", 13, (1, 2, 4, 6), [node("SpaceToDepth", ["x"], ["a"], blocksize=2), node("Relu", ["a"])])
    case("tensorflow_layout", 13, (1, 6, 5, 3), [
        node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]), node("Conv", ["t", "w"], ["c"]),
        node("Transpose", ["c"], ["o"], perm=[0, 2, 3, 1]), node("Softmax", ["o"], axis=-1)], w=weights(4, 3, 3, 3))
    case("output_is_moved", 13, x, [node("Relu", ["x"], ["r"]), node("Transpose", ["r"], perm=[0, 3, 2, 1])])
    case("output_is_identity", 13, x, [node("Relu", ["x"], ["r"]), node("Identity", ["r"])], outputs=("r", "y"))


def maths():
    x = (1, 4, 3, 5)
    case("clip_attributes", 10, x, [node("Clip", ["x"], min=-0.25, max=0.5)])
    case("clip_max_only", 11, x, [node("Clip", ["x", "", "hi"])], hi=np.float32(0.3))
    case("activations", 14, x, [
        node("HardSwish", ["x"], ["a"]), node("HardSigmoid", ["a"], ["b"], alpha=0.3, beta=0.4),
        node("LeakyRelu", ["x"], ["c"], alpha=0.2), node("Mul", ["b", "c"], ["d"]), node("Exp", ["d"], ["e"]),
        node("Neg", ["e"])])
    case("prelu", 9, x, [node("PRelu", ["x", "s"])], s=weights(4, 1, 1))
    case("silu", 13, x, [node("Sigmoid", ["x"], ["s"]), node("Mul", ["s", "x"])])
    case("sigmoid_used_twice", 13, x, [
        node("Sigmoid", ["x"], ["s"]), node("Mul", ["s", "x"], ["m"]), node("Add", ["m", "s"])])
    case("constants", 13, x, [
        node("Add", ["x", "c"], ["a"]), node("Sub", ["one", "a"], ["b"]), node("Mul", ["b", "hw"], ["d"]),
        node("Div", ["d", "full"], ["e"]), node("Max", ["e", "row"])],
        c=weights(4, 1, 1), one=np.float32(1), hw=weights(1, 1, 3, 5, seed=2),
        full=np.abs(weights(1, 4, 3, 5, seed=3)) + 1, row=weights(5, seed=4))
    case("sum_max_min", 13, x, [
        node("Relu", ["x"], ["a"]), node("Tanh", ["x"], ["b"]), node("Sum", ["x", "a", "b"], ["s"]),
        node("Max", ["a", "s", "half"], ["m"]), node("Min", ["m", "b", "s"])], half=np.float32(0.5))
    case("squeeze_excite", 13, (1, 6, 4, 4), [
        node("GlobalAveragePool", ["x"], ["p"]), node("Flatten", ["p"], ["f"]),
        node("Gemm", ["f", "w1", "b1"], ["g"], transB=1), node("Relu", ["g"], ["r"]), node("Gemm", ["r", "w2"], ["h"]),
        node("HardSigmoid", ["h"], ["k"]), node("Reshape", ["k", "s"], ["u"]), node("Mul", ["x", "u"])],
        w1=weights(3, 6), b1=weights(3), w2=weights(3, 6, seed=2), s=ints(1, 6, 1, 1))
    case("spatial_attention", 13, x, [node("Conv", ["x", "w"], ["c"]), node("Sigmoid", ["c"], ["s"]), node("Mul", ["x", "s"])],
         w=weights(1, 4, 1, 1))
    case("gemm_alpha_beta", 11, (1, 5), [node("Gemm", ["x", "w", "c"], alpha=0.5, beta=2.0)], w=weights(5, 3), c=np.float32(0.7))
    case("flatten_gemm", 13, (1, 3, 4, 5), [
        node("Flatten", ["x"], ["f"]), node("Relu", ["f"], ["r"]), node("Gemm", ["r", "w", "b"], transB=1)],
        symbolic=True, w=weights(7, 60), b=weights(7))
    case("matmul_bias", 13, (1, 5), [node("MatMul", ["x", "w"], ["m"]), node("Add", ["b", "m"])], w=weights(5, 3), b=weights(3))
    case("matmul_rows", 13, (1, 4, 5), [node("MatMul", ["x", "w"], ["m"]), node("Add", ["m", "b"])], w=weights(5, 3), b=weights(3))
    for rank in (2, 3, 4):
        case(f"batchnorm_rank_{rank}", 9, (1, 4, 3, 2)[:rank], [node("BatchNormalization", ["x", "g", "b", "m", "v"], epsilon=1e-3)],
             g=weights(4), b=weights(4, seed=2), m=weights(4, seed=3), v=np.abs(weights(4, seed=4)))
    case("lrn", 13, (1, 7, 2, 3), [node("LRN", ["x"], size=5, alpha=0.1, beta=0.6, bias=1.5)])
    case("softmax_flat", 11, (1, 3, 2, 4), [node("Softmax", ["x"], axis=1)])
    case("softmax_channels", 13, x, [node("Softmax", ["x"], axis=1)])
    case("softmax_width", 13, x, [node("LogSoftmax", ["x"])])
    case("softmax_vector", 7, (1, 6), [node("Softmax", ["x"])])
    for opset in (13, 18):
        axes = {} if opset == 18 else {"axes": [2, 3]}
        extra = ["ax"] if opset == 18 else []
        inits = {"ax": ints(2, 3)} if opset == 18 else {}
        for keep in (0, 1):
            case(f"reducemean_{opset}_{keep}", opset, x,
                 [node("ReduceMean", ["x"] + extra, ["m"], keepdims=keep, **axes), node("Relu", ["m"])], **inits)
    case("reducemean_one_axis", 13, x, [node("ReduceMean", ["x"], ["m"], axes=[-2], keepdims=0), node("Relu", ["m"])])
    case("reducemean_all", 13, x, [node("ReduceMean", ["x"], ["m"], axes=[1, 2, 3], keepdims=0), node("Reshape", ["m", "s"])], s=ints(1, 1))
    case("pad_attributes", 10, x, [node("Pad", ["x"], pads=[0, 1, 2, 0, 0, 0, 1, 3], value=0.5)])
    case("pad_inputs", 11, x, [node("Pad", ["x", "p", "v"])], p=ints(0, 0, 1, 2, 0, 3, 0, 1), v=np.float32(-1))
    case("pad_axes", 18, x, [node("Pad", ["x", "p", "", "a"])], p=ints(1, 2, 0, 3), a=ints(-1, 2))
    case("dropout", 12, x, [node("Dropout", ["x", "r"], ["d"]), node("Relu", ["d"])], r=np.float32(0.3))
    case("concat_rows", 13, (1, 2, 3, 4), [
        node("Reshape", ["x", "a"], ["p"]), node("Relu", ["x"], ["r"]), node("Reshape", ["r", "a"], ["q"]),
        node("Concat", ["p", "q"], axis=1)], a=ints(1, 8, 3))


def constants():
    case("shape_arithmetic", 13, (1, 4, 3, 5), [
        node("Shape", ["x"], ["s"]), node("Gather", ["s", "one"], ["c"]), node("Unsqueeze", ["c", "zero"], ["cu"]),
        node("Mul", ["cu", "two"], ["c2"]), node("Div", ["c2", "two"], ["c1"]), node("Slice", ["s", "zero", "ones"], ["n"]),
        node("Concat", ["n", "c1", "minus"], ["t"], axis=0), node("Reshape", ["x", "t"], ["r"]), node("Relu", ["r"])],
        symbolic=True, one=np.int64(1), zero=ints(0), two=ints(2), ones=ints(1), minus=ints(-1))
    case("resize_arithmetic", 13, (1, 2, 3, 4), [
        node("Shape", ["x"], ["s"]), node("Slice", ["s", "two", "four"], ["hw"]), node("Cast", ["hw"], ["f"], to=1),
        node("Mul", ["f", "factor"], ["g"]), node("Floor", ["g"], ["h"]), node("Cast", ["h"], ["i"], to=7),
        node("Slice", ["s", "zero", "two"], ["nc"]), node("Concat", ["nc", "i"], ["size"], axis=0),
        node("Resize", ["x", "", "", "size"], mode="nearest")],
        zero=ints(0), two=ints(2), four=ints(4), factor=np.float32(1.6))
    case("where_equal", 13, (1, 2, 3), [
        node("ConstantOfShape", ["three"], ["mone"], value=helper.make_tensor("v", TensorProto.INT64, [1], [-1])),
        node("Equal", ["t", "mone"], ["q"]), node("Where", ["q", "alt", "t"], ["e"]), node("Expand", ["x", "e"], ["z"]),
        node("Relu", ["z"])], three=ints(3), t=ints(1, -1, 3), alt=ints(9, 2, 9))
    case("range_grid", 13, (1, 1, 2, 4), [
        node("Range", ["a", "b", "d"], ["r"]), node("Cast", ["r"], ["f"], to=1), node("Add", ["x", "f"])],
        a=np.int64(6), b=np.int64(-1), d=np.int64(-2))
    case("constant_attributes", 13, (1, 4), [
        node("Constant", [], ["c"], value_floats=[1.0, 2.0, 3.0, 4.0]), node("Constant", [], ["k"], value_float=0.5),
        node("Mul", ["c", "k"], ["m"]), node("Add", ["x", "m"])])
    typed = helper.make_tensor("w", TensorProto.FLOAT, [2, 3], [0.5, -1, 2, 3, -4, 5])
    half = numpy_helper.from_array(np.array([0.25, -0.5], np.float16), "h")
    double = helper.make_tensor("d", TensorProto.DOUBLE, [2], [1.5, -2.5])
    case("typed_data", 13, (1, 3), [
        node("Gemm", ["x", "w"], ["g"], transB=1), node("Cast", ["h"], ["hf"], to=1), node("Cast", ["d"], ["df"], to=1),
        node("Mul", ["g", "hf"], ["m"]), node("Add", ["m", "df"])], tensors=(typed, half, double))


def close(v):
    return [float(f"{x:.8g}") for x in np.asarray(v, np.float32).ravel().tolist()]


def write(folder):
    out = []
    for name, opset, shape, nodes, outputs, symbolic, tensors, inits in CASES:
        model = build(opset, shape, nodes, outputs, symbolic, tensors, inits)
        path = os.path.join(folder, name + ".onnx")
        onnx.save(model, path)
        out.append(record(name, path, shape, outputs))
    out.append(external(folder))
    with open(os.path.join(folder, "cases.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c) for c in out) + "\n]\n")


def record(name, path, shape, outputs):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = ramp(int(np.prod(shape))).reshape(shape)
    y = session.run(list(outputs), {"x": x})
    return {"name": name, "input": list(shape),
            "outputs": [{"name": o, "shape": list(v.shape), "values": close(v)} for o, v in zip(outputs, y)]}


def external(folder):
    """A model whose weight lies in another file, behind an offset."""
    w = weights(4, 3, 3, 3)
    model = build(13, (1, 3, 5, 5), [node("Conv", ["x", "w"])], ("y",), False, (), {"w": w})
    path = os.path.join(folder, "external.onnx")
    onnx.save(model, path, save_as_external_data=True, location="external.bin", size_threshold=0)
    return record("external", path, (1, 3, 5, 5), ("y",))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    for make in (windows, resizes, moves, maths, constants):
        make()
    write(sys.argv[1])
