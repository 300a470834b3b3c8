#include "gpu/engine/device_site.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include <bdh/error.hpp>
#include <bdh/sampling.hpp>

#include "core/base/random.hpp"

namespace bdh::gpu {
device_site::device_site(const model& m, double retention, std::shared_ptr<const spiking> how)
    : model_(m),
      retention_(retention),
      rotates_(m.rotation().present()),
      n_(m.neurons()),
      d_(m.hubs()),
      unit_(rotates_ ? 2 : 1),
      grid_(m.heads(), m.neurons_per_head()),
      layout_(m, how != nullptr),
      variables_(variables_of(m)),
      books_(m.layers()),
      host_results_(layout_.bytes),
      logits_(m.readout_nodes()) {
  counts_.active_x.resize(m.layers());
  counts_.active_y.resize(m.layers());
  spikes_.how = std::move(how);
  spikes_.plan(memory_.of_stream, m);
  shared_.plan(memory_.of_model, m);
  own_.plan(memory_.of_stream, m, layout_, grid_);
}

std::vector<memory_use> device_site::memory_uses() const {
  std::vector<memory_use> all = memory_.of_model.uses();
  all.insert(all.end(), memory_.of_stream.uses().begin(), memory_.of_stream.uses().end());
  return all;
}

void device_site::load(device& on, const device_site* first_stream) {
  on_ = &on;
  memory_.of_stream.add(workspace_, on.compact_workspace(n_), "workspace");
  if (first_stream) {
    memory_.own_arena = allocate({&memory_.of_stream}, on, "a stream of this model");
    memory_.arena = first_stream->memory_.arena;
    memory_.of_model.place(on, *memory_.arena, false);
  } else {
    memory_.arena = std::make_shared<allocation>(
        allocate({&memory_.of_model, &memory_.of_stream}, on, "this model"));
    upload_model();
  }
  own_.results.clear();
  const float gains[] = {1.0f, 1.0f};
  on.upload(result<float>(layout_.gains), gains, sizeof gains);
  if (!spikes_.numbers.empty()) spikes_.numbers.upload(spikes_.how->numbers);
  prepare();
  begin_token();
  clear_synapses();
}

void device_site::upload_model() { shared_.upload(model_); }

// ---- a token

void device_site::present(token_id token) {
  std::vector<std::uint64_t> sent(
      1, token);  // its low half is read: devices and hosts are little-endian
  sent.insert(sent.end(), books_.clock.begin(), books_.clock.end());
  const philox_key key = random_key(spikes_.seed, purpose::spikes);
  sent.push_back(std::uint64_t{key.word[1]} << 32 | key.word[0]);
  books_.clock_at_start = books_.clock;
  own_.token.upload(sent);
  if (books_.faults_kept) own_.fault_slots.clear();
  books_.faults_kept = false;
  fault_.reset();
}

void device_site::begin_token() {
  books_.begin_token();
  clear(own_.x);
  clear(own_.y);
  clear(own_.w);
  clear(own_.results.data() + layout_.any, sizeof(index));
  clear(own_.results.data() + layout_.active_x, layout_.bytes - layout_.active_x);
  clear(own_.tallies);
  clear(spikes_.x);
  clear(spikes_.y);
  clear(spikes_.tallies);
}

void device_site::end_token() {
  add_up(own_.tallies, own_.total, 2, layout_.counted);
  add_up(spikes_.tallies, spikes_.total, spike_arrays::kinds, layout_.spikes);
}

void device_site::add_up(const buffer<std::uint64_t>& tallies, buffer<std::uint64_t>& total,
                         index kinds, std::size_t result_at) {
  const std::uint64_t* from = tallies.data();
  for (index n = static_cast<index>(tallies.size() / kinds); n != 0; n = items_for(n)) {
    std::uint64_t* const to = n <= chunk ? result<std::uint64_t>(result_at) : total.data();
    launch(total_counts{.from = from, .n = n, .to = to}, {kinds * items_for(n)});
    if (n <= chunk) return;
    from = to;
  }
}

std::vector<std::uint64_t> device_site::clock_differences() const {
  std::vector<std::uint64_t> all;
  for (std::uint64_t c : books_.clock_at_start) all.push_back(c - books_.clock_at_start[0]);
  return all;
}

std::uint64_t device_site::total(const host_books::event_count& e, tallied what) const {
  const auto at = [&](std::size_t offset) { return host_results_.data() + offset; };
  std::uint64_t sum =
      e.constant + reinterpret_cast<const std::uint64_t*>(at(layout_.counted))[what];
  const std::size_t lists[] = {layout_.active_x, layout_.active_y, units_at()};
  for (int by : {per_x, per_y, per_unit})
    for (std::size_t l = 1; l <= layout_.layers; ++l)
      sum += e.of[by][l] * reinterpret_cast<const index*>(at(lists[by]))[l];
  return sum;
}

void device_site::fetch() {
  own_.results.download(host_results_);
  const auto at = [&](std::size_t offset) { return host_results_.data() + offset; };
  for (std::size_t l = 1; l <= layout_.layers; ++l) {
    counts_.active_x[l - 1] = reinterpret_cast<const index*>(at(layout_.active_x))[l];
    counts_.active_y[l - 1] = reinterpret_cast<const index*>(at(layout_.active_y))[l];
  }
  counts_.synaptic_events = total(books_.events, edges);
  counts_.hebbian_writes = total(books_.writes, writes);
  if (spikes_.how) fetch_spikes();
  if (*reinterpret_cast<const index*>(at(layout_.any)) == 0) return;
  books_.faults_kept = true;
  std::vector<fault_slot> slots(own_.fault_slots.size());
  own_.fault_slots.download(slots);
  const fault_slot* first = nullptr;
  for (const fault_slot& s : slots)
    if (s.check != 0 &&
        (!first || s.check < first->check || (s.check == first->check && s.who < first->who)))
      first = &s;
  const host_books::check_place& place = books_.checks[first->check - 1];
  fault_ = fault{first->check, place.layer, place.what, first->who, first->value};
}

std::optional<fault> device_site::first_fault() const { return fault_; }

pool_gains device_site::gains() const {
  float both[2];
  on_->download(both, own_.results.data() + layout_.gains, sizeof both);
  return {both[0], both[1]};
}

index device_site::check(layer_id layer, const char* what, index count) {
  books_.checks.insert(books_.checks.end(), count, {layer, what});
  return static_cast<index>(books_.checks.size() - count + 1);
}

void device_site::tally(const device_projection& p, index width, const index* list,
                        const index* count, index unit, counted by, tallied into) {
  host_books::event_count& e = into == edges ? books_.events : books_.writes;
  if (!p.indptr.empty())
    launch(tally_edges{.list = list,
                       .count = count,
                       .indptr = p.indptr.data(),
                       .unit = unit,
                       .counted = tallies(into)},
           {count ? items_for(n_) : 1, count, chunk});
  else if (!count)
    e.constant += width;
  else
    e.of[by][by == per_y ? books_.y_layer : books_.x_layer] += std::uint64_t{unit} * width;
}

// ---- lists and interventions

void device_site::compact(const buffer<float>& values, index stride, buffer<index>& list,
                          index* count) {
  if (!launching_) return;
  const compaction what{values.data(),
                        static_cast<index>(values.size()),
                        stride,
                        list.data(),
                        count,
                        workspace_.data(),
                        workspace_.size()};
  if (!gathered_) return on_->compact(what);
  gathered_->push_back({.kind = operation::compact, .compacted = what});
}

const listed_value* device_site::stage(const std::vector<neuron_value>& values) {
  std::vector<listed_value> list;
  for (const neuron_value& v : values) list.push_back({v.neuron, v.value});
  return stage(std::span<const listed_value>(list));
}

void device_site::add(const std::vector<neuron_value>& values, buffer<float>& into) {
  const auto count = static_cast<index>(values.size());
  if (count != 0)
    launch(add_values{.list = stage(values), .count = count, .into = into.data()},
           {items_for(count)});
}

void device_site::hold(const std::vector<neuron_value>& values, buffer<float>& into) {
  const auto count = static_cast<index>(values.size());
  if (count != 0)
    launch(hold_values{.list = stage(values), .count = count, .into = into.data()},
           {items_for(count)});
}

// ---- sources -> hubs

void device_site::push(const device_projection& p, stored_weights rows, const index* list,
                       const float* values, const index* start, index scale, index blocks,
                       float* out) {
  const bool dense = p.indptr.empty();
  const index slices = dense ? items_for(d_, slice) : 1;
  launch(push_blocks{.indptr = dense ? nullptr : p.indptr.data(),
                     .target = p.indices.data(),
                     .rows = rows,
                     .width = d_,
                     .slices = slices,
                     .list = list,
                     .values = values,
                     .start = start,
                     .scale = scale,
                     .out = out},
         {blocks * slices});
}

void device_site::reduce_blocks(index sums, index blocks, float* out) {
  const index slices = items_for(d_, slice);
  for (index apart = 1;; apart *= reduce_block_sums::fan) {
    const reduce_block_sums levels{.parts = own_.partial.data(),
                                   .width = d_,
                                   .slices = slices,
                                   .blocks = blocks,
                                   .apart = apart,
                                   .out = out};
    launch(levels, {sums * levels.nodes() * slices});
    if (levels.nodes() == 1) return;
  }
}

// One sensory node, so one block, whose partial sum is the sum.
void device_site::sense_hubs() {
  const index* const token = reinterpret_cast<const index*>(own_.token.data());
  push(shared_.sensory, shared_.sensory.view(), token, shared_.one.data(), shared_.positions.data(),
       1, 1, own_.hub_input.data());
  tally(shared_.sensory, d_, token, nullptr, 1, per_x, edges);
}

void device_site::push_y() {
  launch(gather_list{.list = list_y_sent(),
                     .count = count_y_sent(),
                     .from = y_sent().data(),
                     .to = own_.y_values.data()},
         {items_for(n_), count_y_sent(), chunk});
  launch(list_starts{.grid = grid_,
                     .list = list_y_sent(),
                     .count = count_y_sent(),
                     .start = own_.start.data()},
         {items_for(grid_.blocks() + 1)});
  push(shared_.e, shared_.e.view(), list_y_sent(), own_.y_values.data(), own_.start.data(), 1,
       grid_.blocks(), own_.partial.data());
  if (spikes_.emits(spike_source::y))
    tally_spikes_over(shared_.e, d_);
  else
    tally(shared_.e, d_, own_.list_y.data(), count_y(), 1, per_y, edges);
}

void device_site::y_to_hubs() {
  push_y();
  reduce_blocks(1, grid_.blocks(), own_.hub_input.data());
}

void device_site::fetch_sums_of_y(std::vector<float>& sums, std::vector<index>& starts) {
  push_y();
  sums.resize(own_.partial.size());
  starts.resize(own_.start.size());
  own_.partial.download(sums);
  own_.start.download(starts);
}

void device_site::update_w(std::span<const float> hub_input, layer_id layer) {
  own_.hub_input.upload(hub_input);
  update_hub_w(false, layer);
}

void device_site::update_hub_w(bool token, layer_id layer) {
  const dynamics& rules = model_.rules();
  float* const gains = result<float>(layout_.gains);
  launch(gpu::update_hub_w{.update = {.z = own_.hub_input.data(),
                                      .w = own_.w.data(),
                                      .n = d_,
                                      .epsilon = static_cast<float>(rules.epsilon()),
                                      .centre = rules.centred(),
                                      .scale = rules.scales_w(token),
                                      .accumulate = rules.accumulates_w(token),
                                      .gain_y = gains,
                                      .gain_w = gains + 1},
                           .log = log(),
                           .check = check(layer, "W at hub", 2)},
         {1});
}

// ---- hubs and sources -> neurons, thresholds

// Rows of targets, all or the listed ones; with a `head_stride` each hears the activity of its
// head.
void device_site::pull(const projection& p, const device_projection& on_device, const index* list,
                       const index* count, const float* activity, std::size_t head_stride,
                       float* out) {
  pull_rows program{.indptr = p.is_dense() ? nullptr : on_device.indptr.data(),
                    .source = on_device.indices.data(),
                    .rows = on_device.view(),
                    .width = p.columns(),
                    .list = list,
                    .activity = activity,
                    .per_head = head_stride == 0 ? 0 : model_.neurons_per_head(),
                    .head_stride = head_stride,
                    .of = short_rows,
                    .out = out};
  const extent all{p.rows(), count, 1};
  launch(program, all);
  if (!on_device.has_long_rows) return;
  program.of = long_rows;
  launch(pull_long_rows{.rows = program}, all);
}

void device_site::threshold_x(layer_id layer) {
  const layer_controls* const controlled = controls_of(layer);
  if (controlled) add(controlled->add_x, own_.drive);
  const bool accumulate = model_.rules().x() == x_rule::accumulate;
  launch(fire_x{.drive = own_.drive.data(),
                .x = own_.x.data(),
                .n = n_,
                .accumulate = accumulate,
                .log = log(),
                .check = check(layer, "drive of X of neuron")},
         {items_for(n_)});
  if (controlled) hold(controlled->hold_x, own_.x);
  if (accumulate)
    launch(
        check_values{
            .values = own_.x.data(), .n = n_, .log = log(), .check = check(layer, "X of neuron")},
        {items_for(n_)});
  books_.x_layer = layer;
  books_.rows_layer = 0;
  compact(own_.x, 1, own_.list_x, count_x());
  if (spikes_.emits(spike_source::x)) emit(spike_arrays::of_x, layer);
  if (rotates_) compact(x_sent(), 2, own_.list_units, count_units());
}

void device_site::threshold_y(layer_id layer) {
  const layer_controls* const controlled = controls_of(layer);
  if (controlled) add(controlled->add_y, own_.drive);
  launch(fire_y{.drive = own_.drive.data(),
                .x = own_.x.data(),
                .y = own_.y.data(),
                .n = n_,
                .log = log(),
                .check = check(layer, "drive of Y of neuron")},
         {items_for(n_)});
  if (controlled) hold(controlled->hold_y, own_.y);
  launch(
      check_values{
          .values = own_.y.data(), .n = n_, .log = log(), .check = check(layer, "Y of neuron")},
      {items_for(n_)});
  books_.y_layer = layer;
  compact(own_.y, 1, own_.list_y, count_y());
  if (spikes_.emits(spike_source::y)) emit(spike_arrays::of_y, layer);
}

void device_site::read_out(const projection& p, const device_projection& on_device,
                           const float* activity) {
  if (p.edges() == 0) return;
  float* const logits = own_.logits.data();
  pull(p, on_device, nullptr, nullptr, activity, 0, logits);
  tally_all(p);
  launch(check_values{.values = logits, .n = p.rows(), .log = log(), .check = check(0, "logit")},
         {items_for(p.rows())});
}

void device_site::turn_to(layer_id layer) {
  const std::uint64_t now = books_.clock[layer - 1];
  if (!rotates_ || books_.angles_at == now) return;
  books_.angles_at = now;
  const auto pairs = static_cast<index>(shared_.frequency.size());
  launch(turn_angles{.frequency = shared_.frequency.data(),
                     .n = pairs,
                     .clock = clock(layer),
                     .cosine = own_.cosine.data(),
                     .sine = own_.sine.data()},
         {items_for(pairs)});
}

}  // namespace bdh::gpu
