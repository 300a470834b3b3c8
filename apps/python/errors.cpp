#include <bdh/error.hpp>

#include "apps/python/module.hpp"

namespace bdh::python {
namespace {

namespace nb = nanobind;

const char* class_of(error_kind kind) {
  switch (kind) {
    case error_kind::shape:
      return "ShapeError";
    case error_kind::device:
      return "DeviceError";
    case error_kind::unavailable:
      return "UnavailableError";
    case error_kind::input:
      break;
  }
  return "InputError";
}

// File names and texts of users may be no UTF-8.
nb::object as_text(const std::string& text) {
  return nb::steal(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace"));
}

void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const error& e) {
    const nb::object type = nb::module_::import_("bdhsim._errors").attr(class_of(e.kind()));
    const nb::object made =
        type(as_text(e.place()), as_text(e.found()), as_text(e.expected()), as_text(e.hint()));
    PyErr_SetObject(type.ptr(), made.ptr());
  }
}

}  // namespace

void add_errors(nb::module_&) { nb::register_exception_translator(translate); }

}  // namespace bdh::python
