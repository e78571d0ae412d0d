"""ResNet-20 for golden scores: the network of an ONNX file in PyTorch, float64, with every activation within
reach, and layer-wise relevance as a pass of its own. It knows the operators of that one model."""

import dataclasses

import numpy as np
import onnx
import onnx.numpy_helper
import torch
import torch.nn.functional as F

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclasses.dataclass
class Group:
    """Channels that go together. Nodes by name; norm_of says which batch norm follows a convolution."""

    name: str
    producers: list
    gates: list
    consumers: list


class Net:
    def __init__(self, path):
        g = onnx.load(path).graph
        self.nodes = list(g.node)
        self.w = {i.name: torch.tensor(onnx.numpy_helper.to_array(i).copy()).double() for i in g.initializer}
        self.by_output = {n.output[0]: n for n in self.nodes}
        self.input, self.logits = g.input[0].name, "logits"
        self.norm_of = {n.input[0]: n for n in self.nodes if n.op_type == "BatchNormalization"}

    def weight(self, conv):
        """O×I×KH×KW, or O×I."""
        return self.w[self.by_output[conv].input[1]]

    def attributes(self, n):
        return {a.name: onnx.helper.get_attribute_value(a) for a in n.attribute}

    def scale(self, conv):
        """What batch norm behind a convolution multiplies each of its outputs by; ones without."""
        n = self.norm_of.get(conv)
        if n is None:
            return torch.ones(self.weight(conv).shape[0], dtype=torch.float64)
        gamma, _, _, var = (self.w[i] for i in n.input[1:5])
        return gamma / torch.sqrt(var + self.attributes(n)["epsilon"])

    def folded(self, conv):
        """The weight with the batch norm behind it folded in."""
        w = self.weight(conv)
        return w * self.scale(conv).reshape(-1, *[1] * (w.dim() - 1))

    def conv(self, n, x, w):
        a = self.attributes(n)
        return F.conv2d(x, w, stride=a["strides"], padding=a["pads"][0])

    def step(self, n, x):
        """The output of one node for the values x of its inputs."""
        if n.op_type == "Conv":
            return self.conv(n, x[0], x[1])
        if n.op_type == "BatchNormalization":
            c = (1, -1, 1, 1)
            gamma, beta, mean, var = (v.reshape(c) for v in x[1:5])
            return (x[0] - mean) / torch.sqrt(var + self.attributes(n)["epsilon"]) * gamma + beta
        if n.op_type == "Gemm":
            return x[0] @ x[1].T + x[2]
        return {
            "Relu": lambda: torch.clamp(x[0], min=0),
            "Add": lambda: x[0] + x[1],
            "GlobalAveragePool": lambda: x[0].mean((2, 3), keepdim=True),
            "Flatten": lambda: x[0].flatten(1),
        }[n.op_type]()

    def run(self, x, switch=None):
        """All values by name for pictures x, N×3×H×W. switch may replace the value of a node."""
        v = dict(self.w)
        v[self.input] = x
        for n in self.nodes:
            y = self.step(n, [v[i] for i in n.input])
            v[n.output[0]] = switch(n.output[0], y) if switch else y
        return v

    def relevance(self, v, labels):
        """R of every activation by the z+ rule: 1 at the true class's logit. Bias dropped, batch norm folded in;
        sums share by positive values (a ReLU follows each), averages by value, ReLU passes."""
        r = {self.logits: F.one_hot(labels, v[self.logits].shape[1]).double()}

        def give(name, part):
            r[name] = r[name] + part if name in r else part

        for n in reversed(self.nodes):
            x, R = v[n.input[0]].detach(), r[n.output[0]]
            if n.op_type in ("Conv", "Gemm"):
                if (x < 0).any():
                    continue  # the first layer: no gate lies in front of it
                w = self.folded(n.output[0]).clamp(min=0)
                x = x.clone().requires_grad_()
                z = x @ w.T if n.op_type == "Gemm" else self.conv(n, x, w)
                s = torch.where(z > 0, R / z.clamp(min=1e-300), torch.zeros_like(z)).detach()
                give(n.input[0], x.detach() * torch.autograd.grad((z * s).sum(), x)[0])
            elif n.op_type == "Add":
                a, b = (v[i].detach().clamp(min=0) for i in n.input)
                for name, part in zip(n.input, (a, b)):
                    give(name, R * part / (a + b).clamp(min=1e-300))
            elif n.op_type == "GlobalAveragePool":
                give(n.input[0], R * x / x.sum((2, 3), keepdim=True).clamp(min=1e-300))
            elif n.op_type == "Flatten":
                give(n.input[0], R.reshape(x.shape))
            else:
                give(n.input[0], R)
        return r

    def groups(self):
        """The nine inner groups and the three residual streams. The fixed 0/1 convolutions of the shortcuts count
        neither as producers nor as readers: they hold no weights that anyone learned or could mend."""
        out = []
        for s in (1, 2, 3):
            blocks = [f"layer{s}.{b}" for b in range(3)]
            for b in blocks:
                out.append(Group(b + ".conv1", [b + ".conv1"], [b + ".bn1.relu"], [b + ".conv2"]))
            readers = [b + ".conv1" for b in blocks[s > 1:]]
            readers += [self.logits] if s == 3 else [f"layer{s + 1}.0.conv1"]
            first = ["conv1"] if s == 1 else []
            makers = first + [b + ".conv2" for b in blocks]
            out.append(Group(makers[0], makers, [b + ".add.relu" for b in blocks], readers))
        return out


def pictures(path, n):
    """N×3×32×32 from bytes N×32×32×3, standardised as the model wants."""
    raw = torch.tensor(np.fromfile(path, np.uint8))
    x = raw.reshape(n, 32, 32, 3).permute(0, 3, 1, 2).double() / 255
    c = (1, 3, 1, 1)
    return (x - torch.tensor(MEAN).double().reshape(c)) / torch.tensor(STD).double().reshape(c)
