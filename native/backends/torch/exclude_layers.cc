#include "exclude_layers.h"

#include <torch/csrc/jit/passes/dead_code_elimination.h>

#include <string_view>
#include <vector>

#include "quantizable.h"
#include "visit_nodes.h"

namespace infernode::torch_backend {
namespace {

namespace jit = torch::jit;

// What a value was before it was quantized and dequantized; nullptr if it was not.
jit::Value* before_quantization(const jit::Value* value) {
  const auto* dequantize = value->node();
  if (dequantize->kind() != c10::aten::dequantize) return nullptr;
  const auto* quantize = dequantize->input(0)->node();
  if (!std::string_view(quantize->kind().toQualString()).starts_with("aten::quantize_per_")) return nullptr;
  return const_cast<jit::Value*>(quantize->input(0));
}

// `features.0.0` for the value self.features.0.0.weight.
std::string path_of(const jit::Value* weight) {
  std::vector<std::string> parts;
  const auto* node = weight->node();
  for (; node->kind() == c10::prim::GetAttr; node = node->input()->node()) parts.push_back(node->s(c10::attr::name));
  std::string path;
  for (size_t i = parts.size(); i-- > 1;) path += (path.empty() ? "" : ".") + parts[i];
  return path;
}

bool is_quantization(const jit::Node* node) {
  const std::string_view op = node->kind().toQualString();
  return op == "aten::dequantize" || op.starts_with("aten::quantize_per_") || op.starts_with("aten::_choose_qparams");
}

// The operations that compute in float32, found in the order of the program.
class FloatRegion {
 public:
  bool contains(const jit::Value* value) const {
    const auto* node = value->node();
    return node->kind() == c10::prim::Param || nodes_.contains(node);
  }

  void add(const jit::Node* node) { nodes_.insert(node); }

  // Takes quantization off the inputs that were computed in float. Where the operation before computes in INT8, its
  // result is quantized in any case.
  void enter(jit::Node* node) const {
    for (size_t i = 0; i < node->inputs().size(); ++i) {
      auto* input = before_quantization(node->input(i));
      if (input != nullptr && contains(input)) node->replaceInput(i, input);
    }
  }

  // An operation between layers, such as an addition or a relu, is part of the region if all that it takes is.
  bool encloses(const jit::Node* node) const {
    bool any = false;
    for (const auto* input : node->inputs()) {
      if (input->node()->kind() == c10::aten::dequantize) return false;
      any = any || contains(input);
    }
    return any;
  }

 private:
  std::set<const jit::Node*> nodes_;
};

}  // namespace

void exclude_layers(const std::shared_ptr<jit::Graph>& graph, const std::set<std::string>& names, bool dynamic) {
  FloatRegion region;
  visit_nodes(graph->block(), [&](jit::Node* node) {
    if (is_quantization(node)) return;
    if (is_layer(node)) {
      constexpr size_t kWeight = 1;
      auto* weight = before_quantization(node->input(kWeight));
      if (weight == nullptr || !names.contains(path_of(weight))) return;
      node->replaceInput(kWeight, weight);
      // Dynamic quantization leaves activations float between layers.
      auto* input = before_quantization(node->input(0));
      if (dynamic && input != nullptr) node->replaceInput(0, input);
      region.enter(node);
      region.add(node);
      return;
    }
    region.enter(node);
    if (region.encloses(node)) region.add(node);
  });
  region.enter(graph->return_node());
  jit::EliminateDeadCode(graph);
}

}  // namespace infernode::torch_backend
