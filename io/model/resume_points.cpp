#include "io/model/resume_points.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>
#include <bdh/state_file.hpp>

#include "io/model/file_kind.hpp"

namespace bdh {
namespace {

constexpr std::string_view prefix = "checkpoint-", suffix = ".h5";
constexpr std::size_t kept_states = 2;

// Newest first.
std::vector<std::pair<std::uint64_t, std::filesystem::path>> resume_points(
    const std::filesystem::path& run) {
  std::vector<std::pair<std::uint64_t, std::filesystem::path>> all;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(run, failed)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(suffix) ||
        name.size() <= prefix.size() + suffix.size())
      continue;
    std::uint64_t position = 0;
    const char* const end = name.data() + name.size() - suffix.size();
    const auto [last, bad] = std::from_chars(name.data() + prefix.size(), end, position);
    if (bad == std::errc() && last == end) all.emplace_back(position, entry.path());
  }
  if (failed) throw input_error(run.string(), failed.message(), "a folder made by bdh run");
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  return all;
}

}  // namespace

void write_resume_point(const std::filesystem::path& run, const simulator& brain) {
  const std::filesystem::path file =
      run / (std::string(prefix) + std::to_string(brain.tokens()) + std::string(suffix));
  std::error_code failed;
  // So damaged that it is no state file any more.
  if (identify(file) != file_kind::state) std::filesystem::remove(file, failed);
  save_state(brain, file);
  const auto all = resume_points(run);
  std::error_code ignored;
  for (std::size_t k = kept_states; k < all.size(); ++k)
    std::filesystem::remove(all[k].second, ignored);
}

void remove_resume_points(const std::filesystem::path& run) noexcept {
  try {
    for (const auto& [position, file] : resume_points(run)) std::filesystem::remove(file);
  } catch (const std::exception&) {  // they are of no use any more, and do no harm
  }
}

std::optional<resume_point> latest_resume_point(const std::filesystem::path& run, const model& m) {
  resume_point found;
  for (const auto& [position, file] : resume_points(run)) try {
      found.state = load_state_head(file, m);
      if (found.state.tokens != position)
        throw input_error(file.string(), std::to_string(found.state.tokens) + " tokens read",
                          std::to_string(position) + ", as its name says");
      found.file = file;
      return found;
    } catch (const error& e) {
      found.refused.push_back(e.what());
    }
  if (!found.refused.empty())
    throw input_error(run.string(), "no checkpoint that can be used: " + found.refused[0],
                      "a whole one of this model");
  return std::nullopt;
}

}  // namespace bdh
