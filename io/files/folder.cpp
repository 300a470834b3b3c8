#include "io/files/folder.hpp"

#include <algorithm>
#include <system_error>

#include <bdh/error.hpp>

namespace bdh {

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  constexpr std::size_t most = 10000;
  std::vector<std::string> names;
  std::error_code failed;
  std::filesystem::directory_iterator at(folder, failed);
  for (; !failed && at != std::filesystem::directory_iterator() && names.size() < most;
       at.increment(failed)) {
    std::error_code unknown;
    names.push_back(at->path().filename().string());
    if (at->is_directory(unknown)) names.back() += '/';
  }
  if (failed) throw input_error(folder.string(), failed.message(), "a readable folder");
  std::ranges::sort(names, {}, [](const std::string& name) {
    return std::pair<bool, const std::string&>(name.starts_with('.'), name);
  });
  return names;
}

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 3;
  const std::size_t shown = names.size() <= most ? names.size() : most - 1;
  std::string text;
  for (std::size_t i = 0; i < shown; ++i) {
    const bool last = i + 1 == names.size();
    if (i != 0) text += last ? " and " : ", ";
    text += names[i];
  }
  if (shown < names.size()) text += " and " + std::to_string(names.size() - shown) + " more";
  return text;
}

}  // namespace bdh
