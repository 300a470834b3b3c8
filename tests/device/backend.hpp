// The device that a program of agreement tests runs on.
#pragma once

#include <memory>
#include <string>

#include "gpu/device/device.hpp"

namespace tests {

enum class item_order { ascending, descending, scattered };  // must not matter; a GPU has its own

std::shared_ptr<bdh::gpu::device> fresh_device(item_order order);
std::string damage(const bdh::gpu::device& device);  // a buffer that was written past its ends,
                                                     // where that can be detected

}  // namespace tests
