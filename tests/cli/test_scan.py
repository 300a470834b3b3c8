"""bdh scan: every line is what a run with that one lesion gives; bdh sweep: every line is a run."""
import csv
import json
import os
import signal
import subprocess

from program import PATIENCE, CliTest, main

TEXT = "It is the east, and Juliet is the sun. Arise, fair sun"


def rows(path):
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


class Scan(CliTest):
    def loss(self, *do):
        return self.json("run", self.trained, "--text", TEXT, *do)["nats_per_token"]

    def test_effects_are_those_of_single_runs(self):
        folder = self.path("scan")
        result = self.json("scan", self.trained, "3,7,random:5@2", "--text", TEXT, "--streams", 3,
                           "-o", folder)
        found = rows(f"{folder}/effects.csv")
        self.assertEqual([r["number"] for r in found], [str(k) for k in range(len(found))])
        self.assertEqual(len(found), 7)
        intact = self.loss()
        self.assertAlmostEqual(result["loss"], intact, delta=1e-9)
        for r in found:
            alone = self.loss("--do", r["intervention"])
            self.assertAlmostEqual(float(r["loss"]), alone, delta=1e-9)
            self.assertAlmostEqual(float(r["loss_change"]), alone - intact, delta=1e-9)
            self.assertGreaterEqual(float(r["divergence"]), 0)
            self.assertEqual(r["status"], "ok")
            self.assertTrue(0 <= float(r["active_x"]) <= 1 and 0 <= float(r["top1"]) <= 1)
        changes = [float(r["loss_change"]) for r in found]
        self.assertEqual([e["loss_change"] for e in result["largest"]],
                         sorted(changes, reverse=True))

    def test_the_share_of_tokens_that_were_expected_most(self):
        folder = self.path("scan")
        result = self.json("scan", self.trained, "3", "--text", TEXT, "-o", folder)
        expected = 0
        for k in range(1, len(TEXT)):
            next_one = self.json("run", self.trained, "--text", TEXT[:k], "--generate", 1)
            expected += next_one["generated"]["text"] == TEXT[k]
        self.assertAlmostEqual(result["top1"], expected / (len(TEXT) - 1), delta=1e-12)

    def test_ways_to_silence_and_edges(self):
        for what, how, text in (("3", "silence-y", "silence y:3"),
                                ("3", "silence-x", "silence x:3"),
                                ("gx:3->7", "lesion", "lesion gx:3->7"),
                                ("synapses:3->7", "lesion", "lesion synapses:3->7")):
            folder = self.path("scan-" + how + what.replace(">", ""))
            self.good("scan", self.trained, what, "--as", how, "--text", TEXT, "-o", folder)
            (found,) = rows(f"{folder}/effects.csv")
            self.assertEqual(found["intervention"], text)
            self.assertAlmostEqual(float(found["loss"]), self.loss("--do", text), delta=1e-9)

    def test_a_stopped_scan_goes_on(self):
        arguments = [str(a) for a in ("scan", self.trained, "random:60@1", "--text", TEXT,
                                      "--streams", 4, "-o")]
        self.good(*arguments, self.path("whole"))
        process = self.start(*arguments, self.path("half"))
        effects = self.path("half/effects.csv")
        self.wait_for(lambda: os.path.exists(effects) and os.path.getsize(effects) > 600, process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 130)
        self.good(*arguments, self.path("half"))
        self.assertEqual(rows(effects), rows(self.path("whole/effects.csv")))
        self.refused(1, *arguments[:2], "5", "--text", TEXT, "-o", self.path("half"),
                     says=("another scan", "new folder"))

    def test_what_is_wrong_is_named(self):
        scan = ("scan", self.trained)
        self.refused(1, *scan, "99999", "--text", TEXT, "-o", self.path("a"), says=("99999",))
        self.refused(1, *scan, "top:5", "--text", TEXT, "-o", self.path("a"), says=("top:5",))
        self.refused(1, *scan, "5", "--text", "a", "-o", self.path("a"), says=("1 tokens", "two"))
        self.refused(2, *scan, "gx:3->7", "--as", "silence-x", "--text", TEXT, "-o", self.path("a"),
                     says=("silence-x", "neurons"))
        self.assertFalse(os.path.exists(self.path("a")))


class Sweep(CliTest):
    def plan(self, name="plan.json", **more):
        plan = {"model": self.trained, "options": {"text": TEXT},
                "grid": {"retention": [1, 0.99], "do": ["freeze", ["freeze", "silence x:3"]]}}
        plan.update(more)
        plan = {key: value for key, value in plan.items() if value is not None}
        return self.path(name, json.dumps(plan).encode())

    def test_every_line_is_a_run(self):
        folder = self.path("sweep")
        result = self.json("sweep", self.plan(), "-o", folder, "--jobs", 3)
        self.assertEqual((result["runs"], result["complete"], result["failed"]), (4, 4, 0))
        table = rows(f"{folder}/sweep.csv")
        self.assertEqual([(r["do"], r["retention"]) for r in table],
                         [(do, u) for do in ("freeze", "freeze; silence x:3") for u in
                          ("1", "0.99")])
        for k, r in enumerate(table):
            do = [word for text in r["do"].split("; ") for word in ("--do", text)]
            alone = self.json("run", self.trained, "--text", TEXT, "--retention", r["retention"],
                              *do)
            self.assertEqual(float(r["nats_per_token"]), alone["nats_per_token"])
            self.assertEqual(float(r["active_x_percent"]), alone["active_x_percent"]["mean"])
            self.assertEqual((r["status"], r["tokens"], r["error"]),
                             ("complete", str(len(TEXT)), ""))
            self.assertTrue(os.path.exists(f"{folder}/run-{k:04}/summary.csv"))
        # The same command has nothing left to do; another plan is refused.
        before = os.stat(f"{folder}/run-0000/summary.csv").st_mtime_ns
        self.good("sweep", self.plan(), "-o", folder)
        self.assertEqual(os.stat(f"{folder}/run-0000/summary.csv").st_mtime_ns, before)
        self.refused(1, "sweep", self.plan("other.json", grid={"seed": [1]}), "-o", folder,
                     says=("sweep.json", "another plan"))

    def test_failures_are_kept_with_their_line(self):
        folder = self.path("sweep")
        plan = self.plan(grid=None, list=[{"do": "silence x:3"}, {"do": "silence x:99999"}])
        self.assertIn(b"1 of 2 runs failed", self.failed(1, "sweep", plan, "-o", folder))
        table = rows(f"{folder}/sweep.csv")
        self.assertEqual([r["status"] for r in table], ["complete", "failed"])
        self.assertIn("99999", table[1]["error"])
        self.assertEqual(table[1]["nats_per_token"], "")

    def failed(self, code, *arguments):
        process = self.start(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        _, stderr = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, code, stderr)
        return stderr

    def test_a_stopped_sweep_goes_on(self):
        folder = self.path("sweep")
        plan = self.plan(options={"text": TEXT * 20}, grid={"seed": list(range(6))})
        process = self.start("sweep", plan, "-o", folder, "--jobs", "1")
        self.wait_for(lambda: os.path.exists(f"{folder}/results/0001.json"), process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 130)
        self.good("sweep", plan, "-o", folder)
        self.assertEqual({r["status"] for r in rows(f"{folder}/sweep.csv")}, {"complete"})
        self.assertEqual(len({r["nats_per_token"] for r in rows(f"{folder}/sweep.csv")}), 1)

    def test_what_is_wrong_is_named(self):
        def refused(text, *says):
            file = self.path("bad.json", text.encode())
            self.refused(1, "sweep", file, "-o", self.path("none"), says=("bad.json", *says))
            os.remove(file)

        refused("[]", "JSON object")
        refused('{"model": "a"}', "neither 'grid' nor 'list'")
        refused('{"grid": {"seed": [1]}}', "no 'model'")
        refused('{"model": "a", "grid": {"seed": 1}}', "seed", "a list")
        refused('{"model": "a", "grid": {"o": ["x"]}}', "'o'", "one run")
        refused('{"model": "a", "options": {"seed": 1}, "grid": {"seed": [1]}}', "'seed'")
        refused('{"model": "a", "grid": {"seed": [1]}, "jobs": 3}', "'jobs'")
        many = json.dumps({"model": "a", "grid": {k: list(range(100)) for k in "abcd"}})
        refused(many, "100000 runs")
        # A word that bdh run does not know ends the sweep at once.
        file = self.path("bad.json", json.dumps(
            {"model": self.trained, "options": {"text": "a"}, "grid": {"sede": [1, 2]}}).encode())
        self.refused(1, "sweep", file, "-o", self.path("none"), says=("bad.json", "--sede"))


if __name__ == "__main__":
    main()
