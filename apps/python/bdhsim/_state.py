"""States: what a simulator carries from token to token."""

import os

import numpy as np

from . import _core
from . import _select as select
from ._model import model_of


class State:
    """What a simulator carries from token to token: `layers`, a dict of arrays for each; `logits`;
    `tokens` that were read. The arrays are read-only views that keep the state alive."""

    def __init__(self, core, model):
        self._core, self.model = core, model

    tokens = property(lambda self: self._core.tokens)
    retention = property(lambda self: self._core.retention)
    model_sha256 = property(lambda self: self._core.model_sha256)
    layers = property(lambda self: self._core.layers)
    logits = property(lambda self: self._core.logits)

    def sigma(self, layer):
        """Stored strengths of a layer (synapses), in the rotating frame: see docs/theory.md."""
        return self.layers[select.layer(self.model, layer) - 1]["synapses"]

    def save(self, path):
        """Writes a state file, which `bdh run --state` reads, too."""
        self._core.save(self.model._core, os.fspath(path))

    def __repr__(self):
        return f"<State after {self.tokens} tokens of model {self.model_sha256[:12]}>"

    def __reduce__(self):
        c = self._core
        arrays = {"model_sha256": c.model_sha256, "tokens": c.tokens, "retention": c.retention,
                  "rounded": c.rounded, "logits": [float(v) for v in c.logits],
                  "network": {k: np.array(v) for k, v in c.network.items()},
                  "layers": [{k: np.array(v) for k, v in l.items()} for l in c.layers],
                  "probes": c.probes}
        return _state_of, (self.model, arrays)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


def _state_of(model, arrays):
    return State(_core.state_of(model._core, arrays), model)


def load_state(path, model):
    """The state of a file, of `bdh run --save-state` or of `State.save`."""
    return State(_core.load_state(os.fspath(path), model_of(model)._core), model)
