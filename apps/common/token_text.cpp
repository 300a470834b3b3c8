#include "apps/common/token_text.hpp"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

namespace bdh::app {
namespace {

struct known_vocabulary {
  tokenizer kind = tokenizer::ids;
  neuron_id tokens = 0;
  std::shared_ptr<const std::string> definition;  // kept, so that its address is no other's
  std::shared_ptr<const vocabulary> made;
};

}  // namespace

std::shared_ptr<const vocabulary> vocabulary_of(const model& m) {
  constexpr std::size_t most = 4;
  static std::mutex one_at_a_time;
  static std::vector<known_vocabulary> known;
  if (m.tokens() == tokenizer::ids) return nullptr;
  const std::lock_guard lock(one_at_a_time);
  const auto found = std::find_if(known.begin(), known.end(), [&](const known_vocabulary& v) {
    return v.kind == m.tokens() && v.tokens == m.sensory_nodes() &&
           v.definition == m.tokenizer_definition();
  });
  if (found != known.end()) return found->made;
  if (known.size() == most) known.erase(known.begin());
  std::shared_ptr<const vocabulary> made = make_vocabulary(m);
  known.push_back({m.tokens(), m.sensory_nodes(), m.tokenizer_definition(), made});
  return made;
}

std::string token_text(const model& m, token_id token) {
  const auto by = vocabulary_of(m);
  return by == nullptr ? "" : by->text_of(token);
}

}  // namespace bdh::app
