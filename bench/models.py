"""The models that bench/run.py runs, made once below build/bench and kept there.

random_model: random weights of the released layout in which X and Y have a given activity. All
rows of E, of the embedding, of Dx and of Dy share one direction u of the hubs (|u| = 1, mean 0):
every v = LN(...) then has a large component along u, so that a common component -a u of the rows
of Dx, and -b u of those of Dy, lowers what drives X and Y. a and b are found by bisection on
random tokens."""

import numpy as np
import torch

from torch_bdh import Bdh, write_safetensors

SCALE = 0.02  # standard deviation of the released code's initial weights


def _component(rows, size, u, common, generator):
    weights = torch.randn(rows, size, generator=generator)
    return (weights + common * u).mul_(SCALE)


def _shares(model, tokens):
    """Mean share of neurons with X > 0 and with Y > 0 over layers and tokens."""
    shares = []
    model.forward(tokens, lambda layer, x,
                  y: shares.append(((x > 0).float().mean().item(), (y > 0).float().mean().item())))
    return np.mean(shares, axis=0)


def _bisect(measure, target):
    """The shift at which a share that falls with it is `target`."""
    low, high = 0.0, 8.0
    for _ in range(11):
        middle = (low + high) / 2
        if measure(middle) > target:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def random_checkpoint(path, hubs, heads, neurons, layers, active_x, active_y, seed=1,
                      vocabulary=256):
    """Writes it; active_x and active_y are shares of the neurons."""
    generator = torch.Generator().manual_seed(seed)
    u = torch.randn(hubs, generator=generator)
    u = (u - u.mean()) / (u - u.mean()).norm()
    embedding = _component(vocabulary, hubs, u, hubs ** 0.5, generator)
    e = _component(neurons, hubs, u, 0.1 * hubs ** 0.5, generator)
    drawn = [torch.randn(neurons, hubs, generator=generator) for _ in range(2)]
    readout = torch.randn(hubs, vocabulary, generator=generator) * SCALE
    model = Bdh(*(torch.empty(heads, neurons // heads, hubs) for _ in range(2)), e, embedding,
                readout, layers)
    tokens = torch.randint(0, vocabulary, (32,), generator=generator)

    def shift(of, which, amount):
        torch.mul(drawn[which] - amount * u, SCALE, out=of.view(neurons, hubs))

    shift(model.dy, 1, 0.0)
    for _ in range(2):  # X depends on Y through W, Y on X through its gate
        shift(model.dx, 0, _bisect(lambda a: (shift(model.dx, 0, a), _shares(model, tokens)[0])[1],
                                   active_x))
        shift(model.dy, 1, _bisect(lambda b: (shift(model.dy, 1, b), _shares(model, tokens)[1])[1],
                                   active_y))
    write_safetensors(path, {"decoder": e, "encoder": model.dx.transpose(1, 2),
                             "encoder_v": model.dy.transpose(1, 2), "lm_head": readout,
                             "embed.weight": embedding}, {"n_layer": layers, "n_head": heads})


def plain_checkpoint(path, hubs, neurons):
    """Random weights and nothing else: for what is only opened."""
    def drawn(*shape):
        return torch.randn(*shape).mul_(SCALE)
    write_safetensors(path, {"decoder": drawn(neurons, hubs), "encoder": drawn(1, hubs, neurons),
                             "encoder_v": drawn(1, hubs, neurons), "lm_head": drawn(hubs, 256),
                             "embed.weight": drawn(256, hubs)}, {"n_layer": 4, "n_head": 1})


def random_graph(neurons, degree, seed=1):
    """(neurons, degree): distinct random targets of every neuron, ascending; no edge to itself."""
    random = np.random.default_rng(seed)
    # one target in each of `degree` intervals: distinct and ascending without a search
    step = neurons // degree
    targets = np.arange(degree, dtype=np.int64) * step + random.integers(0, step, (neurons, degree))
    own = targets == np.arange(neurons)[:, None]
    targets[own] += np.where(targets[own] % step == step - 1, -1, 1)
    return targets.astype(np.uint32)


def write_csr(path, group, targets, weights):
    """Edges in the layout that SciPy and AnnData write: a row is a target, a column a source."""
    import h5py
    import scipy.sparse
    neurons, degree = targets.shape
    source = np.repeat(np.arange(neurons, dtype=np.uint32), degree)
    matrix = scipy.sparse.coo_matrix((weights.ravel(), (targets.ravel(), source)),
                                     shape=(neurons, neurons)).tocsr()
    matrix.sort_indices()
    with h5py.File(path, "w") as f:
        g = f.create_group(group)
        g.attrs["encoding-type"], g.attrs["encoding-version"] = "csr_matrix", "0.1.0"
        g.attrs["shape"] = np.array(matrix.shape, dtype=np.int64)
        g["indptr"], g["indices"] = matrix.indptr.astype(np.uint64), matrix.indices.astype(
            np.uint32)
        g["data"] = matrix.data.astype(np.float32)
