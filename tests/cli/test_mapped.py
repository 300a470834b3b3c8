"""Models that are mapped instead of read: what becomes of a run whose model is cut short, and `bdh
info --check`."""
import json
import os
import shutil
import struct
import subprocess

from program import PATIENCE, PROGRAM, CliTest, bdh, main
from room import expect_memory, folder_with_room

HUBS, NEURONS, VOCABULARY = 160, 294912, 256  # 566 MB


def large_checkpoint(path):
    """Of the released layout, with weights that repeat."""
    shapes = {"encoder": [1, HUBS, NEURONS], "encoder_v": [1, HUBS, NEURONS],
              "decoder": [NEURONS, HUBS], "embed.weight": [VOCABULARY, HUBS],
              "lm_head": [HUBS, VOCABULARY]}
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 4
        for s in shape:
            size *= s
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    block = struct.pack("<4093f", *(((i * 7919 + 13) % 4001 - 2000) / 100000 for i in range(4093)))
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for _ in range(end // len(block) + 1):
            f.write(block)
        f.truncate(8 + len(text) + end)
    return path


def lines(path):
    if not os.path.exists(path):
        return 0
    with open(path) as f:
        return f.read().count("\n")


def losses(run):
    with open(os.path.join(run, "summary.csv")) as f:
        return [line.split(",")[-2] for line in f]


class Mapped(CliTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        expect_memory(3e9)
        cls.roomy = folder_with_room(1.8e9, PROGRAM)
        cls.addClassCleanup(shutil.rmtree, cls.roomy)
        cls.large = os.path.join(cls.roomy, "large.bdh.h5")
        checkpoint = large_checkpoint(os.path.join(cls.roomy, "large.safetensors"))
        done = bdh("import", checkpoint, "-o", cls.large, "--layers", "2", "--heads", "1")
        assert done.returncode == 0, done.stderr
        os.remove(checkpoint)

    def copy(self):
        copy = os.path.join(self.roomy, "copy.bdh.h5")
        self.addCleanup(lambda: os.path.exists(copy) and os.remove(copy))
        return shutil.copy(self.large, copy)

    def started(self, model, *options):
        """A run that has read "ab", both recorded, and waits for more."""
        process = self.start("run", model, "-", "-o", self.path("run"), "--quiet", *options,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdin.write(b"ab")
        process.stdin.flush()
        self.wait_for(lambda: lines(self.path("run/tokens.csv")) == 3, process)
        return process

    def test_a_model_that_is_cut_short_during_a_run_ends_it_with_one_line(self):
        model = self.copy()
        process = self.started(model, "--threads", "8")  # many of which find it at once
        os.truncate(model, 100000)
        output, result = process.communicate(b"c", timeout=PATIENCE)
        self.assertEqual((process.returncode, output), (1, b""))
        self.assertOneLine(result, f"bdh: {model}: a part of it can no longer be read, expected "
                           f"the file as it was opened")
        self.refused(1, "run", model, "--text", "a", says=("do not match", "cut short"))

    def test_a_model_that_is_replaced_during_a_run_is_kept_by_it(self):
        model = self.copy()
        process = self.started(model)
        os.replace(shutil.copy(self.random, os.path.join(self.roomy, "other")), model)
        self.assertEqual(process.communicate(b"c", timeout=PATIENCE), (b"", b""))
        self.assertEqual(process.returncode, 0)
        undisturbed = bdh("run", self.large, "-", "-o", self.path("undisturbed"), "--quiet",
                          stdin=b"abc")
        self.assertEqual(undisturbed.returncode, 0)
        self.assertEqual(losses(self.path("run")), losses(self.path("undisturbed")))

    def test_a_check_reads_all_of_it(self):
        model = self.copy()
        self.assertIn("every byte, index and weight", self.good("info", "--check",
                                                                model).stdout.decode())
        self.assertTrue(self.json("info", "--check", model)["checked"])
        with open(model, "r+b") as f:
            f.seek(os.path.getsize(model) // 2)
            byte = f.read(1)
            f.seek(-1, os.SEEK_CUR)
            f.write(bytes([byte[0] ^ 1]))
        self.good("info", model)
        self.refused(1, "info", "--check", model,
                     says=("bytes that do not match the checksum in its head", "damaged"))
        self.refused(1, "info", "--check", self.path("text", b"not a model"),
                     says=("expected a model", ))


if __name__ == "__main__":
    main()
