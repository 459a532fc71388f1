#include "call_stacks.h"

#include <torch/csrc/jit/ir/scope.h>

#include <optional>
#include <string>
#include <unordered_map>

#include "visit_nodes.h"

namespace infernode::torch_backend {
namespace {

namespace jit = torch::jit;

class CallStackOwner {
 public:
  explicit CallStackOwner(jit::CompilationUnit& owner) : owner_(owner) {}

  // Stacks share their ends, as a tree does; so do the copies.
  jit::InlinedCallStackPtr copy(const jit::InlinedCallStackPtr& stack) {
    auto& copied = copies_[stack.get()];
    if (copied) return copied;
    auto* function = named(stack->function_name());
    const auto callee = stack->callee();
    if (callee.has_value()) {
      copied = c10::make_intrusive<jit::InlinedCallStack>(copy(*callee), function, stack->source_range(),
                                                          stack->module_instance());
    } else {
      copied = c10::make_intrusive<jit::InlinedCallStack>(function, stack->source_range(), stack->module_instance());
    }
    return copied;
  }

 private:
  jit::Function* named(const std::string& name) {
    const c10::QualifiedName qualified("__call_stack__", name.empty() ? "unknown" : name);
    auto* known = owner_.find_function(qualified);
    return known != nullptr ? known : owner_.create_function(qualified, std::make_shared<jit::Graph>());
  }

  jit::CompilationUnit& owner_;
  std::unordered_map<const jit::InlinedCallStack*, jit::InlinedCallStackPtr> copies_;
};

}  // namespace

void own_call_stacks(const std::shared_ptr<jit::Graph>& graph, jit::CompilationUnit& owner) {
  CallStackOwner copies(owner);
  visit_nodes(graph->block(), [&](jit::Node* node) {
    const auto stack = node->callstack();
    if (stack.has_value()) node->setCallStack(copies.copy(*stack));
  });
}

}  // namespace infernode::torch_backend
