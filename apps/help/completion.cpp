#include "apps/help/completion.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "apps/common/console.hpp"

namespace bdh::app {
namespace {

constexpr std::array files = {"FILE",     "MODEL",  "NEW",         "CHECKPOINT",
                              "EXPECTED", "SOURCE", "RUN_OR_MODEL"};
constexpr std::array file_arguments = {"A", "B"};  // as types of options these are numbers
constexpr std::array folders = {"DIR", "RUN", "RUN_A", "RUN_B", "RUNDIR"};

std::vector<std::string> names(const option_description& o) {
  std::vector<std::string> all = o.long_names;
  all.insert(all.end(), o.short_names.begin(), o.short_names.end());
  return all;
}

const option_description* named(const command_description& command, std::string_view name) {
  for (const option_description& o : command.options) {
    const auto all = names(o);
    if (std::ranges::find(all, name) != all.end()) return &o;
  }
  return nullptr;
}

// What was typed before the cursor, as far as it decides what may follow.
class typed {
 public:
  explicit typed(const command_description& program) : at_(&program) {}

  void read(const std::string& word) {
    if (awaited_ && !(awaited_->value_optional && word.starts_with('-'))) {
      awaited_ = nullptr;
      return;
    }
    awaited_ = nullptr;
    if (!only_arguments_ && word == "--")
      only_arguments_ = true;
    else if (!only_arguments_ && word.size() > 1 && word.starts_with('-'))
      read_option(word);
    else if (const auto* below = command_named(word); below && !only_arguments_)
      at_ = below;
    else
      ++arguments_;
  }

  completion before(const std::string& word) const {
    completion found;
    if (awaited_) {
      offer_values(found, *awaited_, "", word);
      if (!awaited_->value_optional || !word.empty()) return found;
    }
    if (const std::size_t equals = word.find('=');
        !only_arguments_ && word.starts_with("--") && equals != word.npos) {
      const option_description* const one = named(*at_, word.substr(0, equals));
      if (one && !one->flag)
        offer_values(found, *one, word.substr(0, equals + 1), word.substr(equals + 1));
      return found;
    }
    if (!only_arguments_ && word.starts_with('-')) {
      offer_options(found, word);
      if (word != "-") return found;  // which may be an argument: standard input
    }
    for (const command_description& below : at_->commands)
      if (!below.hidden && below.name.starts_with(word))
        found.words.push_back({below.name, below.help});
    if (const option_description* const next = argument()) offer_values(found, *next, "", word);
    if (!only_arguments_ && word.empty() && found.words.empty() && found.paths == path_kind::none)
      offer_options(found, word);
    return found;
  }

 private:
  void read_option(const std::string& word) {
    const std::size_t equals = word.find('=');
    const option_description* const one = named(*at_, word.substr(0, equals));
    if (!one) return;
    given_.insert(one);
    if (!one->flag && equals == word.npos) awaited_ = one;
  }

  const command_description* command_named(const std::string& word) const {
    const auto found = std::ranges::find(at_->commands, word, &command_description::name);
    return found == at_->commands.end() ? nullptr : &*found;
  }

  // The next one that may stand here.
  const option_description* argument() const {
    std::size_t count = 0;
    for (const option_description& o : at_->options)
      if (o.positional() && !o.hidden() && (o.repeatable || count++ == arguments_)) return &o;
    return nullptr;
  }

  static void offer_values(completion& found, const option_description& one,
                           const std::string& before, const std::string& word) {
    for (const std::string& value : one.values)
      if (value.starts_with(word)) found.words.push_back({before + value, {}});
    if (one.values.empty()) found.paths = paths_of(one);
  }

  void offer_options(completion& found, const std::string& word) const {
    for (const option_description& o : at_->options) {
      if (o.hidden() || o.positional() || (given_.contains(&o) && !o.repeatable)) continue;
      const bool excluded = std::ranges::any_of(o.excludes, [&](const std::string& other) {
        return given_.contains(named(*at_, other));
      });
      if (excluded) continue;
      for (const std::string& name : names(o)) {
        if (!name.starts_with(word)) continue;
        found.words.push_back({name, o.help});
        break;  // the long one, where both would do
      }
    }
  }

  const command_description* at_;
  const option_description* awaited_ = nullptr;  // its value is next
  std::set<const option_description*> given_;
  std::size_t arguments_ = 0;
  bool only_arguments_ = false;  // after --
};

}  // namespace

path_kind paths_of(const option_description& one) {
  std::string_view type = one.positional() ? one.argument : one.type;
  if (type.starts_with('[')) type.remove_prefix(1);
  type = type.substr(0, type.find_first_of("]."));  // [FILE], FILE.csv
  const auto is_among = [type](const auto& all) {
    return std::ranges::find(all, type) != all.end();
  };
  if (is_among(files) || (one.positional() && is_among(file_arguments))) return path_kind::files;
  return is_among(folders) ? path_kind::folders : path_kind::none;
}

completion complete(const command_description& program, const std::vector<std::string>& words) {
  if (words.empty()) return {};
  typed so_far(program);
  const bool is_help = words.size() > 1 && words[0] == "help";  // bdh help COMMAND
  for (std::size_t k = is_help ? 1 : 0; k + 1 < words.size(); ++k) so_far.read(words[k]);
  completion found = so_far.before(words.back());
  if (words.size() == 1 && std::string_view("help").starts_with(words[0]))
    found.words.push_back({"help", "Show how a command is used."});
  return found;
}

std::string as_lines(const completion& found) {
  static constexpr std::array kinds = {"none", "files", "folders"};
  std::string text = std::string(kinds[static_cast<std::size_t>(found.paths)]) + "\n";
  for (const auto& [word, help] : found.words)
    text += one_line(word) + "\t" + one_line(help) + "\n";
  return text;
}

}  // namespace bdh::app
