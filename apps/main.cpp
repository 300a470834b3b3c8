// The bdh program: reads the command line, runs one command, turns errors into one line and an exit code.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "apps/console.hpp"
#include "apps/options.hpp"
#include "apps/signals.hpp"
#include "core/base/error.hpp"

namespace bdh::app {
namespace {

// In the order of `bdh --help`: models, runs, looking, exchange, machines.
constexpr std::unique_ptr<command> (*makers[])(CLI::App&) = {
    import_command,  new_command,     reorder_command,  merge_command,    slice_command,    info_command, verify_command,  //
    run_command,     resume_command,  repair_command,   evaluate_command, stepping_command,                                //
    inspect_command, diff_command,    stats_command,    concepts_command, activity_command, plot_command, report_command,  //
    export_command,  devices_command, selftest_command, plan_command};

enum exit_code { success = 0, bad_input = 1, bad_usage = 2, device_failure = 3, pipe_closed = 141 };

// Where the words lead: to a command, or a kind of it; and the first word that leads nowhere, or nothing, where there should be one more.
struct way {
  const CLI::App* at;
  std::string name;                  // "bdh plot"
  std::optional<std::string> wrong;  // "'rastr', expected raster, rates"
};

way follow(const CLI::App& program, const std::vector<std::string>& words) {
  way w{&program, "bdh", std::nullopt};
  for (auto word = words.begin();; ++word) {
    const auto kinds = w.at->get_subcommands([](const CLI::App*) { return true; });
    if (kinds.empty()) return w;
    const auto known = word == words.end() ? kinds.end() : std::ranges::find(kinds, *word, &CLI::App::get_name);
    if (known == kinds.end()) {
      std::vector<std::string> names;
      for (const CLI::App* k : kinds) names.push_back(k->get_name());
      w.wrong = fmt::format("{}, expected {}", word == words.end() ? "nothing more" : "'" + *word + "'", fmt::join(names, ", "));
      return w;
    }
    w.at = *known;
    w.name += " " + *word;
  }
}

// CLI11's messages may have line ends in them; ours are one line, whatever the arguments hold.
int usage_error(const CLI::App& program, const std::vector<std::string>& words, const std::string& found) {
  const way w = follow(program, words);
  std::string what = w.wrong.value_or(found);
  std::replace_if(
      what.begin(), what.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  note(fmt::format("{}: {}; see '{} --help'", w.name, what, w.name));
  return bad_usage;
}

// bdh COMMAND --help; but not of something that does not exist.
int help(const CLI::App& program, const std::vector<std::string>& words) {
  const way w = follow(program, words);
  if (w.wrong && !w.wrong->starts_with("'-")) return usage_error(program, words, {});
  print(program.help());
  return success;
}

int run(int argc, char** argv) {
  CLI::App program("The Dragon Hatchling (BDH) as a graph of neurons and synapses.", "bdh");
  program.set_version_flag("--version", "bdh " BDH_VERSION, "print the version");
  program.set_help_flag("-h,--help", "print this help");
  program.require_subcommand(0, 1);
  std::vector<std::unique_ptr<command>> commands;
  for (const auto& make : makers) commands.push_back(make(program));
  // bdh help [COMMAND]
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (!words.empty() && words[0] == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  try {
    program.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // as CLI11 takes them
    for (const auto& c : commands)
      if (c->chosen()) return c->run();
    note(program.help());
    return bad_usage;
  } catch (const CLI::CallForHelp&) {
    return help(program, words);
  } catch (const CLI::CallForVersion& e) {
    print(std::string(e.what()) + "\n");
  } catch (const CLI::ParseError& e) {
    return usage_error(program, words, e.what());
  }
  return success;
}

int fail(std::string_view what, int code) {
  note(fmt::format("bdh: {}", what));
  return code;
}

}  // namespace
}  // namespace bdh::app

int main(int argc, char** argv) {
  using namespace bdh::app;
  // A closed pipe or a limit on file sizes is a failed write like any other: what was recorded is then finished properly.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  end_when_unreadable();
  try {
    return run(argc, argv);
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
