#include "graph_facts.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <set>
#include <string_view>

#include "visit_nodes.h"

namespace infernode::torch_backend {
namespace {

namespace jit = torch::jit;

// The value of a constant or of an attribute of the module, if the graph names one.
std::optional<c10::IValue> known_value(const jit::Value* value, const jit::Graph& graph, const jit::Module& module) {
  auto constant = jit::toIValue(value);
  if (constant.has_value()) return constant;
  const auto* node = value->node();
  if (node->kind() == c10::prim::ListConstruct && !node->inputs().empty()) {
    c10::impl::GenericList list(c10::AnyType::get());
    for (const auto* input : node->inputs()) {
      auto element = known_value(input, graph, module);
      if (!element.has_value()) return std::nullopt;
      list.push_back(std::move(*element));
    }
    return c10::IValue(list);
  }
  if (node->kind() == c10::aten::t) {
    auto inner = known_value(node->input(0), graph, module);
    if (!inner.has_value() || !inner->isTensor()) return std::nullopt;
    return c10::IValue(inner->toTensor().t());
  }
  if (node->kind() != c10::prim::GetAttr) return std::nullopt;
  std::optional<c10::IValue> object;
  if (node->input() == graph.inputs()[0]) {
    object = module._ivalue();
  } else {
    object = known_value(node->input(), graph, module);
  }
  if (!object.has_value() || !object->isObject()) return std::nullopt;
  const auto& name = node->s(c10::attr::name);
  if (object->toObjectRef().type()->findAttribute(name) == nullptr) return std::nullopt;
  return object->toObjectRef().getAttr(name);
}

std::optional<at::Tensor> known_tensor(const jit::Value* value, const jit::Graph& graph, const jit::Module& module) {
  auto known = known_value(value, graph, module);
  if (!known.has_value() || !known->isTensor() || !known->toTensor().defined()) return std::nullopt;
  return known->toTensor();
}

// Operations that keep dtype and shape, so that a demand on their result is one on their input.
bool passes_through(const jit::Node* node) {
  static const std::set<std::string_view> kOps{
      "aten::relu",    "aten::relu_", "aten::dropout",   "aten::contiguous",     "aten::clone",
      "aten::detach",  "aten::gelu",  "aten::silu",      "aten::hardtanh",       "aten::leaky_relu",
      "aten::sigmoid", "aten::tanh",  "aten::hardswish", "aten::feature_dropout"};
  return kOps.contains(node->kind().toQualString());
}

InputDemand demand_of_convolution(const jit::Node* node, const at::Tensor& weight, const jit::Graph& graph,
                                  const jit::Module& module) {
  InputDemand demand;
  demand.dtype = weight.scalar_type();
  const auto constant = [&](const char* name) -> std::optional<c10::IValue> {
    return node->hasNamedInput(name) ? known_value(node->namedInput(name), graph, module) : std::nullopt;
  };
  const auto groups = constant("groups");
  const auto transposed = constant("transposed");
  if (!groups.has_value() || !groups->isInt()) return demand;
  std::vector<int64_t> shape(static_cast<size_t>(weight.dim()), -1);
  const std::string_view kind = node->kind().toQualString();
  const bool backwards =
      kind.find("transpose") != std::string_view::npos || (transposed.has_value() && transposed->toBool());
  shape[1] = backwards ? weight.size(0) : weight.size(1) * groups->toInt();
  demand.shape = std::move(shape);
  return demand;
}

// The first convolution, linear layer, embedding, recurrence or normalisation tells what its input must be.
std::optional<InputDemand> demand_of_use(const jit::Use& use, const jit::Graph& graph, const jit::Module& module) {
  const auto* node = use.user;
  const std::string_view kind = node->kind().toQualString();
  const auto tensor = [&](size_t index) -> std::optional<at::Tensor> {
    return index < node->inputs().size() ? known_tensor(node->inputs()[index], graph, module) : std::nullopt;
  };
  InputDemand demand;
  if (use.offset == 0 && kind.find("conv") != std::string_view::npos && kind.starts_with("aten::")) {
    const auto weight = tensor(1);
    if (!weight.has_value() || weight->dim() < 3) return std::nullopt;
    return demand_of_convolution(node, *weight, graph, module);
  }
  if (kind == "aten::linear" && use.offset == 0) {
    const auto weight = tensor(1);
    if (!weight.has_value() || weight->dim() != 2) return std::nullopt;
    demand.dtype = weight->scalar_type();
    demand.shape = std::vector<int64_t>{weight->size(1)};
    demand.any_leading = true;
    return demand;
  }
  if ((kind == "aten::addmm" && use.offset == 1) || (kind == "aten::mm" && use.offset == 0)) {
    const auto weight = tensor(use.offset + 1);
    if (!weight.has_value() || weight->dim() != 2) return std::nullopt;
    demand.dtype = weight->scalar_type();
    demand.shape = std::vector<int64_t>{-1, weight->size(0)};
    return demand;
  }
  if (kind == "aten::matmul" && use.offset == 0) {
    const auto weight = tensor(1);
    if (!weight.has_value() || weight->dim() != 2) return std::nullopt;
    demand.dtype = weight->scalar_type();
    demand.shape = std::vector<int64_t>{weight->size(0)};
    demand.any_leading = true;
    return demand;
  }
  if (kind == "aten::embedding" && use.offset == 1) {
    demand.dtype = at::kLong;
    return demand;
  }
  if (kind == "aten::quantize_per_tensor" && use.offset == 0) {
    demand.dtype = at::kFloat;
    return demand;
  }
  if ((kind == "aten::lstm" || kind == "aten::gru") && use.offset == 0 && node->inputs().size() == 9) {
    const auto parameters = known_value(node->inputs()[2], graph, module);
    if (!parameters.has_value() || !parameters->isList() || parameters->toListRef().empty()) return std::nullopt;
    const auto first = parameters->toListRef()[0];
    if (!first.isTensor() || first.toTensor().dim() != 2) return std::nullopt;
    demand.dtype = first.toTensor().scalar_type();
    demand.shape = std::vector<int64_t>{-1, -1, first.toTensor().size(1)};
    return demand;
  }
  return std::nullopt;
}

InputDemand demand_of(const jit::Value* input, const jit::Graph& graph, const jit::Module& module) {
  // Follows the chain of operations that keep dtype and shape; bounded, since graphs may be huge.
  constexpr int kLongestChain = 16;
  const auto* value = input;
  for (int step = 0; step < kLongestChain; ++step) {
    const jit::Value* next = nullptr;
    for (const auto& use : value->uses()) {
      auto demand = demand_of_use(use, graph, module);
      if (demand.has_value()) return *demand;
      if (use.offset == 0 && passes_through(use.user)) next = use.user->output();
    }
    if (next == nullptr) break;
    value = next;
  }
  return {};
}

bool holds_state(const jit::Node* node, const jit::AliasDb& aliases) {
  if (node->kind() == c10::prim::SetAttr) return true;
  // A method of an interface cannot be inlined, so what it writes to is unknown.
  if (node->kind() == c10::prim::CallMethod) return true;
  if (node->kind() != c10::prim::GetAttr) return false;
  const auto kind = node->output()->type()->kind();
  const bool is_container =
      kind == c10::TypeKind::TensorType || kind == c10::TypeKind::ListType || kind == c10::TypeKind::DictType;
  return is_container && aliases.hasWriters(node->output());
}

void count_op(const jit::Node* node, std::map<std::string, int64_t>& ops) {
  const std::string name = node->kind().toQualString();
  const bool control_flow = name == "prim::If" || name == "prim::Loop";
  if (control_flow || !name.starts_with("prim::")) ++ops[name];
}

}  // namespace

GraphFacts inspect_graph(const jit::Module& module, const jit::Method& method) {
  auto graph = jit::toGraphFunction(method.function()).graph()->copy();
  jit::Inline(*graph);
  const jit::AliasDb aliases(graph);
  GraphFacts facts;
  visit_nodes(graph->block(), [&](jit::Node* node) {
    count_op(node, facts.ops);
    facts.stateful = facts.stateful || holds_state(node, aliases);
  });
  for (size_t i = 1; i < graph->inputs().size(); ++i) {
    const auto* input = graph->inputs()[i];
    // Alias analysis does not see into tuples and lists, so their tensors count as written to.
    const bool plain = input->type()->kind() == c10::TypeKind::TensorType;
    facts.writes_input.push_back(!plain || aliases.hasWriters(input));
    facts.demands.push_back(demand_of(input, *graph, module));
  }
  return facts;
}

}  // namespace infernode::torch_backend
