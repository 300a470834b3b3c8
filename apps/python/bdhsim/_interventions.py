"""What is done to a running model. Every function makes a value that `Simulator.perturb` takes; the
same can be written as text, as on the command line: "silence x:5-9 layers 2 tokens 10-20".

What holds for all: `layers` (all), and when: `tokens=(first, last)`, positions as in tokens.csv;
`at=[0, 50]` or `every=50` for pulses, of `lasting` tokens each. Nothing of these: from now on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from . import _core
from . import _select as select
from ._errors import InputError
from ._types import Integer, Neurons, Pairs, Real, Reals, Variable

if TYPE_CHECKING:
    from ._model import Model


class Intervention:
    """What `silence`, `lesion`, `stimulate` and the others make: values, for any model that has
    these neurons. `a & b` is the list of both.

    >>> bs.silence("x", [5, 6], layers=2)
    <silence: on='x', neurons=[5, 6], layers=2>
    >>> with brain.perturb(bs.silence("x", 5) & bs.freeze(tokens=(0, 9))):
    ...     brain.interventions
    {1: 'silence x:5 from 0', 2: 'freeze tokens 0-9'}
    """

    kind: str
    """The word of the command line, such as "silence"."""
    values: dict[str, Any]
    """The arguments, by name."""
    when: dict[str, Any]
    """Layers and tokens, by name; empty: from now on."""

    def __init__(self, kind: str, when: dict[str, Any], **values: Any) -> None:
        self.kind, self.values, self.when = kind, values, when

    def __repr__(self) -> str:
        shown = ", ".join(f"{k}={v!r}" for k, v in {**self.values, **self.when}.items())
        return f"<{self.kind}: {shown}>"

    def __and__(self, other: Intervention) -> list[Intervention]:
        return [self, other]

    def _build(self, model: Model, now: int) -> _core.Intervention:
        d: dict[str, Any] = {"kind": self.kind}
        for name, value in self.values.items():
            if name == "neurons":
                value = [int(n) for n in select.neurons(model, value)]
            elif name == "pairs":
                value = _pairs(model, value, self.values.get("on"))
            d[name] = value
        d.update(_times(model, self.when, now))
        return _core.build_intervention(model._core, d)


What = Union[str, Intervention, Sequence[Union[str, Intervention]]]


def _pairs(model: Model, pairs: Any, on: str | None) -> list[tuple[int, int]]:
    if isinstance(pairs, str):
        return [(int(a), int(b)) for a, b in model._core.select_edges(pairs)]
    made = []
    for pair in pairs:
        if np.ndim(pair) == 0 and not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise InputError("pairs", repr(pair)[:60], "pairs (pre, post)")
        of_circuit = on in ("gx", "gy")
        first, second = (select.source, select.neuron) if of_circuit else (select.neuron,
                                                                           select.source)
        made.append((int(first(model, pair[0], "pre")), int(second(model, pair[1], "post"))))
    return made


def _times(model: Model, when: dict[str, Any], now: int) -> dict[str, Any]:
    d: dict[str, Any] = {}
    if "layers" in when:
        d["layers"] = select.layers(model, when["layers"])
    if "tokens" in when:
        tokens = when["tokens"]
        try:
            first, last = tokens
        except (TypeError, ValueError):
            raise InputError("tokens", repr(tokens)[:60], "(first, last) positions") from None
        d["first"] = select.integer(first, "tokens")
        d["last"] = 2**64 - 1 if last is None else select.integer(last, "tokens")
    elif "at" not in when:
        d["first"], d["last"] = now, 2**64 - 1
    if "at" in when:
        at = when["at"]
        d["at"] = [select.integer(p, "at") for p in ([at] if np.ndim(at) == 0 else at)]
    for name in ("every", "lasting"):
        if name in when:
            d[name] = select.integer(when[name], name, least=1)
    return d


_WHEN = ("layers", "tokens", "at", "every", "lasting")


def _when(given: dict[str, Any]) -> dict[str, Any]:
    for name in given:
        if name not in _WHEN:
            raise InputError("intervention", f"an argument {name}", ", ".join(_WHEN))
    return {k: v for k, v in given.items() if v is not None}


def _variable(v: Any) -> Any:
    if v not in ("x", "y"):
        raise InputError("variable", repr(v), "'x' or 'y'")
    return v


def _current(kind: str, variable: Variable, neurons: Neurons, value: Any,
             when: dict[str, Any]) -> Intervention:
    """One value, or a course: a value for each token of a pulse."""
    if np.ndim(value) == 0:
        return Intervention(kind, _when(when), on=_variable(variable), neurons=neurons,
                            value=select.real(value, "value"))
    course = [select.real(v, "value") for v in value]
    return Intervention(kind, _when(when), on=_variable(variable), neurons=neurons,
                        value=course[0] if course else 0.0, course=course)


def silence(variable: Variable, neurons: Neurons, **when: Any) -> Intervention:
    """X or Y of these neurons is held at 0.

    >>> with brain.perturb(bs.silence("x", "0-99")):
    ...     kept = brain.read("ab", keep="x")
    >>> float(kept.x[:, :, :100].max())
    0.0
    """
    return Intervention("silence", _when(when), on=_variable(variable), neurons=neurons)


def clamp(variable: Variable, neurons: Neurons, value: Reals, **when: Any) -> Intervention:
    """X or Y is held at a value >= 0, or at a course of values (tokens), one a token of a pulse.

    >>> with brain.perturb(bs.clamp("y", [3], 0.5)):
    ...     kept = brain.read("ab", keep="y")
    >>> kept.y[:, :, 3].tolist()
    [[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]
    """
    return _current("clamp", variable, neurons, value, when)


def stimulate(variable: Variable, neurons: Neurons, value: Reals, **when: Any) -> Intervention:
    """Added to what drives X or Y, before its threshold: an injected current, or a course of them
    (tokens), one a token of a pulse.

    >>> bs.stimulate("x", [5, 6], [0.1, 0.2, 0.1], every=20)
    <stimulate: on='x', neurons=[5, 6], value=0.1, course=[0.1, 0.2, 0.1], every=20>
    """
    return _current("stimulate", variable, neurons, value, when)


def lesion(neurons: Neurons | None = None, *, gx: Pairs | None = None, gy: Pairs | None = None,
           synapses: Pairs | None = None, **when: Any) -> Intervention:
    """Neurons are removed; or edges of a circuit, or synapses, are cut: pairs (pre, post).

    >>> bs.lesion(gx=[(1105, 17)], tokens=(10, 20))
    <lesion: on='gx', pairs=[(1105, 17)], tokens=(10, 20)>
    """
    given = {k: v for k, v in (("neurons", neurons), ("gx", gx), ("gy", gy),
                               ("synapses", synapses)) if v is not None}
    if len(given) != 1:
        raise InputError("lesion", f"{len(given)} targets", "neurons, gx=, gy= or synapses=")
    (name, value), = given.items()
    if name == "neurons":
        return Intervention("lesion", _when(when), neurons=value)
    return Intervention("lesion", _when(when), on=name, pairs=value)


def noise(variable: Variable, neurons: Neurons, *, mean: Real | None = None,
          deviation: Real | None = None, rate: Real | None = None, size: Real | None = None,
          seed: Integer | None = None, stream: Integer | None = None, **when: Any) -> Intervention:
    """A random current: Gaussian (`mean`, `deviation`) or of Poisson spikes (`rate` a token and
    layer, of `size` each). It depends on seed, stream, neuron, layer and position alone.

    >>> bs.noise("x", "random:50@1", rate=0.1, size=0.5, seed=7)
    <poisson_noise: on='x', neurons='random:50@1', seed=7, rate=0.1, size=0.5>
    """
    values: dict[str, Any] = {"on": _variable(variable), "neurons": neurons}
    if seed is not None:
        values["seed"] = select.integer(seed, "seed")
    if stream is not None:
        values["stream"] = select.integer(stream, "stream", 1, 2**32 - 1)
    gaussian = mean is not None or deviation is not None
    if gaussian == (rate is not None or size is not None):
        raise InputError("noise", "no law, or two", "mean and deviation, or rate and size")
    if gaussian:
        return Intervention("gaussian_noise", _when(when), **values,
                            mean=select.real(0 if mean is None else mean, "mean"),
                            deviation=select.real(0 if deviation is None else deviation,
                                                  "deviation"))
    return Intervention("poisson_noise", _when(when), **values,
                        rate=select.real(0 if rate is None else rate, "rate"),
                        size=select.real(0 if size is None else size, "size"))


def freeze(**when: Any) -> Intervention:
    """No Hebbian writing; decay goes on.

    >>> with brain.perturb(bs.freeze()):
    ...     brain.step("a").hebbian_writes
    0
    """
    return Intervention("freeze", _when(when))


def inhibition(factor: Real, **when: Any) -> Intervention:
    """What comes over inhibitory edges, times a factor.

    >>> bs.inhibition(0.5, layers="1-2")
    <inhibition: value=0.5, layers='1-2'>
    """
    return Intervention("inhibition", _when(when), value=select.real(factor, "factor"))


def reset(synapses: Pairs | None = None, **when: Any) -> Intervention:
    """Strengths to 0, once: of all synapses, or of pairs (pre, post).

    >>> bs.reset(at=10)
    <reset: at=10>
    """
    if synapses is None:
        return Intervention("reset", _when(when))
    return Intervention("reset", _when(when), on="synapses", pairs=synapses)


def set_strength(synapses: Pairs, value: Real, **when: Any) -> Intervention:
    """A strength, once, of pairs (pre, post).

    >>> bs.set_strength([(0, 1)], 0.5, at=3)
    <set: on='synapses', pairs=[(0, 1)], value=0.5, at=3>
    """
    return Intervention("set", _when(when), on="synapses", pairs=synapses,
                        value=select.real(value, "value"))


def build(model: Model, what: Any, now: int) -> list[_core.Intervention]:
    """Interventions of `what`: text, a value of this module, or a list of these."""
    if isinstance(what, str):
        return [_core.parse_intervention(model._core, what, now)]
    if isinstance(what, Intervention):
        return [what._build(model, now)]
    if isinstance(what, (list, tuple)) and what:
        return [made for one in what for made in build(model, one, now)]
    raise InputError("intervention", repr(what)[:60],
                     "text such as 'silence x:5-9', or what silence(), lesion() ... make")
