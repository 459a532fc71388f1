#include "aoti_model.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <link.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "describe.h"
#include "error.h"
#include "json.h"

namespace infernode::torch_backend {

namespace {

namespace fs = std::filesystem;
using Loader = torch::inductor::AOTIModelPackageLoader;

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
Loader& load_package(const std::string& path, const at::Device& device) {
  static std::mutex mutex;
  static auto& packages = *std::make_unique<std::map<std::string, std::unique_ptr<Loader>>>().release();
  struct stat file {};
  if (stat(path.c_str(), &file) != 0) throw BackendError(INF_MODEL_INVALID, path + " cannot be read");
  std::ostringstream key;
  key << device << ' ' << file.st_dev << ' ' << file.st_ino << ' ' << file.st_size << ' ' << file.st_mtim.tv_sec << ' '
      << file.st_mtim.tv_nsec;
  // One after the other: an unpacked folder is removed when the load that made it has ended.
  const std::lock_guard lock(mutex);
  auto& slot = packages[key.str()];
  if (slot == nullptr) {
    // Several runners let several executors share the weights; each costs only its own scratch memory, made on first
    // use.
    constexpr size_t kRunners = 4;
    slot = std::make_unique<Loader>(path, "model", false, kRunners, device.has_index() ? device.index() : -1);
    // Kernels for a GPU are read when they first run.
    if (device.is_cpu()) remove_unpacked_files();
  }
  return *slot;
}

}  // namespace

AotiModel::AotiModel(const inf_load_options& options)
    : device_(options.device), loader_(load_package(options.path, device_)) {
  ParameterCount parameters;
  for (const auto& [name, tensor] : loader_.get_runner()->extract_constants_map(false)) {
    count_tensor(tensor, parameters);
  }
  bytes_ = parameters.bytes;
  const auto spec = loader_.get_call_spec();
  JsonWriter json;
  json.begin_object();
  json.key("inputSpec").value(spec.empty() ? "" : spec[0]);
  json.key("outputSpec").value(spec.size() < 2 ? "" : spec[1]);
  json.key("device").value(options.device);
  json.key("parameters");
  write_parameters(json, parameters);
  json.key("metadata").begin_object();
  for (const auto& [name, value] : loader_.get_metadata()) json.key(name).value(value);
  json.end_object();
  json.end_object();
  description_ = json.text();
}

std::unique_ptr<Result> AotiModel::run(uint32_t method, const inf_value* arguments, size_t count) {
  if (method != 0) throw BackendError(INF_METHOD_UNKNOWN, "An AOTInductor package has no method besides forward");
  const c10::InferenceMode inference;
  std::vector<at::Tensor> inputs;
  inputs.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (arguments[i].kind != INF_KIND_TENSOR) {
      throw BackendError(INF_INPUT_TYPE, "Input " + std::to_string(i) + " of an AOTInductor package must be a tensor");
    }
    // Mutation of inputs is compiled into the package and cannot be seen, so it gets its own memory.
    inputs.push_back(to_tensor(arguments[i].tensor, device_, true));
  }
  auto outputs = loader_.run(inputs);
  inputs.clear();
  std::vector<std::string> names;
  for (size_t i = 0; i < outputs.size(); ++i) names.push_back("output." + std::to_string(i));
  return std::make_unique<Result>(std::move(names), std::move(outputs));
}

}  // namespace infernode::torch_backend
