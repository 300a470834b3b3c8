"""What reading gives: outputs, tokens, rounds, the courses of synapses."""

import numpy as np

from ._errors import needed
from ._tables import table


class Output:
    """What was read: a column for each value of a token, and what was kept.

    `text`, `tokens`, `positions`, `surprisal` (nats; nan where it is not known), `active_x` and
    `active_y` (tokens, layers), `synaptic_events`, `seconds`; x, y, w, a (tokens, layers, size) and
    logits (tokens, V) where `keep` named them.
    """

    def __init__(self, model, columns):
        self._model = model
        kept = columns.pop("kept")
        self.positions, self.tokens = columns["position"], columns["token"]
        for name in ("surprisal", "active_x", "active_y", "synaptic_events", "hebbian_writes",
                     "bytes_exchanged", "seconds"):
            setattr(self, name, columns[name])
        self.kept = kept
        for name, values in kept.items():
            setattr(self, name, values)

    @property
    def text(self):
        return self._model.decode(self.tokens) if self._model.has_text else ""

    @property
    def loss(self):
        """Mean surprisal in nats a token, over the tokens that have one."""
        known = self.surprisal[~np.isnan(self.surprisal)]
        return float(known.mean()) if len(known) else float("nan")

    def to_pandas(self):
        """One row a token."""
        columns = {"position": self.positions, "token": self.tokens,
                   "text": [self._model.token_text(t) for t in self.tokens],
                   "surprisal_nats": self.surprisal, "synaptic_events": self.synaptic_events}
        for l in range(self.active_x.shape[1]):
            columns[f"active_x_{l + 1}"] = self.active_x[:, l]
            columns[f"active_y_{l + 1}"] = self.active_y[:, l]
        return table(columns, "position")

    def to_xarray(self):
        """A Dataset with dimensions position, layer, and the size of each variable."""
        xarray = needed("xarray", "'bdhsim[xarray]'")
        coordinates = {"position": self.positions,
                       "layer": np.arange(1, self.active_x.shape[1] + 1)}
        variables = {"token": ("position", self.tokens),
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

    def __len__(self):
        return len(self.tokens)

    def __repr__(self):
        kept = f", kept {', '.join(self.kept)}" if self.kept else ""
        return f"<Output of {len(self)} tokens, {self.loss:.4f} nats a token{kept}>"


class Token:
    """A token that was generated: `token`, `text`, and its `report`."""

    def __init__(self, model, report):
        self.token, self.report = report.token, report
        self.text = model.token_text(report.token) if model.has_text else ""

    def __repr__(self):
        return f"<Token {self.token} {self.text!r}>"


class Round:
    """A moment of a layer: "x_ready", "a_ready", "synapses_written" or "y_ready"."""

    def __init__(self, layer, moment):
        self.layer, self.moment = layer, moment

    def __repr__(self):
        return f"<Round of layer {self.layer}: {self.moment}>"


class Probe:
    """A synapse pre -> post of a layer that is followed from the next token on."""

    def __init__(self, brain, layer, pre, post, factor):
        self._brain, self.layer, self.pre, self.post = brain, layer, pre, post
        self._by_y = factor == "y"
        self._number = brain._core.follow(layer, pre, post, self._by_y)

    @property
    def value(self):
        """The strength that the next token reads; nan where it is not known."""
        ends = (np.array([v], dtype=np.uint32) for v in (self.pre, self.post))
        return float(self._brain._core.strengths(self.layer, *ends, self._by_y)[0])

    @property
    def positions(self):
        return self._brain._core.course(self._number)[0]

    @property
    def values(self):
        """The strength after each of `positions`."""
        return self._brain._core.course(self._number)[1]

    @property
    def course(self):
        """A pandas Series of values by position."""
        pandas = needed("pandas", "'bdhsim[pandas]'")
        positions, values = self._brain._core.course(self._number)
        return pandas.Series(values, index=pandas.Index(positions, name="position"),
                             name=f"{self.pre}->{self.post}")

    def stop(self):
        """Its course ends, and is forgotten."""
        self._brain._core.unfollow(self._number)

    def __repr__(self):
        return f"<Probe {self.pre}->{self.post}, layer {self.layer}: {self.value:.6g}>"
