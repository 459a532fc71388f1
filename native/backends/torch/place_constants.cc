#include "place_constants.h"

#include <torch/csrc/jit/ir/ir.h>

#include "visit_nodes.h"

namespace infernode::torch_backend {
namespace {

namespace jit = torch::jit;

void place(jit::Graph& graph, const at::Device& device) {
  visit_nodes(graph.block(), [&](jit::Node* node) {
    if (node->kind() != c10::prim::Constant || !node->hasAttribute(c10::attr::value)) return;
    if (node->output()->type()->kind() != c10::TypeKind::DeviceObjType) return;
    if (node->kindOf(c10::attr::value) != jit::AttributeKind::s) return;
    const at::Device named(node->s(c10::attr::value));
    if (named != device && (named.is_cpu() || named.is_cuda())) node->s_(c10::attr::value, device.str());
  });
}

}  // namespace

void place_constants(jit::Module& module, const at::Device& device) {
  for (const auto& part : module.modules()) {
    for (const auto& method : part.get_methods()) place(*method.graph(), device);
  }
}

}  // namespace infernode::torch_backend
