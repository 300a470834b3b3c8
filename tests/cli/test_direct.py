"""Explicit edges from a checkpoint or a model: complete they predict the same; pruned they hold what was asked for."""
from program import RANDOM, CliTest, main

TEXT = b"Now is the winter of our discontent made glorious summer by this sun of York; " * 4
CHECKPOINT = f"{RANDOM}/model.safetensors"


class Direct(CliTest):
    def setUp(self):
        super().setUp()
        self.text = self.path("text", TEXT)

    def direct(self, source, *options):
        return self.good("import", source, "--circuit", "direct", "-o", self.path("direct.bdh.h5"), "--force", *options).stdout.decode()

    def nats(self, model):
        return self.json("evaluate", model, "--text-file", self.text, "--window", "32")["nats_per_token"]

    def test_complete_it_predicts_the_same(self):
        for source in (CHECKPOINT, self.random):
            told = self.direct(source)
            for part in ("100 % of all pairs", "excitatory", "inhibitory", "0 partners added", "direct circuits, complete", "bdh evaluate"):
                self.assertIn(part, told)
            self.assertAlmostEqual(self.nats(self.path("direct.bdh.h5")), self.nats(self.random), 5)

    def test_pruned_it_holds_the_shares_asked_for(self):
        told = self.direct(self.random, "--keep-gx", "0.25", "--keep-gy", "0.1", "--keep-gs", "0.5", "--calibrate", self.text,
                           "--calibration-window", "20", "--calibration-windows", "3", "--threads", "2")
        for part in ("Gx: 5,120 edges (25 % of all pairs)", "Gy: 2,048 edges (10 % of all pairs)", "Gs: 10,240 synapses (50 % of all pairs)",
                     "kept 25 % of Gx and 10 % of Gy, by activity, and 50 % of the synapses"):
            self.assertIn(part, told)
        self.nats(self.path("direct.bdh.h5"))

    def test_magnitude_needs_no_text(self):
        self.assertIn("by magnitude", self.direct(self.random, "--keep-gx", "0.25", "--rank", "magnitude"))

    def test_options_that_do_not_fit_are_refused(self):
        to = ("-o", self.path("m.bdh.h5"))
        self.refused(2, "import", CHECKPOINT, "--keep-gx", "0.5", *to, says=("--circuit direct",))
        self.refused(2, "import", CHECKPOINT, "--circuit", "direct", "--keep-gx", "0.5", *to, says=("--calibrate", "text"))
        self.refused(2, "import", CHECKPOINT, "--circuit", "direct", "--keep-gs", "0.5", "--rank", "magnitude", *to, says=("--calibrate",))
        self.refused(2, "import", CHECKPOINT, "--circuit", "direct", "--keep-gx", "0", *to, says=("0 < share <= 1",))
        self.refused(2, "import", CHECKPOINT, "--circuit", "sideways", *to, says=("hubs, direct",))
        self.refused(1, "import", self.random, "--circuit", "direct", "--heads", "2", *to, says=("random.bdh.h5", "checkpoint"))
        self.direct(self.random)
        self.refused(1, "import", self.path("direct.bdh.h5"), "--circuit", "direct", *to, says=("direct circuits",))


if __name__ == "__main__":
    main()
