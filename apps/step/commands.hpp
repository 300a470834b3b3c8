// The commands of bdh step.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/step/arguments.hpp"
#include "apps/step/laboratory.hpp"
#include "io/files/csv.hpp"

namespace bdh::app {

struct token_recording {
  csv_file file;
  std::string name;
  std::vector<probe_spec> probes;
};

struct experiment {
  experiment(const model& m, const engine_choice& engine, std::string model_file)
      : lab(m, engine), file(std::move(model_file)) {}
  const model& subject() const { return lab.subject(); }

  laboratory lab;
  std::string file;
  std::vector<probe_spec> probes;  // that the user asked for
  std::unique_ptr<token_recording> recording;
  bool quit = false;
};

struct step_command {
  const char* name;
  const char* usage;
  const char* help;   // one sentence or more
  const char* words;  // that may follow, for completion; "FILE": file names
  void (*run)(experiment& e, arguments& a);
};

std::span<const step_command> reading_commands();
std::span<const step_command> looking_commands();
std::span<const step_command> changing_commands();

// On standard output, made fit for a terminal.
void say(std::string_view text);

std::string shown_token(const model& m, token_id token);  // "72 'H'", or "10"
std::string shown_number(double value);                   // 6 significant digits

}  // namespace bdh::app
