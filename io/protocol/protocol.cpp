#include "io/protocol/protocol.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/intervention.hpp>

#include "io/files/csv_table.hpp"
#include "io/files/error_context.hpp"
#include "io/files/json.hpp"
#include "io/files/text_start.hpp"
#include "io/files/whole_file.hpp"
#include "io/protocol/described_intervention.hpp"

namespace bdh {
namespace {

constexpr std::uintmax_t largest_protocol = std::uintmax_t{64} << 20;  // bytes
constexpr std::uint64_t most_trials = 1'000'000;
constexpr std::size_t longest_name = 100;  // bytes: it becomes the name of a folder

void expect_name(const std::string& place, const std::string& name) {
  const auto plain = [](unsigned char c) {
    return c >= 0x80 || std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.' || c == ' ' ||
           c == '+' || c == '=' || c == ',';
  };
  if (name.empty() || name.size() > longest_name || name.front() == '.' || name.front() == ' ' ||
      name.back() == ' ' || !std::ranges::all_of(name, plain))
    throw input_error(place, "condition '" + name + "'",
                      "a name of letters, digits, blanks and . _ - + = ,: it names a folder");
}

// Gathers conditions and what is done in all of them.
class collector {
 public:
  collector(const std::filesystem::path& file, const model& m) : file_(file), model_(m) {}

  // `name` empty: in every condition.
  void add(const std::string& name, const std::string& text, const std::string& place) {
    with_context([&](const std::string& inner) { return place + ", " + inner; },
                 [&] { parse_intervention(model_, text); });
    (name.empty() ? everywhere_ : of(name, place)).push_back(text);
  }
  std::vector<std::string>& of(const std::string& name, const std::string& place) {
    for (protocol_condition& c : made_.conditions)
      if (c.name == name) return c.interventions;
    expect_name(place, name);
    made_.conditions.push_back({name, {}});
    return made_.conditions.back().interventions;
  }
  void set_trials(std::uint64_t trials) { made_.trials = trials; }
  std::filesystem::path folder() const { return file_.parent_path(); }
  std::string file() const { return file_.string(); }

  protocol take() {
    if (made_.conditions.empty()) made_.conditions.push_back({});
    for (protocol_condition& c : made_.conditions)
      c.interventions.insert(c.interventions.begin(), everywhere_.begin(), everywhere_.end());
    return std::move(made_);
  }

 private:
  const std::filesystem::path file_;
  const model& model_;
  protocol made_;
  std::vector<std::string> everywhere_;
};

// A value of an object as the text has it.
std::string word_of(const nlohmann::json& value, const std::string& place) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_unsigned()) return std::to_string(value.get<std::uint64_t>());
  if (value.is_number()) return shown(value.get<double>());
  if (!value.is_array() || value.empty())
    throw input_error(place, json_text(value), "a text, a number or a list of these");
  std::string list;
  for (const nlohmann::json& one : value) {
    if (one.is_array()) throw input_error(place, json_text(one), "a text or a number");
    list += (list.empty() ? "" : ",") + word_of(one, place);
  }
  return list;
}

void add_json(collector& to, const std::string& condition, const nlohmann::json& list,
              const std::string& place) {
  if (!list.is_array())
    throw input_error(place, json_text(list).substr(0, 40), "a list of interventions");
  for (std::size_t k = 0; k < list.size(); ++k) {
    const std::string at = place + "[" + std::to_string(k) + "]";
    if (list[k].is_string()) {
      to.add(condition, list[k].get<std::string>(), at);
      continue;
    }
    if (!list[k].is_object())
      throw input_error(at, json_text(list[k]).substr(0, 40), "a text or an object");
    std::map<std::string, std::string> keys;
    for (const auto& [key, value] : list[k].items()) keys[key] = word_of(value, at + "." + key);
    to.add(condition, intervention_text(keys, to.folder(), at), at);
  }
}

protocol from_json(const std::string& text, collector to) try {
  const nlohmann::json all =
      parse_json(without_byte_order_mark(text, to.file()), {.depth = 8, .unique_keys = true});
  if (all.is_array()) {
    add_json(to, "", all, to.file());
    return to.take();
  }
  if (!all.is_object())
    throw input_error(to.file(), json_text(all).substr(0, 40), "a JSON object or list");
  for (const auto& [key, value] : all.items()) {
    const std::string place = to.file() + ":" + key;
    if (key == "interventions") {
      add_json(to, "", value, place);
    } else if (key == "trials") {
      if (!value.is_number_unsigned() || value.get<std::uint64_t>() == 0 ||
          value.get<std::uint64_t>() > most_trials)
        throw input_error(place, json_text(value), "1 to " + std::to_string(most_trials));
      to.set_trials(value.get<std::uint64_t>());
    } else if (key == "conditions") {
      if (!value.is_object() || value.empty())
        throw input_error(place, json_text(value).substr(0, 40), "names, each with a list");
      for (const auto& [name, list] : value.items()) {
        to.of(name, place);
        add_json(to, name, list, place + "." + name);
      }
    } else {
      throw input_error(to.file(), "key '" + key + "'", "trials, interventions or conditions");
    }
  }
  return to.take();
} catch (const json_error& e) {
  throw input_error(to.file(),
                    e.fault() == json_fault::repeated_key
                        ? "key '" + std::string(e.what()) + "' twice"
                        : "no JSON: " + std::string(e.what()),
                    "a protocol");
}

protocol from_csv(collector to) {
  const csv_table table = read_csv_table(to.file());
  const auto condition = table.column("condition");
  for (const csv_table::row& row : table.rows) {
    std::map<std::string, std::string> keys;
    for (std::size_t k = 0; k < table.columns.size(); ++k)
      if (k != condition && !row.fields[k].empty()) keys[table.columns[k]] = row.fields[k];
    const std::string name = condition ? row.fields[*condition] : std::string();
    // A condition in which nothing is done.
    if (keys.empty() && !name.empty())
      to.of(name, table.place(row));
    else
      to.add(name, intervention_text(keys, to.folder(), table.place(row)), table.place(row));
  }
  return to.take();
}

}  // namespace

const protocol_condition& protocol::condition(const std::string& name) const {
  std::string all;
  for (const protocol_condition& c : conditions) {
    if (c.name == name) return c;
    all += (all.empty() ? "" : ", ") + c.name;
  }
  throw input_error("condition", "'" + name + "'",
                    all.empty() ? "none: the protocol has no conditions" : "one of: " + all);
}

protocol read_protocol(const std::filesystem::path& file, const model& m) {
  if (file.extension() == ".csv" || file.extension() == ".tsv") return from_csv({file, m});
  return from_json(read_whole_file(file, largest_protocol, "a protocol, JSON or CSV"), {file, m});
}

}  // namespace bdh
