// What rank 0 says to the others, as bytes: a command, the number of an engine, what it takes.
#pragma once

#include <optional>
#include <string>

#include <bdh/ids.hpp>
#include <bdh/state.hpp>

#include "core/ranks/ranks.hpp"
#include "core/simulation/applied_controls.hpp"

namespace bdh {

enum class rank_command : std::uint8_t {
  make,            // an engine for a rank_job; every rank answers with a rank_answer
  drop,            // an engine
  token,           // token, observation, whether there are controls, controls
  go_on,           // from a moment at which rank 0 has looked; values of cut edges
  read,            // variable: every rank answers with its values
  active,          // variable: ids and values
  read_synapses,   // layer, ids: answered by the ranks that have some
  write_synapses,  // layer, ids, values
  save,            // layer: kept variables
  restore,         // layer, kept variables
  clear,           // all synapses
  seed,            // of what rounds strengths
  state_bytes,     // bytes
  report,          // host, peak memory, bytes sent, seconds waiting
  end              // of the process
};

// What every rank makes an engine from.
struct rank_job {
  std::string model_file = {}, content_sha256 = {};
  std::string instructions = "best";
  std::optional<double> retention = std::nullopt;
  bool bfloat16_weights = false, bfloat16_synapses = false;
  std::uint32_t sites = 1;  // of each rank; as many threads
};
void put(byte_writer& to, const rank_job& job);
rank_job get_job(byte_reader& from);

// How a rank fared: nothing, or the error that it met, as one line.
struct rank_answer {
  std::uint8_t failed = 0;  // 1 + error_kind
  std::string host, message;
};
void put(byte_writer& to, const rank_answer& answer);
rank_answer get_answer(byte_reader& from);

// What a rank has used so far.
struct rank_usage {
  std::string host;
  std::uint64_t peak_memory = 0;  // bytes
  std::uint64_t exchanges = 0;    // of messages between sites
  std::uint64_t bytes_sent = 0;   // in them, to other ranks
  double seconds_waiting = 0;     // for them
};
void put(byte_writer& to, const rank_usage& usage);
rank_usage get_usage(byte_reader& from);

void put(byte_writer& to, const applied_controls& controls);
applied_controls get_controls(byte_reader& from);

}  // namespace bdh
