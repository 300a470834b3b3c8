// The part of pickle's language that the reader understands: its opcodes, and the only names that
// may occur. Internal to it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace bdh::pickle {

// Opcodes, named as in Python's pickletools. Those of protocols 0 and 1 that no torch.save writes
// are left out.
// clang-format off
enum opcode : std::uint8_t {
  op_proto = 0x80, op_frame = 0x95, op_stop = '.',
  op_mark = '(', op_pop = '0', op_pop_mark = '1', op_dup = '2',
  op_binget = 'h', op_long_binget = 'j', op_binput = 'q', op_long_binput = 'r', op_memoize = 0x94,
  op_none = 'N', op_true = 0x88, op_false = 0x89,
  op_binint = 'J', op_binint1 = 'K', op_binint2 = 'M',
  op_long1 = 0x8a, op_long4 = 0x8b, op_binfloat = 'G',
  op_short_binstring = 'U', op_binstring = 'T',
  op_short_binunicode = 0x8c, op_binunicode = 'X', op_binunicode8 = 0x8d,
  op_short_binbytes = 'C', op_binbytes = 'B', op_binbytes8 = 0x8e, op_bytearray8 = 0x96,
  op_empty_list = ']', op_append = 'a', op_appends = 'e', op_list = 'l',
  op_empty_tuple = ')', op_tuple = 't', op_tuple1 = 0x85, op_tuple2 = 0x86, op_tuple3 = 0x87,
  op_empty_dict = '}', op_dict = 'd', op_setitem = 's', op_setitems = 'u',
  op_empty_set = 0x8f, op_additems = 0x90, op_frozenset = 0x91,
  op_global = 'c', op_stack_global = 0x93, op_inst = 'i',
  op_reduce = 'R', op_build = 'b', op_binpersid = 'Q'
};
// clang-format on

inline bool is_storage(std::string_view name) {
  static constexpr std::string_view known[] = {
      "torch.FloatStorage",  "torch.HalfStorage",         "torch.BFloat16Storage",
      "torch.DoubleStorage", "torch.LongStorage",         "torch.IntStorage",
      "torch.ShortStorage",  "torch.CharStorage",         "torch.ByteStorage",
      "torch.BoolStorage",   "torch.ComplexFloatStorage", "torch.ComplexDoubleStorage"};
  return std::find(std::begin(known), std::end(known), name) != std::end(known);
}

inline bool is_element_type(std::string_view name) {
  static constexpr std::string_view known[] = {
      "torch.float32", "torch.float",  "torch.float16", "torch.half",     "torch.bfloat16",
      "torch.float64", "torch.double", "torch.int64",   "torch.int32",    "torch.int16",
      "torch.int8",    "torch.uint8",  "torch.bool",    "torch.complex64"};
  return std::find(std::begin(known), std::end(known), name) != std::end(known);
}

inline bool is_set(std::string_view name) {
  return name == "builtins.set" || name == "__builtin__.set";
}

inline bool is_callable(std::string_view name) {
  return name == "torch._utils._rebuild_tensor_v2" || name == "torch._utils._rebuild_parameter" ||
         name == "collections.OrderedDict" || name == "torch.Size" || name == "torch.device" ||
         is_set(name);
}

}  // namespace bdh::pickle
