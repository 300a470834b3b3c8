"""The authors' checkpoints in every layout, format and wrapping that is accepted: each gives the
authors' values."""
import json
import os

from program import RANDOM, TRAINED, CliTest, bdh, convert, main

# Options of the converter, options of the import that the layout needs.
LAYOUTS = {"released": (), "listing": (), "educational": ("--causal",), "hugging-face": ()}
# The released values were computed with the file's frequencies; these layouts carry none and would
# assume others.
FREQUENCIES = {"educational": ("--theta", "65536"), "hugging-face": ("--theta", "65536")}
WRAPPINGS = [("--prefix", "_orig_mod."), ("--prefix", "module."), ("--prefix", "model.")]
WRAPPERS = ["model", "state_dict", "model_state_dict", "model_state"]


class Layouts(CliTest):
    def verify(self, checkpoint, layers, expected, *options, renumbered=False):
        model = self.path("m.bdh.h5")
        self.good("import", checkpoint, "-o", model, "--layers", layers, "--force", *options)
        done = bdh("verify", model, expected, "--json")
        result = json.loads(done.stdout)
        # x and y are compared in the checkpoint's own numbering, which is not that of the expected
        # values
        if renumbered:
            self.assertTrue(result["logits"]["passed"] and result.get("v",
                                                                      result["logits"])["passed"],
                            result)
            self.assertEqual((result["active_x"]["differing"], result["active_y"]["differing"]),
                             (0, 0))
        else:
            self.assertEqual((done.returncode, result["passed"]), (0, True), result)
        self.assertEqual(result["greedy"]["equal"], result["greedy"]["compared"])
        return result["logits"]["relative"]

    def test_every_layout_as_safetensors_and_pytorch(self):
        for source, layers in ((RANDOM, 3), (TRAINED, 4)):
            for layout, needed in LAYOUTS.items():
                for ending in ("safetensors", "pt"):
                    with self.subTest(os.path.basename(source), layout=layout, ending=ending):
                        checkpoint = convert(f"{source}/model.safetensors",
                                             self.path("c." + ending), "--layout", layout)
                        relative = self.verify(checkpoint, layers, f"{source}/expected.h5", *needed,
                                               *FREQUENCIES.get(layout, ()),
                                               renumbered=layout == "educational"
                                               and source == RANDOM)
                        print(f"{os.path.basename(source):17} {layout:13} {ending:12} "
                              f"{relative:.1e}")

    def test_as_published(self):
        self.verify(f"{RANDOM}/model.pt", 3, f"{RANDOM}/expected.h5")
        self.verify(f"{RANDOM}/model.safetensors", 3, f"{RANDOM}/expected.h5")

    def test_prefixes_and_wrappers(self):
        source = f"{RANDOM}/model.safetensors"
        cases = [("c.pt", prefix) for prefix in WRAPPINGS] + [("c.safetensors", prefix)
                                                              for prefix in WRAPPINGS]
        cases += [("c.pt", ("--wrapper", wrapper)) for wrapper in WRAPPERS]
        cases += [("c.pt", ("--wrapper", "model", "--prefix", "_orig_mod.")),
                  ("c.safetensors", ("--dtype", "f64")), ("c.pt", ("--dtype", "f64"))]
        for name, options in cases:
            with self.subTest(name, options=options):
                self.verify(convert(source, self.path(name), *options), 3, f"{RANDOM}/expected.h5")


if __name__ == "__main__":
    main()
