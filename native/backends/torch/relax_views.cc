#include "relax_views.h"

#include <torch/csrc/jit/ir/alias_analysis.h>

#include <vector>

#include "visit_nodes.h"

namespace infernode::torch_backend {
namespace {

namespace jit = torch::jit;

// The other overload reads the same bytes as another dtype.
bool is_view_of_sizes(const jit::Node* node) {
  return node->kind() == c10::aten::view && node->input(1)->type()->kind() == c10::TypeKind::ListType;
}

bool in_loop(const jit::Node* node) {
  for (const auto* owner = node->owningBlock()->owningNode(); owner != nullptr;
       owner = owner->owningBlock()->owningNode()) {
    if (owner->kind() == c10::prim::Loop) return true;
  }
  return false;
}

// What is written before the view is made, such as by relu_, is no matter; in a loop everything comes after everything.
bool written_later(jit::Node* view, const std::vector<jit::Node*>& nodes, const jit::AliasDb& aliases) {
  const bool looped = in_loop(view);
  for (auto* node : nodes) {
    if (!looped && node->isBefore(view)) continue;
    if (node != view && aliases.writesToAlias(node, {view->output()})) return true;
  }
  return false;
}

}  // namespace

void relax_views(const std::shared_ptr<jit::Graph>& graph) {
  std::vector<jit::Node*> nodes;
  std::vector<jit::Node*> views;
  visit_nodes(graph->block(), [&](jit::Node* node) {
    nodes.push_back(node);
    if (is_view_of_sizes(node)) views.push_back(node);
  });
  if (views.empty()) return;
  std::vector<jit::Node*> free;
  {
    const jit::AliasDb aliases(graph);
    for (auto* view : views) {
      if (!aliases.hasWriters(view->output()) || !written_later(view, nodes, aliases)) free.push_back(view);
    }
  }
  for (auto* view : free) {
    const jit::WithInsertPoint here(view);
    auto* reshape = graph->insertNode(graph->create(c10::aten::reshape, {view->input(0), view->input(1)}));
    reshape->output()->setType(view->output()->type());
    reshape->copyMetadata(view);
    view->output()->replaceAllUsesWith(reshape->output());
    view->destroy();
  }
}

}  // namespace infernode::torch_backend
