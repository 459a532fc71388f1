// What is done after a call on a GPU has failed.
#pragma once

#include <c10/core/Device.h>

namespace infernode::torch_backend {

// Waits for what the failed call still does, so that its memory can be used again, and gives cached memory back if
// there was too little. Call inside a catch block, with the device and the stream of the call current; rethrows the
// exception in flight, or BackendError INF_DEVICE_FAILED if the driver has given up this process's use of the device.
[[noreturn]] void recover_and_rethrow(const c10::Device& device);

}  // namespace infernode::torch_backend
