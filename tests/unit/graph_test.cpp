#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/projection.hpp>

#include "../support/arrays.hpp"
#include "core/simulation/partition.hpp"

namespace {

using tests::array_of;

const bdh::population three{"neurons", 3}, two{"hubs", 2};

// 0 -> 0 (1.0), 0 -> 1 (2.0), 2 -> 1 (3.0)
bdh::projection example() {
  return bdh::projection::sparse("e", three, two, bdh::major::source,
                                 array_of<bdh::edge_id>({0, 2, 2, 3}),
                                 array_of<bdh::neuron_id>({0, 1, 1}), array_of<float>({1, 2, 3}));
}

bdh::projection with(std::vector<bdh::edge_id> indptr, std::vector<bdh::neuron_id> indices,
                     std::vector<float> weights) {
  return bdh::projection::sparse("e", three, two, bdh::major::source, array_of(std::move(indptr)),
                                 array_of(std::move(indices)), array_of(std::move(weights)));
}

}  // namespace

TEST_CASE("a projection whose nodes lie elsewhere has the same edges") {
  // Row k is row {2, 0, 1}[k]; columns 0 and 1 change places.
  const std::vector<bdh::neuron_id> rows{2, 0, 1}, columns{1, 0};
  const bdh::projection m = example().moved(rows, columns);
  CHECK(std::ranges::equal(m.indptr(), std::vector<bdh::edge_id>{0, 1, 3, 3}));
  CHECK(std::ranges::equal(m.indices(), std::vector<bdh::neuron_id>{0, 0, 1}));
  CHECK(std::ranges::equal(m.weights(), std::vector<float>{3, 2, 1}));
  const bdh::projection narrow = example().in_bfloat16().moved(rows, columns);
  CHECK(narrow.is_bfloat16());
  CHECK(narrow.weight(1) == 2);
  CHECK(std::ranges::equal(example().moved({}, {}).weights(), example().weights()));
  const bdh::projection block = bdh::projection::dense("dx", two, three, bdh::major::target,
                                                       array_of<float>({1, 2, 3, 4, 5, 6}))
                                    .moved(rows, {});
  CHECK(std::ranges::equal(block.weights(), std::vector<float>{5, 6, 1, 2, 3, 4}));
}

TEST_CASE("edges are found by source and target") {
  const bdh::projection p = example();
  CHECK(p.edges() == 3);
  CHECK(p.find(0, 1) == 1u);
  CHECK(p.find(2, 1) == 2u);
  CHECK_FALSE(p.find(1, 0));
  CHECK_FALSE(p.find(2, 0));
  CHECK_FALSE(p.find(3, 0));
  CHECK_FALSE(p.find(0, 2));
  const bdh::projection d = bdh::projection::dense("dx", two, three, bdh::major::target,
                                                   array_of<float>({1, 2, 3, 4, 5, 6}));
  CHECK(d.weights()[*d.find(1, 2)] == 6);
  CHECK(d.weights()[*d.find(0, 1)] == 3);
}

TEST_CASE("transposing keeps every edge and comes back") {
  const bdh::projection t = example().transposed();
  CHECK(t.rows_are() == bdh::major::target);
  CHECK(std::vector(t.indptr().begin(), t.indptr().end()) == std::vector<bdh::edge_id>{0, 1, 3});
  CHECK(std::vector(t.indices().begin(), t.indices().end()) ==
        std::vector<bdh::neuron_id>{0, 0, 2});
  CHECK(std::vector(t.weights().begin(), t.weights().end()) == std::vector<float>{1, 2, 3});
  const bdh::projection back = t.transposed();
  CHECK(std::vector(back.indices().begin(), back.indices().end()) ==
        std::vector<bdh::neuron_id>{0, 1, 1});
  const bdh::projection d = bdh::projection::dense("dx", two, three, bdh::major::target,
                                                   array_of<float>({1, 2, 3, 4, 5, 6}))
                                .transposed();
  CHECK(d.weights()[*d.find(1, 2)] == 6);
  CHECK(d.weights()[1] == 3);
}

TEST_CASE("a projection that is not well-formed is refused, naming the place") {
  CHECK_THROWS_WITH_AS(with({0, 2, 2, 3}, {0, 2, 1}, {1, 2, 3}),
                       "e/indices[1]: hubs 2, expected < 2", bdh::input_error);
  CHECK_THROWS_WITH_AS(with({0, 2, 2, 3}, {1, 1, 1}, {1, 2, 3}),
                       "e/indices[1]: a duplicate edge, expected ascending indices within row 0",
                       bdh::input_error);
  CHECK_THROWS_AS(with({0, 2, 2, 3}, {1, 0, 1}, {1, 2, 3}), bdh::input_error);
  CHECK_THROWS_AS(with({0, 2, 1, 3}, {0, 1, 1}, {1, 2, 3}), bdh::input_error);
  CHECK_THROWS_AS(with({1, 2, 2, 3}, {0, 1, 1}, {1, 2, 3}), bdh::input_error);
  CHECK_THROWS_AS(with({0, 2, 2, 4}, {0, 1, 1}, {1, 2, 3}), bdh::input_error);
  CHECK_THROWS_AS(with({0, 2, 2, 2}, {0, 1, 1}, {1, 2, 3}), bdh::input_error);
  CHECK_THROWS_AS(with({0, ~bdh::edge_id{0}, 2, 3}, {0, 1, 1}, {1, 2, 3}), bdh::input_error);
  CHECK_THROWS_AS(with({0, 3}, {0, 1, 1}, {1, 2, 3}), bdh::shape_error);
  CHECK_THROWS_AS(with({0, 2, 2, 3}, {0, 1}, {1, 2, 3}), bdh::shape_error);
  CHECK_THROWS_WITH_AS(
      with({0, 2, 2, 3}, {0, 1, 1}, {1, std::numeric_limits<float>::quiet_NaN(), 3}),
      "e/data[1]: nan, expected a finite weight", bdh::input_error);
  CHECK_THROWS_WITH_AS(
      bdh::projection::dense("dx", two, three, bdh::major::target, array_of<float>({1, 2, 3})),
      "dx: 3 weights, expected 2 hubs x 3 neurons", bdh::shape_error);
}

TEST_CASE("blocks restart at each head and the shares cover every population once") {
  const bdh::block_grid grid(3, 200);
  CHECK(grid.blocks() == 12);
  CHECK(grid.neurons(3).begin == 192);
  CHECK(grid.neurons(3).end == 200);
  CHECK(grid.neurons(4).begin == 200);
  CHECK(grid.head(4) == 1);
  for (bdh::site_id sites : {1u, 2u, 5u, 12u, 40u}) {
    CAPTURE(sites);
    const auto shares = bdh::partition({3, 600, 45, 7, 9}, sites);
    REQUIRE(shares.size() == sites);
    bdh::neuron_id neurons = 0, hubs = 0, sensory = 0, readout = 0;
    for (const auto& s : shares) {
      if (s.neurons.size() != 0) {
        CHECK(s.neurons.begin == neurons);
        CHECK(s.neurons.begin % 200 % 64 == 0);  // a block is never split, hence no pair
        neurons = s.neurons.end;
      }
      CHECK(s.hubs.begin == hubs);
      hubs = s.hubs.end;
      sensory += s.sensory.size();
      readout += s.readout.size();
    }
    CHECK(neurons == 600);
    CHECK(hubs == 45);
    CHECK(sensory == 7);
    CHECK(readout == 9);
  }
}
