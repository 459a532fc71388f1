#include "devices.h"
#include "error.h"

namespace infernode::torch_backend {
namespace {

constexpr const char* WITHOUT_CUDA =
    "this torch backend was built without CUDA; with a libtorch that has CUDA, \"npx infernode build\" builds one with "
    "it";

}  // namespace

void initialize_devices() {}

std::string device_names() {
  return "cpu";
}

void describe_devices(JsonWriter& json) {
  json.key("cuda").begin_object();
  json.key("unavailable").value(WITHOUT_CUDA);
  json.end_object();
}

void prepare_device(const at::Device& device, int64_t /*memory_limit*/) {
  if (device.is_cpu()) return;
  throw BackendError(INF_DEVICE_UNAVAILABLE, "Device " + device.str() + " is not available: " + WITHOUT_CUDA);
}

void on_device(const at::Device& /*device*/, c10::function_ref<void()> body) {
  body();
}

std::unique_ptr<DeviceRunner> make_runner(const at::Device& /*device*/, const DeviceUse& /*use*/) {
  return std::make_unique<HostRunner>();
}

void trim_devices() {}

}  // namespace infernode::torch_backend
