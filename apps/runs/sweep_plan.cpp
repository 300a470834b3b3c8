#include "apps/runs/sweep_plan.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include <bdh/error.hpp>

#include "io/files/json.hpp"
#include "io/files/text_start.hpp"
#include "io/files/whole_file.hpp"

namespace bdh::app {
namespace {

using plan_json = nlohmann::json;

constexpr std::uintmax_t largest_plan = std::uintmax_t{64} << 20;  // bytes
constexpr std::size_t most_runs = 100'000;
// What the sweep decides itself, and what makes several runs of one.
constexpr const char* not_of_a_plan[] = {"o",     "json",    "quiet",  "help",
                                         "batch", "streams", "trials", "save-state"};

// An option and its value, as sweep.csv shows it and as bdh run takes it.
struct option_value {
  std::string name, shown_value;
  std::vector<std::string> arguments;
};

std::string word_of_value(const plan_json& value, const std::string& place) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_unsigned()) return std::to_string(value.get<std::uint64_t>());
  if (value.is_number()) return shown(value.get<double>());
  throw input_error(place, json_text(value).substr(0, 40), "a text, a number or a list of these");
}

option_value option_of(const std::string& key, const plan_json& value, const std::string& place) {
  option_value o{key, "", {}};
  while (o.name.starts_with('-')) o.name.erase(0, 1);
  if (o.name.empty() || std::ranges::find(not_of_a_plan, o.name) != std::end(not_of_a_plan))
    throw input_error(place, "'" + key + "'",
                      "an option of one run: not -o, --json, --quiet, --batch, --streams, --trials "
                      "or --save-state");
  const std::string word = "--" + o.name;
  if (value.is_boolean()) {
    o.shown_value = value.get<bool>() ? "true" : "false";
    if (value.get<bool>()) o.arguments = {word};
    return o;
  }
  const plan_json all = value.is_array() ? value : plan_json::array({value});
  for (const plan_json& one : all) {
    const std::string text = word_of_value(one, place + "." + key);
    o.shown_value += (o.shown_value.empty() ? "" : "; ") + text;
    o.arguments.insert(o.arguments.end(), {word, text});
  }
  return o;
}

class plan_reader {
 public:
  plan_reader(const plan_json& all, std::string place) : all_(all), place_(std::move(place)) {
    if (!all.is_object()) refuse("something else", "a JSON object");
    for (const auto& [key, value] : all.items())
      if (key != "model" && key != "options" && key != "grid" && key != "list")
        refuse("key '" + key + "'", "model, options, grid or list");
    if (!all.contains("model")) refuse("no 'model'", "a model file, or a list of them");
    if (all.contains("grid") == all.contains("list"))
      refuse(all.contains("grid") ? "'grid' and 'list'" : "neither 'grid' nor 'list'",
             "one of the two");
  }

  sweep_plan read() {
    models_ = all_["model"].is_array() ? all_["model"] : plan_json::array({all_["model"]});
    if (models_.empty()) refuse("no model", "one or more");
    if (models_.size() > 1) plan_.varied.push_back("model");
    for (const auto& [key, value] : object("options"))
      fixed_.push_back(option_of(key, value, place_ + ":options"));
    if (all_.contains("grid"))
      read_grid();
    else
      read_list();
    return std::move(plan_);
  }

 private:
  [[noreturn]] void refuse(const std::string& found, const std::string& expected) const {
    throw input_error(place_, found, expected);
  }
  std::vector<std::pair<std::string, plan_json>> object(const char* key) const {
    std::vector<std::pair<std::string, plan_json>> pairs;
    if (!all_.contains(key)) return pairs;
    if (!all_[key].is_object())
      throw input_error(place_ + ":" + key, json_text(all_[key]).substr(0, 40),
                        "a JSON object: options and their values");
    for (const auto& [name, value] : all_[key].items()) pairs.emplace_back(name, value);
    return pairs;
  }
  void vary(const std::string& name) {
    for (const option_value& o : fixed_)
      if (o.name == name) refuse("'" + name + "' among the options and varied", "one of the two");
    if (std::ranges::find(plan_.varied, name) == plan_.varied.end()) plan_.varied.push_back(name);
  }

  void read_grid() {
    std::vector<std::vector<option_value>> axes;
    std::size_t runs = models_.size();
    for (const auto& [key, values] : object("grid")) {
      const std::string place = place_ + ":grid";
      if (!values.is_array() || values.empty())
        throw input_error(place + "." + key, json_text(values).substr(0, 40), "a list of values");
      std::vector<option_value> axis;
      for (const plan_json& value : values) axis.push_back(option_of(key, value, place));
      vary(axis.front().name);
      if (axis.size() > most_runs / runs) refuse_size();
      runs *= axis.size();
      axes.push_back(std::move(axis));
    }
    for (const plan_json& model : models_)
      for (std::size_t k = 0; k < runs / models_.size(); ++k) {
        std::vector<option_value> chosen(axes.size());
        std::size_t rest = k;  // the last axis varies fastest
        for (std::size_t a = axes.size(); a-- > 0;) {
          chosen[a] = axes[a][rest % axes[a].size()];
          rest /= axes[a].size();
        }
        add(model, chosen);
      }
  }

  void read_list() {
    const plan_json& list = all_["list"];
    if (!list.is_array() || list.empty()) refuse("no list of runs", "one or more objects");
    if (list.size() > most_runs / models_.size()) refuse_size();
    std::vector<std::vector<option_value>> points;
    for (std::size_t k = 0; k < list.size(); ++k) {
      const std::string place = place_ + ":list[" + std::to_string(k) + "]";
      if (!list[k].is_object())
        throw input_error(place, json_text(list[k]).substr(0, 40), "an object: options and values");
      points.emplace_back();
      for (const auto& [key, value] : list[k].items()) {
        points.back().push_back(option_of(key, value, place));
        vary(points.back().back().name);
      }
    }
    for (const plan_json& model : models_)
      for (const auto& point : points) add(model, point);
  }

  [[noreturn]] void refuse_size() const {
    refuse("more than " + std::to_string(most_runs) + " runs",
           "at most " + std::to_string(most_runs));
  }

  void add(const plan_json& model, const std::vector<option_value>& chosen) {
    sweep_run run;
    const std::string file = word_of_value(model, place_ + ":model");
    run.arguments.push_back(file);
    for (const std::string& name : plan_.varied) {
      if (name == "model" && models_.size() > 1) {
        run.values.push_back(file);
        continue;
      }
      const auto at = std::ranges::find(chosen, name, &option_value::name);
      run.values.push_back(at == chosen.end() ? "" : at->shown_value);
    }
    for (const auto* all :
         std::initializer_list<const std::vector<option_value>*>{&fixed_, &chosen})
      for (const option_value& o : *all)
        run.arguments.insert(run.arguments.end(), o.arguments.begin(), o.arguments.end());
    plan_.runs.push_back(std::move(run));
  }

  const plan_json& all_;
  const std::string place_;
  sweep_plan plan_;
  plan_json models_;
  std::vector<option_value> fixed_;
};

}  // namespace

sweep_plan read_sweep_plan(const std::filesystem::path& file) {
  const std::string place = file.string(),
                    text = read_whole_file(file, largest_plan, "the plan of a sweep, JSON");
  try {
    const plan_json all =
        parse_json(without_byte_order_mark(text, place), {.depth = 8, .unique_keys = true});
    sweep_plan plan = plan_reader(all, place).read();
    plan.text = json_text(all);
    return plan;
  } catch (const json_error& e) {
    throw input_error(place,
                      e.fault() == json_fault::repeated_key
                          ? "key '" + std::string(e.what()) + "' twice"
                          : "no JSON: " + std::string(e.what()),
                      "the plan of a sweep");
  }
}

}  // namespace bdh::app
