#include "devices.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <algorithm>
#include <string>

#include "cuda/cuda_runner.h"
#include "cuda/device_errors.h"
#include "error.h"

namespace infernode::torch_backend {
namespace {

struct Found {
  int count = 0;
  std::string problem;  // why there is none
};

Found find_gpus() {
  Found found;
  const auto error = cudaGetDeviceCount(&found.count);
  if (error != cudaSuccess) {
    static_cast<void>(cudaGetLastError());
    int driver = 0;
    // CUDA calls a driver that is not there one that is too old.
    const bool missing = cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0;
    return {0, missing ? "there is no NVIDIA driver on this machine" : cudaGetErrorString(error)};
  }
  if (found.count == 0) found.problem = "the driver shows no GPU to this process";
  return found;
}

// 13000 is 13.0.
std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// "9.24.0"; empty if there is no cuDNN. It is asked itself, for libtorch has named its own function otherwise from
// version to version.
std::string cudnn_version() {
  using Version = size_t (*)();
  const auto version = reinterpret_cast<Version>(dlsym(RTLD_DEFAULT, "cudnnGetVersion"));
  if (version == nullptr) return "";
  const size_t number = version();
  const size_t major = number >= 90000 ? 10000 : 1000;
  return std::to_string(number / major) + "." + std::to_string(number % major / 100) + "." +
         std::to_string(number % 100);
}

void describe_gpu(JsonWriter& json, int index) {
  cudaDeviceProp properties{};
  json.begin_object().key("device").value("cuda:" + std::to_string(index));
  if (cudaGetDeviceProperties(&properties, index) == cudaSuccess) {
    json.key("name").value(properties.name);
    json.key("memoryBytes").value(static_cast<int64_t>(properties.totalGlobalMem));
    json.key("capability").value(std::to_string(properties.major) + "." + std::to_string(properties.minor));
  }
  json.end_object();
}

void limit_memory(const at::Device& device, int64_t bytes) {
  if (bytes <= 0) return;
  size_t free = 0;
  size_t total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  const double share = std::min(1.0, static_cast<double>(bytes) / static_cast<double>(total));
  c10::cuda::CUDACachingAllocator::setMemoryFraction(share, device.index());
}

}  // namespace

void initialize_devices() {
  // Finds the fastest algorithm for each shape. Batches that are filled up to few sizes have few shapes.
  at::globalContext().setBenchmarkCuDNN(true);
}

std::string device_names() {
  std::string list = "cpu";
  const int count = find_gpus().count;
  for (int i = 0; i < count; ++i) list += ",cuda:" + std::to_string(i);
  return list;
}

void describe_devices(JsonWriter& json) {
  const auto found = find_gpus();
  int driver = 0;
  int runtime = 0;
  static_cast<void>(cudaDriverGetVersion(&driver));
  static_cast<void>(cudaRuntimeGetVersion(&runtime));
  json.key("cuda").begin_object();
  json.key("built").value(version_text(CUDART_VERSION));
  json.key("runtime").value(version_text(runtime));
  json.key("driver").value(driver == 0 ? "none" : version_text(driver));
  json.key("cudnn").value(cudnn_version());
  if (!found.problem.empty()) json.key("unavailable").value(found.problem);
  json.key("gpus").begin_array();
  for (int i = 0; i < found.count; ++i) describe_gpu(json, i);
  json.end_array().end_object();
}

void prepare_device(const at::Device& device, int64_t memory_limit) {
  if (device.is_cpu()) return;
  const auto refuse = [&](const std::string& why) {
    throw BackendError(INF_DEVICE_UNAVAILABLE, "Device " + device.str() + " is not available: " + why);
  };
  if (!device.is_cuda()) refuse("the torch backend has the CPU and CUDA");
  const auto found = find_gpus();
  if (found.count == 0) refuse(found.problem);
  if (device.index() >= found.count) refuse("there are " + std::to_string(found.count) + ", counted from cuda:0");
  try {
    const c10::cuda::CUDAGuard guard(device);
    // A libtorch without kernels for this GPU fails here, not in the first call.
    at::ones({1}, at::TensorOptions().device(device)).add_(1).cpu();
    limit_memory(device, memory_limit);
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    refuse(text.substr(0, text.find('\n')));
  }
}

void on_device(const at::Device& device, c10::function_ref<void()> body) {
  if (device.is_cpu()) return body();
  auto& context = StreamContext::current(device.index());
  const c10::cuda::CUDAStreamGuard on_stream(context.stream());
  try {
    body();
    context.stream().synchronize();
  } catch (...) {
    recover_and_rethrow(device);
  }
}

std::unique_ptr<DeviceRunner> make_runner(const at::Device& device, const DeviceUse& use) {
  if (device.is_cpu()) return std::make_unique<HostRunner>();
  return std::make_unique<CudaRunner>(device, use);
}

void trim_devices() {
  try {
    c10::cuda::CUDACachingAllocator::emptyCache();
  } catch (const c10::Error&) {
    // Memory that stays cached is used again by the next model.
  }
}

}  // namespace infernode::torch_backend
