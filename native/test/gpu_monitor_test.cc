// What is made of the answers of NVIDIA's library, by one that stands in for it. Usage: gpu_monitor_test LIBRARY
// [broken]
#include "gpu_monitor.h"

#include <cstdlib>
#include <string>

#include "check.h"

namespace {

using infernode::gpu_figures;
using infernode::test::check;

void figures_are_read(const char* library) {
  const std::string first =
      R"({"index":0,"name":"Test \"GPU\"","uuid":"GPU-0","utilization":0.75,"memoryUtilization":0.3,)"
      R"("memoryUsedBytes":5899345920,"memoryTotalBytes":85899345920,"temperatureC":41,"powerW":250.5})";
  const std::string last = R"({"index":2,"name":"Old GPU","temperatureC":43})";
  const auto figures = gpu_figures(library);
  check(figures == R"({"gpus":[)" + first + "," + last + "]}", "what each GPU tells is read: " + figures);
}

void a_driver_that_does_not_start_says_why(const char* library) {
  const auto figures = gpu_figures(library);
  check(figures == R"({"gpus":[],"unavailable":"Driver Not Loaded"})", "the driver's reason: " + figures);
}

void without_the_library_there_are_none() {
  const auto figures = gpu_figures("libinfernode-not-there.so");
  check(figures.starts_with(R"({"gpus":[],"unavailable":"libinfernode-not-there.so: )"), "the reason: " + figures);
  const auto other = gpu_figures("libm.so.6");
  check(other == R"({"gpus":[],"unavailable":"libm.so.6 lacks functions of NVML"})", "another library: " + other);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  if (argc > 2) {
    a_driver_that_does_not_start_says_why(argv[1]);
  } else {
    figures_are_read(argv[1]);
    without_the_library_there_are_none();
  }
  return infernode::test::report("gpu monitor");
}
