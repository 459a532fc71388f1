// A method of a TorchScript program that can be called from outside.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <string>
#include <vector>

#include "graph_facts.h"
#include "infernode/backend.h"
#include "tensor_place.h"

namespace infernode::torch_backend {

struct Callable {
  torch::jit::Method method;
  GraphFacts facts;
};

// The public methods, `forward` first: it is what a call means by default. Throws BackendError INF_MODEL_INVALID if
// there is none.
std::vector<Callable> public_methods(const torch::jit::Module& module);

// The names of all others, which freezing would drop.
std::vector<std::string> names_without_forward(const std::vector<Callable>& callables);

// The stack that the method runs on: itself and one value per declared argument, defaults filled in. With `copy_all` no
// argument shares memory with the caller's; else only those do that the method cannot write to. Throws BackendError
// INF_INPUT_TYPE.
std::vector<c10::IValue> bind_arguments(const Callable& callable, const inf_value* arguments, size_t count,
                                        TensorPlace& place, bool copy_all);

}  // namespace infernode::torch_backend
