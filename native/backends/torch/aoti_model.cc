#include "aoti_model.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <utility>
#include <vector>

#include "arguments.h"
#include "describe.h"
#include "error.h"
#include "json.h"

namespace infernode::torch_backend {

AotiModel::AotiModel(const inf_load_options& options) : device_(options.device) {
  // Several runners let several executors share the weights; each costs only its own scratch memory, made on first use.
  constexpr size_t kRunners = 4;
  loader_ = std::make_unique<torch::inductor::AOTIModelPackageLoader>(options.path, "model", false, kRunners,
                                                                      device_.has_index() ? device_.index() : -1);
  ParameterCount parameters;
  for (const auto& [name, tensor] : loader_->get_runner()->extract_constants_map(false)) {
    count_tensor(tensor, parameters);
  }
  bytes_ = parameters.bytes;
  const auto spec = loader_->get_call_spec();
  JsonWriter json;
  json.begin_object();
  json.key("inputSpec").value(spec.empty() ? "" : spec[0]);
  json.key("outputSpec").value(spec.size() < 2 ? "" : spec[1]);
  json.key("device").value(options.device);
  json.key("parameters");
  write_parameters(json, parameters);
  json.key("metadata").begin_object();
  for (const auto& [name, value] : loader_->get_metadata()) json.key(name).value(value);
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
  auto outputs = loader_->run(inputs);
  inputs.clear();
  std::vector<std::string> names;
  for (size_t i = 0; i < outputs.size(); ++i) names.push_back("output." + std::to_string(i));
  return std::make_unique<Result>(std::move(names), std::move(outputs));
}

}  // namespace infernode::torch_backend
