// Learning, dense and in double precision, for one token after another of a released BDH-GPU: what
// docs/learning.md says, written from the equations of the forward pass by reverse differentiation.
// The strengths that a token reads are constants of its loss.
#pragma once

#include <Eigen/Dense>
#include <vector>

#include "oracle.hpp"

namespace oracle {

enum class teaching { readout, rows, exact };

struct gradients {
  Eigen::MatrixXd E;          // d x n
  Eigen::MatrixXd Dx, Dy;     // n x d
  Eigen::MatrixXd embedding;  // V x d
  Eigen::MatrixXd readout;    // d x V
};

// Of docs/learning.md.
weights three_neurons_and_two_hubs();

class learner {
 public:
  explicit learner(weights m);

  Eigen::VectorXd step(int token);  // the logits
  double loss(int next) const;      // of the last token's logits
  gradients of(int next, teaching rule) const;
  // The change of the weights; `rate` eta, `back` the share of the way back to the first weights;
  // not scaled where `plain`.
  void learn(int next, teaching rule, double rate, double back, bool plain);

  // The logits of the last token by other weights, from the strengths that it read.
  Eigen::VectorXd again(const weights& other) const;

  const weights& now() const { return w_; }
  bool frozen = false;  // no Hebbian writing

 private:
  struct layer {
    Eigen::VectorXd v, x, p, y, z, s, u;  // v drives X; p before the gate; z = E y, s = LN(z)
    Eigen::MatrixXd a_before, a;          // d x h
  };
  struct trace {
    Eigen::VectorXd e, v_last, logits;
    std::vector<layer> layers;
  };
  trace forward(const weights& w, int token) const;

  weights w_, first_;
  std::vector<Eigen::MatrixXd> rho_, read_;  // d x n: as the next token reads them; as the last did
  int token_ = 0;
  trace last_;
  // Of rows: running means of squares, -1 before the first.
  Eigen::VectorXd mE_, mDx_, mDy_, membedding_, mreadout_;
};

}  // namespace oracle
