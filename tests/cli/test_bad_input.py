"""Bad input, one row a case: one line on standard error that names the place, the right exit code,
nothing left behind."""
import os
import pickle
import resource
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

from bad_files import (GOOD, GOOD_PT, bomb, calling, changed, content, converted, copied, cut,
                       flipped, folder, header, hostile, nothing, one_tensor, pickled, read,
                       several, small, write)
from program import (PROGRAM, RANDOM, SANITIZED, CliTest, bdh, convert, main, safetensors,
                     small_checkpoint)

# Makers of bad files: called with the path to write to, and with the paths of good files by name.

IMPORT = "import {bad} -o {out}/m.bdh.h5 --layers 3"
RUN = "run {model} --text abc -o {out}/run --quiet"
LEGACY = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2)
SAFE, PT, H5 = "bad.safetensors", "bad.pt", "bad.bdh.h5"

# What is wrong, the command, exit code, parts of the line, name of the bad file, its maker.
ROWS = [
    # Safetensors.
    ("missing checkpoint", IMPORT, 1, ["{bad}"], SAFE, nothing),
    ("empty checkpoint", IMPORT, 1, ["{bad}", "empty"], SAFE, content(b"")),
    ("folder as checkpoint", IMPORT, 1, ["{bad}", "an empty folder"], SAFE, folder),
    ("text as checkpoint", IMPORT, 1, ["{bad}", "expected"], SAFE,
     content(b"To be, or not to be: that is the question.\n")),
    ("length cut off", IMPORT, 1, ["{bad}"], SAFE, content(b"\x10\0\0\0\0")),
    ("header cut off", IMPORT, 1, ["{bad}", "expected"], SAFE, changed(GOOD, lambda d: d[:100])),
    ("data cut off", IMPORT, 1, ["{bad}", "expected"], SAFE, changed(GOOD, cut(0.9))),
    ("data behind the last tensor", IMPORT, 1, ["{bad}", "expected"], SAFE,
     changed(GOOD, lambda d: d + b"x")),
    ("header of 2^63 bytes", IMPORT, 1, ["{bad}", "expected"], SAFE,
     content(struct.pack("<Q", 1 << 63) + b"{}" * 20)),
    ("header longer than the file", IMPORT, 1, ["{bad}", "expected"], SAFE,
     content(struct.pack("<Q", 5000) + b"{}" * 20)),
    ("header that is no JSON", IMPORT, 1, ["{bad}", "JSON"], SAFE, header(b"{not json at all}")),
    ("header that is a list", IMPORT, 1, ["{bad}"], SAFE, header(b"[1, 2, 3]        ")),
    ("header nested 100,000 deep", IMPORT, 1, ["{bad}"], SAFE, header(b'{"a":' + b"[" * 100000)),
    ("header with a flipped bit", IMPORT, 1, ["{bad}"], SAFE, changed(GOOD, flipped(8))),
    ("tensor with two entries", IMPORT, 1, ["{bad}"], SAFE,
     header(b'{"e":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
            b'"e":{"dtype":"F32","shape":[2],"data_offsets":[8,64]}}')),
    ("tensor beyond the end", IMPORT, 1, ["{bad}", "encoder"], SAFE,
     one_tensor(offsets=(1 << 40, (1 << 40) + 64))),
    ("tensor with offsets the wrong way round", IMPORT, 1, ["{bad}", "encoder"], SAFE,
     one_tensor(offsets=(64, 0))),
    ("size that disagrees with the shape", IMPORT, 1, ["{bad}", "encoder", "expected"], SAFE,
     one_tensor(shape=(4, 5))),
    ("shape that overflows", IMPORT, 1, ["{bad}", "encoder"], SAFE,
     one_tensor(shape=(1 << 40, 1 << 40))),
    ("negative shape", IMPORT, 1, ["{bad}", "encoder"], SAFE, one_tensor(shape=(-4, -4))),
    ("shape of words", IMPORT, 1, ["{bad}", "encoder"], SAFE, one_tensor(shape=("four", "four"))),
    ("hundred axes", IMPORT, 1, ["{bad}", "at most 8"], SAFE, one_tensor(shape=(1,) * 100)),
    ("integer weights", IMPORT, 1, ["{bad}"], SAFE,
     lambda path, good: write(path, read(small_checkpoint(path, 16)).replace(b'"F32"', b'"I32"'))),
    ("weight that is not a number", IMPORT, 1, ["{bad}:decoder", "finite"], SAFE,
     converted("--poke", "decoder:17=nan")),
    ("infinite weight", IMPORT, 1, ["{bad}:embed.weight", "finite"], SAFE,
     converted("--poke", "embed.weight:3=inf")),
    ("weight beyond float32", IMPORT, 1, ["{bad}"], SAFE,
     lambda path, good: convert(GOOD, path, "--dtype", "f64", "--state", "n_layer=3", "--poke",
                                "lm_head:0=inf")),
    ("missing tensor", IMPORT, 1, ["{bad}", "decoder"], SAFE, converted("--drop", "decoder")),
    ("missing embedding", IMPORT, 1, ["{bad}", "embed.weight"], SAFE,
     converted("--drop", "embed.weight")),
    ("tensor of no layout", IMPORT, 1, ["{bad}", "surprise"], SAFE,
     converted("--add", "surprise=7")),
    ("unknown layout", IMPORT, 1, ["{bad}", "fc.weight"], SAFE, lambda path,
     good: safetensors(path, {"fc.weight": ([2, 2], [1, 2, 3, 4])})),
    ("decoder of other size", IMPORT, 1, ["{bad}", "decoder"], SAFE,
     small(decoder=([7, 4], [0.5] * 28))),
    ("decoder with an axis missing", IMPORT, 1, ["{bad}", "decoder"], SAFE,
     small(decoder=([32], [0.5] * 32))),
    ("heads that disagree", IMPORT, 1, ["{bad}", "encoder_v"], SAFE,
     small(encoder_v=([2, 4, 4], [0.5] * 32))),
    ("vocabularies that disagree", IMPORT, 1, ["{bad}", "lm_head"], SAFE,
     small(lm_head=([4, 17], [0.5] * 68))),
    ("odd neurons cannot turn in pairs", IMPORT, 1, ["{bad}"], SAFE, small(per_head=7)),
    ("no neurons", IMPORT, 1, ["{bad}"], SAFE, small(per_head=0)),
    ("no tokens", IMPORT, 1, ["{bad}"], SAFE, small(vocabulary=0)),
    ("line ends in a tensor's name", IMPORT, 1, ["{bad}"], SAFE, lambda path,
     good: safetensors(path, {"a\nb\x1b[2J": ([1], [1])})),
    ("frequencies that differ in a pair", IMPORT, 1, ["{bad}", "attn.freqs"], SAFE,
     converted("--poke", "attn.freqs:1=0.5")),
    ("frequency that is not a number", IMPORT, 1, ["{bad}", "attn.freqs"], SAFE,
     converted("--poke", "attn.freqs:0=nan")),
    ("no layers stated", "import {bad} -o {out}/m.bdh.h5", 1, ["{bad}", "--layers"], SAFE, small()),
    ("layers stated as 0", "import {bad} -o {out}/m.bdh.h5", 1, ["{bad}", "0"], SAFE,
     lambda path, good: convert(GOOD, path, "--state", "n_layer=0")),
    ("option against the file", "import {bad} -o {out}/m.bdh.h5 --layers 2", 1,
     ["--layers", "expected 3"], SAFE, converted()),
    ("heads against the file", IMPORT + " --heads 5", 1, ["--heads", "expected 2"], SAFE,
     converted()),
    ("broken config.json", "import {bad}/model.pt -o {out}/m.bdh.h5", 1, ["config.json"], "bad",
     several(model__pt=copied(GOOD_PT), config__json=content(b"{]"))),
    ("config.json of another model", "import {bad}/model.pt -o {out}/m.bdh.h5", 1, ["vocab_size"],
     "bad",
     several(model__pt=copied(GOOD_PT),
             config__json=content(b'{"vocab_size": 999, "n_layer": 3}'))),
    ("bytes with another vocabulary", IMPORT + " --tokenizer bytes", 1, ["tokenizer", "256"], SAFE,
     small()),
    ("half-split against the table", IMPORT + " --pairing half-split", 1,
     ["attn.freqs", "interleaved"], SAFE, converted()),

    # PyTorch files.
    ("cut zip", IMPORT, 1, ["{bad}"], PT, changed(GOOD_PT, cut(0.5))),
    ("zip without its end", IMPORT, 1, ["{bad}"], PT, changed(GOOD_PT, lambda d: d[:-10])),
    ("weights with a flipped bit", IMPORT, 1, ["{bad}"], PT, changed(GOOD_PT, flipped(0.5))),
    ("first bytes with a flipped bit", IMPORT, 1, ["{bad}"], PT, changed(GOOD_PT, flipped(1))),
    ("call of os.system", IMPORT, 1, ["{bad}", "system"], PT, calling(os.system, "touch executed")),
    ("call of eval", IMPORT, 1, ["{bad}", "builtins.eval"], PT,
     calling(eval, "open('executed', 'w')")),
    ("call of subprocess", IMPORT, 1, ["{bad}", "subprocess"], PT,
     calling(subprocess.call, ["touch", "executed"])),
    ("foreign global beside good weights", IMPORT, 1, ["{bad}", "system"], PT, hostile("global")),
    ("entry with an absolute name", IMPORT, 1, ["{bad}", "/etc/passwd"], PT,
     hostile("absolute-name")),
    ("entry that leaves the archive", IMPORT, 1, ["{bad}", ".."], PT, hostile("parent-name")),
    ("compressed bomb", IMPORT, 1, ["{bad}"], PT, bomb),
    ("compressed entries", IMPORT, 1, ["{bad}"], PT, hostile("deflate")),
    ("legacy format", IMPORT, 1, ["{bad}", "torch.save"], PT, content(LEGACY)),
    ("zip without a pickle", IMPORT, 1, ["{bad}", "data.pkl"], PT,
     pickled(b"x", "archive/version")),
    ("two archives in one", IMPORT, 1, ["{bad}"], PT, pickled(pickle.dumps({}, 2),
                                                              more=[("other/data.pkl", "x")])),
    ("missing storage", IMPORT, 1, ["{bad}"], PT, hostile("missing-storage")),
    ("short storage", IMPORT, 1, ["{bad}"], PT, hostile("short-storage")),
    ("tensor beyond its storage", IMPORT, 1, ["{bad}"], PT, hostile("reach")),
    ("exported program", IMPORT, 1, ["{bad}"], PT, hostile("script")),
    ("big-endian weights", IMPORT, 1, ["{bad}", "big"], PT, hostile("big-endian")),
    ("empty pickle", IMPORT, 1, ["{bad}"], PT, pickled(b"")),
    ("pickle of noise", IMPORT, 1, ["{bad}"], PT, pickled(bytes(range(256)))),
    ("pickle without an end", IMPORT, 1, ["{bad}"], PT, pickled(pickle.dumps({"a": 1}, 2)[:-1])),
    ("pickle of a number", IMPORT, 1, ["{bad}"], PT, pickled(pickle.dumps(3, 2))),
    ("pickle nested 200,000 deep", IMPORT, 1, ["{bad}"], PT,
     pickled(b"\x80\x02" + b"]" * 200000 + b"a" * 199999 + b".")),
    ("pickle with a string of 2^31 bytes", IMPORT, 1, ["{bad}"], PT,
     pickled(b"\x80\x02X" + struct.pack("<I", 1 << 31) + b"abc.")),
    ("weight in a zip that is not a number", IMPORT, 1, ["{bad}", "finite"], PT,
     lambda path, good: convert(GOOD, path, "--poke", "encoder:9=nan")),

    # Models.
    ("missing model", "run {bad} --text a -o {out}/run", 1, ["{bad}", "no such file"], H5, nothing),
    ("missing run to export", "export {bad} -o {out}/run.nwb", 1, ["{bad}", "no such file"], "run",
     nothing),
    ("missing run to look at", "activity {bad}", 1, ["{bad}", "no such file"], "run", nothing),
    ("folder as model", "run {bad} --text a -o {out}/run", 1, ["{bad}"], H5, folder),
    ("empty model", "info {bad}", 1, ["{bad}"], H5, content(b"")),
    ("cut model", "run {bad} --text a -o {out}/run", 1, ["{bad}"], H5, changed("model", cut(0.7))),
    ("model with something behind it", "info {bad}", 1, ["{bad}"], H5,
     changed("model", lambda d: d + b"\0")),
    ("model with a flipped bit", "run {bad} --text a -o {out}/run", 1, ["{bad}"], H5,
     changed("model", flipped(0.6))),
    ("model with a flipped bit at its start", "evaluate {bad} --text-file {text}", 1, ["{bad}"], H5,
     changed("model", flipped(2))),
    ("model with a flipped bit at its end", "verify {bad} {expected}", 1, ["{bad}"], H5,
     changed("model", flipped(-5))),
    ("checkpoint as model", "run {bad} --text a -o {out}/run", 1, ["{bad}", "bdh import"], SAFE,
     copied(GOOD)),
    ("state as model", "run {bad} --text a -o {out}/run", 1, ["{bad}", "--state"], H5,
     copied("state")),
    ("expected values as model", "run {bad} --text a -o {out}/run", 1, ["{bad}"], H5,
     copied(f"{RANDOM}/expected.h5")),
    ("unknown file", "info {bad}", 1, ["{bad}"], "bad", content(b"no known format")),
    ("folder without a run", "info {bad}", 1, ["{bad}"], "bad", folder),
    ("broken run.json", "info {bad}", 1, ["run.json"], "bad", several(run__json=content(b"{"))),
    ("rounds of a state", "info {bad} --rounds", 1, ["{bad}", "model"], H5, copied("state")),

    # States and expected values.
    ("missing state", RUN + " --state {bad}", 1, ["{bad}"], H5, nothing),
    ("cut state", RUN + " --state {bad}", 1, ["{bad}"], H5, changed("state", cut(0.5))),
    ("state with a flipped bit", RUN + " --state {bad}", 1, ["{bad}"], H5,
     changed("state", flipped(0.7))),
    ("state of another model", "run {other} --text a -o {out}/run --state {bad}", 1,
     ["{bad}", "model"], H5, copied("state")),
    ("model as state", RUN + " --state {bad}", 1, ["{bad}"], H5, copied("model")),
    ("missing expected values", "verify {model} {bad}", 1, ["{bad}"], "bad.h5", nothing),
    ("cut expected values", "verify {model} {bad}", 1, ["{bad}"], "bad.h5",
     changed(f"{RANDOM}/expected.h5", cut(0.4))),
    ("model as expected values", "verify {model} {model}", 1, ["{model}"], "bad.h5", nothing),
    ("expected values of another model", "verify {other} {expected}", 1, ["{expected}", "expected"],
     "bad.h5", nothing),

    # Tokens.
    ("token outside the vocabulary", "run {model} --tokens 1,2,256 -o {out}/run", 1,
     ["--tokens[2]", "256", "0 to 255"], "", nothing),
    ("token that is no number", "run {model} --tokens 1,x -o {out}/run", 1, ["--tokens[1]", "'x'"],
     "", nothing),
    ("negative token", "run {model} --tokens=-1 -o {out}/run", 1, ["--tokens[0]", "-1"], "",
     nothing),
    ("token of 30 digits", "run {model} --tokens 111111111111111111111111111111 -o {out}/run", 1,
     ["--tokens[0]"], "", nothing),
    ("file of words as tokens", "run {model} --tokens-file {bad} -o {out}/run", 1, ["{bad}[0]"],
     "ids", content(b"To be, or not")),
    ("bytes as tokens", "evaluate {model} --tokens-file {bad}", 1, ["{bad}[0]", "\\x80"], "ids",
     content(bytes(range(128, 256)))),
    ("missing text", "run {model} --text-file {bad} -o {out}/run", 1, ["{bad}", "No such file"],
     "text", nothing),
    ("folder as text", "evaluate {model} --text-file {bad}", 1, ["{bad}", "folder"], "text",
     folder),
    ("empty text", "run {model} --text-file {bad} -o {out}/run", 1, ["no tokens"], "text",
     content(b"")),
    ("nothing on standard input", "run {model} - -o {out}/run", 1, ["no tokens"], "", nothing),
    ("text of one token", "evaluate {model} --text-file {bad}", 1, ["two tokens"], "text",
     content(b"a")),
    ("text for a model of ids", "run {ids} --text abc -o {out}/run", 1, ["--text", "--tokens"], "",
     nothing),
    ("an empty token", "run {ids} --tokens 1,,2 -o {out}/run", 1, ["--tokens[1]", "before a comma"],
     "", nothing),
    ("a malformed intervention", "run {ids} --tokens 1 --do lesion -o {out}/run", 1,
     ["--do 'lesion'"], "", nothing),
    ("text file for a model of ids", "evaluate {ids} --text-file {text}", 1,
     ["--text-file", "--tokens"], "", nothing),

    # Where output should go.
    ("model exists", "import {good} -o {model}", 1, ["{model}", "exists"], "", nothing),
    ("model would be a folder", "import {good} -o {bad} --force", 1, ["{bad}"], "bad", folder),
    ("folder for the model is missing", "import {good} -o {bad}/m.bdh.h5", 1, ["{bad}"], "bad",
     nothing),
    ("run's folder is a file", "run {model} --text a -o {bad}", 1, ["{bad}"], "bad", content(b"x")),
    ("run's folder is in use", "run {model} --text a -o {bad}", 1, ["{bad}"], "bad",
     several(a=content(b"x"))),
    ("run's folder below a file", "run {model} --text a -o {text}/run", 1, ["{text}/run"], "",
     nothing),
    ("folder for the state is missing", "run {model} --text a --save-state {bad}/s.h5 -o {out}/run",
     1, ["{bad}"], "bad", nothing),
    ("state would be a folder", "run {model} --text a --save-state {bad} -o {out}/run", 1,
     ["{bad}"], "bad", folder),

    # Usage.
    ("unknown command", "fly", 2, ["fly", "--help"], "", nothing),
    ("two commands", "info {model} run", 2, ["--help"], "", nothing),
    ("unknown option", RUN + " --fast", 2, ["--fast", "bdh run --help"], "", nothing),
    ("no model", "run --text a", 2, ["MODEL"], "", nothing),
    ("no checkpoint", "import -o {out}/m.bdh.h5", 2, ["CHECKPOINT"], "", nothing),
    ("no output", "import {good}", 2, ["-o"], "", nothing),
    ("no text", "run {model}", 2, ["--text"], "", nothing),
    ("two texts", RUN + " --tokens 1", 2, ["more than one"], "", nothing),
    ("text and standard input", RUN + " -", 2, ["more than one"], "", nothing),
    ("a stray word", RUN + " stray", 2, ["stray"], "", nothing),
    ("an option twice", RUN + " --seed 1 --seed 2", 2, ["--seed"], "", nothing),
    ("an option without its value", "run {model} --text", 2, ["--text"], "", nothing),
    ("no threads", RUN + " --threads 0", 2, ["--threads", "1 to 1024"], "", nothing),
    ("threads in words", RUN + " --threads two", 2, ["--threads", "'two'"], "", nothing),
    ("a million threads", RUN + " --threads 1000000", 2, ["--threads"], "", nothing),
    ("half a site", RUN + " --sites 0.5", 2, ["--sites"], "", nothing),
    ("too many sites", RUN + " --sites 4097", 2, ["--sites", "4096"], "", nothing),
    ("unknown instructions", RUN + " --instructions sse", 2, ["--instructions", "sse"], "",
     nothing),
    ("retention 0", RUN + " --retention 0", 2, ["--retention", "0 < u <= 1"], "", nothing),
    ("retention above 1", RUN + " --retention 1.0001", 2, ["--retention"], "", nothing),
    ("retention that is not a number", "evaluate {model} --text-file {text} --retention nan", 2,
     ["--retention"], "", nothing),
    ("retention of another state", RUN + " --state {state} --retention 0.5", 1, ["--retention"], "",
     nothing),
    ("negative count", RUN + " --generate -5", 2, ["--generate"], "", nothing),
    ("count beyond 64 bits", RUN + " --generate 99999999999999999999", 2, ["--generate"], "",
     nothing),
    ("infinite temperature", RUN + " --generate 1 --temperature inf", 2, ["--temperature"], "",
     nothing),
    ("negative temperature", RUN + " --generate 1 --temperature -1", 2, ["--temperature"], "",
     nothing),
    ("temperature with nothing to generate", RUN + " --temperature 1", 2, ["--generate"], "",
     nothing),
    ("top 0", RUN + " --generate 1 --temperature 1 --top-k 0", 2, ["--top-k"], "", nothing),
    ("top k of a greedy choice", RUN + " --generate 1 --top-k 5", 2, ["--temperature"], "",
     nothing),
    ("hexadecimal seed", RUN + " --seed 0x10", 2, ["--seed"], "", nothing),
    ("record without a folder", "run {model} --text a --record logits", 2, ["-o"], "", nothing),
    ("record of something unknown", RUN + " --record dreams", 2, ["dreams"], "", nothing),
    ("window of one token", "evaluate {model} --text-file {text} --window 1", 2, ["--window"], "",
     nothing),
    ("limit 0", "evaluate {model} --text-file {text} --limit 0", 2, ["--limit"], "", nothing),
    ("limit of prompts", "run {model} --batch {text} --limit 4", 2, ["--limit", "--batch"], "",
     nothing),
    ("evaluate without a text", "evaluate {model}", 2, ["--text-file"], "", nothing),
    ("tolerance that is not a number", "verify {model} {expected} --tolerance nan", 2,
     ["--tolerance"], "", nothing),
    ("negative tolerance", "verify {model} {expected} --tolerance -1", 2, ["--tolerance"], "",
     nothing),
    ("no layers", "import {good} -o {out}/m.bdh.h5 --layers 0", 2, ["--layers"], "", nothing),
    ("unknown pairing", "import {good} -o {out}/m.bdh.h5 --pairing odd", 2, ["--pairing", "odd"],
     "", nothing),
    ("unknown tokenizer", "import {good} -o {out}/m.bdh.h5 --tokenizer words", 1,
     ["words"], "", nothing),
    ("negative theta", "import {good} -o {out}/m.bdh.h5 --theta -3", 2, ["--theta"], "", nothing),
    ("epsilon 0", "import {good} -o {out}/m.bdh.h5 --eps 0", 2, ["--eps"], "", nothing),
]


class BadInput(CliTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        def at(name):
            return os.path.join(cls.shared_folder, name)
        cls.files = {"model": cls.random, "other": cls.trained, "good": GOOD,
                     "expected": f"{RANDOM}/expected.h5", "text": at("text"),
                     "ids": at("ids.bdh.h5"), "state": at("state.h5")}
        write(at("text"), b"To be, or not to be: that is the question.\n")
        small_checkpoint(at("ids.safetensors"), 50)
        for command in (("import", at("ids.safetensors"), "-o", at("ids.bdh.h5"), "--layers", "2"),
                        ("run", cls.random, "--text", "abc", "--save-state", at("state.h5"),
                         "--quiet")):
            done = bdh(*command)
            assert done.returncode == 0, done.stderr

    def limits(self):
        # Every thread maps memory for its stack and its allocations, whether it needs it or not:
        # two of them, on any machine.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
        # The sanitizers map terabytes that they never use.
        if not SANITIZED:
            resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    def row(self, command, code, says, name="", make=nothing, program=PROGRAM, before=None, **more):
        with tempfile.TemporaryDirectory(dir=self.folder) as here:
            paths = dict(self.files, bad=os.path.join(here, name), out=os.path.join(here, "out"))
            os.mkdir(paths["out"])
            if name:
                make(paths["bad"], self.files)
            listing = sorted(os.listdir(here))
            arguments = [word.format(**paths) for word in command.split(" ")]
            done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, cwd=here, timeout=120 if SANITIZED
                                  else 20, preexec_fn=before or self.limits,
                                  **{"stdout": subprocess.PIPE, **more})
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertOneLine(done.stderr, *(part.format(**paths) for part in says))
            self.assertLess(len(done.stderr), 2000)
            self.assertFalse(done.stdout)
            self.assertEqual(sorted(os.listdir(here)), listing)
            if code != 3 or "run -o" not in command:
                self.assertEqual(os.listdir(paths["out"]), [])


class Table(BadInput):
    def test_rows(self):
        self.assertEqual(len({row[0] for row in ROWS}), len(ROWS))
        self.assertGreaterEqual(len(ROWS), 60)
        for what, command, code, says, name, make in ROWS:
            with self.subTest(what):
                self.row(command, code, says, name, make)
        print(len(ROWS), "cases")

    def test_a_run_that_fails_keeps_what_it_had(self):
        ids = self.path("ids")  # a pipe, which is not read before the run
        os.mkfifo(ids)
        writer = threading.Thread(target=lambda: Path(ids).write_bytes(b"1 2 3 x"))
        writer.start()
        self.refused(1, "run", self.random, "--tokens-file", ids, "-o", self.path("run"),
                     says=(ids + "[3]",))
        writer.join()
        result = self.json("info", self.path("run"))
        self.assertEqual((result["status"], result["recorded_tokens"]), ("failed", 3))

    def test_a_mistake_in_a_file_of_ids_shows_before_the_run(self):
        ids = self.path("ids", b"1 2 3 x")
        self.refused(1, "run", self.random, "--tokens-file", ids, "-o", self.path("run"),
                     says=(ids + "[3]",))
        self.assertFalse(os.path.exists(self.path("run")))


if __name__ == "__main__":
    main()
