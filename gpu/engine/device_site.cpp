#include "gpu/engine/device_site.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include <bdh/error.hpp>
#include <bdh/sampling.hpp>

namespace bdh::gpu {
namespace {

constexpr std::size_t most_looked_at = 1 << 16;  // synapses, in one launch

std::size_t aligned(std::size_t bytes) { return (bytes + 7) / 8 * 8; }

bool counts_edges(const model& m) {
  const hub_circuits& c = m.circuits();
  return m.is_direct() || !c.e.is_dense() || !c.sensory.is_dense() || !c.dy.is_dense();
}

}  // namespace

void device_projection::plan(memory_plan& memory, const projection& p) {
  memory.add(indptr, p.indptr().size(), p.name() + ", rows");
  memory.add(indices, p.indices().size(), p.name() + ", indices");
  if (p.is_bfloat16())
    memory.add(narrow, p.edges(), p.name() + ", weights");
  else
    memory.add(weights, p.edges(), p.name() + ", weights");
  for (std::size_t r = 0; r + 1 < p.indptr().size(); ++r)
    has_long_rows |= long_rows.contain(p.indptr()[r + 1] - p.indptr()[r]);
}

void device_projection::upload(const projection& p) {
  indptr.upload(p.indptr());
  indices.upload(p.indices());
  if (p.is_bfloat16())
    narrow.upload({p.view().narrow, p.edges()});
  else
    weights.upload(p.weights());
}

void row_bins::plan(memory_plan& memory, std::span<const edge_id> degrees,
                    const std::string& what) {
  for (std::size_t r = 0; r < degrees.size(); ++r)
    (degrees[r] <= lane_edges ? few_edges : many_edges).push_back(static_cast<index>(r));
  if (many_edges.empty()) return;
  memory.add(few, few_edges.size(), what + ", rows of few edges");
  memory.add(many, many_edges.size(), what + ", rows of many edges");
}

void row_bins::upload() {
  if (many_edges.empty()) return;
  few.upload(few_edges);
  many.upload(many_edges);
}

result_layout::result_layout(const model& m) : layers(m.layers()) {
  const std::size_t counts = aligned((layers + 1) * sizeof(index));
  any = 0;
  gains = 8;
  active_x = 16;
  active_y = active_x + counts;
  units = active_y + counts;
  counted = units + counts;
  bytes = counted + 2 * sizeof(std::uint64_t);
}

device_site::device_site(const model& m, double retention)
    : model_(m),
      retention_(retention),
      rotates_(m.rotation().present()),
      n_(m.neurons()),
      d_(m.hubs()),
      unit_(rotates_ ? 2 : 1),
      grid_(m.heads(), m.neurons_per_head()),
      layout_(m),
      readout_nodes_(m.readout_nodes()),
      stored_(m.layers()),
      last_used_(m.layers()),
      clock_(m.layers()),
      clock_at_start_(m.layers()),
      host_results_(layout_.bytes),
      logits_(m.readout_nodes()) {
  counts_.active_x.resize(m.layers());
  counts_.active_y.resize(m.layers());
  e_.plan(model_memory_, m.circuits().e);
  sensory_.plan(model_memory_, m.circuits().sensory);
  model_memory_.add(frequency_, m.rotation().frequency().size(), "rotation");
  memory_.add(cosine_, m.rotation().frequency().size(), "cosines");
  memory_.add(sine_, m.rotation().frequency().size(), "sines");
  model_memory_.add(identity_, std::max<std::size_t>({n_, m.sensory_nodes(), 1}) + 1, "positions");
  model_memory_.add(one_, 1, "one");
  memory_.add(token_, 1 + m.layers(), "token and clocks");
  memory_.add(results_, layout_.bytes, "results");
  const index tallies = counts_edges(m) ? items_for(std::max(m.sources(), m.neurons())) : 0;
  memory_.add(tallies_, std::size_t{2} * tallies, "counts");
  memory_.add(total_, std::size_t{2} * items_for(tallies), "sums of counts");
  memory_.add(readout_values_, readout_nodes_, "logits");
  if (can_choose()) {
    const index chunks = items_for(readout_nodes_);
    memory_.add(likely_, chunks, "most likely tokens");
    memory_.add(among_, readout_nodes_, "tokens to choose from");
    memory_.add(plain_, readout_nodes_, "likelihoods");
    memory_.add(weight_, readout_nodes_, "likelihoods at a temperature");
    memory_.add(plain_sum_, chunks, "sums of likelihoods");
    memory_.add(weight_sum_, chunks, "sums of likelihoods at a temperature");
    memory_.add(outlook_, 1, "choice");
  }
  memory_.add(
      fault_slots_,
      std::max<std::size_t>({n_, m.sources(), std::size_t{m.heads()} * d_, m.readout_nodes()}),
      "faults");
  memory_.add(x_, n_, "X");
  memory_.add(y_, n_, "Y");
  memory_.add(drive_, n_, "drive of X and Y");
  memory_.add(heard_, std::size_t{m.heads()} * d_, "hub values");
  memory_.add(y_values_, n_, "values of active Y");
  memory_.add(list_x_, n_, "active X");
  memory_.add(list_y_, n_, "active Y");
  memory_.add(list_units_, rotates_ ? n_ / 2 : 0, "active pairs");
  memory_.add(start_, grid_.blocks() + 1, "blocks of a list");
  for (layer_id l = 1; l <= m.layers(); ++l) {
    memory_.add(stored_[l - 1], m.synapses(), "synapses of layer " + std::to_string(l));
    memory_.add(last_used_[l - 1], m.row_units(), "clocks of layer " + std::to_string(l));
  }
  const std::size_t looked_at = std::min<std::size_t>(m.synapses(), most_looked_at);
  memory_.add(which_, looked_at, "synapses looked at");
  memory_.add(strengths_, looked_at, "strengths looked at");
}

std::vector<memory_use> device_site::memory_uses() const {
  std::vector<memory_use> all = model_memory_.uses();
  all.insert(all.end(), memory_.uses().begin(), memory_.uses().end());
  return all;
}

void device_site::load(device& on, const device_site* sibling) {
  on_ = &on;
  memory_.add(workspace_, on.compact_workspace(n_), "workspace");
  if (sibling) {
    own_arena_ = allocate({&memory_}, on, "a stream of this model");
    arena_ = sibling->arena_;
    model_memory_.place(on, arena_->data(), false);
  } else {
    arena_ = std::make_shared<allocation>(allocate({&model_memory_, &memory_}, on, "this model"));
    upload_model();
  }
  const float gains[] = {1.0f, 1.0f};
  on.upload(result<float>(layout_.gains), gains, sizeof gains);
  prepare();
  begin_token();
  clear_synapses();
}

void device_site::upload_model() {
  e_.upload(model_.circuits().e);
  sensory_.upload(model_.circuits().sensory);
  frequency_.upload(model_.rotation().frequency());
  std::vector<index> positions(identity_.size());
  std::iota(positions.begin(), positions.end(), index{0});
  identity_.upload(positions);
  const float one = 1.0f;
  one_.upload({&one, 1});
}

// ---- a token

void device_site::present(token_id token) {
  std::vector<std::uint64_t> sent(
      1, token);  // its low half is read: devices and hosts are little-endian
  sent.insert(sent.end(), clock_.begin(), clock_.end());
  clock_at_start_ = clock_;
  token_.upload(sent);
  if (faults_kept_) fault_slots_.clear();
  faults_kept_ = false;
  fault_.reset();
}

void device_site::begin_token() {
  x_layer_ = y_layer_ = used_layer_ = 0;
  angles_at_.reset();
  checks_.clear();
  events_ = writes_ = no_events();
  clear(x_);
  clear(y_);
  clear(w_);
  clear(results_.data() + layout_.any, sizeof(index));
  clear(results_.data() + layout_.active_x, layout_.bytes - layout_.active_x);
  clear(tallies_);
}

void device_site::end_token() {
  const std::uint64_t* from = tallies_.data();
  for (index n = static_cast<index>(tallies_.size() / 2); n != 0; n = items_for(n)) {
    std::uint64_t* const to = n <= chunk ? result<std::uint64_t>(layout_.counted) : total_.data();
    launch(total_counts{from, n, to}, {2 * items_for(n)});
    if (n <= chunk) return;
    from = to;
  }
}

std::vector<std::uint64_t> device_site::clock_differences() const {
  std::vector<std::uint64_t> all;
  for (std::uint64_t c : clock_at_start_) all.push_back(c - clock_at_start_[0]);
  return all;
}

device_site::event_count device_site::no_events() const {
  event_count none;
  for (auto& by : none.of) by.assign(model_.layers() + 1, 0);
  return none;
}

std::uint64_t device_site::total(const event_count& e, tallied what) const {
  const auto at = [&](std::size_t offset) { return host_results_.data() + offset; };
  std::uint64_t sum =
      e.constant + reinterpret_cast<const std::uint64_t*>(at(layout_.counted))[what];
  const std::size_t lists[] = {layout_.active_x, layout_.active_y,
                               rotates_ ? layout_.units : layout_.active_x};
  for (int by : {per_x, per_y, per_unit})
    for (std::size_t l = 1; l <= layout_.layers; ++l)
      sum += e.of[by][l] * reinterpret_cast<const index*>(at(lists[by]))[l];
  return sum;
}

void device_site::fetch() {
  results_.download(host_results_);
  const auto at = [&](std::size_t offset) { return host_results_.data() + offset; };
  for (std::size_t l = 1; l <= layout_.layers; ++l) {
    counts_.active_x[l - 1] = reinterpret_cast<const index*>(at(layout_.active_x))[l];
    counts_.active_y[l - 1] = reinterpret_cast<const index*>(at(layout_.active_y))[l];
  }
  counts_.synaptic_events = total(events_, edges);
  counts_.hebbian_writes = total(writes_, writes);
  if (*reinterpret_cast<const index*>(at(layout_.any)) == 0) return;
  faults_kept_ = true;
  std::vector<fault_slot> slots(fault_slots_.size());
  fault_slots_.download(slots);
  const fault_slot* first = nullptr;
  for (const fault_slot& s : slots)
    if (s.check != 0 &&
        (!first || s.check < first->check || (s.check == first->check && s.who < first->who)))
      first = &s;
  const check_place& place = checks_[first->check - 1];
  fault_ = fault{first->check, place.layer, place.what, first->who, first->value};
}

std::optional<fault> device_site::first_fault() const { return fault_; }

pool_gains device_site::gains() const {
  float both[2];
  on_->download(both, results_.data() + layout_.gains, sizeof both);
  return {both[0], both[1]};
}

index device_site::check(layer_id layer, const char* what, index count) {
  checks_.insert(checks_.end(), count, {layer, what});
  return static_cast<index>(checks_.size() - count + 1);
}

void device_site::tally(const device_projection& p, index width, const index* list,
                        const index* count, index unit, counted by, tallied into) {
  event_count& e = into == edges ? events_ : writes_;
  if (!p.indptr.empty())
    launch(tally_edges{list, count, p.indptr.data(), unit, tallies(into)},
           {count ? items_for(n_) : 1, count, chunk});
  else if (!count)
    e.constant += width;
  else
    e.of[by][by == per_y ? y_layer_ : x_layer_] += std::uint64_t{unit} * width;
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
  if (count != 0) launch(add_values{stage(values), count, into.data()}, {items_for(count)});
}

void device_site::hold(const std::vector<neuron_value>& values, buffer<float>& into) {
  const auto count = static_cast<index>(values.size());
  if (count != 0) launch(hold_values{stage(values), count, into.data()}, {items_for(count)});
}

// ---- sources -> hubs

void device_site::push(const device_projection& p, stored_weights rows, const index* list,
                       const float* values, const index* start, index scale, index blocks,
                       float* out) {
  const bool dense = p.indptr.empty();
  const index slices = dense ? items_for(d_, slice) : 1;
  launch(push_blocks{dense ? nullptr : p.indptr.data(), p.indices.data(), rows, d_, slices, list,
                     values, start, scale, out},
         {blocks * slices});
}

void device_site::reduce_blocks(index sums, index blocks, float* out) {
  const index slices = items_for(d_, slice);
  launch(collect_blocks{partial_.data(), d_, slices, blocks, out}, {sums * slices});
}

// One sensory node, so one block, whose partial sum is the sum.
void device_site::sense_hubs() {
  const index* const token = reinterpret_cast<const index*>(token_.data());
  push(sensory_, sensory_.view(), token, one_.data(), identity_.data(), 1, 1, heard_.data());
  tally(sensory_, d_, token, nullptr, 1, per_x, edges);
}

void device_site::y_to_hubs() {
  launch(gather_list{list_y_.data(), count_y(), y_.data(), y_values_.data()},
         {items_for(n_), count_y(), chunk});
  launch(list_starts{grid_, list_y_.data(), count_y(), start_.data()},
         {items_for(grid_.blocks() + 1)});
  push(e_, e_.view(), list_y_.data(), y_values_.data(), start_.data(), 1, grid_.blocks(),
       partial_.data());
  tally(e_, d_, list_y_.data(), count_y(), 1, per_y, edges);
  reduce_blocks(1, grid_.blocks(), heard_.data());
}

void device_site::hear_w(bool token, layer_id layer) {
  const dynamics& rules = model_.rules();
  const index first = check(layer, "W at hub", 2);
  gpu::hear_w program{heard_.data(),
                      w_.data(),
                      d_,
                      static_cast<float>(rules.epsilon()),
                      rules.centred(),
                      token ? rules.token_gain() : rules.w() != w_rule::y,
                      !token && rules.w() == w_rule::leaky_sum,
                      result<float>(layout_.gains),
                      result<float>(layout_.gains) + 1,
                      log(),
                      first};
  launch(program, {1});
}

// ---- hubs and sources -> neurons, thresholds

// Rows of targets, all or the listed ones; with a `head_stride` each hears the activity of its
// head.
void device_site::pull(const projection& p, const device_projection& on_device, const index* list,
                       const index* count, const float* activity, std::size_t head_stride,
                       float* out) {
  pull_rows program{p.is_dense() ? nullptr : on_device.indptr.data(),
                    on_device.indices.data(),
                    on_device.view(),
                    p.columns(),
                    list,
                    activity,
                    head_stride == 0 ? 0 : model_.neurons_per_head(),
                    head_stride,
                    short_rows,
                    out};
  const extent all{p.rows(), count, 1};
  launch(program, all);
  if (!on_device.has_long_rows) return;
  program.of = long_rows;
  launch(pull_long_rows{program}, all);
}

void device_site::threshold_x(layer_id layer) {
  const layer_controls* const controlled = controls_of(layer);
  if (controlled) add(controlled->add_x, drive_);
  const bool accumulate = model_.rules().x() == x_rule::accumulate;
  launch(
      fire_x{drive_.data(), x_.data(), n_, accumulate, log(), check(layer, "drive of X of neuron")},
      {items_for(n_)});
  if (controlled) hold(controlled->hold_x, x_);
  if (accumulate)
    launch(check_values{x_.data(), n_, log(), check(layer, "X of neuron")}, {items_for(n_)});
  x_layer_ = layer;
  used_layer_ = 0;
  compact(x_, 1, list_x_, count_x());
  if (rotates_) compact(x_, 2, list_units_, count_units());
}

void device_site::threshold_y(layer_id layer) {
  const layer_controls* const controlled = controls_of(layer);
  if (controlled) add(controlled->add_y, drive_);
  launch(
      fire_y{drive_.data(), x_.data(), y_.data(), n_, log(), check(layer, "drive of Y of neuron")},
      {items_for(n_)});
  if (controlled) hold(controlled->hold_y, y_);
  launch(check_values{y_.data(), n_, log(), check(layer, "Y of neuron")}, {items_for(n_)});
  y_layer_ = layer;
  compact(y_, 1, list_y_, count_y());
}

void device_site::read_out(const projection& p, const device_projection& on_device,
                           const float* activity) {
  if (p.edges() == 0) return;
  float* const logits = readout_values_.data();
  pull(p, on_device, nullptr, nullptr, activity, 0, logits);
  tally_all(p);
  launch(check_values{logits, p.rows(), log(), check(0, "logit")}, {items_for(p.rows())});
}

void device_site::turn_to(layer_id layer) {
  const std::uint64_t now = clock_[layer - 1];
  if (!rotates_ || angles_at_ == now) return;
  angles_at_ = now;
  const auto pairs = static_cast<index>(frequency_.size());
  launch(turn_angles{frequency_.data(), pairs, clock(layer), cosine_.data(), sine_.data()},
         {items_for(pairs)});
}

// ---- logits

outlook device_site::choose(const sampling& how, double share, std::optional<token_id> asked) {
  const index chunks = items_for(readout_nodes_);
  const find_likely likely{readout_values_.data(), readout_nodes_, likely_.data()};
  gpu::launch(*on_, likely, {chunks});
  const bool some = how.temperature != 0 && how.top_k != 0 && how.top_k < readout_nodes_;
  if (some)
    gpu::launch(*on_, rank_tokens{readout_values_.data(), readout_nodes_, how.top_k, among_.data()},
                {readout_nodes_});
  const weigh_tokens weigh{likely,
                           how.temperature,
                           some ? among_.data() : nullptr,
                           plain_.data(),
                           weight_.data(),
                           plain_sum_.data(),
                           weight_sum_.data()};
  gpu::launch(*on_, weigh, {chunks});
  gpu::launch(*on_, draw_token{weigh, share, asked.has_value(), asked.value_or(0), outlook_.data()},
              {1});
  outlook found;
  outlook_.download({&found, 1});
  return found;
}

// ---- looking at synapses, saving

synapse_rows device_site::rows(layer_id layer) const noexcept {
  return {stored_[layer - 1].data(),
          synapse_indptr(),
          n_,
          d_,
          model_.neurons_per_head(),
          rotates_ ? frequency_.data() : nullptr,
          last_used_[layer - 1].data(),
          clock_[layer - 1],
          retention_,
          own_retention()};
}

void device_site::read_synapses(layer_id layer, edge_id first, std::span<float> out) {
  for (std::size_t at = 0; at < out.size(); at += most_looked_at) {
    const std::span<float> now = out.subspan(at, std::min(most_looked_at, out.size() - at));
    const auto count = static_cast<index>(now.size());
    gpu::launch(*on_, read_strengths{rows(layer), nullptr, first + at, count, strengths_.data()},
                {items_for(count)});
    strengths_.download(now);
  }
}

void device_site::read_synapses(layer_id layer, std::span<const edge_id> which,
                                std::span<float> out) {
  for (std::size_t at = 0; at < out.size(); at += which_.size()) {
    const std::span<float> now = out.subspan(at, std::min(which_.size(), out.size() - at));
    const auto count = static_cast<index>(now.size());
    which_.upload(which.subspan(at, now.size()));
    gpu::launch(*on_, read_strengths{rows(layer), which_.data(), 0, count, strengths_.data()},
                {items_for(count)});
    strengths_.download(now);
  }
}

void device_site::write_synapses(layer_id layer, std::span<const edge_id> which,
                                 std::span<const float> values) {
  for (std::size_t at = 0; at < which.size(); at += which_.size()) {
    const std::size_t count = std::min(which_.size(), which.size() - at);
    which_.upload(which.subspan(at, count));
    strengths_.upload(values.subspan(at, count));
    gpu::launch(
        *on_,
        write_strengths{rows(layer), which_.data(), strengths_.data(), static_cast<index>(count)},
        {1});
  }
}

layer_synapses device_site::save(layer_id layer) const {
  layer_synapses all;
  all.clock = clock_[layer - 1];
  all.stored = array<float>(model_.synapses());
  all.last_used = array<std::uint64_t>(model_.row_units());
  stored_[layer - 1].download(all.stored);
  last_used_[layer - 1].download(all.last_used);
  return all;
}

void device_site::restore(layer_id layer, const layer_synapses& from) {
  stored_[layer - 1].upload(from.stored);
  last_used_[layer - 1].upload(from.last_used);
  clock_[layer - 1] = from.clock;
}

void device_site::clear_synapses() {
  for (auto& layer : stored_) layer.clear();
  for (auto& layer : last_used_) layer.clear();
  std::fill(clock_.begin(), clock_.end(), 0);
}

}  // namespace bdh::gpu
