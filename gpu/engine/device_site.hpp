// All particles of a model on a device: what the GPU engine keeps there and does in each action,
// whatever the circuits. hub_device_site and direct_device_site add how values travel. Actions
// launch programs and return; nothing comes back to the host before fetch().
#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <bdh/model.hpp>

#include "core/simulation/engine.hpp"
#include "gpu/device/buffer.hpp"
#include "gpu/engine/batched_launch.hpp"
#include "gpu/programs/program_list.hpp"

namespace bdh::gpu {

// A projection as it is, on the device.
struct device_projection {
  buffer<edge_id> indptr;  // empty: dense rows
  buffer<neuron_id> indices;
  buffer<float> weights;
  buffer<bfloat16> narrow;  // in place of weights
  stored_weights view() const noexcept { return {weights.data(), narrow.data()}; }
  bool has_long_rows = false;

  void plan(memory_plan& memory, const projection& p);
  void upload(const projection& p);
};

// Rows that are given one lane each, and those that are given a warp.
struct row_bins {
  std::vector<index> few_edges, many_edges;
  buffer<index> few, many;  // of them; empty: all rows have few

  void plan(memory_plan& memory, std::span<const edge_id> degrees, const std::string& what);
  void upload();
};

// What a token leaves for the host, in one block. Logits stay on the device until somebody asks for
// them.
struct result_layout {
  std::size_t any, gains, active_x, active_y, units, counted,
      bytes;  // counted: edges, then Hebbian writes, of rows that are not dense
  std::size_t layers;
  explicit result_layout(const model& m);
};

class device_site {
 public:
  device_site(const model& m, double retention);
  virtual ~device_site() = default;
  device_site(const device_site&) = delete;
  device_site& operator=(const device_site&) = delete;

  std::vector<memory_use> memory_uses() const;
  std::size_t bytes() const noexcept { return model_memory_.bytes() + memory_.bytes(); }
  // Allocates and uploads the model, or takes it from a site of the same model. Call it once,
  // before all that follows.
  void load(device& on, const device_site* sibling);

  void control(const applied_controls* what) noexcept { controls_ = what; }
  bool controlled() const noexcept { return controls_ != nullptr; }

  // A token: present() sends it to the device; begin_token() and then the actions launch. With
  // `launching` off, an action only keeps the host's books, for launches that are replayed.
  void present(token_id token);
  virtual void begin_token();
  void launching(bool on) noexcept { launching_ = on; }
  void gather(operations* into) noexcept {
    gathered_ = into;
  }  // what is launched, in place of launching it; null: launch
  virtual void perform(action what, layer_id layer) = 0;
  // How the layers' clocks differ: launches recorded for one value hold for tokens of the same
  // value.
  std::vector<std::uint64_t> clock_differences() const;

  void end_token();  // launches what counts
  // Waits for the device and takes the results of the token.
  void fetch();
  const site_counts& counts() const noexcept { return counts_; }
  std::optional<fault> first_fault() const;
  void fetch_logits() { readout_values_.download(logits_); }
  std::span<const float> logits() const noexcept { return logits_; }
  bool can_choose() const noexcept {
    return readout_nodes_ != 0 && readout_nodes_ < index{1} << 24;
  }
  // Of the logits of the last token: of the token that is chosen, or of the one asked for.
  outlook choose(const sampling& how, double share, std::optional<token_id> asked);
  pool_gains gains() const;
  virtual void read(variable v, std::span<float> out) const = 0;

  void read_synapses(layer_id layer, edge_id first, std::span<float> out);
  void read_synapses(layer_id layer, std::span<const edge_id> which, std::span<float> out);
  void write_synapses(layer_id layer, std::span<const edge_id> which,
                      std::span<const float> values);
  layer_synapses save(layer_id layer) const;
  void restore(layer_id layer, const layer_synapses& from);
  void clear_synapses();

 protected:
  enum counted { per_x, per_y, per_unit };
  enum tallied { edges, writes };

  template <class Program>
  void launch(const Program& program, const extent& items) {
    if (!launching_ || items.most == 0) return;
    if (!gathered_) return gpu::launch(*on_, program, items);
    operation o{.program = programs::number<Program>(),
                .arguments = std::vector<std::byte>(sizeof program),
                .items = items};
    std::memcpy(o.arguments.data(), &program, sizeof program);
    gathered_->push_back(std::move(o));
  }
  template <class T>
  void clear(buffer<T>& what) {
    clear(what.data(), what.bytes());
  }
  void clear(void* memory, std::size_t bytes) {
    if (!launching_ || bytes == 0) return;
    if (!gathered_) return on_->clear(memory, bytes);
    gathered_->push_back({.kind = operation::clear, .memory = memory, .bytes = bytes});
  }
  // Values of an intervention on their way to the device, until the next call.
  template <class T>
  const T* stage(std::span<const T> values);
  const listed_value* stage(const std::vector<neuron_value>& values);

  template <class T>
  T* result(std::size_t at) const noexcept {
    return reinterpret_cast<T*>(results_.data() + at);
  }
  std::uint64_t* tallies(tallied what) const noexcept {
    return tallies_.data() + what * tallies_.size() / 2;
  }
  index* count_x() const noexcept { return result<index>(layout_.active_x) + x_layer_; }
  index* count_y() const noexcept { return result<index>(layout_.active_y) + y_layer_; }
  index* count_units() const noexcept {
    return (rotates_ ? result<index>(layout_.units) : result<index>(layout_.active_x)) + x_layer_;
  }
  const index* unit_list() const noexcept { return rotates_ ? list_units_.data() : list_x_.data(); }
  fault_log log() const noexcept { return {fault_slots_.data(), result<index>(layout_.any)}; }
  layer_clock clock(layer_id layer) const noexcept {
    return {token_.data() + layer, clock_[layer - 1] - clock_at_start_[layer - 1]};
  }
  synapse_rows rows(layer_id layer) const noexcept;
  const layer_controls* controls_of(layer_id layer) const noexcept {
    return controls_ ? &controls_->layers[layer - 1] : nullptr;
  }

  // Numbers of checks that may find a value that is not finite.
  index check(layer_id layer, const char* what, index count = 1);
  // Edges over which something travels: of the rows listed, `each` apiece where they are dense.
  void tally(const device_projection& p, index width, const index* list, const index* count,
             index unit, counted by, tallied into);
  void tally_all(const projection& p) noexcept { events_.constant += p.edges(); }

  // Another allocation where one is too small: lists of interventions have a length that nobody
  // knows beforehand.
  template <class T>
  void grow(allocation& memory, buffer<T>& to, std::size_t size, const std::string& what);

  void compact(const buffer<float>& values, index stride, buffer<index>& list, index* count);
  void add(const std::vector<neuron_value>& values, buffer<float>& into);
  void hold(const std::vector<neuron_value>& values, buffer<float>& into);

  void sense_hubs();
  void y_to_hubs();
  void hear_w(bool token, layer_id layer);
  void push(const device_projection& p, stored_weights rows, const index* list, const float* values,
            const index* start, index scale, index blocks, float* out);
  void reduce_blocks(index sums, index blocks, float* out);
  void pull(const projection& p, const device_projection& on_device, const index* list,
            const index* count, const float* activity, std::size_t head_stride, float* out);
  void threshold_x(layer_id layer);
  void threshold_y(layer_id layer);
  void read_out(const projection& p, const device_projection& on_device, const float* activity);
  void turn_to(layer_id layer);  // sine and cosine at the layer's clock

  virtual void upload_model();
  virtual void prepare() {}  // state that is not as a token begins

  virtual const edge_id* synapse_indptr() const noexcept { return nullptr; }
  virtual const float* own_retention() const noexcept { return nullptr; }

  const model& model_;
  const double retention_;
  const bool rotates_;
  const index n_, d_, unit_;  // unit_: neurons in a unit of rows
  const block_grid grid_;
  const result_layout layout_;
  const index readout_nodes_;
  memory_plan model_memory_, memory_;    // what streams share, and what each has for itself
  std::shared_ptr<allocation> arena_;    // of the model, and of the first stream
  allocation own_arena_, stage_memory_;  // own_arena_: of a sibling
  operations* gathered_ = nullptr;
  device* on_ = nullptr;
  const applied_controls* controls_ = nullptr;

  device_projection e_, sensory_, readout_;
  buffer<double> frequency_;
  buffer<index> identity_;  // 0, 1, 2, ...
  buffer<float> one_;       // 1

  buffer<std::uint64_t> token_;  // the token's id, then the clock of each layer when it began
  buffer<std::byte> results_, workspace_, stage_;
  buffer<std::uint64_t> tallies_, total_;  // by edges and writes; the sums of their chunks
  buffer<float> readout_values_;           // logits
  buffer<likely_token> likely_;
  buffer<index> among_;
  buffer<double> plain_, weight_, plain_sum_, weight_sum_;
  buffer<outlook> outlook_;
  buffer<fault_slot> fault_slots_;
  buffer<float> x_, y_, drive_, w_, heard_, partial_, y_values_, cosine_, sine_;
  buffer<index> list_x_, list_y_, list_units_, start_;
  std::vector<buffer<float>> stored_;             // strengths, layer l at [l - 1]
  std::vector<buffer<std::uint64_t>> last_used_;  // by row unit
  mutable buffer<std::uint64_t> which_;           // synapses to look at
  mutable buffer<float> strengths_;               // and what they are

  // The host's books.
  bool launching_ = true, faults_kept_ = true;  // faults_kept_: the slots are not clear
  layer_id x_layer_ = 0, y_layer_ = 0;          // of the lists; 0: none, count 0
  layer_id used_layer_ = 0;                     // of the rows in use; 0: none
  std::uint64_t used_clock_ = 0;
  std::optional<std::uint64_t> angles_at_;  // clock of cosine_, sine_
  std::vector<std::uint64_t> clock_, clock_at_start_;
  struct check_place {
    layer_id layer;
    const char* what;
  };
  std::vector<check_place> checks_;
  struct event_count {
    std::uint64_t constant = 0;
    std::vector<std::uint64_t> of[3];  // of each active X, active Y, unit of rows, by layer
  };
  event_count events_, writes_;

 private:
  event_count no_events() const;
  std::uint64_t total(const event_count& e, tallied what) const;

  std::vector<std::byte> host_results_;
  site_counts counts_;
  std::vector<float> logits_;
  std::optional<fault> fault_;
};

std::unique_ptr<device_site> hub_device_site(const model& m, double retention);
std::unique_ptr<device_site> direct_device_site(const model& m, double retention);

template <class T>
void device_site::grow(allocation& memory, buffer<T>& to, std::size_t size,
                       const std::string& what) {
  if (size <= to.size()) return;
  to = {};
  memory = {};
  memory_plan plan;
  plan.add(to, size, what);
  memory = allocate({&plan}, *on_, what);
}

template <class T>
const T* device_site::stage(std::span<const T> values) {
  grow(stage_memory_, stage_, values.size_bytes(), "interventions");
  on_->upload(stage_.data(), values.data(), values.size_bytes());
  return reinterpret_cast<const T*>(stage_.data());
}

}  // namespace bdh::gpu
