#include "io/hdf5/driver.hpp"

#include <fcntl.h>
#include <hdf5.h>
#include <sys/stat.h>
#include <unistd.h>
#if __has_include(<H5FDdevelop.h>)
#include <H5FDdevelop.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include <bdh/error.hpp>

#include "io/files/errno_error.hpp"

namespace bdh::hdf5 {
namespace {

// HDF5 wants its own part first.
struct driver_file {
  H5FD_t base;
  output* to;
  haddr_t eoa;
};

driver_file* as_ours(H5FD_t* f) { return reinterpret_cast<driver_file*>(f); }
const driver_file* as_ours(const H5FD_t* f) { return reinterpret_cast<const driver_file*>(f); }

H5FD_t* open_driver(const char*, unsigned, hid_t access, haddr_t) {
  const auto* to = static_cast<output* const*>(H5Pget_driver_info(access));
  if (to == nullptr || *to == nullptr) return nullptr;
  auto* f = new (std::nothrow) driver_file{};
  if (f == nullptr) return nullptr;
  f->to = *to;
  return &f->base;
}

herr_t close_driver(H5FD_t* f) {
  delete as_ours(f);
  return 0;
}

herr_t query(const H5FD_t*, unsigned long* flags) {
  if (flags != nullptr)
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA;
  return 0;
}

haddr_t end_of_addresses(const H5FD_t* f, H5FD_mem_t) { return as_ours(f)->eoa; }

herr_t set_end_of_addresses(H5FD_t* f, H5FD_mem_t, haddr_t to) {
  as_ours(f)->eoa = to;
  return 0;
}

haddr_t end_of_file(const H5FD_t* f, H5FD_mem_t) { return as_ours(f)->to->end; }

herr_t read_driver(H5FD_t* f, H5FD_mem_t, hid_t, haddr_t at, size_t size, void* to) {
  as_ours(f)->to->read(at, static_cast<std::byte*>(to), size);
  return 0;
}

herr_t write_driver(H5FD_t* f, H5FD_mem_t, hid_t, haddr_t at, size_t size, const void* from) {
  as_ours(f)->to->write(at, static_cast<const std::byte*>(from), size);
  return 0;
}

herr_t truncate_driver(H5FD_t* f, hid_t, hbool_t) {
  if (as_ours(f)->to->end != as_ours(f)->eoa) as_ours(f)->to->truncate(as_ours(f)->eoa);
  return 0;
}

H5FD_class_t driver_class() {
  H5FD_class_t c{};
#ifdef H5FD_CLASS_VERSION
  c.version = H5FD_CLASS_VERSION;
  c.value = static_cast<H5FD_class_value_t>(600);  // in the range left to users
#endif
  c.name = "bdh";
  c.maxaddr = (haddr_t{1} << 62);
  c.fc_degree = H5F_CLOSE_STRONG;
  c.fapl_size = sizeof(output*);
  c.open = open_driver;
  c.close = close_driver;
  c.query = query;
  c.get_eoa = end_of_addresses;
  c.set_eoa = set_end_of_addresses;
  c.get_eof = end_of_file;
  c.read = read_driver;
  c.write = write_driver;
  c.truncate = truncate_driver;
  const H5FD_mem_t map[] = H5FD_FLMAP_DICHOTOMY;
  std::copy(std::begin(map), std::end(map), std::begin(c.fl_map));
  return c;
}

}  // namespace

output::output(const std::filesystem::path& path)
    : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
  if (descriptor_ >= 0) return;
  if (errno == EEXIST) throw input_error(path.string(), "a file that exists", "a new name");
  throw_errno(path, errno, "cannot be created");
}

output::~output() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void output::fail() noexcept {
  if (error == 0) error = errno != 0 ? errno : EIO;
}

void output::put(std::uint64_t offset, const std::byte* from, std::size_t size) noexcept {
  while (error == 0 && size != 0) {
    const ssize_t done = ::pwrite(descriptor_, from, size, static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return fail();
    from += done;
    offset += static_cast<std::uint64_t>(done);
    size -= static_cast<std::size_t>(done);
  }
}

void output::write(std::uint64_t offset, const std::byte* from, std::size_t size) noexcept {
  end = std::max(end, offset + size);
  if (error != 0) return;
  if (offset >= committed_) return put(offset, from, size);
  try {
    // The newest overwrite of a place wins; most are of the same few blocks of metadata.
    const auto same = std::find_if(held_.begin(), held_.end(), [&](const piece& p) {
      return p.offset == offset && p.bytes.size() == size;
    });
    if (same != held_.end()) held_.erase(same);
    held_.push_back({offset, std::vector<std::byte>(from, from + size)});
  } catch (const std::bad_alloc&) {
    errno = ENOMEM;
    fail();
  }
}

void output::read(std::uint64_t offset, std::byte* to, std::size_t size) noexcept {
  std::memset(to, 0, size);
  for (std::size_t done = 0; done < size;) {
    const ssize_t got =
        ::pread(descriptor_, to + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail();
    if (got == 0) break;  // behind the end: zeros, as HDF5 expects
    done += static_cast<std::size_t>(got);
  }
  for (const piece& p : held_) {
    const std::uint64_t first = std::max(offset, p.offset),
                        last = std::min(offset + size, p.offset + p.bytes.size());
    if (first < last)
      std::memcpy(to + (first - offset), p.bytes.data() + (first - p.offset), last - first);
  }
}

void output::truncate(std::uint64_t size) noexcept {
  end = size;
  if (error == 0 && ::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) fail();
}

void output::commit(bool sync) noexcept {
  if (sync && error == 0 && ::fsync(descriptor_) != 0) fail();
  for (const piece& p : held_) put(p.offset, p.bytes.data(), p.bytes.size());
  if (sync && !held_.empty() && error == 0 && ::fsync(descriptor_) != 0) fail();
  held_.clear();
  if (error == 0) committed_ = end;
}

std::int64_t access_through(output& to) noexcept {
  static const H5FD_class_t driver = driver_class();
  static const hid_t driver_id = H5FDregister(&driver);
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  const output* const where = &to;
  if (access >= 0 && H5Pset_driver(access, driver_id, &where) >= 0) return access;
  if (access >= 0) H5Pclose(access);
  return -1;
}

}  // namespace bdh::hdf5
