// The bdh program: reads the command line, runs one command, turns errors into one line and an exit
// code.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/error.hpp>

#include "apps/common/console.hpp"
#include "apps/common/nearest_word.hpp"
#include "apps/common/options.hpp"
#include "apps/common/ranks.hpp"
#include "apps/common/signals.hpp"
#include "apps/help/about.hpp"
#include "apps/help/help_commands.hpp"
#include "core/base/instruction_set.hpp"
#include "core/base/utf8.hpp"

namespace bdh::app {
namespace {

// In the order of `bdh --help`: models, runs, looking, exchange, machines.
constexpr struct {
  std::string_view name;
  std::unique_ptr<command> (*make)(command_line&);
} known_commands[] = {
    {"import", import_command},
    {"new", new_command},
    {"tune", tune_command},
    {"reorder", reorder_command},
    {"merge", merge_command},
    {"slice", slice_command},
    {"info", info_command},
    {"verify", verify_command},
    {"run", run_command},
    {"resume", resume_command},
    {"repair", repair_command},
    {"evaluate", evaluate_command},
    {"learn", learn_command},
    {"step", stepping_command},
    {"inspect", inspect_command},
    {"diff", diff_command},
    {"stats", stats_command},
    {"concepts", concepts_command},
    {"activity", activity_command},
    {"spike-scales", spike_scales_command},
    {"spike-stats", spike_stats_command},
    {"psth", psth_command},
    {"compare", compare_command},
    {"correlate", correlate_command},
    {"scan", scan_command},
    {"sweep", sweep_command},
    {"plot", plot_command},
    {"report", report_command},
    {"export", export_command},
    {"devices", devices_command},
    {"selftest", selftest_command},
    {"plan", plan_command},
    {"commands", commands_command},
    {"manual", manual_command},
};

// The command that the first word names, alone: to add the options of all takes longer than many a
// run of a small graph. All of them where there is no such word, or where they are what is shown.
std::vector<std::unique_ptr<command>> make_commands(command_line& program,
                                                    const std::vector<std::string>& words) {
  const std::string first = words.empty() ? "" : words[0];
  const bool shows_all = first == "commands" || first == "manual";
  const auto named = std::ranges::find_if(
      known_commands, [&](const auto& one) { return one.name == first && !shows_all; });
  std::vector<std::unique_ptr<command>> made;
  if (named != std::end(known_commands))
    made.push_back(named->make(program));
  else
    for (const auto& one : known_commands) made.push_back(one.make(program));
  return made;
}

enum exit_code { success = 0, bad_input = 1, bad_usage = 2, device_failure = 3, pipe_closed = 141 };

// The command that the words name, or a kind of it; and the first word that names none, or nothing
// where one more is expected.
struct command_path {
  const command_line* at;
  std::string name;                  // "bdh plot"
  std::optional<std::string> wrong;  // "'rastr', expected raster, rates"
  std::optional<std::string> meant;  // "raster"
};

command_path resolve(const command_line& program, const std::vector<std::string>& words) {
  command_path w{&program, program.name(), std::nullopt, std::nullopt};
  for (auto word = words.begin();; ++word) {
    const auto& kinds = w.at->commands();
    if (kinds.empty()) return w;
    const auto known =
        word == words.end()
            ? kinds.end()
            : std::ranges::find(kinds, *word, [](const auto& kind) { return kind->name(); });
    if (known == kinds.end()) {
      std::vector<std::string> names;
      for (const auto& kind : kinds)
        if (!kind->hidden()) names.push_back(kind->name());
      w.wrong =
          fmt::format("{}, expected {}", word == words.end() ? "nothing more" : "'" + *word + "'",
                      fmt::join(names, ", "));
      if (word != words.end()) w.meant = nearest_word(*word, names);
      return w;
    }
    w.at = known->get();
    w.name += " " + *word;
  }
}

// Of the options of a command, the one that the first word which is none may have meant.
std::optional<std::string> nearest_option(const command_line& command,
                                          const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const option_description& o : describe(command).options)
    names.insert(names.end(), o.long_names.begin(), o.long_names.end());
  for (const std::string& word : words) {
    const std::string name = word.substr(0, word.find('='));
    if (name.starts_with("--") && std::ranges::find(names, name) == names.end())
      return nearest_word(name, names);
  }
  return std::nullopt;
}

// What was found may have line ends in it; the message is one line, whatever the arguments hold.
int refuse(const command_line& program, const std::vector<std::string>& words,
           const std::string& found) {
  const command_path w = resolve(program, words);
  constexpr std::size_t most_shown = 400;  // bytes
  std::string what = shortened(w.wrong.value_or(found), most_shown);
  std::replace_if(
      what.begin(), what.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  const auto meant = w.wrong ? w.meant : nearest_option(*w.at, words);
  note(fmt::format("{}: {}{} {}see '{} --help'", w.name, what, what.ends_with('?') ? "" : ";",
                   meant ? "did you mean " + *meant + "? " : "", w.name));
  return bad_usage;
}

// bdh COMMAND --help; but not of something that does not exist.
int help(const command_line& program, const std::vector<std::string>& words) {
  const command_path w = resolve(program, words);
  if (w.wrong && !w.wrong->starts_with("'-")) return refuse(program, words, {});
  print(program.help());
  return success;
}

int run(int argc, char** argv) {
  command_line program("bdh", "The Dragon Hatchling (BDH) as a graph of neurons and synapses.");
  program.add_answer("--version", version_text, "print the version, and how it was built");
  program.add_answer("--cite", citation_text, "print how to cite this program and the paper");
  program.add_help("-h,--help", "print this help");
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  // bdh help [COMMAND]
  if (!words.empty() && words[0] == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  const auto commands = make_commands(program, words);
  // bdh complete WORDS..., for the shells; none of the words is this program's.
  if (!words.empty() && words[0] == "complete") {
    words.erase(words.begin());
    return complete_words(program, words);
  }
  try {
    const command_line::parsed parsed = program.parse(words);
    if (parsed.what == command_line::wanted::help) return help(program, words);
    if (parsed.what == command_line::wanted::answer) {
      print(parsed.answer + "\n");
      return success;
    }
    for (const auto& c : commands)
      if (c->chosen()) {
        if (const ranks_choice* on = wanted_ranks()) return run_on_ranks(argv[0], words, *on);
        usable(instruction_set::best);  // a BDH_INSTRUCTIONS that names no set is refused before
                                        // anything is done
        return c->run();
      }
    note(program.help());
    return bad_usage;
  } catch (const usage_error& e) {
    return refuse(program, words, e.what());
  }
}

int fail(std::string_view what, int code) {
  note(fmt::format("bdh: {}", what));
  return code;
}

// Runs; an error becomes one line and an exit code.
template <class Run>
int guarded(Run run) {
  try {
    return run();
  } catch (const broken_pipe&) {
    return pipe_closed;
  } catch (const bdh::device_error& e) {
    return fail(e.what(), device_failure);
  } catch (const bdh::error& e) {
    return fail(e.what(), bad_input);
  } catch (const std::bad_alloc&) {
    return fail("memory: exhausted, expected more", device_failure);
  } catch (const std::exception& e) {
    return fail(e.what(), bad_input);
  }
}

}  // namespace
}  // namespace bdh::app

int main(int argc, char** argv) {
  using namespace bdh::app;
  // A closed pipe or a limit on file sizes is a failed write like any other: what was recorded is
  // then finished properly.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  end_when_unreadable();
  const int code = guarded([&] {
    join_ranks();
    return together() && together()->rank() != 0 ? serve_ranks() : run(argc, argv);
  });
  leave_ranks();
  return code;
}
