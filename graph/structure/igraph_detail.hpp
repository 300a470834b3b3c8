// igraph's C library behind C++. Its handlers and its random number generator belong to the whole
// process, and its builds differ in whether threads have their own: so one thread uses it at a
// time, with handlers and a generator of ours, and puts the old ones back. Versions 0.10 and 1.0
// differ in names and parameters; what differs is in this file and its source.
#pragma once

#include <igraph.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <string>

namespace bdh::detail {

class igraph_session {
 public:
  // `interrupt` is called by long computations and may throw; the exception comes out of check().
  explicit igraph_session(std::uint64_t seed = 0, std::function<void()> interrupt = {});
  igraph_session(const igraph_session&) = delete;
  igraph_session& operator=(const igraph_session&) = delete;
  ~igraph_session();

  // For what every function of igraph returns. Throws std::bad_alloc, what `interrupt` threw, or
  // error with igraph's reason.
  void check(igraph_error_t code);

 private:
  static void on_error(const char* reason, const char* file, int line, igraph_error_t code);
  bool is_interrupted();
#if IGRAPH_VERSION_MAJOR >= 1
  static igraph_bool_t on_interruption();
  igraph_rng_t* generator_before_;  // the default is a pointer
#else
  static igraph_error_t on_interruption(void*);
  igraph_rng_t generator_before_;  // the default is a copy
#endif

  static std::mutex one_at_a_time;
  static igraph_session* now;

  std::unique_lock<std::mutex> lock_;
  std::function<void()> interrupt_;
  std::exception_ptr thrown_;
  std::string reason_;
  igraph_rng_t generator_;
  igraph_error_handler_t* error_before_;
  igraph_warning_handler_t* warning_before_;
  igraph_interruption_handler_t* interruption_before_;
};

class igraph_integers {
 public:
  explicit igraph_integers(igraph_session& session, igraph_integer_t size = 0) {
    session.check(igraph_vector_int_init(&vector_, size));
  }
  igraph_integers(const igraph_integers&) = delete;
  igraph_integers& operator=(const igraph_integers&) = delete;
  ~igraph_integers() { igraph_vector_int_destroy(&vector_); }
  igraph_vector_int_t* operator&() noexcept { return &vector_; }
  igraph_integer_t size() const noexcept { return igraph_vector_int_size(&vector_); }
  igraph_integer_t& operator[](igraph_integer_t i) noexcept { return VECTOR(vector_)[i]; }

 private:
  igraph_vector_int_t vector_;
};

class igraph_reals {
 public:
  explicit igraph_reals(igraph_session& session, igraph_integer_t size = 0) {
    session.check(igraph_vector_init(&vector_, size));
  }
  igraph_reals(const igraph_reals&) = delete;
  igraph_reals& operator=(const igraph_reals&) = delete;
  ~igraph_reals() { igraph_vector_destroy(&vector_); }
  igraph_vector_t* operator&() noexcept { return &vector_; }
  igraph_integer_t size() const noexcept { return igraph_vector_size(&vector_); }
  igraph_real_t& operator[](igraph_integer_t i) noexcept { return VECTOR(vector_)[i]; }

 private:
  igraph_vector_t vector_;
};

class igraph_graph {
 public:
  // `ends`: two nodes an edge.
  igraph_graph(igraph_session& session, igraph_integers& ends, igraph_integer_t nodes,
               bool directed) {
    session.check(igraph_create(&graph_, &ends, nodes, directed));
  }
  igraph_graph(const igraph_graph&) = delete;
  igraph_graph& operator=(const igraph_graph&) = delete;
  ~igraph_graph() { igraph_destroy(&graph_); }
  igraph_t* operator&() noexcept { return &graph_; }
  const igraph_t* operator&() const noexcept { return &graph_; }

 private:
  igraph_t graph_;
};

#if IGRAPH_VERSION_MAJOR >= 1
// As in 0.10, of undirected graphs and with simple graphs as the result.
inline igraph_error_t leiden(const igraph_t* graph, const igraph_vector_t* weights,
                             const igraph_vector_t* node_weights, double resolution, double beta,
                             igraph_integer_t rounds, igraph_vector_int_t* membership) {
  return igraph_community_leiden(graph, weights, node_weights, nullptr, resolution, beta, false,
                                 rounds, membership, nullptr, nullptr);
}
inline igraph_error_t rewire(igraph_t* graph, igraph_integer_t trials) {
  return igraph_rewire(graph, trials, IGRAPH_SIMPLE_SW, nullptr);
}
inline igraph_error_t adjacent_triangles(const igraph_t* graph, igraph_vector_t* counts) {
  return igraph_count_adjacent_triangles(graph, counts, igraph_vss_all());
}
#else
inline igraph_error_t leiden(const igraph_t* graph, const igraph_vector_t* weights,
                             const igraph_vector_t* node_weights, double resolution, double beta,
                             igraph_integer_t rounds, igraph_vector_int_t* membership) {
  return igraph_community_leiden(graph, weights, node_weights, resolution, beta, false, rounds,
                                 membership, nullptr, nullptr);
}
inline igraph_error_t rewire(igraph_t* graph, igraph_integer_t trials) {
  return igraph_rewire(graph, trials, IGRAPH_REWIRING_SIMPLE);
}
inline igraph_error_t adjacent_triangles(const igraph_t* graph, igraph_vector_t* counts) {
  return igraph_adjacent_triangles(graph, counts, igraph_vss_all());
}
#endif

}  // namespace bdh::detail
