#include "observed_model.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/constant_propagation.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/fold_conv_bn.h>
#include <torch/csrc/jit/passes/fuse_linear.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/passes/quantization/finalize.h>
#include <torch/csrc/jit/passes/quantization/insert_quant_dequant.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "describe.h"
#include "error.h"
#include "exclude_layers.h"
#include "json.h"
#include "observers.h"
#include "quantizable.h"
#include "relax_views.h"
#include "torchscript_model.h"
#include "visit_nodes.h"

namespace infernode::torch_backend {
namespace {

namespace jit = torch::jit;

// A convolution and the normalisation after it become one. Folding does without freezing, after which relu would not be
// fused; only a program that uses one normalisation twice has to be frozen first.
jit::Module folded(jit::Module& module, const std::vector<std::string>& others) {
  try {
    return jit::FoldConvBatchNorm(module);
  } catch (const std::exception&) {
    return jit::freeze(module, others);
  }
}

bool has_product_in_branch(const std::shared_ptr<jit::Graph>& graph) {
  bool found = false;
  visit_nodes(graph->block(), [&](const jit::Node* node) {
    const auto kind = node->kind();
    const bool product = kind == c10::aten::addmm || kind == c10::aten::matmul;
    found = found || (product && node->owningBlock() != graph->block());
  });
  return found;
}

// Old versions of torch wrote linear layers as products and sums, or as calls of a function.
void fuse_linear(jit::Module& module) {
  jit::SwapFunctionalLinear(module);
  for (const auto& part : module.modules()) {
    for (const auto& method : part.get_methods()) {
      auto graph = method.graph();
      // The pass moves a product out of its branch, and leaves behind a graph that uses what is not there yet.
      if (!has_product_in_branch(graph)) jit::FuseLinear(graph);
    }
  }
}

// Whether the program of a method, with what it calls, has such an operation.
template <typename Matches>
bool any_node(const jit::Module& module, const std::string& method, const Matches& matches) {
  const auto graph = module.get_method(method).graph()->copy();
  jit::Inline(*graph);
  bool any = false;
  visit_nodes(graph->block(), [&](const jit::Node* node) { any = any || matches(node); });
  return any;
}

// What changes the layers of `forward` would change those of another method with it.
void refuse_layers(const jit::Module& module, const std::vector<std::string>& others) {
  for (const auto& name : others) {
    if (any_node(module, name, is_layer)) {
      throw BackendError(INF_CONVERSION_FAILED, "Method " + name +
                                                    " has layers too, and only forward can be quantized: use bf16, or "
                                                    "export a program with forward alone");
    }
  }
}

// The passes rewrite submodules, which other methods may share with `forward`.
void check_untouched(const jit::Module& module, const std::vector<std::string>& others) {
  const auto is_quantization = [](const jit::Node* node) {
    return std::string_view(node->kind().toQualString()).find("quant") != std::string_view::npos;
  };
  for (const auto& name : others) {
    if (any_node(module, name, is_quantization)) {
      throw BackendError(INF_CONVERSION_FAILED,
                         "Method " + name + " shares parts with forward that quantization changes");
    }
  }
}

// A program that was traced in training mode drops at random whatever `eval` says.
bool trains(const jit::Node* node) {
  const std::string_view op = node->kind().toQualString();
  const char* flag = op == "aten::dropout" || op == "aten::feature_dropout" ? "train"
                     : op == "aten::batch_norm"                             ? "training"
                                                                            : nullptr;
  if (flag == nullptr) return false;
  const auto value = jit::toIValue(node->namedInput(flag));
  return value.has_value() && value->isBool() && value->toBool();
}

RangeMethod method_of(std::string_view name) {
  if (name == "percentile") return RangeMethod::kPercentile;
  if (name == "mse") return RangeMethod::kLeastSquares;
  return RangeMethod::kMinMax;
}

// Where a program answers with a tuple, the passes leave one dequantize of the whole tuple, which cannot be loaded.
void repair_tuples(const std::shared_ptr<jit::Graph>& graph) {
  std::vector<jit::Node*> broken;
  visit_nodes(graph->block(), [&](jit::Node* node) {
    if (node->kind() == c10::aten::dequantize && node->input(0)->type()->kind() == c10::TypeKind::TupleType) {
      broken.push_back(node);
    }
  });
  for (auto* node : broken) {
    const jit::WithInsertPoint here(node);
    auto* tuple = node->input(0);
    std::vector<jit::Value*> elements;
    for (auto* element : graph->insertNode(graph->createTupleUnpack(tuple))->outputs()) {
      elements.push_back(graph->insert(c10::aten::dequantize, {element}));
    }
    const auto type = tuple->type()->cast<c10::TupleType>();
    auto* rebuilt = graph->insertNode(graph->createTuple(elements, type->schema() ? type : nullptr))->output();
    node->output()->replaceAllUsesWith(rebuilt);
    node->destroy();
  }
}

// The passes know float32 only.
void to_float32(const jit::Module& module) {
  const at::NoGradGuard no_grad;
  const auto convert = [](at::Tensor tensor) {
    if (tensor.scalar_type() == at::kHalf || tensor.scalar_type() == at::kBFloat16) {
      tensor.set_data(tensor.to(at::kFloat));
    }
  };
  for (const auto& tensor : module.parameters()) convert(tensor);
  for (const auto& tensor : module.buffers()) convert(tensor);
}

// Says what a program has in place of layers that could be quantized.
[[noreturn]] void refuse_without_layers(const jit::Module& module, bool dynamic) {
  const auto graph = module.get_method("forward").graph()->copy();
  jit::Inline(*graph);
  std::string found;
  for (const auto& [op, count] : count_operations(*graph).left) {
    found += (found.empty() ? "" : ", ") + std::to_string(count) + " " + op.substr(op.find("::") + 2);
  }
  throw BackendError(INF_QUANTIZE_NOTHING,
                     std::string(dynamic ? "Dynamic quantization converts linear layers"
                                         : "Quantization converts convolutions and linear layers") +
                         ", and forward has none that it can convert; it has " +
                         (found.empty() ? "no layer with weights" : found));
}

std::string names_of(const std::vector<QuantizableLayer>& layers) {
  JsonWriter json;
  json.begin_array();
  for (const auto& layer : layers) {
    if (!layer.transposed) json.value(layer.name);
  }
  json.end_array();
  return json.text();
}

std::string report_of(const OperationCounts& counts) {
  JsonWriter json;
  json.begin_object();
  json.key("quantized");
  write_ops(json, counts.quantized);
  json.key("left");
  write_ops(json, counts.left);
  json.end_object();
  return json.text();
}

}  // namespace

ObservedModel::ObservedModel(const inf_load_options& options, const inf_recipe& recipe)
    : type_(std::string_view(recipe.mode) == "dynamic" ? jit::QuantType::DYNAMIC : jit::QuantType::STATIC),
      excluded_(recipe.exclude, recipe.exclude + recipe.exclude_count) {
  auto described = options;
  described.fuse = 0;  // only its description is wanted
  description_ = TorchScriptModel(described).description();
  auto module = jit::load(options.path);
  module.eval();
  check(module);
  to_float32(module);
  others_ = names_without_forward(public_methods(module));
  refuse_layers(module, others_);
  module = folded(module, others_);
  fuse_linear(module);
  const auto layers = quantizable_layers(module, type_ == jit::QuantType::DYNAMIC);
  auto named = configuration(module, layers, recipe);
  for (const auto& layer : layers) {
    // Their kernels know no scales for each channel.
    if (layer.transposed) excluded_.insert(layer.name);
  }
  description_.pop_back();
  description_ += ",\"quantizable\":" + names_of(layers) + "}";
  observed_ = jit::InsertObservers(module, "forward", named, false, type_);
  callables_ = public_methods(observed_);
}

void ObservedModel::check(const jit::Module& module) const {
  const auto forward = module.find_method("forward");
  if (!forward.has_value()) {
    throw BackendError(INF_CONVERSION_FAILED, "Quantization needs a method forward, which this program has not");
  }
  const auto graph = forward->graph()->copy();
  jit::Inline(*graph);
  visit_nodes(graph->block(), [](const jit::Node* node) {
    const std::string_view op = node->kind().toQualString();
    if (op.starts_with("quantized::") || op == "aten::quantize_per_tensor") {
      throw BackendError(INF_QUANTIZED_ALREADY, "The model is quantized already");
    }
    if (trains(node)) {
      throw BackendError(INF_CONVERSION_FAILED, "The model was traced in training mode: its " +
                                                    std::string(op.substr(6)) +
                                                    " is at work. Call model.eval() before torch.jit.trace");
    }
  });
}

jit::QConfigDict ObservedModel::configuration(const jit::Module& module, const std::vector<QuantizableLayer>& layers,
                                              const inf_recipe& recipe) const {
  const bool dynamic = type_ == jit::QuantType::DYNAMIC;
  const bool reduce = recipe.reduce_range != 0;
  const auto activation = dynamic ? dynamic_observer(reduce) : activation_observer(method_of(recipe.observer), reduce);
  jit::QConfigDict named;
  named[""] = jit::QConfig(activation, weight_observer());
  if (std::all_of(layers.begin(), layers.end(), [](const auto& layer) { return layer.transposed; })) {
    refuse_without_layers(module, dynamic);
  }
  return named;
}

std::unique_ptr<Result> ObservedModel::run(uint32_t method, const inf_value* arguments, size_t count) {
  if (method >= callables_.size()) throw BackendError(INF_METHOD_UNKNOWN, "No such method");
  const auto& callable = callables_[method];
  const at::NoGradGuard no_grad;
  HostPlace place;
  auto stack = bind_arguments(callable, arguments, count, place, true);
  callable.method.function().run(stack);
  return std::make_unique<Result>(std::move(stack.back()));
}

void ObservedModel::check_calibration() const {
  bool ran = false;
  bool watched = false;
  for (const auto& [name, part] : observed_.named_modules()) {
    if (!part.hasattr("watch")) continue;
    const auto watch = part.attr("watch");
    if (watch.type() != c10::getCustomClassType<c10::intrusive_ptr<ActivationWatch>>()) continue;
    watched = true;
    const auto& histogram = watch.toCustomClass<ActivationWatch>()->histogram();
    ran = ran || !histogram.empty();
    if (histogram.saw_non_finite()) {
      const auto layer = name.substr(0, name.rfind('.'));
      throw BackendError(INF_CALIBRATION_INVALID,
                         "Calibration made NaN or infinite values in " + (layer == name ? "the model" : layer) +
                             ": look at the samples, and at whether the model runs in float32");
    }
  }
  if (watched && !ran) throw BackendError(INF_CALIBRATION_INVALID, "The model has not run on any calibration sample");
}

const std::string& ObservedModel::convert(const std::string& target) {
  const at::NoGradGuard no_grad;
  check_calibration();
  auto module = jit::InsertQuantDeQuant(observed_, "forward", true, false, type_);
  if (!excluded_.empty()) {
    exclude_layers(module.get_method("forward").graph(), excluded_, type_ == jit::QuantType::DYNAMIC);
  }
  module = jit::Finalize(module, type_, others_);
  auto graph = module.get_method("forward").graph();
  jit::ConstantPropagation(graph);
  jit::EliminateDeadCode(graph);
  repair_tuples(graph);
  // Convolutions in INT8 answer in NHWC.
  relax_views(graph);
  check_untouched(module, others_);

  auto inlined = graph->copy();
  jit::Inline(*inlined);
  const auto counts = count_operations(*inlined);
  if (counts.unpacked > 0) {
    throw BackendError(INF_CONVERSION_FAILED, std::to_string(counts.unpacked) +
                                                  " layers inside control flow cannot be quantized: exclude "
                                                  "them, or export the model without the branch");
  }
  if (std::none_of(counts.quantized.begin(), counts.quantized.end(), [](const auto& count) {
        return count.first.find("conv") != std::string::npos || count.first.find("linear") != std::string::npos;
      })) {
    throw BackendError(INF_QUANTIZE_NOTHING, "No layer of the model could be quantized");
  }
  const auto convertible = [&](const char* op) { return counts.left.contains(op); };
  const bool left = convertible("aten::linear") || (type_ == jit::QuantType::STATIC && convertible("aten::conv2d"));
  if (left && excluded_.empty()) {
    throw BackendError(INF_CONVERSION_FAILED,
                       "Layers that should be quantized were left as they are: " + report_of(counts));
  }
  report_ = report_of(counts);
  module.save(target);
  return report_;
}

}  // namespace infernode::torch_backend
