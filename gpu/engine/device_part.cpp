// One of several sites on a device of its own: whole heads of a model through hubs. All that is of
// its neurons is on the device; sums of blocks of Y and values of hubs travel through the host.
#include <algorithm>
#include <string>
#include <vector>

#include <bdh/error.hpp>

#include "core/base/instruction_set.hpp"
#include "core/model/merge_and_slice.hpp"
#include "core/simulation/partition.hpp"
#include "gpu/engine/device_engine.hpp"
#include "kernels/cpu/block_sums.hpp"
#include "kernels/cpu/cpu_site.hpp"

namespace bdh {
namespace {

std::vector<site_share> shares_of(const model& m, site_id sites) {
  return partition({m.heads(), m.neurons(), m.hubs(), m.sensory_nodes(), m.readout_nodes()}, sites);
}

model part_of(const model& m, id_range neurons) {
  std::vector<neuron_id> keep(neurons.size());
  for (neuron_id k = 0; k < keep.size(); ++k) keep[k] = neurons.begin + k;
  return slice(m, keep).result;
}

class device_part final : public engine {
 public:
  device_part(const model& m, const std::shared_ptr<gpu::device>& on, site_id self, site_id sites,
              double retention)
      : whole_(m),
        variables_(variables_of(m)),
        shares_(shares_of(m, sites)),
        self_(self),
        share_(shares_[self]),
        blocks_(block_grid(m.heads(), m.neurons_per_head()).blocks()),
        own_(part_of(m, share_.neurons)),
        inside_(own_, on, retention),
        a_(std::size_t{m.heads()} * m.hubs()),
        own_a_(std::size_t{own_.heads()} * m.hubs()),
        hub_input_(m.hubs()),
        at_hubs_(share_.hubs.size()),
        sums_(share_.blocks.size(), m.hubs(), bodies_),
        roots_(blocks_, share_.hubs.size(), bodies_) {
    for (head_id h = 0; h < own_.heads(); ++h)
      heads_.push_back(share_.neurons.begin / m.neurons_per_head() + h);
  }

  site_id sites() const noexcept override { return static_cast<site_id>(shares_.size()); }
  site_range local() const noexcept override { return {self_, self_ + 1}; }
  std::string device() const override { return inside_.device(); }
  std::span<const stage> stages(action a) const noexcept override {
    static constexpr stage of_a[] = {stage::to_hubs, stage::arrive},
                           of_w[] = {stage::to_hubs, stage::at_hubs, stage::arrive};
    if (a == action::propagate_synapses) return of_a;
    return a == action::update_w ? of_w : inside_.stages(a);
  }
  void control(const applied_controls* what) override {
    if (what) expect_possible(*what);
    inside_.control(what ? &own_controls_.emplace(own(*what)) : nullptr);
  }
  void present(token_id token, site_id) override {
    inside_.present(token, 0);
    token_ = token;
    std::fill(a_.begin(), a_.end(), 0.0f);
  }
  void perform(const step& s, site_id, const inbox& received, outbox& sent) noexcept override {
    if (s.what == action::update_w) return update_w(s, received, sent);
    if (s.what == action::propagate_synapses) return propagate_synapses(s, received, sent);
    if (s.what != action::read_out || self_ == 0) inside_.perform(s, 0, received, sent);
  }
  std::unique_ptr<engine> new_stream() const override {
    return std::make_unique<device_part>(whole_, inside_.on(), self_, sites(), retention());
  }

  // The token's node, which is on every device, is counted by the first.
  const site_counts& counts(site_id) const noexcept override {
    counts_ = inside_.counts(0);
    if (self_ != 0) counts_.synaptic_events -= row_edges(own_.circuits().sensory, token_);
    return counts_;
  }
  std::optional<fault> first_fault(site_id) const override {
    auto found = inside_.first_fault(0);
    if (found && found->what.ends_with("neuron")) found->who += share_.neurons.begin;
    return found;
  }
  std::span<const float> logits() const noexcept override {
    return self_ == 0 ? inside_.logits() : std::span<const float>();
  }
  std::span<const variable_info> variables() const noexcept override { return variables_; }
  void read(variable v, std::span<float> out) const override {
    if (v == variable::w) return inside_.read(v, out);
    if (v == variable::a) {
      std::copy(a_.begin(), a_.end(), out.begin());
      return;
    }
    inside_.read(v, out.subspan(share_.neurons.begin, share_.neurons.size()));
  }
  void read_synapses(layer_id layer, neuron_id neuron, std::span<float> out) const override {
    inside_.read_synapses(layer, neuron - share_.neurons.begin, out);
  }
  void read_synapses(layer_id layer, std::span<const edge_id> which,
                     std::span<float> out) const override {
    inside_.read_synapses(layer, own(which), out);
  }
  void write_synapses(layer_id layer, std::span<const edge_id> which,
                      std::span<const float> values) override {
    inside_.write_synapses(layer, own(which), values);
  }
  pool_gains gains() const noexcept override { return inside_.gains(); }

  state_arrays save(layer_id layer) const override { return save_in_parts(*this, layer, all_); }
  void restore(layer_id layer, const state_arrays& from) override {
    restore_in_parts(*this, layer, from, all_);
  }
  bool has_parts() const noexcept override { return true; }
  void save_part(layer_id layer, const kept_part& to) const override {
    const state_arrays own = inside_.save(layer);
    common(own, to, [](auto& here, auto& there) { there = here; });
  }
  void restore_part(layer_id layer, const kept_part& from) override {
    state_arrays own = inside_.save(layer);
    common(own, from, [](auto& here, auto& there) { here = there; });
    inside_.restore(layer, own);
  }
  void clear_synapses() override { inside_.clear_synapses(); }
  double retention() const noexcept override { return inside_.retention(); }
  std::size_t state_bytes() const noexcept override { return inside_.state_bytes(); }

 private:
  static constexpr std::size_t all_ = ~std::size_t{0};

  // A of the own heads is complete here: their trees are. The others are sent theirs to be read.
  void propagate_synapses(const step& s, const inbox& received, outbox& sent) noexcept {
    const std::uint32_t d = whole_.hubs();
    if (s.at == stage::to_hubs) {
      inside_.perform({s.what, stage::local, s.layer}, 0, received, sent);
      inside_.fetch_a(own_a_);
      for (auto& to : sent)
        to.push_back({self_, heads_, own_a_.data(), d, d, {.how = joining::sources}});
      return;
    }
    for (const message& m : received)
      for (std::size_t r = 0; r < m.rows.size(); ++r)
        std::copy_n(m.row(r), d, a_.begin() + static_cast<std::ptrdiff_t>(m.rows[r]) * d);
  }

  void update_w(const step& s, const inbox& received, outbox& sent) noexcept {
    if (s.at == stage::to_hubs) return send_sums(sent);
    if (s.at == stage::at_hubs) return add_sums(received, sent);
    for (const message& m : received)
      std::copy_n(m.values, m.width, hub_input_.begin() + shares_[m.from].hubs.begin);
    inside_.update_w(hub_input_, s.layer);
  }
  void send_sums(outbox& sent) noexcept {
    const std::uint32_t d = whole_.hubs();
    inside_.fetch_sums_of_y(block_sum_, block_start_);
    sums_.clear();
    sums_.begin(share_.blocks, blocks_);
    for (neuron_id b = 0; b < share_.blocks.size(); ++b)
      if (block_start_[b] != block_start_[b + 1])
        std::copy_n(block_sum_.begin() + std::ptrdiff_t{b} * d, d,
                    sums_.add(share_.blocks.begin + b));
    sums_.end();
    for (site_id to = 0; to < sites(); ++to) {
      const id_range hubs = shares_[to].hubs;
      if (hubs.size() != 0)
        sent[to].push_back({self_,
                            sums_.labels(),
                            sums_.rows() + hubs.begin,
                            d,
                            hubs.size(),
                            {.how = joining::sums,
                             .columns = d,
                             .per_tree = blocks_,
                             .complete = sums_.complete()}});
    }
  }
  void add_sums(const inbox& received, outbox& sent) noexcept {
    const std::uint32_t width = share_.hubs.size();
    if (width == 0) return;
    roots_.clear();
    for (const message& m : received)
      for (std::size_t r = 0; r < m.rows.size(); ++r) roots_.add(m.rows[r], m.row(r));
    roots_.write(0, blocks_, at_hubs_.data());
    for (auto& to : sent)
      to.push_back({self_,
                    {&zero_, 1},
                    at_hubs_.data(),
                    width,
                    width,
                    {.how = joining::columns, .columns = whole_.hubs()}});
  }

  void expect_possible(const applied_controls& what) const {
    const bool cuts = std::any_of(
        what.layers.begin(), what.layers.end(),
        [](const layer_controls& l) { return !l.cut_gx.empty() || !l.cut_synapses.empty(); });
    if (cuts || !what.removed.empty())
      throw unavailable_error("intervention", "a lesion on a part of a device's neurons",
                              "one site, or the CPU");
  }
  applied_controls own(const applied_controls& what) const {
    applied_controls mine = what;
    for (layer_controls& l : mine.layers)
      for (auto* list : {&l.add_x, &l.add_y, &l.hold_x, &l.hold_y}) {
        std::erase_if(*list,
                      [&](const neuron_value& v) { return !share_.neurons.contains(v.neuron); });
        for (neuron_value& v : *list) v.neuron -= share_.neurons.begin;
      }
    return mine;
  }
  std::vector<edge_id> own(std::span<const edge_id> which) const {
    std::vector<edge_id> mine(which.begin(), which.end());
    for (edge_id& e : mine) e -= edge_id{share_.neurons.begin} * whole_.hubs();
    return mine;
  }
  // f(own value, value of the part) for those that both have.
  template <class Arrays, class F>
  void common(Arrays& own, const kept_part& part, F f) const {
    const neuron_id unit = whole_.rotation().present() ? 2 : 1;
    std::uint64_t begin = share_.neurons.begin / unit;
    if (part.what == variable::synapses)
      begin = std::uint64_t{share_.neurons.begin} * whole_.hubs();
    if (part.what == variable::clock) begin = 0;
    const auto move = [&](auto& values, auto there) {
      for_common(begin, values.size(), part,
                 [&](std::uint64_t at, std::uint64_t in_part, std::uint64_t count) {
                   for (std::uint64_t k = 0; k < count; ++k) f(values[at + k], there[in_part + k]);
                 });
    };
    if (part.what == variable::synapses)
      move(own.strengths(), part.reals);
    else
      move(own.counts(part.what), part.counts);
  }

  const model& whole_;
  const std::vector<variable_info> variables_;
  const std::vector<site_share> shares_;
  const site_id self_;
  const site_share& share_;
  const neuron_id blocks_;  // of all neurons
  const model own_;
  device_engine inside_;
  std::vector<float> a_, own_a_;  // of all heads, of the own ones
  std::vector<float> hub_input_, at_hubs_, block_sum_;
  std::vector<std::uint32_t> heads_, block_start_;
  const kernels::cpu_kernels& bodies_ = kernels::cpu_kernels_for(instruction_set::best);
  block_sums sums_;
  block_roots roots_;
  const std::uint32_t zero_ = 0;
  token_id token_ = 0;
  std::optional<applied_controls> own_controls_;
  mutable site_counts counts_;
};

}  // namespace

std::unique_ptr<engine> device_part_engine(const model& m, const std::shared_ptr<gpu::device>& on,
                                           site_id self, site_id sites, double retention) {
  if (m.is_direct() || !m.memory_order().empty() || m.heads() % sites != 0)
    throw unavailable_error("gpu", std::to_string(sites) + " sites",
                            "a model through hubs whose heads they share equally");
  return std::make_unique<device_part>(m, on, self, sites, retention);
}

}  // namespace bdh
