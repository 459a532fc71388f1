#include "callable.h"

#include <algorithm>
#include <string>

#include "arguments.h"
#include "error.h"

namespace infernode::torch_backend {

std::vector<Callable> public_methods(const torch::jit::Module& module) {
  std::vector<Callable> callables;
  for (const auto& method : module.get_methods()) {
    if (!method.name().starts_with("__")) callables.push_back({method, inspect_graph(module, method)});
  }
  if (callables.empty()) throw BackendError(INF_MODEL_INVALID, "The TorchScript file has no method to call");
  std::stable_partition(callables.begin(), callables.end(),
                        [](const Callable& callable) { return callable.method.name() == "forward"; });
  return callables;
}

std::vector<std::string> names_without_forward(const std::vector<Callable>& callables) {
  std::vector<std::string> names;
  for (const auto& callable : callables) {
    if (callable.method.name() != "forward") names.push_back(callable.method.name());
  }
  return names;
}

std::vector<c10::IValue> bind_arguments(const Callable& callable, const inf_value* arguments, size_t count,
                                        TensorPlace& place, bool copy_all) {
  const auto& declared = callable.method.function().getSchema().arguments();
  const auto& writes = callable.facts.writes_input;
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
    const bool copy = copy_all || i - 1 >= writes.size() || writes[i - 1];
    stack.push_back(to_ivalue(given ? arguments[i - 1] : kNone, declared[i].type(), declared[i].name(), place, copy));
  }
  return stack;
}

}  // namespace infernode::torch_backend
