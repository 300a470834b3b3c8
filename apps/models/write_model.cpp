#include "apps/models/write_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include <bdh/model_file.hpp>

#include "apps/common/console.hpp"
#include "apps/common/signals.hpp"
#include "apps/models/describe_model.hpp"
#include "core/base/utf8.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

constexpr std::size_t most_shown = 400;  // bytes of a line, or of a part of one

void print_json(const made_model& made, const std::string& file, const std::string& hash) {
  nlohmann::ordered_json all{{"file", file}};
  all.update(model_json(made.result));
  all["content_sha256"] = hash;
  all["remarks"] = made.remarks;
  print(json_text(all, 1) + "\n");
}

}  // namespace

std::string not_used_line(const std::vector<std::string>& not_used) {
  constexpr std::size_t shown = 8;
  if (not_used.empty()) return "not used: nothing\n";
  std::string line = "not used: ";
  for (std::size_t i = 0; i < std::min(shown, not_used.size()); ++i)
    line += (i > 0 ? ", " : "") + one_line(shortened(not_used[i], most_shown));
  if (not_used.size() > shown)
    line += fmt::format(" and {} more (bdh info lists them)", not_used.size() - shown);
  return line + "\n";
}

int write_model(const model_target& target, const std::function<made_model()>& make) {
  stop_on_signals();
  { const atomic_file whole(target.file, target.force); }  // refuses before the work, not after it
  try {
    const made_model made = make();
    stop_if_requested();
    const std::string hash = save_model(made.result, target.file, target.force);
    for (const std::string& remark : made.remarks)
      note("bdh: " + one_line(shortened(remark, most_shown)));
    if (target.json)
      print_json(made, target.file, hash);
    else
      print(made.summary + fmt::format("wrote {} ({:.12})\n", target.file, hash));
    return 0;
  } catch (const stopped&) {
    note("bdh: stopped by a signal, nothing was written");
    return 128 + stop_requested();
  }
}

}  // namespace bdh::app
