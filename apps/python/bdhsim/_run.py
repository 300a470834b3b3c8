"""The folders of runs, of `bdh run` and of `Simulator.record`, to read."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from . import _core
from . import _select as select
from ._errors import InputError, needed
from ._spikes import Trains
from ._tables import table
from ._types import Float32, Integer, Path, UInt32, UInt64

if TYPE_CHECKING:
    import matplotlib.axes
    import pandas as pd
    import xarray


class Run:
    """A run's folder, of `bdh run` or of `Simulator.record`. It can be opened while the run goes
    on; then it shows what was committed.

    >>> with brain.record("run", logits=True): out = brain.read("To be")
    >>> run = bs.open_run("run")
    >>> run.status, len(run), run.recordings
    ('complete', 5, ['events_x_1', ...])
    """

    folder: str
    """Where it is."""

    def __init__(self, folder: Path) -> None:
        self.folder = os.fspath(folder)
        self._core = _core.open_run(self.folder)
        self._recordings = self._core.recordings()

    @property
    def status(self) -> str:
        """One of "running", "complete", "interrupted", "failed": run.json.

        >>> with brain.record("run"): out = brain.read("To be")
        >>> bs.open_run("run").status
        'complete'
        """
        return self._core.status

    @property
    def first(self) -> int:
        """Position of the first token.

        >>> with brain.record("run"): out = brain.read("To be")
        >>> bs.open_run("run").first
        0
        """
        return self._core.first

    @property
    def layers(self) -> int:
        """L, of the model.

        >>> with brain.record("run"): out = brain.read("To be")
        >>> bs.open_run("run").layers
        4
        """
        return self._core.layers

    @property
    def neurons(self) -> int:
        """n, of the model.

        >>> with brain.record("run"): out = brain.read("To be")
        >>> bs.open_run("run").neurons
        4096
        """
        return self._core.neurons

    @property
    def model_sha256(self) -> str:
        """The `content_sha256` of the model.

        >>> with brain.record("run"): out = brain.read("To be")
        >>> bs.open_run("run").model_sha256 == m.content_sha256
        True
        """
        return self._core.model_sha256

    @property
    def token_ids(self) -> UInt32:
        """Of all tokens: uint32 (tokens)."""
        return self._core.tokens

    @property
    def description(self) -> dict[str, Any]:
        """run.json, as a dict.

        >>> with brain.record("run"): out = brain.read("To be")
        >>> bs.open_run("run").description["status"]
        'complete'
        """
        found: dict[str, Any] = json.loads(self._core.json)
        return found

    @property
    def options(self) -> dict[str, Any]:
        """How it was run, by the names of the command line.

        >>> with brain.record("run"): out = brain.read("To be")
        >>> bs.open_run("run").options["seed"]
        0
        """
        found: dict[str, Any] = self.description.get("options", {})
        return found

    @property
    def recordings(self) -> list[str]:
        """Names of the recordings.

        >>> with brain.record("run", events=False, logits=True): out = brain.read("To be")
        >>> bs.open_run("run").recordings
        ['logits']
        """
        return [os.path.splitext(r[0])[0] for r in self._recordings]

    @property
    def tokens(self) -> pd.DataFrame:
        """A frame, one row a token, by position: token, text, generated, and the columns of
        summary.csv. Needs pandas.

        >>> with brain.record("run"): out = brain.read("To be")
        >>> "".join(bs.open_run("run").tokens["text"])
        'To be'
        """
        c = self._core
        summary = c.summary()
        rows = len(summary["position"]) if "position" in summary else 0
        columns = {"position": np.arange(c.first, c.first + rows), "token": c.tokens[:rows],
                   "text": c.texts[:rows], "generated": c.generated[:rows]}
        columns.update({k: v for k, v in summary.items() if k not in ("position", "token")})
        return table(columns, "position")

    @property
    def trains(self) -> Trains:
        """The spikes that it recorded (`Trains`).

        >>> brain = bs.Simulator(m, spikes=16, spike_scales=bs.spike_scales(m, "To be, or not"))
        >>> with brain.record("run", spikes="0-99"): out = brain.read("To be")
        >>> bs.open_run("run").trains.neurons.shape
        (100,)
        """
        core = _core.trains(self._core)
        return Trains(core, self.options["spikes"], core.pop("first_token"), core.pop("tokens"))

    def _number(self, what: str, layer: Integer | None, prefix: str = "") -> int:
        """Which recording is meant: by its name, or by its variable and layer."""
        names = self.recordings
        found = [i for i, name in enumerate(names) if name == what]
        if not found:
            found = [i for i, (name, (_, _, at, _)) in enumerate(zip(names, self._recordings))
                     if name.rsplit("_", 1)[0] == prefix + what and layer in (None, at)]
        if len(found) == 1:
            return found[0]
        problem = "no such recording" if not found else f"{len(found)} recordings"
        wanted = f"{what!r}" + ("" if layer is None else f" of layer {layer}")
        raise InputError(f"run {self.folder}", f"{problem}: {wanted}",
                         ", ".join(self.recordings) or "a run that recorded something")

    def events(self, what: str, layer: Integer | None = None) -> pd.DataFrame:
        """Values above zero of "x" or "y" of a layer, or of a recording by its name, one row each:
        position, neuron, value; of synapses edge besides. Needs pandas.

        >>> with brain.record("run"): out = brain.read("To be")
        >>> list(bs.open_run("run").events("y", layer=2).columns)
        ['position', 'neuron', 'value']
        """
        number = self._number(what, layer, "events_" if what in ("x", "y") else "")
        self._expect(number, "events")
        return table(self._core.events(number))

    def values(self, what: str, layer: Integer | None = None) -> tuple[UInt64, Float32]:
        """Positions, uint64 (rows), and values, float32 (rows, columns): a row for each recorded
        token, a column for each neuron or synapse that was requested (`columns`).

        >>> with brain.record("run", x=[3, 5]): out = brain.read("To be")
        >>> positions, values = bs.open_run("run").values("x", layer=2)
        >>> positions.shape, values.shape
        ((5,), (5, 2))
        """
        number = self._number(what, layer)
        self._expect(number, "frames")
        return self._core.frames(number)

    def columns(self, what: str, layer: Integer | None = None) -> list[Any]:
        """What the columns of `values` are: neurons, or pairs (pre, post) of synapses.

        >>> with brain.record("run", synapses="3->5 layers 1"): out = brain.read("To be")
        >>> bs.open_run("run").columns("synapses", layer=1)
        [(3, 5)]
        """
        layout = self._core.layout(self._number(what, layer))
        if len(layout["pre"]):
            return list(zip(layout["pre"].tolist(), layout["post"].tolist()))
        return list(layout["node_ids"].tolist())

    def logits(self) -> tuple[UInt64, Float32]:
        """Positions, uint64 (rows), and logits after each recorded token, float32 (rows, readout
        nodes)."""
        number = self._number("logits", None)
        return self._core.frames(number)

    def _expect(self, number: int, layout: str) -> None:
        found = self._core.layout(number)["layout"]
        if found != layout:
            other = {"events": "events()", "frames": "values()", "logits": "logits()"}[found]
            raise InputError(f"run {self.folder}", f"{self.recordings[number]}, {found}", layout,
                             other)

    def to_xarray(self) -> xarray.Dataset:
        """A Dataset of the tokens and of every recording of values, by position. Needs xarray.

        >>> with brain.record("run", logits=True): out = brain.read("To be")
        >>> bs.open_run("run").to_xarray()["logits"].shape
        (5, 256)
        """
        xarray = needed("xarray", "'bdhsim[xarray]'")
        frame = self.tokens
        data = xarray.Dataset.from_dataframe(
            frame[[c for c in frame.columns if frame[c].dtype.kind in "fiub"]])
        for number, (file, _, _, _) in enumerate(self._recordings):
            layout = self._core.layout(number)
            if layout["layout"] == "events":
                continue
            name = os.path.splitext(file)[0]
            positions, values = self._core.frames(number)
            data[name] = xarray.DataArray(values, dims=(f"position_{name}", f"of_{name}"),
                                          coords={f"position_{name}": positions})
        return data

    def to_nwb(self, path: Path, overwrite: bool = False) -> dict[str, Any]:
        """Writes the run as Neurodata Without Borders; returns what it has: `units`, `events`,
        `series`, and what was `left_out`.

        >>> with brain.record("run"): out = brain.read("To be")
        >>> sorted(bs.open_run("run").to_nwb("run.nwb"))
        ['events', 'left_out', 'series', 'units']
        """
        return self._core.to_nwb(os.fspath(path), select.flag(overwrite, "overwrite"))

    def plot(self, kind: Literal["raster", "surprisal", "activity", "values"] = "raster", *,
             variable: str = "x", layer: Integer | None = None,
             ax: matplotlib.axes.Axes | None = None) -> matplotlib.axes.Axes:
        """A picture with matplotlib: "raster" (of events, of one `layer`), "surprisal" (nats),
        "activity" (shares of active neurons, by layer) or "values" (of recorded neurons or
        synapses: `variable` names the recording), over the position in tokens. Returns the axes,
        those of `ax` or new ones of shape (8, 3) inches."""
        pyplot = needed("matplotlib.pyplot", "'bdhsim[plot]'")
        kinds = ("raster", "surprisal", "activity", "values")
        if kind not in kinds:
            raise InputError("kind", repr(kind), ", ".join(kinds))
        if ax is None:
            _, ax = pyplot.subplots(figsize=(8, 3), layout="constrained")
        if kind == "raster":
            events = self.events(variable, layer)
            ax.scatter(events["position"], events["neuron"], s=1, c="black", linewidths=0)
            ax.set_ylabel(f"neuron ({variable.upper()} > 0)")
        elif kind == "surprisal":
            frame = self.tokens
            ax.plot(frame.index, frame["surprisal_nats"], lw=0.8)
            ax.set_ylabel("surprisal (nats)")
        elif kind == "activity":
            frame = self.tokens
            for l in range(1, self.layers + 1):
                ax.plot(frame.index, frame[f"active_{variable}_{l}"], lw=0.8, label=f"layer {l}")
            ax.set_ylabel(f"share of neurons with {variable.upper()} > 0")
            ax.legend(frameon=False)
        else:
            positions, values = self.values(variable, layer)
            for column, name in zip(values.T, self.columns(variable, layer)):
                label = "->".join(map(str, name)) if isinstance(name, tuple) else str(name)
                ax.plot(positions, column, lw=0.8, label=label)
            ax.set_ylabel("strength" if variable.startswith("synapses") else variable.upper())
            if values.shape[1] <= 12:
                ax.legend(frameon=False, fontsize="small")
        ax.set_xlabel("position (tokens)")
        return ax

    def __len__(self) -> int:
        return len(self._core.tokens)

    def __repr__(self) -> str:
        return (f"<Run {self.folder}: {self.status}, {len(self)} tokens, "
                f"{len(self._recordings)} recordings>")


def open_run(folder: Path) -> Run:
    """Opens the folder of a run, of `bdh run` or of `Simulator.record`.

    >>> with brain.record("run"): out = brain.read("To be")
    >>> len(bs.open_run("run"))
    5
    """
    return Run(folder)
