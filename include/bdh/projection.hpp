// A projection: the weighted edges from one population to another, source -> target. Stored as CSR,
// or as a dense block when every pair is connected, in the one order in which its kernel reads it.
// Checked when built, immutable afterwards.
#pragma once

#include <cassert>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <bdh/array.hpp>
#include <bdh/bfloat16.hpp>
#include <bdh/ids.hpp>

namespace bdh {

struct population {
  std::string name;
  neuron_id size = 0;
};

// What a row of the storage is: all edges that leave one source, or all edges that arrive at one
// target.
enum class major { source, target };

// Whether the weights of a dense block are checked when it is built, or known to be finite.
enum class validation { check, skip };

// The weights of a projection, as they are stored: one of the two, the other is null.
struct weight_view {
  const float* wide = nullptr;
  const bfloat16* narrow = nullptr;

  // f(pointer) of the one that is.
  template <class F>
  void visit(F f) const {
    narrow ? f(narrow) : f(wide);
  }
};

class projection {
 public:
  projection() = default;  // no edges

  // rows x columns weights, row-major; rows are sources (by_source) or targets (by_target).
  // Throws shape_error when the size is wrong, input_error naming the place of a weight that is not
  // finite.
  static projection dense(std::string name, population source, population target, major rows,
                          array<float> weights, validation given = validation::check);

  // indptr (rows + 1), indices (edges) ascending within a row, weights (edges). Duplicate edges are
  // an error, self-loops are not. Throws shape_error or input_error naming the first bad entry.
  // Weights that are not checked here are read by who takes them (part_to, part_of_rows). Pages of
  // a file take no memory once they have been looked at.
  static projection sparse(std::string name, population source, population target, major rows,
                           array<edge_id> indptr, array<neuron_id> indices, array<float> weights,
                           validation given = validation::check);

  const std::string& name() const noexcept { return name_; }
  const population& source() const noexcept { return source_; }
  const population& target() const noexcept { return target_; }
  major rows_are() const noexcept { return major_; }
  bool is_dense() const noexcept { return indptr_.empty(); }
  neuron_id rows() const noexcept { return major_ == major::source ? source_.size : target_.size; }
  neuron_id columns() const noexcept {
    return major_ == major::source ? target_.size : source_.size;
  }
  edge_id edges() const noexcept { return weights_.size() + narrow_.size(); }
  std::size_t bytes() const noexcept {
    return weights_.bytes() + narrow_.bytes() + indices_.bytes() + indptr_.bytes();
  }

  float weight(edge_id e) const noexcept {
    return narrow_.empty() ? weights_[e] : to_float(narrow_[e]);
  }
  std::span<const float> weights()
      const noexcept {  // of a projection that stores them as float32, as all do but in_bfloat16()
    assert(narrow_.empty());
    return weights_;
  }
  bool is_bfloat16() const noexcept { return !narrow_.empty(); }
  // The weights are the pages of a file.
  bool is_mapped() const noexcept { return weights_.is_mapped(); }

  // The first edge whose weight is below zero, or is not finite.
  std::optional<edge_id> first_negative() const;
  std::optional<edge_id> first_not_finite() const;
  weight_view view() const noexcept { return {weights_.data(), narrow_.data()}; }
  std::span<const neuron_id> indices() const noexcept { return indices_; }  // empty when dense
  std::span<const edge_id> indptr() const noexcept { return indptr_; }      // empty when dense

  // The edge id (position in weights()) of source -> target, or nothing; O(log degree).
  std::optional<edge_id> find(neuron_id source, neuron_id target) const;

  projection copy() const;

  // The weights of a copy, to be changed in place: of a dense block in float32 that is not mapped.
  std::span<float> own_weights() noexcept {
    assert(narrow_.empty() && is_dense() && !is_mapped());
    no_sign_bit_ = false;
    return weights_;
  }

  // The row of an edge; O(log rows).
  neuron_id row_of(edge_id e) const noexcept;

  // The edges into some targets, ranges that ascend and do not meet, of a projection stored by
  // source; or those of the rows [first, last). As a projection of the same nodes, in which other
  // rows have fewer edges, or none; in memory of its own. Throws input_error naming a weight that
  // is not finite, by its place in this one.
  projection part_to(std::span<const std::pair<neuron_id, neuron_id>> targets) const;
  projection part_of_rows(neuron_id first, neuron_id last) const;
  // The place of an edge of this projection among those of a part of it, if it is there.
  std::optional<edge_id> in_part(const projection& part, edge_id e) const;
  // Edges [first, last) have been looked at: pages of a file take no memory until they are read
  // again. Of all edges: row starts, too.
  void give_back(edge_id first, edge_id last) const noexcept;

  // The same edges in the other order.
  projection transposed() const;

  // The same edges between nodes that lie elsewhere: row k is row rows[k] of this one, column c
  // becomes columns[c]. Empty: stays as it is. Both are permutations; the columns of a dense block
  // stay.
  projection moved(std::span<const neuron_id> rows, std::span<const neuron_id> columns) const;

  // The same edges, their weights rounded to bfloat16 and stored as such: half the memory. Throws
  // input_error when one is too large.
  projection in_bfloat16() const;

  // The same edges, their weights times a factor. Throws input_error when a weight is no longer
  // finite.
  projection scaled(float factor) const;

 private:
  void check_weights();
  void check_indices() const;
  projection without_weights() const;
  template <class Piece>
  projection part(Piece pieces) const;

  std::string name_;
  population source_, target_;
  major major_ = major::source;
  array<edge_id> indptr_;
  array<neuron_id> indices_;
  array<float> weights_;
  array<bfloat16> narrow_;    // in place of weights_
  bool no_sign_bit_ = false;  // of any weight, as far as is known
};

}  // namespace bdh
