"""What bdhsim returns: values against what they are made of, tables, selections, sweeps."""
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import bdhsim as bs
import h5py
import networkx
import numpy as np
import pandas
import scipy.sparse
from support import SMALL, SOURCE, TEXT, Models, program

models = Models()


def returns(seed, retention):
    """For sweeps: a function that processes can import."""
    if retention == 0.5 and seed == 1:
        raise ValueError("a condition that fails")
    brain = bs.Simulator(models.small if "models" in globals() else seed, retention=retention)
    return {"loss": brain.read(TEXT).loss, "seed_again": seed}


class Imported(unittest.TestCase):
    def test_prints_nothing_and_starts_no_threads(self):
        code = ("import bdhsim, threading, os; "
                "assert threading.active_count() == 1; "
                "assert len(os.listdir('/proc/self/task')) == 1, os.listdir('/proc/self/task')")
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                              env=environment)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_names(self):
        for name in bs.__all__:
            self.assertTrue(getattr(bs, name).__doc__, name)


class OfModels(unittest.TestCase):
    def test_facts(self):
        m = bs.load(models.small)
        self.assertEqual((m.neurons, m.path), (m.facts["neurons"], models.small))
        self.assertIn(m.content_sha256[:12], repr(m))
        self.assertIn("<table>", m._repr_html_())
        self.assertEqual(m, bs.load(models.small))
        self.assertEqual(len({m, bs.load(models.small)}), 1)

    def test_import_is_that_of_the_program(self):
        m = bs.import_checkpoint(SMALL)
        self.assertEqual(m.content_sha256, bs.load(models.small).content_sha256)
        self.assertTrue(m.inferred)

    def test_from_torch(self):
        import json
        import struct
        with open(SMALL, "rb") as f:
            size, = struct.unpack("<Q", f.read(8))
            header, data = json.loads(f.read(size)), f.read()
        state = {}
        for name, t in header.items():
            if name == "__metadata__":
                continue
            begin, end = t["data_offsets"]
            kind = {"F32": np.float32, "I64": np.int64, "BOOL": bool}[t["dtype"]]
            state[name] = np.frombuffer(data[begin:end], kind).reshape(t["shape"])
        expected = bs.load(models.small)
        made = bs.from_torch(state, layers=expected.layers, heads=expected.heads)
        text = bs.Simulator(made).read(TEXT, keep="logits").logits
        self.assertEqual(text.tobytes(),
                         bs.Simulator(expected).read(TEXT, keep="logits").logits.tobytes())

    def test_circuits_are_the_weights(self):
        for file in models.small, models.direct:
            m = bs.load(file)
            for name, c in m.circuits.items():
                full = c.to_numpy()
                self.assertEqual(full.shape, c.shape)
                self.assertTrue(np.array_equal(c.to_scipy().toarray(), full), name)
                self.assertEqual(np.count_nonzero(full), np.count_nonzero(c.weights))
        d = bs.load(models.direct)
        gx = (d.circuits["gx_excitatory"].to_numpy() - d.circuits["gx_inhibitory"].to_numpy())
        post, pre = np.nonzero(gx)
        found = d.weight("gx", pre, post)
        self.assertTrue(np.array_equal(found, gx[post, pre].astype(float)))
        self.assertEqual(d.weight("gx", int(pre[0]), int(post[0])), float(gx[post[0], pre[0]]))

    def test_weights_through_hubs(self):
        m = bs.load(models.small)
        c = m.circuits
        b = np.hstack([c["e"].to_numpy(), c["sensory"].to_numpy()]).astype(float)  # hubs x sources
        b -= b.mean(axis=0)  # centred
        gx = c["dx"].to_numpy().astype(float) @ b
        pre, post = np.arange(0, m.sources, 7), np.arange(0, m.sources, 7) % m.neurons
        self.assertTrue(np.allclose(m.weight("gx", pre, post), gx[post, pre], atol=1e-6))

    def test_selections(self):
        m = bs.load(models.small)
        for given in ("3-5", [3, 4, 5], slice(3, 6), np.arange(3, 6), (np.int64(3), 4, 5),
                      np.arange(m.neurons) // 3 == 1):
            self.assertEqual(m.select(given).tolist(), [3, 4, 5], given)
        self.assertEqual(m.select("random:4@1").tolist(), m.select("random:4@1").tolist())
        self.assertEqual(m.neuron(np.int32(7)), 7)

    def test_names_of_neurons(self):
        g = networkx.DiGraph()
        g.add_weighted_edges_from([("PV 1", "b", 1.5), ("b", "c", -0.5), ("c", "PV 1", 0.25)])
        m = bs.import_graph(g, sensory="random:2@1")
        self.assertEqual(sorted(m.names), ["PV 1", "b", "c"])
        self.assertEqual(m.weight("gx", "b", "c"), -0.5)
        self.assertEqual(m.weight("gx", '"PV 1"', "b"), 1.5)
        self.assertEqual(m.weight("gx", "PV 1" if False else m.names.index("PV 1"), "b"), 1.5)
        brain = bs.Simulator(m)
        with brain.perturb(bs.silence("x", ["b", "c"])):
            self.assertEqual(list(brain.interventions.values()), ["silence x:b,c from 0"])

    def test_graphs_of_every_kind_are_one(self):
        rng = np.random.default_rng(1)
        full = rng.normal(size=(12, 12)) * (rng.random((12, 12)) < 0.4)
        full = full.astype(np.float32)
        post, pre = np.nonzero(full)
        weight = full[post, pre]
        graphs = {
            "arrays": (pre, post, weight),
            "scipy": scipy.sparse.csr_array(full),
            "pandas": pandas.DataFrame({"source": pre, "target": post, "weight": weight}),
        }
        g = networkx.DiGraph()
        g.add_nodes_from(range(12))
        g.add_weighted_edges_from(zip(pre.tolist(), post.tolist(), weight.tolist()))
        graphs["networkx"] = g
        for name, graph in graphs.items():
            m = bs.import_graph(graph, neurons=12, sensory="random:3@1")
            found = (m.circuits["gx_excitatory"].to_numpy()
                     - m.circuits["gx_inhibitory"].to_numpy())
            self.assertTrue(np.array_equal(found, full), name)

    def test_merge_slice_direct(self):
        m = bs.load(models.small)
        both = m.merge(m)
        self.assertEqual(both.neurons, 2 * m.neurons)
        direct = m.to_direct()
        self.assertTrue(direct.explicit_edges)
        a, b = (bs.Simulator(n).read(TEXT, keep="logits").logits for n in (m, direct))
        self.assertLess(np.abs(a - b).max() / np.abs(a).max(), 1e-5)

    @unittest.skipUnless(bs.build_info()["igraph"], "a build without igraph")
    def test_communities(self):
        d = bs.load(models.direct)
        member, modularity = d.communities(seed=3)
        self.assertEqual((member.dtype, member.shape), (np.uint32, (d.neurons,)))
        sizes = np.bincount(member)
        self.assertTrue((np.diff(sizes.astype(int)) <= 0).all() and sizes.all())
        edges = {(int(pre), int(post)) for name in ("gx_excitatory", "gx_inhibitory")
                 for post, pre in zip(*np.nonzero(d.circuits[name].to_numpy())) if pre != post}
        links = networkx.Graph()
        links.add_nodes_from(range(d.neurons))
        for pre, post in edges:
            links.add_edge(pre, post, weight=1 + ((post, pre) in edges))
        groups = [np.flatnonzero(member == c).tolist() for c in range(len(sizes))]
        self.assertAlmostEqual(modularity, networkx.community.modularity(links, groups), 9)
        self.assertEqual(d.communities(seed=3)[0].tobytes(), member.tobytes())
        through_hubs = bs.load(models.small)
        self.assertEqual(len(through_hubs.communities("gy", top=300)[0]), through_hubs.neurons)

    def test_build_info(self):
        info = bs.build_info()
        printed = program("--version")
        self.assertIn(f"bdh {info['version']}", printed)
        self.assertEqual(info["igraph"], "no igraph" not in printed)
        self.assertEqual(info["cuda"], not re.search(r"(?m)^CUDA +no$", printed))
        self.assertRegex(info["compiler"], r"^(GNU|Clang) \d+\.")

    def test_text(self):
        m = bs.load(models.trained)
        self.assertEqual(m.encode("é").tolist(), [0xc3, 0xa9])
        self.assertEqual(m.decode(m.encode("caf\u00e9")), "caf\u00e9")
        self.assertEqual(m.token_text(65), "A")

        class Shifted:
            def encode(self, text):
                return [ord(c) + 1 for c in text]

            def decode(self, ids):
                return "".join(chr(i - 1) for i in ids)
        shifted = m.with_tokenizer(Shifted())
        self.assertEqual(shifted.encode("AB").tolist(), [66, 67])
        self.assertEqual(bs.Simulator(shifted).read("AB").text, "AB")


class OfSimulators(unittest.TestCase):
    def test_reports_and_outputs_agree(self):
        a, b = bs.Simulator(models.small), bs.Simulator(models.small)
        out = a.read(TEXT, keep=["x", "logits"])
        for t, token in enumerate(TEXT):
            r = b.step(token)
            self.assertEqual(r.active_x.tolist(), out.active_x[t].tolist())
            self.assertEqual((out.x[t] > 0).sum(axis=1).tolist(), r.active_x.tolist())
            self.assertEqual(r.surprisal is None, bool(np.isnan(out.surprisal[t])))
            self.assertEqual(b.logits.tobytes(), out.logits[t].tobytes())
        self.assertEqual(b.x.tobytes(), out.x[-1, -1].tobytes())
        # The surprisal of a token follows from the logits before it.
        logits = out.logits.astype(float)
        log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        expected = -log_p[np.arange(len(TEXT) - 1), out.tokens[1:]]
        self.assertTrue(np.allclose(out.surprisal[1:], expected, atol=1e-6))
        self.assertAlmostEqual(a.surprisal("x"), -log_p[-1, ord("x")], places=6)

    def test_variables(self):
        brain = bs.Simulator(models.small)
        brain.read(TEXT)
        for v in brain.variables:
            values = brain[v["name"]]
            layers = (brain.model.layers,) if v["kept"] and v["per_layer"] else ()
            shape = (*layers, v["size"])
            self.assertEqual(values.shape, shape, v["name"])
        self.assertTrue(np.array_equal(brain["x"], brain.x))

    def test_strengths_with_explicit_edges(self):
        brain = bs.Simulator(models.direct)
        brain.read(TEXT)
        gs = brain.model.circuits["gs"]
        pre = np.repeat(np.arange(len(gs.indptr) - 1), np.diff(gs.indptr.astype(int)))
        found = brain.strength(1, pre, gs.indices)
        self.assertFalse(np.isnan(found).any())
        first = int(pre[0])
        self.assertTrue(np.array_equal(brain.sigma(1, first),
                                       found[pre == first].astype(np.float32)))
        self.assertTrue(found.any())

    def test_probes(self):
        brain = bs.Simulator(models.small)
        probe = brain.probe(3, 5, layer=2)
        brain.add_probes(2, [3, 4], 5)
        brain.read(TEXT)
        self.assertEqual(len(probe.values), len(TEXT))
        self.assertEqual(probe.course.iloc[-1], probe.value)
        self.assertEqual(brain.strength(2, 3, 5), probe.value)
        self.assertTrue(np.isnan(brain.strength(2, 8, 9)))
        self.assertFalse(np.isnan(brain.strength(2, [3, 4], 5)).any())
        probe.stop()
        brain.step("a")
        late = bs.Simulator(models.small, history=True)
        late.read(TEXT)
        late.add_probes(2, 3, 5)
        self.assertEqual(late.strength(2, 3, 5), brain_strength_after(TEXT))

    def test_history(self):
        brain = bs.Simulator(models.direct, history=True)
        brain.read(TEXT)
        neuron = int(brain.y.argmax())
        why = brain.why("y", neuron)
        a = why.attrs
        self.assertAlmostEqual(why["contribution"].sum(), a["excitatory"] - a["inhibitory"], 9)
        self.assertAlmostEqual(max(a["drive"], 0) * a["other"], a["value"], 5)
        top, changed = brain.top_synapses(5), brain.changed(5, layer=1)
        self.assertEqual(len(top), 5)
        self.assertTrue((np.diff(top["strength"].abs()) <= 0).all())
        one = top.iloc[0]
        self.assertAlmostEqual(
            brain.strength(int(one["layer"]), int(one["pre"]), int(one["target"])),
            one["strength"], 6)
        self.assertEqual(set(changed["layer"]), {1})
        tokens, logits = brain.tokens, brain.logits.tobytes()
        brain.step("!")
        self.assertEqual(brain.undo(), "token")
        self.assertEqual((brain.tokens, brain.logits.tobytes()), (tokens, logits))

    def test_interventions_of_values_and_of_text(self):
        m = bs.load(models.small)
        for made, text in ((bs.silence("x", "5-7", layers=2, tokens=(1, 9)),
                            "silence x:5-7 layers 2 tokens 1-9"),
                           (bs.clamp("y", [3], 0.5), "clamp y:3 0.5"),
                           (bs.stimulate("x", 4, [0.1, 0.2], every=5),
                            "stimulate x:4 0.1,0.2 every 5"),
                           (bs.noise("x", [1, 2], mean=0, deviation=0.1, seed=3, stream=2),
                            "noise x:1-2 gaussian 0 0.1 seed 3 stream 2"),
                           (bs.lesion([5, 6]), "lesion 5-6"),
                           (bs.freeze(), "freeze"), (bs.reset(), "reset")):
            a, b = bs.Simulator(m), bs.Simulator(m)
            a.intervene(made)
            b.intervene(text)
            self.assertEqual(list(a.interventions.values()), list(b.interventions.values()), text)
            x, y = (s.read(TEXT, keep=["x", "y"]) for s in (a, b))
            self.assertEqual(x.y.tobytes(), y.y.tobytes(), text)

    def test_tables(self):
        out = bs.Simulator(models.small).read(TEXT, keep=["x", "y"])
        frame = out.to_pandas()
        self.assertEqual(frame.index.name, "position")
        self.assertEqual("".join(frame["text"]), TEXT)
        data = out.to_xarray()
        self.assertEqual(data["x"].dims, ("position", "layer", "neuron"))
        self.assertEqual(float(data["x"].sel(position=3, layer=2).sum()), float(out.x[3, 1].sum()))

    def test_evaluate(self):
        m = bs.load(models.trained)
        self.assertEqual(bs.evaluate(m, TEXT), bs.Simulator(m).read(TEXT).loss)
        self.assertLess(bs.evaluate(m, TEXT), 2.5)


def brain_strength_after(text):
    brain = bs.Simulator(models.small)
    brain.add_probes(2, 3, 5)
    brain.read(text)
    return brain.strength(2, 3, 5)


class OfRuns(unittest.TestCase):
    def test_runs_of_the_program(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "run")
            program("run", models.small, "--text", TEXT, "-o", out, "--record", "events",
                    "--record", "x:3,5", "--record", "logits", "--record", "synapses:3->5 layers 1")
            run = bs.open_run(out)
            self.assertEqual((run.status, len(run), run.first), ("complete", len(TEXT), 0))
            self.assertEqual("".join(run.tokens["text"]), TEXT)
            self.assertEqual(run.options["seed"], 0)
            brain = bs.Simulator(models.small)
            brain.add_probes(1, 3, 5)
            kept = brain.read(TEXT, keep=["x", "y", "logits"])
            self.assertTrue(np.array_equal(run.logits()[1], kept.logits))
            positions, values = run.values("x", layer=2)
            self.assertEqual(positions.tolist(), list(range(len(TEXT))))
            self.assertTrue(np.array_equal(values, kept.x[:, 1, [3, 5]]))
            self.assertEqual(run.columns("x", 2), [3, 5])
            self.assertEqual(run.columns("synapses", 1), [(3, 5)])
            self.assertEqual(run.values("synapses", 1)[1][-1, 0],
                             np.float32(brain.strength(1, 3, 5)))
            data = run.to_xarray()
            self.assertEqual(data.sizes["position"], len(TEXT))
            with self.assertRaises(bs.InputError):
                run.events("x")  # several layers
            with self.assertRaises(bs.InputError):
                run.values("banana")


class Measures(unittest.TestCase):
    def test_activity_is_that_of_the_program(self):
        text = TEXT * 4
        for model in models.small, models.direct:
            expected = json.loads(program("activity", model, "--text", text, "--json"))
            found = bs.activity(model, text)
            rows = expected["variables"]
            self.assertEqual(len(found), len(rows))
            for row, (_, one) in zip(rows, found.iterrows()):
                self.assertEqual((row["variable"], row["layer"]), (one["variable"], one["layer"]))
                wanted = {"mean": row["active"], "least": row["least"], "most": row["most"],
                          "ever": row["ever"], **row["with_surprisal"], **row["participation"]}
                self.assertEqual(len(wanted), 8)
                for name, value in wanted.items():
                    self.assertEqual(value, one[name] if value is not None else None, name)

    def test_verify(self):
        expected = os.path.join(SOURCE, "tests/data/random-64/expected.h5")
        self.assertTrue(bs.verify(models.small, expected).passed)
        with tempfile.TemporaryDirectory() as folder:
            changed = os.path.join(folder, "changed.h5")
            shutil.copy(expected, changed)
            with h5py.File(changed, "r+") as file:
                file["logits"][3, 5] += 0.01 * np.abs(file["logits"][()]).max()
            found = bs.verify(models.small, changed)
            self.assertFalse(found.passed)
            self.assertAlmostEqual(found.differences["logits"], 0.01, 3)

    def test_new_and_tune_are_those_of_the_program(self):
        made = bs.new("small-world", neurons=300, degree=12, layers=2, seed=1)
        self.assertEqual(made.content_sha256, bs.load(models.direct).content_sha256)
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "tuned.bdh.h5")
            program("tune", models.direct, "--target-activity", "0.06", "-o", file)
            self.assertEqual(bs.load(models.direct).tune(activity=0.06).content_sha256,
                             bs.load(file).content_sha256)



class OfLearning(unittest.TestCase):
    def test_it_is_that_of_the_program(self):
        file, to = os.path.join(models.folder, "text"), os.path.join(models.folder, "new.bdh.h5")
        with open(file, "w") as f:
            f.write(TEXT * 3)
        for call, options in (({}, []), ({"rule": "rows", "back": 0}, [
                "--learn-rule", "rows", "--learn-return", "0"]), (
                    {"only": ["gx", "e"], "plain": True}, [
                        "--learn-only", "gx,e", "--learn-plain"])):
            program("learn", models.small, "--text-file", file, "--rate", "0.001", "--retention",
                    "0.9", "-o", to, "--force", *options)
            brain = bs.Simulator(models.small, retention=0.9)
            parts = [brain.learn(t, 0.001, **call) for t in (TEXT, TEXT * 2)]
            learned, wanted = brain.learned_model(), bs.load(to)
            for name in ("dx", "dy", "e", "sensory", "readout"):
                self.assertTrue(np.array_equal(learned.circuits[name].to_numpy(),
                                               wanted.circuits[name].to_numpy()), name)
            self.assertEqual(brain.model, bs.load(models.small))
            self.assertEqual((parts[0].rows_changed[0], parts[0].error[0]), (0, 0))
            self.assertTrue((parts[1].rows_changed > 0).all())
            self.assertTrue((parts[1].weight_change > 0).all())
            with self.assertRaises(bs.InputError):
                brain.learn("a", 0.002, **call)
        frozen = bs.Simulator(models.small)
        self.assertEqual(frozen.learn(TEXT, 0).surprisal[1:].tolist(),
                         bs.Simulator(models.small).read(TEXT).surprisal[1:].tolist())


class OfConcepts(unittest.TestCase):
    ARTICLES = ("the", "one", "my", "a", "no", "her", "this", "that")
    SETS = tuple([" ".join((a, noun, b, "it")) for a, b in itertools.product(
        ("the", "one", "my", "a", "no", "her", "this", "that"), ("saw", "had"))]
                 for noun in ("cat", "dog"))

    def of_program(self, groups, *options):
        files = []
        for number, texts in enumerate(self.SETS):
            files.append(os.path.join(models.folder, f"set-{number}"))
            with open(files[-1], "w") as f:
                f.writelines((f"{t.split()[0]}\t" if groups else "") + f"{t}\n" for t in texts)
        return json.loads(subprocess.run(
            [os.environ["BDH_PROGRAM"], "concepts", models.small, "--positive", files[0],
             "--negative", files[1], "--json", "--top", "9", *options], check=True,
            capture_output=True).stdout)

    def test_they_are_those_of_the_program(self):
        grouped = [{a: [t for t in texts if t.startswith(a + " ")] for a in self.ARTICLES}
                   for texts in self.SETS]
        for (positive, negative), of_call, options in (
                (self.SETS, {}, []), (self.SETS, {"neurons": True}, ["--neurons"]),
                (self.SETS, {"measure": "amplitude", "layer": 2, "head": 1, "seed": 7},
                 ["--measure", "amplitude", "--layer", "2", "--head", "1", "--seed", "7"]),
                (self.SETS, {"factor": "w", "paired": True}, ["--factor", "w", "--paired"]),
                (grouped, {"neurons": True}, ["--neurons", "--groups"])):
            with self.subTest(options):
                carry = 1 if "--groups" in options else 3
                wanted = self.of_program("--groups" in options, "--carry", str(carry), *options)
                found = bs.concepts(models.small, positive, negative, carry=carry, **of_call)
                self.assertEqual(found.candidates, wanted["candidates"])
                self.assertEqual(len(found.table), len(wanted["findings"]))
                for row, one in zip(found.table.to_dict("records"), wanted["findings"]):
                    for name, value in (
                            ("layer", one["layer"]), ("head", one["head"]),
                            ("chosen_r", one["chosen"]["rank_biserial"]),
                            ("confirmed_r", one["confirm"]["rank_biserial"]),
                            ("p", one["confirm"]["p"]), ("confirmed", one["confirmed"]),
                            ("corrected_p", one["confirm"]["p_corrected"])):
                        self.assertEqual(row[name], value, name)
                    for name in ("pre", "post", "partner", "variable", "neuron", "period_tokens"):
                        self.assertEqual(row.get(name), one.get(name), name)
                    self.assertAlmostEqual(row["mean_positive"], one["mean_positive"], 6)
                confirming = found.values[0, :16][[r == "confirm" for r in found.roles[:16]]]
                self.assertEqual(confirming.tolist(),
                                 np.float32(wanted["findings"][0]["values"]["confirm"]["positive"])
                                 .tolist())


class Sweeps(unittest.TestCase):
    def test_conditions_and_failures(self):
        with tempfile.TemporaryDirectory() as folder:
            grid = {"retention": [0.5, 0.9, 1.0]}
            table = bs.sweep(returns, grid, seeds=[0, 1], folder=folder)
            self.assertEqual(len(table), 6)
            failed = table[table["error"].notna()]
            self.assertEqual(failed[["retention", "seed"]].values.tolist(), [[0.5, 1]])
            self.assertIn("a condition that fails", failed["error"].iloc[0])
            rows = os.path.join(folder, "rows.jsonl")
            with open(rows, "a") as f:
                f.write('{"number": 3, "cond')  # as a kill leaves it
            again = bs.sweep(returns, grid, seeds=[0, 1], folder=folder)
            self.assertEqual(table["loss"].tolist()[2:], again["loss"].tolist()[2:])
            with open(rows) as f:
                self.assertEqual(len(f.readlines()), 7)  # the failure was tried again
            with self.assertRaises(bs.InputError):
                bs.sweep(returns, {"retention": [0.1, 0.9, 1.0]}, seeds=[0, 1], folder=folder)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
