"""Simulators: a model that reads tokens, its values, its synapses."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Union, overload

import numpy as np
from numpy.typing import NDArray

from . import _core
from . import _interventions
from . import _select as select
from ._errors import InputError, UnavailableError
from ._interventions import What
from ._makers import load, model_of
from ._model import Model
from ._recording import Recording, progress_of, requests_of
from ._spikes import Bins, Scales, Trains, settings_of
from ._state import State
from ._tables import table
from ._types import (Float32, Float64, Integer, Neuron, Neurons, OneToken, Path, Progress, Real,
                     Text, Variable, Weights)
from ._values import Learned, Output, Probe, Round, Token

if TYPE_CHECKING:
    import pandas as pd


class Simulator:
    """A model that reads tokens, one after the other, and writes its synapses as it does.

    * `threads` that work on a token; no bit depends on them
    * `sites` into which neurons are divided (as many as threads); no bit depends on them
    * `retention`: u, the share of a synapse that is left after a token (the model's)
    * `device`: "cpu", "cuda" or "cuda:1"
    * `weights`: "float32" or "bf16"
    * `synapses`: "float32" or "bf16", rounded at random, with `seed`
    * `spikes`: activity travels as spikes, in windows of so many bins: 32, "x=8,y=32" or {"x": 8,
      "y": 32}, drawn with `seed`; `spike_scales`: what they stand for, of `bs.spike_scales` or a
      file of `bdh spike-scales`; `spike_code`: "bernoulli" or "integrate"; `spike_phase`: "random"
      or "half"; `spike_pair`: "and" or "all"; `spike_hubs`: hubs spike, too; `spike_dt`: ms of a
      bin. What they mean: docs/spiking.md
    * `history` keeps what was read and done, so that `why`, `changed`, `top_synapses`, `undo` and
      probes of the past work; a token then costs more, and memory grows by some hundred bytes a
      token and two states

    >>> brain = bs.Simulator(m, threads=2)
    >>> report = brain.step("T")
    >>> brain.x.shape, brain.logits.shape
    ((4096,), (256,))
    """

    model: Model
    """What is simulated; with `weights="bf16"` another one than was given."""

    def __init__(self, model: Model | Path, *, threads: Integer = 1, sites: Integer | None = None,
                 retention: Real | None = None, device: str = "cpu", weights: Weights = "float32",
                 synapses: Weights = "float32", seed: Integer = 0, history: bool = False,
                 spikes: Bins | None = None, spike_scales: Scales | None = None,
                 spike_code: str | None = None, spike_phase: str | None = None,
                 spike_pair: str | None = None, spike_hubs: bool = False,
                 spike_dt: Real | None = None) -> None:
        model = model_of(model)
        if weights not in ("float32", "bf16"):
            raise InputError("weights", repr(weights), "'float32' or 'bf16'")
        if synapses not in ("float32", "bf16"):
            raise InputError("synapses", repr(synapses), "'float32' or 'bf16'")
        if weights == "bf16" and not model.bfloat16:
            if not model.path:
                raise UnavailableError("weights", "'bf16', and a model that has no file",
                                       "a saved one", "model.save(path), then load(path, 'bf16')")
            model = load(model.path, "bf16")
        if retention is not None:
            retention = select.real(retention, "retention")
            if not 0 < retention <= 1:
                raise InputError("retention", str(retention), "0 < u <= 1")
        self.model = model
        self._settings = {"weights": weights, "synapses": synapses, "seed": seed,
                          "threads": threads, "sites": sites}
        self._core = _core.make_brain(
            model._core, select.integer(threads, "threads", 1, 4096),
            0 if sites is None else select.integer(sites, "sites", 1, 2**32 - 1), retention,
            select.text(device, "device"), synapses == "bf16", select.integer(seed, "seed"),
            select.flag(history, "history"), model.path or "",
            settings_of(spikes, spike_scales, spike_code, spike_phase, spike_pair, spike_hubs,
                        spike_dt))

    @classmethod
    def _of(cls, core: _core.Brain, like: Simulator) -> Simulator:
        made = cls.__new__(cls)
        made.model, made._core, made._settings = like.model, core, like._settings
        return made

    # ---- tokens

    @property
    def tokens(self) -> int:
        """How many were read so far.

        >>> brain.tokens
        0
        """
        return self._core.tokens

    @property
    def retention(self) -> float:
        """u, the share of a synapse that is left after a token.

        >>> bs.Simulator(m, retention=0.99).retention
        0.99
        """
        return self._core.retention

    @property
    def device(self) -> str:
        """What computes, in words.

        >>> "cpu" in brain.device.lower()
        True
        """
        return self._core.device

    @property
    def spikes(self) -> dict[str, Any] | None:
        """How activity travels as spikes, as run.json has it: `bins`, `code`, `dt_ms`, `token_ms`,
        `scales`, and the `windows` of a token; None where it travels as it is.

        >>> brain.spikes is None
        True
        """
        described = self._core.spikes
        return json.loads(described) if described else None

    def step(self, token: OneToken) -> _core.StepReport:
        """Reads one token: its id, or text of one token. Returns its `StepReport`.

        >>> brain.step("T").active_x.shape, brain.step(111).position
        ((4,), 1)
        """
        if type(token) is int and 0 <= token < 2**32:
            return self._core.step(token)
        return self._core.step(self._one_token(token))

    def _one_token(self, token: Any) -> int:
        if isinstance(token, (str, bytes)):
            ids = self.model.encode(token, "token")
            if len(ids) != 1:
                raise InputError("token", f"{token!r:.40}, {len(ids)} tokens",
                                 "text of one token", "read() takes more")
            return int(ids[0])
        return select.integer(token, "token", 0, self.model.sensory_nodes - 1)

    def read(self, text: Text, *, keep: str | Sequence[str] = (), trains: Neurons | None = None,
             progress: Progress = None) -> Output:
        """Reads text, or token ids. `keep`: values of every token to return, some of "x", "y", "w",
        "a", "logits"; they take tokens x layers x neurons x 4 bytes. `trains`: neurons whose spikes
        to return, where activity travels as spikes; 13 bytes a spike. `progress`: True for a bar
        (of tqdm, where it is installed), or a function that is called with the tokens read so far.
        Ctrl-C stops between two tokens; what was read stays read.

        >>> brain.read("To be", keep=["x", "y"]).y.shape
        (5, 4, 4096)
        """
        tokens = self.model.encode(text)
        names = [keep] if isinstance(keep, str) else list(keep)
        for name in names:
            select.text(name, "keep")
        self._expect_memory(len(tokens), names)
        chosen = None
        if trains is not None:
            if not self._core.spikes:
                raise UnavailableError("trains", "activity that travels as it is",
                                       "Simulator(model, spikes=...)")
            chosen = np.unique(select.neurons(self.model, trains)).tolist()
        first = self.tokens
        with progress_of(progress, len(tokens)) as report:
            read = self._core.read(tokens, names, chosen, report)
        of_spikes = read.pop("trains", None)
        return Output(self.model, read, None if of_spikes is None else
                      Trains(of_spikes, self.spikes or {}, first, len(tokens)))

    def learn(self, text: Text, rate: Real = 3e-5, *,
              rule: Literal["exact", "rows", "readout"] = "exact",
              only: str | Sequence[str] = (), back: Real = 1e-3, plain: bool = False,
              progress: Progress = None) -> Learned:
        """Reads text, or token ids, and learns from each token as soon as the next one is known,
        without backpropagation through time, as `bdh run --learn` does. Weights change in a copy:
        `model` stays as it is, `learned_model` is the other. `rate`: 3e-5 for text like that of the
        training, 1e-4 for other text. `rule`: `"exact"`, the error over the edges that were used;
        `"rows"`, one vector of errors for all neurons; `"readout"`, readout and embedding alone.
        `only`: circuits that change, some of gx, gy, e, readout, embedding. `back`: share of the
        way to the model's own weights that a row goes whenever it changes, against forgetting.
        `plain`: the gradient is not scaled row by row. Later calls go on with the same options;
        `read` reads without learning.

        >>> reader = bs.Simulator(m, retention=0.995)
        >>> reader.learn("To be, or not to be", rate=3e-5).rows_changed.shape
        (19,)
        """
        tokens = self.model.encode(text)
        names = [only] if isinstance(only, str) else list(only)
        for name in names:
            select.text(name, "only")
        rate = select.real(rate, "rate")
        back = select.real(back, "back")
        with progress_of(progress, len(tokens)) as report:
            read = self._core.learn(tokens, report, rate, select.text(rule, "rule"), names, back,
                                    bool(plain))
        return Learned(self.model, read)

    def learned_model(self) -> Model:
        """A model of the weights as they are now, which knows from which model, by what rule and
        from how many tokens they were learned.

        >>> reader = bs.Simulator(m)
        >>> _ = reader.learn("To be")
        >>> reader.learned_model() == m
        False
        """
        return Model(self._core.learned_model())

    def _expect_memory(self, tokens: int, keep: list[str]) -> None:
        sizes = {v["name"]: v["size"] * self.model.layers for v in self._core.variables()}
        sizes["logits"] = self.model.readout_nodes
        wanted = 4 * tokens * sum(sizes.get(k, 0) for k in keep)
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        if wanted > there:
            raise InputError("keep", f"{wanted / 1e9:.1f} GB for {tokens} tokens",
                             f"less than the {there / 1e9:.1f} GB of memory",
                             "read in parts, or record() to files")

    def generate(self, count: Integer, *, temperature: Real = 0.0, top_k: Integer = 0,
                 seed: Integer = 0) -> Iterator[Token]:
        """Chooses tokens and reads them: an iterator of `count` Tokens. Temperature 0: the most
        likely one. A token is chosen by seed and position alone, as in `bdh run --generate`.

        >>> out = brain.read("To be, or not to b")
        >>> next(brain.generate(1)).text
        'e'
        """
        count = select.integer(count, "count")
        temperature = select.real(temperature, "temperature")
        if temperature < 0:
            raise InputError("temperature", str(temperature), "0 or more")
        top_k = select.integer(top_k, "top_k", 0, 2**32 - 1)
        seed = select.integer(seed, "seed")
        if self.model.readout_nodes == 0:
            raise UnavailableError("generate", "a model without readout nodes", "one with logits")
        if len(self.logits) == 0:
            raise InputError("generate", "no token was read", "one at least, which others follow")
        return self._generated(count, temperature, top_k, seed)

    def _generated(self, count: int, temperature: float, top_k: int, seed: int) -> Iterator[Token]:
        for _ in range(count):
            yield Token(self.model,
                        self._core.step(self._core.choose(temperature, top_k, seed)))

    def rounds(self, token: OneToken) -> Iterator[Round]:
        """Reads one token round by round: an iterator over the 4 L rounds, between which everything
        can be read and nothing has changed. Leaving it early runs the rounds that are left.

        >>> len(list(brain.rounds("T")))
        16
        """
        one = self._one_token(token)

        def all_rounds() -> Iterator[Round]:
            self._core.begin(one)
            try:
                while (mark := self._core.advance()) is not None:
                    yield Round(*mark)
            finally:
                self._core.finish()
        return all_rounds()

    def surprisal(self, token: OneToken) -> float | None:
        """-ln p(token) in nats, should it come next; None where there are no logits.

        >>> out = brain.read("To be, or not to b")
        >>> brain.surprisal("e") < brain.surprisal("x")
        True
        """
        return self._core.surprisal_of(self._one_token(token))

    # ---- values

    @property
    def x(self) -> Float32:
        """X of the layer last computed (neurons): a copy."""
        return self._core.value("x")

    @property
    def y(self) -> Float32:
        """Y of the layer last computed (neurons): a copy."""
        return self._core.value("y")

    @property
    def a(self) -> Float32:
        """A of the layer last computed (hubs, or sources with explicit edges): a copy."""
        return self._core.value("a")

    @property
    def w(self) -> Float32:
        """W of the layer last computed (hubs, or sources with explicit edges): a copy."""
        return self._core.value("w")

    @property
    def logits(self) -> Float32:
        """After the last token (readout nodes), a copy; empty before the first."""
        return self._core.logits()

    @property
    def variables(self) -> list[dict[str, Any]]:
        """Every state variable: `name`, `of` (what has its values), `size`, `per_head`,
        `per_layer`, `kept` (from token to token), `writable`.

        >>> [v["name"] for v in brain.variables]
        ['x', 'y', 'w', 'a', ...]
        """
        return self._core.variables()

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A state variable by name, as a copy (size). Those that are kept from token to token have
        an axis for layers (layers, size), where each layer has its own.

        >>> brain["x"].shape, brain["synapses"].shape
        ((4096,), (4, 262144))
        """
        for v in self._core.variables():
            if v["name"] != name:
                continue
            if not v["kept"]:
                return self._core.value(name)
            state = self._core.save()
            if v["per_layer"]:
                return np.stack([layer[name] for layer in state.layers])
            return np.array(state.network[name])
        known = ", ".join(v["name"] for v in self._core.variables())
        raise KeyError(f"{name!r}, expected one of {known}")

    def sigma(self, layer: Integer, neuron: Neuron) -> Float32:
        """Strengths of a neuron's synapses that the next token reads: to every hub (hubs), or to
        its targets with explicit edges (targets). A copy.

        >>> brain.sigma(2, neuron=17).shape
        (64,)
        """
        return self._core.synapses(select.layer(self.model, layer),
                                   select.neuron(self.model, neuron))

    @overload
    def strength(self, layer: Integer, pre: Neuron, post: Neuron) -> float: ...
    @overload
    def strength(self, layer: Integer, pre: Neurons, post: Neurons) -> Union[float, Float64]: ...

    def strength(self, layer: Integer, pre: Neurons, post: Neurons) -> Union[float, Float64]:
        """Strengths of synapses pre -> post: a number, or float64 (pairs) for arrays; nan where
        they are not known: through hubs, those of pairs without a probe since the first token
        (`probe`, `add_probes`).

        >>> brain.add_probes(3, pre=[1105, 3207], post=17)
        >>> out = brain.read("To be")
        >>> brain.strength(3, pre=[1105, 3207], post=17).shape, brain.strength(3, 5, 6)
        ((2,), nan)
        """
        a, b, single = select.broadcast_pairs(self.model, pre, post)
        found = self._core.strengths(select.layer(self.model, layer), a, b, False)
        return float(found[0]) if single else found

    def add_probes(self, layer: Integer, pre: Neurons, post: Neurons) -> None:
        """From now on the strengths of these pairs are known: one call for as many as wanted
        (pairs), or one end for all."""
        a, b, _ = select.broadcast_pairs(self.model, pre, post)
        self._core.add_probes(select.layer(self.model, layer), a, b, False)

    def probe(self, pre: Neuron, post: Neuron, layer: Integer,
              factor: Literal["w", "y"] = "w") -> Probe:
        """Follows a synapse: its `value` now, its `course` over the tokens from here on. factor
        "y": as the paper's Eq. 16 has it.

        >>> brain.probe(pre=1105, post=17, layer=3)
        <Probe 1105->17, layer 3: 0>
        """
        if factor not in ("w", "y"):
            raise InputError("factor", repr(factor), "'w' or 'y'")
        return Probe(self, select.layer(self.model, layer), select.neuron(self.model, pre, "pre"),
                     select.source(self.model, post, "post"), factor)

    # ---- the past (history=True)

    def why(self, variable: Variable, neuron: Neuron, layer: Integer | None = None,
            top: Integer | None = None) -> pd.DataFrame:
        """What drove X or Y of a neuron in the last token and layer (or in `layer`), the largest
        contribution first: a frame of source, weight, activity and contribution; `attrs` has the
        sums. Needs history=True and pandas.

        >>> watched = bs.Simulator(m, history=True)
        >>> out = watched.read("To be")
        >>> watched.why("y", neuron=int(watched.y.argmax()), top=3).shape
        (3, 4)
        """
        if variable not in ("x", "y"):
            raise InputError("variable", repr(variable), "'x' or 'y'")
        layer = None if layer is None else select.layer(self.model, layer)
        found = _core.why(self._core, variable, select.neuron(self.model, neuron), layer)
        columns = ("source", "weight", "activity", "contribution")
        rows = slice(None) if top is None else slice(select.integer(top, "top"))
        frame = table({c: found[c][rows] for c in columns})
        frame.attrs.update({k: v for k, v in found.items() if k not in columns})
        return frame

    def top_synapses(self, count: Integer = 10, layer: Integer | None = None) -> pd.DataFrame:
        """The largest synapses, by absolute strength: a frame of layer, pre, target and strength
        (count rows). Needs history=True and pandas.

        >>> watched = bs.Simulator(m, history=True)
        >>> out = watched.read("To be")
        >>> watched.top_synapses(5).shape
        (5, 4)
        """
        return self._ranked(count, layer, False)

    def changed(self, count: Integer = 10, layer: Integer | None = None) -> pd.DataFrame:
        """Those that the last token changed most: a frame of layer, pre, target, strength before
        and now (count rows). Needs history=True and pandas.

        >>> watched = bs.Simulator(m, history=True)
        >>> out = watched.read("To be")
        >>> watched.changed(5).shape
        (5, 5)
        """
        return self._ranked(count, layer, True)

    def _ranked(self, count: Integer, layer: Integer | None, changes: bool) -> pd.DataFrame:
        layer = None if layer is None else select.layer(self.model, layer)
        found = _core.ranked_synapses(self._core, layer, select.integer(count, "count"), changes)
        nonzero = found.pop("nonzero")
        if not changes:
            found.pop("before")
        frame = table(found)
        frame.attrs["nonzero"] = nonzero
        return frame

    def undo(self) -> str:
        """Takes back the last token, intervention or release; says which. Needs history=True.

        >>> watched = bs.Simulator(m, history=True)
        >>> report = watched.step("T")
        >>> watched.undo(), watched.tokens
        ('token', 0)
        """
        return self._core.undo()

    # ---- interventions

    @contextmanager
    def perturb(self, *what: What) -> Iterator[list[int]]:
        """Interventions for the time of a `with` block: text as on the command line ("silence
        x:5-9", "stimulate x:5 0.1 every 50"), or what `silence`, `lesion`, `stimulate` ... make.
        They are released at its end, also after an exception; others stay.

        >>> with brain.perturb("silence x:5-9"):
        ...     lesion = brain.read("that is", keep="y")
        >>> brain.interventions
        {}
        """
        numbers = self.intervene(*what)
        try:
            yield numbers
        finally:
            for number in reversed(numbers):
                self._core.release(number)

    def intervene(self, *what: What) -> list[int]:
        """The same without a `with` block: numbers, for `release`. All or none are added.

        >>> brain.intervene("silence x:5-9", bs.freeze())
        [1, 2]
        """
        if not what:
            raise InputError("perturb", "nothing", "interventions")
        built = [b for w in what for b in _interventions.build(self.model, w, self.tokens)]
        numbers: list[int] = []
        try:
            for one in built:
                numbers.append(self._core.intervene(one))
        except BaseException:
            for number in reversed(numbers):
                self._core.release(number)
            raise
        return numbers

    def release(self, *numbers: int) -> None:
        """Ends interventions, by their numbers.

        >>> brain.release(*brain.intervene("silence x:5-9"))
        """
        known = dict(self._core.interventions())
        for number in numbers:
            if number not in known:
                raise InputError("release", repr(number), "the number of an intervention in force")
        for number in numbers:
            self._core.release(number)

    @property
    def interventions(self) -> dict[int, str]:
        """Those in force: {number: text}.

        >>> numbers = brain.intervene("silence x:5-9")
        >>> brain.interventions
        {1: 'silence x:5,6,7,8,9 from 0'}
        """
        return dict(self._core.interventions())

    # ---- states

    def save(self) -> State:
        """The State of this moment, between two tokens.

        >>> brain.save()
        <State after 0 tokens of model ...>
        """
        return State(self._core.save(), self.model)

    def restore(self, state: State) -> None:
        """Goes on from a State of this model, bit for bit.

        >>> before = brain.save()
        >>> out = brain.read("To be")
        >>> brain.restore(before)
        >>> brain.tokens
        0
        """
        if not isinstance(state, State):
            raise InputError("restore", type(state).__name__, "a State, of save() or load_state()")
        self._core.restore(state._core)

    def clear(self) -> None:
        """All synapses to zero, as before the first token.

        >>> out = brain.read("To be")
        >>> brain.clear()
        >>> float(abs(brain.sigma(1, 0)).max())
        0.0
        """
        self._core.clear()

    @contextmanager
    def undoing(self) -> Iterator[State]:
        """Whatever is read inside the `with` block is taken back at its end, to the bit.

        >>> with brain.undoing():
        ...     out = brain.read("what if")
        >>> brain.tokens
        0
        """
        before = self.save()
        try:
            yield before
        finally:
            self.restore(before)

    # ---- streams

    def new_stream(self) -> Simulator:
        """Another simulator over the same weights, with synapses of its own, all zero.

        >>> second = brain.new_stream()
        >>> second.read("All").tokens.shape, brain.tokens
        ((3,), 0)
        """
        return Simulator._of(self._core.new_stream(), self)

    # ---- recordings

    @contextmanager
    def record(self, folder: Path, *, events: bool = True, logits: bool = False,
               x: Neurons | None = None, y: Neurons | None = None,
               synapses: str | Sequence[str] | None = None, spikes: Neurons | None = None,
               snapshot: Integer | None = None,
               requests: Sequence[str] = ()) -> Iterator[Recording]:
        """What is read inside the `with` block is written to a folder, the same files as of `bdh
        run`, which survive a kill. `x`, `y`: neurons; `synapses`: a selection such as "in:17 every
        10 layers 2-3"; `spikes`: neurons whose trains to write; `snapshot`: every so many tokens;
        `requests`: more, as of `bdh run --record`.

        >>> with brain.record("run", logits=True, synapses="random:20@1 every 2"):
        ...     out = brain.read("To be")
        >>> bs.open_run("run")
        <Run run: complete, 5 tokens, ... recordings>
        """
        wanted = requests_of(self.model, events=events, logits=logits, x=x, y=y, synapses=synapses,
                             spikes=spikes, snapshot=snapshot, requests=requests)
        folder = os.fspath(folder)
        self._core.start_recording(folder, wanted, json.dumps(self._run_options(wanted)))
        try:
            yield Recording(self._core, folder)
        except KeyboardInterrupt:
            self._core.stop_recording("interrupted")
            raise
        except BaseException:
            self._core.stop_recording("failed")
            raise
        self._core.stop_recording("complete")

    def _run_options(self, requests: list[str]) -> dict[str, Any]:
        s = self._settings
        spikes = {"spikes": self.spikes} if self._core.spikes else {}
        return {"model": self.model.path or "", "generate": 0, "temperature": 0, "top_k": 0,
                "seed": s["seed"], "retention": self.retention, "weights": s["weights"],
                "synapses": s["synapses"], "prefill": "tokens",
                "interventions": list(self.interventions.values()), "checkpoint_every": 0,
                "threads": s["threads"], "sites": s["sites"] or s["threads"],
                "device": self.device, "record": requests, "driver": "bdhsim", **spikes}

    def __repr__(self) -> str:
        name = self.model.content_sha256[:12]
        history = ", with history" if self._core.has_history else ""
        return f"<Simulator of model {name} on {self.device}, {self.tokens} tokens read{history}>"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a Simulator cannot be pickled or copied; save() gives a State that can, "
                        "new_stream() another simulator")


def step_streams(steps: Mapping[Simulator, OneToken]) -> dict[Simulator, _core.StepReport]:
    """One token in each of several simulators that `new_stream` made of one: {simulator: token}.
    They share the work of reading the weights; each has the bits that it has alone. Returns
    {simulator: report}.

    >>> second = brain.new_stream()
    >>> reports = bs.step_streams({brain: "T", second: "A"})
    >>> reports[second].token
    65
    """
    if not hasattr(steps, "items") or not steps:
        raise InputError("step_streams", repr(steps)[:60], "{simulator: token, ...}")
    brains = list(steps)
    for brain in brains:
        if not isinstance(brain, Simulator):
            raise InputError("step_streams", type(brain).__name__, "Simulators")
    tokens = np.array([b._one_token(t) for b, t in steps.items()], dtype=np.uint32)
    return dict(zip(brains, _core.step_streams([b._core for b in brains], tokens)))
