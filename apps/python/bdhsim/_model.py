"""Models: sizes, circuits, text; other models of them."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Any, Literal, Union, overload

import numpy as np

from . import _core
from . import _select as select
from ._circuits import Circuits
from ._errors import InputError, ShapeError
from ._types import (Float64, Integer, Integers, Neuron, Neurons, Path, Real, Text, Tokenizer,
                     UInt32)


class Model:
    """A BDH model as a graph of neurons. It never changes, and can be pickled and copied.

    Made by `load`, `import_checkpoint`, `import_graph`, `new`, `from_torch`, and by methods of
    other models.

    >>> m = bs.load(example_model)
    >>> m.neurons, m.layers, m.hubs, m.retention
    (4096, 4, 64, 1.0)
    >>> m.circuits
    <circuits: e, sensory, dx, dy, readout>
    """

    neurons: int
    """n, over all heads."""
    heads: int
    """Into which the neurons are divided, equally."""
    hubs: int
    """d, through which the neurons are connected; with explicit edges, of a readout."""
    sources: int
    """Neurons, and sensory nodes where they are sources of edges, too."""
    layers: int
    """L, rounds of four a token."""
    synapses: int
    """Of a layer: neurons x hubs, or explicit edges."""
    sensory_nodes: int
    """How many tokens there are: ids from 0 on."""
    readout_nodes: int
    """How many logits there are; 0: the model has none."""
    explicit_edges: bool
    """Whether edges lead from neuron to neuron, not through hubs."""
    dynamics: str
    """The rule of a round by name, such as "bdh"."""
    equation: str
    """The equations of the paper that this is."""
    retention: float
    """u, the share of a synapse that is left after a token."""
    rotates: bool
    """Whether synapses turn with the position (RoPE)."""
    training_window: int
    """Tokens of a training sequence; 0: not known."""
    bytes: int
    """Of weights in memory."""
    bfloat16: bool
    """Whether weights are kept as bfloat16."""
    content_sha256: str
    """Of everything that computes: equal for equal models."""
    creator: str
    """The program that made the file."""
    source: str
    """The file that the model was made from."""
    source_sha256: str
    """Of that file."""
    layout: str
    """Of the checkpoint that it was made from."""
    inferred: list[str]
    """What the checkpoint left open, and what was taken for it."""
    not_used: list[str]
    """What the checkpoint has, and the model has not."""
    recipe: dict[str, str]
    """Of models that `new` drew: family, degree, seed ..."""
    tuning: dict[str, str]
    """Of models whose gains were found: target, gains, what was reached."""
    remarks: list[str]
    """Of models that `import_graph` made: what the reader of the files noted."""
    circuits: Circuits
    """By name: a mapping of `Circuit`."""
    tokenizer: Any
    """Of `with_tokenizer`; None: the model's own, which `facts["tokenizer"]` names."""

    def __init__(self, core: _core.Model, path: Path | None = None) -> None:
        self._core = core
        self._path = os.path.abspath(path) if path is not None else None
        self._facts: dict[str, Any] = core.facts()
        self.circuits = Circuits(core)
        self.tokenizer: Any = None

    if not TYPE_CHECKING:
        def __getattr__(self, name):
            if name.startswith("_"):
                raise AttributeError(name)
            try:
                return self._facts[name]
            except KeyError:
                raise AttributeError(
                    f"Model has no {name}; facts: {', '.join(self._facts)}") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._facts]

    @property
    def facts(self) -> dict[str, Any]:
        """Everything that the model says of itself, by name.

        >>> m.facts["layers"]
        4
        """
        return dict(self._facts)

    @property
    def path(self) -> str | None:
        """Of its file, where it has one.

        >>> ring.path is None
        True
        """
        return self._path

    @property
    def names(self) -> list[str]:
        """Names of the neurons (neurons); empty where they have numbers only.

        >>> ring.names
        []
        """
        return self._core.neuron_names()

    def neuron(self, which: Neuron) -> int:
        """The number of a neuron, of its name or number.

        >>> m.neuron(np.int32(7))
        7
        """
        return int(select.neuron(self, which))

    def select(self, which: Neurons) -> UInt32:
        """Numbers of neurons, of a list, slice or mask (neurons), or a selection: uint32 (chosen).

        >>> m.select("5,7-9"), m.select(slice(0, 3))
        (array([5, 7, 8, 9], dtype=uint32), array([0, 1, 2], dtype=uint32))
        """
        return select.neurons(self, which)

    # ---- text

    @property
    def has_text(self) -> bool:
        """Whether tokens have text; else they are ids only.

        >>> m.has_text
        True
        """
        return self.tokenizer is not None or self._core.has_text()

    def with_tokenizer(self, tokenizer: Tokenizer) -> Model:
        """The same model, its text read by any object with `encode(str)`, which returns ids or an
        object that has `ids`, and `decode(ids)`.

        >>> class Letters:
        ...     def encode(self, text): return [ord(c) - 96 for c in text]
        ...     def decode(self, ids): return "".join(chr(i + 96) for i in ids)
        >>> m.with_tokenizer(Letters()).encode("abc")
        array([1, 2, 3], dtype=uint32)
        """
        for method in ("encode", "decode"):
            if not callable(getattr(tokenizer, method, None)):
                raise InputError("tokenizer", type(tokenizer).__name__,
                                 f"an object with {method}()")
        other = Model(self._core, self._path)
        other.tokenizer = tokenizer
        return other

    def encode(self, text: Text, place: str = "text") -> UInt32:
        """Tokens of text (str or bytes), or tokens themselves: uint32 (tokens). `place` names the
        argument in messages.

        >>> m.encode("To be")
        array([ 84, 111,  32,  98, 101], dtype=uint32)
        """
        ids: Any
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

    def decode(self, tokens: Integers, begins: bool = True) -> str:
        """The text of tokens (tokens); bytes that are no UTF-8 are shown as U+FFFD. `begins`: they
        are the beginning of a text, which some tokenizers write differently.

        >>> m.decode([84, 111])
        'To'
        """
        if isinstance(tokens, (str, bytes)):
            raise InputError("tokens", "text", "token ids")
        ids = self.encode(tokens, "tokens")
        if self.tokenizer is not None:
            return str(self.tokenizer.decode([int(t) for t in ids]))
        return self._core.decode(ids, begins).decode(errors="replace")

    def token_text(self, token: Integer) -> str:
        """What a token adds to a text; empty: nothing, or the tokens are ids only.

        >>> m.token_text(65)
        'A'
        """
        if self.tokenizer is not None:
            return str(self.tokenizer.decode([int(token)]))
        return self._core.token_text(int(token)).decode(errors="replace")

    # ---- circuits

    @overload
    def weight(self, circuit: str, pre: Neuron, post: Neuron) -> float: ...
    @overload
    def weight(self, circuit: str, pre: Neurons, post: Neurons) -> Union[float, Float64]: ...

    def weight(self, circuit: str, pre: Neurons, post: Neurons) -> Union[float, Float64]:
        """Weights of the edges pre -> post of "gx" or "gy", negative where they inhibit, 0 where
        there is none: a number, or float64 (edges) for arrays. Through hubs computed from the
        factors.

        >>> ring.weight("gx", pre=0, post=1)
        1.0
        >>> ring.weight("gx", pre=[2, 2, 2], post=[0, 1, 2])
        array([ 0.5 , -0.25,  0.  ])
        """
        a, b = select.sources(self, pre, "pre"), select.neurons(self, post, "post")
        if len(a) != len(b) and 1 not in (len(a), len(b)):
            raise ShapeError("pre and post", f"{len(a)} and {len(b)} ends", "as many of both")
        a, b = (np.ascontiguousarray(v) for v in np.broadcast_arrays(a, b))
        found = self._core.weights(select.text(circuit, "circuit"), a, b)
        ends: tuple[Any, Any] = (pre, post)
        single = len(found) == 1 and all(np.ndim(end) == 0 for end in ends)
        return float(found[0]) if single else found

    def communities(self, circuit: Literal["gx", "gy", "gs"] = "gx", *,
                    top: Integer | None = None, seed: Integer = 0) -> tuple[UInt32, float]:
        """Communities of neurons by Leiden's method, for which direction, sign and weight of an
        edge do not count: of each neuron the number of its community, from the largest on, uint32
        (neurons), and the modularity of this division. `top`: of so many edges with the largest
        weights; needed through hubs, where every pair has an edge. Needs igraph, see `build_info`.

        >>> member, modularity = m.communities(top=20000, seed=1)
        >>> member.shape
        (4096,)
        >>> bs.import_graph(([0, 1, 2, 3], [1, 0, 3, 2], [1, 1, 1, 1.])).communities()
        (array([0, 0, 1, 1], dtype=uint32), 0.5)
        """
        if top is None and not self.explicit_edges:
            raise InputError("top", "None, and a model in which every pair of neurons has an edge",
                             "how many of the largest edges to take")
        return _core.communities(self._core, select.text(circuit, "circuit"),
                                 None if top is None else select.integer(top, "top", 1),
                                 select.integer(seed, "seed"))

    # ---- other models

    def save(self, path: Path, overwrite: bool = False) -> str:
        """Writes the model's file; returns its content hash.

        >>> ring.save("ring.bdh.h5") == bs.load("ring.bdh.h5").content_sha256
        True
        """
        path = os.fspath(path)
        sha256 = self._core.save(path, select.flag(overwrite, "overwrite"))
        if self._path is None:
            self._path = os.path.abspath(path)
            self._facts["content_sha256"] = sha256
        return sha256

    def merge(self, other: Model, scale_e: Real = 1.0) -> Model:
        """Both models joined along their neurons (the paper's section 7.1): n1 + n2 neurons.
        `scale_e` multiplies the weights of E.

        >>> m.merge(m).neurons
        8192
        """
        if not isinstance(other, Model):
            raise InputError("merge", type(other).__name__, "a Model")
        return kept(self._core.merge(other._core, select.real(scale_e, "scale_e")))

    def slice(self, neurons: Neurons, scale_e: Real = 1.0) -> Model:
        """The model of these neurons alone; they are numbered anew, ascending. `scale_e` multiplies
        the weights of E.

        >>> ring.slice([0, 2]).weight("gx", 1, 0)
        0.5
        """
        keep = np.unique(select.neurons(self, neurons))
        return kept(self._core.slice(keep, select.real(scale_e, "scale_e")))

    def tune(self, activity: Real = 0.05, g: Real | None = None,
             sensory_seed: Integer | None = None) -> Model:
        """The same graph with gains for a given active share of X (0 to 1), as `bdh tune` finds
        them: `g`, the ratio of inhibition to excitation, is searched unless given. What was found
        is in `tuning`. With `sensory_seed` tokens drive other neurons, as many as that needs.

        >>> drawn = bs.new("small-world", neurons=300, degree=12, seed=1)
        >>> "target" in " ".join(drawn.tune(activity=0.06).tuning)
        True
        """
        return kept(_core.tune(
            self._core, select.real(activity, "activity", positive=True),
            None if g is None else select.real(g, "g", positive=True),
            None if sensory_seed is None else select.integer(sensory_seed, "sensory_seed")))

    def to_direct(self) -> Model:
        """The same model with explicit edges in place of hubs: n x n of them for every circuit, so
        of few neurons.

        >>> small = m.slice("0-31").to_direct()
        >>> small.explicit_edges, sorted(small.circuits)[:2]
        (True, ['gs', 'gx_excitatory'])
        """
        return kept(self._core.with_explicit_edges())

    # ---- shown

    def _rows(self) -> list[tuple[str, Any]]:
        f = self._facts
        rows = [("neurons", f["neurons"]), ("layers", f["layers"]), ("heads", f["heads"]),
                ("circuits", "explicit edges" if f["explicit_edges"] else f"{f['hubs']} hubs"),
                ("synapses of a layer", f["synapses"]), ("dynamics", f["dynamics"]),
                ("retention", f["retention"]), ("tokens", f["tokenizer"]),
                ("content", f["content_sha256"][:12])]
        if self._path:
            rows.append(("file", self._path))
        return rows

    def __repr__(self) -> str:
        f = self._facts
        kind = "explicit edges" if f["explicit_edges"] else f"{f['hubs']} hubs"
        return (f"<Model {f['content_sha256'][:12]}: {f['neurons']} neurons, {f['heads']} heads, "
                f"{kind}, {f['layers']} layers, {f['dynamics']}, {f['tokenizer']}>")

    def _repr_html_(self) -> str:
        from html import escape
        rows = "".join(f"<tr><th style='text-align:left'>{escape(str(k))}</th>"
                       f"<td>{escape(str(v))}</td></tr>" for k, v in self._rows())
        return f"<table>{rows}</table>"

    def __reduce__(self) -> tuple[Any, ...]:
        """By its file, where it has one, else by the file's bytes."""
        if self._path and os.path.exists(self._path):
            return _reopened, (self._path, self.content_sha256, self.tokenizer)
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "model.bdh.h5")
            self._core.save(file, False)
            with open(file, "rb") as f:
                return _rebuilt, (f.read(), self.tokenizer)

    def __copy__(self) -> Model:
        return self

    def __deepcopy__(self, memo: Any) -> Model:
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self.content_sha256 == other.content_sha256

    def __hash__(self) -> int:
        return hash(self.content_sha256)


def _reopened(path: str, sha256: str, tokenizer: Any) -> Model:
    model = Model(_core.load(path, False), path)
    if model.content_sha256 != sha256:
        raise InputError(path, f"a model of content {model.content_sha256[:12]}",
                         f"{sha256[:12]}, that of the pickle")
    model.tokenizer = tokenizer
    return model


def _rebuilt(data: bytes, tokenizer: Any) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "model.bdh.h5")
        with open(file, "wb") as f:
            f.write(data)
        model = Model(_core.load(file, False))
    model.tokenizer = tokenizer
    return model


def kept(core: _core.Model) -> Model:
    """A model that was made here gets its content hash by being written once."""
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "model.bdh.h5")
        core.save(file, False)
        return Model(_core.load(file, False))
