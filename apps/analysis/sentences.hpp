// Files with one sentence a line.
#pragma once

#include <string>
#include <vector>

#include <bdh/ids.hpp>
#include <bdh/model.hpp>

namespace bdh::app {

struct sentence {
  std::string place;  // "FILE line 3"
  std::string text;
  std::vector<token_id> tokens;
};

// Text, or token ids where tokens are ids only; lines of nothing but blanks are
// passed over. `groups`: lines are GROUP<tab>SENTENCE; it gets the group of each. Throws
// input_error naming the file or the line.
std::vector<sentence> read_sentences(const std::string& file, const model& m,
                                     std::vector<std::string>* groups = nullptr);

}  // namespace bdh::app
