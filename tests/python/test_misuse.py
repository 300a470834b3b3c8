"""Wrong types and values: each raises an exception of the right class whose text names the
argument. Never a crash, never silence."""
import os
import pickle
import sys
import tempfile
import unittest

import bdhsim as bs
import numpy as np
from support import SMALL, TEXT, Models

models = Models()
INPUT, SHAPE, UNAVAILABLE = bs.InputError, bs.ShapeError, bs.UnavailableError

M = bs.load(models.small)
D = bs.load(models.direct)
B = bs.Simulator(M)
B.read(TEXT)
STATE = B.save()
H = bs.Simulator(M, history=True)
OTHER = bs.Simulator(D)
SCALES = bs.spike_scales(M, TEXT)
S = bs.Simulator(M, spikes=4, spike_scales=SCALES)
FOLDER = tempfile.TemporaryDirectory()


def at(name):
    return os.path.join(FOLDER.name, name)


def cut(name):
    with open(models.small, "rb") as f, open(at(name), "wb") as to:
        to.write(f.read(5000))
    return at(name)


def spiking(**settings):
    return bs.Simulator(M, **{"spikes": 8, "spike_scales": SCALES, **settings})


def use(context):
    with context:
        pass


# What is called, the class of the exception, and what its text has.
MISUSES = [
    # learning
    (lambda: bs.Simulator(M).learn("a", -1), INPUT, "rate"),
    (lambda: bs.Simulator(M).learn("a", float("nan")), INPUT, "rate"),
    (lambda: bs.Simulator(M).learn("a", rule="hebb"), INPUT, "hebb"),
    (lambda: bs.Simulator(M).learn("a", only="sigma"), INPUT, "sigma"),
    (lambda: bs.Simulator(M).learn("a", only=[3]), INPUT, "only"),
    (lambda: bs.Simulator(M).learn("a", only="gx", rule="readout"), INPUT, "no circuit"),
    (lambda: bs.Simulator(M).learn("a", back=2), INPUT, "return"),
    (lambda: bs.Simulator(D).learn("a"), UNAVAILABLE, "explicit edges"),
    (lambda: H.learn("a"), UNAVAILABLE, "history"),
    (lambda: B.learned_model(), UNAVAILABLE, "learn"),
    # concepts
    (lambda: bs.concepts(M, ["a", "b"], ["c", "d"]), INPUT, "at best"),
    (lambda: bs.concepts(M, "cats", ["dogs"]), INPUT, "positive"),
    (lambda: bs.concepts(M, {"a": ["b"]}, ["c"]), INPUT, "groups"),
    (lambda: bs.concepts(M, {"a": "b"}, {"c": ["d"]}), INPUT, "positive['a']"),
    (lambda: bs.concepts(M, [], ["c"]), SHAPE, "positive"),
    (lambda: bs.concepts(M, ["a"] * 9, ["b", ""] * 9), SHAPE, "negative[1]"),
    (lambda: bs.concepts(M, ["a"] * 9, ["b"] * 9, layer=1, carry=1), INPUT, "layer"),
    (lambda: bs.concepts(M, ["a"] * 9, ["b"] * 9, head=99, carry=1), INPUT, "head"),
    (lambda: bs.concepts(M, ["a"] * 9, ["b"] * 9, carry=0), INPUT, "carry"),
    (lambda: bs.concepts(M, ["a"] * 9, ["b"] * 9, factor="z"), INPUT, "factor"),
    (lambda: bs.concepts(M, ["a"] * 9, ["b"] * 9, measure="length"), INPUT, "measure"),
    (lambda: bs.concepts(M, ["a"] * 9, ["b"] * 9, neurons=True, measure="amplitude"), INPUT,
     "neurons"),
    (lambda: bs.concepts(M, ["a"] * 9, ["b"] * 8, paired=True), SHAPE, "8 texts"),
    (lambda: bs.concepts(M, ["a"] * 9, ["b"] * 9, confirm=["c"]), INPUT, "confirm"),
    (lambda: bs.concepts(M, {"a": ["a"]}, {"b": ["b"]}, confirm=({"a": ["a"]}, {"c": ["c"]})),
     INPUT, "a group that chooses"),
    (lambda: bs.concepts(M, ["a"] * 9, ["b"] * 9, history=True, carry=1), UNAVAILABLE, "history"),
    # models
    (lambda: bs.load("nowhere.bdh.h5"), INPUT, "nowhere.bdh.h5"),
    (lambda: bs.load(SMALL), INPUT, "model.safetensors"),
    (lambda: bs.load(cut("cut.bdh.h5")), INPUT, "cut.bdh.h5"),
    (lambda: bs.load(5), TypeError, "str"),
    (lambda: bs.load(models.small, weights="float16"), INPUT, "weights"),
    (lambda: bs.import_checkpoint("nowhere.pt"), INPUT, "nowhere.pt"),
    (lambda: bs.import_checkpoint(models.small), INPUT, "small.bdh.h5"),
    (lambda: bs.import_checkpoint(SMALL, heads=0), INPUT, "heads"),
    (lambda: bs.import_checkpoint(SMALL, heads=3), INPUT, "heads"),
    (lambda: bs.import_checkpoint(SMALL, layers=1.5), INPUT, "layers"),
    (lambda: bs.import_checkpoint(SMALL, theta=float("nan")), INPUT, "theta"),
    (lambda: bs.import_checkpoint(SMALL, theta=-2), INPUT, "theta"),
    (lambda: bs.import_checkpoint(SMALL, tokenizer="klingon"), INPUT, "klingon"),
    (lambda: bs.from_torch(5), INPUT, "from_torch"),
    (lambda: bs.from_torch({"a": np.array(["x"])}), INPUT, "a"),
    (lambda: bs.import_graph(3), INPUT, "gx"),
    (lambda: bs.import_graph("nowhere.csv"), INPUT, "nowhere.csv"),
    (lambda: bs.import_graph(([0, 1], [1], [1.0])), SHAPE, "gx"),
    (lambda: bs.import_graph(([0, 1], [1, 0], [1.0, float("inf")])), INPUT, "gx"),
    (lambda: bs.import_graph(([0, 1], [1, 0], [1, 1]), layers=0), INPUT, "layers"),
    (lambda: bs.import_graph(([0, 1], [1, 0], [1, 1]), retention=2), INPUT, "retention"),
    (lambda: bs.import_graph(([0, 1], [1, 0], [1, 1]), dynamics="lif"), INPUT, "lif"),
    (lambda: bs.import_graph(([0, 1], [1, 0], [1, 1]), neurons=True), INPUT, "neurons"),
    (lambda: M.circuits["gz"], INPUT, "gz"),
    (lambda: M.weight("gz", 0, 1), INPUT, "gz"),
    (lambda: M.communities(), INPUT, "top"),
    (lambda: M.communities(top=0), INPUT, "top"),
    (lambda: D.communities("e"), INPUT, "'e'"),
    (lambda: D.communities(seed=-1), INPUT, "seed"),
    (lambda: M.weight("gx", 10**9, 1), IndexError, "pre"),
    (lambda: M.weight("gx", [1, 2, 3], [1, 2]), SHAPE, "pre and post"),
    (lambda: M.circuits["e"].weights.__setitem__(0, 1), ValueError, "read-only"),
    (lambda: M.select("5,banana"), INPUT, "banana"),
    (lambda: M.select([0.5]), INPUT, "0.5"),
    (lambda: M.select(np.array([0.5])), INPUT, "float64"),
    (lambda: M.select([-1]), IndexError, "-1"),
    (lambda: M.select(np.array([M.neurons])), IndexError, str(M.neurons)),
    (lambda: M.select(np.zeros((2, 2), int)), SHAPE, "2 axes"),
    (lambda: M.select(np.ones(3, bool)), SHAPE, "mask"),
    (lambda: M.select(True), INPUT, "True"),
    (lambda: M.neuron("banana"), INPUT, "banana"),
    (lambda: M.neuron(None), INPUT, "None"),
    (lambda: M.encode([256]), INPUT, "256"),
    (lambda: M.encode([-1]), INPUT, "-1"),
    (lambda: M.encode([1.0]), INPUT, "float64"),
    (lambda: M.encode([[1]]), SHAPE, "2 axes"),
    (lambda: M.decode("text"), INPUT, "tokens"),
    (lambda: M.with_tokenizer(5), INPUT, "encode"),
    (lambda: M.save(models.small), INPUT, "small.bdh.h5"),
    (lambda: M.save("/nowhere/model.bdh.h5"), (INPUT, bs.DeviceError), "/nowhere"),
    (lambda: M.merge(5), INPUT, "merge"),
    (lambda: M.merge(D), (INPUT, SHAPE, UNAVAILABLE), "circuits"),
    (lambda: M.slice([]), INPUT, "neuron"),
    (lambda: M.banana, AttributeError, "banana"),
    (lambda: D.to_direct(), INPUT, "direct"),
    # simulators
    (lambda: bs.Simulator(5), INPUT, "model"),
    (lambda: bs.Simulator(M, threads=0), INPUT, "threads"),
    (lambda: bs.Simulator(M, threads=1.0), INPUT, "threads"),
    (lambda: bs.Simulator(M, threads=True), INPUT, "threads"),
    (lambda: bs.Simulator(M, sites=-1), INPUT, "sites"),
    (lambda: bs.Simulator(M, retention=0), INPUT, "retention"),
    (lambda: bs.Simulator(M, retention=1.5), INPUT, "retention"),
    (lambda: bs.Simulator(M, retention="high"), INPUT, "retention"),
    (lambda: bs.Simulator(M, retention=float("nan")), INPUT, "retention"),
    (lambda: bs.Simulator(M, device="tpu"), INPUT, "device"),
    (lambda: bs.Simulator(M, device="cuda:x"), INPUT, "device"),
    (lambda: bs.Simulator(M, device="cuda"), bs.DeviceError, "CUDA"),
    (lambda: bs.Simulator(M, weights="int8"), INPUT, "weights"),
    (lambda: bs.Simulator(M, synapses="int8"), INPUT, "synapses"),
    (lambda: bs.Simulator(D, synapses="bf16"), UNAVAILABLE, "bf"),
    (lambda: bs.Simulator(M, history=1), INPUT, "history"),
    (lambda: bs.Simulator(M, seed=-1), INPUT, "seed"),
    (lambda: bs.Simulator(M, banana=1), TypeError, "banana"),
    # spikes
    (lambda: bs.Simulator(M, spikes=8), INPUT, "spike_scales"),
    (lambda: spiking(spikes=0), INPUT, "spikes"),
    (lambda: spiking(spikes=1025), INPUT, "1025"),
    (lambda: spiking(spikes=8.0), INPUT, "spikes"),
    (lambda: spiking(spikes=True), INPUT, "spikes"),
    (lambda: spiking(spikes="x=8,z=3"), INPUT, "z=3"),
    (lambda: spiking(spikes={}), INPUT, "{}"),
    (lambda: spiking(spikes={"x": 0}), INPUT, "spikes of x"),
    (lambda: spiking(spikes={"q": 8}), INPUT, "q=8"),
    (lambda: spiking(spikes={"w": 8}), INPUT, "spike_hubs"),
    (lambda: spiking(spikes={"hub": 8}), INPUT, "spike_hubs"),
    (lambda: spiking(spike_code="poisson"), INPUT, "spike_code"),
    (lambda: spiking(spike_code=3), INPUT, "spike_code"),
    (lambda: spiking(spike_phase="half"), INPUT, "spike_code"),
    (lambda: spiking(spike_pair="and"), INPUT, "spike_pair"),
    (lambda: spiking(spike_hubs=1), INPUT, "spike_hubs"),
    (lambda: spiking(spike_hubs=True, spikes="x=8,hub=4"), INPUT, "spike_pair and"),
    (lambda: spiking(spike_dt=0), INPUT, "spike_dt"),
    (lambda: spiking(spike_dt=float("nan")), INPUT, "spike_dt"),
    (lambda: spiking(spike_scales="nowhere.json"), INPUT, "nowhere.json"),
    (lambda: spiking(spike_scales=5), INPUT, "spike_scales"),
    (lambda: spiking(spike_scales={"x": [1]}), INPUT, "spike_scales, x"),
    (lambda: spiking(spike_scales={**SCALES, "y": [-1.0] * M.layers}), INPUT, "layer 1"),
    (lambda: spiking(spike_scales={"x": SCALES["x"]}), INPUT, "no scale of y"),
    (lambda: spiking(spike_scales={"x": [float("nan")] * M.layers}), INPUT, "spike_scales"),
    (lambda: spiking(spike_scales={"x": object()}), INPUT, "spike_scales"),
    (lambda: bs.Simulator(M, spike_code="bernoulli"), INPUT, "needs spikes"),
    (lambda: bs.Simulator(M, spike_scales=SCALES), INPUT, "needs spikes"),
    (lambda: bs.Simulator(D, spikes=8, spike_scales=SCALES), INPUT, "spike_scales"),
    (lambda: bs.spike_scales(M, ""), SHAPE, "text"),
    (lambda: bs.spike_scales(M, TEXT, window=0), INPUT, "window"),
    (lambda: bs.spike_scales(M, TEXT, percentile=20), INPUT, "percentile"),
    (lambda: B.read(TEXT, trains=[1]), UNAVAILABLE, "trains"),
    (lambda: S.read(TEXT, trains=[10**6]), IndexError, str(10**6)),
    (lambda: S.read("a", trains=[1]).trains.of(2), INPUT, "neuron"),
    (lambda: spiking(history=True).read(TEXT, trains=[1]), UNAVAILABLE, "history"),
    (lambda: use(B.record(at("spikes"), spikes=[1])), INPUT, "spikes:1"),
    (lambda: B.step(256), INPUT, "256"),
    (lambda: B.step(-1), INPUT, "token"),
    (lambda: B.step(1.0), INPUT, "token"),
    (lambda: B.step("ab"), INPUT, "2 tokens"),
    (lambda: B.step(""), INPUT, "0 tokens"),
    (lambda: B.step(None), INPUT, "token"),
    (lambda: B.read(5.5), INPUT, "float64"),
    (lambda: B.read(TEXT, keep=["z"]), INPUT, "'z'"),
    (lambda: B.read(TEXT, keep=[5]), INPUT, "keep"),
    (lambda: bs.Simulator(models.trained).read(TEXT * 10**5, keep=["x", "y"]), INPUT, "memory"),
    (lambda: B.read(TEXT, progress="yes"), INPUT, "progress"),
    (lambda: bs.Simulator(M).generate(3), INPUT, "no token"),
    (lambda: B.generate(-1), INPUT, "count"),
    (lambda: B.generate(1, temperature=-1), INPUT, "temperature"),
    (lambda: B.generate(1, top_k=-1), INPUT, "top_k"),
    (lambda: B["banana"], KeyError, "banana"),
    (lambda: B.sigma(0, 5), IndexError, "layer"),
    (lambda: B.sigma(99, 5), IndexError, "layer"),
    (lambda: B.sigma("1", 5), INPUT, "layer"),
    (lambda: B.sigma(1, 10**6), IndexError, "neuron"),
    (lambda: B.strength(1, [1, 2], [1, 2, 3]), SHAPE, "pre and post"),
    (lambda: B.probe(0, 1, 0), IndexError, "layer"),
    (lambda: B.probe(0, 10**7, 1), IndexError, "post"),
    (lambda: B.probe(0, 1, 1, factor="z"), INPUT, "factor"),
    (lambda: B.why("y", 3), UNAVAILABLE, "history"),
    (lambda: B.undo(), UNAVAILABLE, "history"),
    (lambda: B.changed(), UNAVAILABLE, "history"),
    (lambda: H.why("z", 3), INPUT, "'z'"),
    (lambda: H.why("y", 3), INPUT, "token"),
    (lambda: H.undo(), INPUT, "undo"),
    (lambda: H.new_stream(), UNAVAILABLE, "history"),
    (lambda: use(H.record(at("h"))), UNAVAILABLE, "history"),
    (lambda: B.surprisal("ab"), INPUT, "2 tokens"),
    # interventions
    (lambda: B.intervene(), INPUT, "nothing"),
    (lambda: B.intervene("silence z:5"), INPUT, "z"),
    (lambda: B.intervene("silence x:99999"), INPUT, "99999"),
    (lambda: B.intervene(5), INPUT, "5"),
    (lambda: B.intervene([]), INPUT, "[]"),
    (lambda: bs.silence("w", 5), INPUT, "'w'"),
    (lambda: B.intervene(bs.silence("x", [99999])), IndexError, "99999"),
    (lambda: B.intervene(bs.silence("x", [])), INPUT, "neuron"),
    (lambda: B.intervene(bs.clamp("x", 5, -1)), INPUT, "-1"),
    (lambda: bs.clamp("x", 5, float("nan")), INPUT, "value"),
    (lambda: bs.clamp("x", 5, "high"), INPUT, "value"),
    (lambda: bs.stimulate("x", 5, 0.1, layer=1), INPUT, "layer"),
    (lambda: B.intervene(bs.stimulate("x", 5, 0.1, layers=9)), IndexError, "layers"),
    (lambda: B.intervene(bs.stimulate("x", 5, 0.1, tokens=5)), INPUT, "tokens"),
    (lambda: B.intervene(bs.stimulate("x", 5, 0.1, tokens=(9, 3))), INPUT, "9"),
    (lambda: B.intervene(bs.stimulate("x", 5, 0.1, every=0)), INPUT, "every"),
    (lambda: bs.noise("x", 5), INPUT, "law"),
    (lambda: bs.noise("x", 5, mean=0, rate=1), INPUT, "law"),
    (lambda: B.intervene(bs.noise("x", 5, mean=0, deviation=-1)), INPUT, "deviation"),
    (lambda: bs.lesion(), INPUT, "lesion"),
    (lambda: bs.lesion([1], gx=[(1, 2)]), INPUT, "lesion"),
    (lambda: B.intervene(bs.lesion(gx=[1, 2])), INPUT, "pairs"),
    (lambda: B.release(99), INPUT, "99"),
    # states, streams, recordings, runs
    (lambda: B.restore(5), INPUT, "restore"),
    (lambda: OTHER.restore(STATE), INPUT, "model"),
    (lambda: bs.Simulator(M, retention=0.5).restore(STATE), INPUT, "retention"),
    (lambda: bs.load_state("nowhere", M), INPUT, "nowhere"),
    (lambda: bs.load_state(models.small, M), INPUT, "small.bdh.h5"),
    (lambda: bs.load_state(at("x"), 5), INPUT, "model"),
    (lambda: STATE.save(models.small), INPUT, "small.bdh.h5"),
    (lambda: STATE.layers[0]["synapses"].__setitem__(0, 1), ValueError, "read-only"),
    (lambda: pickle.dumps(B), TypeError, "save()"),
    (lambda: bs.step_streams({}), INPUT, "step_streams"),
    (lambda: bs.step_streams({B: 1, OTHER: 1}), INPUT, "stream"),
    (lambda: bs.step_streams({5: 1}), INPUT, "int"),
    (lambda: use(B.record(models.folder)), INPUT, models.folder),
    (lambda: use(B.record(at("a"), requests=["banana"])), INPUT, "banana"),
    (lambda: use(B.record(at("b"), x="99999")), INPUT, "99999"),
    (lambda: use(B.record(at("c"), events=1)), INPUT, "events"),
    (lambda: bs.open_run("nowhere"), INPUT, "nowhere"),
    (lambda: bs.open_run(models.folder), INPUT, "run.json"),
    (lambda: bs.evaluate(M, "a"), SHAPE, "text"),
    (lambda: bs.sweep(dict, {}, seeds=[]), INPUT, "conditions"),
    (lambda: bs.sweep(dict, {"seed": [1]}), INPUT, "seed"),
]


class Misuse(unittest.TestCase):
    def test_each(self):
        self.assertGreaterEqual(len(MISUSES), 80)
        before = B.save()
        for number, (call, expected, text) in enumerate(MISUSES):
            with self.subTest(number=number, text=text):
                with self.assertRaises(expected) as raised:
                    call()
                message = str(raised.exception)
                self.assertIn(text.lower(), message.lower())
                self.assertNotIn("\n", message)
        # Nothing of it left a trace.
        self.assertEqual(B.interventions, {})
        after = B.save()
        self.assertEqual(before.tokens, after.tokens)
        for a, b in zip(before.layers, after.layers):
            self.assertEqual(a["synapses"].tobytes(), b["synapses"].tobytes())

    def test_parts_of_an_error(self):
        with self.assertRaises(bs.InputError) as raised:
            bs.load("nowhere.bdh.h5")
        e = raised.exception
        self.assertEqual(e.place, "nowhere.bdh.h5")
        self.assertTrue(e.found and isinstance(e.expected, str) and isinstance(e.hint, str))
        again = pickle.loads(pickle.dumps(e))
        self.assertEqual((type(again), str(again)), (type(e), str(e)))
        self.assertIsInstance(e, ValueError)
        self.assertTrue(issubclass(bs.UnavailableError, RuntimeError))
        self.assertTrue(issubclass(bs.DeviceError, OSError))

    def test_a_run_that_is_closed(self):
        with B.record(at("closed")) as recording:
            B.step("a")
        recording.commit()  # of nothing
        self.assertEqual(bs.open_run(at("closed")).status, "complete")

    def test_a_model_pickled_to_another_version(self):
        data = pickle.dumps(M).replace(M.content_sha256.encode(), b"0" * 64)
        with self.assertRaises(bs.InputError) as raised:
            pickle.loads(data)
        self.assertIn("0" * 12, str(raised.exception))


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
