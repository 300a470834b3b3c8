// What a path is, for commands that take any of our files.
#pragma once

#include <filesystem>

namespace bdh {

enum class file_kind {
  unknown,      // or not there
  model,        // NAME.bdh.h5
  state,        // synapses of a run
  run,          // a folder with run.json
  expected,     // HDF5 with tokens and logits: reference values, or the logits.h5 of a run
  hdf5,         // any other HDF5 file
  safetensors,  // weights to import; known by their first bytes only
  pytorch       // the same: a zip archive
};

const char* name(file_kind) noexcept;

// Looks at names and first bytes; whether the content is sound is for the readers to say. Throws
// nothing for bad files.
file_kind identify(const std::filesystem::path& path);

}  // namespace bdh
