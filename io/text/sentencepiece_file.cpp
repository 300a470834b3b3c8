#include "io/text/sentencepiece_file.hpp"

#include <cmath>
#include <cstring>
#include <optional>

#include <bdh/error.hpp>

namespace bdh::text {
namespace {

constexpr std::uint64_t most_pieces = 1u << 21;
constexpr std::size_t longest_piece = 65535;  // bytes

// Protocol Buffers on the wire: fields with a number, each a number or bytes.
class message {
 public:
  struct field {
    std::uint64_t number = 0, value = 0;  // of a number
    bool is_bytes = false;
    std::string_view bytes;  // or of 4 and 8 bytes that are no count
  };

  message(std::string_view bytes, const std::string& place) : rest_(bytes), place_(place) {}

  std::optional<field> next() {
    if (rest_.empty()) return std::nullopt;
    const std::uint64_t key = varint();
    field f{.number = key >> 3, .value = 0, .is_bytes = false, .bytes = {}};
    switch (key & 7) {
      case 0:
        f.value = varint();
        break;
      case 1:
        f.bytes = take(8);
        break;
      case 2:
        f.is_bytes = true;
        f.bytes = take(varint());
        break;
      case 5:
        f.bytes = take(4);
        break;
      default:
        refuse("a field of type " + std::to_string(key & 7));
    }
    if (f.number == 0 || f.number >= 1u << 29) refuse("field " + std::to_string(f.number));
    return f;
  }
  [[noreturn]] void refuse(const std::string& found) const {
    throw input_error(place_, found, "a tokenizer.model of SentencePiece");
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) refuse("a file that is cut off");
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    refuse("a number of more than 64 bits");
  }
  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) refuse("a file that is cut off");
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

  std::string_view rest_;
  const std::string& place_;
};

void check_piece(std::string_view bytes, const std::string& place) {
  message m(bytes, place);
  while (const auto f = m.next()) {
    if (f->number == 1 && (!f->is_bytes || f->bytes.empty() || f->bytes.size() > longest_piece))
      m.refuse("a piece of " + std::to_string(f->bytes.size()) + " bytes");
    // The library's table of pieces ends each at its first zero byte.
    if (f->number == 1 && f->bytes.find('\0') != f->bytes.npos)
      m.refuse("a piece with a zero byte");
    float score = 0;
    if (f->number == 2 && f->bytes.size() == sizeof score)
      std::memcpy(&score, f->bytes.data(), sizeof score);
    if (!std::isfinite(score)) m.refuse("a score that is not finite");
  }
}

// A double array (darts) of 32-bit units, and the strings that its leaves point to: a walk over any
// text must stay inside, and every string must end.
void check_character_map(std::string_view map, const std::string& place) {
  const message m({}, place);
  if (map.empty()) return;
  std::uint32_t size = 0;
  if (map.size() < sizeof size) m.refuse("a character map that is cut off");
  std::memcpy(&size, map.data(), sizeof size);
  map.remove_prefix(sizeof size);
  if (size >= map.size() || size % 4 != 0 || size == 0 || map.back() != '\0')
    m.refuse("a character map with a table of " + std::to_string(size) + " bytes");
  const std::uint64_t units = size / 4, strings = map.size() - size;
  const auto unit = [&](std::uint64_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, map.data() + 4 * at, sizeof value);
    return value;
  };
  for (std::uint64_t at = 0; at < units; ++at) {
    const std::uint32_t u = unit(at);
    if (u >> 31 != 0) continue;  // a leaf: no way leads on from it
    const std::uint64_t children = at ^ (std::uint64_t{u >> 10} << ((u & 0x200u) >> 6));
    const bool inside = (children | 0xff) < units;
    if (!inside || ((u >> 8 & 1) != 0 && (unit(children) & 0x7fffffffu) >= strings))
      m.refuse("a character map that leads outside of itself");
  }
}

void read_normalizer(std::string_view bytes, const std::string& place, sentencepiece_settings& to) {
  message m(bytes, place);
  while (const auto f = m.next()) {
    if (f->number == 2) check_character_map(f->bytes, place);
    if (f->number == 3) to.add_dummy_prefix = f->value != 0;
    if (f->number == 4) to.remove_extra_whitespaces = f->value != 0;
  }
}

}  // namespace

sentencepiece_settings check_sentencepiece(std::string_view model, const std::string& place) {
  sentencepiece_settings s;
  message m(model, place);
  while (const auto f = m.next()) {
    if (f->number >= 1 && f->number <= 5 && !f->is_bytes)
      m.refuse("field " + std::to_string(f->number) + " that is no message");
    if (f->number == 1) {
      if (++s.pieces > most_pieces)
        m.refuse("more than " + std::to_string(most_pieces) + " pieces");
      check_piece(f->bytes, place);
    } else if (f->number == 2) {
      message trainer(f->bytes, place);
      while (const auto t = trainer.next())
        if (t->number == 44 && t->is_bytes) s.unknown = std::string(t->bytes);
    } else if (f->number == 3) {
      read_normalizer(f->bytes, place, s);
    } else if (f->number == 5) {
      sentencepiece_settings ignored;  // of the denormalizer
      read_normalizer(f->bytes, place, ignored);
    }
  }
  if (s.pieces == 0) m.refuse("no pieces");
  return s;
}

}  // namespace bdh::text
