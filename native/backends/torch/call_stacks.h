// Where the nodes of a graph come from.
#pragma once

#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace infernode::torch_backend {

// Lets the call stacks of a graph's nodes point at functions of `owner`, by the same names. After inlining they point
// at functions that they do not own; freezing deletes those, and libtorch follows the pointers when a call fails, to
// say where. `owner` must outlive the graph.
void own_call_stacks(const std::shared_ptr<torch::jit::Graph>& graph, torch::jit::CompilationUnit& owner);

}  // namespace infernode::torch_backend
