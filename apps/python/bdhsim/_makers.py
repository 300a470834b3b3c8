"""Models made from checkpoints, graphs and files, or drawn."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from . import _core
from . import _select as select
from ._errors import InputError
from ._model import Model, kept
from ._types import Integer, Path, Real, Weights


def load(path: Path, weights: Weights = "float32") -> Model:
    """Opens a model file. `weights`: "float32" or "bf16", which takes half the memory.

    >>> bs.load(example_model).neurons
    4096
    """
    if weights not in ("float32", "bf16"):
        raise InputError("weights", repr(weights), "'float32' or 'bf16'")
    path = os.fspath(path)
    return Model(_core.load(path, weights == "bf16"), path)


def new(family: str, *, neurons: Integer, degree: Integer | None = None, inhibitory: Real = 0.2,
        inhibitory_degree: Integer | None = None, g: Real = 5.0, activity: Real = 0.05,
        layers: Integer = 2, heads: Integer = 1, vocabulary: Integer = 256, dynamics: str = "bdh",
        retention: Real = 0.99, theta: Real | None = None, rewired: Real = 0.1,
        communities: Integer = 4, readout: bool = True, seed: Integer = 0) -> Model:
    """A model of random graphs with gains for a given active share of X, as `bdh new` makes it.

    * `family`: "erdos-renyi", "small-world", "scale-free", "blocks", "ring" or "complete"
    * `degree`: edges that arrive at a neuron
    * `inhibitory`: share of neurons (0 to 1) whose edges inhibit; `inhibitory_degree` of these
      edges arrive at a neuron
    * `g`: ratio of inhibition to excitation
    * `activity`: share of neurons (0 to 1) with X > 0 at a token
    * `rewired`: share of the edges of a small world that lead anywhere

    >>> drawn = bs.new("small-world", neurons=300, degree=12, seed=1)
    >>> drawn.neurons, drawn.explicit_edges
    (300, True)
    """
    count = select.integer(neurons, "neurons", 2, 2**32 - 2)
    if degree is None:
        if family != "complete":
            raise InputError("degree", "none", f"a number of edges for {family}")
        degree = count - 1
    recipe: dict[str, Any] = {
        "family": select.text(family, "family"), "neurons": count,
        "degree": select.integer(degree, "degree", 1, 2**32 - 2),
        "rewired": select.real(rewired, "rewired"),
        "communities": select.integer(communities, "communities", 1, 2**32 - 2),
        "inhibitory": select.real(inhibitory, "inhibitory"),
        "inhibitory_degree": 0 if inhibitory_degree is None else select.integer(
            inhibitory_degree, "inhibitory_degree", 1, 2**32 - 2),
        "vocabulary": select.integer(vocabulary, "vocabulary", 1, 2**32 - 2),
        "seed": select.integer(seed, "seed"),
        "layers": select.integer(layers, "layers", 1, 1024),
        "heads": select.integer(heads, "heads", 1, 2**20),
        "dynamics": select.text(dynamics, "dynamics"),
        "retention": select.real(retention, "retention"),
        "theta": None if theta is None else select.real(theta, "theta", positive=True),
        "readout": select.flag(readout, "readout")}
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    wanted = count * min(recipe["degree"], count) * 3 * (16 + 4 * recipe["layers"])
    if wanted > there:
        raise InputError("neurons and degree", f"a model that takes about {wanted / 1e9:.1f} GB",
                         f"at most the {there / 1e9:.1f} GB of memory")
    return kept(_core.new_model(recipe, select.real(g, "g", positive=True),
                                select.real(activity, "activity", positive=True)))


def import_checkpoint(path: Path, *, layers: Integer | None = None, heads: Integer | None = None,
                      theta: Real | None = None, tokenizer: Path | None = None,
                      training_window: Integer | None = None) -> Model:
    """The model of a trained checkpoint: a .safetensors or PyTorch file in one of the layouts that
    docs/files.md lists. Arguments supply what the file leaves open. `tokenizer`: "bytes", "ids" ...
    or a file. What was inferred is in `model.inferred`, what was not used in `model.not_used`.

    >>> bs.import_checkpoint(example_checkpoint, training_window=512) == m
    True
    """
    def optional(value: Integer | None, place: str) -> int | None:
        return None if value is None else select.integer(value, place, 1)

    return kept(_core.import_checkpoint(
        os.fspath(path), optional(layers, "layers"), optional(heads, "heads"),
        None if theta is None else select.real(theta, "theta", positive=True),
        None if tokenizer is None else os.fspath(tokenizer),
        optional(training_window, "training_window")))


def from_torch(state: Any, **options: Any) -> Model:
    """The model of a PyTorch module, or of its state_dict: {name: tensor or array}; options as of
    `import_checkpoint`. (In the example, the tensors of a file.)

    >>> bs.from_torch(tensors_of(example_checkpoint), layers=4, heads=4).neurons
    4096
    """
    from ._safetensors import write
    state = state.state_dict() if hasattr(state, "state_dict") else state
    if not hasattr(state, "items"):
        raise InputError("from_torch", type(state).__name__, "a module or its state_dict")
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "state_dict.safetensors")
        write(file, state)
        return import_checkpoint(file, **options)


def import_graph(gx: Any, gy: Any = None, gs: Any = None, *, neurons: Integer | None = None,
                 sensory: Any = "", readout: Any = None, vocabulary: Integer | None = None,
                 layers: Integer = 1, dynamics: str = "bdh", retention: Real = 1.0,
                 theta: Real | None = None) -> Model:
    """A model with explicit edges: Gx drives X, Gy drives Y (the edges of gx unless given), gs are
    the synapses. Each of them: edges (pre, post, weight) as three arrays (edges), a SciPy sparse
    matrix W[target, source], a networkx graph, a pandas frame with columns source, target and
    weight, or a file. Negative weights inhibit. `sensory`: edges token -> neuron, or
    "random:K@SEED".

    >>> ring = bs.import_graph(([0, 1, 2, 2], [1, 2, 0, 1], [1.0, 1.0, 0.5, -0.25]),
    ...                        sensory="random:1@1", layers=2)
    >>> ring.neurons, ring.circuits["gx_inhibitory"].edges
    (3, 1)
    """
    from ._graphs import as_file
    if gx is None:
        raise InputError("gx", "None", "edges")
    with tempfile.TemporaryDirectory() as folder:
        files = {name: as_file(folder, name, value)
                 for name, value in (("gx", gx), ("gy", gy), ("gs", gs), ("sensory", sensory),
                                     ("readout", readout))}
        core, remarks = _core.import_graph(
            files["gx"] or "", files["gy"], files["gs"], files["sensory"] or "", files["readout"],
            None if neurons is None else select.integer(neurons, "neurons", 1, 2**32 - 1),
            None if vocabulary is None else select.integer(vocabulary, "vocabulary", 1, 2**32 - 1),
            select.integer(layers, "layers", 1, 2**16), select.text(dynamics, "dynamics"),
            select.real(retention, "retention"),
            None if theta is None else select.real(theta, "theta", positive=True))
        model = kept(core)
    model._facts["remarks"] = remarks
    return model


def model_of(model: Model | Path) -> Model:
    """A Model, or that of a file."""
    if isinstance(model, (str, os.PathLike)):
        return load(model)
    if not isinstance(model, Model):
        raise InputError("model", type(model).__name__, "a Model, or the path of its file")
    return model
