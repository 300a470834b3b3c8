#include "core/ranks/ranked_engine.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include <bdh/error.hpp>

#include "core/ranks/rank_shares.hpp"
#include "core/simulation/engine.hpp"

namespace bdh {
namespace {

// Commands of one engine, numbered: a program may have several.
class commands {
 public:
  commands(std::shared_ptr<ranks> on, std::uint32_t engine) : on_(std::move(on)), engine_(engine) {}

  // `put` writes what the command takes.
  template <class Put>
  void say(rank_command what, Put put) const {
    byte_list bytes;
    byte_writer out(bytes);
    out.put(what);
    out.put(engine_);
    put(out);
    on_->broadcast(bytes);
  }
  void say(rank_command what) const {
    say(what, [](byte_writer&) {});
  }
  // What the others answer: use(rank, reader) for each but this one, ascending.
  template <class Use>
  void answers(Use use) const {
    const std::vector<byte_list> all = on_->gather({});
    for (rank_id r = 1; r < all.size(); ++r) {
      byte_reader in(all[r]);
      use(r, in);
    }
  }

 private:
  const std::shared_ptr<ranks> on_;
  const std::uint32_t engine_;
};

std::uint32_t next_engine() {
  static std::atomic<std::uint32_t> last = 0;
  return ++last;
}

// Says it, and does it here; throws what this rank or the first of the others met.
template <class Make>
void make_on_all(const commands& to, const rank_job& job, Make here) {
  to.say(rank_command::make, [&](byte_writer& out) { put(out, job); });
  std::exception_ptr failed_here;
  try {
    here();
  } catch (...) {
    failed_here = std::current_exception();  // once all ranks have answered
  }
  std::optional<std::pair<error_kind, std::string>> failed;
  to.answers([&](rank_id r, byte_reader& in) {
    const rank_answer answer = get_answer(in);
    if (answer.failed != 0 && !failed)
      failed = {static_cast<error_kind>(answer.failed - 1),
                "rank " + std::to_string(r) + " on " + answer.host + ": " + answer.message};
  });
  if (!failed_here && !failed) return;
  to.say(rank_command::drop);
  if (failed_here) std::rethrow_exception(failed_here);
  throw_error(failed->first, "ranks", failed->second);
}

class leading_engine final : public engine {
 public:
  leading_engine(const model& m, const rank_job& job, std::shared_ptr<ranks> on,
                 const site_engine_factory& make)
      : model_(m),
        sites_{on->size(), job.sites},
        shares_(m, sites_),
        job_(job),
        on_(on),
        make_(make),
        number_(next_engine()),
        commands_(on, number_),
        fresh_(m.layers()) {
    make_on_all(commands_, job, [&] { own_ = make(m, job, sites_.all(), {0, job.sites}); });
  }
  ~leading_engine() override {
    try {
      commands_.say(rank_command::drop);
    } catch (...) {  // the others are gone
    }
  }

  site_id sites() const noexcept override { return own_->sites(); }
  site_range local() const noexcept override { return own_->local(); }
  bool has_all_values() const noexcept override { return true; }
  std::string device() const override { return own_->device(); }
  std::span<const stage> stages(action a) const noexcept override { return own_->stages(a); }

  void control(const applied_controls* what) override {
    controls_ = what;
    own_->control(what);
  }
  void run_together(std::span<const begun_token> all) override {
    commands_.say(rank_command::token, [&](byte_writer& out) {
      out.put(static_cast<std::uint64_t>(all.size()));
      for (const begun_token& t : all) {
        auto& stream = static_cast<leading_engine&>(*t.work);
        stream.stale();
        stream.begins_ = false;
        out.put(stream.number_);
        out.put(t.token);
        out.put(t.sees);
        out.put(stream.controls_ != nullptr);
        if (stream.controls_) put(out, *stream.controls_);
      }
    });
  }
  // What cut edges carry follows W within a token.
  void go_on(std::span<const begun_token> all) override {
    commands_.say(rank_command::go_on, [&](byte_writer& out) {
      for (const begun_token& t : all) {
        auto& stream = static_cast<leading_engine&>(*t.work);
        stream.stale();
        if (stream.controls_ == nullptr) continue;
        for (const layer_controls& l : stream.controls_->layers)
          out.put_list(std::span<const cut_term>(l.cut_gx));
      }
    });
  }
  void present(token_id token, site_id site) override {
    own_->present(token, site);
    begins_ = true;
  }
  void perform(const step& s, site_id site, const inbox& received, outbox& sent) noexcept override {
    own_->perform(s, site, received, sent);
  }
  void perform_batch(const step& s, site_id site,
                     std::span<const stream_part> streams) noexcept override {
    perform_batch_inside(s, site, streams, [](engine& outside) -> engine& {
      return *static_cast<leading_engine&>(outside).own_;
    });
  }
  std::unique_ptr<engine> new_stream() const override {
    return std::make_unique<leading_engine>(model_, job_, on_, make_);
  }

  const site_counts& counts(site_id s) const noexcept override { return own_->counts(s); }
  std::optional<fault> first_fault(site_id s) const override { return own_->first_fault(s); }
  std::span<const float> logits() const noexcept override { return own_->logits(); }
  pool_gains gains() const noexcept override { return own_->gains(); }
  double retention() const noexcept override { return own_->retention(); }
  bool rounds_synapses() const noexcept override { return own_->rounds_synapses(); }
  std::span<const variable_info> variables() const noexcept override { return own_->variables(); }

  void read(variable v, std::span<float> out) const override {
    if (begins_) std::fill(out.begin(), out.end(), 0.0f);
    own_->read(v, out);
    if (begins_) return;
    commands_.say(rank_command::read, [&](byte_writer& to) { to.put(v); });
    commands_.answers([&](rank_id r, byte_reader& in) { place<float>(v, r, in, out); });
  }
  void active(variable v, std::vector<neuron_id>& ids, std::vector<float>& values) const override {
    if (v != variable::x && v != variable::y) return engine::active(v, ids, values);
    own_->active(v, ids, values);
    if (begins_) return;
    commands_.say(rank_command::active, [&](byte_writer& to) { to.put(v); });
    commands_.answers([&](rank_id, byte_reader& in) {  // ascending, as ranks' neurons are
      const auto more = in.get_list<neuron_id>();
      const auto their = in.get_list<float>();
      ids.insert(ids.end(), more.begin(), more.end());
      values.insert(values.end(), their.begin(), their.end());
    });
  }

  void read_synapses(layer_id layer, neuron_id neuron, std::span<float> out) const override {
    if (model_.is_direct()) return whole(layer).read_synapses(layer, neuron, out);
    const edge_id first = model_.synapses_of(neuron).first;
    std::vector<edge_id> which(out.size());
    for (std::size_t k = 0; k < which.size(); ++k) which[k] = first + k;
    if (shares_.owner(neuron) == 0) return own_->read_synapses(layer, neuron, out);
    read_synapses(layer, which, out);
  }
  void read_synapses(layer_id layer, std::span<const edge_id> which,
                     std::span<float> out) const override {
    if (model_.is_direct()) return whole(layer).read_synapses(layer, which, out);
    std::vector<rank_id> owner;
    owner.reserve(which.size());
    for (const edge_id e : which)
      owner.push_back(shares_.owner(static_cast<neuron_id>(e / model_.hubs())));
    const bool others = std::any_of(owner.begin(), owner.end(), [](rank_id r) { return r != 0; });
    for (std::size_t k = 0; k < which.size(); ++k)
      if (owner[k] == 0) own_->read_synapses(layer, which.subspan(k, 1), out.subspan(k, 1));
    if (!others) return;
    commands_.say(rank_command::read_synapses, [&](byte_writer& to) {
      to.put(layer);
      to.put_list(which);
    });
    commands_.answers([&](rank_id r, byte_reader& in) {
      for (std::size_t k = 0; k < which.size(); ++k)
        if (owner[k] == r) out[k] = in.get<float>();
    });
  }
  void write_synapses(layer_id layer, std::span<const edge_id> which,
                      std::span<const float> values) override {
    if (model_.is_direct()) {
      whole(layer).write_synapses(layer, which, values);
      return restore(layer, whole(layer).save(layer));
    }
    for (std::size_t k = 0; k < which.size(); ++k)
      if (shares_.owner(static_cast<neuron_id>(which[k] / model_.hubs())) == 0)
        own_->write_synapses(layer, which.subspan(k, 1), values.subspan(k, 1));
    commands_.say(rank_command::write_synapses, [&](byte_writer& to) {
      to.put(layer);
      to.put_list(which);
      to.put_list(values);
    });
  }

  state_arrays save(layer_id layer) const override {
    state_arrays all = own_->save(layer);
    commands_.say(rank_command::save, [&](byte_writer& to) { to.put(layer); });
    commands_.answers([&](rank_id r, byte_reader& in) {
      for (state_arrays::entry& e : all.all())
        std::visit(
            [&]<class T>(array<T>& values) {
              place<T>(e.what, r, in, std::span<T>(values.data(), values.size()));
            },
            e.values);
    });
    return all;
  }
  void restore(layer_id layer, const state_arrays& from) override {
    own_->restore(layer, from);
    stale();
    commands_.say(rank_command::restore, [&](byte_writer& to) {
      to.put(layer);
      for (const state_arrays::entry& e : from.all())
        std::visit(
            [&]<class T>(const array<T>& values) {
              to.put_list(std::span<const T>(values.data(), values.size()));
            },
            e.values);
    });
  }
  void clear_synapses() override {
    stale();
    own_->clear_synapses();
    commands_.say(rank_command::clear);
  }
  void seed_rounding(std::uint64_t seed) noexcept override {
    own_->seed_rounding(seed);
    commands_.say(rank_command::seed, [&](byte_writer& to) { to.put(seed); });
  }
  std::size_t state_bytes() const noexcept override {
    std::size_t all = own_->state_bytes();
    commands_.say(rank_command::state_bytes);
    commands_.answers([&](rank_id, byte_reader& in) { all += in.get<std::uint64_t>(); });
    return all;
  }

 private:
  template <class T>
  void place(variable v, rank_id r, byte_reader& in, std::span<T> all) const {
    const auto some = in.get_list<T>();
    shares_.place<T>(v, r, some, all);
  }
  // Of explicit edges a synapse is at its target's rank, and when it was last used at its source's:
  // single ones are read from a copy of the layer, in an engine of all sites.
  engine& whole(layer_id layer) const {
    if (!whole_) whole_ = make_(model_, job_, 1, {0, 1});
    if (!fresh_[layer - 1]) whole_->restore(layer, save(layer));
    fresh_[layer - 1] = true;
    return *whole_;
  }
  void stale() const { std::fill(fresh_.begin(), fresh_.end(), false); }

  const model& model_;
  const rank_sites sites_;
  const rank_shares shares_;
  const rank_job job_;
  const std::shared_ptr<ranks> on_;
  const site_engine_factory make_;
  const std::uint32_t number_;
  const commands commands_;
  std::unique_ptr<engine> own_;
  bool begins_ = false;  // a token has begun here, and not yet at the others: X, Y, W, A are zero
  const applied_controls* controls_ = nullptr;
  mutable std::unique_ptr<engine> whole_;
  mutable std::vector<bool> fresh_;  // layers of whole_
};

}  // namespace

std::unique_ptr<engine> ranked_engine(const model& m, const rank_job& job,
                                      std::shared_ptr<ranks> on, const site_engine_factory& make) {
  const block_grid grid(m.heads(), m.neurons_per_head());
  const rank_sites sites{on->size(), job.sites};
  if (sites.all() > std::max<neuron_id>(grid.blocks(), 1))
    throw input_error(
        "ranks", std::to_string(on->size()) + " of " + std::to_string(job.sites) + " sites",
        "at most " + std::to_string(grid.blocks()) + " sites, one for each block of 64 neurons",
        "fewer ranks, or --threads 1");
  if (!m.memory_order().empty())
    throw unavailable_error("ranks", "a model with a memory order", "one without",
                            "bdh reorder --by-number makes it again in the order of its numbers");
  return std::make_unique<leading_engine>(m, job, std::move(on), make);
}

rank_usage usage_here(const ranks& on) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return {.host = on.host(),
          .peak_memory = static_cast<std::uint64_t>(used.ru_maxrss) * 1024,
          .exchanges = on.exchanges(),
          .bytes_sent = on.bytes_sent(),
          .seconds_waiting = on.seconds_waiting()};
}

std::vector<rank_usage> usage_of(ranks& on) {
  byte_list bytes;
  byte_writer out(bytes);
  out.put(rank_command::report);
  out.put(std::uint32_t{0});
  on.broadcast(bytes);
  std::vector<rank_usage> all = {usage_here(on)};
  const std::vector<byte_list> answers = on.gather({});
  for (rank_id r = 1; r < answers.size(); ++r) {
    byte_reader in(answers[r]);
    all.push_back(get_usage(in));
  }
  return all;
}

void end_ranks(ranks& on) {
  byte_list bytes;
  byte_writer out(bytes);
  out.put(rank_command::end);
  out.put(std::uint32_t{0});
  on.broadcast(bytes);
}

}  // namespace bdh
