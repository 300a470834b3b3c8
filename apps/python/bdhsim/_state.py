"""States: what a simulator carries from token to token."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from . import _select as select
from ._makers import model_of
from ._model import Model
from ._types import Float32, Integer, Path


class State:
    """What a simulator carries from token to token. Its arrays are read-only views that keep the
    state alive. It can be pickled and copied.

    >>> out = brain.read("To be")
    >>> state = brain.save()
    >>> state.tokens, len(state.layers), state.sigma(1).flags.writeable
    (5, 4, False)
    """

    model: Model
    """Of which it is a state."""

    def __init__(self, core: _core.State, model: Model) -> None:
        self._core, self.model = core, model

    @property
    def tokens(self) -> int:
        """How many were read.

        >>> brain.save().tokens
        0
        """
        return self._core.tokens

    @property
    def retention(self) -> float:
        """u, the share of a synapse that is left after a token.

        >>> brain.save().retention
        1.0
        """
        return self._core.retention

    @property
    def model_sha256(self) -> str:
        """The model's `content_sha256`.

        >>> brain.save().model_sha256 == m.content_sha256
        True
        """
        return self._core.model_sha256

    @property
    def layers(self) -> list[dict[str, NDArray[Any]]]:
        """Of each layer a dict of arrays by variable, such as "synapses" (synapses of a layer).

        >>> sorted(brain.save().layers[0])
        ['clock', 'last_used', 'synapses']
        """
        return self._core.layers

    @property
    def logits(self) -> Float32:
        """After the last token (readout nodes); empty before the first."""
        return self._core.logits

    def sigma(self, layer: Integer) -> Float32:
        """Stored strengths of a layer (synapses), in the rotating frame: see docs/theory.md."""
        found: Float32 = self.layers[select.layer(self.model, layer) - 1]["synapses"]
        return found

    def save(self, path: Path) -> None:
        """Writes a state file, which `bdh run --state` reads, too.

        >>> brain.save().save("state.bdh.h5")
        >>> bs.load_state("state.bdh.h5", m).tokens
        0
        """
        self._core.save(self.model._core, os.fspath(path))

    def __repr__(self) -> str:
        return f"<State after {self.tokens} tokens of model {self.model_sha256[:12]}>"

    def __reduce__(self) -> tuple[Any, ...]:
        c = self._core
        arrays = {"model_sha256": c.model_sha256, "tokens": c.tokens, "retention": c.retention,
                  "rounded": c.rounded, "logits": [float(v) for v in self.logits],
                  "network": {k: np.array(v) for k, v in c.network.items()},
                  "layers": [{k: np.array(v) for k, v in l.items()} for l in c.layers],
                  "probes": c.probes}
        return _state_of, (self.model, arrays)

    def __copy__(self) -> State:
        return self

    def __deepcopy__(self, memo: Any) -> State:
        return self


def _state_of(model: Model, arrays: dict[str, Any]) -> State:
    return State(_core.state_of(model._core, arrays), model)


def load_state(path: Path, model: Model | Path) -> State:
    """The state of a file, of `bdh run --save-state` or of `State.save`.

    >>> brain.save().save("state.bdh.h5")
    >>> bs.load_state("state.bdh.h5", m)
    <State after 0 tokens of model ...>
    """
    model = model_of(model)
    return State(_core.load_state(os.fspath(path), model._core), model)
