#include "gpu_monitor.h"

#include <dlfcn.h>

#include <array>
#include <cstdio>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <type_traits>

namespace infernode {
namespace {

// The part of nvml.h that is used: the header is not everywhere that the library is. Its ABI is fixed by the versioned
// names.
using Device = struct NvmlDevice*;
struct Memory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};
struct Utilization {
  unsigned int gpu;
  unsigned int memory;
};
constexpr int kSuccess = 0;
constexpr int kTemperatureOfGpu = 0;
constexpr size_t kLongestText = 96;

class Library {
 public:
  explicit Library(const char* path) {
    void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      problem_ = dlerror();
      return;
    }
    bool complete = true;
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, name));
      complete = complete && function != nullptr;
    };
    int (*initialize)() = nullptr;
    find(initialize, "nvmlInit_v2");
    find(error_string_, "nvmlErrorString");
    find(count, "nvmlDeviceGetCount_v2");
    find(device, "nvmlDeviceGetHandleByIndex_v2");
    find(name, "nvmlDeviceGetName");
    find(uuid, "nvmlDeviceGetUUID");
    find(utilization, "nvmlDeviceGetUtilizationRates");
    find(memory, "nvmlDeviceGetMemoryInfo");
    find(temperature, "nvmlDeviceGetTemperature");
    find(power, "nvmlDeviceGetPowerUsage");
    if (!complete) {
      problem_ = std::string(path) + " lacks functions of NVML";
    } else if (const int status = initialize(); status != kSuccess) {
      problem_ = text_of(status);
    }
  }

  const std::string& problem() const { return problem_; }
  std::string text_of(int status) const { return error_string_(status); }

  int (*count)(unsigned int*) = nullptr;
  int (*device)(unsigned int, Device*) = nullptr;
  int (*name)(Device, char*, unsigned int) = nullptr;
  int (*uuid)(Device, char*, unsigned int) = nullptr;
  int (*utilization)(Device, Utilization*) = nullptr;
  int (*memory)(Device, Memory*) = nullptr;
  int (*temperature)(Device, int, unsigned int*) = nullptr;
  int (*power)(Device, unsigned int*) = nullptr;

 private:
  const char* (*error_string_)(int) = nullptr;
  std::string problem_;
};

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return result + '"';
}

std::string unavailable(const std::string& reason) {
  return R"({"gpus":[],"unavailable":)" + quoted(reason) + "}";
}

void describe(const Library& nvml, unsigned int index, Device device, std::ostringstream& json) {
  json << R"({"index":)" << index;
  std::array<char, kLongestText> text{};
  if (nvml.name(device, text.data(), text.size()) == kSuccess) json << R"(,"name":)" << quoted(text.data());
  if (nvml.uuid(device, text.data(), text.size()) == kSuccess) json << R"(,"uuid":)" << quoted(text.data());
  if (Utilization rates{}; nvml.utilization(device, &rates) == kSuccess) {
    json << R"(,"utilization":)" << rates.gpu / 100.0 << R"(,"memoryUtilization":)" << rates.memory / 100.0;
  }
  if (Memory memory{}; nvml.memory(device, &memory) == kSuccess) {
    json << R"(,"memoryUsedBytes":)" << memory.used << R"(,"memoryTotalBytes":)" << memory.total;
  }
  if (unsigned int degrees = 0; nvml.temperature(device, kTemperatureOfGpu, &degrees) == kSuccess) {
    json << R"(,"temperatureC":)" << degrees;
  }
  if (unsigned int milliwatts = 0; nvml.power(device, &milliwatts) == kSuccess) {
    json << R"(,"powerW":)" << milliwatts / 1000.0;
  }
  json << '}';
}

}  // namespace

std::string gpu_figures(const char* library) {
  static std::mutex mutex;
  static std::map<std::string, Library> opened;
  const std::lock_guard lock(mutex);
  const auto& nvml = opened.try_emplace(library, library).first->second;
  if (!nvml.problem().empty()) return unavailable(nvml.problem());
  unsigned int count = 0;
  if (const int status = nvml.count(&count); status != kSuccess) return unavailable(nvml.text_of(status));
  std::ostringstream json;
  json << R"({"gpus":[)";
  bool first = true;
  for (unsigned int index = 0; index < count; ++index) {
    Device device = nullptr;
    // One that fell off the bus must not hide the others.
    if (nvml.device(index, &device) != kSuccess) continue;
    if (!first) json << ',';
    first = false;
    describe(nvml, index, device, json);
  }
  json << "]}";
  return json.str();
}

}  // namespace infernode
