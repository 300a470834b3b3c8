"""What the program prints about itself: version, citation, manual pages, completion in shells."""
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from program import PATIENCE, PROGRAM, SOURCE, bdh, main


def commands(tree):
    return [c for c in tree["commands"] if not c.get("hidden")]


def options(command):
    return [o for o in command["options"] if not o.get("hidden")]


class HelpTest(unittest.TestCase):
    """A folder for each test, with the program in it under its usual name. Paths get to shells by
    variables: what is typed there is ASCII."""

    def setUp(self):
        self.folder = os.path.realpath(
            self.enterContext(tempfile.TemporaryDirectory(prefix="bdh-help-")))
        os.mkdir(os.path.join(self.folder, "bin"))
        os.symlink(PROGRAM, os.path.join(self.folder, "bin", "bdh"))
        self.work = os.path.join(self.folder, "work")
        os.makedirs(os.path.join(self.work, "a run"))
        for name in ("model.bdh.h5", "text.txt"):
            with open(os.path.join(self.work, name), "wb"):
                pass
        self.environment = {"PATH": os.path.join(self.folder, "bin") + ":" + os.environ["PATH"],
                            "HOME": self.folder, "TERM": "dumb", "LC_ALL": "C.UTF-8",
                            "BDH_HELP": os.path.join(SOURCE, "apps/help")}

    def good(self, *arguments):
        done = bdh(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return done.stdout.decode()

    def pages(self):
        folder = os.path.join(self.folder, "man")
        self.good("manual", folder)
        found = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                found[name] = f.read()
        return folder, found

    def tree(self):
        return json.loads(self.good("commands"))


class About(HelpTest):
    def test_version_shows_how_it_was_built(self):
        lines = self.good("--version").splitlines()
        self.assertRegex(lines[0], r"^bdh \d+\.\d+\.\d+$")
        facts = {line[:14].strip(): line[14:] for line in lines[1:]}
        self.assertRegex(facts["compiler"], r"^(GNU|Clang) \d+\.\d+")
        self.assertIn("(", facts["build"])
        self.assertRegex(facts["instructions"], r"^plain(, \w+)*; best here: \w+$")
        for library in ("TBB", "HDF5", "libzip", "expat", "Oniguruma", "ICU", "OpenSSL", "fmt",
                        "Boost", "Eigen", "igraph", "nlohmann-json", "CLI11", "libedit",
                        "librsvg"):
            self.assertRegex(facts["built with"], rf"\b{library} \d+\.\d+")
        self.assertRegex(facts["CUDA"], r"^(no|\d+\.\d+)")
        self.assertRegex(facts.get("commit", "0" * 12), r"^[0-9a-f]{7,40}$")

    def test_citation_names_program_and_paper(self):
        text = self.good("--cite")
        version = self.good("--version").split()[1]
        self.assertIn(f"(version {version})", text)
        for part in ("@software{bdh,", "@misc{kosowski2025dragon,", "arXiv preprint 2509.26507",
                     "Kosowski, Adrian and", "A. Kosowski, P. Uznański"):
            self.assertIn(part, text)
        self.assertEqual(text.count("{"), text.count("}"))

    def test_citation_is_that_of_the_repository(self):
        with open(os.path.join(SOURCE, "CITATION.cff"), encoding="utf-8") as f:
            written = f.read()
        text = self.good("--cite")
        self.assertIn(re.search(r'^title: "(.*)"$', written, re.M)[1], text)
        self.assertIn(re.search(r'^date-released: "(\d{4})', written, re.M)[1], text)
        self.assertIn(re.search(r"^    doi: (.*)$", written, re.M)[1], text)
        names = re.findall(r"family-names: (\S+)\n\s+given-names: (\S+)", written)
        self.assertEqual(len(names), 5)
        reference = re.search(r"^A\. .*$", text, re.M)[0]
        self.assertTrue(reference.startswith(", ".join(f"{given[0]}. {family}" for family,
                                                       given in names) + " (2025)."), reference)


class Completion(HelpTest):
    """The commands by which the shells' functions get words from the program."""

    def offered(self, *words):
        lines = self.good("complete", *words).split("\n")
        self.assertEqual(lines.pop(), "")
        return lines[0], [line.split("\t")[0] for line in lines[1:]]

    def test_commands(self):
        self.assertEqual(self.offered("ru"), ("none", ["run"]))
        everything = self.offered("")[1]
        self.assertEqual(everything, [c["name"] for c in commands(self.tree())] + ["help"])
        self.assertNotIn("complete", everything)
        self.assertEqual(self.offered("help", "imp"), ("none", ["import"]))
        self.assertEqual(self.offered("plot", "ras"), ("none", ["raster"]))
        self.assertEqual(self.offered("--ver"), ("none", ["--version"]))

    def test_every_option_of_every_command_is_offered_by_its_name(self):
        def walk(command, path):
            for option in options(command):
                for name in option.get("long_names", []):
                    self.assertIn(name, self.offered(*path, name)[1], path)
            for below in commands(command):
                walk(below, [*path, below["name"]])
        walk(self.tree(), [])

    def test_options_that_may_not_come_again_are_gone(self):
        self.assertIn("--generate", self.offered("run", "m", "--")[1])
        self.assertNotIn("--generate", self.offered("run", "m", "--generate", "5", "--")[1])
        self.assertNotIn("--generate", self.offered("run", "m", "--generate=5", "--")[1])
        self.assertIn("--record", self.offered("run", "m", "--record", "events", "--")[1])

    def test_values(self):
        self.assertEqual(self.offered("run", "m", "--weights", ""), ("none", ["float32", "bf16"]))
        self.assertEqual(self.offered("run", "m", "--weights", "b"), ("none", ["bf16"]))
        self.assertEqual(self.offered("run", "m", "--weights=b"), ("none", ["--weights=bf16"]))
        self.assertEqual(self.offered("run", "m", "--weights", "bf16", "--dev"),
                         ("none", ["--device"]))
        self.assertEqual(self.offered("run", "m", "--seed", ""), ("none", []))
        self.assertEqual(self.offered("new", "sm"), ("none", ["small-world"]))

    def test_paths(self):
        self.assertEqual(self.offered("run", "m"), ("files", []))
        self.assertEqual(self.offered("run", "m", "--text-file", "t")[0], "files")
        self.assertEqual(self.offered("run", "m", "--text-file=t")[0], "files")
        self.assertEqual(self.offered("resume", "")[0], "folders")
        self.assertEqual(self.offered("merge", "a", "b")[0], "files")
        self.assertEqual(self.offered("run", "m", "--", "--x")[0], "none")

    def test_words_that_mean_nothing_do_no_harm(self):
        self.assertEqual(self.offered("nosuch", "--thr"), ("none", []))
        self.assertEqual(self.offered("run", "--nosuch", "--thr"), ("none", ["--threads"]))
        self.assertEqual(self.good("complete"), "none\n")


class Shell(HelpTest):
    """Sources the function that is installed, types, and looks at what the shell would do."""
    name = None

    def setUp(self):
        if self.name is None or not shutil.which(self.name):
            self.skipTest(f"no {self.name} here")
        super().setUp()

    def lines_of(self, *command):
        done = subprocess.run(command, cwd=self.work, env=self.environment, capture_output=True,
                              timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (0, b""), command)
        return done.stdout.decode().split("\n")[:-1]


class Fish(Shell):
    name = "fish"

    def offered(self, line):
        return [word.split("\t") for word in self.lines_of(
            "fish", "--no-config", "-c", f'source "$BDH_HELP/bdh.fish"; complete -C "{line}"')]

    def test_words(self):
        (word, about), = self.offered("bdh run --pre")
        self.assertEqual(word, "--prefill")
        self.assertTrue(about)
        self.assertEqual([word for word, *_ in self.offered("bdh run m --weights ")],
                         ["bf16", "float32"])
        self.assertEqual([word for word, *_ in self.offered("bdh run m --weights=b")],
                         ["--weights=bf16"])
        self.assertEqual([word for word, *_ in self.offered("bdh ru")], ["run"])

    def test_paths(self):
        self.assertEqual(sorted(word for word, *_ in self.offered("bdh info ")),
                         ["a run/", "model.bdh.h5", "text.txt"])
        self.assertEqual([word for word, *_ in self.offered("bdh run m --text-file te")],
                         ["text.txt"])
        self.assertEqual([word for word, *_ in self.offered("bdh run m --text-file=te")],
                         ["--text-file=text.txt"])
        self.assertEqual([word for word, *_ in self.offered("bdh resume ")], ["a run/"])


class Typed(Shell):
    """Through a terminal: a line is typed, completed, and printed instead of run."""
    start = ()
    prepare = ""

    def setUp(self):
        super().setUp()
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(self.work)
            os.execvpe(self.start[0], self.start, self.environment)
        self.addCleanup(os.close, self.terminal)
        self.addCleanup(os.waitpid, self.process, 0)
        self.addCleanup(os.kill, self.process, signal.SIGKILL)
        os.write(self.terminal, f"{self.prepare}; echo BEG''INS\n".encode())
        self.until("BEGINS")

    def until(self, mark):
        text, end = "", time.monotonic() + PATIENCE
        while mark not in text:
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            self.assertTrue(ready, f"{self.name}: found {text!r}, expected {mark}")
            text += os.read(self.terminal, 65536).decode(errors="replace")
        return text

    def becomes(self, line, *words):
        """Tab at the end of the line makes it these words; zsh takes the / at the end of a folder
        away again."""
        os.write(self.terminal, line.encode() + b"\t\x01printf '<%s>' \x05; echo ' EN''DS'\r")
        text = self.until("ENDS\r\n")
        self.assertEqual(re.findall(r"(<.*>) ENDS", text.replace("/>", ">")),
                         ["".join(f"<{word}>" for word in words)], repr(text))

    def lists(self, line, *words):
        """Tab twice lists these, and perhaps more."""
        os.write(self.terminal, line.encode() + b"\t\t")
        listed = ""
        while not all(word in listed for word in words):
            listed += self.until(next(word for word in words if word not in listed))

    def test_words(self):
        self.becomes("bdh ru", "bdh", "run")
        self.becomes("bdh run --pre", "bdh", "run", "--prefill")
        self.becomes("bdh run m --weights b", "bdh", "run", "m", "--weights", "bf16")
        self.becomes("bdh run m --weights=b", "bdh", "run", "m", "--weights=bf16")
        self.becomes("bdh plot ras", "bdh", "plot", "raster")

    def test_paths(self):
        self.becomes("bdh info mo", "bdh", "info", "model.bdh.h5")
        self.becomes("bdh run m --text-file te", "bdh", "run", "m", "--text-file", "text.txt")
        self.becomes("bdh run m --text-file=te", "bdh", "run", "m", "--text-file=text.txt")
        self.becomes("bdh resume a", "bdh", "resume", "a run")
        self.becomes("bdh resume m", "bdh", "resume", "m")  # only files begin so

    def test_what_is_typed_into_the_prompt_is_listed(self):
        self.lists("bdh new s", "scale-free", "small-world")

    def test_a_program_that_is_not_there_is_silent(self):
        self.becomes("bin/bdh --ver", "bin/bdh", "--ver")


class Bash(Typed):
    name = "bash"
    start = ("bash", "--norc", "-i")
    prepare = "PS1= PS2=; bind 'set enable-bracketed-paste off'; source \"$BDH_HELP/bdh.bash\""


class Zsh(Typed):
    name = "zsh"
    start = ("zsh", "-f", "-i")
    prepare = ("PS1= PS2=; fpath=(\"$BDH_HELP\" $fpath); autoload -Uz compinit; compinit -u -D; "
               "setopt no_beep")


class Manual(HelpTest):
    def test_a_page_for_each_command_with_each_option(self):
        _, pages = self.pages()
        tree = self.tree()
        self.assertEqual(sorted(pages),
                         sorted(["bdh.1"] + [f"bdh-{c['name']}.1" for c in commands(tree)]))
        plain = {name: text.replace("\\-", "-") for name, text in pages.items()}

        def walk(command, page):
            for option in options(command):
                for name in option.get("long_names", []) + option.get("short_names", []):
                    self.assertIn(f"\\fB{name}\\fR", page, command["name"])
                for value in option.get("values", []):
                    self.assertIn(f"\\fB{value}\\fR", page, command["name"])
            for below in commands(command):
                walk(below, page)
        for command in commands(tree):
            walk(command, plain[f"bdh-{command['name']}.1"])
            self.assertIn(f"bdh-{command['name']} (1)", plain["bdh.1"])

    def test_a_folder_that_cannot_be_made(self):
        done = bdh("manual", os.path.join(self.work, "text.txt", "man"))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"text.txt/man: ", done.stderr)


class ManualReaders(HelpTest):
    """Programs that read such pages find nothing to complain about."""

    def complaints(self, tool, *options):
        if not shutil.which(tool):
            self.skipTest(f"no {tool} here")
        folder, pages = self.pages()
        complaints = ""
        for name in sorted(pages):
            done = subprocess.run([tool, *options, os.path.join(folder, name)], capture_output=True,
                                  timeout=PATIENCE, env={"PATH": os.environ["PATH"],
                                                         "LC_ALL": "C.UTF-8", "MANWIDTH": "100",
                                                         "MAN_KEEP_STDERR": "1",
                                                         "HOME": self.folder})
            complaints += done.stderr.decode() + (done.stdout.decode() if tool == "mandoc" else "")
        return complaints

    def test_groff(self):
        self.assertEqual(self.complaints("groff", "-man", "-ww", "-z", "-K", "utf8", "-T", "utf8"),
                         "")

    def test_man(self):
        self.assertEqual(self.complaints("man", "--warnings", "-Tutf8", "-l"), "")

    def test_mandoc(self):
        self.assertEqual(self.complaints("mandoc", "-T", "lint", "-W", "warning"), "")


if __name__ == "__main__":
    main()
