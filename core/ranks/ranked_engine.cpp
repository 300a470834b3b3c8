#include "core/ranks/ranked_engine.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include <bdh/error.hpp>

#include "core/ranks/rank_commander.hpp"
#include "core/ranks/rank_shares.hpp"
#include "core/ranks/ranked_synapses.hpp"
#include "core/simulation/engine.hpp"

namespace bdh {
namespace {

std::uint32_t next_engine() {
  static std::atomic<std::uint32_t> last = 0;
  return ++last;
}

// Says what is to be made, and makes it here; throws what this rank or the first of the others met.
template <class Say, class Make>
void make_on_all(const rank_commander& to, Say say, Make here) {
  say();
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

constexpr std::size_t most_at_once = std::size_t{16} << 20;  // bytes of kept variables

class leading_engine final : public engine {
 public:
  leading_engine(const model& m, const rank_job& job, std::shared_ptr<ranks> on,
                 const site_engine_factory& make)
      : model_(m),
        sites_{on->size(), job.sites},
        shares_(m, sites_),
        on_(on),
        number_(next_engine()),
        commands_(on, number_) {
    make_on_all(
        commands_,
        [&] { commands_.say(rank_command::make, [&](byte_writer& out) { put(out, job); }); },
        [&] {
          own_ = make(m, job, sites_.all(), {0, job.sites});
        });
  }
  // Another stream beside one.
  leading_engine(const leading_engine& like, std::uint32_t number)
      : model_(like.model_),
        sites_(like.sites_),
        shares_(like.shares_),
        on_(like.on_),
        number_(number),
        commands_(on_, number_) {
    make_on_all(
        commands_,
        [&] {
          commands_.say(rank_command::stream, [&](byte_writer& out) { out.put(like.number_); });
        },
        [&] { own_ = like.own_->new_stream(); });
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
    return std::make_unique<leading_engine>(*this, next_engine());
  }

  const site_counts& counts(site_id s) const noexcept override { return own_->counts(s); }
  std::optional<fault> first_fault(site_id s) const override { return own_->first_fault(s); }
  std::span<const float> logits() const noexcept override { return own_->logits(); }
  pool_gains gains() const noexcept override { return own_->gains(); }
  double retention() const noexcept override { return own_->retention(); }
  bool rounds_synapses() const noexcept override { return own_->rounds_synapses(); }
  std::span<const variable_info> variables() const noexcept override { return own_->variables(); }

  const spiking* spikes() const noexcept override { return own_->spikes(); }
  std::uint64_t drawing_seed() const noexcept override { return own_->drawing_seed(); }

  void read(variable v, std::span<float> out) const override { read_all(reading::values, v, out); }
  void read_sent(variable v, std::span<float> out) const override {
    read_all(reading::sent, v, out);
  }
  void read_emitted(variable v, std::span<float> out) const override {
    read_all(reading::emitted, v, out);
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
    if (!model_.is_direct() && shares_.owner(neuron) == 0)
      return own_->read_synapses(layer, neuron, out);
    const edge_id first = model_.synapses_of(neuron).first;
    std::vector<edge_id> which(out.size());
    for (std::size_t k = 0; k < which.size(); ++k) which[k] = first + k;
    read_synapses(layer, which, out);
  }
  void read_synapses(layer_id layer, std::span<const edge_id> which,
                     std::span<float> out) const override {
    synapses().read(layer, which, out);
  }
  void write_synapses(layer_id layer, std::span<const edge_id> which,
                      std::span<const float> values) override {
    synapses().write(layer, which, values, *own_);
  }

  state_arrays save(layer_id layer) const override {
    return save_in_parts(*this, layer, most_at_once);
  }
  void restore(layer_id layer, const state_arrays& from) override {
    restore_in_parts(*this, layer, from, most_at_once);
  }
  bool has_parts() const noexcept override { return true; }
  void save_part(layer_id layer, const kept_part& to) const override {
    own_->save_part(layer, to);
    commands_.say(rank_command::save, [&](byte_writer& out) { put(out, command_of(layer, to)); });
    commands_.answers([&](rank_id r, byte_reader& in) {
      if (to.counts.empty())
        place<float>(to.what, r, to.first, in, to.reals);
      else
        place<std::uint64_t>(to.what, r, to.first, in, to.counts);
    });
  }
  void restore_part(layer_id layer, const kept_part& from) override {
    own_->restore_part(layer, from);
    const part_command part = command_of(layer, from);
    commands_.say(rank_command::restore, [&](byte_writer& out) { put(out, part); });
    std::vector<byte_list> each(on_->size());
    const auto pick = [&]<class T>(rank_id r, std::span<T> values) {
      std::vector<T> some;
      shares_.pick<T>(from.what, part.of_all ? 0 : r, from.first, values, some);
      byte_writer(each[r]).put_list(std::span<const T>(some));
    };
    for (rank_id r = 1; r < each.size(); ++r)
      from.counts.empty() ? pick(r, from.reals) : pick(r, from.counts);
    on_->scatter(each);
  }
  void clear_strengths(layer_id layer) override {
    own_->clear_strengths(layer);
    commands_.say(rank_command::clear_layer, [&](byte_writer& to) { to.put(layer); });
  }
  void clear_synapses() override {
    own_->clear_synapses();
    commands_.say(rank_command::clear);
  }
  void seed_draws(std::uint64_t seed) noexcept override {
    own_->seed_draws(seed);
    commands_.say(rank_command::seed, [&](byte_writer& to) { to.put(seed); });
  }
  std::size_t state_bytes() const noexcept override {
    std::size_t all = own_->state_bytes();
    commands_.say(rank_command::state_bytes);
    commands_.answers([&](rank_id, byte_reader& in) { all += in.get<std::uint64_t>(); });
    return all;
  }

 private:
  void read_all(reading how, variable v, std::span<float> out) const {
    if (begins_) std::fill(out.begin(), out.end(), 0.0f);
    read_as(*own_, how, v, out);
    if (begins_) return;
    commands_.say(rank_command::read, [&](byte_writer& to) {
      to.put(v);
      to.put(how);
    });
    commands_.answers([&](rank_id r, byte_reader& in) { place<float>(v, r, 0, in, out); });
  }
  template <class T>
  void place(variable v, rank_id r, std::uint64_t first, byte_reader& in, std::span<T> part) const {
    const auto some = in.get_list<T>();
    shares_.place<T>(v, r, first, some, part);
  }
  part_command command_of(layer_id layer, const kept_part& part) const {
    return {.layer = layer,
            .what = part.what,
            .first = part.first,
            .count = part.end() - part.first,
            .real = part.counts.empty(),
            .of_all = info(variables(), part.what).of == domain::network};
  }
  ranked_synapses synapses() const { return {model_, shares_, commands_, *own_}; }

  const model& model_;
  const rank_sites sites_;
  const rank_shares shares_;
  const std::shared_ptr<ranks> on_;
  const std::uint32_t number_;
  const rank_commander commands_;
  std::unique_ptr<engine> own_;
  bool begins_ = false;  // a token has begun here, and not yet at the others: X, Y, W, A are zero
  const applied_controls* controls_ = nullptr;
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
