#include "torchscript_model.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <utility>

#include "call_stacks.h"
#include "describe.h"
#include "devices.h"
#include "error.h"
#include "fuse.h"
#include "json.h"
#include "place_constants.h"
#include "relax_views.h"

namespace infernode::torch_backend {

namespace jit = torch::jit;

namespace {

jit::Module load_module(const char* path, const at::Device& device) {
  auto module = jit::load(path, device);
  place_constants(module, device);
  module.eval();
  return module;
}

}  // namespace

TorchScriptModel::TorchScriptModel(const inf_load_options& options)
    : device_(options.device),
      computation_(computation_of(options.precision, options.channels_last, device_)),
      module_(load_module(options.path, device_)) {
  uses_gpu_ = !device_.is_cpu();
  callables_ = public_methods(module_);
  freeze();
  describe();
  convert(options);
  if (options.fuse != 0) fuse();
  // What writes to its own attributes would write to those of the recording.
  runner_ = make_runner(device_, {options.graphs != 0 && !stateful_, computation_.tf32});
  if (!is_frozen_) return;
  for (const auto& callable : callables_) own_call_stacks(callable.method.graph(), call_stacks_);
  // The weights are constants of the frozen graph now; the module would keep them a second time.
  module_ = frozen_;
}

// An unfrozen graph looks stateful more often than it is: batch normalisation that was scripted counts its batches in
// training mode, and alias analysis loses track of weights that pass through a tuple. Freezing takes the training
// branches out and makes constants of all attributes that no method changes, so only a frozen graph tells.
void TorchScriptModel::freeze() {
  const auto keep_unfrozen = [this](std::string_view reason) {
    stateful_ = std::any_of(callables_.begin(), callables_.end(),
                            [](const Callable& callable) { return callable.facts.stateful; });
    frozen_note_ = "no: ";
    frozen_note_ += reason.substr(0, reason.find('\n'));
  };
  const auto others = names_without_forward(callables_);
  if (others.size() == callables_.size()) return keep_unfrozen("there is no forward");
  try {
    auto frozen = jit::freeze(module_, others);
    std::vector<Callable> callables;
    for (const auto& callable : callables_) {
      auto method = frozen.get_method(callable.method.name());
      auto facts = inspect_graph(frozen, method);
      stateful_ = stateful_ || facts.stateful;
      callables.push_back({method, std::move(facts)});
    }
    if (stateful_) {
      frozen_note_ = "no: calls change the model's attributes";
      return;
    }
    frozen_ = frozen;
    callables_ = std::move(callables);
    is_frozen_ = true;
    frozen_note_ = "yes";
  } catch (const std::exception& error) {
    keep_unfrozen(error.what());
  }
}

// The frozen program told what it takes; a converted one would ask for inputs of its own precision.
void TorchScriptModel::convert(const inf_load_options& options) {
  if (!computation_.converts()) return;
  // Freezing may share weights with the module, or leave it without them: conversion starts from the file.
  module_ = load_module(options.path, device_);
  convert_module(module_, computation_);
  if (is_frozen_) frozen_ = jit::freeze(module_, names_without_forward(callables_));
  for (auto& callable : callables_) {
    callable.method = (is_frozen_ ? frozen_ : module_).get_method(callable.method.name());
    if (is_frozen_ && computation_.channels_last) relax_views(callable.method.graph());
  }
}

void TorchScriptModel::fuse() {
  if (!is_frozen_ || !device_.is_cpu()) return;
  const auto& ops = callables_.front().facts.ops;
  const auto has = [&](std::string_view part) {
    return std::any_of(ops.begin(), ops.end(),
                       [&](const auto& op) { return op.first.find(part) != std::string::npos; });
  };
  if (has("quantized::")) return;
  if (computation_.dtype == at::kFloat) {
    for (const auto& callable : callables_) fuse_linear_layers(callable.method.graph());
  }
  if (!has("aten::conv2d") && !has("aten::_convolution") && !has("aten::conv3d")) return;
  frozen_ = jit::optimize_for_inference(frozen_, names_without_forward(callables_));
  for (auto& callable : callables_) callable.method = frozen_.get_method(callable.method.name());
}

void TorchScriptModel::describe() {
  const auto parameters = count_parameters(module_);
  bytes_ = parameters.bytes;
  JsonWriter json;
  json.begin_object();
  json.key("methods").begin_object();
  for (const auto& callable : callables_) {
    json.key(callable.method.name());
    write_signature(json, callable.method.function().getSchema(), &callable.facts);
  }
  json.end_object();
  json.key("stateful").value(stateful_);
  json.key("ops");
  write_ops(json, callables_.front().facts.ops);
  json.key("parameters");
  write_parameters(json, parameters);
  json.key("metadata").begin_object();
  if (const std::string dtype = computed_in(computation_); !dtype.empty()) json.key("computes in").value(dtype);
  json.key("frozen").value(frozen_note_);
  json.key("class").value(module_.type()->name().has_value() ? module_.type()->name()->qualifiedName() : "");
  json.end_object();
  json.key("device").value(device_.str());
  json.end_object();
  description_ = json.text();
}

std::unique_ptr<Result> TorchScriptModel::run(uint32_t method, const inf_value* arguments, size_t count) {
  if (method >= callables_.size()) throw BackendError(INF_METHOD_UNKNOWN, "No such method");
  auto& callable = callables_[method];
  const c10::InferenceMode inference;
  std::unique_lock<std::mutex> lock(state_mutex_, std::defer_lock);
  if (stateful_) lock.lock();
  const DeviceRunner::Call call{method, arguments, count};
  return std::make_unique<Result>(
      runner_->run(call, [&](TensorPlace& place) { return compute(callable, call, place); }));
}

c10::IValue TorchScriptModel::compute(Callable& callable, const DeviceRunner::Call& call, TensorPlace& place) {
  // What a stateful model keeps after the call must not be the caller's memory.
  auto stack = bind_arguments(callable, call.arguments, call.count, place, stateful_);
  if (computation_.converts()) {
    for (size_t i = 1; i < stack.size(); ++i) stack[i] = convert_input(stack[i], computation_);
  }
  // Every argument was made by its declared type, so the checks of Method::operator() would only repeat it.
  callable.method.function().run(stack);
  auto answer = std::move(stack.back());
  stack.clear();
  return computation_.converts() ? convert_output(answer, computation_) : answer;
}

}  // namespace infernode::torch_backend
