#include "torchscript_model.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <utility>

#include "arguments.h"
#include "describe.h"
#include "error.h"
#include "json.h"

namespace infernode::torch_backend {
namespace {

namespace jit = torch::jit;

bool is_public(const std::string& name) {
  return !name.starts_with("__");
}

}  // namespace

TorchScriptModel::TorchScriptModel(const inf_load_options& options)
    : device_(options.device), module_(jit::load(options.path, device_)) {
  module_.eval();
  for (const auto& method : module_.get_methods()) {
    if (is_public(method.name())) callables_.push_back({method, inspect_graph(module_, method)});
  }
  if (callables_.empty()) throw BackendError(INF_MODEL_INVALID, "The TorchScript file has no method to call");
  // `forward` comes first: it is what a call means by default.
  std::stable_partition(callables_.begin(), callables_.end(),
                        [](const Callable& callable) { return callable.method.name() == "forward"; });
  freeze();
  describe(options);
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
  std::vector<std::string> others;
  for (const auto& callable : callables_) {
    if (callable.method.name() != "forward") others.push_back(callable.method.name());
  }
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
    frozen_note_ = "yes";
  } catch (const std::exception& error) {
    keep_unfrozen(error.what());
  }
}

void TorchScriptModel::describe(const inf_load_options& options) {
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
  json.key("frozen").value(frozen_note_);
  json.key("class").value(module_.type()->name().has_value() ? module_.type()->name()->qualifiedName() : "");
  json.end_object();
  json.key("device").value(options.device);
  json.end_object();
  description_ = json.text();
}

std::vector<c10::IValue> TorchScriptModel::bind(const Callable& callable, const inf_value* arguments,
                                                size_t count) const {
  const auto& declared = callable.method.function().getSchema().arguments();
  std::vector<c10::IValue> stack;
  stack.reserve(declared.size());
  stack.emplace_back(callable.method.owner()._ivalue());
  for (size_t i = 1; i < declared.size(); ++i) {
    const bool given = i - 1 < count && arguments[i - 1].kind != INF_KIND_NONE;
    if (!given && declared[i].default_value().has_value()) {
      stack.push_back(*declared[i].default_value());
      continue;
    }
    static constexpr inf_value kNone{};
    // What the model writes to or may keep after the call must not be the caller's memory.
    const bool copy = stateful_ || i - 1 >= callable.facts.writes_input.size() || callable.facts.writes_input[i - 1];
    stack.push_back(to_ivalue(given ? arguments[i - 1] : kNone, declared[i].type(), declared[i].name(), device_, copy));
  }
  return stack;
}

std::unique_ptr<Result> TorchScriptModel::run(uint32_t method, const inf_value* arguments, size_t count) {
  if (method >= callables_.size()) throw BackendError(INF_METHOD_UNKNOWN, "No such method");
  auto& callable = callables_[method];
  const c10::InferenceMode inference;
  auto stack = bind(callable, arguments, count);
  std::unique_lock<std::mutex> lock(state_mutex_, std::defer_lock);
  if (stateful_) lock.lock();
  // `bind` made every argument by its declared type, so the checks of Method::operator() would only repeat it.
  callable.method.function().run(stack);
  auto answer = std::move(stack.back());
  stack.clear();
  return std::make_unique<Result>(std::move(answer));
}

}  // namespace infernode::torch_backend
