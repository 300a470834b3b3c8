"""Simulators: a model that reads tokens, its values, its synapses."""

import json
import os
import sys
from contextlib import contextmanager

import numpy as np

from . import _core
from . import _interventions
from . import _select as select
from ._errors import InputError, UnavailableError
from ._model import load, model_of
from ._state import State
from ._tables import table
from ._values import Output, Probe, Round, Token


class Recording:
    """A run that is being written, by `Simulator.record`."""

    def __init__(self, core, folder):
        self._core, self.folder = core, folder

    def commit(self):
        """Everything so far is on the disk, and readable."""
        self._core.commit_recording()


class Simulator:
    """A model that reads tokens, one after the other, and writes its synapses as it does.

    threads   that work on a token; no bit depends on them
    sites     into which neurons are divided (as many as threads); no bit depends on them
    retention u, the share of a synapse that is left after a token (the model's)
    device    "cpu", "cuda" or "cuda:1"
    weights   "float32" or "bf16"
    synapses  "float32" or "bf16", rounded at random, with `seed`
    history   keeps what was read and done, so that `why`, `changed`, `top_synapses`, `undo` and
              probes of the past work; a token then costs more, and memory grows by some hundred
              bytes a token and two states

    >>> import bdhsim as bs
    >>> brain = bs.Simulator(bs.load(example_model))
    >>> report = brain.step("T")
    >>> brain.x.shape, brain.logits.shape
    ((4096,), (256,))
    """

    def __init__(self, model, *, threads=1, sites=None, retention=None, device="cpu",
                 weights="float32", synapses="float32", seed=0, history=False):
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
            select.flag(history, "history"))

    @classmethod
    def _of(cls, core, like):
        made = cls.__new__(cls)
        made.model, made._core, made._settings = like.model, core, like._settings
        return made

    # ---- tokens

    tokens = property(lambda self: self._core.tokens, doc="Tokens read so far.")
    retention = property(lambda self: self._core.retention)
    device = property(lambda self: self._core.device)

    def step(self, token):
        """Reads one token: its id, or text of one token. Returns its report: `active_x`, `active_y`
        (layers), `surprisal` (nats, or None), `synaptic_events`, `seconds`."""
        if type(token) is int and 0 <= token < 2**32:
            return self._core.step(token)
        return self._core.step(self._one_token(token))

    def _one_token(self, token):
        if isinstance(token, (str, bytes)):
            ids = self.model.encode(token, "token")
            if len(ids) != 1:
                raise InputError("token", f"{token!r:.40}, {len(ids)} tokens",
                                 "text of one token", "read() takes more")
            return int(ids[0])
        return select.integer(token, "token", 0, self.model.sensory_nodes - 1)

    def read(self, text, *, keep=(), progress=None):
        """Reads text, or token ids. `keep`: values of every token to return, some of "x", "y", "w",
        "a", "logits"; they take tokens x layers x neurons x 4 bytes. `progress`: True for a bar (of
        tqdm, where it is installed), or a function that is called with the tokens read so far.
        Ctrl-C stops between two tokens; what was read stays read. Returns an Output."""
        tokens = self.model.encode(text)
        keep = [keep] if isinstance(keep, str) else list(keep)
        for name in keep:
            select.text(name, "keep")
        self._expect_memory(len(tokens), keep)
        with _progress(progress, len(tokens)) as report:
            return Output(self.model, self._core.read(tokens, keep, report))

    def _expect_memory(self, tokens, keep):
        sizes = {v["name"]: v["size"] * self.model.layers for v in self._core.variables()}
        sizes["logits"] = self.model.readout_nodes
        wanted = 4 * tokens * sum(sizes.get(k, 0) for k in keep)
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        if wanted > there:
            raise InputError("keep", f"{wanted / 1e9:.1f} GB for {tokens} tokens",
                             f"less than the {there / 1e9:.1f} GB of memory",
                             "read in parts, or record() to files")

    def generate(self, count, *, temperature=0.0, top_k=0, seed=0):
        """Chooses tokens and reads them: an iterator of `count` Tokens. Temperature 0: the most
        likely one. A token is chosen by seed and position alone, as in `bdh run --generate`."""
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

    def _generated(self, count, temperature, top_k, seed):
        for _ in range(count):
            yield Token(self.model,
                        self._core.step(self._core.choose(temperature, top_k, seed)))

    def rounds(self, token):
        """Reads one token round by round: an iterator over the 4 L rounds, between which everything
        can be read and nothing has changed. Leaving it early runs the rounds that are left."""
        token = self._one_token(token)

        def all_rounds():
            self._core.begin(token)
            try:
                while (mark := self._core.advance()) is not None:
                    yield Round(*mark)
            finally:
                self._core.finish()
        return all_rounds()

    def surprisal(self, token):
        """-ln p(token) in nats, should it come next; None where there are no logits."""
        return self._core.surprisal_of(self._one_token(token))

    # ---- values

    x = property(lambda self: self._core.value("x"),
                 doc="X of the layer last computed (neurons): a copy.")
    y = property(lambda self: self._core.value("y"), doc="Y, the same.")
    a = property(lambda self: self._core.value("a"), doc="A, as hubs or sources carry it.")
    w = property(lambda self: self._core.value("w"), doc="W, as hubs or sources carry it.")
    logits = property(lambda self: self._core.logits(),
                      doc="(V) after the last token; empty before the first.")

    @property
    def variables(self):
        """Every state variable: name, what has its values, size."""
        return self._core.variables()

    def __getitem__(self, name):
        """A state variable by name, as a copy. Those that are kept from token to token have an axis
        for layers, where each layer has its own."""
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

    def sigma(self, layer, neuron):
        """Strengths of a neuron's synapses that the next token reads: to every hub, or to its
        targets with explicit edges. A copy."""
        return self._core.synapses(select.layer(self.model, layer),
                                   select.neuron(self.model, neuron))

    def strength(self, layer, pre, post):
        """Strengths of synapses pre -> post; nan where they are not known: through hubs, those of
        pairs without a probe since the first token (`probe`, `add_probes`)."""
        a, b, single = select.broadcast_pairs(self.model, pre, post)
        found = self._core.strengths(select.layer(self.model, layer), a, b, False)
        return float(found[0]) if single else found

    def add_probes(self, layer, pre, post):
        """From now on the strengths of these pairs are known: one call for as many as wanted."""
        a, b, _ = select.broadcast_pairs(self.model, pre, post)
        self._core.add_probes(select.layer(self.model, layer), a, b, False)

    def probe(self, pre, post, layer, factor="w"):
        """Follows a synapse: its `value` now, its `course` over the tokens from here on. factor
        "y": as the paper's Eq. 16 has it."""
        if factor not in ("w", "y"):
            raise InputError("factor", repr(factor), "'w' or 'y'")
        return Probe(self, select.layer(self.model, layer), select.neuron(self.model, pre, "pre"),
                     select.source(self.model, post, "post"), factor)

    # ---- the past (history=True)

    def why(self, variable, neuron, layer=None, top=None):
        """What drove X or Y of a neuron in the last token and layer (or in `layer`), the largest
        contribution first: a frame of source, weight, activity and contribution; `attrs` has the
        sums. Needs history=True."""
        if variable not in ("x", "y"):
            raise InputError("variable", repr(variable), "'x' or 'y'")
        layer = None if layer is None else select.layer(self.model, layer)
        found = _core.why(self._core, variable, select.neuron(self.model, neuron), layer)
        columns = ("source", "weight", "activity", "contribution")
        top = slice(None) if top is None else slice(select.integer(top, "top"))
        frame = table({c: found[c][top] for c in columns})
        frame.attrs.update({k: v for k, v in found.items() if k not in columns})
        return frame

    def top_synapses(self, count=10, layer=None):
        """The largest synapses, by absolute strength. Needs history=True."""
        return self._ranked(count, layer, False)

    def changed(self, count=10, layer=None):
        """Those that the last token changed most. Needs history=True."""
        return self._ranked(count, layer, True)

    def _ranked(self, count, layer, changes):
        layer = None if layer is None else select.layer(self.model, layer)
        found = _core.ranked_synapses(self._core, layer, select.integer(count, "count"), changes)
        nonzero = found.pop("nonzero")
        if not changes:
            found.pop("before")
        frame = table(found)
        frame.attrs["nonzero"] = nonzero
        return frame

    def undo(self):
        """Takes back the last token, intervention or release; says which. Needs history=True."""
        return self._core.undo()

    # ---- interventions

    @contextmanager
    def perturb(self, *what):
        """Interventions for the time of a `with` block: text as on the command line ("silence
        x:5-9", "stimulate x:5 0.1 every 50"), or what `silence`, `lesion`, `stimulate` ... make.
        They are released at its end, also after an exception; others stay."""
        numbers = self.intervene(*what)
        try:
            yield numbers
        finally:
            for number in reversed(numbers):
                self._core.release(number)

    def intervene(self, *what):
        """The same without a `with` block: numbers, for `release`. All or none are added."""
        if not what:
            raise InputError("perturb", "nothing", "interventions")
        built = [b for w in what for b in _interventions.build(self.model, w, self.tokens)]
        numbers = []
        try:
            for one in built:
                numbers.append(self._core.intervene(one))
        except BaseException:
            for number in reversed(numbers):
                self._core.release(number)
            raise
        return numbers

    def release(self, *numbers):
        known = dict(self._core.interventions())
        for number in numbers:
            if number not in known:
                raise InputError("release", repr(number), "the number of an intervention in force")
        for number in numbers:
            self._core.release(number)

    @property
    def interventions(self):
        """Those in force: {number: text}."""
        return dict(self._core.interventions())

    # ---- states

    def save(self):
        """The State of this moment, between two tokens."""
        return State(self._core.save(), self.model)

    def restore(self, state):
        """Goes on from a State of this model, bit for bit."""
        if not isinstance(state, State):
            raise InputError("restore", type(state).__name__, "a State, of save() or load_state()")
        self._core.restore(state._core)

    def clear(self):
        """All synapses to zero, as before the first token."""
        self._core.clear()

    @contextmanager
    def undoing(self):
        """Whatever is read inside the `with` block is taken back at its end, to the bit."""
        before = self.save()
        try:
            yield before
        finally:
            self.restore(before)

    # ---- streams

    def new_stream(self):
        """Another simulator over the same weights, with synapses of its own, all zero."""
        return Simulator._of(self._core.new_stream(), self)

    # ---- recordings

    @contextmanager
    def record(self, folder, *, events=True, logits=False, x=None, y=None, synapses=None,
               snapshot=None, requests=()):
        """What is read inside the `with` block is written to a folder, the same files as of `bdh
        run`, which survive a kill. `x`, `y`: neurons; `synapses`: a selection such as "in:17 every
        10 layers 2-3"; `snapshot`: every so many tokens; `requests`: more, as of `bdh run
        --record`."""
        wanted = list(requests)
        wanted += [name for name, on in (("events", events), ("logits", logits))
                   if select.flag(on, name)]
        for name, neurons in (("x", x), ("y", y)):
            if neurons is not None:
                wanted.append(f"{name}:{_listed(self.model, neurons)}")
        if synapses is not None:
            wanted += [f"synapses:{s}" for s in ([synapses] if isinstance(synapses, str)
                                                 else synapses)]
        if snapshot is not None:
            wanted.append(f"snapshot every {select.integer(snapshot, 'snapshot', 1)}")
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

    def _run_options(self, requests):
        s = self._settings
        return {"model": self.model.path or "", "generate": 0, "temperature": 0, "top_k": 0,
                "seed": s["seed"], "retention": self.retention, "weights": s["weights"],
                "synapses": s["synapses"], "prefill": "tokens",
                "interventions": list(self.interventions.values()), "checkpoint_every": 0,
                "threads": s["threads"], "sites": s["sites"] or s["threads"],
                "device": self.device, "record": requests, "driver": "bdhsim"}

    def __repr__(self):
        name = self.model.content_sha256[:12]
        history = ", with history" if self._core.has_history else ""
        return f"<Simulator of model {name} on {self.device}, {self.tokens} tokens read{history}>"

    def __reduce__(self):
        raise TypeError("a Simulator cannot be pickled or copied; save() gives a State that can, "
                        "new_stream() another simulator")


def step_streams(steps):
    """One token in each of several simulators that `new_stream` made of one: {simulator: token}.
    They share the work of reading the weights; each has the bits that it has alone. Returns
    {simulator: report}."""
    if not hasattr(steps, "items") or not steps:
        raise InputError("step_streams", repr(steps)[:60], "{simulator: token, ...}")
    brains = list(steps)
    for brain in brains:
        if not isinstance(brain, Simulator):
            raise InputError("step_streams", type(brain).__name__, "Simulators")
    tokens = np.array([b._one_token(t) for b, t in steps.items()], dtype=np.uint32)
    return dict(zip(brains, _core.step_streams([b._core for b in brains], tokens)))


def _listed(model, neurons):
    if isinstance(neurons, str):
        return neurons
    return ",".join(f"#{n}" if model.names else str(n) for n in select.neurons(model, neurons))


@contextmanager
def _progress(progress, total):
    if progress is None or progress is False:
        yield None
    elif callable(progress):
        yield progress
    elif progress is True:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            yield lambda done: print(f"\r{done} of {total} tokens", end="", file=sys.stderr)
            print(file=sys.stderr)
            return
        with tqdm(total=total, unit="token") as bar:
            yield lambda done: bar.update(done - bar.n)
            bar.update(total - bar.n)
    else:
        raise InputError("progress", repr(progress)[:60], "True, False or a function")
