// What of a TorchScript program can be quantized, and what of a quantized one has been.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace infernode::torch_backend {

// Whether a node is a linear layer or a convolution; its weight is input 1.
bool is_layer(const torch::jit::Node* node);

// A submodule with weights of its own.
struct QuantizableLayer {
  std::string name;  // path of the submodule, "" for the program itself
  // A transposed convolution: stays in float, for libtorch's kernels (oneDNN and FBGEMM) answer wrongly for many
  // shapes.
  bool transposed;
};

// The layers that `dynamic` or static quantization can turn to INT8, in the order of the program.
std::vector<QuantizableLayer> quantizable_layers(const torch::jit::Module& module, bool dynamic);

// How often each operation occurs, of those that have weights or are quantized.
struct OperationCounts {
  std::map<std::string, int64_t> quantized;
  std::map<std::string, int64_t> left;
  int64_t unpacked = 0;  // weights that would be packed again in each run
};

OperationCounts count_operations(torch::jit::Graph& graph);

}  // namespace infernode::torch_backend
