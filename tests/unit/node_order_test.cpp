// Orders of nodes and of the neurons of a model, on graphs small enough to see what is right.
#include "graph/structure/node_order.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include <bdh/error.hpp>

#include "core/base/random.hpp"
#include "core/model/memory_order.hpp"
#include "tests/files/support.hpp"

namespace {

using order = std::vector<bdh::neuron_id>;

bdh::neighbour_pairs pairs_of(const std::vector<std::pair<bdh::neuron_id, bdh::neuron_id>>& all) {
  bdh::neighbour_pairs pairs;
  for (const auto& [a, b] : all)
    pairs.push_back(std::uint64_t{std::min(a, b)} << 32 | std::max(a, b));
  return pairs;
}

// The largest distance of two neighbours.
bdh::neuron_id bandwidth(const order& nodes, const bdh::neighbour_pairs& pairs) {
  order place(nodes.size());
  for (bdh::neuron_id k = 0; k < nodes.size(); ++k) place[nodes[k]] = k;
  bdh::neuron_id widest = 0;
  for (const std::uint64_t p : pairs) {
    const auto [near, far] = std::minmax(place[p >> 32], place[static_cast<bdh::neuron_id>(p)]);
    widest = std::max(widest, far - near);
  }
  return widest;
}

bool has_all(order nodes, bdh::neuron_id count) {
  std::sort(nodes.begin(), nodes.end());
  for (bdh::neuron_id k = 0; k < nodes.size(); ++k)
    if (nodes[k] != k) return false;
  return nodes.size() == count;
}

}  // namespace

TEST_CASE("reverse Cuthill-McKee finds the path and the ladder behind arbitrary numbers") {
  // 3 - 0 - 4 - 1 - 2
  const auto path = pairs_of({{3, 0}, {0, 4}, {4, 1}, {1, 2}, {2, 1}});
  const order found = bdh::ordered_nodes(5, bdh::neighbour_pairs(path), bdh::node_order::rcm);
  CHECK((found == order{3, 0, 4, 1, 2} || found == order{2, 1, 4, 0, 3}));
  // A ladder of 50 rungs, its 100 nodes numbered at random: rungs side by side.
  order number(100);
  for (bdh::neuron_id k = 0; k < 100; ++k) number[k] = k;
  bdh::random_stream random(7, bdh::purpose::test_weights, 0);
  for (bdh::neuron_id k = 100; k > 1; --k) std::swap(number[k - 1], number[random.below(k)]);
  bdh::neighbour_pairs ladder;
  const auto add = [&](bdh::neuron_id a, bdh::neuron_id b) {
    const auto [low, high] = std::minmax(number[a], number[b]);
    ladder.push_back(std::uint64_t{low} << 32 | high);
  };
  for (bdh::neuron_id k = 0; k < 50; ++k) {
    add(2 * k, 2 * k + 1);
    if (k != 0) add(2 * k - 2, 2 * k), add(2 * k - 1, 2 * k + 1);
  }
  const order nodes = bdh::ordered_nodes(100, bdh::neighbour_pairs(ladder), bdh::node_order::rcm);
  CHECK(has_all(nodes, 100));
  CHECK(bandwidth(nodes, ladder) <= 3);
  order by_number = number;
  std::sort(by_number.begin(), by_number.end());
  CHECK(bandwidth(by_number, ladder) > 30);
}

TEST_CASE(
    "components stay apart, lonely nodes are kept, and a graph without edges has an order too") {
  const auto two = pairs_of({{0, 4}, {4, 2}, {1, 5}});
  const order nodes = bdh::ordered_nodes(7, bdh::neighbour_pairs(two), bdh::node_order::rcm);
  CHECK(has_all(nodes, 7));
  CHECK(bandwidth(nodes, two) == 1);
  CHECK(has_all(bdh::ordered_nodes(9, {}, bdh::node_order::rcm), 9));
  CHECK(bdh::ordered_nodes(3, {}, bdh::node_order::degree) == order{0, 1, 2});
}

TEST_CASE("by degree: the most neighbours first, equal ones by their numbers") {
  CHECK(bdh::ordered_nodes(5, pairs_of({{3, 0}, {3, 1}, {3, 2}, {1, 2}}),
                           bdh::node_order::degree) == order{3, 1, 2, 0, 4});
}

TEST_CASE(
    "by community: planted ones one after the other, the largest first, and the same for the same "
    "seed") {
  // Four groups of 60, 50, 40 and 30 nodes, numbered at random; each node has 8 edges in its own
  // and the graph 60 between groups.
  const std::vector<bdh::neuron_id> sizes{60, 50, 40, 30};
  order number(183), group(183, 4);  // three nodes without edges
  for (bdh::neuron_id k = 0; k < number.size(); ++k) number[k] = k;
  bdh::random_stream random(11, bdh::purpose::test_weights, 0);
  for (auto k = static_cast<bdh::neuron_id>(number.size()); k > 1; --k)
    std::swap(number[k - 1], number[random.below(k)]);
  bdh::neighbour_pairs pairs;
  const auto add = [&](bdh::neuron_id a, bdh::neuron_id b) {
    const auto [low, high] = std::minmax(number[a], number[b]);
    if (low != high) pairs.push_back(std::uint64_t{low} << 32 | high);
  };
  bdh::neuron_id first = 0;
  for (bdh::neuron_id g = 0; g < sizes.size(); first += sizes[g++])
    for (bdh::neuron_id k = 0; k < sizes[g]; ++k) {
      group[number[first + k]] = g;
      for (int e = 0; e < 4; ++e) add(first + k, first + random.below(sizes[g]));
    }
  for (int e = 0; e < 60; ++e) add(random.below(first), random.below(first));
  const order nodes =
      bdh::ordered_nodes(183, bdh::neighbour_pairs(pairs), bdh::node_order::community, 5);
  CHECK(has_all(nodes, 183));
  order groups;
  for (const bdh::neuron_id i : nodes) groups.push_back(group[i]);
  CHECK(std::ranges::is_sorted(groups));
  CHECK(nodes ==
        bdh::ordered_nodes(183, bdh::neighbour_pairs(pairs), bdh::node_order::community, 5));
  CHECK(has_all(bdh::ordered_nodes(9, {}, bdh::node_order::community), 9));
}

TEST_CASE("a search for communities can be stopped") {
  bdh::neighbour_pairs pairs;
  bdh::random_stream random(3, bdh::purpose::test_weights, 0);
  for (int e = 0; e < 200000; ++e) {
    const bdh::neuron_id a = random.below(5000), b = random.below(5000);
    if (a < b) pairs.push_back(std::uint64_t{a} << 32 | b);
  }
  struct enough {};
  CHECK_THROWS_AS(bdh::ordered_nodes(5000, std::move(pairs), bdh::node_order::community, 0,
                                     [] { throw enough(); }),
                  enough);
}

TEST_CASE("orders have names") {
  for (const auto o : {bdh::node_order::rcm, bdh::node_order::degree, bdh::node_order::community})
    CHECK(bdh::node_order_named(bdh::name(o)) == o);
  CHECK_THROWS_WITH_AS(bdh::node_order_named("RCM"),
                       "order: 'RCM', expected rcm, degree or community", bdh::input_error);
}

TEST_CASE(
    "neurons stay in their heads, rotation pairs together, and every order is one that the model "
    "takes") {
  for (const bool pool : {false, true})
    for (const bool rotates : {false, true})
      for (const auto how :
           {bdh::node_order::rcm, bdh::node_order::degree, bdh::node_order::community}) {
        CAPTURE(pool);
        CAPTURE(rotates);
        bdh::model m = files::small_direct_model({.pool = pool, .rotates = rotates});
        const order neurons = bdh::memory_order(m, how);
        CHECK(has_all(neurons, 16));
        CHECK(bdh::mean_distance(m) > 0);
        m = std::move(m).in_memory_order(order(neurons));
        CHECK(std::ranges::equal(m.memory_order(), neurons));
        const order place = m.memory_positions();
        for (bdh::neuron_id i = 0; i < 16; ++i) CHECK(neurons[place[i]] == i);
      }
  CHECK_THROWS_AS(bdh::memory_order(files::small_model(), bdh::node_order::rcm),
                  bdh::unavailable_error);
  CHECK_THROWS_AS(bdh::mean_distance(files::small_model()), bdh::unavailable_error);
}

TEST_CASE("an order that is none is refused with the reason") {
  const auto refused = [](bool pool, bool rotates, order neurons) -> std::string {
    try {
      files::small_direct_model({.pool = pool, .rotates = rotates})
          .in_memory_order(std::move(neurons));
    } catch (const bdh::error& e) {
      return e.what();
    }
    return "taken";
  };
  const order plain{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const auto swapped = [&](std::size_t a, std::size_t b) {
    order changed = plain;
    std::swap(changed[a], changed[b]);
    return changed;
  };
  order twice = plain;
  twice[3] = 2;
  CHECK(refused(false, false, plain) == "taken");
  CHECK(refused(false, false, swapped(1, 9)) == "taken");
  CHECK(refused(false, false, {0, 1}) == "model/order: 2 entries, expected 16 neurons");
  CHECK(refused(false, false, twice) ==
        "model/order[3]: 2, expected each of 0..15, the neurons of the head, once");
  CHECK(refused(true, false, swapped(1, 9)) ==
        "model/order[1]: 9, expected each of 0..7, the neurons of the head, once");
  CHECK(refused(false, true, swapped(0, 1)) ==
        "model/order[0]: 1, expected rotation pairs (2m, 2m + 1) side by side");
  CHECK(refused(true, true, {2, 3, 0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}) ==
        "model/order[8]: 8, expected the order of the first head, whose frequencies all share");
  bdh::model_spec hubs = files::small_parts();
  hubs.memory_order = plain;
  CHECK_THROWS_WITH_AS(
      bdh::model(std::move(hubs)),
      "model/order: an order of neurons, expected none, where circuits lead through hubs",
      bdh::unavailable_error);
}
