// A dense double-precision BDH, written from the equations and sharing no code with the project,
// which it checks. Two forms: tensor_form is the authors' released BDH-GPU, quadratic in the number
// of tokens; graph_form is the neuron graph with every synapse explicit, token by token, in the
// laboratory frame. Meant for small models and trusted input: shapes are asserted by Eigen.
//
// T tokens, L layers, h heads of N neurons, n = h N neurons in head-major order, d hubs, V tokens
// in the vocabulary, S sources. A matrix entry [j, i] is the edge i -> j. Arrays over layers are
// indexed from 0: x[l - 1] belongs to layer l.
#pragma once

#include <Eigen/Dense>
#include <string>
#include <vector>

namespace oracle {

struct weights {
  int n = 0, d = 0, heads = 1, vocabulary = 0, layers = 0;
  Eigen::MatrixXd E;          // d x n
  Eigen::MatrixXd Dx, Dy;     // n x d
  Eigen::MatrixXd embedding;  // V x d
  Eigen::MatrixXd readout;    // d x V
  std::vector<double>
      frequency;  // N/2, turns per token of the pair (2m, 2m+1) of every head; empty: no rotation
  double epsilon = 1e-5;
  double retention = 1;  // u, per token
};

// A safetensors file of F32 tensors named as in the released code, with n_layer in its metadata.
// Throws std::runtime_error if the file or a tensor is missing.
weights load_released(const std::string& path);

// The released code's table for N neurons per head: theta^(-2m/N) / (2 pi).
std::vector<double> geometric_frequency(int neurons_per_head, double theta = 65536);

struct tensor_trace {
  Eigen::MatrixXd logits;             // T x V
  std::vector<Eigen::MatrixXd> x, y;  // L of T x n
  std::vector<Eigen::MatrixXd>
      v;  // L + 1 of T x d; v[0] is the normalised embedding, v[l] the stream after layer l
};

// The released forward pass. The score between query t and key tau < t carries u^(t - tau) on top
// of the rotation.
tensor_trace tensor_form(const weights& m, const std::vector<int>& tokens);

enum class variant { bdh, normfree, gpu_paper, gpu_release };

// The variants of docs/theory.md as data: a test may change one entry.
struct rules {
  enum class source_rule {
    y,       // W = y
    gain_y,  // W = g(y) y
    leaky    // W <- W + g(y) y, W <- g(W) W
  };
  bool x_accumulates = false;  // x_l = x_{l-1} + (Gx W)_+ instead of x_l = (Gx W)_+
  source_rule source = source_rule::leaky;
  bool token_gain = true;  // the token enters as g(e) e instead of e
  bool read_gain = true;   // Gy reads g(A_h) A_h instead of A_h
  bool centred = true;     // Gx = Dx C B instead of Dx B; Gy and Gout alike
};
rules rules_of(variant);

// The graph: what lives on edges, apart from the synapses. Sources are the n neurons, then any
// sensory nodes.
struct circuits {
  int n = 0, heads = 1, layers = 0;
  Eigen::MatrixXd Gx, Gy;   // n x S
  Eigen::MatrixXd Gout;     // V x S
  Eigen::MatrixXd token;    // S x V: column t is W when token t enters, before its gain
  Eigen::MatrixXd pool;     // d x S: C B, for g(w) = 1 / sqrt(|pool w|^2 / d + epsilon); unused by
                            // variants without gains
  Eigen::MatrixXd hub;      // d x S: C B, or B where the variant does not centre; rho = hub sigma
  Eigen::MatrixXd rate;     // S x n: Gs
  Eigen::MatrixXd damping;  // S x n: u per edge, equal within a rotated pair
  std::vector<double> frequency;
  double epsilon = 1e-5;
};

// B = [E | embedding^T], C = I - 11^T/d: every neuron and every sensory node is a source and a
// synapse target, Gs = 1, u uniform.
circuits circuits_of(const weights& m, const rules& r);

// One step of a layer. The table of a layer is a list of these, run in order.
enum class action {
  propagate,  // round 0: A_h = sigma_l x, over the neurons of head h
  reweight,   // round 1: sigma_l += (W x^T) * Gs
  decay,      // round 1: sigma_l <- sigma_l U
  fire,       // round 2: y = (Gy A)_+ * x, then W
  drive  // round 3: x of the next layer; not run in the last layer, and once for the token itself
};
using round_table = std::vector<action>;
inline const round_table usual_rounds = {action::propagate, action::reweight, action::decay,
                                         action::fire, action::drive};
inline const round_table decay_before_write = {action::propagate, action::decay, action::reweight,
                                               action::fire, action::drive};
inline const round_table no_reweighting = {action::propagate, action::decay, action::fire,
                                           action::drive};

struct token_trace {
  Eigen::VectorXd logits;             // V
  std::vector<Eigen::VectorXd> x, y;  // L of n
  std::vector<Eigen::VectorXd> W;     // L + 1 of S; W[0] is the token, W[l] follows layer l
  std::vector<Eigen::MatrixXd> A;     // L of S x h, before any gain
};

// What an experimenter does to every layer of the tokens to come. Empty vectors and matrices:
// nothing.
struct interventions {
  Eigen::VectorXd add_x, add_y;    // n: to the drive of X and of Y, before the threshold
  Eigen::VectorXd hold_x, hold_y;  // n: in place of X and Y; NaN leaves them alone
  Eigen::MatrixXd transmits;       // S x n: a factor on what is read of each synapse
  bool frozen = false;             // no reweighting
};

class graph_form {
 public:
  graph_form(const weights& m, variant v) : graph_form(circuits_of(m, rules_of(v)), rules_of(v)) {}
  graph_form(circuits c, rules r);

  token_trace step(int token);
  std::vector<token_trace> run(const std::vector<int>& tokens);

  const circuits& graph() const { return graph_; }
  double gain(const Eigen::VectorXd& w) const;                        // g(w)
  Eigen::MatrixXd rho(int l) const { return graph_.hub * sigma[l]; }  // d x n, l from 0

  // All may be changed between tokens.
  std::vector<Eigen::MatrixXd> sigma;  // L of S x n: the synapse i -> j in layer l is sigma[l -
                                       // 1](j, i), as the next token will read it
  round_table rounds = usual_rounds;
  interventions acting;
  circuits& circuit() { return graph_; }

 private:
  void decay(Eigen::MatrixXd& synapses) const;

  circuits graph_;
  rules rules_;
};

}  // namespace oracle
