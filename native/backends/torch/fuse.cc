#include "fuse.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>

#include <optional>
#include <string>
#include <vector>

#include "visit_nodes.h"

namespace infernode::torch_backend {
namespace {

namespace jit = torch::jit;

// Below this, calling oneDNN costs more than it saves.
constexpr int64_t kLeastWeights = 1 << 16;

// Packed for any number of rows.
at::Tensor packed(const at::Tensor& weight) {
  static const auto reorder = c10::Dispatcher::singleton()
                                  .findSchemaOrThrow("mkldnn::_reorder_linear_weight", "")
                                  .typed<at::Tensor(const at::Tensor&, std::optional<int64_t>)>();
  return reorder.call(weight.contiguous(), std::nullopt);
}

struct Activation {
  jit::Node* node = nullptr;
  std::string name = "none";
  std::string algorithm;
};

// The only use of a layer's result, if oneDNN can do it in the same pass.
Activation following(const jit::Value* result) {
  if (result->uses().size() != 1) return {};
  auto* user = result->uses()[0].user;
  if (user->owningBlock() != result->node()->owningBlock()) return {};
  const std::string kind = user->kind().toQualString();
  if (kind == "aten::relu") return {user, "relu", ""};
  if (kind == "aten::gelu" && user->hasNamedInput("approximate")) {
    const auto approximate = jit::toIValue(user->namedInput("approximate"));
    if (approximate.has_value() && approximate->isString()) return {user, "gelu", approximate->toStringRef()};
  }
  return {};
}

bool fuse(jit::Node* layer, jit::Graph& graph) {
  const auto weight = jit::toIValue(layer->namedInput("weight"));
  const auto bias = jit::toIValue(layer->namedInput("bias"));
  if (!weight.has_value() || !weight->isTensor() || !bias.has_value()) return false;
  const auto& tensor = weight->toTensor();
  if (!tensor.device().is_cpu() || tensor.scalar_type() != at::kFloat || tensor.dim() != 2) return false;
  if (tensor.numel() < kLeastWeights) return false;
  if (bias->isTensor() && bias->toTensor().scalar_type() != at::kFloat) return false;

  const jit::WithInsertPoint here(layer);
  // As libtorch's own passes keep packed weights: prim::Constant refuses tensors without storage.
  auto* constant = graph.insertNode(graph.create(c10::Symbol::prim("ConstantMKLDNNTensor")));
  constant->t_(c10::attr::value, packed(tensor));
  const auto activation = following(layer->output());
  auto* fused = graph.create(
      c10::Symbol::fromQualString("mkldnn::_linear_pointwise"),
      {layer->namedInput("input"), constant->output(), layer->namedInput("bias"), graph.insertConstant(activation.name),
       graph.insertConstant(c10::List<std::optional<at::Scalar>>()), graph.insertConstant(activation.algorithm)});
  graph.insertNode(fused);
  auto* replaced = activation.node == nullptr ? layer->output() : activation.node->output();
  fused->output()->setType(replaced->type());
  replaced->replaceAllUsesWith(fused->output());
  return true;
}

}  // namespace

void fuse_linear_layers(const std::shared_ptr<jit::Graph>& graph) {
  if (!at::globalContext().hasMKLDNN()) return;
  bool fused = false;
  visit_nodes(graph->block(), [&](jit::Node* node) {
    if (node->kind() == c10::aten::linear && fuse(node, *graph)) fused = true;
  });
  if (fused) jit::EliminateDeadCode(graph);
}

}  // namespace infernode::torch_backend
