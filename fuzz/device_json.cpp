// Any bytes as a device: every figure of one that is read lies in the range that Device promises.
#include <bit>
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "plan/device.h"

namespace {

bool in_range(const pliant::plan::Device& device) {
  return device.scratchpad_bytes > 0 && device.bandwidth_bytes_per_s > 0 && device.latency_s >= 0 &&
         device.alignment > 0 &&
         std::has_single_bit(static_cast<std::uint64_t>(device.alignment)) &&
         device.operations_per_s > 0 && device.energy_per_byte_j >= 0 &&
         device.energy_per_operation_j >= 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    if (!in_range(
            pliant::plan::device_from_json({reinterpret_cast<const char*>(data), size}, "fuzz")))
      std::abort();
  } catch (const pliant::Error&) {
  }
  return 0;
}
