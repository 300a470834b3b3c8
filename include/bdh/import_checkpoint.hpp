// Importing trained BDH checkpoints: safetensors and PyTorch files, in the layouts that exist in
// the wild, as a graph model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <bdh/ids.hpp>
#include <bdh/model.hpp>

namespace bdh {

// What the user states about a checkpoint. It supplies what the file leaves open; contradicting the
// file is an error.
struct import_options {
  std::optional<layer_id> layers;
  std::optional<head_id> heads;
  std::optional<pairing> pairs;
  std::optional<double> theta, epsilon;
  std::optional<tokenizer> tokens;  // one without a definition
  // Or one in a file; neither: what the checkpoint has, what lies beside it, bytes where V is 256.
  std::optional<std::filesystem::path> tokenizer_file;
  std::optional<std::uint64_t> training_window;  // tokens
  bool causal = false;  // read a layout whose program has no causal mask as if it had one
};

struct imported_checkpoint {
  model result;
  // Lines of origin().inferred that may be a mistake: contradictions in the file, frequencies that
  // were rounded, keys of its configuration that are not known.
  std::vector<std::string> remarks;
};

// The checkpoint as a model with dynamics gpu-release; what was inferred or assumed is listed in
// origin().inferred, and what the file has beside it in origin().not_used. Nothing in the file is
// executed. A config.json in the file's folder is read, too. Throws input_error naming the file and
// tensor or key at fault: an unreadable or damaged file, code in a pickle, an unknown layout, a
// tensor that belongs to no layout, a weight that is not finite, an option or a configuration that
// contradicts the tensors; unavailable_error for a model that this program cannot run as it was
// trained.
imported_checkpoint read_checkpoint(const std::filesystem::path& file,
                                    const import_options& options = {});
model import_checkpoint(const std::filesystem::path& file, const import_options& options = {});

}  // namespace bdh
