#include "io/checkpoint/checkpoint_folder.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <bdh/error.hpp>

#include "io/checkpoint/tensor_file.hpp"
#include "io/files/folder.hpp"

namespace bdh {
namespace {

// Checkpoints that are folders in other programs, by a name in them, and what makes a file of them.
struct other_folder {
  std::string_view end, what, cure;
};
constexpr std::array other_folders = {
    other_folder{".distcp", "a distributed checkpoint of PyTorch",
                 "torch.distributed.checkpoint.format_utils.dcp_to_torch_save(FOLDER, FILE) makes "
                 "one"},
    other_folder{"zero_to_fp32.py", "a checkpoint of DeepSpeed",
                 "python zero_to_fp32.py . OUTPUT, run in it, makes one"},
    other_folder{"data.pkl", "what a PyTorch file has inside, unpacked",
                 "zip -0 -r FILE.pt FOLDER makes one"},
    other_folder{"_METADATA", "a checkpoint of Orbax", "save the arrays as safetensors"},
    other_folder{"_CHECKPOINT_METADATA", "a checkpoint of Orbax",
                 "save the arrays as safetensors"}};

bool has_ending(std::string_view name, auto... endings) { return (name.ends_with(endings) || ...); }

// What trainers keep beside the weights.
bool is_beside(std::string_view name) {
  constexpr std::array starts = {"optimizer", "scheduler", "scaler", "rng_state", "training_args"};
  return std::ranges::any_of(starts, [&](const char* start) { return name.starts_with(start); });
}

// The files that may be checkpoints. Shards are behind their index.
std::vector<std::string> checkpoints_of(const std::vector<std::string>& names) {
  std::vector<std::string> found;
  for (const std::string& name : names)
    if (name.ends_with(".safetensors.index.json")) found.push_back(name);
  for (const std::string& name : names)
    if (has_ending(name, ".safetensors", ".pt", ".pth", ".ckpt", ".bin") && !is_beside(name) &&
        !is_shard(name))
      found.push_back(name);
  return found;
}

}  // namespace

void expect_no_folder(const std::filesystem::path& path) {
  std::error_code failed;
  if (!std::filesystem::is_directory(path, failed)) return;
  const std::string place = path.string();
  const auto fail = [&](const std::string& found, const std::string& hint) {
    throw input_error(place, found, "a file with the weights", hint);
  };
  const std::vector<std::string> names = names_in(path);
  if (names.empty()) fail("an empty folder", "");
  const std::vector<std::string> checkpoints = checkpoints_of(names);
  if (!checkpoints.empty())
    fail("a folder with " + listed(checkpoints),
         "import " + std::string(checkpoints.size() == 1 ? "" : "one of them, as ") +
             (path / checkpoints.front()).string());
  for (const other_folder& other : other_folders)
    if (std::ranges::any_of(names, [&](const auto& name) { return name.ends_with(other.end); }))
      fail("a folder with " + std::string(other.what), std::string(other.cure));
  if (std::ranges::any_of(names, is_shard))
    fail("a folder with shards and no index of them",
         "model.safetensors.index.json, which was saved with them, goes beside them");
  fail("a folder without a checkpoint: " + listed(names), "");
}

}  // namespace bdh
