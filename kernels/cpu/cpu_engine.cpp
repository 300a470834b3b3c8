#include <algorithm>
#include <string>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>

#include "core/simulation/permuted_engine.hpp"
#include "kernels/cpu/direct_site.hpp"
#include "kernels/cpu/hub_site.hpp"
#include "kernels/cpu/prefill.hpp"

namespace bdh {
namespace {

class cpu final : public engine {
 public:
  cpu(const model& m, const cpu_options& options)
      : model_(m),
        options_(options),
        retention_(options.retention.value_or(m.retention())),
        shares_(partition({m.heads(), m.neurons(), m.hubs(), m.sensory_nodes(), m.readout_nodes()},
                          options.sites)),
        bodies_(kernels::cpu_kernels_for(options.instructions)),
        strengths_(m),
        local_(options.local.value_or(site_range{0, options.sites})),
        together_(local_.size()) {
    if (!(retention_ > 0 && retention_ <= 1))
      throw input_error("retention", shown(retention_), "0 < u <= 1");
    if (m.is_direct() && !m.direct().retention.empty() && retention_ != m.retention())
      throw unavailable_error("retention", shown(retention_), "none",
                              "every synapse of this model has a retention u of its own");
    if (m.is_direct() && options.bfloat16_synapses)
      throw unavailable_error("synapses in bfloat16", "explicit edges", "circuits through hubs",
                              "an explicit edge takes 8 bytes besides its strengths");
    for (site_id s = local_.begin; s < local_.end; ++s) {
      if (m.is_direct())
        site_.push_back(std::make_unique<direct_site>(m, shares_, s, bodies_, retention_,
                                                      strengths_, weights_));
      else
        site_.push_back(std::make_unique<hub_site>(m, shares_, s, bodies_, retention_,
                                                   options.bfloat16_synapses));
    }
    for (const auto& s : site_)
      if (s->share().neurons.size() != 0) owners_.push_back(s.get());
  }

  site_id sites() const noexcept override { return options_.sites; }
  site_range local() const noexcept override { return local_; }
  std::string device() const override { return "cpu"; }
  std::span<const stage> stages(action a) const noexcept override {
    return model_.is_direct() ? direct_site::stages(a, model_) : hub_site::stages(a);
  }
  void control(const applied_controls* what) override {
    if (what && model_.is_direct()) weights_.prepare(model_.direct(), *what);
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
    std::vector<cpu_site*>& together = together_[s - local_.begin];
    together.clear();
    for (const stream_part& stream : streams)
      together.push_back(&static_cast<cpu*>(stream.work)->at(s));
    for (cpu_site* site : together) site->count_step();
    for (neuron_id piece = 0, pieces = at(s).pieces(what); piece < pieces; ++piece) {
      if (at(s).perform_at_once(what, piece, together)) continue;
      for (std::size_t k = 0; k < streams.size(); ++k)
        together[k]->perform(what, piece, *streams[k].received, *streams[k].sent);
    }
  }
  std::unique_ptr<engine> new_stream() const override {
    return std::make_unique<cpu>(model_, options_);
  }
  prefill_reader* blocks() override {
    if (!blocks_ && !model_.is_direct() && !options_.bfloat16_synapses &&
        local_.size() == options_.sites)
      blocks_ = hub_block_reader(model_, bodies_, retention_, site_);
    return blocks_.get();
  }
  const site_counts& counts(site_id s) const noexcept override { return at(s).counts(); }
  std::optional<fault> first_fault(site_id s) const override { return at(s).first_fault(); }

  std::span<const float> logits() const noexcept override {
    return local_.contains(0) ? at(0).logits() : std::span<const float>();
  }
  void read(variable v, std::span<float> out) const override {
    for (const auto& s : site_) s->read(v, out);
  }
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

  layer_synapses save(layer_id layer) const override {
    layer_synapses all;
    all.stored = array<float>(model_.synapses());
    all.last_used = array<std::uint64_t>(model_.row_units());
    if (model_.is_direct()) strengths_.save(layer, all);
    for (const auto& s : site_) s->save(layer, all);
    return all;
  }
  void restore(layer_id layer, const layer_synapses& from) override {
    if (model_.is_direct()) strengths_.restore(layer, from);
    for (const auto& s : site_) s->restore(layer, from);
  }
  bool rounds_synapses() const noexcept override { return options_.bfloat16_synapses; }
  void seed_rounding(std::uint64_t seed) noexcept override {
    for (const auto& s : site_) s->seed_rounding(seed);
  }
  void clear_synapses() override {
    strengths_.clear();
    for (const auto& s : site_) s->clear_synapses();
  }
  double retention() const noexcept override { return retention_; }
  std::size_t state_bytes() const noexcept override {
    std::size_t bytes = strengths_.bytes() + weights_.bytes();
    for (const auto& s : site_) bytes += s->state_bytes();
    return bytes + (blocks_ ? blocks_->bytes() : 0);
  }

 private:
  neuron_id neuron_of(edge_id synapse) const noexcept {
    return model_.is_direct() ? model_.direct().gs.row_of(synapse)
                              : static_cast<neuron_id>(synapse / model_.hubs());
  }
  cpu_site& at(site_id s) const noexcept { return *site_[s - local_.begin]; }
  cpu_site& owner(neuron_id i) const {
    const auto owner = std::partition_point(owners_.begin(), owners_.end(), [&](const cpu_site* s) {
      return s->share().neurons.end <= i;
    });
    if (owner == owners_.end() || !(*owner)->share().neurons.contains(i))
      throw unavailable_error("neuron " + std::to_string(i), "a site of another process",
                              "a site of this one");
    return **owner;
  }

  const model& model_;
  const cpu_options options_;
  const double retention_;
  const std::vector<site_share> shares_;
  const kernels::cpu_kernels& bodies_;
  direct_strengths strengths_;  // empty for hubs
  direct_weights weights_;
  const site_range local_;
  std::vector<std::unique_ptr<cpu_site>> site_;  // local ones
  std::vector<cpu_site*> owners_;                // those that have neurons, ascending
  std::unique_ptr<prefill_reader> blocks_;
  std::vector<std::vector<cpu_site*>> together_;  // by site: those of the streams in perform_batch
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
  if (!m.memory_order().empty())
    return permuted_engine(m, [&](const model& inside) { return cpu_engine(inside, options); });
  return std::make_unique<cpu>(m, options);
}

}  // namespace bdh
