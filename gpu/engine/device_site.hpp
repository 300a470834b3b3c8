// All particles of a model on a device: what the GPU engine keeps there and does in each action,
// whatever the circuits. hub_device_site and direct_device_site add how values travel. Actions
// launch programs and return; nothing comes back to the host before fetch().
#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/model.hpp>

#include "core/simulation/engine.hpp"
#include "gpu/device/buffer.hpp"
#include "gpu/engine/batched_launch.hpp"
#include "gpu/engine/device_arrays.hpp"

namespace bdh::gpu {

// What the host knows of a token without waiting for the device: of which layer the lists are, the
// layers' clocks, and what its checks and counts stand for.
struct host_books {
  struct check_place {
    layer_id layer;
    const char* what;
  };
  struct event_count {
    std::uint64_t constant = 0;
    std::vector<std::uint64_t> of[3];  // of each active X, active Y, unit of rows, by layer
    explicit event_count(std::size_t layers) {
      for (auto& by : of) by.assign(layers + 1, 0);
    }
  };
  bool faults_kept = true;            // the slots of faults are not clear
  layer_id x_layer = 0, y_layer = 0;  // of the lists; 0: none, count 0
  layer_id rows_layer = 0;            // of the rows in use; 0: none
  std::uint64_t rows_clock = 0;
  std::optional<std::uint64_t> angles_at;  // clock of the cosines and sines
  std::vector<std::uint64_t> clock, clock_at_start;
  std::vector<check_place> checks;
  event_count events, writes;

  explicit host_books(std::size_t layers)
      : clock(layers), clock_at_start(layers), events(layers), writes(layers) {}
  void begin_token() {
    x_layer = y_layer = rows_layer = 0;
    angles_at.reset();
    checks.clear();
    events = writes = event_count(clock.size());
  }
};

// Memory of a device, and what it is for.
struct site_memory {
  memory_plan of_model, of_stream;    // what streams share, and what each has for itself
  std::shared_ptr<allocation> arena;  // of the model, and of the first stream
  allocation own_arena, staged;       // own_arena: of another stream
};

class device_site {
 public:
  device_site(const model& m, double retention, std::shared_ptr<const spiking> how);
  virtual ~device_site() = default;
  device_site(const device_site&) = delete;
  device_site& operator=(const device_site&) = delete;

  std::vector<memory_use> memory_uses() const;
  std::size_t bytes() const noexcept {
    return memory_.of_model.bytes() + memory_.of_stream.bytes();
  }
  // Allocates and uploads the model, or takes it from a site of the same model. Call it once,
  // before all that follows.
  void load(device& on, const device_site* first_stream);

  void control(const applied_controls* what) noexcept { controls_ = what; }
  bool controlled() const noexcept { return controls_ != nullptr; }
  layer_id layers() const noexcept { return model_.layers(); }

  // A token: present() sends it to the device; begin_token() and then the actions launch. With
  // `launching` off, an action only keeps the host's books, for launches that are replayed.
  void present(token_id token);
  virtual void begin_token();
  void launching(bool on) noexcept { launching_ = on; }
  // From now on what is launched is put there, in place of launching it; null: launch.
  void gather(operations* into) noexcept { gathered_ = into; }
  virtual void perform(action what, layer_id layer) = 0;
  // How the layers' clocks differ: launches recorded for one value hold for tokens of the same
  // value.
  std::vector<std::uint64_t> clock_differences() const;

  void end_token();  // launches what counts
  // Waits for the device and takes the results of the token.
  void fetch();
  const site_counts& counts() const noexcept { return counts_; }
  std::optional<fault> first_fault() const;
  void fetch_logits() { own_.logits.download(logits_); }
  // Of a part of the neurons: sums of blocks of Y, with where each block begins among the active
  // ones; and what the hubs receive from all parts.
  void fetch_sums_of_y(std::vector<float>& sums, std::vector<index>& starts);
  void update_w(std::span<const float> hub_input, layer_id layer);
  std::span<const float> logits() const noexcept { return logits_; }
  bool can_choose() const noexcept { return own_.chooser.can_choose(); }
  // Of the logits of the last token: of the token that is chosen, or of a given one.
  token_statistics choose(const sampling& how, double share, std::optional<token_id> given) {
    return own_.chooser.choose(*on_, own_.logits, how, share, given);
  }
  pool_gains gains() const;
  void read(variable v, std::span<float> out) const { values(v).download(out); }
  void read_sent(variable v, std::span<float> out) const {
    const bool x = v == variable::x && spikes_.emits(spike_source::x),
               y = v == variable::y && spikes_.emits(spike_source::y);
    if (!x && !y) return read(v, out);
    (x ? spikes_.x : spikes_.y).download(out);
  }
  const std::shared_ptr<const spiking>& spikes() const noexcept { return spikes_.how; }
  void seed_draws(std::uint64_t seed) noexcept { spikes_.seed = seed; }
  std::uint64_t drawing_seed() const noexcept { return spikes_.seed; }
  std::span<const variable_info> variables() const noexcept { return variables_; }

  void read_synapses(layer_id layer, edge_id first, std::span<float> out);
  void read_synapses(layer_id layer, std::span<const edge_id> which, std::span<float> out);
  void write_synapses(layer_id layer, std::span<const edge_id> which,
                      std::span<const float> values);
  state_arrays save(layer_id layer) const;
  void restore(layer_id layer, const state_arrays& from);
  void clear_synapses();

 protected:
  // Where the values of a variable that is not kept are.
  virtual const buffer<float>& values(variable v) const {
    if (v == variable::x) return own_.x;
    if (v == variable::y) return own_.y;
    throw input_error("variable", std::string(name(v)), "x, y, w or a");
  }

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
    return reinterpret_cast<T*>(own_.results.data() + at);
  }
  std::uint64_t* tallies(tallied what) const noexcept {
    return own_.tallies.data() + what * own_.tallies.size() / 2;
  }
  index* count_x() const noexcept { return result<index>(layout_.active_x) + books_.x_layer; }
  index* count_y() const noexcept { return result<index>(layout_.active_y) + books_.y_layer; }
  // X and Y as they travel.
  const buffer<float>& x_sent() const noexcept {
    return spikes_.emits(spike_source::x) ? spikes_.x : own_.x;
  }
  const buffer<float>& y_sent() const noexcept {
    return spikes_.emits(spike_source::y) ? spikes_.y : own_.y;
  }
  const index* list_y_sent() const noexcept {
    return (spikes_.emits(spike_source::y) ? spikes_.list_y : own_.list_y).data();
  }
  index* count_y_sent() const noexcept {
    if (!spikes_.emits(spike_source::y)) return count_y();
    return result<index>(layout_.sent_y) + books_.y_layer;
  }
  // Where the counts of the units of rows are, by layer.
  std::size_t units_at() const noexcept {
    if (rotates_) return layout_.units;
    return spikes_.emits(spike_source::x) ? layout_.sent_x : layout_.active_x;
  }
  index* count_units() const noexcept { return result<index>(units_at()) + books_.x_layer; }
  const index* unit_list() const noexcept {
    if (rotates_) return own_.list_units.data();
    return (spikes_.emits(spike_source::x) ? spikes_.list_x : own_.list_x).data();
  }
  fault_log log() const noexcept { return {own_.fault_slots.data(), result<index>(layout_.any)}; }
  layer_clock clock(layer_id layer) const noexcept {
    return {own_.token.data() + layer, books_.clock[layer - 1] - books_.clock_at_start[layer - 1]};
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
  // The same of spikes of X or Y, of the last window; dense: `width` edges each.
  void tally_spikes_over(const device_projection& p, index width);
  void tally_all(const projection& p) noexcept { books_.events.constant += p.edges(); }

  // Another allocation where one is too small: lists of interventions have a length that is not
  // known beforehand.
  template <class T>
  void grow(allocation& memory, buffer<T>& to, std::size_t size, const std::string& what);

  void compact(const buffer<float>& values, index stride, buffer<index>& list, index* count);
  void add(const std::vector<neuron_value>& values, buffer<float>& into);
  void hold(const std::vector<neuron_value>& values, buffer<float>& into);

  // A window of X or Y.
  void emit(spike_arrays::kind of, layer_id layer);
  void add_up(const buffer<std::uint64_t>& tallies, buffer<std::uint64_t>& total, index kinds,
              std::size_t result_at);
  void sense_hubs();
  void push_y();
  void y_to_hubs();
  void update_hub_w(bool token, layer_id layer);
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
  const std::vector<variable_info> variables_;
  site_memory memory_;
  operations* gathered_ = nullptr;
  device* on_ = nullptr;
  const applied_controls* controls_ = nullptr;

  model_arrays shared_;
  stream_arrays own_;
  spike_arrays spikes_;
  buffer<std::byte> workspace_, stage_;

  bool launching_ = true;
  host_books books_;

 private:
  std::uint64_t total(const host_books::event_count& e, tallied what) const;
  void fetch_spikes();

  std::vector<std::byte> host_results_;
  site_counts counts_;
  std::vector<float> logits_;
  std::optional<fault> fault_;
};

std::unique_ptr<device_site> hub_device_site(const model& m, double retention,
                                             std::shared_ptr<const spiking> how);
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
  grow(memory_.staged, stage_, values.size_bytes(), "interventions");
  on_->upload(stage_.data(), values.data(), values.size_bytes());
  return reinterpret_cast<const T*>(stage_.data());
}

}  // namespace bdh::gpu
