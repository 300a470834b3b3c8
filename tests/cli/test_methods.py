"""bdh info --methods: a paragraph for a methods section, written from the model."""
from program import CliTest, TRAINED, main


class Methods(CliTest):
    def text(self, model):
        text = self.good("info", model, "--methods").stdout.decode()
        self.assertEqual(self.json("info", model, "--methods")["methods"] + "\n", text)
        self.assertEqual(text.count("\n"), 1)
        return text

    def test_a_generated_model(self):
        model = self.path("m.bdh.h5")
        self.good("new", "ring", "--neurons", 600, "--degree", 10, "--seed", 7, "--retention",
                  "0.98", "-o", model)
        info, text = self.json("info", model), self.text(model)
        found = info["tuning"]
        for part in ("600 neurons, 120 of them inhibitory, in 1 head, and 2 layers",
                     "Eq. 6 (variant bdh)",
                     "Gx, which drives X, has 4,800 excitatory edges and 1,200 inhibitory edges "
                     "(mean out-degree 10, at most 10)",
                     "Each layer has 6,000 plastic synapses of its own (mean out-degree 10, at "
                     "most 10; plasticity rate 1)",
                     "u = 0.98 of their strength per token (time constant 49.5 tokens)",
                     "as ring lattices (degree 10, inhibitory degree 10, inhibitory 0.2, "
                     "vocabulary 256, seed 7)",
                     "for an active share of X of 5 %", f"{found['gain_gx']:.4g} in Gx",
                     "g = 5 times as large (Brunel 2000)",
                     f"{100 * found['layer_2_active_x']:.3g} % of X and "
                     f"{100 * found['layer_2_active_y']:.3g} % of Y were active in layer 2",
                     "arXiv:2509.26507", info["origin"]["creator"], info["content_sha256"]):
            self.assertIn(part, text)

    def test_a_graph_of_a_file_as_it_is(self):
        with open(self.path("c.csv"), "w") as f:
            f.write("source,target,weight\na,b,1\nb,c,2\nc,a,-3\nc,b,1\n")
        self.good("import", "--gx", self.path("c.csv"), "--layers", 1, "-o", self.path("c.bdh.h5"))
        text = self.text(self.path("c.bdh.h5"))
        for part in ("3 neurons, 0 of them inhibitory and 1 with edges of both signs, in 1 head, "
                     "and 1 layer", "3 excitatory edges and 1 inhibitory edge (mean out-degree "
                     "1.333 (SD 0.471), at most 2); mean weight 1.333 (SD 0.471) and, subtracted, "
                     "3.", "Synapses do not decay.", "imported from "):
            self.assertIn(part, text)
        self.assertNotIn("Gains were searched", text)

    def test_a_trained_model(self):
        model = self.path("s.bdh.h5")
        self.good("import", TRAINED + "/model.safetensors", "-o", model, "--training-window", 512)
        text = self.text(model)
        for part in ("4,096 neurons, in 4 heads, and 4 layers", "through 64 hubs",
                     "rotate in pairs of neurons (512 frequencies a head)",
                     "trained on windows of 512 tokens"):
            self.assertIn(part, text)

    def test_only_models_have_it(self):
        self.refused(1, "info", TRAINED + "/model.safetensors", "--methods",
                     says=("expected a model, for --methods",))
        self.refused(2, "info", self.random, "--methods", "--rounds", says=("--rounds",))


if __name__ == "__main__":
    main()
