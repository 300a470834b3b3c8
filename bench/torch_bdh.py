"""BDH-GPU in its tensor form (docs/theory.md), in PyTorch: what `bdh` is measured against.

    model = Bdh.load("model.safetensors")
    model.forward(tokens)        parallel over the prompt, as in training: logits (T, V)
    model.generate(tokens, k)  as the released code does it: the whole context for every token
    Recurrent(model)           a token at a time, the synapses are state: constant time a token

h heads of N neurons, n = h N, d hubs, V tokens, L layers. float32."""
import json
import math
import os
import struct

import torch

THETA = 2.0 ** 16


def settings(threads):
    """Makes PyTorch as fast as it gets on this machine. Denormals cost it dearly where synapses or
    scores fade away."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.set_grad_enabled(False)
    torch.set_float32_matmul_precision("highest")  # float32, as bdh computes


def read_safetensors(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        body = bytearray(f.read())
    stated = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32", name
        begin, end = entry["data_offsets"]
        tensors[name] = torch.frombuffer(body, dtype=torch.float32, count=(end - begin) // 4,
                                         offset=begin).reshape(entry["shape"])
    return tensors, stated


def write_safetensors(path, tensors, stated):
    """Through a temporary name: the name never holds half a file."""
    header, offset = {"__metadata__": {key: str(value) for key, value in stated.items()}}, 0
    for name, t in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(t.shape),
                        "data_offsets": [offset, offset + 4 * t.numel()]}
        offset += 4 * t.numel()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".part", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for t in tensors.values():
            f.write(memoryview(t.contiguous().numpy()).cast("B"))
    os.replace(path + ".part", path)


def norm(z):
    return torch.nn.functional.layer_norm(z, z.shape[-1:], eps=1e-5)


def turned(x, cosine, sine):
    """R^t x over pairs (2m, 2m+1) of the last axis."""
    pairs = x.unflatten(-1, (-1, 2))
    even, odd = pairs[..., 0], pairs[..., 1]
    return torch.stack((even * cosine - odd * sine, odd * cosine + even * sine), -1).flatten(-2)


class Bdh:
    def __init__(self, dx, dy, e, embedding, readout, layers):
        self.dx, self.dy, self.e = dx, dy, e  # (h, N, d), (h, N, d), (n, d)
        self.embedding, self.readout, self.layers = embedding, readout, layers  # (V, d), (d, V)
        self.heads, self.per_head, self.hubs = dx.shape
        pair = torch.arange(self.per_head // 2, dtype=torch.float64, device=dx.device)
        self.turns = THETA ** (-2 * pair / self.per_head) / (2 * math.pi)  # a token

    @classmethod
    def load(cls, path):
        tensors, stated = read_safetensors(path)
        return cls(tensors["encoder"].transpose(1, 2).contiguous(),
                   tensors["encoder_v"].transpose(1, 2).contiguous(), tensors["decoder"],
                   tensors["embed.weight"], tensors["lm_head"], int(stated["n_layer"]))

    def to(self, device):
        return Bdh(*(t.to(device) for t in (self.dx, self.dy, self.e, self.embedding,
                                            self.readout)), self.layers)

    def angles(self, positions):
        turns = torch.as_tensor(positions, dtype=torch.float64,
                                device=self.turns.device)[..., None] * self.turns
        phase = 2 * math.pi * (turns - turns.floor())
        return phase.cos().float(), phase.sin().float()

    def forward(self, tokens, watch=None, last=False):
        """Logits (T, V), of the last token alone if `last`; watch(layer, x, y): the activity, each
        (h, T, N)."""
        v = norm(self.embedding[tokens])  # (T, d)
        cosine, sine = self.angles(torch.arange(len(tokens), device=self.e.device))
        for layer in range(self.layers):
            x = torch.matmul(v, self.dx.transpose(1, 2)).relu_()  # (h, T, N)
            r = turned(x, cosine, sine)
            scores = torch.matmul(r, r.transpose(1, 2)).tril_(-1)  # strictly earlier tokens
            a = norm(torch.matmul(scores, v))  # (h, T, d)
            y = torch.matmul(a, self.dy.transpose(1, 2)).relu_().mul_(x)
            if watch:
                watch(layer, x, y)
            v = norm(v + norm(torch.matmul(y.transpose(0, 1).flatten(1), self.e)))
        return (v[-1:] if last else v) @ self.readout

    def generate(self, tokens, count):
        tokens = tokens.clone()
        for _ in range(count):
            chosen = self.forward(tokens, last=True)[-1].argmax()
            tokens = torch.cat((tokens, chosen[None]))
        return tokens


class Recurrent:
    """The same model, a token at a time: synapses rho_l (h, N, d), read and then written by every
    token."""

    def __init__(self, model):
        self.model = model
        self.position = 0
        self.rho = torch.zeros(model.layers, model.heads, model.per_head, model.hubs,
                               device=model.e.device)

    def step(self, token):
        """Logits (V)."""
        m = self.model
        v = norm(m.embedding[token].view(-1))  # (d)
        cosine, sine = m.angles(self.position)
        n = m.heads * m.per_head
        for rho in self.rho:
            x = torch.mv(m.dx.view(n, m.hubs), v).relu_()
            r = turned(x.view(m.heads, m.per_head), cosine, sine)
            a = norm(torch.bmm(r[:, None], rho)[:, 0])  # (h, d)
            rho.view(n, m.hubs).addr_(r.view(n), v)
            y = torch.bmm(m.dy, a[:, :, None]).view(n).relu_().mul_(x)
            v = norm(v + norm(torch.mv(m.e.T, y)))
        self.position += 1
        return torch.mv(m.readout.T, v)
