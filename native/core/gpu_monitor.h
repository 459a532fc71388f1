// What NVIDIA's driver tells of the GPUs, by its management library (NVML).
#pragma once

#include <string>

namespace infernode {

// Utilisation, memory, temperature and power of every GPU of the machine, whoever uses it:
//   {"gpus": [{"index", "name", "uuid", "utilization", "memoryUtilization", "memoryUsedBytes", "memoryTotalBytes",
//   "temperatureC", "powerW"}]}, utilisations from 0 to 1
// What a GPU does not tell is left out. Without the library, or where it fails: {"gpus": [], "unavailable": reason}.
// The library is opened at the first call, which may take a second, and stays open. Thread-safe.
std::string gpu_figures(const char* library = "libnvidia-ml.so.1");

}  // namespace infernode
