// The bits of today's results, as SHA-256 in golden_bits.txt: every instruction set, compiler,
// library and architecture must find them again. Both models of the repository and twelve random
// ones, made by arithmetic that IEEE 754 fixes to the bit. The weights of each are hashed too, so
// that a difference in making a model differs from one in running it; and so are models as
// `bdh new` draws them.
//
//     golden_bits_test --no-skip -tc="write*"    writes golden_bits.txt anew, into this folder
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>

#include <bdh/cpu_engine.hpp>
#include <bdh/import_checkpoint.hpp>
#include <bdh/sampling.hpp>
#include <bdh/simulator.hpp>

#include "core/base/exponential.hpp"
#include "core/base/random.hpp"
#include "core/base/rounded.hpp"
#include "core/base/sincos.hpp"
#include "core/model/random_model.hpp"
#include "core/simulation/engine.hpp"
#include "io/files/sha256.hpp"
#include "support/instruction_sets.hpp"
#include "support/models.hpp"

namespace {

using hashes = std::map<std::string, std::string>;  // "case what" -> SHA-256

// Numbers in little-endian order, whatever the machine's. Both zeros keep their sign. A NaN has
// bits of its own on every machine and none belongs into a result: it is an error.
class digest {
 public:
  void add(std::uint64_t value, int bytes) {
    for (int b = 0; b < bytes; ++b) buffer_.push_back(static_cast<std::byte>(value >> 8 * b));
    if (buffer_.size() > 1 << 16) flush();
  }
  void add(float value) {
    expect_number(value);
    add(std::bit_cast<std::uint32_t>(value), 4);
  }
  void add(double value) {
    expect_number(value);
    add(std::bit_cast<std::uint64_t>(value), 8);
  }
  void add(std::uint32_t value) { add(value, 4); }
  void add(std::uint64_t value) { add(value, 8); }
  template <class Values>
  void add_all(const Values& values) {
    add(std::uint64_t{values.size()});
    for (const auto& v : values) add(v);
  }
  std::string hex() {
    flush();
    return hash_.hex();
  }

 private:
  static void expect_number(double value) {
    if (std::isnan(value)) throw std::runtime_error("a NaN among the values to be hashed");
  }
  void flush() {
    hash_.update(buffer_);
    buffer_.clear();
  }

  bdh::sha256 hash_;
  std::vector<std::byte> buffer_;
};

void add(digest& d, const bdh::projection& p) {
  d.add(p.source().size);
  d.add(p.target().size);
  d.add(std::uint64_t{p.edges()});
  d.add_all(p.indptr());
  d.add_all(p.indices());
  for (bdh::edge_id e = 0; e < p.edges(); ++e) d.add(p.weight(e));
}

std::string weights_of(const bdh::model& m) {
  digest d;
  for (auto part : {&bdh::hub_circuits::e, &bdh::hub_circuits::sensory, &bdh::hub_circuits::dx,
                    &bdh::hub_circuits::dy, &bdh::hub_circuits::readout})
    add(d, m.circuits().*part);
  if (m.is_direct()) {
    using direct = bdh::direct_circuits;
    for (auto part : {&direct::gx_excitatory, &direct::gx_inhibitory, &direct::gy_excitatory,
                      &direct::gy_inhibitory, &direct::gs, &direct::sensory, &direct::readout})
      add(d, m.direct().*part);
    d.add_all(m.direct().retention);
  }
  d.add_all(m.memory_order());
  d.add_all(m.rotation().frequency());
  d.add(m.retention());
  return d.hex();
}

// The Irwin-Hall sum of four uniform draws, standardised: close to normal, without a logarithm or a
// cosine.
double draw(std::uint64_t seed, std::uint64_t stream, int row, int column) {
  const std::uint64_t item =
      static_cast<std::uint64_t>(row) * 100000 + static_cast<std::uint64_t>(column);
  double sum = -2;
  for (std::uint64_t k = 0; k < 4; ++k)
    sum += bdh::uniform(seed, bdh::purpose::test_weights, item, 1000 + 4 * stream + k);
  return sum * 1.7320508075688772;
}

Eigen::MatrixXd matrix(int rows, int columns, double deviation, std::uint64_t seed,
                       std::uint64_t stream) {
  Eigen::MatrixXd m(rows, columns);
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c)
      m(r, c) = static_cast<float>(deviation * draw(seed, stream, r, c));
  return m;
}

std::vector<double> frequencies(int pairs) {
  std::vector<double> all;
  for (int m = 0; m < pairs; ++m) all.push_back(0.15 / (1 + m));
  return all;
}

oracle::weights hub_weights(const tests::shape& s, double retention, double dy,
                            std::uint64_t seed) {
  oracle::weights w;
  w.heads = s.heads;
  w.n = s.neurons_per_head * s.heads;
  w.d = s.hubs;
  w.vocabulary = s.vocabulary;
  w.layers = s.layers;
  w.retention = retention;
  const double scale = 1.0 / std::sqrt(static_cast<double>(s.hubs));
  w.E = matrix(w.d, w.n, 0.3, seed, 0);
  w.Dx = matrix(w.n, w.d, scale, seed, 1);
  w.Dy = matrix(w.n, w.d, scale * dy, seed, 2);
  w.embedding = matrix(w.vocabulary, w.d, 0.5, seed, 3);
  w.readout = matrix(w.d, w.vocabulary, scale, seed, 4);
  if (s.rotates) w.frequency = frequencies(s.neurons_per_head / 2);
  return w;
}

// Explicit edges between `sources` and neurons: about `degree` into each, a fifth of them
// inhibitory.
oracle::circuits edges(int neurons, int sources, int layers, double degree, bool rotates,
                       double retention, std::uint64_t seed) {
  const auto chance = [seed](std::uint64_t stream, int r, int c) {
    return bdh::uniform(seed, bdh::purpose::test_weights,
                        static_cast<std::uint64_t>(r) * 100000 + static_cast<std::uint64_t>(c),
                        stream);
  };
  const auto sparse = [&](int rows, int columns, std::uint64_t stream, double scale,
                          double inhibition) {
    Eigen::MatrixXd m = Eigen::MatrixXd::Zero(rows, columns);
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c)
        if (chance(stream, r, c) * columns < degree)
          m(r, c) = static_cast<float>(scale * chance(stream + 1, r, c) *
                                       (chance(stream + 2, r, c) < 0.2 ? inhibition : 1.0));
    return m;
  };
  oracle::circuits c;
  c.n = neurons;
  c.layers = layers;
  c.Gx = sparse(neurons, sources, 10, 0.5, -1.5);
  c.Gy = sparse(neurons, sources, 20, 0.4, -1.5);
  c.rate = sparse(sources, neurons, 30, 0.5, 1);
  c.damping = Eigen::MatrixXd::Constant(sources, neurons, static_cast<float>(retention));
  if (rotates) c.frequency = frequencies(neurons / 2);
  return c;
}

bdh::model with_hubs_for_gains(const char* dynamics, const tests::shape& s, double retention,
                               std::uint64_t seed) {
  const oracle::weights pool = hub_weights(s, retention, 1, seed);
  const oracle::circuits c =
      edges(pool.n, pool.n + pool.vocabulary, s.layers, 8, s.rotates, retention, seed + 1);
  return tests::as_direct_graph(c, dynamics, &pool, false);
}

bdh::model direct(const char* dynamics, const tests::graph_shape& s, std::uint64_t seed) {
  oracle::circuits c = tests::random_circuits(s, seed);
  if (s.rotates) c.frequency = frequencies(s.neurons / s.heads / 2);
  return tests::as_direct_graph(c, dynamics, nullptr, s.own_retention);
}

bdh::model checkpoint(const char* file) {
  return bdh::import_checkpoint(std::string(BDH_SOURCE_DIR) + file);
}

struct golden_case {
  std::string name;
  std::function<bdh::model()> make;
  std::uint64_t seed = 0;
  int in_blocks = 0, tokens = 24;  // so many are read in blocks, then so many one by one
  int streams = 1;                 // of the tokens read one by one, each begins with another
  bool bfloat16_synapses = false;
  std::vector<std::string> interventions = {};
  std::string text = {};  // in place of random tokens
};

struct way {
  bdh::instruction_set set;
  bdh::site_id sites;
  std::size_t threads;
};

void add(digest& d, const bdh::run_state& s) {
  d.add(s.tokens);
  for (const bdh::state_arrays& l : s.layers) {
    d.add(l.clock());
    d.add_all(l.last_used());
    d.add_all(l.strengths());
  }
}

std::vector<bdh::token_id> tokens_of(const golden_case& c, const bdh::model& m) {
  std::vector<bdh::token_id> tokens;
  for (int t = 0; t < c.in_blocks + c.tokens; ++t)
    tokens.push_back(
        c.text.empty()
            ? static_cast<bdh::token_id>(bdh::uniform(c.seed, bdh::purpose::test_weights,
                                                      static_cast<std::uint64_t>(t), 99) *
                                         m.readout_nodes())
            : static_cast<unsigned char>(c.text[static_cast<std::size_t>(t) % c.text.size()]));
  return tokens;
}

// What a run gives, without its weights.
hashes run(const golden_case& c, const bdh::model& m, const way& w) {
  auto engine = bdh::cpu_engine(m, {.sites = w.sites,
                                    .instructions = w.set,
                                    .retention = {},
                                    .bfloat16_synapses = c.bfloat16_synapses});
  if (c.bfloat16_synapses) engine->seed_draws(c.seed + 1);
  bdh::simulator brain(m, std::move(engine), {.threads = w.threads});
  digest logits, synapses, choices;
  std::uint64_t fired = 0;
  const auto keep = [&](const bdh::simulator& of, const bdh::step_report& r) {
    for (const auto n : r.active_y) fired += n;
    for (float z : of.logits()) logits.add(z);
    for (const double temperature : {0.0, 0.8})
      choices.add(bdh::choose(of.logits(), {.temperature = temperature, .top_k = 7, .seed = c.seed},
                              r.position));
  };
  std::vector<std::unique_ptr<bdh::simulator>> streams;
  for (int s = 1; s < c.streams; ++s) streams.push_back(brain.new_stream());
  for (const std::string& p : c.interventions)
    brain.interventions().add(bdh::parse_intervention(m, p));
  const auto tokens = tokens_of(c, m);
  const auto first = static_cast<std::size_t>(c.in_blocks);
  if (first != 0)
    brain.prefill().read(std::span(tokens).first(first),
                         [&](const bdh::step_report& r) { keep(brain, r); });
  for (std::size_t t = first; t < tokens.size(); ++t) {
    if (streams.empty()) {
      keep(brain, brain.step(tokens[t]));
      continue;
    }
    std::vector<bdh::stream_step> steps{{&brain, tokens[t]}};
    for (std::size_t s = 0; s < streams.size(); ++s)
      steps.push_back({streams[s].get(), tokens[(t + s + 1) % tokens.size()]});
    bdh::step_streams(steps);
    for (const bdh::stream_step& s : steps) {
      if (s.failed) std::rethrow_exception(s.failed);
      keep(*s.stream, s.report);
    }
  }
  if (fired == 0) throw std::runtime_error(c.name + ": no neuron fired");
  add(synapses, brain.save());
  for (const auto& s : streams) add(synapses, s->save());
  return {{c.name + " logits", logits.hex()},
          {c.name + " synapses", synapses.hex()},
          {c.name + " choices", choices.hex()}};
}

const std::string hamlet =
    "To be, or not to be, that is the question: Whether 'tis nobler in the mind to suffer the "
    "slings and arrows of outrageous fortune, or "
    "to "
    "take arms against a sea of troubles, and by opposing end them.";

std::vector<golden_case> cases() {
  const char *shakespeare = "/examples/models/shakespeare-4096/model.safetensors",
             *random_64 = "/tests/data/random-64/model.safetensors";
  const auto trained = [=] { return checkpoint(shakespeare); };
  const auto random = [=] { return checkpoint(random_64); };
  const auto hubs = [](const char* dynamics, const tests::shape& s, double retention, double dy,
                       std::uint64_t seed, bool sparse = false, bool narrow = false) {
    return [=] {
      const oracle::weights w = hub_weights(s, retention, dy, seed);
      bdh::model m = sparse ? tests::as_sparse_graph(w, dynamics) : tests::as_graph(w, dynamics);
      return narrow ? std::move(m).in_bfloat16() : std::move(m);
    };
  };
  return {
      {.name = "shakespeare-4096", .make = trained, .tokens = 40, .text = hamlet},
      {.name = "shakespeare-4096-blocks",
       .make = trained,
       .in_blocks = 150,
       .tokens = 3,
       .text = hamlet},
      {.name = "shakespeare-4096-bf16",
       .make = [=] { return checkpoint(shakespeare).in_bfloat16(); },
       .tokens = 15,
       .bfloat16_synapses = true,
       .text = hamlet},
      {.name = "random-64", .make = random, .tokens = 100, .text = hamlet},
      {.name = "random-64-blocks", .make = random, .in_blocks = 170, .tokens = 5, .text = hamlet},
      {.name = "hubs-gpu-release",
       .make =
           hubs("gpu-release",
                {.neurons_per_head = 200, .heads = 3, .hubs = 45, .vocabulary = 13, .layers = 3}, 1,
                1, 1),
       .seed = 1},
      {.name = "hubs-gpu-paper-csr",
       .make = hubs("gpu-paper",
                    {.neurons_per_head = 77,
                     .heads = 1,
                     .hubs = 33,
                     .vocabulary = 19,
                     .layers = 2,
                     .rotates = false},
                    0.97, 1, 2, true),
       .seed = 2},
      {.name = "hubs-bdh-bf16",
       .make = hubs("bdh", {.neurons_per_head = 130, .hubs = 29, .vocabulary = 70}, 0.9, 0.02, 3,
                    false, true),
       .seed = 3},
      {.name = "hubs-normfree-interventions",
       .make =
           hubs("normfree", {.neurons_per_head = 150, .hubs = 70, .vocabulary = 11}, 0.95, 0.02, 4),
       .seed = 4,
       .interventions = {"silence x:5-9", "stimulate x:20 0.3 from 3", "clamp y:41 0.2 layers 1",
                         "lesion 100-110 from 8", "freeze at 12"}},
      {.name = "hubs-bf16-synapses",
       .make = hubs("gpu-release",
                    {.neurons_per_head = 90, .heads = 2, .hubs = 45, .vocabulary = 13, .layers = 3},
                    0.97, 1, 5),
       .seed = 5,
       .bfloat16_synapses = true},
      {.name = "hubs-blocks",
       .make =
           hubs("gpu-release",
                {.neurons_per_head = 1100, .heads = 2, .hubs = 77, .vocabulary = 70, .layers = 2},
                0.98, 1, 6),
       .seed = 6,
       .in_blocks = 150,
       .tokens = 5},
      {.name = "hubs-blocks-csr-bf16",
       .make =
           hubs("gpu-paper", {.neurons_per_head = 150, .hubs = 37, .vocabulary = 13, .layers = 3},
                1, 1, 7, true, true),
       .seed = 7,
       .in_blocks = 139,
       .tokens = 10},
      {.name = "hubs-streams",
       .make =
           hubs("gpu-release",
                {.neurons_per_head = 110, .heads = 2, .hubs = 53, .vocabulary = 17, .layers = 2},
                0.99, 1, 8),
       .seed = 8,
       .tokens = 12,
       .streams = 5},
      {.name = "direct-bdh",
       .make =
           [] {
             return direct("bdh",
                           {.neurons = 150,
                            .heads = 1,
                            .vocabulary = 9,
                            .layers = 3,
                            .rotates = true,
                            .own_retention = true},
                           9);
           },
       .seed = 9,
       .interventions = {"inhibition 0.5 from 6", "stimulate y:7 0.1", "silence x:30-33 tokens 4-9",
                         "freeze at 11"}},
      {.name = "direct-normfree-bf16-order",
       .make =
           [] {
             return tests::in_random_order(direct("normfree",
                                                  {.neurons = 130,
                                                   .heads = 1,
                                                   .vocabulary = 7,
                                                   .rotates = false,
                                                   .retention = 0.9},
                                                  10)
                                               .in_bfloat16(),
                                           11);
           },
       .seed = 10},
      {.name = "direct-gpu-release",
       .make =
           [] {
             return with_hubs_for_gains(
                 "gpu-release",
                 {.neurons_per_head = 120, .hubs = 21, .vocabulary = 15, .layers = 2}, 0.96, 12);
           },
       .seed = 12},
      {.name = "direct-gpu-paper-streams",
       .make =
           [] {
             return with_hubs_for_gains("gpu-paper",
                                        {.neurons_per_head = 100,
                                         .hubs = 19,
                                         .vocabulary = 10,
                                         .layers = 2,
                                         .rotates = false},
                                        1, 13);
           },
       .seed = 13,
       .tokens = 12,
       .streams = 3},
  };
}

// Models as `bdh new` draws them, each family; before their gains are tuned.
bdh::model drawn(bdh::graph_family family, bool rotates) {
  bdh::random_model_recipe r;
  r.graph = {.family = family, .neurons = 300, .degree = 9};
  r.vocabulary = 40;
  r.seed = 7;
  if (rotates) r.theta = 65536;
  const bool complete = family == bdh::graph_family::complete;
  return bdh::random_circuits(r).make({.sensory_edges = 12,
                                       .sensory_inhibitory = complete ? 3u : 60u,
                                       .gx = 0.3,
                                       .gy = 0.2,
                                       .inhibition_x = 2,
                                       .inhibition_y = 3});
}

constexpr bdh::graph_family families[] = {
    bdh::graph_family::erdos_renyi, bdh::graph_family::small_world, bdh::graph_family::scale_free,
    bdh::graph_family::blocks,      bdh::graph_family::ring,        bdh::graph_family::complete};

hashes drawn_models() {
  hashes all;
  for (const auto f : families)
    all["new-" + std::string(bdh::name(f)) + " weights"] =
        weights_of(drawn(f, f == bdh::graph_family::small_world));
  return all;
}

// The functions that a libm would give, over arguments such as models and losses have.
hashes functions() {
  digest d;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    const double u = bdh::uniform(3, bdh::purpose::test_weights, i, 0);
    for (const double value :
         {bdh::rounded::log(1 + 255 * u), bdh::rounded::log1p(-u), bdh::rounded::exp(12 * u - 8),
          bdh::rounded::pow(65536, -u), bdh::rounded::cos(6.28 * u), bdh::exponential(-40 * u),
          bdh::sincos_turns(900 * u).sine})
      d.add(value);
  }
  return {{"functions values", d.hex()}};
}

hashes expected() {
  const std::string file = std::string(BDH_SOURCE_DIR) + "/tests/agreement/golden_bits.txt";
  std::ifstream in(file);
  hashes all;
  for (std::string line, name, what, hash; std::getline(in, line);)
    if (std::istringstream words(line); words >> name >> what >> hash && name[0] != '#')
      all[name + " " + what] = hash;
  REQUIRE_MESSAGE(!all.empty(), file, ": no hashes");
  return all;
}

void compare(const hashes& found, const hashes& expected, const std::string& set) {
  for (const auto& one : found) {
    const auto known = expected.find(one.first);
    const std::string committed = known == expected.end() ? "nothing" : known->second;
    CHECK_MESSAGE(one.second == committed, one.first, ", instruction set ", set, ": found ",
                  one.second, ", expected ", committed);
  }
}

}  // namespace

TEST_CASE(
    "golden: logits, synapses and choices have the committed bits, by every instruction set") {
  const hashes committed = expected();
  for (const golden_case& c : cases()) {
    const bdh::model m = c.make();
    compare({{c.name + " weights", weights_of(m)}}, committed, "any");
    for (const auto set : tests::instruction_sets()) {
      const bool plain = set == bdh::instruction_set::plain;
      compare(run(c, m, {set, plain ? 1u : 3u, plain ? 1u : 2u}), committed, bdh::name(set));
    }
  }
}

TEST_CASE("golden: drawn models, and the functions that draw them, have the committed bits") {
  compare(functions(), expected(), "any");
  compare(drawn_models(), expected(), "any");
}

TEST_CASE("golden: every committed hash is of a case") {
  hashes known = drawn_models();
  known.merge(functions());
  for (const golden_case& c : cases())
    for (const char* what : {" weights", " logits", " synapses", " choices"})
      known[c.name + what] = "";
  for (const auto& one : expected()) CHECK_MESSAGE(known.count(one.first) == 1, one.first);
}

TEST_CASE("write golden_bits.txt" * doctest::skip()) {
  std::ofstream out("golden_bits.txt");
  out << "# Made by golden_bits_test, which says how. SHA-256 of weights, of the logits of all "
         "tokens, of the stored synapses after the "
         "last\n"
         "# one, and of the tokens chosen.\n";
  const auto write = [&](const hashes& all) {
    for (const auto& [what, hash] : all) out << what << ' ' << hash << '\n';
  };
  for (const golden_case& c : cases()) {
    const bdh::model m = c.make();
    write({{c.name + " weights", weights_of(m)}});
    write(run(c, m, {bdh::instruction_set::plain, 1, 1}));
  }
  write(functions());
  write(drawn_models());
  REQUIRE(out.flush());
}
