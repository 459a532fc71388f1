// Rewrites a frozen float32 graph to faster layers of the CPU; the results differ by rounding alone.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

namespace infernode::torch_backend {

// Linear layers with large constant weights become those of oneDNN, with a following relu or gelu inside. libtorch's
// own go to MKL, which uses half the vector width on CPUs that Intel did not make.
void fuse_linear_layers(const std::shared_ptr<torch::jit::Graph>& graph);

}  // namespace infernode::torch_backend
