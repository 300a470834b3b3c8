#include "device/backend.hpp"
#include "support/fake_device.hpp"

namespace tests {

std::shared_ptr<bdh::gpu::device> fresh_device(item_order order) {
  return std::make_shared<fake_device>(std::size_t{1} << 32, order);
}

std::string damage(const bdh::gpu::device& device) {
  return dynamic_cast<const fake_device&>(device).damage();
}

}  // namespace tests
