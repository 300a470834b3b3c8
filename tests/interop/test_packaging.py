"""Readers of CITATION.cff, of the container file and of the conda recipe accept them."""
import os
import subprocess
import sys
import unittest

import rattler_build
import yaml

from program import SOURCE, main

TOOLS = os.path.dirname(sys.executable)


def output_of(tool, *arguments):
    return subprocess.run([os.path.join(TOOLS, tool), *arguments], cwd=SOURCE, capture_output=True,
                          text=True, timeout=300)


class Packaging(unittest.TestCase):
    def test_citation(self):
        done = output_of("cffconvert", "--validate", "-i", "CITATION.cff")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("The bdh authors", output_of("cffconvert", "-i", "CITATION.cff", "-f",
                                              "apalike").stdout)

    def test_container(self):
        done = output_of("hadolint", "packaging/Containerfile")
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        with open(os.path.join(SOURCE, "packaging/Containerfile")) as f:
            self.assertEqual(f.read().count("FROM debian:12-slim"), 2)

    def test_conda_recipe_renders(self):
        folder = os.path.join(SOURCE, "packaging/conda")
        recipe = rattler_build.Stage0Recipe.from_file(os.path.join(folder, "recipe.yaml"))
        variants = rattler_build.VariantConfig.from_file(os.path.join(folder, "variants.yaml"))
        for platform in ("linux-64", "linux-aarch64"):
            on = rattler_build.RenderConfig(platform=rattler_build.PlatformConfig(
                target_platform=platform))
            rendered, = recipe.render(variants, on)
            made = rendered.recipe.to_dict()
            with open(os.path.join(folder, "recipe.yaml")) as f:
                self.assertEqual(made["package"],
                                 {"name": "bdh",
                                  "version": yaml.safe_load(f)["context"]["version"]})
            self.assertTrue(any(need.startswith(f"gxx_{platform} ")
                                for need in made["requirements"]["build"]), made)
            self.assertNotIn("{{", str(made))

    def test_conda_recipe_requires_every_library(self):
        """What CMake looks for, by its names at conda-forge."""
        packages = {"TBB": "tbb-devel", "OpenSSL": "openssl", "Boost": "libboost-devel",
                    "Eigen3": "eigen", "CLI11": "cli11", "librsvg-2.0": "librsvg",
                    "icu-uc": "icu"}
        optional = ("Threads", "PkgConfig", "CUDAToolkit", "MPI")  # or no library of theirs
        wanted = set()
        for file in ("CMakeLists.txt", "cmake/dependencies.cmake", "apps/CMakeLists.txt",
                     "apps/plot/figure/CMakeLists.txt"):
            with open(os.path.join(SOURCE, file)) as f:
                for line in f:
                    words = line.strip().replace("(", " ").replace(")", " ").split()
                    if words[:1] == ["find_package"] and words[1] not in optional:
                        wanted.add(packages.get(words[1], words[1]))
                    if words[:1] == ["pkg_check_modules"]:
                        wanted.add(packages.get(words[4], words[4]))
        with open(os.path.join(SOURCE, "packaging/conda/recipe.yaml")) as f:
            self.assertEqual(set(yaml.safe_load(f)["requirements"]["host"]), wanted)


if __name__ == "__main__":
    main()
