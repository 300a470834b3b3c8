"""What reading gives: outputs, tokens, rounds, the courses of synapses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._errors import needed
from ._spikes import Trains
from ._tables import table
from ._types import Float32, Float64, UInt32, UInt64

if TYPE_CHECKING:
    import pandas as pd
    import xarray

    from ._model import Model
    from ._simulator import Simulator


class Output:
    """What was read: a value for each token, and what was kept.

    >>> out = brain.read("To be", keep=["x", "logits"])
    >>> out
    <Output of 5 tokens, ... nats a token, kept x, logits>
    >>> out.x.shape, out.logits.shape, out.active_x.shape
    ((5, 4, 4096), (5, 256), (5, 4))
    """

    positions: UInt64
    """Tokens read before each: uint64 (tokens)."""
    tokens: UInt32
    """Token ids: uint32 (tokens)."""
    surprisal: Float64
    """-ln p of each token, in nats (tokens); nan where it is not known, as of the first."""
    active_x: UInt32
    """Neurons with X > 0: uint32 (tokens, layers)."""
    active_y: UInt32
    """Neurons with Y > 0: uint32 (tokens, layers)."""
    synaptic_events: UInt64
    """Values that crossed an edge: uint64 (tokens)."""
    hebbian_writes: UInt64
    """Synapses that were written: uint64 (tokens)."""
    bytes_exchanged: UInt64
    """Between sites: uint64 (tokens)."""
    seconds: Float64
    """That each token took (tokens)."""
    kept: dict[str, Float32]
    """What `keep` named, by name."""
    x: Float32
    """(tokens, layers, neurons), where `keep` named it."""
    y: Float32
    """(tokens, layers, neurons), where `keep` named it."""
    w: Float32
    """(tokens, layers, size of W), where `keep` named it."""
    a: Float32
    """(tokens, layers, size of A), where `keep` named it."""
    spikes: dict[str, NDArray[Any]] | None
    """Where activity travels as spikes, how many each population sent: "x", "y", "w", "a", pairs of
    one bin that wrote a synapse ("coincidences"), those of neurons that had one in every bin
    ("clipped"): uint64 (tokens); neurons with one, "spiking_x", "spiking_y": (tokens, layers)."""
    trains: Trains | None
    """Of the neurons that `trains` named."""
    logits: Float32
    """(tokens, readout nodes), where `keep` named it: after each token."""

    def __init__(self, model: Model, columns: dict[str, Any],
                 trains: Trains | None = None) -> None:
        self._model, self.trains = model, trains
        kept = columns.pop("kept")
        self.positions, self.tokens = columns["position"], columns["token"]
        for name in ("surprisal", "active_x", "active_y", "synaptic_events", "hebbian_writes",
                     "bytes_exchanged", "seconds", "spikes"):
            setattr(self, name, columns[name])
        self.kept = kept
        for name, values in kept.items():
            setattr(self, name, values)

    @property
    def text(self) -> str:
        """What was read; empty where tokens are ids only.

        >>> brain.read([84, 111]).text
        'To'
        """
        return self._model.decode(self.tokens) if self._model.has_text else ""

    @property
    def loss(self) -> float:
        """Mean surprisal in nats a token, over the tokens that have one.

        >>> brain.read("To be, or not to be").loss < 2
        True
        """
        known = self.surprisal[~np.isnan(self.surprisal)]
        return float(known.mean()) if len(known) else float("nan")

    def to_pandas(self) -> pd.DataFrame:
        """One row a token, by position: token, text, surprisal in nats, events, active neurons by
        layer. Needs pandas.

        >>> brain.read("To be").to_pandas().shape
        (5, 12)
        """
        columns: dict[str, Any] = {
            "position": self.positions, "token": self.tokens,
            "text": [self._model.token_text(t) for t in self.tokens],
            "surprisal_nats": self.surprisal, "synaptic_events": self.synaptic_events}
        for l in range(self.active_x.shape[1]):
            columns[f"active_x_{l + 1}"] = self.active_x[:, l]
            columns[f"active_y_{l + 1}"] = self.active_y[:, l]
        return table(columns, "position")

    def to_xarray(self) -> xarray.Dataset:
        """A Dataset with dimensions position, layer, and the size of each variable. Needs xarray.

        >>> brain.read("To be", keep="x").to_xarray()["x"].dims
        ('position', 'layer', 'neuron')
        """
        xarray = needed("xarray", "'bdhsim[xarray]'")
        coordinates = {"position": self.positions,
                       "layer": np.arange(1, self.active_x.shape[1] + 1)}
        variables: dict[str, tuple[Any, NDArray[Any]]] = {
            "token": ("position", self.tokens),
            "surprisal_nats": ("position", self.surprisal),
            "active_x": (("position", "layer"), self.active_x),
            "active_y": (("position", "layer"), self.active_y)}
        for name, values in self.kept.items():
            if name == "logits":
                variables[name] = (("position", "next_token"), values)
            else:
                size = "neuron" if values.shape[2] == self._model.neurons else f"{name}_index"
                variables[name] = (("position", "layer", size), values)
        return xarray.Dataset(variables, coordinates)

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        kept = f", kept {', '.join(self.kept)}" if self.kept else ""
        return f"<Output of {len(self)} tokens, {self.loss:.4f} nats a token{kept}>"


class Learned(Output):
    """What was read, and what each token taught.

    >>> learned = bs.Simulator(m).learn("To be")
    >>> learned.error.shape, learned.loss < 5
    ((5,), True)
    """

    error: Float64
    """Norm of the error at the hubs of the prediction that each token ended (tokens); 0 where it
    taught nothing, as the first."""
    rows_changed: UInt64
    """Rows of weights that changed: uint64 (tokens)."""
    weight_change: Float64
    """Norm of all changes (tokens)."""

    def __init__(self, model: Model, columns: dict[str, Any]) -> None:
        super().__init__(model, columns)
        for name in ("error", "rows_changed", "weight_change"):
            setattr(self, name, columns[name])


class Token:
    """A token that was generated.

    >>> report = brain.read("To be, or not to b")
    >>> [t.text for t in brain.generate(2)]
    ['e', ...]
    """

    token: int
    """Its id."""
    text: str
    """Empty where tokens are ids only."""
    report: _core.StepReport
    """What it did, as of `Simulator.step`."""

    def __init__(self, model: Model, report: _core.StepReport) -> None:
        self.token, self.report = report.token, report
        self.text = model.token_text(report.token) if model.has_text else ""

    def __repr__(self) -> str:
        return f"<Token {self.token} {self.text!r}>"


class Round:
    """A moment of a layer, of `Simulator.rounds`.

    >>> [r for r in brain.rounds("T")][:2]
    [<Round of layer 1: x_ready>, <Round of layer 1: a_ready>]
    """

    layer: int
    """From 1 on."""
    moment: str
    """One of "x_ready", "a_ready", "synapses_written", "y_ready"."""

    def __init__(self, layer: int, moment: str) -> None:
        self.layer, self.moment = layer, moment

    def __repr__(self) -> str:
        return f"<Round of layer {self.layer}: {self.moment}>"


class Probe:
    """A synapse pre -> post of a layer that is followed from the next token on; made by
    `Simulator.probe`.

    >>> probe = brain.probe(pre=1105, post=17, layer=3)
    >>> out = brain.read("To be")
    >>> probe.positions, probe.values.shape
    (array([0, 1, 2, 3, 4], dtype=uint64), (5,))
    """

    layer: int
    """From 1 on."""
    pre: int
    """The neuron whose activity is read."""
    post: int
    """The neuron, or source, that the synapse leads to."""

    def __init__(self, brain: Simulator, layer: int, pre: int, post: int, factor: str) -> None:
        self._brain, self.layer, self.pre, self.post = brain, layer, pre, post
        self._by_y = factor == "y"
        self._number = brain._core.follow(layer, pre, post, self._by_y)

    @property
    def value(self) -> float:
        """The strength that the next token reads; nan where it is not known.

        >>> brain.probe(pre=1105, post=17, layer=3).value
        0.0
        """
        pre, post = (np.array([v], dtype=np.uint32) for v in (self.pre, self.post))
        return float(self._brain._core.strengths(self.layer, pre, post, self._by_y)[0])

    @property
    def positions(self) -> UInt64:
        """Of the tokens since it was placed: uint64 (tokens)."""
        found: UInt64 = self._brain._core.course(self._number)[0]
        return found

    @property
    def values(self) -> Float64:
        """The strength after each of `positions`: float64 (tokens)."""
        found: Float64 = self._brain._core.course(self._number)[1]
        return found

    @property
    def course(self) -> pd.Series:
        """A pandas Series of `values` by position (tokens). Needs pandas."""
        pandas = needed("pandas", "'bdhsim[pandas]'")
        positions, values = self._brain._core.course(self._number)
        return pandas.Series(values, index=pandas.Index(positions, name="position"),
                             name=f"{self.pre}->{self.post}")

    def stop(self) -> None:
        """Its course ends, and is forgotten.

        >>> brain.probe(pre=1105, post=17, layer=3).stop()
        """
        self._brain._core.unfollow(self._number)

    def __repr__(self) -> str:
        return f"<Probe {self.pre}->{self.post}, layer {self.layer}: {self.value:.6g}>"
