// The part of pickle's language that the reader understands: its opcodes, and the names that have a
// meaning for it. Internal to it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace bdh::pickle {

// Opcodes, named as in Python's pickletools. The textual ones of protocol 0, which no torch.save
// writes, are left out.
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
  op_reduce = 'R', op_build = 'b', op_newobj = 0x81, op_newobj_ex = 0x92, op_obj = 'o',
  op_binpersid = 'Q'
};
// clang-format on

namespace names {

template <std::size_t N>
bool among(const std::string_view (&known)[N], std::string_view name) {
  return std::find(std::begin(known), std::end(known), name) != std::end(known);
}

}  // namespace names

// "torch.FloatStorage", and the bytes that newer programs interpret by the tensor's own type.
inline bool is_untyped_storage(std::string_view name) {
  return name == "torch.storage.UntypedStorage" || name == "torch.UntypedStorage";
}
inline bool is_storage(std::string_view name) {
  return is_untyped_storage(name) || (name.starts_with("torch.") && name.ends_with("Storage"));
}

inline bool is_set(std::string_view name) {
  static constexpr std::string_view known[] = {"builtins.set", "__builtin__.set",
                                               "builtins.frozenset", "__builtin__.frozenset"};
  return names::among(known, name);
}

inline bool is_dictionary(std::string_view name) {
  static constexpr std::string_view known[] = {"collections.OrderedDict", "collections.defaultdict",
                                               "collections.Counter", "builtins.dict",
                                               "__builtin__.dict"};
  return names::among(known, name);
}

inline bool is_list(std::string_view name) {
  static constexpr std::string_view known[] = {"builtins.list", "__builtin__.list",
                                               "builtins.tuple", "__builtin__.tuple", "torch.Size"};
  return names::among(known, name);
}

inline bool is_byte_array(std::string_view name) {
  return name == "builtins.bytearray" || name == "__builtin__.bytearray" ||
         name == "builtins.bytes" || name == "__builtin__.bytes";
}

// Functions that run a command, load a module or read a file: a pickle that has one is no
// checkpoint.
inline bool is_attack(std::string_view name) {
  static constexpr std::string_view modules[] = {
      "os.",  "posix.",  "nt.",        "subprocess.", "sys.",        "shutil.", "runpy.",
      "pty.", "socket.", "importlib.", "ctypes.",     "webbrowser.", "pickle.", "_pickle.",
      "pip.", "pdb.",    "commands.",  "torch.hub.",  "marshal.",    "imp."};
  static constexpr std::string_view builtins[] = {"eval", "exec",  "execfile",   "compile",
                                                  "open", "apply", "breakpoint", "__import__"};
  static constexpr std::string_view loaders[] = {"torch.storage._load_from_bytes", "torch.load"};
  if (names::among(loaders, name)) return true;
  if (std::any_of(std::begin(modules), std::end(modules),
                  [&](std::string_view module) { return name.starts_with(module); }))
    return true;
  for (const std::string_view prefix : {"builtins.", "__builtin__."})
    if (name.starts_with(prefix) && names::among(builtins, name.substr(prefix.size()))) return true;
  return false;
}

}  // namespace bdh::pickle
