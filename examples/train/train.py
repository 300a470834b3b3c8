#!/usr/bin/env python3
"""Trains a BDH-GPU model on bytes and writes a checkpoint that `bdh import` reads.

    python3 -m venv environment && environment/bin/pip install torch
    environment/bin/python examples/train/train.py TEXT -o model.safetensors
    bdh import model.safetensors -o model.bdh.h5 --training-window 128

The tensor form of docs/theory.md, written from its equations; h heads of N neurons, n = h N, d
hubs. The defaults are made for a CPU. The last tenth of TEXT is never trained on and gives the
loss that is printed. The checkpoint is written every --save steps and at Ctrl-C, under a temporary
name first. --start FILE goes on from a checkpoint, with its sizes, on a text that may be another
one: the models that examples/paper/merging.py merges come about so. One seed gives one model on
one machine and version of PyTorch."""
import argparse
import json
import math
import os
import signal
import struct
import sys
import time

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError:
    sys.exit("train.py: PyTorch is missing; 'pip install torch' in a virtual environment")

THETA = 2.0 ** 16


def norm(z):
    return F.layer_norm(z, z.shape[-1:], eps=1e-5)


class Bdh(nn.Module):
    """logits (B, T, 256) from bytes (B, T); the released code's parameters under its names."""

    def __init__(self, neurons, heads, hubs, layers, dropout):
        super().__init__()
        per_head = neurons // heads

        def weights(*shape):
            return nn.Parameter(0.02 * torch.randn(*shape))
        # Dx, Dy
        self.encoder, self.encoder_v = weights(heads, hubs, per_head), weights(heads, hubs,
                                                                               per_head)
        # E transposed; readout
        self.decoder, self.lm_head = weights(neurons, hubs), weights(hubs, 256)
        self.embed = nn.Embedding(256, hubs)
        nn.init.normal_(self.embed.weight, std=0.02)
        self.layers, self.dropout = layers, dropout
        # a token
        turns = THETA ** (-2 * torch.arange(per_head // 2,
                                            dtype=torch.float64) / per_head) / (2 * math.pi)
        self.register_buffer("turns", turns, persistent=False)

    def rotation(self, length):
        turns = torch.arange(length, dtype=torch.float64)[:, None] * self.turns
        phase = 2 * math.pi * (turns - turns.floor())
        return phase.cos().float(), phase.sin().float()

    @staticmethod
    def turned(x, cosine, sine):
        even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
        return torch.stack((even * cosine - odd * sine, odd * cosine + even * sine), -1).flatten(-2)

    def forward(self, tokens):
        v = norm(self.embed(tokens))[:, None]  # (B, 1, T, d)
        turn = self.rotation(tokens.shape[1])
        for _ in range(self.layers):
            x = F.relu(v @ self.encoder)  # (B, h, T, N)
            r = self.turned(x, *turn)
            a = norm((r @ r.mT).tril(-1) @ v)  # synapses that earlier tokens have written
            y = F.dropout(F.relu(a @ self.encoder_v) * x, self.dropout, self.training)
            v = norm(v + norm(y.transpose(1, 2).flatten(2) @ self.decoder)[:, None])
        return v[:, 0] @ self.lm_head


def read_checkpoint(path):
    """name -> float32 tensor, and the metadata, of a safetensors file."""
    with open(path, "rb") as f:
        data = f.read()
    try:
        end = 8 + struct.unpack_from("<Q", data)[0]
        header = json.loads(data[8:end])
        about = header.pop("__metadata__", {})
        tensors = {}
        for name, t in header.items():
            if t["dtype"] != "F32":
                raise ValueError(f"{name} is {t['dtype']}, expected F32")
            begin, finish = t["data_offsets"]
            tensors[name] = torch.frombuffer(bytearray(data[end + begin:end + finish]),
                                             dtype=torch.float32).reshape(t["shape"])
        return tensors, about
    except (ValueError, KeyError, TypeError, AttributeError, struct.error, RuntimeError) as why:
        sys.exit(f"train.py: {path}: {' '.join(str(why).split())}, expected a checkpoint in "
                 f"safetensors")


def started(path, a):
    """The model of a checkpoint with the released code's names, and its sizes in `a`."""
    tensors, about = read_checkpoint(path)
    table = tensors.pop("attn.freqs", None)
    shapes = {name: t.shape for name, t in tensors.items()}
    heads, hubs, per_head = shapes["encoder"] if len(shapes.get("encoder", ())) == 3 else (0, 0, 0)
    expected = {"encoder": (heads, hubs, per_head), "encoder_v": (heads, hubs, per_head),
                "decoder": (heads * per_head, hubs), "lm_head": (hubs, 256),
                "embed.weight": (256, hubs)}
    if shapes != expected or not heads or per_head % 2:
        sys.exit(f"train.py: {path}: tensors {', '.join(sorted(shapes)) or 'none'}, expected the "
                 f"released code's, with a vocabulary of 256 bytes")
    a.neurons, a.heads, a.hubs = heads * per_head, heads, hubs
    layers = about.get("n_layer", "")
    a.layers = int(layers) if layers.isascii() and layers.isdigit() and int(layers) else a.layers
    model = Bdh(a.neurons, a.heads, a.hubs, a.layers, a.dropout)
    if table is not None and (table.numel() != per_head
                              or not torch.allclose(table.flatten()[::2], model.turns.float(),
                                                    rtol=1e-4)):
        sys.exit(f"train.py: {path}: a table attn.freqs of its own, expected the one that follows "
                 f"from {per_head} neurons a head: " "merged models are not trained on here")
    model.load_state_dict(tensors)
    return model


def write_checkpoint(path, model, about):
    """Through a temporary name: the name never holds half a file."""
    tensors = {name: value.detach().contiguous().numpy() for name,
               value in model.state_dict().items()}
    header, offset = {"__metadata__": {key: str(value) for key, value in about.items()}}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape),
                        "data_offsets": [offset, offset + value.nbytes]}
        offset += value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".part", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for value in tensors.values():
            f.write(value.tobytes())
        f.flush()
        os.fsync(f.fileno())
    os.replace(path + ".part", path)


@torch.no_grad()
def held_out_loss(model, text, window, windows=16):
    """Nats per byte over evenly spread windows of a text, each from its own start."""
    model.eval()
    starts = torch.linspace(0, len(text) - window - 1, windows).long()
    batch = torch.stack([text[s:s + window + 1] for s in starts.tolist()])
    loss = F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten()).item()
    model.train()
    return loss


def usable_cores():
    """Fewer than the machine has where this process may not use all of them; not every system
    has the number."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", help="a file; its bytes are the tokens")
    parser.add_argument("-o", "--output", required=True, metavar="FILE",
                        help="the checkpoint, .safetensors")
    for name, default, what in (("neurons", 2048, "n"), ("heads", 4, "h"), ("hubs", 64, "d"),
                                ("layers", 4, "L"), ("window", 128, "tokens of a training window"),
                                ("batch", 8, "windows a step"), ("steps", 1500, "in all"),
                                ("save", 100, "steps between checkpoints"),
                                ("seed", 1, "of weights, windows and dropout")):
        parser.add_argument("--" + name, type=int, default=default,
                            help=f"{what} (default {default})")
    parser.add_argument("--rate", type=float, default=2e-3,
                        help="peak learning rate, linear decay to 0 (default 2e-3)")
    parser.add_argument("--start", metavar="FILE",
                        help="go on from this checkpoint; it sets the sizes")
    parser.add_argument("--dropout", type=float, default=0.05, help="of Y (default 0.05)")
    parser.add_argument("--threads", type=int, default=usable_cores(),
                        help="of PyTorch (default: all cores that it may use)")
    a = parser.parse_args()
    for name in ("neurons", "heads", "hubs", "layers", "window", "batch", "steps", "save",
                 "threads"):
        if getattr(a, name) < 1:
            parser.error(f"--{name}: {getattr(a, name)}, expected an integer >= 1")
    if a.neurons % (2 * a.heads):
        parser.error(f"--neurons: {a.neurons}, expected a multiple of 2 x {a.heads} heads: neurons "
                     f"rotate in pairs")
    for name, most in (("rate", math.inf), ("dropout", 1)):
        if not 0 <= getattr(a, name) < most:
            parser.error(f"--{name}: {getattr(a, name)}, expected a number >= 0"
                         + (" and < 1" if most == 1 else ""))
    if not a.output.endswith(".safetensors"):
        parser.error(f"--output: '{a.output}', expected a name that ends in .safetensors")
    return a


def reading(a):
    """The bytes to train on and those held out."""
    with open(a.text, "rb") as f:
        data = bytearray(f.read())
    if len(data) - len(data) * 9 // 10 <= a.window:
        sys.exit(f"train.py: {a.text}: {len(data)} bytes, expected at least {10 * (a.window + 1)}: "
                 f"a tenth is held out for windows of {a.window}")
    text = torch.frombuffer(data, dtype=torch.uint8).long()
    return text[:len(text) * 9 // 10], text[len(text) * 9 // 10:]


def train(a):
    text, held_out = reading(a)
    with open(a.output + ".part", "wb"):
        pass  # found out now rather than after the first steps
    torch.set_num_threads(a.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(a.seed)
    model = started(a.start, a) if a.start else Bdh(a.neurons, a.heads, a.hubs, a.layers, a.dropout)
    optimizer = torch.optim.AdamW(model.parameters(), lr=a.rate, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer,
                                                 lambda s: min(1,
                                                               (s + 1) / 50) * max(0.0,
                                                                                   1 - s / a.steps))
    print(f"{sum(p.numel() for p in model.parameters()):,} weights, {len(text):,} bytes to train "
          f"on, {len(held_out):,} held out", flush=True)

    def save(steps):
        loss = held_out_loss(model, held_out, a.window)
        write_checkpoint(a.output, model, {"n_layer": a.layers, "n_head": a.heads, "steps": steps,
                                           "window": a.window, "seed": a.seed,
                                           "held_out_nats_per_byte": f"{loss:.4f}"})
        return loss

    begin, done = time.monotonic(), 0
    try:
        for done in range(1, a.steps + 1):
            starts = torch.randint(0, len(text) - a.window, (a.batch,))
            batch = torch.stack([text[s:s + a.window + 1] for s in starts.tolist()])
            loss = F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            if done % a.save == 0 or done == a.steps:
                print(f"step {done} of {a.steps}: {loss.item():.3f} nats per byte, held out "
                      f"{save(done):.3f}, {time.monotonic() - begin:.0f} s", flush=True)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is being written gets written
        print(f"train.py: stopped in step {done}: held out {save(done):.3f} nats per byte, written "
              f"to {a.output}", file=sys.stderr)
        return 130
    print(f"written to {a.output}; next: bdh import {a.output} -o model.bdh.h5 --training-window "
          f"{a.window}")
    return 0


def main():
    a = parse()
    try:
        return train(a)
    except KeyboardInterrupt:
        return 130
    except OSError as why:
        sys.exit(f"train.py: {why.filename or a.output}: {why.strerror}")
    finally:
        if os.path.exists(a.output + ".part"):
            os.remove(a.output + ".part")


if __name__ == "__main__":
    sys.exit(main())
