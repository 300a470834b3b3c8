// Section numbers are those of the HDF5 File Format Specification, version 3.0 (2.0 has the same).
#include "io/hdf5/validate.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.hpp"
#include "io/files/byte_cursor.hpp"

namespace bdh::hdf5 {
namespace {

constexpr const char* ours = "HDF5 as bdh writes it";
constexpr std::uint64_t base = 512;  // addresses count from behind the user block
constexpr std::uint64_t nowhere = ~std::uint64_t{0};
constexpr std::uint64_t leaf_k = 4, internal_k = 16;  // HDF5's defaults: entries of a symbol node
                                                      // and children of a B-tree node, halved
constexpr std::uint64_t highest_level = 4;            // of a B-tree: 32^5 symbol nodes
constexpr std::size_t most_extents = 8;
constexpr std::uint64_t longest_string = 65536;
constexpr std::size_t longest_name = 255;
constexpr std::uint64_t largest_heap = std::uint64_t{1} << 24;  // of the names in a group
constexpr unsigned deepest = 8;                                 // groups in groups; ours go to 3
constexpr std::size_t most_pieces = 1000000;                    // a state has about 15 a layer

constexpr std::uint64_t padded(std::uint64_t size) { return (size + 7) & ~std::uint64_t{7}; }

// What a group's symbol table message points to.
struct table {
  std::uint64_t tree, heap;
  bool operator==(const table&) const = default;
};

struct storage {
  std::uint64_t address, bytes;
};

// What the messages of an object say; a dataset has the last four, a group has only the first.
struct object {
  std::optional<table> links;
  std::optional<std::uint64_t> elements, element_bytes;
  std::optional<storage> data;
  bool fill = false;
};

// A group while its B-tree is walked.
struct group {
  const std::string& place;
  byte_cursor heap;  // its data segment
  unsigned depth;
  std::string_view last_name = {};
  struct node {
    std::uint64_t address, right;
  };
  std::array<node, highest_level + 1> last =
      {};  // of each level; address 0 while there is none, which is the superblock's
};

// ---- parts of messages

// Text up to its NUL, with nothing in it that a path or a terminal could take for something else.
std::string_view name(byte_cursor c) {
  const std::string_view rest(reinterpret_cast<const char*>(c.bytes().data()),
                              std::min(c.left(), longest_name + 1));
  c.require(rest.find('\0') != std::string_view::npos, "a name without an end");
  const std::string_view text = rest.substr(0, rest.find('\0'));
  c.require(
      std::all_of(text.begin(), text.end(), [](char x) { return x > ' ' && x <= '~' && x != '/'; }),
      "a name of other characters");
  return text;
}

// IV.A.2.b, version 1: the number of elements.
std::uint64_t dataspace(byte_cursor c) {
  const char* const what = "another kind of extents";
  c.expect<1>(1, what);
  const std::uint64_t rank = c.number<1>(what), flags = c.number<1>(what);
  c.require(rank <= most_extents && flags <= (rank > 0 ? 1u : 0u), what);
  c.skip(5, what);
  std::uint64_t elements = 1;
  std::array<std::uint64_t, most_extents> extents{};
  bool overflow = false, empty = false;
  for (std::uint64_t d = 0; d < rank; ++d) {
    extents[d] = c.number<8>(what);
    empty |= extents[d] == 0;
    // No zero may hide that the others do not fit.
    overflow |= __builtin_mul_overflow(elements, std::max<std::uint64_t>(1, extents[d]), &elements);
  }
  c.require(!overflow, "extents beyond 64 bits");
  for (std::uint64_t d = 0; d < rank && flags == 1; ++d)
    c.expect<8>(extents[d], "data that can grow");
  c.require(c.left() == 0, what);
  return empty ? 0 : elements;
}

// IV.A.2.d, version 1: the bytes of an element.
std::uint64_t datatype(byte_cursor c) {
  const char* const what = "another element type";
  const byte_cursor start = c;
  const std::uint64_t version_and_class = c.number<1>(what), bits = c.number<3>(what),
                      size = c.number<4>(what);
  if (version_and_class == 0x10) {  // integer: either byte order, signed or not, no padding
    start.require(
        (bits & ~std::uint64_t{0x9}) == 0 && (size == 1 || size == 2 || size == 4 || size == 8),
        what);
    c.expect<2>(0, what);
    c.expect<2>(8 * size, what);
  } else if (version_and_class == 0x11) {  // IEEE float32 or float64, either byte order
    const bool is_double = size == 8;
    start.require(
        (bits & ~std::uint64_t{1}) == (is_double ? 0x3f20u : 0x1f20u) && (is_double || size == 4),
        what);
    for (std::uint64_t property : {std::uint64_t{0}, 8 * size}) c.expect<2>(property, what);
    for (std::uint64_t property :
         is_double ? std::array{52u, 11u, 0u, 52u} : std::array{23u, 8u, 0u, 23u})
      c.expect<1>(property, what);
    c.expect<4>(is_double ? 1023 : 127, what);
  } else {  // string: ends with NUL or padded, ASCII or UTF-8
    start.require(version_and_class == 0x13 && (bits & 0xf) <= 2 && (bits >> 4) <= 1 && size > 0 &&
                      size <= longest_string,
                  what);
  }
  c.require(c.left() < 8, what);
  return size;
}

// IV.A.2.m, version 1.
void attribute(byte_cursor c) {
  const char* const what = "another kind of attribute";
  c.expect<1>(1, what);
  c.skip(1, what);
  const std::uint64_t name_size = c.number<2>(what), type_size = c.number<2>(what),
                      space_size = c.number<2>(what);
  const auto part = [&](std::uint64_t size) {
    byte_cursor whole = c.take(padded(size), what);
    return whole.take(size, what);
  };
  c.require(name(part(name_size)).size() + 1 == name_size && name_size > 1,
            "an attribute without a name");
  const std::uint64_t element_bytes = datatype(part(type_size)),
                      elements = dataspace(part(space_size));
  std::uint64_t bytes = 0;
  c.require(!__builtin_mul_overflow(elements, element_bytes, &bytes) && bytes > 0 &&
                bytes <= c.left() && c.left() - bytes < 8,
            "an attribute of another size than its message");
}

// IV.A.2.i, version 3, contiguous.
storage layout(byte_cursor c) {
  c.expect<1>(3, "another kind of layout");
  c.expect<1>(1, "chunked, compact or virtual data");
  const std::uint64_t address = c.number<8>("a cut layout");
  return {address, c.number<8>("a cut layout")};
}

// IV.A.2.f, version 2: no value.
void fill_value(byte_cursor c) {
  const char* const what = "another kind of fill value";
  c.expect<1>(2, what);
  c.require(c.number<1>(what) <= 3, what);
  c.require(c.number<1>(what) <= 2, what);
  c.expect<1>(1, what);
  c.expect<4>(0, what);
}

// ---- the walk

class walker {
 public:
  walker(std::span<const std::byte> image, const std::string& shown)
      : image_(image), shown_(shown) {}

  // II.A, version 0.
  void file() {
    const char* const what = "another file version";
    byte_cursor all(image_, 0, shown_, ours);
    byte_cursor start = all;
    all.skip(base, "no HDF5 file");
    all.expect("\x89HDF\r\n\x1a\n", "no HDF5 file");
    const std::string_view user_block(reinterpret_cast<const char*>(image_.data()), 8);
    // libhdf5 would take that for the start.
    start.require(user_block != "\x89HDF\r\n\x1a\n", "HDF5 in the place of the checksum header");
    all.expect(std::string_view("\0\0\0\0\0\x08\x08\0", 8), what);
    all.expect<2>(leaf_k, what);
    all.expect<2>(internal_k, what);
    all.expect<4>(0, what);
    all.expect<8>(base, "another base address");
    all.expect<8>(nowhere, "free space");
    all.expect<8>(image_.size(), "another file size than written");
    all.expect<8>(nowhere, "another driver");
    all.expect<8>(0, what);
    const std::string place = shown_ + ":/";
    piece(0, 96, place, what);
    entry(all, place, 0);
  }

 private:
  // A part of the file that nothing else has.
  byte_cursor piece(std::uint64_t address, std::uint64_t size, const std::string& place,
                    const char* what) {
    const byte_cursor all(image_, 0, place, ours);
    const std::uint64_t room = image_.size() - base;
    all.require(size > 0 && address <= room && size <= room - address, what);
    const auto next = pieces_.upper_bound(address);
    if ((next != pieces_.end() && next->first - address < size) ||
        (next != pieces_.begin() && std::prev(next)->second > address))
      throw input_error(place, std::string(what) + " in the place of something else", ours);
    if (pieces_.size() == most_pieces) throw input_error(place, "too many parts", ours);
    pieces_.emplace_hint(next, address, address + size);
    return {image_.subspan(base + address, size), base + address, place, ours};
  }

  // III.C, from the object header's address on.
  void entry(byte_cursor& c, const std::string& place, unsigned depth) {
    const char* const what = "another kind of link";
    const std::uint64_t header = c.number<8>(what), cached = c.number<4>(what);
    c.skip(4, what);
    byte_cursor scratch = c.take(16, what);
    if (cached == 2) throw input_error(place, "a link to elsewhere", "the data itself");
    c.require(cached == 1 || (cached == 0 && depth > 0), what);  // the root is a group
    const object o = read_object(header, place);
    if (cached == 1) {
      const std::uint64_t tree = scratch.number<8>(what);
      c.require(o.links == table{tree, scratch.number<8>(what)},
                "a link that does not fit its group");
    }
    if (o.links)
      walk_group(*o.links, place, depth);
    else if (o.data->bytes > 0)
      piece(o.data->address, o.data->bytes, place, "data");
  }

  // IV.A.1.a: what the messages say, which make up a whole group or dataset.
  object read_object(std::uint64_t address, const std::string& place) {
    const char* const what = "another kind of object header";
    byte_cursor prefix = piece(address, 16, place, what);
    prefix.expect<1>(1, what);
    prefix.skip(1, what);
    std::uint64_t messages = prefix.number<2>(what);
    prefix.expect<4>(1, "an object with several links");
    object o;
    std::deque<byte_cursor> blocks{piece(address + 16, prefix.number<4>(what), place, what)};
    for (std::size_t b = 0; b < blocks.size(); ++b)
      for (; blocks[b].left() > 0; --messages) {
        prefix.require(messages > 0, "more messages than announced");
        read_message(blocks[b], o, blocks, place);
      }
    prefix.require(messages == 0, "fewer messages than announced");
    check(o, prefix);
    return o;
  }

  void check(const object& o, const byte_cursor& header) {
    if (o.links)
      return header.require(!o.elements && !o.element_bytes && !o.data && !o.fill,
                            "a group with data");
    header.require(o.elements && o.element_bytes && o.data && o.fill,
                   "neither a group nor a dataset");
    std::uint64_t bytes = 0;
    const bool fits = !__builtin_mul_overflow(*o.elements, *o.element_bytes, &bytes);
    if (!fits || o.data->bytes != bytes || (bytes == 0) != (o.data->address == nowhere))
      header.refuse(std::to_string(o.data->bytes) + " stored bytes for " +
                    std::to_string(*o.elements) + " elements of " +
                    std::to_string(*o.element_bytes));
  }

  void read_message(byte_cursor& block, object& o, std::deque<byte_cursor>& blocks,
                    const std::string& place) {
    const char* const what = "a message that does not fit its block";
    const byte_cursor start = block;
    const std::uint64_t type = block.number<2>(what), size = block.number<2>(what);
    start.require(block.number<1>(what) <= 1, "a shared message");  // 1: constant
    block.skip(3, what);
    start.require(size % 8 == 0, what);
    byte_cursor body = block.take(size, what);
    const auto once = [&](const auto& member) {
      start.require(!member, "a second message of its kind");
    };
    switch (type) {
      case 0x00:  // nothing
        return;
      case 0x01:
        once(o.elements);
        o.elements = dataspace(body);
        return;
      case 0x03:
        once(o.element_bytes);
        o.element_bytes = datatype(body);
        return;
      case 0x05:
        once(o.fill);
        o.fill = true;
        return fill_value(body);
      case 0x08:
        once(o.data);
        o.data = layout(body);
        return;
      case 0x0c:
        return attribute(body);
      case 0x10: {  // IV.A.2.q
        const std::uint64_t address = body.number<8>(what);
        blocks.push_back(piece(address, body.number<8>(what), place, "a continuation"));
        return;
      }
      case 0x11: {  // IV.A.2.r
        once(o.links);
        const std::uint64_t tree = body.number<8>(what);
        o.links = table{tree, body.number<8>(what)};
        return;
      }
      case 0x12:  // IV.A.2.s
        return body.expect<1>(1, "another kind of time");
      default:
        start.refuse("a message of type " + std::to_string(type));
    }
  }

  // III.D: the data segment of a local heap.
  byte_cursor read_heap(std::uint64_t address, const std::string& place) {
    const char* const what = "another kind of heap";
    byte_cursor c = piece(address, 32, place, what);
    c.expect("HEAP", what);
    c.expect<1>(0, what);
    c.skip(3, what);
    const std::uint64_t size = c.number<8>(what), first_free = c.number<8>(what);
    c.require(size <= largest_heap, "too many names");
    const byte_cursor segment = piece(c.number<8>(what), size, place, "names");
    // The library follows the list of free blocks. Their sizes add up to no more than all, so the
    // list has an end.
    std::uint64_t free = 0;
    for (std::uint64_t at = first_free; at != 1;) {
      byte_cursor block = segment;
      block.require(at % 8 == 0 && at < size, "a free block outside of its heap");
      block.skip(at, what);
      const std::size_t room = block.left();
      at = block.number<8>(what);
      const std::uint64_t bytes = block.number<8>(what);
      block.require(bytes >= 16 && bytes <= room && bytes <= size - free,
                    "a free block that does not fit its heap");
      free += bytes;
    }
    return segment;
  }

  void walk_group(const table& links, const std::string& place, unsigned depth) {
    group g{place, read_heap(links.heap, place), depth};
    g.heap.require(depth < deepest, "groups too deep in groups");
    walk_tree(g, links.tree, std::nullopt);
    for (const group::node& last : g.last)
      g.heap.require(last.address == 0 || last.right == nowhere, "a B-tree that goes on");
  }

  static std::string_view name_in(const group& g, std::uint64_t offset) {
    byte_cursor rest = g.heap;
    rest.skip(offset, "a name outside of its heap");
    return name(rest);
  }

  // III.A.1, type 0. `level`: of a node that is not the top.
  void walk_tree(group& g, std::uint64_t address, std::optional<std::uint64_t> level) {
    const char* const what = "another kind of B-tree";
    byte_cursor c = piece(address, 24 + 8 * (4 * internal_k + 1), g.place, what);
    c.expect("TREE", what);
    c.expect<1>(0, what);
    const std::uint64_t at = c.number<1>(what), count = c.number<2>(what), left = c.number<8>(what),
                        right = c.number<8>(what);
    c.require(at == level.value_or(at) && at <= highest_level, "a B-tree node on another level");
    c.require(count <= 2 * internal_k && (count > 0 || !level), "a B-tree node of another size");
    group::node& last = g.last[at];
    c.require(last.address == 0 ? left == nowhere : left == last.address && last.right == address,
              "B-tree nodes out of order");
    last = {address, right};
    for (std::uint64_t i = 0; i < count; ++i) {
      name_in(g, c.number<8>(what));
      const std::uint64_t child = c.number<8>(what);
      at > 0 ? walk_tree(g, child, at - 1) : walk_symbols(g, child);
    }
    if (count > 0) name_in(g, c.number<8>(what));
  }

  // III.B
  void walk_symbols(group& g, std::uint64_t address) {
    const char* const what = "another kind of symbol node";
    byte_cursor c = piece(address, 8 + 2 * leaf_k * 40, g.place, what);
    c.expect("SNOD", what);
    c.expect<1>(1, what);
    c.skip(1, what);
    const std::uint64_t count = c.number<2>(what);
    c.require(count > 0 && count <= 2 * leaf_k, what);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string_view link = name_in(g, c.number<8>(what));
      c.require(link > g.last_name, "names out of order");  // none twice, and none empty
      g.last_name = link;
      entry(c, g.place + (g.place.ends_with('/') ? "" : "/") + std::string(link), g.depth + 1);
    }
  }

  std::span<const std::byte> image_;
  const std::string& shown_;
  std::map<std::uint64_t, std::uint64_t> pieces_;  // begin and end of what is taken
};

}  // namespace

void screen(std::span<const std::byte> image, const std::string& shown) {
  walker(image, shown).file();
}

}  // namespace bdh::hdf5
