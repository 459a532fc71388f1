#include "precision.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>

#include <string>

#include "dtype.h"
#include "error.h"
#include "tensors.h"
#include "visit_nodes.h"

namespace infernode::torch_backend {
namespace {

namespace jit = torch::jit;

at::Tensor converted(const at::Tensor& tensor, const Computation& computation) {
  auto result = tensor.scalar_type() == at::kFloat ? tensor.to(computation.dtype) : tensor;
  return computation.channels_last && result.dim() == 4 ? result.contiguous(at::MemoryFormat::ChannelsLast) : result;
}

// Traced programs, and all that were frozen before they were saved, keep tensors in the graph itself. Those of no
// dimensions stay: they do not decide what an operation computes in.
int64_t convert_constants(jit::Graph& graph, const Computation& computation) {
  int64_t count = 0;
  visit_nodes(graph.block(), [&](jit::Node* node) {
    if (node->kind() != c10::prim::Constant || !node->hasAttribute(c10::attr::value)) return;
    if (node->kindOf(c10::attr::value) != jit::AttributeKind::t) return;
    const auto& tensor = node->t(c10::attr::value);
    if (tensor.scalar_type() != at::kFloat || tensor.dim() == 0) return;
    auto changed = converted(tensor, computation);
    node->output()->setType(c10::TensorType::create(changed));
    node->t_(c10::attr::value, std::move(changed));
    ++count;
  });
  return count;
}

}  // namespace

const char* computed_in(const Computation& computation) {
  if (computation.dtype != at::kFloat) return dtype_name(computation.dtype);
  return computation.tf32 ? "tf32" : "";
}

Computation computation_of(std::string_view precision, int channels_last, const at::Device& device) {
  Computation computation;
  if (precision == "bf16") {
    computation.dtype = at::kBFloat16;
  } else if (precision == "fp16" && device.is_cuda()) {
    computation.dtype = at::kHalf;
  } else if (precision == "tf32" && device.is_cuda()) {
    computation.tf32 = true;
  } else if (precision == "fp16") {
    throw BackendError(INF_PRECISION_UNSUPPORTED,
                       "FP16 is several times slower than FP32 on a CPU, which has no instructions for it: use bf16 or "
                       "int8");
  } else if (precision == "tf32") {
    throw BackendError(INF_PRECISION_UNSUPPORTED, "TF32 is for GPUs: on a CPU use fp32, bf16 or int8");
  } else if (precision != "auto" && precision != "fp32") {
    throw BackendError(INF_PRECISION_UNSUPPORTED,
                       "The torch backend has no precision " + std::string(precision) + " on " + device.str());
  }
  computation.channels_last = channels_last == 1 || (channels_last == -1 && computation.dtype != at::kFloat);
  return computation;
}

void convert_module(jit::Module& module, const Computation& computation) {
  if (!computation.converts()) return;
  const at::NoGradGuard no_grad;
  int64_t count = 0;
  for (const auto& part : module.modules()) {
    const auto type = part.type();
    for (size_t slot = 0; slot < type->numAttributes(); ++slot) {
      const auto& value = part._ivalue()->getSlot(slot);
      if (!value.isTensor() || !value.toTensor().defined() || value.toTensor().scalar_type() != at::kFloat) continue;
      part._ivalue()->setSlot(slot, converted(value.toTensor(), computation));
      ++count;
    }
    for (const auto& method : part.get_methods()) {
      count += convert_constants(*method.graph(), computation);
    }
  }
  if (computation.dtype != at::kFloat && count == 0) {
    throw BackendError(
        INF_PRECISION_UNSUPPORTED,
        std::string("The model has no float32 weights that could be converted to ") + dtype_name(computation.dtype));
  }
}

c10::IValue convert_input(const c10::IValue& value, const Computation& computation) {
  return map_tensors(value, [&](const at::Tensor& tensor) { return converted(tensor, computation); });
}

c10::IValue convert_output(const c10::IValue& value, const Computation& computation) {
  if (computation.dtype == at::kFloat) return value;
  return map_tensors(value, [&](const at::Tensor& tensor) {
    return tensor.scalar_type() == computation.dtype ? tensor.to(at::kFloat) : tensor;
  });
}

}  // namespace infernode::torch_backend
