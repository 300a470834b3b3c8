"""docs/worked-example.md is true: its session shows what it says, digit for digit, and that is what
was computed by hand."""
import os
import re

from program import SOURCE, CliTest, main

GRAPHS = os.path.join(SOURCE, "examples/three-neurons")


class WorkedExample(CliTest):
    def setUp(self):
        super().setUp()
        self.model = self.path("three.bdh.h5")
        files = [argument for name in ("gx", "gy", "gs", "sensory")
                 for argument in ("--" + name, os.path.join(GRAPHS, name + ".csv"))]
        self.good("import", *files, "--layers", "2", "--vocabulary", "2", "--retention", "0.5",
                  "-o", self.model)

    def step(self, *commands):
        return self.good("step", self.model,
                         stdin="".join(c + "\n" for c in commands).encode()).stdout.decode()

    def test_the_session_on_the_page(self):
        with open(os.path.join(SOURCE, "docs/worked-example.md")) as f:
            session = re.search(r"```\n(> token 0\n.*?)```", f.read(), re.S).group(1).splitlines()
        commands = [line[2:] for line in session if line.startswith("> ")]
        self.assertGreater(len(commands), 15)
        self.assertEqual(self.step(*commands).splitlines(),
                         [line for line in session if not line.startswith("> ")])

    def test_the_numbers_computed_by_hand(self):
        def numbers(text, neuron):
            return [float(line.split()[1]) for line in text.splitlines()
                    if line.split()[:1] == [neuron]]
        read = ("token 0", "token 1", "token 0")
        self.assertEqual(numbers(self.step(*read, "show x layer 2"), "b"), [0.5625])
        self.assertEqual(numbers(self.step(*read, "show y layer 1"), "b"), [0.0625])
        changed = {tuple(line.split()[:3]): float(line.split()[4])
                   for line in self.step(*read, "changed").splitlines() if "->" in line}
        self.assertEqual(changed, {("a->a", "layer", "1"): 0.625, ("b->b", "layer", "1"): 0.25,
                                   ("b->b", "layer", "2"): 0.0175781,
                                   ("a->b", "layer", "2"): 0.015625})
        self.assertEqual(numbers(self.step(*read, "token 0", "show y layer 2"), "b"), [0.012207])


if __name__ == "__main__":
    main()
