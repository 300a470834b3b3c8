// The thread groups of GPUs, threads that meet and exchange values, with threads of the host in
// their place: the same bits as one thread that stands for all, and nothing that the thread
// sanitizer objects to.
#include <pthread.h>

#include <functional>
#include <thread>

#include <bdh/sampling.hpp>

#include "core/model/direct_form.hpp"
#include "device/scale_free.hpp"
#include "device/support.hpp"
#include "gpu/device/thread_group.hpp"
#include "support/fake_device.hpp"
#include "support/models.hpp"

namespace {

using position = bdh::gpu::index;
using bdh::kernels::load;

// Threads that do the same work at the same time; the caller is number 0.
template <position group_threads>
class lockstep {
 public:
  lockstep() {
    pthread_barrier_init(&meeting_, nullptr, group_threads);
    for (position t = 1; t < group_threads; ++t)
      others_.emplace_back([this, t] {
        own_number = t;
        for (;;) {
          meet();
          if (!work_) return;
          work_();
          meet();
        }
      });
  }
  ~lockstep() {
    work_ = nullptr;
    meet();
    for (std::thread& t : others_) t.join();
    pthread_barrier_destroy(&meeting_);
  }
  void run(std::function<void()> work) {
    work_ = std::move(work);
    meet();
    work_();
    meet();
  }
  void meet() { pthread_barrier_wait(&meeting_); }
  template <class F>
  void share(float value, F look) {
    values_[own_number] = value;
    meet();
    look(values_);
    meet();
  }
  static thread_local position own_number;
  static lockstep& all() {
    static lockstep one;
    return one;
  }

 private:
  pthread_barrier_t meeting_;  // the thread sanitizer knows this one
  std::function<void()> work_;
  float values_[group_threads] = {};
  std::vector<std::thread> others_;
};
template <position group_threads>
thread_local position lockstep<group_threads>::own_number = 0;

template <position threads>
struct host_threads {
  static constexpr position count = threads;
  static position number() { return lockstep<threads>::own_number; }
  static void meet() { lockstep<threads>::all().meet(); }
  static float exchange(float value, position distance) {
    float other = 0;
    lockstep<threads>::all().share(
        value, [&](const float* values) { other = values[number() ^ distance]; });
    return other;
  }
  template <class F>
  static void in_order(float value, F f) {
    lockstep<threads>::all().share(value, [&](const float* values) {
      for (position t = 0; t < threads; ++t) f(values[t]);
    });
  }
};
template <position threads>
using group_of = bdh::kernels::thread_group<host_threads<threads>>;

template <position threads, class Program>
void run_together(const std::byte* arguments, position item) {
  lockstep<threads>::all().run(
      [&] { (*reinterpret_cast<const Program*>(arguments))(group_of<threads>{}, item); });
}
template <position threads, class... Programs>
void run_together(bdh::gpu::program_set<Programs...>, std::size_t program,
                  const std::byte* arguments, position item) {
  static constexpr void (*runners[])(const std::byte*,
                                     position) = {run_together<threads, Programs>...};
  runners[program](arguments, item);
}
template <position threads>
void run_in_lockstep(std::size_t program, const std::byte* arguments, position item) {
  run_together<threads>(bdh::gpu::programs{}, program, arguments, item);
}

template <position threads>
void check_sums() {
  using group = group_of<threads>;
  std::vector<float> a(300), b(300);
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = 1.0f / static_cast<float>(3 * i + 1);
    b[i] = static_cast<float>(i % 7) - 2.9f;
  }
  for (position n : {0u, 1u, 3u, 4u, 7u, 31u, 32u, 33u, 63u, 64u, 100u, 127u, 257u, 300u}) {
    CAPTURE(n);
    const auto product = [&](auto k) { return load(a.data(), k) * load(b.data(), k); };
    const auto single = [&](position k) { return a[k] * b[k]; };
    float found[3] = {}, pushed[300] = {}, expected[300] = {};
    lockstep<threads>::all().run([&] {
      const float sum = group{}.sum(n, product), items = group{}.sum_items(n, single),
                  ordered = group{}.ordered_sum(n, single);
      group{}.push(9, n, pushed, [&](position j, auto k) { return load(a.data(), k) * b[j]; });
      group{}.once([&] {
        found[0] = sum;
        found[1] = items;
        found[2] = ordered;
      });
    });
    const bdh::kernels::host_group<4> host;
    CHECK(found[0] == host.sum(n, product));
    CHECK(found[1] == host.sum_items(n, single));
    CHECK(found[2] == host.ordered_sum(n, single));
    host.push(9, n, expected, [&](position j, auto k) { return load(a.data(), k) * b[j]; });
    CHECK(std::equal(pushed, pushed + 300, expected));
  }
}

template <position threads>
void check_model(const bdh::model& m, const std::vector<int>& tokens) {
  const auto device = std::make_shared<tests::fake_device>(
      std::size_t{1} << 30, tests::item_order::ascending, run_in_lockstep<threads>);
  bdh::simulator cpu(m, bdh::cpu_engine(m)), gpu(m, bdh::gpu_engine(m, device));
  tests::check_same_run(cpu, gpu, tokens);
  const bdh::sampling how{.temperature = 1, .top_k = 3, .seed = 1};
  CHECK(gpu.choose(how) == cpu.choose(how));
  CHECK(gpu.loss(1) == cpu.loss(1));
  for (bdh::simulator* brain : {&cpu, &gpu}) {
    brain->interventions().add(bdh::parse_intervention(m, "stimulate x:1-5 0.1"));
    brain->interventions().add(bdh::parse_intervention(
        m, m.is_direct() ? "set synapses:3->4 0.2" : "lesion gx:3->7", brain->tokens()));
  }
  tests::check_same_rounds(cpu, gpu, {tokens[0]});
  CHECK(device->damage() == "");
}

bdh::model small_model(int neurons_per_head, int heads, int hubs, int layers) {
  return tests::as_graph(tests::random_weights({.neurons_per_head = neurons_per_head,
                                                .heads = heads,
                                                .hubs = hubs,
                                                .vocabulary = 7,
                                                .layers = layers,
                                                .rotates = true},
                                               4),
                         "gpu-release");
}

}  // namespace

TEST_CASE("sums of any length have the bits of the host's group") {
  SUBCASE("4 threads") { check_sums<4>(); }
  SUBCASE("8 threads") { check_sums<8>(); }
  SUBCASE("32 threads") { check_sums<32>(); }
}

TEST_CASE("whole models, through hubs and with explicit edges") {
  const bdh::model hubs = small_model(34, 2, 37, 2), direct = bdh::as_direct(hubs).graph;
  const bdh::model few = small_model(10, 1, 5, 1), few_direct = bdh::as_direct(few).graph;
  SUBCASE("4 threads") {
    check_model<4>(hubs, {1, 2, 3});
    check_model<4>(direct, {1, 2, 3});
  }
  SUBCASE("8 threads") {
    check_model<8>(hubs, {1});
    check_model<8>(direct, {1});
  }
  SUBCASE("32 threads") {
    check_model<32>(few, {1, 2});
    check_model<32>(few_direct, {1, 2});
  }
}

TEST_CASE("a row of ten thousand edges") {
  const bdh::projection gx =
      tests::scale_free({.neurons = 10500}).direct().gx_excitatory.transposed();
  std::vector<float> activity(gx.columns());
  for (std::size_t i = 0; i < activity.size(); ++i)
    activity[i] = i % 3 == 0 ? 0.0f : 1.0f / static_cast<float>(i + 1);
  const auto pull = [&](float* out) {
    return bdh::kernels::pull_edges{.indptr = gx.indptr().data(),
                                    .source = gx.indices().data(),
                                    .edge = nullptr,
                                    .weights = gx.weights().data(),
                                    .narrow = nullptr,
                                    .activity = activity.data(),
                                    .retention = nullptr,
                                    .age = nullptr,
                                    .row = nullptr,
                                    .out = out};
  };
  const position hub = tests::scale_free_hub;
  CHECK(gx.indptr()[hub + 1] - gx.indptr()[hub] > 10000);
  std::vector<float> expected(gx.rows()), found(gx.rows());
  pull(expected.data())(bdh::kernels::host_group<4>{}, hub, hub + 1);
  CHECK(expected[hub] != 0);
  const bdh::gpu::pull_long_targets program{{pull(found.data())}};
  lockstep<32>::all().run([&] { program(group_of<32>{}, hub); });
  CHECK(found[hub] == expected[hub]);
  found[hub] = 0;
  lockstep<4>::all().run([&] { program(group_of<4>{}, hub); });
  CHECK(found[hub] == expected[hub]);
}
