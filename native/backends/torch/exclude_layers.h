// Mixed precision: keeps some layers of a program that is being quantized in float32.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <set>
#include <string>

namespace infernode::torch_backend {

// Takes quantization off layers, by the path of the submodule that holds their weight. To be called between
// InsertQuantDeQuant and Finalize, on the graph of forward, which is inlined then. libtorch's own way, a configuration
// without observers for the submodule, fails where submodules share a type or a branch holds them. `dynamic`:
// activations are float between all layers.
void exclude_layers(const std::shared_ptr<torch::jit::Graph>& graph, const std::set<std::string>& names, bool dynamic);

}  // namespace infernode::torch_backend
