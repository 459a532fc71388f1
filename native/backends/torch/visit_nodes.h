// A walk over the nodes of a graph.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

namespace infernode::torch_backend {

// Calls `visit` for every node of a block and of the blocks inside it, in the order of the program. `visit` may insert
// nodes before the one it is given.
template <typename Visit>
void visit_nodes(torch::jit::Block* block, const Visit& visit) {
  for (auto* node : block->nodes()) {
    visit(node);
    for (auto* inner : node->blocks()) visit_nodes(inner, visit);
  }
}

}  // namespace infernode::torch_backend
