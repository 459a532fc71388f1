// What a TorchScript graph says about its method, read once at load.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace infernode::torch_backend {

// What the layers that consume an input demand of it. A dimension of -1 may have any size.
struct InputDemand {
  std::optional<at::ScalarType> dtype;
  std::optional<std::vector<int64_t>> shape;
  bool any_leading = false;  // `shape` is only the end: any number of dimensions may precede it
};

struct GraphFacts {
  bool stateful = false;           // writes to attributes of the module
  std::vector<bool> writes_input;  // per argument without self: the method may change the tensor in place
  std::vector<InputDemand> demands;
  std::map<std::string, int64_t> ops;
};

// Inspects an inlined copy of the method's graph; the module is not changed.
GraphFacts inspect_graph(const torch::jit::Module& module, const torch::jit::Method& method);

}  // namespace infernode::torch_backend
