"""Models: made from checkpoints, graphs and files; read as arrays; saved."""

import os
import tempfile
from collections.abc import Mapping

import numpy as np

from . import _core
from . import _select as select
from ._errors import InputError, ShapeError, needed


class Circuit:
    """The edges of a projection, source -> target, as arrays that are read-only and keep their
    model alive.

    `weights`: (rows, columns) where every pair is connected, else (edges); then `indices` (edges)
    and `indptr` (rows + 1) as in SciPy's CSR. `rows`: "source" or "target", what a row is.
    """

    def __init__(self, parts):
        self.name, self.rows, self.dense = parts["name"], parts["rows"], parts["dense"]
        self.source, self.target = parts["source"], parts["target"]  # (name, size)
        self.weights = parts["weights"]
        self.indices, self.indptr = parts.get("indices"), parts.get("indptr")

    @property
    def edges(self):
        return self.weights.size

    @property
    def shape(self):
        """(targets, sources), as of `to_scipy` and `to_numpy`."""
        return self.target[1], self.source[1]

    def to_scipy(self):
        """A sparse matrix, W[target, source], over the same memory where that is possible."""
        sparse = needed("scipy.sparse", "scipy")
        by_source = self.rows == "source"
        if self.dense:
            matrix = sparse.csr_array(self.weights.T if by_source else self.weights)
            return matrix
        shape = self.shape[::-1] if by_source else self.shape
        indices = self.indices
        if indices.size and indices.max() < 2**31:
            indices = indices.view(np.int32)
        indptr = self.indptr.astype(np.int64 if self.edges >= 2**31 else np.int32)
        matrix = sparse.csr_array((self.weights, indices, indptr), shape=shape, copy=False)
        return matrix.T.tocsr() if by_source else matrix

    def to_numpy(self):
        """A dense array W[target, source]: a view where it is stored so, else made."""
        if self.dense:
            return self.weights.T if self.rows == "source" else self.weights
        full = np.zeros(self.shape, dtype=np.float32)
        row = np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr.astype(np.int64)))
        ends = (self.indices, row) if self.rows == "source" else (row, self.indices)
        full[ends] = self.weights
        return full

    def __repr__(self):
        kind = "dense" if self.dense else "sparse"
        return (f"<Circuit {self.name}: {self.source[1]} {self.source[0]} -> "
                f"{self.target[1]} {self.target[0]}, {self.edges} edges, {kind}>")


class Circuits(Mapping):
    """The circuits of a model by name."""

    def __init__(self, core):
        self._core = core
        self._names = core.circuit_names()

    def __getitem__(self, name):
        if name not in self._names:
            raise InputError("circuits", repr(name), ", ".join(self._names))
        return Circuit(self._core.circuit(name))

    def __iter__(self):
        return iter(self._names)

    def __len__(self):
        return len(self._names)

    def __contains__(self, name):
        return name in self._names

    def __repr__(self):
        return f"<circuits: {', '.join(self._names)}>"


class Model:
    """A BDH model as a graph of neurons. It never changes.

    Made by `load`, `import_checkpoint`, `import_graph`, `new`, `from_torch`. Sizes are attributes:
    `neurons`, `hubs`, `sources`, `layers`, `heads`, `synapses` (of a layer), `sensory_nodes`,
    `readout_nodes`, `retention`, `dynamics`, `content_sha256`.

    >>> import bdhsim as bs
    >>> m = bs.load(example_model)
    >>> m.neurons, m.layers, m.hubs
    (4096, 4, 64)
    """

    _core_module = _core

    def __init__(self, core, path=None):
        self._core = core
        self._path = os.path.abspath(path) if path is not None else None
        self._facts = core.facts()
        self.circuits = Circuits(core)
        self.tokenizer = None

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._facts[name]
        except KeyError:
            raise AttributeError(f"Model has no {name}; facts: {', '.join(self._facts)}") from None

    def __dir__(self):
        return [*super().__dir__(), *self._facts]

    @property
    def facts(self):
        """Everything that the model says of itself, as a dict."""
        return dict(self._facts)

    @property
    def path(self):
        """Of its file, where it has one."""
        return self._path

    @property
    def names(self):
        """Names of the neurons; empty where they have numbers only."""
        return self._core.neuron_names()

    def neuron(self, which):
        """The number of a neuron, of its name or number."""
        return int(select.neuron(self, which))

    def select(self, which):
        """Numbers of neurons: "5,7-9", "random:10@1", names, lists, slices, masks. uint32."""
        return select.neurons(self, which)

    # ---- text

    @property
    def has_text(self):
        return self.tokenizer is not None or self._core.has_text()

    def with_tokenizer(self, tokenizer):
        """The same model, its text read by any object with `encode(str)` and `decode(ids)`."""
        for method in ("encode", "decode"):
            if not callable(getattr(tokenizer, method, None)):
                raise InputError("tokenizer", type(tokenizer).__name__,
                                 f"an object with {method}()")
        other = Model(self._core, self._path)
        other.tokenizer = tokenizer
        return other

    def encode(self, text, place="text"):
        """Tokens of text (str or bytes), or tokens themselves: uint32 (tokens)."""
        if self.tokenizer is not None and isinstance(text, str):
            ids = self.tokenizer.encode(text)
            ids = getattr(ids, "ids", ids)
        elif isinstance(text, (str, bytes, bytearray)):
            data = text.encode() if isinstance(text, str) else bytes(text)
            return self._core.encode(data, place)
        else:
            ids = text
        ids = np.asarray(ids)
        if ids.ndim == 0:
            ids = ids[None]
        if ids.ndim != 1:
            raise ShapeError(place, f"an array of {ids.ndim} axes", "one axis: tokens")
        if ids.size == 0:
            return np.zeros(0, dtype=np.uint32)
        if ids.dtype.kind not in "iu":
            raise InputError(place, f"values of {ids.dtype}", "text, or token ids: integers")
        wrong = (ids < 0) | (ids >= self.sensory_nodes)
        if wrong.any():
            raise InputError(place, f"token {ids[wrong][0]}", f"0 to {self.sensory_nodes - 1}")
        return np.ascontiguousarray(ids, dtype=np.uint32)

    def decode(self, tokens, begins=True):
        """The text of tokens; bytes that are no UTF-8 are shown as U+FFFD."""
        tokens = self.encode(tokens, "tokens") if not isinstance(tokens, (str, bytes)) else None
        if tokens is None:
            raise InputError("tokens", "text", "token ids")
        if self.tokenizer is not None:
            return self.tokenizer.decode([int(t) for t in tokens])
        return self._core.decode(tokens, begins).decode(errors="replace")

    def token_text(self, token):
        """What a token adds to a text; empty: nothing, or the tokens are ids only."""
        if self.tokenizer is not None:
            return self.tokenizer.decode([int(token)])
        return self._core.token_text(token).decode(errors="replace")

    # ---- circuits

    def weight(self, circuit, pre, post):
        """Weights of the edges pre -> post of "gx" or "gy", negative where they inhibit, 0 where
        there is none; a number, or an array for arrays. Through hubs computed from the factors."""
        a, b = select.sources(self, pre, "pre"), select.neurons(self, post, "post")
        if len(a) != len(b) and 1 not in (len(a), len(b)):
            raise ShapeError("pre and post", f"{len(a)} and {len(b)} ends", "as many of both")
        a, b = (np.ascontiguousarray(v) for v in np.broadcast_arrays(a, b))
        found = self._core.weights(select.text(circuit, "circuit"), a, b)
        single = np.ndim(pre) == 0 and np.ndim(post) == 0 and len(found) == 1
        return float(found[0]) if single else found

    # ---- other models

    def save(self, path, overwrite=False):
        """Writes the model's file; returns its content hash."""
        path = os.fspath(path)
        sha256 = self._core.save(path, select.flag(overwrite, "overwrite"))
        if self._path is None:
            self._path = os.path.abspath(path)
            self._facts["content_sha256"] = sha256
        return sha256

    def merge(self, other, scale_e=1.0):
        """Both models joined along their neurons (the paper's section 7.1)."""
        if not isinstance(other, Model):
            raise InputError("merge", type(other).__name__, "a Model")
        return _kept(self._core.merge(other._core, select.real(scale_e, "scale_e")))

    def slice(self, neurons, scale_e=1.0):
        """The model of these neurons alone."""
        keep = np.unique(select.neurons(self, neurons))
        return _kept(self._core.slice(keep, select.real(scale_e, "scale_e")))

    def tune(self, activity=0.05, g=None, sensory_seed=None):
        """The same graph with gains for a given active share of X, as `bdh tune` finds them: `g`,
        the ratio of inhibition to excitation, is searched unless given. What was found is in
        `tuning`. With `sensory_seed` tokens drive other neurons, as many as that needs."""
        return _kept(self._core_module.tune(
            self._core, select.real(activity, "activity", positive=True),
            None if g is None else select.real(g, "g", positive=True),
            None if sensory_seed is None else select.integer(sensory_seed, "sensory_seed")))

    def to_direct(self):
        """The same model with explicit edges in place of hubs."""
        return _kept(self._core.with_explicit_edges())

    # ---- shown

    def _rows(self):
        f = self._facts
        rows = [("neurons", f["neurons"]), ("layers", f["layers"]), ("heads", f["heads"]),
                ("circuits", "explicit edges" if f["explicit_edges"] else f"{f['hubs']} hubs"),
                ("synapses of a layer", f["synapses"]), ("dynamics", f["dynamics"]),
                ("retention", f["retention"]), ("tokens", f["tokenizer"]),
                ("content", f["content_sha256"][:12])]
        if self._path:
            rows.append(("file", self._path))
        return rows

    def __repr__(self):
        f = self._facts
        kind = "explicit edges" if f["explicit_edges"] else f"{f['hubs']} hubs"
        return (f"<Model {f['content_sha256'][:12]}: {f['neurons']} neurons, {f['heads']} heads, "
                f"{kind}, {f['layers']} layers, {f['dynamics']}, {f['tokenizer']}>")

    def _repr_html_(self):
        from html import escape
        rows = "".join(f"<tr><th style='text-align:left'>{escape(str(k))}</th>"
                       f"<td>{escape(str(v))}</td></tr>" for k, v in self._rows())
        return f"<table>{rows}</table>"

    def __reduce__(self):
        """By its file, where it has one, else by the file's bytes."""
        if self._path and os.path.exists(self._path):
            return _reopened, (self._path, self.content_sha256, self.tokenizer)
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "model.bdh.h5")
            self._core.save(file, False)
            with open(file, "rb") as f:
                return _rebuilt, (f.read(), self.tokenizer)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __eq__(self, other):
        return isinstance(other, Model) and self.content_sha256 == other.content_sha256

    def __hash__(self):
        return hash(self.content_sha256)


def _reopened(path, sha256, tokenizer):
    model = load(path)
    if model.content_sha256 != sha256:
        raise InputError(path, f"a model of content {model.content_sha256[:12]}",
                         f"{sha256[:12]}, that of the pickle")
    model.tokenizer = tokenizer
    return model


def _rebuilt(data, tokenizer):
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "model.bdh.h5")
        with open(file, "wb") as f:
            f.write(data)
        model = Model(_core.load(file, False))
    model.tokenizer = tokenizer
    return model


def _kept(core):
    """A model that was made here gets its content hash by being written once."""
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "model.bdh.h5")
        core.save(file, False)
        return Model(_core.load(file, False))


def load(path, weights="float32"):
    """Opens a model file. `weights`: "float32" or "bf16", which takes half the memory."""
    if weights not in ("float32", "bf16"):
        raise InputError("weights", repr(weights), "'float32' or 'bf16'")
    path = os.fspath(path)
    return Model(_core.load(path, weights == "bf16"), path)


def new(family, *, neurons, degree=None, inhibitory=0.2, inhibitory_degree=None, g=5.0,
        activity=0.05, layers=2, heads=1, vocabulary=256, dynamics="bdh", retention=0.99,
        theta=None, rewired=0.1, communities=4, readout=True, seed=0):
    """A model of random graphs with gains for a given active share of X, as `bdh new` makes it.
    `family`: "erdos-renyi", "small-world", "scale-free", "blocks", "ring" or "complete"."""
    neurons = select.integer(neurons, "neurons", 2, 2**32 - 2)
    if degree is None:
        if family != "complete":
            raise InputError("degree", "none", f"a number of edges for {family}")
        degree = neurons - 1
    recipe = {"family": select.text(family, "family"), "neurons": neurons,
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
    wanted = neurons * min(recipe["degree"], neurons) * 3 * (16 + 4 * recipe["layers"])
    if wanted > there:
        raise InputError("neurons and degree", f"a model that takes about {wanted / 1e9:.1f} GB",
                         f"at most the {there / 1e9:.1f} GB of memory")
    return _kept(_core.new_model(recipe, select.real(g, "g", positive=True),
                                 select.real(activity, "activity", positive=True)))


def import_checkpoint(path, *, layers=None, heads=None, theta=None, tokenizer=None,
                      training_window=None):
    """The model of a trained checkpoint: a .safetensors or PyTorch file in one of the layouts that
    docs/files.md lists. Arguments supply what the file leaves open. `tokenizer`: "bytes", "ids" ...
    or a file. What was inferred is in `model.inferred`, what was not used in `model.not_used`.
    """
    def optional(value, place):
        return None if value is None else select.integer(value, place, 1)

    return _kept(_core.import_checkpoint(
        os.fspath(path), optional(layers, "layers"), optional(heads, "heads"),
        None if theta is None else select.real(theta, "theta", positive=True),
        None if tokenizer is None else os.fspath(tokenizer),
        optional(training_window, "training_window")))


def from_torch(state, **options):
    """The model of a PyTorch module, or of its state_dict; options as of `import_checkpoint`."""
    from ._safetensors import write
    state = state.state_dict() if hasattr(state, "state_dict") else state
    if not hasattr(state, "items"):
        raise InputError("from_torch", type(state).__name__, "a module or its state_dict")
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "state_dict.safetensors")
        write(file, state)
        return import_checkpoint(file, **options)


def import_graph(gx, gy=None, gs=None, *, neurons=None, sensory="", readout=None, vocabulary=None,
                 layers=1, dynamics="bdh", retention=1.0, theta=None):
    """A model with explicit edges: Gx drives X, Gy drives Y (the edges of gx unless given), gs are
    the synapses. Each of them: edges (pre, post, weight) as three arrays, a SciPy sparse matrix
    W[target, source], a networkx graph, a pandas frame with columns source, target and weight, or a
    file. Negative weights inhibit. `sensory`: edges token -> neuron, or "random:K@SEED".
    """
    from ._graphs import as_file
    with tempfile.TemporaryDirectory() as folder:
        files = {name: as_file(folder, name, value)
                 for name, value in (("gx", gx), ("gy", gy), ("gs", gs), ("sensory", sensory),
                                     ("readout", readout))}
        core, remarks = _core.import_graph(
            files["gx"], files["gy"], files["gs"], files["sensory"] or "", files["readout"],
            None if neurons is None else select.integer(neurons, "neurons", 1, 2**32 - 1),
            None if vocabulary is None else select.integer(vocabulary, "vocabulary", 1, 2**32 - 1),
            select.integer(layers, "layers", 1, 2**16), select.text(dynamics, "dynamics"),
            select.real(retention, "retention"),
            None if theta is None else select.real(theta, "theta", positive=True))
        model = _kept(core)
    model._facts["remarks"] = remarks
    return model


def model_of(model):
    """A Model, or that of a file."""
    if isinstance(model, (str, os.PathLike)):
        return load(model)
    if not isinstance(model, Model):
        raise InputError("model", type(model).__name__, "a Model, or the path of its file")
    return model
