"""What is done to a running model. Every function makes a value that `Simulator.perturb` takes; the
same can be written as text, as on the command line: "silence x:5-9 layers 2 tokens 10-20".

What holds for all: `layers` (all), and when: `tokens=(first, last)`, positions as in tokens.csv;
`at=[0, 50]` or `every=50` for pulses, of `lasting` tokens each. Nothing of these: from now on.
"""

import numpy as np

from . import _select as select
from ._errors import InputError


class Intervention:
    """Values of an intervention, for any model that has these neurons."""

    def __init__(self, kind, when, **values):
        self.kind, self.values, self.when = kind, values, when

    def __repr__(self):
        shown = ", ".join(f"{k}={v!r}" for k, v in {**self.values, **self.when}.items())
        return f"<{self.kind}: {shown}>"

    def __and__(self, other):
        return [self, other]

    def _build(self, model, now):
        d = {"kind": self.kind}
        for name, value in self.values.items():
            if name == "neurons":
                value = [int(n) for n in select.neurons(model, value)]
            elif name == "pairs":
                value = _pairs(model, value, self.values.get("on"))
            d[name] = value
        d.update(_times(model, self.when, now))
        return model._core_module.build_intervention(model._core, d)


def _pairs(model, pairs, on):
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


def _times(model, when, now):
    d = {}
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


def _when(given):
    for name in given:
        if name not in _WHEN:
            raise InputError("intervention", f"an argument {name}", ", ".join(_WHEN))
    return {k: v for k, v in given.items() if v is not None}


def _variable(v):
    if v not in ("x", "y"):
        raise InputError("variable", repr(v), "'x' or 'y'")
    return v


def _current(kind, variable, neurons, value, when):
    """One value, or a course: a value for each token of a pulse."""
    if np.ndim(value) == 0:
        return Intervention(kind, _when(when), on=_variable(variable), neurons=neurons,
                            value=select.real(value, "value"))
    course = [select.real(v, "value") for v in value]
    return Intervention(kind, _when(when), on=_variable(variable), neurons=neurons,
                        value=course[0] if course else 0.0, course=course)


def silence(variable, neurons, **when):
    """X or Y of these neurons is held at 0."""
    return Intervention("silence", _when(when), on=_variable(variable), neurons=neurons)


def clamp(variable, neurons, value, **when):
    """X or Y is held at a value >= 0, or at a course of values, one a token."""
    return _current("clamp", variable, neurons, value, when)


def stimulate(variable, neurons, value, **when):
    """Added to what drives X or Y, before its threshold: an injected current."""
    return _current("stimulate", variable, neurons, value, when)


def lesion(neurons=None, *, gx=None, gy=None, synapses=None, **when):
    """Neurons are removed; or edges of a circuit, or synapses, are cut: pairs (pre, post)."""
    given = {k: v for k, v in (("neurons", neurons), ("gx", gx), ("gy", gy),
                               ("synapses", synapses)) if v is not None}
    if len(given) != 1:
        raise InputError("lesion", f"{len(given)} targets", "neurons, gx=, gy= or synapses=")
    (name, value), = given.items()
    if name == "neurons":
        return Intervention("lesion", _when(when), neurons=value)
    return Intervention("lesion", _when(when), on=name, pairs=value)


def noise(variable, neurons, *, mean=None, deviation=None, rate=None, size=None, seed=None,
          stream=None, **when):
    """A random current: Gaussian (`mean`, `deviation`) or of Poisson spikes (`rate` a token and
    layer, of `size` each). It depends on seed, stream, neuron, layer and position alone."""
    values = {"on": _variable(variable), "neurons": neurons}
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


def freeze(**when):
    """No Hebbian writing; decay goes on."""
    return Intervention("freeze", _when(when))


def inhibition(factor, **when):
    """What comes over inhibitory edges, times a factor."""
    return Intervention("inhibition", _when(when), value=select.real(factor, "factor"))


def reset(synapses=None, **when):
    """Strengths to 0, once: of all synapses, or of pairs (pre, post)."""
    if synapses is None:
        return Intervention("reset", _when(when))
    return Intervention("reset", _when(when), on="synapses", pairs=synapses)


def set_strength(synapses, value, **when):
    """A strength, once, of pairs (pre, post)."""
    return Intervention("set", _when(when), on="synapses", pairs=synapses,
                        value=select.real(value, "value"))


def build(model, what, now):
    """Interventions of `what`: text, a value of this module, or a list of these."""
    if isinstance(what, str):
        return [model._core_module.parse_intervention(model._core, what, now)]
    if isinstance(what, Intervention):
        return [what._build(model, now)]
    if isinstance(what, (list, tuple)) and what:
        return [made for one in what for made in build(model, one, now)]
    raise InputError("intervention", repr(what)[:60],
                     "text such as 'silence x:5-9', or what silence(), lesion() ... make")
