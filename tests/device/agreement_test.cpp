// Does the GPU engine agree with the CPU engine, to the last bit where the device is exact? On the
// fake device, where nothing may be read before it is written and every array has sentinels around
// it, on one that contracts, and on a GPU: tests::fresh_device() is another one in each program.
#include <memory>
#include <set>

#include <bdh/error.hpp>
#include <bdh/import_checkpoint.hpp>
#include <bdh/sampling.hpp>

#include "core/model/direct_form.hpp"
#include "device/backend.hpp"
#include "device/scale_free.hpp"
#include "device/support.hpp"
#include "support/models.hpp"
#include "support/spikes.hpp"

namespace {

using tests::item_order;

struct pair_of_runs {
  explicit pair_of_runs(const bdh::model& m, item_order order = item_order::ascending,
                        const bdh::simulator_options& options = {})
      : device(tests::fresh_device(order)),
        cpu(m, bdh::cpu_engine(m), options),
        gpu(m, bdh::gpu_engine(m, device), options) {}
  ~pair_of_runs() { CHECK(tests::damage(*device) == ""); }
  void check(const std::vector<int>& tokens) { tests::check_same_run(cpu, gpu, tokens, like); }
  void check_rounds(const std::vector<int>& tokens) {
    tests::check_same_rounds(cpu, gpu, tokens, like);
  }
  bool same_loss(bdh::token_id next) {
    return like.values(std::vector{cpu.loss(next)}, std::vector{gpu.loss(next)});
  }
  std::shared_ptr<bdh::gpu::device> device;
  tests::likeness like{device->exact()};
  bdh::simulator cpu, gpu;
};

// X and Y as spikes; both engines draw by one seed.
struct spiking_pair {
  spiking_pair(const bdh::model& m, const bdh::spiking& how)
      : device(tests::fresh_device(item_order::scattered)),
        spikes(std::make_shared<const bdh::spiking>(how)),
        cpu(m, bdh::cpu_engine(m, {.spikes = spikes})),
        gpu(m, bdh::gpu_engine(m, device, {.spikes = spikes})) {
    cpu.seed_draws(7);
    gpu.seed_draws(7);
  }
  ~spiking_pair() { CHECK(tests::damage(*device) == ""); }
  std::shared_ptr<bdh::gpu::device> device;
  std::shared_ptr<const bdh::spiking> spikes;
  bdh::simulator cpu, gpu;
};

bdh::spiking spikes_of_neurons(const bdh::model& m, std::uint32_t x, std::uint32_t y) {
  bdh::spiking how = tests::settings(m, tests::random_tokens(6, 11, 3), x);
  for (const auto s : {bdh::spike_source::w, bdh::spike_source::a}) how.of(s).bins = 0;
  how.of(bdh::spike_source::y).bins = y;
  return how;
}

// A draw turns on the last bit of a value: where a device rounds otherwise, so does all that
// follows.
bool contracts() { return !tests::fresh_device(item_order::ascending)->exact(); }

struct named_model {
  std::string name;
  bdh::model m;
  int vocabulary;
};

// Every kind of circuit, of dynamics and of synapse; sizes that no block and no group divides.
std::vector<named_model> models() {
  std::vector<named_model> all;
  for (const std::string variant : {"bdh", "normfree", "gpu-paper", "gpu-release"})
    for (const bool rotates : {true, false}) {
      const int heads = variant == "gpu-release" ? 3 : 1;
      oracle::weights w = tests::random_weights({.neurons_per_head = 70,
                                                 .heads = heads,
                                                 .hubs = 37,
                                                 .vocabulary = 11,
                                                 .layers = 3,
                                                 .rotates = rotates},
                                                31);
      w.retention = rotates ? 0.97 : 1;
      if (variant == "bdh" || variant == "normfree")
        w.E *= 0.1;  // nothing normalises: keep it bounded
      all.push_back({variant + (rotates ? ", rotating" : ""), tests::as_graph(w, variant), 11});
      if (variant != "bdh")
        all.push_back({variant + ", CSR", tests::as_sparse_graph(w, variant), 11});
      if (variant != "bdh")
        all.push_back({variant + ", direct", bdh::as_direct(all.back().m).graph, 11});
    }
  for (const bool own : {false, true})
    for (const bool rotates : {false, true}) {
      const auto c = tests::random_circuits({.neurons = 150,
                                             .vocabulary = 7,
                                             .layers = 2,
                                             .degree = 6,
                                             .rotates = rotates,
                                             .own_retention = own,
                                             .retention = 0.9},
                                            5);
      for (const std::string variant : {"bdh", "normfree"})
        all.push_back(
            {variant + ", explicit", tests::as_direct_graph(c, variant, nullptr, own), 7});
    }
  return all;
}

}  // namespace

TEST_CASE("every kind of model: logits, counts, synapses and clocks") {
  for (const named_model& of : models())
    for (const auto order : {item_order::ascending, item_order::scattered}) {
      CAPTURE(of.name);
      pair_of_runs runs(of.m, order);
      runs.check(tests::random_tokens(12, of.vocabulary, 3));
      const bdh::step_report last = runs.gpu.step(1);
      CHECK(last.active_x.back() > 5);
      CHECK(last.active_y.back() > 0);
    }
}

TEST_CASE("weights stored as bfloat16") {
  for (named_model& of : models()) {
    CAPTURE(of.name);
    const std::size_t bytes = bdh::gpu_memory(of.m)[0].bytes;
    const bdh::model m = std::move(of.m).in_bfloat16();
    CHECK(m.is_bfloat16());
    CHECK((m.is_direct() || bdh::gpu_memory(m)[0].bytes < bytes || !m.circuits().e.is_dense()));
    pair_of_runs runs(m, item_order::scattered);
    runs.check(tests::random_tokens(4, of.vocabulary, 3));
    std::string cut = "lesion synapses:3->7,64->9 from 2";
    if (m.is_direct()) {
      const bdh::projection& gx = m.direct().gx_excitatory;
      bdh::edge_id e = 3;
      while (gx.row_of(e) >= m.neurons()) ++e;
      cut = "lesion gx:" + std::to_string(gx.row_of(e)) + "->" + std::to_string(gx.indices()[e]) +
            " tokens 5-6";
    } else {
      for (bdh::simulator* brain : {&runs.cpu, &runs.gpu}) {
        brain->clear_synapses();
        for (const bdh::probe_spec& p :
             brain->interventions().probes_needed(bdh::parse_intervention(m, cut)))
          brain->probes().add(p);
      }
    }
    for (bdh::simulator* brain : {&runs.cpu, &runs.gpu})
      brain->interventions().add(bdh::parse_intervention(m, cut));
    runs.check(tests::random_tokens(5, of.vocabulary, 4));
  }
}

TEST_CASE("round by round everything can be read, and is the same") {
  for (const named_model& of : models()) {
    CAPTURE(of.name);
    pair_of_runs runs(of.m, item_order::descending);
    runs.check_rounds(tests::random_tokens(4, of.vocabulary, 4));
  }
}

TEST_CASE("probes and interventions") {
  for (const named_model& of : models()) {
    CAPTURE(of.name);
    pair_of_runs runs(of.m);
    const bool hubs = !of.m.is_direct();
    std::vector<std::string> texts = {
        "lesion 5,7-9 from 3",          "silence x:20-40 at 2",
        "silence y:1-30 layers 2 at 3", "clamp x:11 0.3 tokens 1-5",
        "clamp y:12 0.2 from 4",        "stimulate x:13,66 0.1 tokens 2-6",
        "stimulate y:14-40 0.1 from 1", "freeze layers 1 tokens 5-6",
        "reset layers 2 at 4"};
    for (auto& text : texts)
      if (hubs && text.starts_with("lesion")) text = "lesion 5,7-9";
    if (hubs) {
      texts.insert(texts.end(),
                   {"lesion gx:3->7,4->9 from 2", "lesion synapses:3->7,64->9,65->2 from 1",
                    "set synapses:6->10 0.2 at 3", "reset synapses:6->9 at 5"});
    } else {
      texts.insert(texts.end(), {"inhibition 0.5 tokens 3-7"});
      const auto pair = [&](const bdh::projection& p,
                            bdh::edge_id e) {  // between neurons, from edge e on
        while (p.row_of(e) >= of.m.neurons() || p.indices()[e] >= of.m.neurons()) ++e;
        const auto row = std::to_string(p.row_of(e)), column = std::to_string(p.indices()[e]);
        return p.rows_are() == bdh::major::source ? row + "->" + column : column + "->" + row;
      };
      const bdh::direct_circuits& c = of.m.direct();
      for (const bdh::edge_id e : {3, 40, 90}) {
        texts.push_back("lesion gx:" + pair(c.gx_excitatory, e) + " from 2");
        texts.push_back("lesion gy:" + pair(c.gy_excitatory, e) + " tokens 1-6");
        texts.push_back("lesion gy:" + pair(c.gy_inhibitory, e) + " from 5");
        texts.push_back("lesion synapses:" + pair(c.gs, e) + " from 3");
        texts.push_back("set synapses:" + pair(c.gs, e + 1) + " 0.2 at 4");
      }
    }
    for (bdh::simulator* brain : {&runs.cpu, &runs.gpu}) {
      for (bdh::neuron_id i = 0; i < of.m.neurons(); i += 9)
        brain->probes().add({{i, (i * 7) % of.m.sources()}, 2});
      for (const std::string& text : texts)
        brain->interventions().add(bdh::parse_intervention(of.m, text));
    }
    const bdh::step_report before = runs.cpu.step(0);
    runs.gpu.step(0);
    CHECK(before.active_x[1] > 10);  // there is something to intervene in
    runs.check(tests::random_tokens(10, of.vocabulary, 5));
    CHECK(runs.cpu.probes().size() > 5);
  }
}

TEST_CASE("a device chooses tokens, and judges them, as the host does") {
  oracle::weights w = tests::random_weights(
      {.neurons_per_head = 64, .hubs = 16, .vocabulary = 1000, .layers = 2}, 12);
  for (int t = 300; t < 1000; ++t)
    w.readout.col(t) = w.readout.col(t % 300);  // tokens that are equally likely
  const bdh::model hubs = tests::as_graph(w, "gpu-release");
  const auto c =
      tests::random_circuits({.neurons = 150, .vocabulary = 7, .layers = 2, .degree = 6}, 5);
  const bdh::model direct = tests::as_direct_graph(c, "normfree", nullptr, false);
  for (const bdh::model* m : {&hubs, &direct})
    for (const auto order : {item_order::ascending, item_order::scattered}) {
      pair_of_runs runs(*m, order);
      std::set<bdh::token_id> chosen;
      bdh::token_id token = 1;
      for (int t = 0; t < 12; ++t) {
        runs.cpu.step(token);
        runs.gpu.step(token);
        for (const double temperature : {0.0, 0.5, 1.0, 3.0})
          for (const std::uint32_t top : {0u, 1u, 2u, 5u, 100u, 999u, 5000u}) {
            CAPTURE(temperature);
            CAPTURE(top);
            const bdh::sampling how{temperature, top, 4};
            token = runs.cpu.choose(how);
            if (runs.like.exact) REQUIRE(runs.gpu.choose(how) == token);
            REQUIRE(runs.gpu.choose(how) < m->readout_nodes());
            REQUIRE(runs.same_loss(token));
            chosen.insert(token);
          }
        const bdh::token_id other = (token + 5) % m->readout_nodes();
        CHECK(runs.same_loss(other));
        token %= m->sensory_nodes();
      }
      CHECK(chosen.size() > (m == &hubs ? 40 : 4));
      runs.gpu.restore(runs.cpu.save());
      CHECK(runs.gpu.choose({1, 0, 4}) ==
            runs.cpu.choose({1, 0, 4}));  // both from the saved logits
    }
}

TEST_CASE("what one engine saved the other goes on with; forgetting starts afresh") {
  for (const named_model& of : models()) {
    CAPTURE(of.name);
    const auto tokens = tests::random_tokens(14, of.vocabulary, 6);
    const std::vector<int> first(tokens.begin(), tokens.begin() + 6),
        rest(tokens.begin() + 6, tokens.end());
    pair_of_runs runs(of.m);
    runs.check(first);
    pair_of_runs crossed(of.m);
    crossed.cpu.restore(runs.gpu.save());
    crossed.gpu.restore(runs.cpu.save());
    crossed.check(rest);
    runs.check(rest);
    tests::check_same_state(runs.cpu, crossed.gpu, runs.like);
    crossed.cpu.clear_synapses();
    crossed.gpu.clear_synapses();
    crossed.check(first);
  }
}

TEST_CASE("prompts in blocks are refused") {
  const std::vector<named_model> all = models();
  pair_of_runs runs(all.front().m);
  CHECK(runs.gpu.prefill().refused() == "the device " + runs.gpu.device());
  CHECK_THROWS_AS(runs.gpu.prefill().read(std::vector<bdh::token_id>{1, 2}),
                  bdh::unavailable_error);
  CHECK(runs.gpu.tokens() == 0);
}

TEST_CASE("changed round tables: decay before reading, writing twice, layers whose clocks differ") {
  using bdh::action;
  const bdh::round_table usual = bdh::round_table::published();
  bdh::round_table early = usual, twice = usual;
  early.rounds[0] = {action::decay, action::propagate_synapses};
  early.rounds[1] = {action::reweight};
  twice.rounds[1] = {action::reweight, action::decay, action::reweight};
  for (const named_model& of : models())
    for (const bdh::round_table& table : {early, twice}) {
      CAPTURE(of.name);
      pair_of_runs runs(of.m, item_order::ascending, {.table = table});
      runs.check(tests::random_tokens(6, of.vocabulary, 7));
      bdh::run_state apart = runs.cpu.save();
      apart.layers[1].clock() += 5;
      runs.cpu.restore(apart);
      runs.gpu.restore(apart);
      runs.check(tests::random_tokens(6, of.vocabulary, 8));
    }
}

TEST_CASE(
    "the first value that is not finite is reported as by the CPU engine, and the engine is of "
    "use again") {
  for (const std::string variant : {"bdh", "gpu-release"})
    for (const bool direct : {false, true}) {
      if (variant == "bdh" && direct) continue;
      oracle::weights w = tests::random_weights({.neurons_per_head = 70,
                                                 .heads = 1,
                                                 .hubs = 16,
                                                 .vocabulary = 5,
                                                 .layers = 2,
                                                 .rotates = false},
                                                8);
      const bdh::model plain = tests::as_graph(w, variant);
      w.Dy *= variant == "bdh" ? 1e12 : 1e30;
      w.Dx *= variant == "bdh" ? 1 : 1e30;
      w.E *= 1e8;
      bdh::model hub = tests::as_graph(w, variant);
      const bdh::model m = direct ? bdh::as_direct(hub).graph : std::move(hub);
      pair_of_runs runs(m);
      const auto doom = [](bdh::simulator& brain) {
        try {
          for (int t = 0; t < 50; ++t) brain.step(static_cast<bdh::token_id>(t % 5));
        } catch (const bdh::input_error& e) {
          return std::string(e.what());
        }
        return std::string();
      };
      const std::string expected = doom(runs.cpu);
      CHECK(expected != "");
      for (int again = 0; again < 2; ++again) {
        const std::string message = doom(runs.gpu);
        CHECK((runs.like.exact ? message : message.substr(0, 6)) ==
              (runs.like.exact ? expected : "token "));
        runs.gpu.clear_synapses();
      }
    }
}

TEST_CASE(
    "heavy-tailed degrees: a neuron that hears ten thousand others, and one that they all hear") {
  const bdh::model m = tests::scale_free({});
  for (const auto order : {item_order::ascending, item_order::scattered}) {
    pair_of_runs runs(m, order);
    runs.check({0, 1, 2, 3, 4, 0, 1});
    runs.cpu.step(1);
    const bdh::step_report last = runs.gpu.step(1);
    CHECK(last.active_x.back() > 4000);
    CHECK(last.active_y.back() > 1000);
    CHECK(runs.gpu.read(bdh::variable::a)[tests::scale_free_hub] != 0);
    for (bdh::simulator* brain : {&runs.cpu, &runs.gpu}) {
      brain->interventions().add(bdh::parse_intervention(m, "lesion gx:100->7,10->5"));
      brain->interventions().add(bdh::parse_intervention(m, "lesion synapses:200->7,10->300"));
    }
    runs.check({2, 3});
  }
}

TEST_CASE("the reference models, through hubs and with explicit edges") {
  const std::string root = BDH_SOURCE_DIR;
  for (const std::string& file : {root + "/tests/data/random-64/model.safetensors",
                                  root + "/examples/models/shakespeare-4096/model.safetensors"}) {
    CAPTURE(file);
    const bdh::model hubs = bdh::import_checkpoint(file, {});
    const bool large = hubs.neurons() > 1000;
    std::vector<int> tokens;
    for (unsigned char c :
         std::string("First Citizen:\nBefore we proceed any further, hear me speak."))
      tokens.push_back(c % hubs.sensory_nodes());
    {
      pair_of_runs runs(hubs);
      runs.check(tokens);
    }
    if (large) tokens.resize(2);
    const bdh::model direct = bdh::as_direct(hubs).graph;
    pair_of_runs runs(direct);
    runs.check(tokens);
  }
}

TEST_CASE("activity that travels as spikes, through hubs") {
  if (contracts()) return;
  for (const named_model& of : models()) {
    if (of.m.is_direct()) continue;
    CAPTURE(of.name);
    for (const auto& [x, y] : {std::pair{8u, 40u}, {70u, 0u}, {0u, 5u}}) {
      bdh::spiking how = spikes_of_neurons(of.m, 8, 8);
      how.of(bdh::spike_source::x).bins = x;
      how.of(bdh::spike_source::y).bins = y;
      how.code = x == 70 ? bdh::spike_code::integrate : bdh::spike_code::bernoulli;
      spiking_pair runs(of.m, how);
      tests::check_same_run(runs.cpu, runs.gpu, tests::random_tokens(4, 11, 3));
      for (bdh::simulator* brain : {&runs.cpu, &runs.gpu}) {
        brain->seed_draws(8);
        brain->interventions().add(bdh::parse_intervention(of.m, "silence x:0-20"));
        brain->interventions().add(bdh::parse_intervention(of.m, "clamp y:60 0.4"));
      }
      tests::check_same_run(runs.cpu, runs.gpu, tests::random_tokens(3, 11, 4));
    }
  }
}

TEST_CASE("spikes round by round, and in streams together") {
  if (contracts()) return;
  const std::vector<named_model> all = models();
  const bdh::model& m = all[0].m;
  spiking_pair runs(m, spikes_of_neurons(m, 8, 40));
  tests::check_same_rounds(runs.cpu, runs.gpu, tests::random_tokens(2, 11, 4));
  const auto cpu = runs.cpu.new_stream(), gpu = runs.gpu.new_stream();
  for (const auto& stream : {cpu.get(), gpu.get()}) stream->seed_draws(3);
  for (bdh::token_id t = 0; t < 3; ++t) {
    bdh::stream_step on_cpu[] = {{&runs.cpu, t}, {cpu.get(), 3 - t}},
                     on_gpu[] = {{&runs.gpu, t}, {gpu.get(), 3 - t}};
    bdh::step_streams(on_cpu);
    bdh::step_streams(on_gpu);
    for (std::size_t k = 0; k < 2; ++k) {
      tests::check_same_report(on_cpu[k].report, on_gpu[k].report);
      REQUIRE(tests::likeness{}.values(on_cpu[k].stream->logits(), on_gpu[k].stream->logits()));
    }
  }
}

TEST_CASE("what does not spike on a GPU is refused") {
  const auto device = tests::fresh_device(item_order::ascending);
  const auto refused = [&](const bdh::model& m, const bdh::spiking& how, bdh::site_id sites,
                           const std::string& says) {
    try {
      bdh::gpu_engine(m, device,
                      {.sites = sites, .spikes = std::make_shared<const bdh::spiking>(how)});
      return false;
    } catch (const bdh::unavailable_error& e) {
      return std::string(e.what()).find(says) != std::string::npos;
    }
  };
  const std::vector<named_model> all = models();
  const auto tokens = tests::random_tokens(6, 7, 3);
  const bdh::model &hubs = all.front().m, &edges = all.back().m;
  CHECK(refused(hubs, tests::settings(hubs, tokens, 8), 1, "hubs that spike"));
  CHECK(refused(hubs, spikes_of_neurons(hubs, 8, 8), 2, "several sites"));
  CHECK(refused(edges, tests::settings(edges, tokens, 8), 1, "explicit edges"));
}
