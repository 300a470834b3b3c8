// Several ranks, here as threads that exchange bytes and nothing else, give the bits of one
// process: in everything that is read, written, saved, restored and intervened in while tokens go
// by.
#include <doctest/doctest.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/ranks/rank_exchange.hpp"
#include "core/ranks/rank_server.hpp"
#include "core/ranks/ranked_engine.hpp"
#include "core/simulation/engine.hpp"
#include "support/models.hpp"
#include "support/outcome.hpp"

namespace {

enum kind { said, answered, exchanged };

// Bytes on their way, in order for each sender, receiver and kind.
class letters {
 public:
  void post(bdh::rank_id from, bdh::rank_id to, kind what, bdh::byte_list bytes) {
    const std::lock_guard lock(mutex_);
    waiting_[{from, to, what}].push_back(std::move(bytes));
    arrived_.notify_all();
  }
  bdh::byte_list take(bdh::rank_id from, bdh::rank_id to, kind what) {
    std::unique_lock lock(mutex_);
    auto& mine = waiting_[{from, to, what}];
    arrived_.wait(lock, [&] { return !mine.empty(); });
    bdh::byte_list bytes = std::move(mine.front());
    mine.pop_front();
    return bytes;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::map<std::tuple<bdh::rank_id, bdh::rank_id, kind>, std::deque<bdh::byte_list>> waiting_;
};

class thread_rank final : public bdh::ranks {
 public:
  thread_rank(std::shared_ptr<letters> by, bdh::rank_id rank, bdh::rank_id size)
      : by_(std::move(by)), rank_(rank), size_(size) {}
  bdh::rank_id rank() const noexcept override { return rank_; }
  bdh::rank_id size() const noexcept override { return size_; }
  std::string host() const override { return "host-" + std::to_string(rank_); }

  void broadcast(bdh::byte_list& bytes) override {
    if (rank_ != 0) {
      bytes = by_->take(0, rank_, said);
      return;
    }
    for (bdh::rank_id r = 1; r < size_; ++r) by_->post(0, r, said, bytes);
  }
  std::vector<bdh::byte_list> gather(const bdh::byte_list& own) override {
    if (rank_ != 0) return by_->post(rank_, 0, answered, own), std::vector<bdh::byte_list>();
    std::vector<bdh::byte_list> all = {own};
    for (bdh::rank_id r = 1; r < size_; ++r) all.push_back(by_->take(r, 0, answered));
    return all;
  }
  bdh::byte_list scatter(std::span<const bdh::byte_list> each) override {
    if (rank_ != 0) return by_->take(0, rank_, said);
    for (bdh::rank_id r = 1; r < size_; ++r) by_->post(0, r, said, each[r]);
    return each[0];
  }
  void exchange(std::span<const bdh::byte_list> sent, std::span<bdh::byte_list> received) override {
    ++exchanges_;
    for (bdh::rank_id r = 0; r < size_; ++r)
      if (r != rank_) {
        bytes_sent_ += sent[r].size();
        by_->post(rank_, r, exchanged, sent[r]);
      }
    for (bdh::rank_id r = 0; r < size_; ++r)
      if (r != rank_) received[r] = by_->take(r, rank_, exchanged);
  }

 private:
  const std::shared_ptr<letters> by_;
  const bdh::rank_id rank_, size_;
};

std::unique_ptr<bdh::engine> make_sites(const bdh::model& m, const bdh::rank_job& job,
                                        bdh::site_id sites, bdh::site_range local) {
  return bdh::cpu_engine(m, {.sites = sites,
                             .retention = job.retention,
                             .bfloat16_synapses = job.bfloat16_synapses,
                             .local = local});
}

// Ranks that run a model: this thread is rank 0.
class running {
 public:
  // `broken`: what a rank, if it is one of them, says of the model.
  running(const bdh::model& m, bdh::rank_id size, bdh::rank_id broken = 0) {
    const auto by = std::make_shared<letters>();
    first = std::make_shared<thread_rank>(by, 0, size);
    const auto same = std::shared_ptr<const bdh::model>(std::shared_ptr<void>(), &m);
    for (bdh::rank_id r = 1; r < size; ++r)
      others_.emplace_back([=] {
        const bdh::rank_server_options options{.open =
                                                   [&](const bdh::rank_job& job) {
                                                     if (r == broken)
                                                       throw bdh::input_error(job.model_file,
                                                                              "no such file");
                                                     return same;
                                                   },
                                               .make = make_sites};
        bdh::serve(std::make_shared<thread_rank>(by, r, size), options);
      });
  }
  ~running() {
    bdh::end_ranks(*first);
    for (std::thread& t : others_) t.join();
  }

  bdh::simulator simulator(const bdh::model& m, const bdh::rank_job& job) const {
    bdh::simulator_options options{.threads = job.sites};
    options.mail =
        std::make_shared<bdh::rank_exchange>(first, bdh::rank_sites{first->size(), job.sites});
    options.totals = std::make_shared<bdh::rank_reduction>(first);
    return {m, bdh::ranked_engine(m, job, first, make_sites), options};
  }

  std::shared_ptr<bdh::ranks> first;

 private:
  std::vector<std::thread> others_;
};

// Everything that was seen of a run, in order.
using seen = std::vector<float>;

void add(seen& to, const std::vector<float>& values) {
  to.insert(to.end(), values.begin(), values.end());
}

// Tokens with every kind of look and intervention.
seen experiment(bdh::simulator brain, const std::vector<int>& tokens, bool probes) {
  const bdh::model& m = brain.model();
  seen all;
  const auto look = [&] {
    for (const bdh::variable v :
         {bdh::variable::x, bdh::variable::y, bdh::variable::w, bdh::variable::a})
      add(all, brain.read(v));
    std::vector<bdh::neuron_id> ids;
    std::vector<float> values;
    brain.active(bdh::variable::y, ids, values);
    all.insert(all.end(), ids.begin(), ids.end());
    add(all, values);
  };
  const auto end_of_token = [&](const bdh::step_report& r) {
    add(all, {brain.logits().begin(), brain.logits().end()});
    all.insert(all.end(), r.active_x.begin(), r.active_x.end());
    all.push_back(static_cast<float>(r.synaptic_events));
    all.push_back(static_cast<float>(r.hebbian_writes));
    for (const bdh::neuron_id i : {bdh::neuron_id{1}, m.neurons() / 2, m.neurons() - 1})
      add(all, brain.synapses(m.layers(), i));
  };
  const auto step = [&](std::size_t t) {
    end_of_token(brain.step(static_cast<bdh::token_id>(tokens[t])));
  };
  if (probes) brain.probes().add({{1, 3}, 2, bdh::probe_factor::w});
  std::size_t t = 0;
  step(t++);
  step(t++);  // fused: no look between rounds
  const int observed = brain.observe(
      [&](bdh::layer_id, bdh::moment at) {
        if (at != bdh::moment::synapses_written) look();
      },
      bdh::observation::activity);
  step(t++);
  brain.stop_observing(observed);
  // Round by round, with synapses between them.
  brain.begin(static_cast<bdh::token_id>(tokens[t++]));
  while (const auto mark = brain.advance())
    if (mark->layer == 1) add(all, brain.synapses(1, m.neurons() - 1));
  end_of_token(brain.finish());
  const bdh::run_state half = brain.save();
  for (const bdh::state_arrays& l : half.layers) {
    add(all, {l.strengths().begin(), l.strengths().end()});
    all.insert(all.end(), l.last_used().begin(), l.last_used().end());
  }
  for (const char* text :
       {"silence x:1-5", "stimulate x:200 0.5", "clamp y:2 0.25", "reset layers 1"}) {
    brain.interventions().add(bdh::parse_intervention(m, text, brain.tokens()));
    step(t++);
  }
  while (!brain.interventions().empty())
    brain.interventions().remove(brain.interventions().begin()->first);
  brain.restore(half);
  step(t);
  brain.clear_synapses();
  step(t);
  all.push_back(static_cast<float>(brain.tokens()));
  return all;
}

void compare(const bdh::model& m, bdh::rank_job job, bool probes = false) {
  const std::vector<int> tokens = tests::random_tokens(12, static_cast<int>(m.sensory_nodes()), 3);
  const seen expected = experiment(
      bdh::simulator(m, bdh::cpu_engine(m, {.retention = job.retention,
                                            .bfloat16_synapses = job.bfloat16_synapses})),
      tokens, probes);
  for (const bdh::rank_id size : {2u, 3u})
    for (job.sites = 1; job.sites <= 2; ++job.sites) {
      CAPTURE(size);
      CAPTURE(job.sites);
      const running on(m, size);
      const seen found = experiment(on.simulator(m, job), tokens, probes);
      CHECK(tests::same_bits(std::span(found), std::span(expected)));
      CHECK(on.first->bytes_sent() > 0);
    }
}

bdh::model hubs() {
  oracle::weights w = tests::random_weights({.neurons_per_head = 300,
                                             .heads = 2,
                                             .hubs = 40,
                                             .vocabulary = 10,
                                             .layers = 3,
                                             .rotates = true},
                                            31);
  w.retention = 0.95;
  return tests::as_graph(w, "gpu-release");
}

}  // namespace

TEST_CASE("ranks give the bits of one process, through hubs") {
  compare(hubs(), {}, true);
  compare(hubs(), {.retention = 0.9, .bfloat16_synapses = true});
}

TEST_CASE("ranks give the bits of one process, over explicit edges") {
  const tests::graph_shape sparse{.neurons = 400,
                                  .heads = 1,
                                  .vocabulary = 10,
                                  .layers = 3,
                                  .degree = 12,
                                  .rotates = true,
                                  .own_retention = true};
  compare(tests::as_direct_graph(tests::random_circuits(sparse, 4), "bdh", nullptr, true), {});
  const oracle::weights pool = tests::random_weights(
      {.neurons_per_head = 200, .heads = 2, .hubs = 12, .vocabulary = 10, .layers = 2}, 6);
  const oracle::rules rules = oracle::rules_of(oracle::variant::gpu_release);
  compare(tests::as_direct_graph(oracle::circuits_of(pool, rules), "gpu-release", &pool, false),
          {});
}

TEST_CASE("cut synapses and edges through hubs follow their probes and W on every rank") {
  const bdh::model m = hubs();
  const auto tokens = tests::random_tokens(5, 10, 3);
  const auto run = [&](bdh::simulator brain) {
    seen all;
    const bdh::intervention cut = bdh::parse_intervention(m, "lesion synapses:1->3,400->17"),
                            edge = bdh::parse_intervention(m, "lesion gx:2->401");
    for (const bdh::intervention& p : {cut, edge})
      for (const bdh::probe_spec& probe : brain.interventions().probes_needed(p))
        brain.probes().add(probe);
    brain.follow_sources();
    brain.interventions().add(cut);
    brain.interventions().add(edge);
    for (int t : tokens) {
      brain.step(static_cast<bdh::token_id>(t));
      add(all, {brain.logits().begin(), brain.logits().end()});
      add(all, brain.sources().activity());
    }
    return all;
  };
  const seen expected = run(bdh::simulator(m, bdh::cpu_engine(m)));
  const running on(m, 3);
  const seen found = run(on.simulator(m, {}));
  CHECK(tests::same_bits(std::span(found), std::span(expected)));
}

TEST_CASE("streams on ranks: together, alone, and one that fails") {
  const bdh::model m = hubs();
  const auto tokens = tests::random_tokens(8, 10, 3);
  const auto run = [&](bdh::simulator brain) {
    seen all;
    const auto second = brain.new_stream(), third = brain.new_stream();
    second->interventions().add(bdh::parse_intervention(m, "silence x:1-5"));
    const int failing = third->observe([&](bdh::layer_id layer, bdh::moment) {
      if (third->tokens() == 3 && layer == 2) throw std::runtime_error("enough");
    });
    bdh::simulator* const streams[] = {&brain, second.get(), third.get()};
    for (std::size_t t = 0; t + 2 < tokens.size(); ++t) {
      if (t == 4) {
        third->stop_observing(failing);
        third->clear_synapses();
      }
      std::vector<bdh::stream_step> steps;
      for (std::size_t k = 0; k < 3; ++k)
        steps.push_back({streams[k], static_cast<bdh::token_id>(tokens[t + k])});
      bdh::step_streams(steps);
      for (std::size_t k = 0; k < 3; ++k) {
        CHECK((steps[k].failed != nullptr) == (k == 2 && t == 3));
        if (k == 2 && t == 3) continue;
        add(all, {streams[k]->logits().begin(), streams[k]->logits().end()});
        all.push_back(static_cast<float>(steps[k].report.synaptic_events));
      }
    }
    second->step(1);
    add(all, second->synapses(2, m.neurons() - 1));
    return all;
  };
  const seen expected = run(bdh::simulator(m, bdh::cpu_engine(m)));
  const running on(m, 3);
  const seen found = run(on.simulator(m, {}));
  CHECK(tests::same_bits(std::span(found), std::span(expected)));
}

TEST_CASE("several engines, an observer that throws, and a value that is not finite") {
  const bdh::model m = hubs();
  const running on(m, 2);
  bdh::simulator a = on.simulator(m, {}), b = on.simulator(m, {});
  const int failing = a.observe(
      [](bdh::layer_id layer, bdh::moment at) {
        if (layer == 2 && at == bdh::moment::x_ready) throw std::runtime_error("enough");
      },
      bdh::observation::activity);
  CHECK_THROWS_WITH(a.step(1), "enough");
  a.stop_observing(failing);
  b.step(1);  // the others have given up a's token
  a.clear_synapses();
  a.step(1);
  CHECK(tests::same_bits(a.logits(), b.logits()));

  const tests::graph_shape shape{.neurons = 400, .vocabulary = 10, .layers = 2, .degree = 12};
  oracle::circuits c = tests::random_circuits(shape, 8);
  c.Gx *= 1e25;
  const bdh::model explosive = tests::as_direct_graph(c, "bdh", nullptr, false);
  const running all(explosive, 2);
  const auto fault = [&](bdh::simulator brain) {
    try {
      for (int t : tests::random_tokens(200, 10, 5)) brain.step(static_cast<bdh::token_id>(t));
    } catch (const bdh::input_error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const std::string expected = fault(bdh::simulator(explosive, bdh::cpu_engine(explosive)));
  CHECK(!expected.empty());
  CHECK(fault(all.simulator(explosive, {})) == expected);
}

TEST_CASE("what one rank meets is said by rank 0, and what ranks cannot do is refused") {
  const bdh::model m = hubs();
  {
    const running on(m, 3, 2);
    CHECK_THROWS_WITH_AS(on.simulator(m, {.model_file = "m.bdh.h5"}),
                         "ranks: rank 2 on host-2: m.bdh.h5: no such file", bdh::input_error);
    CHECK_THROWS_AS(on.simulator(m, {.model_file = "m.bdh.h5"}), bdh::input_error);
  }
  const running on(m, 2);
  CHECK_THROWS_WITH_AS(on.simulator(m, {.sites = 6}),
                       "ranks: 2 of 6 sites, expected at most 10 sites, one for each block of 64 "
                       "neurons; fewer ranks, or --threads 1",
                       bdh::input_error);
  bdh::simulator brain = on.simulator(m, {});
  CHECK(brain.prefill().refused().has_value());
  CHECK_THROWS_AS(on.simulator(tests::in_random_order(hubs(), 1), {}), bdh::unavailable_error);
}

TEST_CASE("bytes and exchanges of a token are those of the plan") {
  // 4 L + 3 exchanges through hubs: the token and its way back, A and W and theirs, the logits.
  const bdh::model m = hubs();
  const running on(m, 2);
  bdh::simulator brain = on.simulator(m, {});
  const std::uint64_t before = on.first->exchanges();
  brain.step(1);
  CHECK(on.first->exchanges() - before == 4 * m.layers() + 3);
}
