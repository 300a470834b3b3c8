#include "device/backend.hpp"
#include "support/fake_device.hpp"

namespace tests {

std::shared_ptr<bdh::gpu::device> fresh_device(item_order order) {
  return fresh_fake_device(order);
}
std::shared_ptr<fake_device> fresh_fake_device(item_order order, std::size_t memory) {
  return std::make_shared<fake_device>(memory, order);
}

std::string damage(const bdh::gpu::device& device) {
  return dynamic_cast<const fake_device&>(device).damage();
}

}  // namespace tests
