"""What a model does over a text, and whether it computes what another program computes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from . import _select as select
from ._errors import InputError, ShapeError, needed
from ._makers import model_of
from ._model import Model
from ._simulator import Simulator
from ._tables import table
from ._types import Integer, Path, Real, Text

if TYPE_CHECKING:
    import pandas as pd

_AT_ONCE = 64  # tokens whose activity is in memory


def evaluate(model: Model | Path, text: Text, *, limit: Integer | None = None,
             **settings: Any) -> float:
    """Mean surprisal in nats a token of a text, read from empty synapses. `limit`: only so many
    tokens; `settings`: of the `Simulator`.

    >>> bs.evaluate(m, "To be, or not to be, that is the question") < 2
    True
    """
    brain = Simulator(model, **settings)
    tokens = brain.model.encode(text)
    if limit is not None:
        tokens = tokens[:select.integer(limit, "limit", 2)]
    if len(tokens) < 2:
        raise ShapeError("text", f"{len(tokens)} tokens", "two at least")
    return brain.read(tokens).loss


def activity(model: Model | Path, text: Text, **settings: Any) -> pd.DataFrame:
    """Who was active over a text, read from empty synapses, as `bdh activity` says it: a row for X
    and for Y of each layer.

    `mean`, `least`, `most`: shares of active neurons of a token. `pearson`, `spearman`: of that
    share with the surprisal. `ever`: neurons that were active at least once. `of_a_token`,
    `of_the_text`: participation ratio (sum v)^2 / sum v^2, of the values at a token, mean over
    tokens with activity, and of the sums over the text. `settings`: of the `Simulator`. Needs
    pandas.

    >>> bs.activity(m, "To be, or not to be")[["variable", "layer"]].values.tolist()[:2]
    [['x', 1], ['x', 2]]
    """
    brain = Simulator(model, **settings)
    tokens = brain.model.encode(text)
    if len(tokens) == 0:
        raise ShapeError("text", "no tokens", "one at least")
    seen = _core.activity_statistics(brain.model._core)
    for begin in range(0, len(tokens), _AT_ONCE):
        out = brain.read(tokens[begin:begin + _AT_ONCE], keep=["x", "y"])
        seen.add(out.surprisal, out.x, out.y)
    return table(seen.layers())


class Verified:
    """What `verify` found.

    >>> bs.Verified({"logits": 1e-6}, tolerance=1e-4)
    <Verified: passed; logits 1e-06>
    """

    differences: dict[str, float]
    """Of each quantity the largest difference, as a share of its largest value."""
    tolerance: float
    """Up to which they pass."""

    def __init__(self, differences: dict[str, float], tolerance: float) -> None:
        self.differences, self.tolerance = differences, tolerance

    @property
    def passed(self) -> bool:
        """Whether no difference is larger than the tolerance.

        >>> bs.Verified({"logits": 1e-3}, tolerance=1e-4).passed
        False
        """
        return all(d <= self.tolerance for d in self.differences.values())

    def __repr__(self) -> str:
        shown = ", ".join(f"{k} {v:.3g}" for k, v in self.differences.items())
        return f"<Verified: {'passed' if self.passed else 'FAILED'}; {shown}>"


def _difference(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """The largest one, as a share of the largest expected value; NaN differs from everything."""
    distance = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    if np.isnan(distance).any():
        return float("inf")
    largest = distance.max(initial=0.0)
    return float(largest / np.abs(expected).max()) if largest else 0.0


def verify(model: Model | Path, expected: Path, *, tolerance: Real = 1e-4,
           **settings: Any) -> Verified:
    """Whether a model gives the logits, X and Y of a file of expected values: expected.h5 of a
    reference, or logits.h5 of a run. `settings`: of the `Simulator`.

    >>> bs.verify(m, example_expected).passed
    True
    """
    tolerance = select.real(tolerance, "tolerance", positive=True)
    wanted = _core.reference(os.fspath(expected))
    present = [k for k in ("logits", "x", "y") if wanted[k] is not None]
    if not present:
        raise InputError(os.fspath(expected), "no logits, x or y", "values to compare with")
    brain = Simulator(model, **settings)
    out = brain.read(wanted["tokens"], keep=present)
    for name in present:
        if out.kept[name].shape != wanted[name].shape:
            raise ShapeError(os.fspath(expected), f"{name} of shape {wanted[name].shape}",
                             f"{out.kept[name].shape}, that of the model")
    return Verified({k: _difference(out.kept[k], wanted[k]) for k in present}, tolerance)


def compare(network: Any, model: Model | Simulator | Path, text: Text,
            **settings: Any) -> pd.DataFrame:
    """Logits of a PyTorch module and of a model over a text, both from an empty state: a frame with
    the largest difference, absolute and as a share of the largest logit, and how often both hold
    the same token for most likely. The module is called with tokens (1, T), and returns logits
    (1, T, V), or a tuple that begins with them. Needs PyTorch and pandas."""
    torch = needed("torch", "torch")
    model = model.model if isinstance(model, Simulator) else model_of(model)
    tokens = model.encode(text)
    if not callable(network):
        raise InputError("compare", type(network).__name__, "a PyTorch module")
    training = getattr(network, "training", False)
    if training:
        network.eval()
    try:
        with torch.no_grad():
            given = network(torch.as_tensor(tokens.astype(np.int64))[None])
    finally:
        if training:
            network.train()
    logits = (given[0] if isinstance(given, (tuple, list)) else given)[0].float().cpu().numpy()
    ours = Simulator(model, **settings).read(tokens, keep="logits").logits
    if logits.shape != ours.shape:
        raise ShapeError("compare", f"logits of shape {logits.shape}", str(ours.shape))
    return table([{"tokens": len(tokens), "largest_difference": float(np.abs(ours - logits).max()),
                   "of_largest_logit": _difference(ours, logits),
                   "same_most_likely": float((ours.argmax(1) == logits.argmax(1)).mean())}])
