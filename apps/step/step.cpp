// bdh step: a model at a prompt, or driven by a script.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "apps/common/console.hpp"
#include "apps/common/nearest_word.hpp"
#include "apps/common/options.hpp"
#include "apps/common/signals.hpp"
#include "apps/step/commands.hpp"
#include "apps/step/line_input.hpp"
#include "core/selection/quoting.hpp"

namespace bdh::app {
namespace {

engine_factory factory_of(const engine_choice& choice) {
  return [choice](const model& m) { return choice.make_engine(m); };
}

}  // namespace

step_session::step_session(const bdh::model& m, const engine_choice& choice, std::string model_file)
    : engine(choice),
      experiment(m, factory_of(choice),
                 {.simulator = choice.simulation(), .interrupt = stop_if_requested}),
      file(std::move(model_file)) {}

// What the user left open is as the state has it.
void step_session::load(run_state state) {
  engine_choice choice = engine;
  if (!choice.retention) choice.retention = state.retention;
  if (!choice.synapses) choice.synapses = state.rounded ? "bf16" : "float32";
  experiment.load(std::move(state), factory_of(choice));
}

namespace {

struct step_options {
  std::string model;
  engine_choice engine;
  bool keep_going = false;
};

struct section {
  const char* title;
  std::span<const step_command> commands;
};

std::vector<section> sections() {
  return {{"reading", run_commands()},
          {"looking", inspect_commands()},
          {"intervening", intervene_commands()}};
}

const step_command* command_named(std::string_view name) {
  for (const section& s : sections())
    for (const step_command& c : s.commands)
      if (name == c.name) return &c;
  return nullptr;
}

std::vector<std::string> command_names() {
  std::vector<std::string> all{"help"};
  for (const section& s : sections())
    for (const step_command& c : s.commands) all.emplace_back(c.name);
  return all;
}

// A hint, or nothing.
std::string meant_by(std::string_view name) {
  const auto meant = nearest_word(name, command_names());
  return meant ? "did you mean " + *meant + "?" : "";
}

void help(std::string_view about) {
  if (const step_command* c = command_named(about))
    return say(fmt::format("{}\n  {}\n", c->usage, c->help));
  if (!about.empty() && about != "help")
    throw input_error("help", "'" + std::string(about) + "'", "a command, or nothing: all of them",
                      meant_by(about));
  for (const section& s : sections()) {
    say(fmt::format("{}\n", s.title));
    for (const step_command& c : s.commands) say(fmt::format("  {}\n", c.usage));
  }
  say("help COMMAND says more. Neurons are numbers, names, \"names of several words\", ranges 5-9, "
      "random:10@1; layers count from 1;\n"
      "strengths are those that the next token will read. Interventions hold until they are "
      "released; `layers 1-2`, `tokens 10-20`,\n"
      "`from 10`, `at 10` limit them.\n");
}

struct split_line {
  std::string_view command, rest;  // rest: behind one blank
};
split_line split(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
  return {line.substr(0, end), end < line.size() ? line.substr(end + 1) : std::string_view()};
}

void perform(step_session& session, std::string_view line) {
  const auto [name, rest] = split(line);
  if (name.empty() || name.starts_with('#')) return;
  if (name == "help") return help(split(rest).command);
  const step_command* c = command_named(name);
  if (!c)
    throw input_error("command", "'" + std::string(name) + "'", "one of those that help lists",
                      meant_by(name));
  arguments a(name, rest, c->usage);
  c->run(session, a);
}

// ---- completion

std::vector<std::string> files_beginning(const std::string& typed) {
  namespace fs = std::filesystem;
  const fs::path path(typed);
  const std::string folder = path.parent_path().string();
  std::vector<std::string> all;
  std::error_code failed;
  for (const fs::directory_entry& f : fs::directory_iterator(folder.empty() ? "." : folder, failed))
    if (const std::string name = f.path().filename().string();
        name.starts_with(path.filename().string())) {
      std::error_code unknown;
      all.push_back((path.parent_path() / name).string() + (f.is_directory(unknown) ? "/" : ""));
    }
  return all;
}

completion complete(const model& m, std::string_view before) {
  const std::size_t word_at = before.find_last_of(" \t") + 1;
  const std::string word(before.substr(word_at));
  const std::string_view name = split(before).command;
  completion found{word_at, {}};
  const auto offer = [&](const std::string& candidate, std::string_view beginning) {
    if (candidate.starts_with(beginning)) found.candidates.push_back(candidate);
  };
  if (before.find_first_not_of(" \t") >= word_at || name == "help") {
    for (const std::string& c : command_names()) offer(c, word);
  } else if (const step_command* c = command_named(name)) {
    std::string_view words = c->words;
    while (!words.empty()) {
      const auto [keyword, rest] = split(words);
      if (keyword == "FILE")
        for (const std::string& f : files_beginning(word)) found.candidates.push_back(f);
      else
        offer(std::string(keyword), word);
      words = rest;
    }
    // Names also behind x:, a comma or an arrow.
    const std::size_t piece = word.find_last_of(":,>") + 1;
    const std::string typed = word.substr(piece);
    if (found.candidates.empty() && !typed.empty()) {
      found.begin += piece;
      for (const std::string& neuron : m.neuron_names())
        if (neuron.starts_with(typed))
          found.candidates.push_back(
              find_unquoted(neuron, " ") == neuron.npos ? neuron : '"' + neuron + '"');
    }
  }
  std::sort(found.candidates.begin(), found.candidates.end());
  return found;
}

std::string history_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  if (state && *state) return std::string(state) + "/bdh/history";
  return home && *home ? std::string(home) + "/.local/state/bdh/history" : "";
}

// ---- the loop

std::string prompt(const step_session& session) {
  const auto round = session.experiment.round();
  const std::uint64_t tokens = session.current().tokens();
  return round
             ? fmt::format("bdh {}, layer {} round {}> ", tokens, round->layer, round_of(round->at))
             : fmt::format("bdh {}> ", tokens);
}

int at_prompt(step_session& session) {
  say(fmt::format("{}: {} neurons, {} layers. `help` lists the commands, `quit` leaves.\n",
                  one_line(session.file), session.model().neurons(), session.model().layers()));
  const auto lines = lines_of_terminal(
      [&](std::string_view before) { return complete(session.model(), before); }, history_file());
  while (!session.quit) {
    const auto line = lines->next(prompt(session));
    if (stop_requested() == SIGTERM) return 128 + SIGTERM;
    if (stop_requested() != 0) {
      listen_again();
      continue;
    }
    if (!line) break;
    try {
      perform(session, *line);
    } catch (const stopped&) {
    } catch (const error& wrong) {
      note(wrong.what());
    }
    if (stop_requested() == SIGTERM) return 128 + SIGTERM;
    if (stop_requested() == 0) continue;
    listen_again();
    say(fmt::format("stopped; the next token is token {}\n", session.current().tokens()));
  }
  return 0;
}

int by_script(step_session& session, bool keep_going) {
  const auto lines = lines_of_standard_input();
  int code = 0;
  for (std::uint64_t number = 1; !session.quit && stop_requested() == 0; ++number) {
    const auto line = lines->next({});
    if (!line) break;
    const auto fail = [&](const error& wrong, int with) {
      note(fmt::format("bdh: standard input:{}: {}", number, wrong.what()));
      code = with;
    };
    try {
      perform(session, *line);
    } catch (const stopped&) {
    } catch (const device_error& wrong) {
      fail(wrong, 3);
    } catch (const error& wrong) {
      fail(wrong, 1);
    }
    if (code != 0 && !keep_going) return code;
  }
  return stop_requested() != 0 ? 128 + stop_requested() : code;
}

class step_app final : public command {
 public:
  explicit step_app(command_line& program)
      : command(program, "step",
                "Work with a model at a prompt: read, look, intervene, take back.") {
    command_line& c = arguments_;
    c.add("MODEL", options_.model, "a model, NAME.bdh.h5").required().type_name("");
    options_.engine.add_to(c, true);
    options_.engine.spikes.add_to(c);
    add_number<std::uint64_t>(c, "--seed", options_.engine.seed, any_count,
                              "of what is drawn: spikes, roundings [0]");
    c.add_flag("--keep-going", options_.keep_going,
               "go on after a wrong command of a script; the exit code still shows it");
    c.footer(
        "Commands come from the terminal, or from standard input, one a line; help lists them.");
  }
  int run() override {
    options_.engine.spikes.check();
    const model m = options_.engine.open(options_.model);
    options_.engine.spikes.read_scales(m);
    step_session session(m, options_.engine, options_.model);
    stop_on_signals();
    return ::isatty(STDIN_FILENO) == 1 && output_is_terminal()
               ? at_prompt(session)
               : by_script(session, options_.keep_going);
  }

 private:
  step_options options_;
};

}  // namespace

std::unique_ptr<command> stepping_command(command_line& program) {
  return std::make_unique<step_app>(program);
}

}  // namespace bdh::app
