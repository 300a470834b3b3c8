"""Recordings as libsonata, the reference reader of SONATA files, sees them."""
import json
import os

import h5py
import libsonata
import numpy as np
from program import CliTest, main, table

LAYERS = (1, 2, 3)


def circuit(path):
    """A graph of 40 neurons, every one with synapses to 4 others."""
    with open(path, "w") as f:
        f.write("source,target,weight\n")
        for i in range(40):
            for k in (1, 3, 7, 12):
                f.write(f"{i},{(i + k) % 40},{0.02 * k if (i + k) % 5 else -0.01}\n")
    return path


def events(path, population="neurons"):
    """(time, node) -> value; times and nodes from libsonata, values in the same order from the
    file."""
    spikes = libsonata.SpikeReader(path)[population]
    assert spikes.sorting == "by_time", spikes.sorting
    pairs = [(t, n) for n, t in spikes.get()]
    with h5py.File(path) as f:
        values = f["spikes"][population]["values"][:]
        committed = f["mapping/events"][0]
        stop = f["mapping/time"][1]
    assert len(pairs) == len(values) == committed
    assert all(t < stop for t, _ in pairs)
    return dict(zip(pairs, values))


def frames(reader, path, population):
    report = reader(path)[population]
    assert report.time_units == "ms"
    return report, report.get()


class Hubs(CliTest):
    def setUp(self):
        super().setUp()
        records = ["events", "x:all", "y:all", "x:4-6,60 every 4 layers 2",
                   "synapses:3->7,in:2,5->token:104", "x:top:3", "snapshot every 5"]
        self.good("run", self.random, "--text", "hello world, hello", "-o", self.path("run"),
                  "--quiet", *(a for r in records for a in ("--record", r)))

    def test_events_are_the_frames_that_are_not_zero(self):
        for variable in "xy":
            for layer in LAYERS:
                report, all = frames(libsonata.SomaReportReader,
                                     self.path(f"run/{variable}_{layer}.h5"), "neurons")
                self.assertEqual(list(all.times), list(range(18)))
                self.assertEqual(list(all.ids), list(range(64)))
                data = np.asarray(all.data)
                self.assertTrue((data >= 0).all())
                expected = {(float(t), i): data[t, i] for t, i in zip(*np.nonzero(data))}
                self.assertEqual(events(self.path(f"run/events_{variable}_{layer}.h5")), expected)

    def test_largest_values(self):
        data = np.asarray(frames(libsonata.SomaReportReader, self.path("run/x_1.h5"),
                                 "neurons")[1].data)
        top = events(self.path("run/top_x_1.h5"))
        for t in range(18):
            found = sorted(value for (time, _), value in top.items() if time == t)
            self.assertEqual(found, sorted(v for v in data[t] if v)[-3:])

    def test_every_and_layers(self):
        self.assertFalse(os.path.exists(self.path("run/x-2_1.h5")))
        report, some = frames(libsonata.SomaReportReader, self.path("run/x-2_2.h5"), "neurons")
        self.assertEqual((list(report.get_node_ids()), report.times),
                         ([4, 5, 6, 60], (0.0, 20.0, 4.0)))
        self.assertEqual(list(some.times), [0, 4, 8, 12, 16])
        whole = np.asarray(frames(libsonata.SomaReportReader, self.path("run/x_2.h5"),
                                  "neurons")[1].data)
        np.testing.assert_array_equal(np.asarray(some.data), whole[::4][:, [4, 5, 6, 60]])

    def test_probed_synapses(self):
        for layer in LAYERS:
            path = self.path(f"run/synapses_{layer}.h5")
            report, all = frames(libsonata.ElementReportReader, path, "sources")
            with h5py.File(path) as f:
                pre, post, probe = (f["synapses"][name][:] for name in ("pre", "post", "is_probe"))
                self.assertTrue((f["synapses/layer"][:] == layer).all())
            self.assertTrue(probe.all())
            self.assertEqual([tuple(i) for i in all.ids], list(zip(post, range(len(post)))))
            self.assertIn((3, 7), list(zip(pre, post)))
            self.assertIn((5, 64 + 104), list(zip(pre, post)))
            self.assertEqual(sorted(pre[post == 2]), list(range(64)))
            self.assertEqual(np.asarray(all.data).shape, (18, 66))
            self.assertTrue(np.asarray(all.data).any() or layer == 1)

    def test_snapshots_of_the_hubs(self):
        report, all = frames(libsonata.ElementReportReader, self.path("run/snapshot_2.h5"), "hubs")
        self.assertEqual(list(all.times), [0, 5, 10, 15])
        self.assertEqual([tuple(i) for i in all.ids],
                         [(j, j * 64 + i) for j in range(8) for i in range(64)])
        self.assertTrue(np.asarray(all.data).any())


class ExplicitEdges(CliTest):
    def test_chosen_synapses_are_columns_of_the_snapshot(self):
        model = self.path("graph.bdh.h5")
        self.good("import", "--gx", circuit(self.path("g.csv")), "--layers", "2", "-o", model)
        with h5py.File(model) as f:
            gs = f["projections/gs"]
            self.assertEqual(gs.attrs["encoding-type"], b"csc_matrix")
            # Edge ids count target after target.
            columns = np.repeat(np.arange(40), np.diff(gs["indptr"][:].astype(int)))
            by_target = np.lexsort((columns, gs["indices"][:]))
            sources = columns[by_target]
            indptr = np.searchsorted(gs["indices"][:][by_target], np.arange(41))
        targets = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        absent = next((i, j) for i in range(40) for j in range(40)
                      if i not in sources[indptr[j]:indptr[j + 1]])
        self.good("run", model, "--text", "hello world", "-o", self.path("run"), "--quiet",
                  "--record", "snapshot", "--record",
                  f"synapses:out:3,in:6,{absent[0]}->{absent[1]}", "--record", "synapses:top:5")
        for layer in (1, 2):
            whole = frames(libsonata.ElementReportReader, self.path(f"run/snapshot_{layer}.h5"),
                           "neurons")[1]
            snapshot = np.asarray(whole.data)
            self.assertEqual([tuple(i) for i in whole.ids], list(zip(targets, range(len(targets)))))
            path = self.path(f"run/synapses_{layer}.h5")
            chosen = frames(libsonata.ElementReportReader, path, "neurons")[1]
            with h5py.File(path) as f:
                pre, post, probe, edge = (f["synapses"][name][:]
                                          for name in ("pre", "post", "is_probe", "edge_id"))
                element = f["report/neurons/mapping/element_ids"][:]
                self.assertEqual(f["report/neurons/mapping/index_pointer"],
                                 f["report/neurons/mapping/index_pointers"])
            self.assertEqual([(i, j) for i, j, p in zip(pre, post, probe) if p], [absent])
            edges = probe == 0
            self.assertEqual(set(edge[edges]), set(np.nonzero((sources == 3) | (targets == 6))[0]))
            np.testing.assert_array_equal(element[edges], edge[edges])
            self.assertEqual(list(element[~edges]), [len(targets)])
            np.testing.assert_array_equal(pre[edges], sources[edge[edges]])
            np.testing.assert_array_equal(post[edges], targets[edge[edges]])
            np.testing.assert_array_equal(np.asarray(chosen.data)[:, edges],
                                          snapshot[:, edge[edges]])
            self.assertTrue(snapshot.any())
            path = self.path(f"run/top_synapses_{layer}.h5")
            with h5py.File(path) as f:
                times, edge, post, value = (f["spikes/neurons"][n][:]
                                            for n in ("timestamps", "edge_ids", "node_ids",
                                                      "values"))
            np.testing.assert_array_equal(value, snapshot[times.astype(int), edge])
            np.testing.assert_array_equal(post, targets[edge])
            for t in range(11):
                self.assertEqual(sorted(abs(value[times == t])),
                                 sorted(v for v in abs(snapshot[t]) if v)[-5:])

    def test_run_json_lists_the_reports(self):
        self.good("run", self.random, "--text", "hello", "-o", self.path("run"), "--quiet",
                  "--record", "events layers 1-2")
        with open(self.path("run/run.json")) as f:
            reports = json.load(f)["reports"]
        self.assertEqual([r["file"] for r in reports], ["events_x_1.h5", "events_x_2.h5",
                                                        "events_y_1.h5", "events_y_2.h5"])


class Spikes(CliTest):
    def setUp(self):
        super().setUp()
        scales = self.path("scales.json")
        self.good("spike-scales", self.random, "--text", "hello world", "-o", scales)
        self.good("run", self.random, "--text", "hello", "-o", self.path("run"), "--quiet",
                  "--spikes", "16", "--spike-hubs", "--spike-scales", scales, "--spike-dt", "0.5",
                  "--record", "spikes:0-63")

    def test_trains_are_those_that_the_run_counted(self):
        path, rows = self.path("run/spikes.h5"), table(self.path("run/summary.csv"))
        with open(self.path("run/run.json")) as f:
            spikes = json.load(f)["options"]["spikes"]
        token_bins = round(spikes["token_ms"] / spikes["dt_ms"])
        windows = {(w["variable"], b) for w in spikes["windows"]
                   for b in range(w["first_bin"], w["first_bin"] + w["bins"])}
        for population, variables in (("neurons", "xy"), ("hubs", "wa")):
            reader = libsonata.SpikeReader(path)[population]
            self.assertEqual(reader.sorting, "by_time")
            nodes, times = zip(*reader.get())
            with h5py.File(path) as f:
                variable = f["spikes"][population]["variable"][:]
                committed = f["mapping/events"][int(population == "hubs")]
            self.assertEqual(len(times), committed)
            self.assertEqual(list(times), sorted(times))
            bins = np.asarray(times) / 0.5
            np.testing.assert_array_equal(bins, np.round(bins))
            self.assertGreater(bins.min(), 0)
            # At most one in a bin, and only in windows of its variable.
            self.assertEqual(len(set(zip(bins, nodes, variable))), len(times))
            for b, v in zip(bins, variable):
                self.assertIn(("xywa"[v], int(b - 1) % token_bins), windows)
            for k, row in enumerate(rows):
                of_token = (bins - 1) // token_bins == k
                for v in variables:
                    self.assertEqual((variable[of_token] == "xywa".index(v)).sum(),
                                     int(row["spikes_" + v]))


if __name__ == "__main__":
    main()
