// The only source that includes CLI11: its classes cost ten seconds of processor time in each
// source that sees them.
#include "apps/common/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>
#include <utility>

#include "apps/common/nearest_word.hpp"

namespace bdh::app {
namespace {

// Thrown out of CLI11 while it reads the words.
struct answered {
  std::string text;
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// What is wrong with a text that has to be one of these words; nothing, where it is one.
std::string unless_one_of(const std::vector<std::string>& words, const std::string& text,
                          const std::string& expected) {
  if (std::find(words.begin(), words.end(), text) != words.end()) return {};
  const auto meant = nearest_word(text, words);
  return "'" + text + "', expected " + expected + (meant ? "; did you mean " + *meant + "?" : "");
}

// "the threads [all cores]" -> "all cores"
std::string last_brackets(const std::string& help) {
  if (!help.ends_with(']')) return {};
  const std::size_t from = help.rfind('[');
  return from == help.npos ? std::string() : help.substr(from + 1, help.size() - from - 2);
}

std::vector<std::string> with_dashes(const char* dashes, const std::vector<std::string>& names) {
  std::vector<std::string> all;
  for (const std::string& name : names) all.push_back(dashes + name);
  return all;
}

// As messages have it. CLI11's own get_name gives hidden options none.
std::string name_of(const CLI::Option& o) {
  if (!o.get_lnames().empty()) return "--" + o.get_lnames().front();
  if (!o.get_snames().empty()) return "-" + o.get_snames().front();
  return o.get_name(true);
}

}  // namespace

struct option::parts {
  CLI::Option* in;
  bool repeatable = false;
  std::string type = in->get_type_name();  // without the values that CLI11 adds to it
  std::vector<std::string> values = {};
};

option::option(std::unique_ptr<parts> all) : parts_(std::move(all)) {}
option::~option() = default;

option& option::type_name(const std::string& shown) {
  parts_->in->type_name(shown);
  parts_->type = shown;
  return *this;
}

option& option::group(const std::string& heading) {
  parts_->in->group(heading);
  return *this;
}

option& option::required() {
  parts_->in->required();
  return *this;
}

option& option::excludes(const std::string& other) {
  parts_->in->excludes(other);
  return *this;
}

option& option::value_optional() {
  parts_->in->expected(0, 1);
  return *this;
}

// What CLI11 prints in help is not what a message says.
option& option::one_of(std::vector<std::string> words) {
  parts_->values = words;
  std::string shown = "{" + CLI::detail::join(words, ",") + "}";
  parts_->in->check(CLI::Validator(
      [words = std::move(words)](const std::string& text) {
        return unless_one_of(words, text, joined(words));
      },
      std::move(shown)));
  return *this;
}

option& option::expects(std::vector<std::string> words, const std::string& expected) {
  values(words);
  return check([words, expected = expected.empty() ? joined(words) : expected](
                   const std::string& text) { return unless_one_of(words, text, expected); });
}

option& option::check(std::function<std::string(const std::string&)> refused) {
  parts_->in->check(refused);
  return *this;
}

option& option::values(std::vector<std::string> words) {
  parts_->values = std::move(words);
  return *this;
}

bool option::given() const { return parts_->in->count() != 0; }
std::string option::name() const { return name_of(*parts_->in); }
const std::string& option::group() const { return parts_->in->get_group(); }

struct command_line::parts {
  std::unique_ptr<CLI::App> owned;  // the program's; those below belong to it
  CLI::App* in;
  std::deque<option> options;  // as they were added
  std::vector<std::unique_ptr<command_line>> commands = {};
};

namespace {

std::unique_ptr<CLI::App> new_program(const std::string& name, const std::string& help) {
  auto program = std::make_unique<CLI::App>(help, name);
  program->set_help_flag();
  program->require_subcommand(0, 1);
  return program;
}

}  // namespace

command_line::command_line(const std::string& name, const std::string& help)
    : parts_(new parts{new_program(name, help), nullptr, {}}) {
  parts_->in = parts_->owned.get();
}
command_line::command_line(std::unique_ptr<parts> all) : parts_(std::move(all)) {}
command_line::~command_line() = default;

command_line& command_line::add_command(const std::string& name, const std::string& help) {
  CLI::App* const below = parts_->in->add_subcommand(name, help);
  parts_->commands.emplace_back(
      new command_line(std::unique_ptr<parts>(new parts{nullptr, below, {}})));
  command_line& made = *parts_->commands.back();
  if (CLI::Option* inherited = below->get_help_ptr())
    made.added(std::unique_ptr<option::parts>(new option::parts{inherited}));
  return made;
}

command_line& command_line::hide() {
  parts_->in->group("");
  return *this;
}

command_line& command_line::needs_command() {
  parts_->in->require_subcommand(1);
  return *this;
}

command_line& command_line::footer(const std::string& text) {
  parts_->in->footer(text);
  return *this;
}

command_line& command_line::before_words(std::function<void(std::size_t)> call) {
  parts_->in->preparse_callback(std::move(call));
  return *this;
}

option& command_line::added(std::unique_ptr<option::parts> one) {
  return parts_->options.emplace_back(std::move(one));
}

option& command_line::add(const std::string& name, std::string& target, const std::string& help) {
  return added(std::unique_ptr<option::parts>(
      new option::parts{parts_->in->add_option(name, target, help)}));
}

option& command_line::add(const std::string& name, std::optional<std::string>& target,
                          const std::string& help) {
  return added(std::unique_ptr<option::parts>(
      new option::parts{parts_->in->add_option(name, target, help)}));
}

option& command_line::add(const std::string& name, std::vector<std::string>& target,
                          const std::string& help) {
  CLI::Option* const made = parts_->in->add_option(name, target, help)->allow_extra_args(false);
  return added(std::unique_ptr<option::parts>(new option::parts{made, true}));
}

option& command_line::add_numbers(const std::string& name, std::vector<double>& target, int count,
                                  const std::string& help) {
  CLI::Option* const made =
      parts_->in->add_option(name, target, help)->delimiter(',')->expected(count);
  return added(std::unique_ptr<option::parts>(new option::parts{made}));
}

option& command_line::add_flag(const std::string& name, bool& target, const std::string& help) {
  return added(
      std::unique_ptr<option::parts>(new option::parts{parts_->in->add_flag(name, target, help)}));
}

option& command_line::add_value(const std::string& name,
                                std::function<void(const std::string&)> take,
                                const std::string& help) {
  return added(std::unique_ptr<option::parts>(
      new option::parts{parts_->in->add_option_function<std::string>(name, take, help)}));
}

option& command_line::add_answer(const std::string& name, std::function<std::string()> text,
                                 const std::string& help) {
  const auto answer = [text = std::move(text)] { throw answered{text()}; };
  return added(std::unique_ptr<option::parts>(
      new option::parts{parts_->in->add_flag_callback(name, answer, help)}));
}

option& command_line::add_help(const std::string& name, const std::string& help) {
  return added(
      std::unique_ptr<option::parts>(new option::parts{parts_->in->set_help_flag(name, help)}));
}

command_line::parsed command_line::parse(const std::vector<std::string>& words) {
  try {
    parts_->in->parse(
        std::vector<std::string>(words.rbegin(), words.rend()));  // as CLI11 takes them
  } catch (const CLI::CallForHelp&) {
    return {wanted::help, {}};
  } catch (const answered& a) {
    return {wanted::answer, a.text};
  } catch (const CLI::ParseError& e) {
    throw usage_error(e.what());
  }
  return {wanted::command, {}};
}

bool command_line::chosen() const { return parts_->in->parsed(); }
const std::string& command_line::name() const { return parts_->in->get_name(); }
std::string command_line::help() const { return parts_->in->help(); }
bool command_line::hidden() const { return parts_->in->get_group().empty(); }
const std::vector<std::unique_ptr<command_line>>& command_line::commands() const {
  return parts_->commands;
}

std::vector<const option*> command_line::options() const {
  std::vector<const option*> all;
  for (const option& o : parts_->options) all.push_back(&o);
  return all;
}

option_description describe(const option& one) {
  const option::parts& p = *one.parts_;
  option_description d;
  d.short_names = with_dashes("-", p.in->get_snames());
  d.long_names = with_dashes("--", p.in->get_lnames());
  if (p.in->get_positional()) d.argument = p.in->get_name(true);
  d.flag = p.in->get_items_expected_max() == 0;
  if (!d.flag) d.type = p.type;
  d.help = p.in->get_description();
  d.unless_given = last_brackets(d.help);
  d.group = p.in->get_group();
  if (d.positional() && d.group == "Options") d.group = "Positionals";  // as the help has it
  d.values = p.values;
  for (const CLI::Option* other : p.in->get_excludes()) d.excludes.push_back(name_of(*other));
  std::sort(d.excludes.begin(), d.excludes.end());
  d.value_optional = !d.flag && p.in->get_items_expected_min() == 0;
  d.required = p.in->get_required();
  d.repeatable = p.repeatable;
  return d;
}

command_description describe(const command_line& command) {
  const CLI::App& in = *command.parts_->in;
  command_description d;
  d.name = in.get_name();
  d.help = in.get_description();
  d.footer = in.get_footer();
  d.hidden = command.hidden();
  d.needs_command = in.get_require_subcommand_min() != 0;
  for (const option* o : command.options()) d.options.push_back(describe(*o));
  for (const auto& below : command.commands()) d.commands.push_back(describe(*below));
  return d;
}

}  // namespace bdh::app
