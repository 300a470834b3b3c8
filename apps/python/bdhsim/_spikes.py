"""Activity that travels as spikes: how it is chosen, and the trains that were sent."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import NDArray

from . import _core
from . import _select as select
from ._errors import InputError, ShapeError, needed
from ._makers import model_of
from ._model import Model
from ._tables import table
from ._types import Float64, Integer, Path, Real, Text, UInt32, UInt64

if TYPE_CHECKING:
    import pandas as pd

Bins = Union[Integer, str, Mapping[str, Integer]]
Scales = Union[Path, Mapping[str, Any]]

_VARIABLES = np.array(["x", "y", "w", "a"])
_OF_HUB = 16  # more, in place of a variable


def spike_scales(model: Model | Path, text: Text, *, window: Integer = 512,
                 percentile: Real = 99.5) -> dict[str, list[float]]:
    """What a spike in every bin is to stand for, by population and layer: a high percentile of the
    active values over a text, whose windows of so many tokens begin without synapses. The numbers
    of `bdh spike-scales`; for `Simulator(spike_scales=...)`.

    >>> sorted(bs.spike_scales(m, "To be, or not to be"))
    ['a', 'w', 'x', 'y']
    """
    model = model_of(model)
    tokens = model.encode(text)
    if len(tokens) == 0:
        raise ShapeError("text", "no tokens", "one at least")
    percentile = select.real(percentile, "percentile")
    if not 50 <= percentile <= 100:
        raise InputError("percentile", str(percentile), "50 to 100")
    found: dict[str, list[float]] = json.loads(_core.measure_spike_scales(
        model._core, tokens, select.integer(window, "window", 1), percentile))
    return found


def settings_of(spikes: Bins | None, scales: Scales | None, code: str | None, phase: str | None,
                pair: str | None, hubs: bool, dt: Real | None) -> dict[str, Any]:
    """What the extension takes."""
    given: dict[str, Any] = {}
    if spikes is not None:
        given["bins"] = _bins(spikes)
    if isinstance(scales, Mapping):
        try:
            given["known"] = json.dumps(scales.get("scales", scales), default=_number,
                                        allow_nan=False)
        except (TypeError, ValueError) as wrong:
            raise InputError("spike_scales", str(wrong), "numbers by population and layer",
                             "bs.spike_scales() measures them") from None
    elif scales is not None:
        try:
            given["scales"] = os.fspath(scales)
        except TypeError:
            raise InputError("spike_scales", type(scales).__name__,
                             "a file of bdh spike-scales, or a dict of spike_scales()") from None
    for name, value in (("code", code), ("phase", phase), ("pair", pair)):
        if value is not None:
            given[name] = select.text(value, "spike_" + name)
    if select.flag(hubs, "spike_hubs"):
        given["hubs"] = True
    if dt is not None:
        given["dt"] = select.real(dt, "spike_dt")
    return given


def _number(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else float(value)


def _bins(spikes: Any) -> str:
    if isinstance(spikes, str):
        return spikes
    if isinstance(spikes, Mapping):
        if not spikes:
            raise InputError("spikes", "{}", "bins by population, as {'x': 8, 'y': 32}")
        return ",".join(f"{name}={select.integer(k, f'spikes of {name}', 1, 1024)}"
                        for name, k in spikes.items())
    return str(select.integer(spikes, "spikes", 1, 1024))


class Trains:
    """Spikes of chosen neurons, by time: of `Simulator.read(..., trains=neurons)`, or of a `Run`
    that recorded them.

    >>> brain = bs.Simulator(m, spikes=16, spike_scales=bs.spike_scales(m, "To be, or not"))
    >>> trains = brain.read("To be", trains=range(100)).trains
    >>> trains.neurons.shape, trains.times.shape == trains.nodes.shape
    ((100,), True)
    """

    times: Float64
    """Of each spike, in ms: the end of its bin; ascending (spikes)."""
    nodes: UInt32
    """Which neuron it is of (spikes); of `hubs` 2 hub, or 2 hub + 1 for a value below zero, of A of
    head h with hub + h hubs; of `axons` the same with neuron + h sources."""
    variables: NDArray[np.str_]
    """What it carries, "x", "y", "w" or "a" (spikes)."""
    bins: UInt64
    """Of the run, each as long as `bin_ms` (spikes)."""
    neurons: UInt32
    """Those that were chosen, also silent ones (neurons)."""
    windows: list[dict[str, Any]]
    """Of a token: variable, layer, round, first_bin, bins."""
    bin_ms: float
    """How long a bin is."""
    token_ms: float
    """How long a token is."""
    start_ms: float
    """Where the trains begin: what was read before is not in them."""
    stop_ms: float
    """Where they end."""
    hubs: Trains | None
    """Those of hubs, where hubs spike."""
    axons: Trains | None
    """Those of A of the chosen neurons, where it spikes over explicit edges."""

    def __init__(self, core: dict[str, Any], spikes: dict[str, Any], first: int,
                 tokens: int) -> None:
        self.windows = spikes["windows"]
        self.bin_ms, self.token_ms = float(spikes["dt_ms"]), float(spikes["token_ms"])
        self.start_ms = first * self.token_ms
        self.stop_ms = (first + tokens) * self.token_ms
        hub = core["variables"] >= _OF_HUB
        self._take(core, ~hub, core["neurons"])
        self.hubs = self.axons = None
        if spikes["hubs"] or "a" in spikes["scales"]:
            paired = Trains.__new__(Trains)
            paired.__dict__.update(self.__dict__)
            paired._take(core, hub, np.unique(core["nodes"][hub]))
            setattr(self, "hubs" if spikes["hubs"] else "axons", paired)

    def _take(self, core: dict[str, Any], which: NDArray[np.bool_], neurons: UInt32) -> None:
        self.bins, self.nodes = core["bins"][which], core["nodes"][which]
        self.variables = _VARIABLES[core["variables"][which] % _OF_HUB]
        self.times = (self.bins + 1).astype(np.float64) * self.bin_ms
        self.neurons = neurons

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        return (f"<Trains of {len(self.neurons)} nodes: {len(self)} spikes, "
                f"{self.start_ms:g} to {self.stop_ms:g} ms>")

    def of(self, neuron: Integer) -> Float64:
        """Times of one neuron, in ms (spikes).

        >>> brain = bs.Simulator(m, spikes=16, spike_scales=bs.spike_scales(m, "To be, or not"))
        >>> len(brain.read("To be", trains=[17]).trains.of(17)) >= 0
        True
        """
        number = select.integer(neuron, "neuron")
        if number not in self.neurons:
            raise InputError("neuron", str(number), "one of those that were chosen")
        return self.times[self.nodes == number]

    def _of_tokens(self) -> tuple[UInt64, UInt32, UInt32]:
        """Position, layer and round of the window of each spike."""
        token_bins = max(w["first_bin"] + w["bins"] for w in self.windows)
        position, within = np.divmod(self.bins, np.uint64(token_bins))
        layer, round_ = (np.zeros(len(self), np.uint32) for _ in range(2))
        for w in self.windows:
            of = self.variables == w["variable"].removesuffix("_sensory")
            here = of & (within >= w["first_bin"]) & (within < w["first_bin"] + w["bins"])
            layer[here], round_[here] = w["layer"], w["round"]
        return position, layer, round_

    def to_pandas(self) -> pd.DataFrame:
        """One row a spike: time_ms, neuron, variable, position of the token, layer, and the round
        in which it arrives. Needs pandas.

        >>> brain = bs.Simulator(m, spikes=16, spike_scales=bs.spike_scales(m, "To be, or not"))
        >>> list(brain.read("To be", trains=range(100)).trains.to_pandas().columns)
        ['time_ms', 'neuron', 'variable', 'position', 'layer', 'round']
        """
        position, layer, round_ = self._of_tokens()
        return table({"time_ms": self.times, "neuron": self.nodes, "variable": self.variables,
                      "position": position, "layer": layer, "round": round_})

    def _neo_trains(self, earlier_ms: float) -> list[Any]:
        neo, quantities = needed("neo", "neo"), needed("quantities", "neo")
        return [neo.SpikeTrain(
            self.times[own] - earlier_ms, units="ms", t_start=self.start_ms, t_stop=self.stop_ms,
            sampling_rate=quantities.Quantity(1 / self.bin_ms, "1/ms"), name=f"neuron {neuron}",
            array_annotations={"variable": self.variables[own]}, neuron=int(neuron))
            for neuron in self.neurons for own in [self.nodes == neuron]]

    def to_neo(self) -> Any:
        """A neo.Segment with a SpikeTrain for each neuron, silent ones too, in ms: `variable` of
        each spike is an array annotation, the neuron's number the annotation `neuron`. Of shape
        (neurons). Needs neo.
        """
        segment = needed("neo", "neo").Segment(name="bdh")
        segment.spiketrains.extend(self._neo_trains(0.0))
        return segment

    def to_elephant(self) -> Any:
        """An elephant BinnedSpikeTrain (neurons, bins), sparse, with the bins of the run; where X
        and Y of a neuron share a train, a bin has at most one spike of each. Needs elephant.
        """
        conversion = needed("elephant.conversion", "elephant")
        ms = needed("quantities", "elephant").ms
        # Its bins are open at their end, where a spike comes.
        return conversion.BinnedSpikeTrain(
            self._neo_trains(self.bin_ms / 2), bin_size=self.bin_ms * ms,
            t_start=self.start_ms * ms, t_stop=self.stop_ms * ms)
