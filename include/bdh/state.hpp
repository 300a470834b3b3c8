// What a run carries from one token to the next, as plain data: named arrays, of each layer or of
// the network (variables_of). Saving and restoring them continues a run bit for
// bit.
//
// Synapses are in the rotating frame: the strength after `clock` decays of row i is
// R^clock u^(clock - last_used[row unit]) stored row i. A row unit is a rotation pair, or a neuron
// where nothing rotates.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <bdh/array.hpp>
#include <bdh/engine.hpp>
#include <bdh/probe.hpp>

namespace bdh {

class model;

// ---- variables: what a run reads, saves, restores, permutes and shows, by name. One that is added
// to variables_of() is handled by all of these; an engine has to add where it keeps the values.

// What has one value of a variable each.
enum class domain {
  neurons,
  sources,  // neurons, then sensory nodes where they are sources
  hubs,
  row_units,  // rotation pairs, or neurons where nothing rotates
  synapses,   // the edges of gs, or neurons x hubs
  network     // one value for all
};

enum class value_kind { real, count };  // float32, uint64

struct variable_info {
  variable what;
  std::string_view name = {};  // in files and on the command line
  domain of = domain::network;
  value_kind kind = value_kind::real;
  std::uint64_t size = 0;  // values, of one layer; per head: of all heads, head by head
  bool per_head = false;
  bool per_layer = false;  // each layer has its own; else the last computed values are there
  bool sparse = false;     // most values are 0 after a token
  bool kept = false;       // from one token to the next: a checkpoint has it
  bool writable = false;   // between tokens, by id, in the laboratory frame
};

// Every variable of a model. Kept ones in the order in which files have them.
std::vector<variable_info> variables_of(const model& m);

std::string_view name(variable v) noexcept;
std::string_view name(domain d) noexcept;

// The entry of `v`, which must be in the list.
const variable_info& info(std::span<const variable_info> list, variable v) noexcept;

// ---- state

// The kept variables of one layer, or those that no layer has.
class state_arrays {
 public:
  struct entry {
    variable what;
    std::variant<array<float>, array<std::uint64_t>> values;
  };

  state_arrays() = default;
  // All kept ones of the list, those of a layer or the others: zeros, of their sizes.
  state_arrays(std::span<const variable_info> list, bool per_layer);

  std::span<const entry> all() const noexcept { return entries_; }
  std::span<entry> all() noexcept { return entries_; }
  bool empty() const noexcept { return entries_.empty(); }
  const entry* find(variable v) const noexcept;  // null: not there

  // Of a variable of this kind that is there.
  array<float>& reals(variable v) noexcept;
  const array<float>& reals(variable v) const noexcept;
  array<std::uint64_t>& counts(variable v) noexcept;
  const array<std::uint64_t>& counts(variable v) const noexcept;

  // Those that every layer has.
  array<float>& strengths() noexcept { return reals(variable::synapses); }
  const array<float>& strengths() const noexcept { return reals(variable::synapses); }
  array<std::uint64_t>& last_used() noexcept { return counts(variable::last_used); }
  const array<std::uint64_t>& last_used() const noexcept { return counts(variable::last_used); }
  std::uint64_t& clock() noexcept { return counts(variable::clock)[0]; }
  std::uint64_t clock() const noexcept { return counts(variable::clock)[0]; }

 private:
  std::vector<entry> entries_;
};

std::size_t size_of(const state_arrays::entry& e) noexcept;  // values

// Some of the values of a kept variable, from `first` on: in one of the two, as its kind says.
struct kept_part {
  variable what;
  std::uint64_t first = 0;
  std::span<float> reals = {};
  std::span<std::uint64_t> counts = {};

  std::uint64_t end() const noexcept { return first + reals.size() + counts.size(); }
};
// Fills a part with the values of arrays, which have them; and back.
void fill_part(const state_arrays& from, const kept_part& part);
void take_part(state_arrays& to, const kept_part& part);

// The version of the law of summation (docs/theory.md) that this program computes by: results of
// two versions are equal up to rounding. 1: partial sums of blocks ascending; 2: by a binary tree.
inline constexpr std::uint32_t summation_law = 2;

// What a run that learns carries from one token to the next, beside its synapses.
struct learning_state {
  learning how;
  std::uint64_t tokens = 0;  // that taught
  struct matrix {
    learned_circuit what;
    // (rows): running mean of the squares of a row's gradient; -1: it has never changed.
    array<float> mean_squares;
    array<float> weights;  // as they are now, row by row; empty: those of the state's model
  };
  std::vector<matrix> matrices;  // those that change, in the order of learned_circuit
  // Of the last token, all that learning needs to know: the engine's affair. Empty: none was read.
  token_id token = 0;
  array<float> trace;
};

struct run_state {
  std::string model_sha256;                 // of the model that it belongs to
  std::uint64_t tokens = 0;                 // read since the synapses were zero
  double retention = 1.0;                   // u of the run that wrote it
  bool rounded = false;                     // it stores strengths as bfloat16: they all are
  std::uint32_t summation = summation_law;  // law of the program that wrote it
  std::vector<state_arrays> layers;         // layer l at [l - 1]
  state_arrays network;                     // kept variables that no layer has
  std::vector<probe_record> probes;
  std::vector<float> logits;  // after the last token, from which the next one is chosen; empty
                              // before the first, or without readout
  std::optional<learning_state> learning = std::nullopt;  // of a run that learns
};

// Throws shape_error or input_error, place "state", unless the arrays are those of the model's kept
// variables, with finite values, and no time stamp is later than its clock.
void check_arrays(const run_state& state, const model& m);

}  // namespace bdh
