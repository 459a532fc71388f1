#include "exclude_layers.h"

#include <torch/csrc/jit/passes/dead_code_elimination.h>

#include <string_view>
#include <vector>

#include "quantizable.h"

namespace infernode::torch_backend {
namespace {

namespace jit = torch::jit;

bool is_layer(const jit::Node* node) {
  const std::string_view op = node->kind().toQualString();
  return op == "aten::linear" || op == "aten::_convolution" || op.starts_with("aten::conv");
}

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

// The node that computes a value, behind an activation function.
const jit::Node* producer(const jit::Value* value) {
  const auto* node = value->node();
  const std::string_view op = node->kind().toQualString();
  const bool passes = op.starts_with("aten::relu") || op.starts_with("aten::hardtanh") || op == "aten::dropout";
  return passes ? node->input(0)->node() : node;
}

}  // namespace

int exclude_layers(const std::shared_ptr<jit::Graph>& graph, const std::set<std::string>& names, bool dynamic) {
  std::set<const jit::Node*> excluded;
  visit_nodes(graph->block(), [&](jit::Node* node) {
    if (!is_layer(node)) return;
    constexpr size_t kWeight = 1;
    auto* weight = before_quantization(node->input(kWeight));
    if (weight == nullptr || !names.contains(path_of(weight))) return;
    node->replaceInput(kWeight, weight);
    excluded.insert(node);
    // Where the layer before computes in INT8, its result is quantized in any case.
    auto* input = before_quantization(node->input(0));
    const bool is_float =
        dynamic ||
        (input != nullptr && (excluded.contains(producer(input)) || producer(input)->kind() == c10::prim::Param));
    if (input != nullptr && is_float) node->replaceInput(0, input);
  });
  jit::EliminateDeadCode(graph);
  return static_cast<int>(excluded.size());
}

}  // namespace infernode::torch_backend
