#include "quantizable.h"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>

#include <set>
#include <string_view>

#include "visit_nodes.h"

namespace infernode::torch_backend {
namespace {

namespace jit = torch::jit;

bool is_transposed(const jit::Node* node) {
  if (std::string_view(node->kind().toQualString()).starts_with("aten::conv_transpose")) return true;
  if (node->kind() != c10::aten::_convolution) return false;
  const auto transposed = jit::toIValue(node->namedInput("transposed"));
  return transposed.has_value() && transposed->isBool() && transposed->toBool();
}

// Operations that hold most of a network's weights.
bool has_weights(std::string_view op) {
  static const std::set<std::string_view> kOps{"aten::linear",
                                               "aten::addmm",
                                               "aten::mm",
                                               "aten::matmul",
                                               "aten::conv1d",
                                               "aten::conv2d",
                                               "aten::conv3d",
                                               "aten::lstm",
                                               "aten::gru",
                                               "aten::_convolution",
                                               "aten::_convolution_mode",
                                               "aten::embedding",
                                               "aten::conv_transpose1d",
                                               "aten::conv_transpose2d",
                                               "aten::conv_transpose3d"};
  return kOps.contains(op);
}

}  // namespace

bool is_layer(const jit::Node* node) {
  const std::string_view op = node->kind().toQualString();
  return op == "aten::linear" || op == "aten::_convolution" || op.starts_with("aten::conv");
}

std::vector<QuantizableLayer> quantizable_layers(const jit::Module& module, bool dynamic) {
  std::vector<QuantizableLayer> layers;
  for (const auto& [name, part] : module.named_modules()) {
    // A scripted convolution computes in a method that forward calls.
    for (const auto& method : part.get_methods()) {
      visit_nodes(method.graph()->block(), [&, &name = name](const jit::Node* node) {
        const bool converts = dynamic ? node->kind() == c10::aten::linear : is_layer(node);
        if (converts) layers.push_back({name, is_transposed(node)});
      });
    }
  }
  return layers;
}

OperationCounts count_operations(jit::Graph& graph) {
  OperationCounts counts;
  visit_nodes(graph.block(), [&](const jit::Node* node) {
    const std::string_view op = node->kind().toQualString();
    if (op.find("_prepack") != std::string_view::npos) {
      ++counts.unpacked;
    } else if (op.starts_with("quantized::")) {
      ++counts.quantized[std::string(op)];
    } else if (has_weights(op)) {
      ++counts.left[std::string(op)];
    }
  });
  return counts;
}

}  // namespace infernode::torch_backend
