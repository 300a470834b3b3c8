// The commands of bdh step.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/experiment.hpp>

#include "apps/common/options.hpp"
#include "apps/step/arguments.hpp"
#include "io/files/csv.hpp"

namespace bdh::app {

struct token_recording {
  csv_file file;
  std::string name;
  std::vector<probe_spec> probes;
};

struct step_session {
  step_session(const bdh::model& m, const engine_choice& choice, std::string model_file);
  const bdh::model& model() const { return experiment.model(); }
  const simulator& current() const { return experiment.current(); }
  void load(run_state state);

  engine_choice engine;
  bdh::experiment experiment;
  std::string file;
  std::vector<probe_spec> probes;  // that the user has added
  std::unique_ptr<token_recording> recording;
  bool quit = false;
};

struct step_command {
  const char* name;
  const char* usage;
  const char* help;   // one sentence or more
  const char* words;  // that may follow, for completion; "FILE": file names
  void (*run)(step_session& session, arguments& a);
};

std::span<const step_command> run_commands();
std::span<const step_command> inspect_commands();
std::span<const step_command> intervene_commands();

// On standard output, made fit for a terminal.
void say(std::string_view text);

std::string shown_token(const model& m,
                        token_id token);  // "72 'H'", "10 '\n'"; "72" where it has no text
std::string shown_number(double value);   // 6 significant digits

}  // namespace bdh::app
