// The text of a model's tokens.
#pragma once

#include <memory>
#include <string>

#include <bdh/model.hpp>

#include "io/text/vocabulary.hpp"

namespace bdh::app {

// nullptr: the tokens are ids only. Models that share a definition share the vocabulary, which is
// made once. Throws as make_vocabulary.
std::shared_ptr<const vocabulary> vocabulary_of(const model& m);

// What a token adds to a text; empty: nothing, or the tokens are ids only.
std::string token_text(const model& m, token_id token);

}  // namespace bdh::app
