// Streams that read their tokens together have the bits of the same streams alone: any number of
// them, of sites and of threads, of different lengths, whatever is probed, observed or perturbed in
// some of them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/simulation/engine.hpp"
#include "support/models.hpp"

namespace {

using token_list = std::vector<int>;

struct outcome {
  std::vector<float> logits;  // all tokens
  std::vector<bdh::state_arrays> synapses;
  std::vector<bdh::step_report> reports;
  std::vector<double> probed;
};

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

void check_same(const outcome& a, const outcome& b) {
  CHECK(same_bits(a.logits, b.logits));
  REQUIRE(a.synapses.size() == b.synapses.size());
  for (std::size_t l = 0; l < a.synapses.size(); ++l) {
    CHECK(same_bits(a.synapses[l].strengths(), b.synapses[l].strengths()));
    CHECK(a.synapses[l].clock() == b.synapses[l].clock());
    CHECK(std::equal(a.synapses[l].last_used().begin(), a.synapses[l].last_used().end(),
                     b.synapses[l].last_used().begin()));
  }
  REQUIRE(a.reports.size() == b.reports.size());
  for (std::size_t t = 0; t < a.reports.size(); ++t) {
    CHECK(a.reports[t].position == b.reports[t].position);
    CHECK(a.reports[t].token == b.reports[t].token);
    CHECK(a.reports[t].active_x == b.reports[t].active_x);
    CHECK(a.reports[t].active_y == b.reports[t].active_y);
    CHECK(a.reports[t].synaptic_events == b.reports[t].synaptic_events);
    CHECK(a.reports[t].hebbian_writes == b.reports[t].hebbian_writes);
    CHECK(a.reports[t].bytes_exchanged == b.reports[t].bytes_exchanged);
  }
  CHECK(a.probed == b.probed);
}

void add(outcome& o, const bdh::step_report& report, const bdh::simulator& brain) {
  o.reports.push_back(report);
  o.logits.insert(o.logits.end(), brain.logits().begin(), brain.logits().end());
}

void end(outcome& o, const bdh::simulator& brain) {
  o.synapses = brain.save().layers;
  for (std::size_t p = 0; p < brain.probes().size(); ++p)
    o.probed.push_back(brain.probes().strength(p));
}

// What sets a stream apart from the others, by its number.
using special = std::function<void(bdh::simulator& stream, std::size_t number)>;

void nothing(bdh::simulator&, std::size_t) {}

bdh::simulator alone(const bdh::model& m, bdh::site_id sites = 1) {
  return bdh::simulator(
      m, bdh::cpu_engine(
             m, {.sites = sites, .instructions = bdh::instruction_set::best, .retention = {}}));
}

std::vector<outcome> one_after_the_other(const bdh::model& m, const std::vector<token_list>& tokens,
                                         const special& make, bdh::site_id sites) {
  std::vector<outcome> all(tokens.size());
  for (std::size_t k = 0; k < tokens.size(); ++k) {
    bdh::simulator stream = alone(m, sites);
    make(stream, k);
    for (const int t : tokens[k]) add(all[k], stream.step(static_cast<bdh::token_id>(t)), stream);
    end(all[k], stream);
  }
  return all;
}

std::vector<outcome> together(const bdh::model& m, const std::vector<token_list>& tokens,
                              const special& make, bdh::site_id sites, std::size_t threads) {
  std::vector<std::unique_ptr<bdh::simulator>> streams;
  streams.push_back(std::make_unique<bdh::simulator>(
      m,
      bdh::cpu_engine(
          m, {.sites = sites, .instructions = bdh::instruction_set::best, .retention = {}}),
      bdh::simulator_options{.threads = threads}));
  while (streams.size() < tokens.size()) streams.push_back(streams.front()->new_stream());
  for (std::size_t k = 0; k < streams.size(); ++k) make(*streams[k], k);
  std::vector<outcome> all(tokens.size());
  for (std::size_t t = 0;; ++t) {
    std::vector<bdh::stream_step> steps;
    std::vector<std::size_t> numbers;
    for (std::size_t k = 0; k < tokens.size(); ++k)
      if (t < tokens[k].size()) {
        steps.push_back({streams[k].get(), static_cast<bdh::token_id>(tokens[k][t])});
        numbers.push_back(k);
      }
    if (steps.empty()) break;
    bdh::step_streams(steps);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      REQUIRE(steps[i].failed == nullptr);
      add(all[numbers[i]], steps[i].report, *steps[i].stream);
    }
  }
  for (std::size_t k = 0; k < streams.size(); ++k) end(all[k], *streams[k]);
  return all;
}

// Token lists of different lengths, none of them the first's.
std::vector<token_list> some_tokens(std::size_t streams, int vocabulary, std::uint64_t seed) {
  std::vector<token_list> all;
  for (std::size_t k = 0; k < streams; ++k)
    all.push_back(tests::random_tokens(7 + static_cast<int>(k * 5 % 9), vocabulary, seed + k));
  return all;
}

std::uint64_t fired(const outcome& o) {
  std::uint64_t sum = 0;
  for (const bdh::step_report& r : o.reports)
    for (const bdh::neuron_id y : r.active_y) sum += y;
  return sum;
}

void compare(const bdh::model& m, std::size_t streams, int vocabulary, bdh::site_id sites,
             std::size_t threads, const special& make = nothing) {
  CAPTURE(streams);
  CAPTURE(sites);
  CAPTURE(threads);
  const auto tokens = some_tokens(streams, vocabulary, 11 * streams + sites);
  const auto expected = one_after_the_other(m, tokens, make, sites),
             actual = together(m, tokens, make, sites, threads);
  for (std::size_t k = 0; k < streams; ++k) {
    CAPTURE(k);
    CHECK(fired(expected[k]) > 0);
    check_same(expected[k], actual[k]);
  }
}

const tests::shape shape{.neurons_per_head = 200,
                         .heads = 3,
                         .hubs = 45,
                         .vocabulary = 13,
                         .layers = 3,
                         .rotates = true};

}  // namespace

TEST_CASE("any number of streams, sites and threads, through hubs") {
  oracle::weights w = tests::random_weights(shape, 1);
  w.retention = 0.97;
  const bdh::model m = tests::as_graph(w, "gpu-release");
  for (const std::size_t streams : {1, 2, 5, 17})
    for (const bdh::site_id sites : {1u, 3u, 60u})
      compare(m, streams, shape.vocabulary, sites, streams == 5 ? 4 : 1);
}

TEST_CASE("all dynamics, through hubs") {
  const tests::shape one_head{.neurons_per_head = 150,
                              .heads = 1,
                              .hubs = 20,
                              .vocabulary = 9,
                              .layers = 2,
                              .rotates = false};
  for (const char* variant : {"bdh", "normfree", "gpu-paper", "gpu-release"}) {
    CAPTURE(variant);
    const oracle::weights w = tests::random_weights(one_head, 2);
    compare(tests::as_graph(w, variant), 4, one_head.vocabulary, 2, 2);
    compare(tests::as_sparse_graph(w, variant), 3, one_head.vocabulary, 1, 1);
  }
}

TEST_CASE("all dynamics, with explicit edges") {
  for (const auto& [name, variant] :
       {std::pair{"bdh", oracle::variant::bdh}, std::pair{"normfree", oracle::variant::normfree},
        std::pair{"gpu-paper", oracle::variant::gpu_paper},
        std::pair{"gpu-release", oracle::variant::gpu_release}}) {
    const char* const dynamics = name;
    CAPTURE(dynamics);
    const oracle::rules rules = oracle::rules_of(variant);
    for (const bool rotates : {false, true}) {
      const tests::shape small{.neurons_per_head = 130,
                               .heads = 1,
                               .hubs = 10,
                               .vocabulary = 7,
                               .layers = 2,
                               .rotates = rotates};
      const oracle::weights pool = tests::random_weights(small, 3);
      compare(tests::as_direct_graph(oracle::circuits_of(pool, rules), name, &pool, false), 4,
              small.vocabulary, 3, 2);
    }
  }
  const tests::graph_shape sparse{.neurons = 200,
                                  .vocabulary = 7,
                                  .layers = 2,
                                  .degree = 12,
                                  .rotates = true,
                                  .own_retention = true};
  compare(tests::as_direct_graph(tests::random_circuits(sparse, 4), "bdh", nullptr, true), 5,
          sparse.vocabulary, 2, 2);
  compare(tests::in_random_order(
              tests::as_direct_graph(tests::random_circuits(sparse, 4), "bdh", nullptr, true), 5),
          70, sparse.vocabulary, 2, 2);
}

TEST_CASE("a probe in one stream, interventions in others, an observer in a fourth") {
  oracle::weights w = tests::random_weights(shape, 5);
  const bdh::model m = tests::as_graph(w, "gpu-release");
  int rounds = 0;
  const special make = [&](bdh::simulator& stream, std::size_t number) {
    if (number == 1) stream.probes().add({{3, 205}, 2});
    if (number == 2) {
      stream.interventions().add(bdh::parse_intervention(m, "silence x:5-90 tokens 2-4"));
      stream.interventions().add(bdh::parse_intervention(m, "lesion 7,9,300"));
    }
    if (number == 3)
      stream.observe([&](bdh::layer_id, bdh::moment) {
        ++rounds;
        stream.read(bdh::variable::y);
      });
  };
  compare(m, 5, shape.vocabulary, 2, 2, make);
  CHECK(rounds == 2 * (7 + 15 % 9) * 4 * shape.layers);  // alone and together, 4 L rounds a token
  const special mild = [&](bdh::simulator& stream,
                           std::size_t number) {  // no observer between the rounds
    if (number == 0)
      stream.interventions().add(bdh::parse_intervention(m, "silence x:5-90 tokens 2-4"));
  };
  compare(m, 3, shape.vocabulary, 2, 1, mild);
}

TEST_CASE("cut edges and muted weights of one stream are not those of another") {
  const tests::graph_shape sparse{.neurons = 150, .vocabulary = 7, .layers = 2, .degree = 12};
  const oracle::circuits c = tests::random_circuits(sparse, 6);
  const bdh::model m = tests::as_direct_graph(c, "bdh", nullptr, false);
  const bdh::projection& gx = m.direct().gx_excitatory;
  std::string edge;
  for (bdh::neuron_id i = 0; edge.empty(); ++i)
    if (gx.indptr()[i] != gx.indptr()[i + 1])
      edge = std::to_string(i) + "->" + std::to_string(gx.indices()[gx.indptr()[i]]);
  compare(m, 3, sparse.vocabulary, 2, 2, [&](bdh::simulator& stream, std::size_t number) {
    if (number == 1) stream.interventions().add(bdh::parse_intervention(m, "lesion gx:" + edge));
  });
}

TEST_CASE("streams with synapses in bfloat16, each with a seed of its own") {
  const bdh::model m = tests::as_graph(tests::random_weights(shape, 8), "gpu-release");
  const auto make = [&](std::uint64_t seed) {
    auto work = bdh::cpu_engine(m, {.sites = 2,
                                    .instructions = bdh::instruction_set::best,
                                    .retention = {},
                                    .bfloat16_synapses = true});
    work->seed_draws(seed);
    return std::make_unique<bdh::simulator>(m, std::move(work));
  };
  const auto tokens = tests::random_tokens(10, shape.vocabulary, 8);
  std::vector<outcome> expected(5), found(5);
  std::vector<std::unique_ptr<bdh::simulator>> streams;
  for (std::size_t k = 0; k < 5; ++k) {
    const auto one = make(40 + k);
    for (const int t : tokens) add(expected[k], one->step(static_cast<bdh::token_id>(t)), *one);
    end(expected[k], *one);
    streams.push_back(k == 0 ? make(40) : streams.front()->new_stream());
    streams.back()->seed_draws(40 + k);
  }
  for (const int t : tokens) {
    std::vector<bdh::stream_step> steps;
    for (const auto& stream : streams)
      steps.push_back({stream.get(), static_cast<bdh::token_id>(t)});
    bdh::step_streams(steps);
    for (std::size_t k = 0; k < 5; ++k) add(found[k], steps[k].report, *streams[k]);
  }
  for (std::size_t k = 0; k < 5; ++k) {
    end(found[k], *streams[k]);
    check_same(expected[k], found[k]);
  }
  CHECK_FALSE(same_bits(found[0].logits, found[1].logits));
}

TEST_CASE("streams come and go; a saved one goes on among others") {
  const bdh::model m = tests::as_graph(tests::random_weights(shape, 7), "gpu-release");
  const auto tokens = tests::random_tokens(20, shape.vocabulary, 7);
  bdh::simulator straight = alone(m);
  outcome expected;
  for (const int t : tokens) add(expected, straight.step(static_cast<bdh::token_id>(t)), straight);
  bdh::simulator first = alone(m);
  const auto second = first.new_stream(), third = first.new_stream();
  outcome actual;
  const auto step = [&](bdh::simulator& stream, int t, std::vector<bdh::simulator*> others) {
    std::vector<bdh::stream_step> steps;
    for (bdh::simulator* other : others) steps.push_back({other, 1});
    steps.push_back({&stream, static_cast<bdh::token_id>(t)});
    bdh::step_streams(steps);
    REQUIRE(steps.back().failed == nullptr);
    add(actual, steps.back().report, stream);
  };
  for (std::size_t t = 0; t < 6; ++t) step(first, tokens[t], {second.get()});
  third->restore(first.save());
  for (std::size_t t = 6; t < 12; ++t) step(*third, tokens[t], {second.get(), &first});
  for (std::size_t t = 12; t < 20; ++t)
    add(actual, third->step(static_cast<bdh::token_id>(tokens[t])), *third);
  CHECK(same_bits(expected.logits, actual.logits));
}

TEST_CASE("a stream that fails leaves the others alone") {
  oracle::weights w = tests::random_weights({.neurons_per_head = 64,
                                             .heads = 1,
                                             .hubs = 16,
                                             .vocabulary = 5,
                                             .layers = 2,
                                             .rotates = false},
                                            8);
  w.Dy *= 1e3;
  w.E *= 1e3;
  const bdh::model m = tests::as_graph(w, "bdh");
  bdh::simulator expected = alone(m), doomed_alone = alone(m);
  std::string message;
  try {
    for (int t = 0; t < 50; ++t) doomed_alone.step(static_cast<bdh::token_id>(t % 5));
  } catch (const bdh::input_error& e) {
    message = e.what();
  }
  REQUIRE(message.find("a finite value") != std::string::npos);

  bdh::simulator doomed = alone(m);
  const auto other = doomed.new_stream();
  std::string found;
  for (int t = 0; t < 50 && found.empty(); ++t) {
    bdh::stream_step steps[] = {{&doomed, static_cast<bdh::token_id>(t % 5)}, {other.get(), 0}};
    if (t > 0) other->clear_synapses();  // one token at a time stays finite
    bdh::step_streams(steps);
    REQUIRE(steps[1].failed == nullptr);
    try {
      if (steps[0].failed) std::rethrow_exception(steps[0].failed);
    } catch (const bdh::input_error& e) {
      found = e.what();
    }
  }
  CHECK(found == message);
  expected.step(0);
  CHECK(same_bits(expected.logits(), other->logits()));

  // Before anything is read: a token that is none. In the middle: an observer that throws.
  doomed.clear_synapses();
  other->clear_synapses();
  const int observing = doomed.observe([](bdh::layer_id layer, bdh::moment) {
    if (layer == 2) throw bdh::input_error("observer", "enough", "more");
  });
  const auto third = doomed.new_stream();
  bdh::stream_step steps[] = {{&doomed, 0}, {other.get(), 0}, {third.get(), 5}};
  bdh::step_streams(steps);
  CHECK_THROWS_WITH_AS(std::rethrow_exception(steps[0].failed), "observer: enough, expected more",
                       bdh::input_error);
  CHECK_THROWS_WITH_AS(std::rethrow_exception(steps[2].failed),
                       "token: 5, expected < 5, the vocabulary", bdh::input_error);
  CHECK(third->tokens() == 0);
  REQUIRE(steps[1].failed == nullptr);
  CHECK(same_bits(expected.logits(), other->logits()));
  doomed.stop_observing(observing);
  doomed.clear_synapses();
  doomed.step(0);
  CHECK(same_bits(expected.logits(), doomed.logits()));
}

TEST_CASE("only different streams of one model read together") {
  const bdh::model m = tests::as_graph(tests::random_weights(shape, 9), "gpu-release"),
                   same = tests::as_graph(tests::random_weights(shape, 9), "gpu-release");
  bdh::simulator first = alone(m), stranger = alone(same), divided = alone(m, 2);
  for (bdh::simulator* other : {&stranger, &divided, &first}) {
    bdh::stream_step steps[] = {{&first, 0}, {other, 0}};
    CHECK_THROWS_AS(bdh::step_streams(steps), bdh::input_error);
    CHECK(first.tokens() == 0);
  }
  bdh::step_streams({});
}
