#include "aoti_model.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <link.h>
#include <sys/stat.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <semaphore>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "describe.h"
#include "devices.h"
#include "error.h"
#include "json.h"

namespace infernode::torch_backend {

// One for all models of its file and device in the process.
struct AotiPackage {
  // A runner on a GPU only hands its work over, so one serves all streams; and only without libtorch's own locks and
  // events can it be recorded as a graph.
  AotiPackage(const std::string& path, const at::Device& on, size_t runners)
      : device(on),
        loader(path, "model", device.is_cuda(), runners, device.has_index() ? device.index() : -1),
        free_runners(static_cast<ptrdiff_t>(runners)) {
    // Before the first run, which folds constants and would write to the map that this reads.
    for (const auto& [name, tensor] : loader.get_runner()->extract_constants_map(false)) {
      count_tensor(tensor, parameters);
    }
  }

  // On several threads at once.
  std::vector<at::Tensor> run(const std::vector<at::Tensor>& inputs) {
    free_runners.acquire();
    struct Release {
      std::counting_semaphore<>& runners;
      ~Release() { runners.release(); }
    } const release{free_runners};
    if (device.is_cpu() || ran) return loader.run(inputs);
    std::vector<at::Tensor> outputs;
    // The first run folds constants, which other streams must not see half done.
    on_device(device, [&] { outputs = loader.run(inputs); });
    ran = true;
    return outputs;
  }

  at::Device device;
  bool ran = false;  // on a GPU, guarded by its only runner
  torch::inductor::AOTIModelPackageLoader loader;
  ParameterCount parameters;
  // libtorch makes a call wait for a runner too, but a runner whose call has failed does not wake it.
  std::counting_semaphore<> free_runners;
};

namespace {

namespace fs = std::filesystem;

// libtorch unpacks a package into a folder of its own, which a process that is killed leaves behind. A library that is
// loaded needs its file no more.
void remove_unpacked_files() {
  std::vector<std::string> libraries;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t /*size*/, void* list) {
        static_cast<std::vector<std::string>*>(list)->emplace_back(info->dlpi_name);
        return 0;
      },
      &libraries);
  for (const auto& library : libraries) {
    const auto name = library.find("/aotinductor_");
    if (name == std::string::npos) continue;
    std::error_code ignored;
    fs::remove_all(library.substr(0, library.find('/', name + 1)), ignored);
  }
}

// Packages by file and device. A loaded package cannot be unloaded: libtorch keeps its library, and the library has
// symbols that forbid it. So a package that is loaded again is the one that is there, and none is ever destroyed.
AotiPackage& load_package(const std::string& path, const at::Device& device) {
  static std::mutex mutex;
  static auto& packages = *std::make_unique<std::map<std::string, std::unique_ptr<AotiPackage>>>().release();
  struct stat file {};
  if (stat(path.c_str(), &file) != 0) throw BackendError(INF_MODEL_INVALID, path + " cannot be read");
  std::ostringstream key;
  key << device << ' ' << file.st_dev << ' ' << file.st_ino << ' ' << file.st_size << ' ' << file.st_mtim.tv_sec << ' '
      << file.st_mtim.tv_nsec;
  // One after the other: an unpacked folder is removed when the load that made it has ended.
  const std::lock_guard lock(mutex);
  auto& slot = packages[key.str()];
  if (slot == nullptr) {
    // Runners let executors share the weights; each costs only its own scratch memory, made on first use. How many
    // there are cannot change later; more than cores would gain nothing.
    const size_t runners = device.is_cpu() ? std::max(4U, std::thread::hardware_concurrency()) : 1;
    slot = std::make_unique<AotiPackage>(path, device, runners);
    if (device.is_cpu()) {
      remove_unpacked_files();
    } else {
      // Kernels for a GPU are read when they first run.
      static const bool at_exit = std::atexit(remove_unpacked_files) == 0;
      static_cast<void>(at_exit);
    }
  }
  return *slot;
}

}  // namespace

AotiModel::AotiModel(const inf_load_options& options)
    : device_(options.device),
      package_(load_package(options.path, device_)),
      runner_(make_runner(device_, {options.graphs != 0, false})) {
  uses_gpu_ = !device_.is_cpu();
  bytes_ = package_.parameters.bytes;
  const auto spec = package_.loader.get_call_spec();
  JsonWriter json;
  json.begin_object();
  json.key("inputSpec").value(spec.empty() ? "" : spec[0]);
  json.key("outputSpec").value(spec.size() < 2 ? "" : spec[1]);
  json.key("device").value(options.device);
  json.key("parameters");
  write_parameters(json, package_.parameters);
  json.key("metadata").begin_object();
  for (const auto& [name, value] : package_.loader.get_metadata()) json.key(name).value(value);
  json.end_object();
  json.end_object();
  description_ = json.text();
}

std::unique_ptr<Result> AotiModel::run(uint32_t method, const inf_value* arguments, size_t count) {
  if (method != 0) throw BackendError(INF_METHOD_UNKNOWN, "An AOTInductor package has no method besides forward");
  const c10::InferenceMode inference;
  const auto compute = [&](TensorPlace& place) -> c10::IValue {
    std::vector<at::Tensor> inputs;
    inputs.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      if (arguments[i].kind != INF_KIND_TENSOR) {
        throw BackendError(INF_INPUT_TYPE,
                           "Input " + std::to_string(i) + " of an AOTInductor package must be a tensor");
      }
      // Mutation of inputs is compiled into the package and cannot be seen, so it gets its own memory.
      inputs.push_back(place.place(arguments[i].tensor, true));
    }
    return package_.run(inputs);
  };
  auto outputs = runner_->run({method, arguments, count}, compute).toTensorVector();
  std::vector<std::string> names;
  for (size_t i = 0; i < outputs.size(); ++i) names.push_back("output." + std::to_string(i));
  return std::make_unique<Result>(std::move(names), std::move(outputs));
}

}  // namespace infernode::torch_backend
