#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>

#include "core/simulation/permuted_engine.hpp"
#include "kernels/cpu/cpu_learner.hpp"
#include "kernels/cpu/direct_site.hpp"
#include "kernels/cpu/hub_site.hpp"
#include "kernels/cpu/prefill.hpp"

namespace bdh {
namespace {

// Sites of a process have particles that follow each other.
std::shared_ptr<const own_circuits> circuits_here(const model& m,
                                                  const std::vector<site_share>& shares,
                                                  site_range local) {
  if (local.size() == shares.size()) return std::make_shared<own_circuits>(m);
  id_range neurons, sensory;
  for (site_id s = local.begin; s < local.end; ++s) {
    const id_range more = shares[s].neurons, nodes = sensory_sources(m, shares[s]);
    if (more.size() != 0) neurons = {neurons.size() == 0 ? more.begin : neurons.begin, more.end};
    if (nodes.size() != 0) sensory = {sensory.size() == 0 ? nodes.begin : sensory.begin, nodes.end};
  }
  if (sensory.size() == 0) sensory = {m.sources(), m.sources()};
  return std::make_shared<own_circuits>(m, neurons, sensory);
}

class site_engine final : public engine {
 public:
  // `circuits`: of another engine of the same sites; null: none is there.
  site_engine(const model& m, const cpu_options& options,
              std::shared_ptr<const own_circuits> circuits = nullptr)
      : model_(m),
        options_(options),
        retention_(options.retention.value_or(m.retention())),
        variables_(variables_of(m)),
        shares_(partition({m.heads(), m.neurons(), m.hubs(), m.sensory_nodes(), m.readout_nodes()},
                          options.sites)),
        bodies_(kernels::cpu_kernels_for(options.instructions)),
        local_(options.local.value_or(site_range{0, options.sites})),
        circuits_(std::move(circuits)),
        batch_(local_.size()) {
    if (!(retention_ > 0 && retention_ <= 1))
      throw input_error("retention", shown(retention_), "0 < u <= 1");
    if (m.is_direct() && !m.direct().retention.empty() && retention_ != m.retention())
      throw unavailable_error("retention", shown(retention_), "none",
                              "every synapse of this model has a retention u of its own");
    if (m.is_direct() && options.bfloat16_synapses)
      throw unavailable_error("synapses in bfloat16", "explicit edges", "circuits through hubs",
                              "an explicit edge takes 8 bytes besides its strengths");
    if (options.spikes) check(*options.spikes, m);
    if (m.is_direct()) {
      if (!circuits_) circuits_ = circuits_here(m, shares_, local_);
      strengths_ = std::make_unique<direct_strengths>(m, *circuits_);
    }
    for (site_id s = local_.begin; s < local_.end; ++s) {
      if (m.is_direct())
        site_.push_back(
            std::make_unique<direct_site>(m, shares_, s, bodies_, retention_,
                                          direct_site::shared{*circuits_, *strengths_, weights_,
                                                              options.spikes, local_.size() == 1}));
      else
        site_.push_back(std::make_unique<hub_site>(m, shares_, s, bodies_, retention_,
                                                   options.bfloat16_synapses, options.spikes));
    }
    for (const auto& s : site_)
      if (s->share().neurons.size() != 0) owners_.push_back(s.get());
  }
  site_id sites() const noexcept override { return options_.sites; }
  site_range local() const noexcept override { return local_; }
  std::string device() const override { return "cpu"; }
  std::span<const stage> stages(action a) const noexcept override {
    // What pairs of spikes write is not what is read.
    if (a == action::propagate_and_reweight && options_.spikes && options_.spikes->gated())
      return {};
    return model_.is_direct() ? direct_site::stages(a, model_) : hub_site::stages(a);
  }
  void control(const applied_controls* what) override {
    if (what && model_.is_direct() && !circuits_->are_all())
      what = &own_controls_.emplace(circuits_->own(*what));
    if (what && model_.is_direct()) weights_.prepare(circuits_->edges(), *what);
    for (const auto& s : site_) s->control(what);
  }
  void present(token_id token, site_id s) override {
    if (token >= model_.sensory_nodes())
      throw input_error("token", std::to_string(token),
                        "< " + std::to_string(model_.sensory_nodes()) + ", the vocabulary");
    at(s).present(token);
  }
  void perform(const step& what, site_id s, const inbox& received, outbox& sent) noexcept override {
    const stream_part alone[] = {{this, &received, &sent}};
    perform_batch(what, s, alone);
  }
  // A piece of the weights is read from memory for the first stream; the others find it in the
  // cache.
  void perform_batch(const step& what, site_id s,
                     std::span<const stream_part> streams) noexcept override {
    std::vector<cpu_site*>& together = batch_[s - local_.begin];
    together.clear();
    for (const stream_part& stream : streams)
      together.push_back(&static_cast<site_engine*>(stream.work)->at(s));
    for (cpu_site* site : together) site->count_step();
    for (neuron_id piece = 0, pieces = at(s).pieces(what); piece < pieces; ++piece) {
      if (at(s).perform_piece_batch(what, piece, together)) continue;
      for (std::size_t k = 0; k < streams.size(); ++k)
        together[k]->perform(what, piece, *streams[k].received, *streams[k].sent);
    }
  }
  std::unique_ptr<engine> new_stream() const override {
    return std::make_unique<site_engine>(model_, options_, circuits_);
  }
  prefill_reader* blocks() override {
    if (!blocks_ && !model_.is_direct() && !options_.bfloat16_synapses &&
        local_.size() == options_.sites)
      blocks_ = make_hub_prefill(model_, bodies_, retention_, site_);
    return blocks_.get();
  }
  void learn(const learning& how) override {
    if (model_.is_direct() || local_.size() != options_.sites) return engine::learn(how);
    learner_.reset();
    learner_ = make_cpu_learner(model_, how, site_);
  }
  weight_learner* learner() const noexcept override { return learner_.get(); }
  const site_counts& counts(site_id s) const noexcept override { return at(s).counts(); }
  std::optional<fault> first_fault(site_id s) const override { return at(s).first_fault(); }
  std::span<const float> logits() const noexcept override {
    return local_.contains(0) ? at(0).logits() : std::span<const float>();
  }
  void read(variable v, std::span<float> out) const override {
    for (const auto& s : site_) s->read(v, out);
  }
  void active(variable v, std::vector<neuron_id>& ids, std::vector<float>& values) const override {
    ids.clear();
    values.clear();
    for (const cpu_site* s : owners_)
      if (!s->active(v, ids, values)) return engine::active(v, ids, values);
  }
  void read_sent(variable v, std::span<float> out) const override {
    for (const auto& s : site_) s->read_sent(v, out);
  }
  void read_emitted(variable v, std::span<float> out) const override {
    for (const auto& s : site_) s->read_emitted(v, out);
  }
  const spiking* spikes() const noexcept override { return options_.spikes.get(); }
  std::span<const variable_info> variables() const noexcept override { return variables_; }
  void read_synapses(layer_id layer, neuron_id neuron, std::span<float> out) const override {
    owner(neuron).read_synapses(layer, neuron, out);
  }
  void read_synapses(layer_id layer, std::span<const edge_id> which,
                     std::span<float> out) const override {
    for (std::size_t k = 0; k < which.size(); ++k) {
      const neuron_id i = neuron_of(which[k]);
      out[k] = owner(i).read_synapse(layer, i, which[k] - model_.synapses_of(i).first);
    }
  }
  void write_synapses(layer_id layer, std::span<const edge_id> which,
                      std::span<const float> values) override {
    for (std::size_t k = 0; k < which.size(); ++k) {
      const neuron_id i = neuron_of(which[k]);
      owner(i).write_synapse(layer, i, which[k] - model_.synapses_of(i).first, values[k]);
    }
  }
  pool_gains gains() const noexcept override { return site_[0]->gains(); }

  state_arrays save(layer_id layer) const override {
    return save_in_parts(*this, layer, ~std::size_t{0});
  }
  void restore(layer_id layer, const state_arrays& from) override {
    restore_in_parts(*this, layer, from, ~std::size_t{0});
  }
  bool has_parts() const noexcept override { return true; }
  void save_part(layer_id layer, const kept_part& to) const override {
    if (strengths_) strengths_->save(layer, to, *circuits_);
    for (const auto& s : site_) s->save(layer, to);
  }
  void restore_part(layer_id layer, const kept_part& from) override {
    if (strengths_) strengths_->restore(layer, from, *circuits_);
    for (const auto& s : site_) s->restore(layer, from);
  }
  void clear_strengths(layer_id layer) override {
    if (strengths_) strengths_->clear(layer);
    for (const auto& s : site_) s->clear_strengths(layer);
  }
  void read_stored(layer_id layer, std::span<const edge_id> which,
                   std::span<stored_synapse> out) const override {
    for (std::size_t k = 0; k < which.size(); ++k) {
      const neuron_id i = neuron_of(which[k]);
      if (const auto own = circuits_->synapse(which[k]))
        out[k] = direct_at(0).stored(layer, i, *own);
      if (direct_site* const s = direct_owner(i)) out[k].last_used = s->last_used(layer, i);
    }
  }
  void write_stored(layer_id layer, std::span<const edge_id> which, std::span<const float> values,
                    std::span<const std::uint64_t> last_used) override {
    const neuron_id unit = model_.rotation().present() ? 2 : 1;
    const std::uint64_t clock = direct_at(0).clock(layer);
    std::unordered_set<neuron_id> aged;  // units
    for (std::size_t k = 0; k < which.size(); ++k) {
      const neuron_id i = neuron_of(which[k]), first = i / unit * unit;
      if (aged.insert(first).second)
        strengths_->age(layer, {first, first + unit}, clock - last_used[k], retention_,
                        circuits_->edges());
      if (direct_site* const s = direct_owner(i)) s->last_used(layer, i) = clock;
      if (const auto own = circuits_->synapse(which[k]))
        direct_at(0).set_strength(layer, i, *own, values[k]);
    }
  }
  bool rounds_synapses() const noexcept override { return options_.bfloat16_synapses; }
  std::uint64_t drawing_seed() const noexcept override { return seed_; }
  void seed_draws(std::uint64_t seed) noexcept override {
    seed_ = seed;
    for (const auto& s : site_) s->seed_draws(seed);
  }
  void clear_synapses() override {
    for (layer_id l = 1; strengths_ && l <= model_.layers(); ++l) strengths_->clear(l);
    for (const auto& s : site_) s->clear_synapses();
  }
  double retention() const noexcept override { return retention_; }
  std::size_t state_bytes() const noexcept override {
    std::size_t bytes = (strengths_ ? strengths_->bytes() : 0) + weights_.bytes();
    for (const auto& s : site_) bytes += s->state_bytes();
    return bytes + (blocks_ ? blocks_->bytes() : 0) + (learner_ ? learner_->bytes() : 0);
  }

 private:
  neuron_id neuron_of(edge_id synapse) const noexcept {
    return model_.is_direct() ? model_.direct().gs.row_of(synapse)
                              : static_cast<neuron_id>(synapse / model_.hubs());
  }
  cpu_site& at(site_id s) const noexcept { return *site_[s - local_.begin]; }
  // Of explicit edges: the site number `k` of this process, and that of a neuron, if it is here.
  direct_site& direct_at(std::size_t k) const noexcept {
    return static_cast<direct_site&>(*site_[k]);
  }
  direct_site* direct_owner(neuron_id i) const noexcept {
    return static_cast<direct_site*>(owner_here(i));
  }
  cpu_site* owner_here(neuron_id i) const noexcept {
    const auto owner = std::partition_point(owners_.begin(), owners_.end(), [&](const cpu_site* s) {
      return s->share().neurons.end <= i;
    });
    return owner != owners_.end() && (*owner)->share().neurons.contains(i) ? *owner : nullptr;
  }
  cpu_site& owner(neuron_id i) const {
    cpu_site* const owner = owner_here(i);
    if (owner == nullptr)
      throw unavailable_error("neuron " + std::to_string(i), "a site of another process",
                              "a site of this one");
    return *owner;
  }

  const model& model_;
  const cpu_options options_;
  const double retention_;
  const std::vector<variable_info> variables_;
  const std::vector<site_share> shares_;
  const kernels::cpu_kernels& bodies_;
  const site_range local_;
  // Of explicit edges; null through hubs.
  std::shared_ptr<const own_circuits> circuits_;
  std::unique_ptr<direct_strengths> strengths_;
  direct_weights weights_;
  std::optional<applied_controls> own_controls_;
  std::vector<std::unique_ptr<cpu_site>> site_;  // local ones
  std::vector<cpu_site*> owners_;                // those that have neurons, ascending
  std::unique_ptr<prefill_reader> blocks_;
  std::unique_ptr<weight_learner> learner_;  // null: weights stay
  std::uint64_t seed_ = 0;
  std::vector<std::vector<cpu_site*>> batch_;  // by site: those of the streams in perform_batch
};

}  // namespace

std::unique_ptr<engine> cpu_engine(const model& m, const cpu_options& options) {
  if (options.sites == 0 || options.sites > 4096)
    throw input_error("sites", std::to_string(options.sites), "1 to 4096");
  if (options.local &&
      !(options.local->begin < options.local->end && options.local->end <= options.sites))
    throw input_error(
        "local sites",
        std::to_string(options.local->begin) + " to " + std::to_string(options.local->end),
        "some of " + std::to_string(options.sites));
  if (!m.memory_order().empty()) {
    cpu_options of_inside = options;
    if (options.spikes) {  // neurons draw by their numbers, wherever they are kept
      spiking numbered = *options.spikes;
      numbered.numbers.assign(m.memory_order().begin(), m.memory_order().end());
      of_inside.spikes = std::make_shared<const spiking>(std::move(numbered));
    }
    return permuted_engine(m, [&](const model& inside) { return cpu_engine(inside, of_inside); });
  }
  return std::make_unique<site_engine>(m, options);
}

}  // namespace bdh
