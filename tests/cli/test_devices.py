"""bdh devices, bdh selftest and --device: with a GPU the same text comes out, without one a single
line gives the reason."""
import json

from program import RANDOM, CliTest, main


class Devices(CliTest):
    def setUp(self):
        super().setUp()
        self.model = self.path("m.bdh.h5")
        self.good("import", f"{RANDOM}/model.safetensors", "-o", self.model)
        self.gpus = self.json("devices")["cuda"]

    def run_on(self, device):
        folder = self.path(device)
        done = self.good("run", self.model, "--text", "abc", "--generate", "40", "--temperature",
                         "0.9", "--top-k", "20", "--device", device, "-o", folder)
        with open(f"{folder}/run.json", encoding="utf-8") as f:
            return done.stdout, json.load(f)["options"]["device"]

    def test_a_model_shows_what_it_takes(self):
        result = self.json("devices", self.model)
        self.assertEqual(result["memory_bytes"], sum(result["memory"].values()))
        self.assertGreater(result["memory_bytes"], 0)
        self.assertIn(b"in all on a GPU", self.good("devices", self.model).stdout)

    def test_the_models_that_come_with_the_program_are_there(self):
        names = [file.split("/")[-2] for file in self.json("devices")["reference_models"]]
        self.assertEqual(names, ["random-64", "shakespeare-4096"])

    def test_the_cpu_is_recorded(self):
        self.assertEqual(self.run_on("cpu")[1], "cpu")

    def test_a_gpu_gives_the_same_text_or_is_refused_in_one_line(self):
        if self.gpus:
            (text, _), (same, device) = self.run_on("cpu"), self.run_on("cuda")
            self.assertEqual(text, same)
            self.assertEqual(device, self.gpus[0]["name"])
            self.good("diff", self.path("cpu"), self.path("cuda"))
            self.run_self_test()
            return
        for arguments in (("run", self.model, "--text", "abc"), ("selftest",),
                          ("evaluate", self.model, "--text-file", __file__)):
            self.refused(3, *arguments, "--device", "cuda", says=("cuda",))

    def run_self_test(self):
        report = self.path("report.json")
        self.good("selftest", "--device", "cuda", self.model, "-o", report)
        with open(report, encoding="utf-8") as f:
            result = json.load(f)
        self.assertTrue(result["passed"])
        self.assertEqual(result["device"], self.gpus[0]["name"])
        self.assertGreater(result["bytes_per_second"], 0)
        compared = [one["model"] for one in result["compared"] if one["passed"]]
        for model in ("shakespeare-4096, through hubs", "shakespeare-4096, explicit edges",
                      "random-64, explicit edges", self.model):
            self.assertIn(model, compared)
        self.assertGreater(result["tokens_per_second"][self.model], 0)

    def test_other_devices_are_refused(self):
        self.refused(2, "run", self.model, "--text", "abc", "--device", "gpu",
                     says=("--device", "cpu"))
        self.refused(2, "run", self.model, "--text", "abc", "--device", "cuda", "--sites", "2",
                     says=("--sites",))
        self.refused(2, "selftest", says=("--device",))


if __name__ == "__main__":
    main()
