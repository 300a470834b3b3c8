"""Weights that learn while a model reads: runs, their refusals, what is saved, going on."""
import json
import os

from program import TEXT, CliTest, main, table

LEARN = ("--learn", "1e-3")
TO_BE = TEXT.decode()[:48]


class Learning(CliTest):
    def learn(self, name, *options, model=None, text=TO_BE):
        folder = self.path(name)
        self.good("run", model or self.random, "--text", text, "-o", folder, "--quiet", "--threads",
                  1, *LEARN, *options)
        return folder

    def hash_of(self, model):
        return self.json("info", model)["content_sha256"]

    def test_a_run_records_what_its_tokens_taught(self):
        folder = self.learn("run", "--learn-return", "0.01", "--learn-only", "gx,readout")
        with open(folder + "/run.json") as f:
            learning = json.load(f)["options"]["learning"]
        self.assertEqual(learning, {"rate": 1e-3, "rule": "exact", "return": 0.01, "plain": False,
                                    "circuits": "gx,readout"})
        rows = table(folder + "/summary.csv")
        self.assertEqual([rows[0][c] for c in ("error", "rows_changed", "weight_change")], [""] * 3)
        for row in rows[1:]:
            self.assertGreater(float(row["error"]), 0)
            self.assertGreater(int(row["rows_changed"]), 256)
            self.assertGreater(float(row["weight_change"]), 0)
        plain = self.path("plain")
        self.good("run", self.random, "--text", TO_BE, "-o", plain, "--quiet")
        self.assertNotIn("error", table(plain + "/summary.csv")[0])
        self.good("diff", folder, folder)

    def test_rate_0_is_a_plain_run_and_the_same_model(self):
        new, plain = self.path("new.bdh.h5"), self.path("plain")
        folder = self.path("run")
        self.good("run", self.random, "--text", TO_BE, "-o", folder, "--record", "logits",
                  "--learn", 0, "--save-model", new)
        self.good("run", self.random, "--text", TO_BE, "-o", plain, "--record", "logits")
        self.good("diff", folder, plain)
        self.assertEqual(self.hash_of(new), self.hash_of(self.random))

    def test_learned_models_say_where_they_came_from_and_two_halves_are_one_run(self):
        whole, half, rest = (self.path(n) for n in ("whole.bdh.h5", "half.bdh.h5", "rest.bdh.h5"))
        state, end = self.path("state.h5"), self.path("end.h5")
        none = ("--learn-return", 0)
        self.learn("all", *none, "--save-model", whole)
        self.learn("first", *none, "--save-model", half, "--save-state", state, text=TO_BE[:20])
        self.learn("second", *none, "--state", state, "--save-model", rest, "--save-state", end,
                   model=half, text=TO_BE[20:])
        self.assertEqual(self.hash_of(rest), self.hash_of(whole))
        origin = self.json("info", half)["learning"]
        self.assertEqual(origin["parent"], self.hash_of(self.random))
        self.assertEqual((origin["rule"], origin["rate"], origin["tokens"]), ("exact", 0.001, 19))
        self.assertEqual(len(origin["text_sha256"]), 64)
        self.assertIn(b"learning", self.good("info", half).stdout)
        self.assertEqual(self.json("info", state)["model_sha256"], self.hash_of(half))
        self.refused(1, "run", half, "--text", "a", "--state", state, *LEARN, "--learn-rule",
                     "rows", says=("learning by rule exact",))
        self.good("run", half, "--text", "abc", "--state", state, "--quiet")  # weights stay

    def test_interrupted_runs_go_on_to_the_same_bits(self):
        for rule in ("exact", "rows"):
            with self.subTest(rule):
                models = [self.path(f"{rule}-{k}.bdh.h5") for k in range(2)]
                options = ("--learn-rule", rule, "--record", "logits", "--checkpoint-every", 10)
                straight = self.learn(rule, *options, "--save-model", models[0])
                folder = self.path(rule + "-stopped")
                process = self.start("run", self.random, "-", "-o", folder, "--quiet", *LEARN,
                                     *options, "--save-model", models[1], stdin=-1)
                process.stdin.write(TO_BE[:30].encode())
                process.stdin.flush()
                lines = lambda: (os.path.exists(folder + "/summary.csv")
                                 and len(table(folder + "/summary.csv")) == 30)
                self.wait_for(lines, process)
                process.terminate()
                process.wait()
                self.assertFalse(os.path.exists(models[1]))
                self.good("resume", folder, "-", "--quiet", "--sites", 3,
                          stdin=TO_BE[30:].encode())
                self.good("diff", straight, folder)
                self.assertEqual(self.hash_of(models[0]), self.hash_of(models[1]))

    def test_learn_writes_a_model_and_shows_what_it_gained_and_forgot(self):
        new = self.path("new.bdh.h5")
        text, other = self.path("text", 2 * TEXT), self.path("other", TEXT)
        found = self.json("learn", self.random, "--text-file", text, "--rate", "1e-2", "-o", new,
                          "--passes", 2, "--compare", "--evaluate", other, "--learn-rule", "rows")
        self.assertLess(found["learned"]["nats_per_token"], found["frozen"]["nats_per_token"])
        self.assertLess(found["held_out"]["after"], found["held_out"]["before"])
        self.assertEqual(len(found["learned"]["quarters"]), 4)
        self.assertEqual(found["tokens_learned"], 2 * (2 * len(TEXT) - 1))
        self.assertEqual(found["content_sha256"], self.hash_of(new))
        frozen = self.json("evaluate", self.random, "--text-file", text)
        self.assertAlmostEqual(frozen["nats_per_token"], found["frozen"]["nats_per_token"],
                               places=10)
        learning = self.json("evaluate", self.random, "--text-file", text, "--learn", "1e-2",
                             "--learn-rule", "rows")
        self.assertAlmostEqual(learning["nats_per_token"], found["learned"]["nats_per_token"],
                               places=10)
        self.refused(1, "learn", self.random, "--text-file", text, "--rate", 1, "-o", new,
                     says=("exists",))

    def test_the_rounds_of_learning_are_shown(self):
        rounds = self.json("info", self.random, "--rounds")["learning_rounds"]
        self.assertEqual([r["kernel"] for r in rounds], ["propagate"] * 3 + ["reweight"])
        self.assertIn(b"e(v) = p(v) - [v = next] -> dW(j)",
                      self.good("info", self.random, "--rounds").stdout)

    def test_refusals(self):
        run = ("run", self.random, "--text", "To be", *LEARN)
        new = ("--save-model", self.path("new.bdh.h5"))
        for options, says in (
                (("--streams", 2), "one stream"), (("--trials", 2), "one stream"),
                (("--prefill", "blocks"), "--prefill blocks"), (("--weights", "bf16"), "bf16"),
                (("--device", "cuda"), "for the CPU"), (("--save-state", "s.h5"), "--save-model"),
                (("--learn-only", "gz"), "'gz', expected some of gx"),
                (("--learn-only", "embedding", "--learn-rule", "rows"), "changes nothing"),
                (("--learn-rule", "hebb"), "exact, rows, readout"),
                (("--learn-return", 2), "a share, 0 to 1"),
                (("--spikes", 8, "--spike-scales", "s.json"), "--spikes")):
            with self.subTest(options):
                self.refused(2, *run, *options, says=(says,))
        for rate in ("-1", "nan", "inf"):
            self.refused(2, "run", self.random, "--text", "To be", "--learn", rate,
                         says=("a finite number >= 0",))
        self.refused(1, "run", self.random, "--text", "a", *LEARN, says=("a text of one token",))
        self.refused(2, "run", self.random, "--text", "To be", *new, says=("needs --learn",))
        self.refused(2, "run", self.random, "--text", "To be", "--learn-plain", says=("rate",))
        for what in ("stimulate x:1 0.5", "clamp y:1 0.5", "lesion gx:1->2"):
            self.refused(1, *run, "--do", what, says=("changes drives, edges or synapses",))
        self.refused(1, *run, "-o", self.path("pairs"), "--record", "pairs:top:3",
                     says=("weights that learn",))
        self.good(*run, "--quiet", "--do", "silence x:1", "--do", "freeze from 2", "--synapses",
                  "bf16")
        self.refused(1, "learn", self.random, "--text-file", self.path("one", b"a"), "--rate",
                     "1e-4", "-o", self.path("none.bdh.h5"), says=("at least two tokens",))
        self.refused(2, "learn", self.random, "--text-file", "x", "-o", self.path("none.bdh.h5"),
                     says=("--rate",))

    def test_a_model_that_blows_up_stops_with_row_and_token(self):
        new = self.path("new.bdh.h5")
        folder = self.path("run")
        done = self.refused(1, "run", self.random, "--text", "To be", "--learn", "1e30",
                            "--learn-plain", "--save-model", new, "-o", folder, "--quiet",
                            says=("token 0, row ", "is too large"))
        self.assertFalse(os.path.exists(new))
        with open(folder + "/run.json") as f:
            run = json.load(f)
        self.assertEqual((run["status"], run["tokens"]), ("failed", 1), done.stderr)


if __name__ == "__main__":
    main()
