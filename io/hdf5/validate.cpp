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

#include <bdh/error.hpp>

#include "io/files/byte_cursor.hpp"
#include "io/hdf5/validate_messages.hpp"

namespace bdh::hdf5 {
namespace {

constexpr std::uint64_t base = 512;  // addresses count from behind the user block
constexpr std::uint64_t nowhere = ~std::uint64_t{0};
// HDF5's defaults: entries of a symbol node and children of a B-tree node, halved.
constexpr std::uint64_t leaf_k = 4, internal_k = 16;
constexpr std::uint64_t highest_level = 4;                      // of a B-tree: 32^5 symbol nodes
constexpr std::uint64_t largest_heap = std::uint64_t{1} << 24;  // of the names in a group
constexpr unsigned deepest = 8;                                 // groups in groups; ours go to 3
constexpr std::size_t most_pieces = 1000000;                    // a state has about 15 a layer

// What a group's symbol table message points to.
struct table {
  std::uint64_t tree, heap;
  bool operator==(const table&) const = default;
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
  // Of each level; address 0 while there is none, which is the superblock's.
  std::array<node, highest_level + 1> last = {};
};

class validator {
 public:
  validator(std::span<const std::byte> image, const std::string& shown)
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
        o.elements = element_count(body);
        return;
      case 0x03:
        once(o.element_bytes);
        o.element_bytes = element_size(body);
        return;
      case 0x05:
        once(o.fill);
        o.fill = true;
        return expect_no_fill_value(body);
      case 0x08:
        once(o.data);
        o.data = contiguous_storage(body);
        return;
      case 0x0c:
        return expect_attribute(body);
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
    return link_name(rest);
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

void validate(std::span<const std::byte> image, const std::string& shown) {
  validator(image, shown).file();
}

}  // namespace bdh::hdf5
