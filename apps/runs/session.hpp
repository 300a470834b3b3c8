// One run of one stream, of `bdh run` and of `bdh resume`: tokens go in, recordings come out.
#pragma once

#include <optional>
#include <vector>

#include <bdh/simulator.hpp>

#include "apps/common/token_source.hpp"
#include "apps/runs/run_options.hpp"
#include "apps/runs/run_recorder.hpp"
#include "io/recording/recording.hpp"

namespace bdh::app {

// What weights that learn take, as a note; nothing, where they do not.
void note_learning(const simulator& brain, const run_options& o);

// The interventions of the run, in `brain`. `first`: position of the run's first token; `total`:
// its tokens, where known. Throws input_error for what can never happen in this run.
void intervene(simulator& brain, const run_options& o, std::uint64_t first,
               std::optional<std::uint64_t> total);

// Throws input_error where an intervention, or one of its pulses, can never happen in a run that
// begins at `first` and has `total` tokens, where that is known.
void expect_within_run(const std::string& place, const intervention& p, std::uint64_t first,
                       std::optional<std::uint64_t> total);

// Throws input_error for what intervene() would refuse, or unavailable_error; adds nothing.
void expect_interventions(const simulator& brain, const run_options& o,
                          std::optional<std::uint64_t> total);

// Whether a stream without forgetting that gets to `tokens` tokens leaves what the model was
// trained on; and the note that says so.
bool leaves_window(const simulator& brain, std::uint64_t tokens);
void note_window(const model& m);

// Reads all tokens, generates the others; returns the exit code. Whatever happens, what was read
// until then is recorded.
int run_session(const run_options& o, simulator& brain, token_source& input,
                std::vector<recording_description> recordings,
                const std::optional<resumed_run>& resumed = std::nullopt);

}  // namespace bdh::app
