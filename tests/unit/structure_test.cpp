// Graphs cut from weights at a threshold: counted by hand, and the same from lists of edges, from
// bits, and for any number of threads.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "core/base/random.hpp"
#include "graph/structure/null_models.hpp"
#include "graph/structure/reciprocity.hpp"
#include "graph/structure/sign_balance.hpp"
#include "graph/structure/thresholded_graph.hpp"
#include "graph/structure/weight_histogram.hpp"

namespace {

// W[target][source]:  0->1 0.5, 1->0 0.4, 0->2 -0.8, 2->0 0.3, 3->3 0.9 (to itself), 1->2 -0.1,
// 2->3 -0.6, 3->2 -0.7
constexpr std::uint32_t n = 4;
const std::vector<float> by_hand{0,     0.4f,  0.3f, 0,     0.5f, 0, 0,     0,
                                 -0.8f, -0.1f, 0,    -0.7f, 0,    0, -0.6f, 0.9f};

bdh::array<float> make(const std::vector<float>& values) {
  bdh::array<float> a(values.size());
  std::copy(values.begin(), values.end(), a.begin());
  return a;
}

// Every pair has a weight: the product with a unit matrix.
bdh::weight_matrix complete(const std::vector<float>& weights, std::size_t size) {
  std::vector<float> unit(size * size);
  for (std::size_t i = 0; i < size; ++i) unit[i * size + i] = 1;
  return bdh::weight_matrix::of_product(size, make(weights), make(unit));
}

bdh::weight_matrix sparse(const std::vector<float>& weights, std::uint32_t size) {
  std::vector<bdh::edge_id> indptr{0};
  std::vector<bdh::neuron_id> indices;
  std::vector<float> data;
  for (std::uint32_t k = 0; k < size; ++k) {
    for (std::uint32_t j = 0; j < size; ++j)
      if (weights[k * size + j] != 0) indices.push_back(j), data.push_back(weights[k * size + j]);
    indptr.push_back(indices.size());
  }
  const auto fixed = [](const auto& v) {
    bdh::array<typename std::decay_t<decltype(v)>::value_type> a(v.size());
    std::copy(v.begin(), v.end(), a.begin());
    return a;
  };
  const bdh::population nodes{"neurons", size};
  return bdh::weight_matrix::of_edges(bdh::projection::sparse(
      "w", nodes, nodes, bdh::major::target, fixed(indptr), fixed(indices), fixed(data)));
}

std::vector<float> random_weights(std::size_t size, std::uint64_t seed) {
  std::vector<float> w(size * size);
  for (std::size_t i = 0; i < w.size(); ++i)
    w[i] = static_cast<float>(bdh::normal(seed, bdh::purpose::test_weights, i, 0));
  return w;
}

void check_same(const bdh::sign_sums& a, const bdh::sign_sums& b) {
  CHECK(a.edges == b.edges);
  CHECK(a.self_loops == b.self_loops);
  CHECK(a.weight == b.weight);
  CHECK(a.in_edges == b.in_edges);
  CHECK(a.out_edges == b.out_edges);
  CHECK(a.in_weight == b.in_weight);
  CHECK(a.out_weight == b.out_weight);
}

using list = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("edges of both signs, by hand, of complete and of sparse weights") {
  const auto work = bdh::default_executor(2);
  for (const bool is_complete : {true, false}) {
    CAPTURE(is_complete);
    const bdh::weight_matrix rows = is_complete ? complete(by_hand, n) : sparse(by_hand, n);
    const bdh::neuron_window all = bdh::neuron_window::all_of(rows);
    CHECK(all.pairs() == 12);
    const bdh::thresholded_graph g = bdh::apply_thresholds(rows, all, {0.3f, 0.3f}, *work);
    CHECK(g.excitatory.edges == 2);  // 0.3 is not above 0.3
    CHECK(g.excitatory.self_loops == 1);
    CHECK(g.inhibitory.edges == 3);
    CHECK(g.inhibitory.self_loops == 0);
    CHECK(g.excitatory.in_edges == list{1, 1, 0, 0});
    CHECK(g.excitatory.out_edges == list{1, 1, 0, 0});
    CHECK(g.inhibitory.in_edges == list{0, 0, 2, 1});
    CHECK(g.inhibitory.out_edges == list{1, 0, 1, 1});
    CHECK(g.inhibitory.in_weight[2] == doctest::Approx(1.5));
    CHECK(g.inhibitory.weight == doctest::Approx(2.1));
    CHECK(g.excitatory_edges->indptr == std::vector<bdh::edge_id>{0, 1, 2, 2, 2});
    CHECK(g.excitatory_edges->targets == list{1, 0});
    CHECK(g.inhibitory_edges->indptr == std::vector<bdh::edge_id>{0, 1, 1, 2, 3});
    CHECK(g.inhibitory_edges->targets == list{2, 3, 2});
    const bdh::reciprocal_edges mutual = bdh::sum_of(bdh::reciprocal_by_block(g));
    CHECK(mutual.excitatory == 2);
    CHECK(mutual.inhibitory == 2);
    CHECK(mutual.mixed == 0);
    // With weights above 0.2 the edge 2->0 answers the inhibitory 0->2.
    CHECK(
        bdh::sum_of(bdh::reciprocal_by_block(bdh::apply_thresholds(rows, all, {0.2f, 0.2f}, *work)))
            .mixed == 1);
  }
}

TEST_CASE("Dale index and balance, by hand") {
  const auto work = bdh::serial_executor();
  const bdh::weight_matrix rows = complete(by_hand, n);
  const bdh::thresholded_graph g =
      bdh::apply_thresholds(rows, bdh::neuron_window::all_of(rows), {0, 0}, *work);
  const auto by_edges = bdh::dale_by_edges(g), by_weight = bdh::dale_by_weight(g),
             balance = bdh::ei_balance(g);
  CHECK(*by_edges[0] == 0);                            // excites 1, inhibits 2
  CHECK(*by_edges[3] == 1);                            // inhibits only
  CHECK(*by_weight[0] == doctest::Approx(0.3 / 1.3));  // 0.5 against 0.8
  CHECK(*balance[0] == 1);                             // is only excited
  CHECK(*balance[3] == -1);                            // is only inhibited
  CHECK_FALSE(bdh::dale_by_edges(bdh::apply_thresholds(rows, bdh::neuron_window::all_of(rows),
                                                       {0.75f, 0.75f}, *work))[1]);  // has no edges
  // 7 edges of which 3 excite; out-degrees 2, 2, 2, 1. E|2B - k| / k: k = 1: 1; k = 2: P(both
  // alike).
  const double p = 3.0 / 7, alike = p * p + (1 - p) * (1 - p);
  CHECK(*bdh::expected_dale_index(g) == doctest::Approx((3 * alike + 1) / 4));
}

TEST_CASE("from head to head: sources are the first nodes, targets follow") {
  const auto work = bdh::serial_executor();
  const bdh::weight_matrix rows = sparse(by_hand, n);
  const auto window = bdh::neuron_window::of_heads(2, 0, 1);  // 0, 1 -> 2, 3
  CHECK(window.nodes() == 4);
  CHECK(window.pairs() == 4);
  CHECK(window.neuron_of(1) == 1);
  CHECK(window.neuron_of(2) == 2);
  const bdh::thresholded_graph g = bdh::apply_thresholds(rows, window, {0, 0}, *work);
  CHECK(g.excitatory.edges == 0);
  CHECK(g.inhibitory_edges->targets == list{2, 2});
  const bdh::thresholded_graph inner =
      bdh::apply_thresholds(rows, bdh::neuron_window::of_heads(2, 1, 1), {0, 0}, *work);
  CHECK(inner.where.nodes() == 2);
  CHECK(inner.excitatory.self_loops == 1);
  CHECK(inner.inhibitory_edges->targets == list{1, 0});
  const bdh::thresholded_graph all = bdh::apply_thresholds(rows, bdh::neuron_window::all_of(rows),
                                                           {0, 0}, *work, {.neurons_per_head = 2});
  REQUIRE(all.blocks.size() == 4);
  CHECK(all.blocks[0].excitatory == 2);  // 1 -> 1
  CHECK(all.blocks[1].inhibitory == 2);  // 1 -> 2
  CHECK(all.blocks[2].excitatory == 1);  // 2 -> 1
  CHECK(all.blocks[3].inhibitory == 2);  // 2 -> 2
  CHECK(all.blocks[3].inhibitory_weight == doctest::Approx(1.3));
}

TEST_CASE("edges that lead both ways, by hand, from head to head") {
  const auto work = bdh::serial_executor();
  const bdh::weight_matrix rows = sparse(by_hand, n);
  const bdh::neuron_window all = bdh::neuron_window::all_of(rows);
  const bdh::thresholded_graph g =
      bdh::apply_thresholds(rows, all, {0, 0}, *work, {.neurons_per_head = 2});
  for (const auto& found :
       {bdh::reciprocal_by_block(g), bdh::reciprocal_by_block(rows, all, {0, 0}, 2, *work)}) {
    REQUIRE(found.size() == 4);
    CHECK(found[0].excitatory == 2);  // head 0 to itself: 0->1 and 1->0
    CHECK(found[3].inhibitory == 2);  // head 1 to itself: 2->3 and 3->2
    CHECK(found[1].mixed == 0);       // 0->2 inhibits
    CHECK(found[2].mixed == 1);       // and answers 2->0, which excites
    CHECK(bdh::sum_of(found).excitatory == 2);
    CHECK(bdh::sum_of(found).inhibitory == 2);
    CHECK(bdh::sum_of(found).mixed == 1);
  }
}

TEST_CASE("the same bits for any number of threads, and from bits as from lists") {
  const std::size_t size = 700;
  const bdh::weight_matrix rows = complete(random_weights(size, 1), size);
  REQUIRE(rows.blocks() > 2);
  const bdh::neuron_window all = bdh::neuron_window::all_of(rows);
  const auto one = bdh::default_executor(1), three = bdh::default_executor(3);
  for (const float beta : {0.0f, 1.5f}) {
    const bdh::thresholded_graph a = bdh::apply_thresholds(rows, all, {beta, beta}, *one),
                                 b = bdh::apply_thresholds(rows, all, {beta, beta}, *three);
    check_same(a.excitatory, b.excitatory);
    check_same(a.inhibitory, b.inhibitory);
    CHECK(a.excitatory_edges->targets == b.excitatory_edges->targets);
    const bdh::thresholded_graph few =
        bdh::apply_thresholds(rows, all, {beta, beta}, *three, {.most_edges = 1000});
    CHECK_FALSE(few.excitatory_edges);
    CHECK_FALSE(few.inhibitory_edges);
    check_same(a.excitatory, few.excitatory);
    // Heads of 175 neurons begin and end inside words of 64 bits.
    for (const bdh::neuron_id per_head : {0u, 175u}) {
      const bdh::thresholded_graph blocks =
          bdh::apply_thresholds(rows, all, {beta, beta}, *three, {.neurons_per_head = per_head});
      const auto lists = bdh::reciprocal_by_block(blocks),
                 bits = bdh::reciprocal_by_block(rows, all, {beta, beta}, per_head, *three);
      REQUIRE(lists.size() == (per_head == 0 ? 1 : 16));
      REQUIRE(bits.size() == lists.size());
      for (std::size_t k = 0; k < lists.size(); ++k) {
        CHECK(lists[k].excitatory == bits[k].excitatory);
        CHECK(lists[k].inhibitory == bits[k].inhibitory);
        CHECK(lists[k].mixed == bits[k].mixed);
        CHECK(bits[k].mixed > 0);
      }
    }
  }
}

TEST_CASE("thresholds keep as many edges as requested, or a few less") {
  const std::size_t size = 300;
  const std::vector<float> weights = random_weights(size, 2);
  const bdh::weight_matrix rows = complete(weights, size);
  const bdh::neuron_window all = bdh::neuron_window::all_of(rows);
  const auto work = bdh::default_executor(2);
  const bdh::weight_histogram sizes(rows, all, *work);
  for (const std::uint64_t wanted : {0u, 1u, 90u, 9000u, 40000u, 89700u}) {
    CAPTURE(wanted);
    const float beta = sizes.threshold(wanted, bdh::sign::both),
                above = sizes.threshold(wanted, bdh::sign::inhibitory);
    const bdh::thresholded_graph g = bdh::apply_thresholds(rows, all, {beta, beta}, *work);
    const std::uint64_t found = g.excitatory.edges + g.inhibitory.edges;
    CHECK(found <= wanted);
    CHECK(static_cast<double>(found) >= static_cast<double>(wanted) * 0.995 - 1);
    const std::uint64_t inhibitory =
        bdh::apply_thresholds(rows, all, {0, above}, *work).inhibitory.edges;
    CHECK(inhibitory <= wanted);
  }
  // Two equal weights: one of them alone cannot be kept.
  const bdh::weight_matrix equal = complete({0, 1, 1, 0}, 2);
  const float beta =
      bdh::weight_histogram(equal, {0, 2, 0, 2}, *work).threshold(1, bdh::sign::both);
  CHECK(bdh::apply_thresholds(equal, {0, 2, 0, 2}, {beta, beta}, *work).excitatory.edges == 0);
}

TEST_CASE("what is interrupted ends with what the interruption threw") {
  const bdh::weight_matrix rows = complete(random_weights(700, 3), 700);
  const auto work = bdh::default_executor(2);
  const auto stop = [] { throw std::runtime_error("stop"); };
  CHECK_THROWS_AS(
      bdh::apply_thresholds(rows, bdh::neuron_window::all_of(rows), {0, 0}, *work, {}, stop),
      std::runtime_error);
}

TEST_CASE("a Gaussian product has no structure of its own, and the requested size") {
  const auto work = bdh::serial_executor();
  const bdh::random_product p = bdh::gaussian_product({10, 40, 10, 40}, 8, 5);
  const bdh::thresholded_graph g = bdh::apply_thresholds(p.rows, p.window, {0, 0}, *work);
  CHECK(g.where.nodes() == 40);
  CHECK(g.excitatory.edges + g.inhibitory.edges == 40 * 39);
  CHECK(std::abs(static_cast<double>(g.excitatory.edges) / (40 * 39) - 0.5) < 0.1);
  const bdh::random_product across = bdh::gaussian_product({0, 30, 30, 20}, 8, 5);
  const bdh::thresholded_graph h = bdh::apply_thresholds(across.rows, across.window, {0, 0}, *work);
  CHECK(h.where.nodes() == 50);
  CHECK(h.excitatory.edges + h.inhibitory.edges == 600);
  CHECK(h.excitatory.in_edges[0] == 0);  // a source
}
