// The oracle of learning itself: its gradients against differences of the loss, and three neurons
// by hand.
#include "learning.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

double loss_of(const oracle::learner& brain, const oracle::weights& w, int next) {
  const VectorXd logits = brain.again(w);
  const double most = logits.maxCoeff();
  return std::log((logits.array() - most).exp().sum()) + most - logits[next];
}

// d loss / d t of w + t direction at 0, by five points.
template <class Change>
double difference(const oracle::learner& brain, int next, Change change) {
  constexpr double h = 1e-5;
  const auto at = [&](double t) {
    oracle::weights w = brain.now();
    change(w, t);
    return loss_of(brain, w, next);
  };
  return (at(-2 * h) - 8 * at(-h) + 8 * at(h) - at(2 * h)) / (12 * h);
}

struct part {
  const char* name;
  MatrixXd oracle::weights::*of;
  MatrixXd oracle::gradients::*gradient;
};
const part parts[] = {{"E", &oracle::weights::E, &oracle::gradients::E},
                      {"Dx", &oracle::weights::Dx, &oracle::gradients::Dx},
                      {"Dy", &oracle::weights::Dy, &oracle::gradients::Dy},
                      {"embedding", &oracle::weights::embedding, &oracle::gradients::embedding},
                      {"readout", &oracle::weights::readout, &oracle::gradients::readout}};

double worst_difference(const oracle::learner& brain, int token, int next, int entries) {
  const oracle::gradients g = brain.of(next, oracle::teaching::exact);
  std::mt19937 random(7);
  double worst = 0;
  for (const part& p : parts) {
    const MatrixXd& gradient = g.*p.gradient;
    REQUIRE(gradient.cwiseAbs().maxCoeff() > 0);
    for (int k = 0; k < entries; ++k) {
      Eigen::Index row = random() % gradient.rows();
      if (p.of == &oracle::weights::embedding) row = token;
      const Eigen::Index column = random() % gradient.cols();
      const double found = difference(
          brain, next, [&](oracle::weights& w, double t) { (w.*p.of)(row, column) += t; });
      worst = std::max(worst, std::abs(found - gradient(row, column)));
    }
    MatrixXd direction(gradient.rows(), gradient.cols());
    std::normal_distribution<double> normal;
    for (double& x : direction.reshaped()) x = normal(random);
    direction /= direction.norm();
    const double found =
        difference(brain, next, [&](oracle::weights& w, double t) { w.*p.of += t * direction; });
    worst = std::max(worst, std::abs(found - gradient.cwiseProduct(direction).sum()));
  }
  return worst;
}

}  // namespace

TEST_CASE("gradients of learning are the differences of the loss") {
  oracle::weights w =
      oracle::load_released(BDH_SOURCE_DIR "/tests/data/random-64/model.safetensors");
  w.retention = 0.98;
  oracle::learner brain(w);
  std::mt19937 random(3);
  int token = 0, next = 0;
  for (int t = 0; t < 60; ++t) {
    token = static_cast<int>(random() % w.vocabulary);
    next = static_cast<int>(random() % w.vocabulary);
    brain.step(token);
  }
  const double worst = worst_difference(brain, token, next, 40);
  CHECK(worst <= 1e-8);
  MESSAGE("largest difference of a derivative: ", worst);
}

// docs/learning.md does it on paper: pools of two hubs have values (z, -z), of which LN is
// z / sqrt(z^2 + epsilon), and epsilon is 0.64.
TEST_CASE("three neurons, two hubs, one layer by hand") {
  const oracle::weights w = oracle::three_neurons_and_two_hubs();
  oracle::learner brain(w);
  brain.step(0);
  const VectorXd logits = brain.step(0);
  CHECK(std::abs(logits[0] - std::log(2.0)) < 1e-14);
  CHECK(std::abs(logits[1]) < 1e-14);
  CHECK(std::abs(brain.loss(1) - std::log(3.0)) < 1e-14);
  const oracle::gradients g = brain.of(1, oracle::teaching::exact);
  const double du = 10 * std::log(2.0) / 117, side = 2 / std::sqrt(13.0);
  const auto is = [](const VectorXd& found, double value) {
    return std::abs(found[0] - value) < 1e-14 && std::abs(found[1] + value) < 1e-14;
  };
  CHECK(is(g.E.col(0), 0.384 * du));
  CHECK(is(g.Dy.row(0).transpose(), 0.4608 * du));
  CHECK(is(g.Dx.row(0).transpose(), 0.9449472 * du));
  CHECK(is(g.Dx.row(1).transpose(), 0.2359296 * du));
  CHECK(is(g.embedding.row(0).transpose(), 1.311744 * du));
  CHECK(is(g.readout.col(0), side));
  CHECK(is(g.readout.col(1), -side));
  CHECK(g.E.rightCols(2).isZero(0));
  CHECK(g.Dy.bottomRows(2).isZero(0));
  CHECK(g.Dx.row(2).isZero(0));

  const oracle::gradients rows = brain.of(1, oracle::teaching::rows);
  CHECK(is(rows.Dx.row(0).transpose(), 1.28 * 0.6 * du));  // dX = dY P: no synapse
  CHECK(rows.Dx.row(1).isZero(0));
  CHECK(rows.embedding.isZero(0));

  brain.learn(1, oracle::teaching::exact, 0.5, 0, true);
  CHECK(is(brain.now().readout.col(1), 0.5 * side));
  CHECK(is(brain.now().E.col(0), 1 - 0.5 * 0.384 * du));
}
