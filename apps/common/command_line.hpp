// The command line: a tree of commands, each with options and arguments of its own. Reads words,
// and can be walked: every command and every option as data, for a manual page or for completion in
// a shell.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace bdh::app {

// Words that do not fit the command, or not each other: "place: found".
class usage_error : public std::runtime_error {
 public:
  explicit usage_error(const std::string& what) : std::runtime_error(what) {}
  usage_error(const std::string& place, const std::string& found)
      : usage_error(place + ": " + found) {}
};

// An option, or an argument without a name of its own: what was added to a command. The functions
// say more about it.
class option {
 public:
  struct parts;
  explicit option(std::unique_ptr<parts> all);
  option(const option&) = delete;
  option& operator=(const option&) = delete;
  ~option();

  option& type_name(
      const std::string& shown);  // what stands for the value in the help, FILE; "" for nothing
  option& group(const std::string&
                    heading);  // the heading in the help under which it stands; "": it is hidden
  option& required();
  option& excludes(
      const std::string& other);  // the name of an option of the same command, added before
  option& value_optional();       // may stand without its value
  // Legal values: the help lists them after the type, and the refusal, too.
  option& one_of(std::vector<std::string> words);
  // Legal values that only the refusal names: "'x', expected EXPECTED"; by default the words, with
  // commas between.
  option& expects(std::vector<std::string> words, const std::string& expected = {});
  option& check(std::function<std::string(const std::string&)>
                    refused);                      // what is wrong with a value; "": nothing
  option& values(std::vector<std::string> words);  // legal ones that the command checks by itself;
                                                   // for the description alone

  bool given() const;
  std::string name()
      const;  // the long name, else the short one, with dashes; of an argument its name
  const std::string& group() const;

 private:
  friend class command_line;
  friend struct option_description describe(const option& one);
  std::unique_ptr<parts> parts_;
};

class command_line {
 public:
  command_line(const std::string& name, const std::string& help);  // of the whole program
  command_line(const command_line&) = delete;
  command_line& operator=(const command_line&) = delete;
  ~command_line();

  // A command below this one. It has this one's option for help.
  command_line& add_command(const std::string& name, const std::string& help);
  command_line& hide();           // not in the help, and in no message; it runs all the same
  command_line& needs_command();  // one of those below must follow
  command_line& footer(const std::string& text);  // last line of the help
  // Called with the number of words that follow this command, before they are read. May throw
  // usage_error.
  command_line& before_words(std::function<void(std::size_t)> call);

  // `name`: "-o,--output"; or, without dashes, an argument, in the order in which they are added.
  // Targets must outlive parse.
  option& add(const std::string& name, std::string& target, const std::string& help);
  option& add(const std::string& name, std::optional<std::string>& target, const std::string& help);
  option& add(const std::string& name, std::vector<std::string>& target,
              const std::string& help);  // repeatable, a value each time
  option& add_numbers(const std::string& name, std::vector<double>& target, int count,
                      const std::string& help);  // with commas between
  option& add_flag(const std::string& name, bool& target, const std::string& help);
  // `take` is called with the value; may throw usage_error.
  option& add_value(const std::string& name, std::function<void(const std::string&)> take,
                    const std::string& help);
  // Nothing runs where this is given: parse returns what `text` returns.
  option& add_answer(const std::string& name, std::function<std::string()> text,
                     const std::string& help);
  option& add_help(const std::string& name, const std::string& help);

  enum class wanted { command, help, answer };
  struct parsed {
    wanted what;
    std::string answer;
  };
  // Writes into the targets of what is given. Throws usage_error.
  parsed parse(const std::vector<std::string>& words);
  bool chosen() const;  // by the words

  const std::string& name() const;
  std::string help() const;  // the text for --help; of the command that was chosen, where one was
  bool hidden() const;
  const std::vector<std::unique_ptr<command_line>>& commands() const;
  std::vector<const option*> options()
      const;  // in the order of the help, the one for help among them

 private:
  struct parts;
  explicit command_line(std::unique_ptr<parts> all);
  option& added(std::unique_ptr<option::parts> one);
  friend struct command_description describe(const command_line& command);
  std::unique_ptr<parts> parts_;
};

// Descriptions of options and commands: for manual pages, completion and JSON.
struct option_description {
  std::vector<std::string> short_names, long_names;  // "-o", "--output"
  std::string argument;  // the name of an argument, MODEL; then there are no others
  std::string type;      // what stands for the value: FILE; may be empty
  std::string help;
  std::string unless_given;  // what the help has in brackets at its end: the default, in words or
                             // as a value; may be empty
  std::string group;         // its heading in the help; empty: hidden
  std::vector<std::string> values;  // the legal ones, where these are words; empty: others
  std::vector<std::string> excludes;
  bool flag = false;            // takes no value
  bool value_optional = false;  // may stand without its value
  bool required = false, repeatable = false;
  bool positional() const { return !argument.empty(); }
  bool hidden() const { return group.empty(); }
};

struct command_description {
  std::string name, help, footer;
  bool hidden = false, needs_command = false;
  std::vector<option_description> options;    // in the order of the help
  std::vector<command_description> commands;  // in the order of the help
};

command_description describe(const command_line& command);

// Legal values of a number; `text` is for the message.
template <class T>
struct range {
  T least, most;
  const char* text;
};

inline constexpr range<std::uint64_t> any_count{0, std::numeric_limits<std::uint64_t>::max(),
                                                "an integer >= 0 and below 2^64"};
inline constexpr range<std::uint64_t> positive_count{1, std::numeric_limits<std::uint64_t>::max(),
                                                     "an integer >= 1 and below 2^64"};

// Decimal digits to the end of the text, inside the range: no octal, no "nan", no blanks.
template <class T>
std::optional<T> parse_number(std::string_view text, const range<T>& legal) {
  T value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() ||
      !(value >= legal.least && value <= legal.most))
    return std::nullopt;
  return value;
}

// Target is T or optional<T>.
template <class T, class Target>
option& add_number(command_line& to, const std::string& name, Target& target, range<T> legal,
                   const std::string& help) {
  const auto take = [&target, name, legal](const std::string& text) {
    const auto value = parse_number(text, legal);
    if (!value) throw usage_error(name, "'" + text + "', expected " + legal.text);
    target = *value;
  };
  return to.add_value(name, take, help).type_name("N");
}

}  // namespace bdh::app
