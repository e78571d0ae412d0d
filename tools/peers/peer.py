"""One contestant of tools/peers: prepares a piece of work and repeats it on request.

    python3 peer.py '{"peer": "torch", "work": "step", "net": "resnet18", …}'

A line of JSON goes to standard output when the work is ready, and one for each line read: the line
is a number of repetitions, the answer their times. The end of standard input ends the program.
"probe" as the peer says which peers this interpreter has, and their versions.
"""

import json
import os
import sys
import time

# These are set on some machines for the sake of old builds; a new one knows its CPU better.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)


def say(**answer):
    print(json.dumps(answer), flush=True)


def peak_rss():
    """Bytes; getrusage would begin with the peak of the program that started this one."""
    with open("/proc/self/status") as status:
        return next(1024 * int(l.split()[1]) for l in status if l.startswith("VmHWM:"))


def serve(version, work):
    """Answer each request by the milliseconds of that many repetitions."""
    work()
    say(version=version)
    for line in sys.stdin:
        ms = []
        for _ in range(int(line)):
            start = time.perf_counter()
            work()
            ms.append(1e3 * (time.perf_counter() - start))
        say(ms=ms, rss=peak_rss())


def probe():
    found = {}
    for peer in PEERS:
        try:
            found[peer] = VERSIONS[peer]()
        except Exception as e:  # a broken installation says so in many ways
            print(f"{peer}: {e}", file=sys.stderr)
    say(**found)


def torch_version():
    import torch

    return torch.__version__


def onnxruntime_version():
    import onnxruntime

    return onnxruntime.__version__


def openblas_version():
    """The OpenBLAS of numpy: it says version and kernel itself."""
    import ctypes
    import re

    import numpy

    numpy.ones((2, 2), numpy.float32) @ numpy.ones((2, 2), numpy.float32)
    with open("/proc/self/maps") as maps:
        libs = sorted({l.split()[-1] for l in maps if re.search(r"lib[^/]*openblas[^/]*\.so", l)})
    if not libs:
        raise RuntimeError("numpy is not on OpenBLAS")
    lib = ctypes.CDLL(libs[0])
    for config in ("scipy_openblas_get_config64_", "openblas_get_config64_", "openblas_get_config"):
        if hasattr(lib, config):
            f = getattr(lib, config)
            f.restype = ctypes.c_char_p
            words = f().decode().split()
            core = [w for w in words[2:] if w[0].isupper() and not w.isupper() and "=" not in w]
            return " ".join(words[1:2] + core)
    return "of unknown version"


def torch_networks():
    """ResNet-18 (1512.03385) and MobileNet v2 (1801.04381), as their tables say, without dropout."""
    from torch import nn

    def conv(i, o, k, s=1, groups=1, act=None):
        return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2, groups=groups, bias=False), nn.BatchNorm2d(o), *([act] if act else []))

    def relu():
        return nn.ReLU(inplace=True)

    class Residual(nn.Module):
        def __init__(self, i, o, s):
            super().__init__()
            self.body = nn.Sequential(conv(i, o, 3, s, act=relu()), conv(o, o, 3))
            self.down = conv(i, o, 1, s) if s != 1 or i != o else nn.Identity()
            self.relu = relu()

        def forward(self, x):
            return self.relu(self.body(x) + self.down(x))

    class Inverted(nn.Module):
        def __init__(self, i, o, s, expansion):
            super().__init__()
            c = i * expansion
            wide = [conv(i, c, 1, act=nn.ReLU6(inplace=True))] if expansion > 1 else []
            self.body = nn.Sequential(*wide, conv(c, c, 3, s, groups=c, act=nn.ReLU6(inplace=True)), conv(c, o, 1))
            self.sum = s == 1 and i == o

        def forward(self, x):
            return x + self.body(x) if self.sum else self.body(x)

    def head(c):
        return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 1000)]

    def resnet18():
        layers, i = [conv(3, 64, 7, 2, act=relu()), nn.MaxPool2d(3, 2, 1)], 64
        for o, s in ((64, 1), (128, 2), (256, 2), (512, 2)):
            layers += [Residual(i, o, s), Residual(o, o, 1)]
            i = o
        return nn.Sequential(*layers, *head(512))

    def mobilenetv2():
        layers, i = [conv(3, 32, 3, 2, act=nn.ReLU6(inplace=True))], 32
        for t, o, n, s in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
            for j in range(n):
                layers.append(Inverted(i, o, s if j == 0 else 1, t))
                i = o
        return nn.Sequential(*layers, conv(320, 1280, 1, act=nn.ReLU6(inplace=True)), *head(1280))

    return {"resnet18": resnet18, "mobilenetv2": mobilenetv2}


def torch_step(spec):
    """A training step: forward, backward, SGD with momentum; batch norm on the batch's statistics."""
    import torch

    torch.set_num_threads(spec["threads"])
    torch.manual_seed(1)
    layout = torch.channels_last if spec["layout"] == "NHWC" else torch.contiguous_format
    net = torch_networks()[spec["net"]]().to(memory_format=layout).train()
    x = torch.randn(spec["batch"], 3, 224, 224).to(memory_format=layout)
    y = torch.randint(0, 1000, (spec["batch"],))
    loss = torch.nn.CrossEntropyLoss()
    args = dict(lr=1e-3, momentum=0.9, weight_decay=5e-4)
    try:
        rule = torch.optim.SGD(net.parameters(), fused=True, **args)
    except (TypeError, RuntimeError, ValueError):
        rule = torch.optim.SGD(net.parameters(), **args)

    def work():
        rule.zero_grad(set_to_none=True)
        l = loss(net(x), y)
        l.backward()
        rule.step()
        l.item()

    return torch_version(), work


def onnxruntime_infer(spec):
    """Inference of an ONNX file on noise."""
    import numpy
    import onnxruntime

    o = onnxruntime.SessionOptions()
    o.intra_op_num_threads, o.inter_op_num_threads = spec["threads"], 1
    s = onnxruntime.InferenceSession(spec["file"], o, providers=["CPUExecutionProvider"])
    i = s.get_inputs()[0]
    shape = [spec["batch"]] + i.shape[1:]  # the batch of an export is open
    feed = {i.name: numpy.random.default_rng(1).standard_normal(shape, numpy.float32)}
    return onnxruntime_version(), lambda: s.run(None, feed)


def openblas_gemm(spec):
    """Forward C = A·Bᵀ of the weight as it lies, or the weight gradient Dᵀ·A."""
    import numpy

    m, n, k = spec["shape"]
    shapes = (m, k), (n, k), (m, n), (n, k) if spec["gradient"] else (m, n)
    # In one piece, as ours: numpy asks for huge pages from 4 MiB on.
    memory = numpy.empty(max(1 << 20, sum(16 * -(-i * j // 16) for i, j in shapes)), numpy.float32)
    numpy.random.default_rng(1).standard_normal(out=memory, dtype=numpy.float32)
    operands = []
    for i, j in shapes:
        operands.append(memory[: i * j].reshape(i, j))
        memory = memory[16 * -(-i * j // 16) :]
    a, w, d, c = operands
    if spec["gradient"]:
        one = lambda: numpy.matmul(d.T, a, out=c)
    else:
        one = lambda: numpy.matmul(a, w.T, out=c)

    def work():
        for _ in range(spec["inner"]):
            one()

    return openblas_version(), work


PEERS = {"torch": torch_step, "onnxruntime": onnxruntime_infer, "openblas": openblas_gemm}
VERSIONS = {"torch": torch_version, "onnxruntime": onnxruntime_version, "openblas": openblas_version}

if __name__ == "__main__":
    spec = json.loads(sys.argv[1])
    if spec["peer"] == "probe":
        probe()
    else:
        if spec["peer"] == "openblas":
            os.environ["OPENBLAS_NUM_THREADS"] = str(spec["threads"])
        serve(*PEERS[spec["peer"]](spec))
