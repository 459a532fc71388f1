// A library with the functions of NVIDIA's, for a machine with two GPUs, the second of which tells little.
// INFERNODE_TEST_NVML=broken makes it fail to start.
#include <cstdlib>
#include <cstring>

struct Memory {
  unsigned long long total, free, used;
};
struct Utilization {
  unsigned int gpu, memory;
};
using Device = const int*;

namespace {
constexpr int kGpus[] = {0, 1, 2};
constexpr int kNotSupported = 3;
constexpr int kLost = 15;
}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT int nvmlInit_v2() {
  const char* mode = std::getenv("INFERNODE_TEST_NVML");
  return mode != nullptr && std::strcmp(mode, "broken") == 0 ? 9 : 0;
}
EXPORT const char* nvmlErrorString(int status) {
  return status == 9 ? "Driver Not Loaded" : "Other";
}
EXPORT int nvmlDeviceGetCount_v2(unsigned int* count) {
  *count = 3;
  return 0;
}
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned int index, Device* device) {
  *device = &kGpus[index];
  return index == 1 ? kLost : 0;
}
EXPORT int nvmlDeviceGetName(Device device, char* name, unsigned int size) {
  std::strncpy(name, *device == 0 ? "Test \"GPU\"" : "Old GPU", size);
  return 0;
}
EXPORT int nvmlDeviceGetUUID(Device device, char* uuid, unsigned int size) {
  std::strncpy(uuid, "GPU-0", size);
  return *device == 0 ? 0 : kNotSupported;
}
EXPORT int nvmlDeviceGetUtilizationRates(Device device, Utilization* rates) {
  *rates = {75, 30};
  return *device == 0 ? 0 : kNotSupported;
}
EXPORT int nvmlDeviceGetMemoryInfo(Device device, Memory* memory) {
  *memory = {85899345920ULL, 80000000000ULL, 5899345920ULL};
  return *device == 0 ? 0 : kNotSupported;
}
EXPORT int nvmlDeviceGetTemperature(Device device, int sensor, unsigned int* degrees) {
  *degrees = sensor == 0 ? 41 + static_cast<unsigned>(*device) : 0;
  return 0;
}
EXPORT int nvmlDeviceGetPowerUsage(Device device, unsigned int* milliwatts) {
  *milliwatts = 250500;
  return *device == 0 ? 0 : kNotSupported;
}
