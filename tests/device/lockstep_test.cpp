// The thread group of GPUs, eight threads that meet and exchange values, with threads of the host in their place: the same bits as one
// thread that stands for all, and nothing that the thread sanitizer objects to.
#include <pthread.h>

#include <functional>
#include <thread>

#include "core/direct_form.hpp"
#include "device/support.hpp"
#include "gpu/quad_group.hpp"
#include "support/fake_device.hpp"
#include "support/models.hpp"

namespace {

using position = bdh::gpu::index;
using bdh::kernels::group_threads;
using bdh::kernels::load;

// Eight threads that do the same work at the same time; the caller is number 0.
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
  float exchange(float value, position distance) {
    values_[own_number] = value;
    meet();
    const float other = values_[own_number ^ distance];
    meet();
    return other;
  }
  static thread_local position own_number;

 private:
  pthread_barrier_t meeting_;  // the thread sanitizer knows this one
  std::function<void()> work_;
  float values_[group_threads] = {};
  std::vector<std::thread> others_;
};
thread_local position lockstep::own_number = 0;

lockstep& eight() {
  static lockstep all;
  return all;
}

struct host_threads {
  static position number() { return lockstep::own_number; }
  static void meet() { eight().meet(); }
  static float exchange(float value, position distance) { return eight().exchange(value, distance); }
};
using group = bdh::kernels::quad_group<host_threads>;

template <class Program>
void run_together(const std::byte* arguments, position item) {
  eight().run([&] { (*reinterpret_cast<const Program*>(arguments))(group{}, item); });
}
template <class... Programs>
bdh::gpu::program_set<Programs...> run_together(bdh::gpu::program_set<Programs...> all, std::size_t program, const std::byte* arguments,
                                                position item) {
  static constexpr void (*runners[])(const std::byte*, position) = {run_together<Programs>...};
  runners[program](arguments, item);
  return all;
}
void run_in_lockstep(std::size_t program, const std::byte* arguments, position item) {
  run_together(bdh::gpu::programs{}, program, arguments, item);
}

}  // namespace

TEST_CASE("sums of any length have the bits of the host's group") {
  std::vector<float> a(300), b(300);
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = 1.0f / static_cast<float>(3 * i + 1);
    b[i] = static_cast<float>(i % 7) - 2.9f;
  }
  for (position n : {0u, 1u, 3u, 4u, 7u, 31u, 32u, 33u, 63u, 64u, 100u, 127u, 257u, 300u}) {
    CAPTURE(n);
    const auto product = [&](auto k) { return load(a.data(), k) * load(b.data(), k); };
    const auto single = [&](position k) { return a[k] * b[k]; };
    float found[2] = {}, pushed[300] = {}, expected[300] = {};
    eight().run([&] {
      const float sum = group{}.sum(n, product), items = group{}.sum_items(n, single);
      group{}.push(9, n, pushed, [&](position j, auto k) { return load(a.data(), k) * b[j]; });
      group{}.once([&] {
        found[0] = sum;
        found[1] = items;
      });
    });
    const bdh::kernels::host_group<4> host;
    CHECK(found[0] == host.sum(n, product));
    CHECK(found[1] == host.sum_items(n, single));
    host.push(9, n, expected, [&](position j, auto k) { return load(a.data(), k) * b[j]; });
    CHECK(std::equal(pushed, pushed + 300, expected));
  }
}

TEST_CASE("whole models, through hubs and with explicit edges") {
  const bdh::model hubs = tests::as_graph(
      tests::random_weights({.neurons_per_head = 34, .heads = 2, .hubs = 37, .vocabulary = 7, .layers = 2, .rotates = true}, 4),
      "gpu-release");
  const bdh::model direct = bdh::as_direct(hubs).graph;
  for (const bdh::model* m : {&hubs, &direct}) {
    const auto device = std::make_shared<tests::fake_device>(std::size_t{1} << 30, tests::item_order::ascending, run_in_lockstep);
    bdh::simulator cpu(*m, bdh::cpu_engine(*m)), gpu(*m, bdh::gpu_engine(*m, device));
    tests::check_same_bits(cpu, gpu, {1, 2, 3});
    for (bdh::simulator* brain : {&cpu, &gpu}) {
      brain->perturb(bdh::parse_perturbation(*m, "stimulate x:1-5 0.1"));
      brain->perturb(bdh::parse_perturbation(*m, m->is_direct() ? "set synapses:3->4 0.2" : "lesion gx:3->7", brain->tokens()));
    }
    tests::check_same_rounds(cpu, gpu, {4, 5});
    CHECK(device->damage() == "");
  }
}
