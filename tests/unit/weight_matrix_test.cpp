// Circuits as rows of weights: the same matrix whatever form the model has, against sums written
// out in double precision.
#include "graph/structure/weight_matrix.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <bdh/error.hpp>

#include "core/base/executor.hpp"
#include "core/model/circuit_matrix.hpp"
#include "core/model/direct_form.hpp"
#include "support/models.hpp"

namespace {

using matrix = std::vector<std::vector<double>>;  // [target][source]

matrix gather(const bdh::weight_matrix& rows, std::size_t threads = 1) {
  matrix all(rows.targets(), std::vector<double>(rows.sources(), 0.0));
  bdh::default_executor(threads)->for_each(rows.blocks(), [&](std::size_t b) {
    rows.visit(b, [&](const bdh::weight_row& row) {
      for (std::size_t e = 0; e < row.weights.size(); ++e)
        all[row.target][row.sources.empty() ? e : row.sources[e]] = row.weights[e];
    });
  });
  return all;
}

// [k][j] = sum over hubs of left[k, h] (E | embedding^T)[h, j], each column of which is centred
// first, or not.
matrix by_hand(const oracle::weights& w, const Eigen::MatrixXd& left, bool centred) {
  matrix all(static_cast<std::size_t>(w.n),
             std::vector<double>(static_cast<std::size_t>(w.n + w.vocabulary)));
  for (int j = 0; j < w.n + w.vocabulary; ++j) {
    const auto hub = [&](int h) { return j < w.n ? w.E(h, j) : w.embedding(j - w.n, h); };
    double mean = 0;
    for (int h = 0; centred && h < w.d; ++h) mean += hub(h) / w.d;
    for (int k = 0; k < w.n; ++k)
      for (int h = 0; h < w.d; ++h)
        all[static_cast<std::size_t>(k)][static_cast<std::size_t>(j)] +=
            left(k, h) * (hub(h) - mean);
  }
  return all;
}

double largest_difference(const matrix& a, const matrix& b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    REQUIRE(a[k].size() == b[k].size());
    for (std::size_t j = 0; j < a[k].size(); ++j)
      most = std::max(most, std::abs(a[k][j] - b[k][j]));
  }
  return most;
}

template <class T>
bdh::array<T> make(const std::vector<T>& values) {
  bdh::array<T> a(values.size());
  std::copy(values.begin(), values.end(), a.begin());
  return a;
}

}  // namespace

TEST_CASE("through hubs a row is computed from the factors, centred where the dynamics are") {
  for (const char* variant : {"gpu-release", "normfree"}) {
    CAPTURE(variant);
    const bool centred = std::string(variant) == "gpu-release";  // the one with several heads, too
    const oracle::weights w = tests::random_weights(
        {.neurons_per_head = centred ? 40 : 80, .heads = centred ? 2 : 1, .hubs = 9}, 3);
    for (const bdh::model& m : {tests::as_graph(w, variant), tests::as_sparse_graph(w, variant)}) {
      const auto gx = bdh::circuit_matrix(m, bdh::circuit::gx),
                 gy = bdh::circuit_matrix(m, bdh::circuit::gy);
      CHECK(gx.is_complete());
      CHECK(gx.targets() == 80);
      CHECK(gx.sources() == 91);
      CHECK(largest_difference(gather(gx), by_hand(w, w.Dx, centred)) < 1e-6);
      CHECK(largest_difference(gather(gy), by_hand(w, w.Dy, centred)) < 1e-6);
    }
  }
}

TEST_CASE("a model through hubs and its complete direct form have the same rows") {
  const bdh::model hubs = tests::as_graph(
      tests::random_weights({.neurons_per_head = 30, .heads = 1, .hubs = 7}, 5), "gpu-release");
  const bdh::direct_form direct = bdh::as_direct(hubs);
  for (const bdh::circuit which : {bdh::circuit::gx, bdh::circuit::gy}) {
    const auto explicit_edges = bdh::circuit_matrix(direct.graph, which);
    CHECK_FALSE(explicit_edges.is_complete());
    CHECK(largest_difference(gather(bdh::circuit_matrix(hubs, which)), gather(explicit_edges)) <
          1e-6);
  }
}

TEST_CASE("explicit edges keep their signs and ascending sources") {
  oracle::circuits c = tests::random_circuits({.neurons = 90, .degree = 6}, 8);
  const bdh::model m = tests::as_direct_graph(c, "bdh", nullptr, false);
  const auto rows = bdh::circuit_matrix(m, bdh::circuit::gy);
  const matrix all = gather(rows);
  int inhibitory = 0;
  for (int k = 0; k < c.n; ++k)
    for (int j = 0; j < c.n; ++j) {
      CHECK(all[static_cast<std::size_t>(k)][static_cast<std::size_t>(j)] == c.Gy(k, j));
      inhibitory += c.Gy(k, j) < 0;
    }
  CHECK(inhibitory > 20);
  bool ascending = true;
  for (std::size_t b = 0; b < rows.blocks(); ++b)
    rows.visit(b, [&](const bdh::weight_row& row) {
      CHECK(row.target / rows.block_rows() == b);
      ascending &= std::is_sorted(row.sources.begin(), row.sources.end());
    });
  CHECK(ascending);
}

TEST_CASE("sensory nodes can be left out, of both forms") {
  const bdh::model hubs = tests::as_graph(
      tests::random_weights({.neurons_per_head = 24, .heads = 1, .hubs = 5}, 6), "gpu-release");
  const bdh::direct_form direct = bdh::as_direct(hubs);
  for (const bdh::model* m : {&hubs, &direct.graph}) {
    const matrix all = gather(bdh::circuit_matrix(*m, bdh::circuit::gx));
    const auto neurons = bdh::circuit_matrix(*m, bdh::circuit::gx).with_sources(24);
    CHECK(neurons.sources() == 24);
    const matrix some = gather(neurons);
    for (std::size_t k = 0; k < 24; ++k)
      CHECK(std::equal(some[k].begin(), some[k].end(), all[k].begin()));
  }
}

TEST_CASE("a projection in either order, dense or sparse, is read source to target") {
  const bdh::population two{"two", 2}, three{"three", 3};
  const matrix expected{{1, 2}, {3, 4}, {5, 6}};
  const auto dense = [&](bdh::major o, std::vector<float> weights) {
    return bdh::projection::dense("p", two, three, o, make(weights));
  };
  CHECK(gather(bdh::weight_matrix::of_edges(dense(bdh::major::target, {1, 2, 3, 4, 5, 6}))) ==
        expected);
  CHECK(gather(bdh::weight_matrix::of_edges(dense(bdh::major::source, {1, 3, 5, 2, 4, 6}))) ==
        expected);
  const auto sparse =
      bdh::projection::sparse("p", two, three, bdh::major::source, make<bdh::edge_id>({0, 1, 3}),
                              make<bdh::neuron_id>({2, 0, 1}), make<float>({5, -2, 4}));
  CHECK(gather(bdh::weight_matrix::of_edges(sparse)) == matrix{{0, -2}, {0, 4}, {5, 0}});
}

TEST_CASE("a product of two factors, and factors that do not fit") {
  const auto rows = bdh::weight_matrix::of_product(2, make<float>({1, 2, 3, 4}),
                                                   make<float>({1, 0, 0, 1, 1, -1}));
  CHECK(gather(rows) == matrix{{1, 2, -1}, {3, 4, -1}});
  CHECK_THROWS_AS(bdh::weight_matrix::of_product(2, make<float>({1, 2, 3}), make<float>({1, 0})),
                  bdh::shape_error);
}

TEST_CASE("the bits do not depend on the number of threads") {
  const auto m = tests::as_graph(
      tests::random_weights({.neurons_per_head = 700, .heads = 1, .hubs = 33}, 9), "gpu-release");
  const auto rows = bdh::circuit_matrix(m, bdh::circuit::gx);
  REQUIRE(rows.blocks() > 2);
  CHECK(gather(rows, 1) == gather(rows, 3));
}
