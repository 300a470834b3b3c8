// What rank 0 says to the others, as bytes: a command, the number of an engine, what it takes.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include <bdh/array.hpp>
#include <bdh/ids.hpp>
#include <bdh/state.hpp>

#include "core/ranks/rank_shares.hpp"
#include "core/ranks/ranks.hpp"
#include "core/simulation/applied_controls.hpp"
#include "core/simulation/engine.hpp"

namespace bdh {

enum class rank_command : std::uint8_t {
  make,            // an engine for a rank_job; every rank answers with a rank_answer
  stream,          // an engine beside another one: its number; every rank answers so
  drop,            // an engine
  token,           // token, observation, whether there are controls, controls
  go_on,           // from a moment at which rank 0 has looked; values of cut edges
  read,            // variable, reading: every rank answers with its values
  active,          // variable: ids and values
  read_synapses,   // layer, ids: answered by the ranks that have some
  write_synapses,  // layer, ids, values; of explicit edges time stamps of their neurons, too
  save,            // layer, part of a kept variable: every rank answers with its values
  restore,         // layer, part of a kept variable: every rank is sent its values
  clear_layer,     // layer: strengths
  clear,           // all synapses
  seed,            // of what rounds strengths
  state_bytes,     // bytes
  report,          // host, peak memory, bytes sent, seconds waiting
  end              // of the process
};

// Values as they are, as they travel, as they are emitted (engine.hpp).
enum class reading : std::uint8_t { values, sent, emitted };
void read_as(const engine& work, reading how, variable v, std::span<float> out);

// What every rank makes an engine from.
struct rank_job {
  std::string model_file = {}, content_sha256 = {};
  std::string instructions = "best";
  std::optional<double> retention = std::nullopt;
  bool bfloat16_weights = false, bfloat16_synapses = false;
  std::uint32_t sites = 1;  // of each rank; as many threads
  std::shared_ptr<const spiking> spikes = nullptr;
};
void put(byte_writer& to, const rank_job& job);
rank_job get_job(byte_reader& from);

// A part of a kept variable of a layer.
struct part_command {
  layer_id layer = 0;
  variable what{};
  std::uint64_t first = 0, count = 0;
  std::uint8_t real = 0;    // float32, or uint64
  std::uint8_t of_all = 0;  // every rank has all of it
};
void put(byte_writer& to, const part_command& part);
part_command get_part(byte_reader& from);

// use(room, the part in it), in memory of its own.
template <class Use>
void with_room(const part_command& part, Use use) {
  if (part.real) {
    array<float> room(part.count);
    use(std::span<float>(room), kept_part{.what = part.what, .first = part.first, .reals = room});
  } else {
    array<std::uint64_t> room(part.count);
    use(std::span<std::uint64_t>(room),
        kept_part{.what = part.what, .first = part.first, .counts = room});
  }
}

// What a rank has of a synapse of explicit edges: with its target, its neuron, both or none.
void put_stored(byte_writer& to, const rank_shares& shares, rank_id of, edge_id synapse,
                const stored_synapse& stored);
void get_stored(byte_reader& from, const rank_shares& shares, rank_id of, edge_id synapse,
                stored_synapse& stored);

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
