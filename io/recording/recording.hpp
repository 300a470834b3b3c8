// A recording: one variable of a run over time, as a file in SONATA's layout for reports, and the
// journal from which the file can be made again.
//
//   frames   /report/<population>/data f32 (T x values),
//            mapping/{node_ids, index_pointers, element_ids, time}
//   events   /spikes/<population>/{timestamps f64, node_ids u64, values f32},
//            /mapping/{time, events}; of synapses also edge_ids u64, of pairs pre_ids u64
//   trains   /spikes/neurons/{timestamps f64, node_ids u64, variable u32}, the same of hubs where
//            they spike, by time; /recorded/neurons u64, /mapping/{time, events}
//   logits   /logits f32 (T x V), /tokens u32 (T), /mapping/time
//
// One token is 1.0 "ms". `time` = {start, stop, step}: the positions recorded; stop is the commit
// marker, written after the rows before it were flushed and synced. A row goes to the journal,
// NAME.journal, before it goes anywhere else.
//
// Why both a journal and a file driver (io/hdf5/driver.hpp): HDF5 rewrites its own tables in place,
// so a kill in the middle of a commit can damage the file, and the journal makes it again; the
// driver keeps what is on disk readable between commits, so that a run can be read while it goes
// on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <bdh/ids.hpp>

namespace bdh {

enum class quantity { logits, x, y, synapses, snapshot, pairs, spikes };
enum class recording_layout { logits, frames, events, trains };

const char* name(quantity q) noexcept;
bool has_edges(quantity q) noexcept;  // in events: recording_row::edges
// What its values are, in a sentence or two, as a file of them says.
const char* meaning(quantity q) noexcept;

inline constexpr std::uint64_t recording_chunk_bytes =
    64 * 1024;  // by which a dataset of a recording grows

// A recorded synapse: an edge of gs, or a neuron pair that a probe follows.
struct recorded_synapse {
  static constexpr edge_id no_edge = std::numeric_limits<edge_id>::max();
  neuron_id pre = 0, post = 0;
  edge_id edge = no_edge;   // its position in the file (row = target); no_edge: a probe
  std::uint64_t since = 0;  // tokens read before the probe was placed, which it lacks
};

// Where a recording comes from, as attributes of its file. What is empty is left out.
struct recording_origin {
  std::string creator;       // "bdh 1.2.3"
  std::string model_sha256;  // of the model's content
  std::string model;         // what the model was made from
};

// All that is needed to gather, write and rebuild a recording.
struct recording_description {
  std::string name;     // of the file: "x_1.h5"
  std::string request;  // as the user wrote it
  quantity what = quantity::logits;
  recording_layout layout = recording_layout::logits;
  layer_id layer = 0;                  // 0: of no layer
  std::uint64_t every = 1, start = 0;  // tokens; the first position recorded
  std::uint64_t top = 0;    // events: so many with the largest values; 0: all that are not zero
  std::uint64_t width = 0;  // values of a row; of events: those they are chosen from
  bool by_y = false;        // synapses: probes of factor Y; pairs: strengths by it
  std::string population;   // of the neurons, or of the postsynaptic side
  std::vector<std::uint64_t>
      node_ids;  // frames: the values of node_ids[k] are [index_pointers[k], index_pointers[k + 1])
  std::vector<std::uint64_t> index_pointers;
  std::vector<std::uint32_t> element_ids;  // frames: a file position of each synapse; behind all of
                                           // them, probes; 0 for neurons
  std::vector<recorded_synapse> synapses;  // of `synapses` in frames, in the order of their values
  double bin_ms = 0;                       // trains: the length of a bin
  bool of_hubs = false;                    // trains: hubs spike, too
  bool of_a = false;                       // trains: so does A of explicit edges
  recording_origin origin;                 // in journals from version 0.3 on

  bool due(std::uint64_t position) const noexcept { return position % every == 0; }
};

// One recorded token.
struct recording_row {
  // Events: of each value. Edges: of synapses their positions in the file, of pairs of neurons the
  // presynaptic ones; of trains the bins, ascending. Values of trains: which variable sent it,
  // spike_of_hub more for a hub.
  std::vector<std::uint64_t> nodes, edges;
  std::vector<float> values;
};

// Of particles in pairs, one for values above zero and one for those below. Node of a hub's spike:
// 2 hub of the first, 2 hub + 1 of the second; of A of head h, hub + h hubs in place of hub, and
// over explicit edges neuron + h sources.
inline constexpr float spike_of_hub = 16;

class recording {
 public:
  // New files NAME and NAME.journal in an existing folder. All of these throw device_error for a
  // failed write.
  static recording create(const std::filesystem::path& folder, recording_description what);
  // Makes NAME again from its journal, with the rows of positions < until, forgets the later ones,
  // and goes on from there. Throws input_error when there is no such journal.
  static recording reopen(const std::filesystem::path& folder, const std::string& name,
                          std::uint64_t until);
  recording(recording&&) noexcept;
  recording& operator=(recording&&) noexcept;
  ~recording();

  const recording_description& what() const noexcept;

  std::uint64_t next() const noexcept;  // the position of the next row

  // A row of a position that is due; positions ascend without a gap. Throws shape_error when it
  // does not fit.
  void append(std::uint64_t position, token_id token, const recording_row& row);
  void sync();             // journal and rows, to the disk
  void mark();             // only after sync: the rows synced are committed
  void close();            // sync, mark; the file is whole
  void discard_journal();  // only after close

 private:
  struct files;
  explicit recording(std::unique_ptr<files> f);
  std::unique_ptr<files> files_;
};

std::filesystem::path journal_of(const std::filesystem::path& recording_file);

// Makes a recording from its journal at `target`, which must not exist. `until`: only positions
// below it.
struct rebuilt {
  recording_description what;
  std::uint64_t rows = 0, damaged_bytes = 0;  // of the journal, behind the last whole record
  std::uint64_t rows_behind = 0;              // whole ones, of positions from `until` on
};
rebuilt rebuild(const std::filesystem::path& journal, const std::filesystem::path& target,
                std::uint64_t until = std::numeric_limits<std::uint64_t>::max());

// What a reader may rely on: every recorded position below it is there.
std::uint64_t committed_until(const std::filesystem::path& recording_file);

}  // namespace bdh
