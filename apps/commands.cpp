// bdh commands: the command line as data, for what is generated from it. Not in the help.
#include <nlohmann/json.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

using json = nlohmann::ordered_json;

json as_json(const option_description& o) {
  json all;
  if (o.positional()) all["argument"] = o.argument;
  if (!o.short_names.empty()) all["short_names"] = o.short_names;
  if (!o.long_names.empty()) all["long_names"] = o.long_names;
  if (!o.type.empty()) all["type"] = o.type;
  all["help"] = o.help;
  if (!o.unless_given.empty()) all["unless_given"] = o.unless_given;
  all["group"] = o.group;
  if (!o.values.empty()) all["values"] = o.values;
  if (!o.excludes.empty()) all["excludes"] = o.excludes;
  for (const auto& [name, is] : {std::pair{"flag", o.flag},
                                 {"value_optional", o.value_optional},
                                 {"required", o.required},
                                 {"repeatable", o.repeatable},
                                 {"hidden", o.hidden()}})
    if (is) all[name] = true;
  return all;
}

json as_json(const command_description& c) {
  json all{{"name", c.name}, {"help", c.help}};
  if (!c.footer.empty()) all["footer"] = c.footer;
  if (c.hidden) all["hidden"] = true;
  if (c.needs_command) all["needs_command"] = true;
  all["options"] = json::array();
  for (const option_description& o : c.options) all["options"].push_back(as_json(o));
  all["commands"] = json::array();
  for (const command_description& below : c.commands) all["commands"].push_back(as_json(below));
  return all;
}

class commands_app final : public command {
 public:
  explicit commands_app(command_line& program)
      : command(program, "commands",
                "Print every command and option as one JSON object on standard output."),
        program_(program) {
    arguments_.hide();
  }
  int run() override {
    print(json_text(as_json(describe(program_)), 1) + "\n");
    return 0;
  }

 private:
  const command_line& program_;
};

}  // namespace

std::unique_ptr<command> commands_command(command_line& program) {
  return std::make_unique<commands_app>(program);
}

}  // namespace bdh::app
