"""The folders of runs, of `bdh run` and of `Simulator.record`, to read."""

import json
import os

import numpy as np

from . import _core
from . import _select as select
from ._errors import InputError, needed
from ._tables import table


class Run:
    """A run's folder. It can be opened while the run goes on; then it shows what was committed.

    `status`, `options`, `tokens` (a frame, one row a token), `events("y", layer=2)`,
    `values("x", layer=1)`, `logits()`, `to_xarray()`.
    """

    def __init__(self, folder):
        self.folder = os.fspath(folder)
        self._core = _core.open_run(self.folder)
        self._recordings = self._core.recordings()

    status = property(lambda self: self._core.status)
    first = property(lambda self: self._core.first, doc="Position of the first token.")
    layers = property(lambda self: self._core.layers)
    neurons = property(lambda self: self._core.neurons)
    model_sha256 = property(lambda self: self._core.model_sha256)
    token_ids = property(lambda self: self._core.tokens, doc="uint32 (tokens)")

    @property
    def description(self):
        """run.json, as a dict."""
        return json.loads(self._core.json)

    @property
    def options(self):
        return self.description.get("options", {})

    @property
    def recordings(self):
        """Names of the recordings."""
        return [os.path.splitext(r[0])[0] for r in self._recordings]

    @property
    def tokens(self):
        """A frame: position, token, text, generated, and the columns of summary.csv."""
        c = self._core
        summary = c.summary()
        rows = len(summary["position"]) if "position" in summary else 0
        columns = {"position": np.arange(c.first, c.first + rows), "token": c.tokens[:rows],
                   "text": c.texts[:rows], "generated": c.generated[:rows]}
        columns.update({k: v for k, v in summary.items() if k not in ("position", "token")})
        return table(columns, "position")

    def _number(self, what, layer, prefix=""):
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

    def events(self, what, layer=None):
        """Values above zero, one row each: position, neuron, value; of synapses edge besides."""
        number = self._number(what, layer, "events_" if what in ("x", "y") else "")
        self._expect(number, "events")
        return table(self._core.events(number))

    def values(self, what, layer=None):
        """(positions, values): a row for each recorded token, a column for each neuron or synapse
        that was requested (`columns`)."""
        number = self._number(what, layer)
        self._expect(number, "frames")
        return self._core.frames(number)

    def columns(self, what, layer=None):
        """What the columns of `values` are: neurons, or pairs (pre, post) of synapses."""
        layout = self._core.layout(self._number(what, layer))
        if len(layout["pre"]):
            return list(zip(layout["pre"].tolist(), layout["post"].tolist()))
        return layout["node_ids"].tolist()

    def logits(self):
        """(positions, logits): logits after each recorded token."""
        number = self._number("logits", None)
        return self._core.frames(number)

    def _expect(self, number, layout):
        found = self._core.layout(number)["layout"]
        if found != layout:
            other = {"events": "events()", "frames": "values()", "logits": "logits()"}[found]
            raise InputError(f"run {self.folder}", f"{self.recordings[number]}, {found}", layout,
                             other)

    def to_xarray(self):
        """A Dataset of the tokens and of every recording of values, by position."""
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

    def to_nwb(self, path, overwrite=False):
        """Writes the run as Neurodata Without Borders; returns what it has."""
        return self._core.to_nwb(os.fspath(path), select.flag(overwrite, "overwrite"))

    def plot(self, kind="raster", *, variable="x", layer=None, ax=None):
        """A picture with matplotlib: "raster" (of events), "surprisal", "activity" (shares of
        active neurons) or "values" (of recorded neurons or synapses: `variable` names the
        recording). Returns the axes."""
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

    def __len__(self):
        return len(self._core.tokens)

    def __repr__(self):
        return (f"<Run {self.folder}: {self.status}, {len(self)} tokens, "
                f"{len(self._recordings)} recordings>")


def open_run(folder):
    """Opens the folder of a run."""
    return Run(folder)
