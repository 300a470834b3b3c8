"""PyTorch on a GPU beside bdh: python3 gpu_torch.py CHECKPOINT [DEVICE [CHECKPOINT]]

Tokens a second of BDH-GPU (torch_bdh.py) in float32, without TF32: all tokens of a text at once
(parallel), a token at a time (recurrent), and that recorded once as a CUDA graph and replayed; and
bytes a second of a copy within the device's memory. One line each. DEVICE is cuda, or cpu to try
the program itself; the second CHECKPOINT is where a larger random model is written. Exit code 77
where PyTorch or the device is not there."""
import sys
import time

PARALLEL, RECURRENT = 512, 200  # tokens
LARGE = {"hubs": 256, "heads": 1, "neurons": 32768, "layers": 6, "active_x": 0.05,
         "active_y": 0.04}


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


try:
    import torch
except ImportError:
    skip("no PyTorch here: python3 -m pip install torch numpy")

from torch_bdh import Bdh, Recurrent, settings  # noqa: E402


def done(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


def seconds(device, work, times):
    """Of one of them."""
    work()
    done(device)
    begin = time.perf_counter()
    for _ in range(times):
        work()
    done(device)
    return (time.perf_counter() - begin) / times


def copied(device, size=1 << 28):
    """Bytes a second, read and written."""
    here, there = (torch.zeros(size, device=device) for _ in range(2))
    return 2 * 4 * size / seconds(device, lambda: there.copy_(here), 10)


class Graph:
    """Recurrent.step as a CUDA graph; position and token are on the device."""

    def __init__(self, model):
        self.reader = Recurrent(model)
        self.reader.position = torch.zeros((), dtype=torch.float64, device="cuda")
        self.token = torch.zeros(1, dtype=torch.int64, device="cuda")
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(3):
                self.reader.step(self.token)
        torch.cuda.current_stream().wait_stream(beside)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.logits = self.reader.step(self.token)
        self.reader.position.zero_()
        self.reader.rho.zero_()

    def step(self, token):
        self.token.fill_(token)
        self.graph.replay()
        return self.logits


def measure(name, model, device):
    tokens = torch.randint(0, len(model.embedding), (PARALLEL,),
                           generator=torch.Generator().manual_seed(1))
    each = tokens.tolist()
    tokens = tokens.to(device)
    logits = model.forward(tokens[:32])
    readers = {"recurrent": Recurrent}
    if device.type == "cuda":
        readers["recurrent, CUDA graph"] = Graph
    print(f"{name}: parallel, {PARALLEL} tokens: "
          f"{PARALLEL / seconds(device, lambda: model.forward(tokens), 3):.0f} tokens/s")
    for how, kind in readers.items():
        reader = kind(model)
        for token in each[:32]:
            last = reader.step(token)
        different = (last - logits[-1]).abs().max() / logits[-1].abs().max()
        done(device)
        begin = time.perf_counter()
        for token in each[32:32 + RECURRENT]:
            reader.step(token)
            done(device)
        rate = RECURRENT / (time.perf_counter() - begin)
        print(f"{name}: {how}: {rate:.0f} tokens/s; logits differ from the parallel ones by "
              f"{different:.1e}")


def main(checkpoint, device="cuda", large=None):
    settings(torch.get_num_threads())
    if device == "cuda" and not torch.cuda.is_available():
        skip("PyTorch sees no GPU")
    device = torch.device(device)
    print(f"PyTorch {torch.__version__} on "
          f"{torch.cuda.get_device_name() if device.type == 'cuda' else device}")
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
        print(f"copy within the memory: {copied(device) / 1e9:.0f} GB/s read and written")
    measure("shakespeare-4096", Bdh.load(checkpoint).to(device), device)
    if large:
        from models import random_checkpoint
        random_checkpoint(large, **LARGE)
        measure("random-32768", Bdh.load(large).to(device), device)


if __name__ == "__main__":
    main(*sys.argv[1:])
