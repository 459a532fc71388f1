// The torch backend's side of the C boundary: the table of functions and nothing else.
#include "infernode/backend.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/util/Exception.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/headeronly/version.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "aoti_model.h"
#include "devices.h"
#include "error.h"
#include "json.h"
#include "observed_model.h"
#include "torchscript_model.h"

namespace infernode::torch_backend {
namespace {

const char* engine_name(at::QEngine engine) {
  switch (engine) {
    case at::QEngine::X86:
      return "x86";
    case at::QEngine::FBGEMM:
      return "fbgemm";
    case at::QEngine::QNNPACK:
      return "qnnpack";
    case at::QEngine::ONEDNN:
      return "onednn";
    default:
      return nullptr;
  }
}

// Quantized weights are packed for one engine when a file is loaded, and without an engine they cannot be loaded at
// all.
void choose_quantized_engine() {
  const auto& supported = at::globalContext().supportedQEngines();
  for (const auto engine : {at::QEngine::X86, at::QEngine::FBGEMM, at::QEngine::QNNPACK}) {
    if (std::find(supported.begin(), supported.end(), engine) != supported.end()) {
      at::globalContext().setQEngine(engine);
      return;
    }
  }
}

// A library must not write to its user's terminal. What a warning tells is no news to someone who runs a finished
// model.
class SilentWarnings final : public c10::WarningHandler {
 public:
  void process(const c10::Warning& /*warning*/) override {}
};

void silence_warnings() {
  static SilentWarnings handler;
  c10::WarningUtils::set_warning_handler(&handler);
}

// The version of the libtorch that is loaded, which may be newer than the headers.
std::string runtime_version() {
  const auto version = aoti_torch_abi_version();
  return std::to_string(version >> 56) + "." + std::to_string((version >> 48) & 0xff) + "." +
         std::to_string((version >> 40) & 0xff);
}

// C++ libraries of another minor version load and then misbehave, for their classes are laid out differently.
void check_version() {
  const auto version = aoti_torch_abi_version();
  if ((version >> 48) == (TORCH_ABI_VERSION >> 48)) return;
  throw BackendError(INF_INTERNAL, "the torch backend was built for libtorch " TORCH_VERSION ", but this is libtorch " +
                                       runtime_version() +
                                       ": build it again (npx infernode build), or use the other libtorch");
}

inf_error* initialize() noexcept {
  return guarded(INF_INTERNAL, [] {
    check_version();
    // Before any operation, so that the calling thread never starts an OpenMP pool of its own: a second pool makes
    // every inference about a third slower.
    at::set_num_threads(1);
    at::set_num_interop_threads(1);
    choose_quantized_engine();
    initialize_devices();
    // The first operation picks kernels for this CPU: what fails here fails in the probing child process.
    at::ones({1}).add_(1);
  });
}

std::string details() {
  JsonWriter json;
  json.begin_object();
  json.key("cpuKernels").value(at::get_cpu_capability());
  json.key("quantizedEngines").begin_array();
  for (const auto engine : at::globalContext().supportedQEngines()) {
    if (engine_name(engine) != nullptr) json.value(engine_name(engine));
  }
  json.end_array();
  json.key("mkldnn").value(at::globalContext().hasMKLDNN());
  json.key("mkl").value(at::globalContext().hasMKL());
  describe_devices(json);
  json.end_object();
  return json.text();
}

const inf_capabilities* capabilities() noexcept {
  static const std::string version = runtime_version();
  static const std::string detail_text = details();
  static const std::string device_list = device_names();
  static const inf_capabilities table{
      "torch", TORCH_VERSION, version.c_str(), "torchscript,aotinductor", device_list.c_str(), detail_text.c_str(), 1,
      1};
  return &table;
}

void enter_thread(int32_t threads) noexcept {
  silence_warnings();
  // The count is per thread, and a thread starts with whatever was set last anywhere.
  at::set_num_threads(std::max(threads, 1));
}

inf_error* model_load(const inf_load_options* options, inf_model** model) noexcept {
  return guarded(INF_MODEL_INVALID, [&] {
    const at::Device device(options->device);
    prepare_device(device, options->memory_limit);
    on_device(device, [&] {
      if (std::string_view(options->format) == "aotinductor") {
        *model = std::make_unique<AotiModel>(*options).release();
      } else {
        *model = std::make_unique<TorchScriptModel>(*options).release();
      }
    });
  });
}

const char* model_describe(const inf_model* model) noexcept {
  return model->description().c_str();
}

inf_error* model_observe(const inf_load_options* options, const inf_recipe* recipe, inf_model** model) noexcept {
  return guarded(INF_CONVERSION_FAILED, [&] { *model = std::make_unique<ObservedModel>(*options, *recipe).release(); });
}

inf_error* model_convert(inf_model* model, const char* target, const char** report) noexcept {
  return guarded(INF_CONVERSION_FAILED, [&] {
    auto* observed = dynamic_cast<ObservedModel*>(model);
    if (observed == nullptr) throw BackendError(INF_CONVERSION_FAILED, "The model was not loaded for quantization");
    *report = observed->convert(target).c_str();
  });
}

int64_t model_bytes(const inf_model* model) noexcept {
  return model->bytes();
}

inf_error* model_run(inf_model* model, uint32_t method, const inf_value* arguments, size_t count,
                     inf_result** result) noexcept {
  return guarded(INF_MODEL_FAILED, [&] { *result = model->run(method, arguments, count).release(); });
}

void model_free(inf_model* model) noexcept {
  const bool used_gpu = model->uses_gpu();
  std::unique_ptr<inf_model>(model).reset();
  if (used_gpu) trim_devices();
}

char* model_state(const inf_model* model) noexcept {
  try {
    return strdup(model->state().c_str());
  } catch (...) {
    return nullptr;
  }
}

void text_free(char* text) noexcept {
  std::free(text);
}

void result_free(inf_result* result) noexcept {
  std::unique_ptr<Result> owned(static_cast<Result*>(result));
}

void output_release(void* owner) noexcept {
  Result::release(owner);
}

constexpr inf_backend_api kApi{
    INF_BACKEND_ABI, initialize,  capabilities, enter_thread, model_load, model_describe, model_observe,  model_convert,
    model_bytes,     model_state, model_run,    model_free,   text_free,  result_free,    output_release, free_error,
};

}  // namespace
}  // namespace infernode::torch_backend

extern "C" __attribute__((visibility("default"))) const inf_backend_api* infernode_backend_entry(uint32_t abi) {
  return abi == INF_BACKEND_ABI ? &infernode::torch_backend::kApi : nullptr;
}
