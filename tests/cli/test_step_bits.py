"""bdh step: commands that leave the bits alone, and those that give the bits of others."""
from program import bdh, main
from step import StepTest, without_remarks


class Bits(StepTest):
    LOOKS = ("show x", "show y 5,7", "show a", "show w", "show x layer 1", "synapse 17->23",
             "synapse 5->hub:3", "neighbors 17", "top synapses", "changed", "why 17",
             "why 3 layer 1", "probe 9->4", "plot activity", "plot x", "plot synapse 17->23",
             "logits", "model", "interventions", "help", "probe")

    def test_rounds_and_layers_give_the_bits_of_tokens(self):
        for model, rounds in ((self.random, 12), (self.graph("--rotation", "theta=100"), 8)):
            whole = self.state(model, "token 65 66 65")
            self.assertEqual(self.state(model, "round 65", *["round"] * (rounds - 1), "layer 66",
                                        *["layer"] * (rounds // 4 - 1), "round 65", "finish"),
                             whole)
        run = self.path("run.h5")
        self.good("run", self.random, "--text", "To be", "--generate", "7", "--save-state", run,
                  "--quiet")
        self.assertEqual(self.saved("run.h5"), self.state(self.random, "text To be", "generate 7"))

    def test_looking_and_probing_leave_the_bits_alone(self):
        plain = self.state(self.random, "text To be, or")
        self.assertEqual(self.state(self.random, "probe 3->4", "text To be", *self.LOOKS,
                                    "text , or", *self.LOOKS), plain)
        graph = self.graph("--rotation", "theta=100")
        looks = [w for w in self.LOOKS if w not in ("logits", "synapse 5->hub:3")]
        for number, name in (("17->23", "dave->bob"), ("9->4", "bob->carol"), ("17", "bob"),
                             ("3 ", "carol "), ("5,7", "alice")):
            looks = [w.replace(number, name) for w in looks]
        self.assertEqual(self.state(graph, "token 65 66", *looks, "token 65", *looks),
                         self.state(graph, "token 65 66 65"))

    def test_looking_between_rounds_leaves_the_bits_alone(self):
        looks = ("show x", "synapse 17->23", "changed", "why 17", "top synapses")
        self.assertEqual(self.state(self.random, "text To be", "round 65", *looks, "round", *looks,
                                    "layer", *looks, "finish"),
                         self.state(self.random, "text To be", "token 65"))

    def test_released_interventions_leave_the_bits_alone(self):
        for line in ("silence x:5", "lesion 11", "freeze", "reset", "clamp y:3 0.5",
                     "stimulate x:7 1", "set synapses:3->7 0.5", "lesion synapses:51->3"):
            with self.subTest(line):
                self.assertEqual(self.state(self.random, "text To", line, "release 1", "text  be"),
                                 self.state(self.random, "text To be"))
                self.assertNotEqual(self.state(self.random, "text To", line, "text  be"),
                                    self.state(self.random, "text To be"))

    def test_undo_gives_the_bits_of_never_having_done_it(self):
        looks = ("show x", "show y layer 1", "show a", "logits", "changed", "why 17",
                 "synapse 17->23", "interventions")
        long_text = ("text To be, or not to be, that is the question: whether 'tis nobler in the "
                     "mind to suffer the slings and arrows")
        for before in ("text To be", long_text):
            def shown(*done):
                return without_remarks(self.step(self.random, before, *done, "help quit",
                                                 *looks).split("so does Ctrl-D.\n")[1])
            plain = shown(), self.state(self.random, before)
            for done in (["token 65", "undo"], ["token 65 66 67", "undo", "undo", "undo"],
                         ["silence x:5", "undo"], ["round 65", "round", "undo"],
                         ["lesion 11", "token 65", "release 1", "token 66", "undo", "undo", "undo",
                          "undo"], ["generate 3", "undo", "undo", "undo"],
                         ["set synapses:3->7 9", "token 65", "token 66", "undo", "undo", "undo"]):
                with self.subTest(done):
                    self.assertEqual(shown(*done), plain[0])
                    self.assertEqual(self.state(self.random, before, *done), plain[1])
        self.assertEqual(self.state(self.random, "silence x:5", "token 65", "token 66", "undo",
                                    "token 66"), self.state(self.random, "silence x:5",
                                                            "token 65 66"))

    def test_undo_reaches_back_to_the_beginning(self):
        self.assertEqual(self.state(self.random, "text abcdef", *["undo"] * 6),
                         self.state(self.random))

    def test_a_failed_token_leaves_everything_as_it_was(self):
        graph = self.path("g.csv", b"source,target,weight\na,b,1e20\nb,a,1e20\n")
        model = self.path("wild.bdh.h5")
        self.good("import", "--gx", graph, "--sensory",
                  self.path("s.csv", b"source,target,weight\n65,a,1\n65,b,1\n66,a,1e-30\n"),
                  "--layers", 1, "-o", model)
        self.wrong(model, "token 65", "token 65", says=("finite",))
        done = bdh("step", model, "--keep-going",
                   stdin=b"token 65\nround 65\nlayer\ntoken 66\nshow x\n")
        self.assertIn(b"token 1: 66", done.stdout)

    def test_loading_goes_on_with_the_same_bits(self):
        self.step(self.random, "text To be", "save a.h5")
        self.assertEqual(self.state(self.random, "silence x:3", "text xyz", "load a.h5",
                                    "text , or"), self.state(self.random, "text To be, or"))
        self.good("run", self.random, "--text", "To be", "--retention", "0.5", "--save-state",
                  self.path("u.h5"), "--quiet")
        self.assertIn("synapses after 5 tokens", self.step(self.random, "load u.h5", "text a"))
        done = bdh("step", self.random, "--retention", "0.9", stdin=b"load u.h5\n", cwd=self.folder)
        self.assertOneLine(done.stderr, "retention 0.5", "0.9")
        self.wrong(self.random, "load a.h5", "synapse 3->7",
                   says=("loaded", "tokens that were all read here"))
        known = self.step(self.random, "probe 51->3 layer 2", "text To be", "save p.h5",
                          "text , or", "synapse 51->3 layer 2")
        later = self.step(self.random, "load p.h5", "text , or", "synapse 51->3 layer 2",
                          "generate 3")
        self.assertEqual(known.split("synapse 51->3\n")[1],
                         later.split("synapse 51->3\n")[1].rsplit("\n", 2)[0] + "\n")
        self.assertNotIn("again", later)
        self.assertIn("hub:3", self.step(self.random, "load a.h5", "synapse 5->hub:3", "text , or",
                                         "changed 3"))


if __name__ == "__main__":
    main()
