#include "result.h"

#include <ATen/ATen.h>
#include <ATen/core/function_schema.h>

#include <memory>
#include <utility>

#include "dtype.h"
#include "error.h"

namespace infernode::torch_backend {
namespace {

std::string child(const std::string& path, const std::string& part, bool root) {
  return root ? part : path + "." + part;
}

// True if somebody besides this handle can reach the tensor's memory: a parameter, a buffer, another output, or an
// input.
bool is_shared(const at::Tensor& tensor) {
  return tensor.use_count() > 1 || tensor.storage().use_count() > 1 ||
         tensor.storage().data_ptr().get_context() == nullptr;
}

at::Tensor to_plain(at::Tensor tensor, const std::string& name) {
  if (tensor.is_quantized()) tensor = tensor.dequantize();
  if (tensor.layout() != at::kStrided) tensor = tensor.to_dense();
  if (!tensor.device().is_cpu()) tensor = tensor.cpu();
  if (tensor.is_complex()) {
    throw BackendError(INF_OUTPUT_UNSUPPORTED,
                       "Output \"" + name + "\" is complex; return torch.view_as_real of it from the model");
  }
  if (!to_dtype(tensor.scalar_type()).has_value()) {
    throw BackendError(INF_OUTPUT_UNSUPPORTED, "Output \"" + name + "\" has dtype " +
                                                   c10::toString(tensor.scalar_type()) +
                                                   ", which no JavaScript array carries");
  }
  return tensor;
}

}  // namespace

// Keeps one output alive; what `inf_output::owner` points to.
struct Result::Owner {
  at::Tensor tensor;
  std::vector<std::string> strings;
  std::vector<inf_string> views;
  std::vector<int64_t> shape;
};

Result::Result(c10::IValue&& value) : inf_result{nullptr, 0} {
  {
    const c10::IValue taken = std::move(value);
    flatten("output", taken, true);
  }
  publish();
}

Result::Result(std::vector<std::string> names, std::vector<at::Tensor> tensors) : inf_result{nullptr, 0} {
  for (size_t i = 0; i < tensors.size(); ++i) add(std::move(names[i]), std::move(tensors[i]));
  publish();
}

Result::~Result() {
  for (auto& output : outputs_storage_) {
    if (output.owner != nullptr) release(output.owner);
  }
}

void Result::release(void* owner) {
  std::unique_ptr<Owner> owned(static_cast<Owner*>(owner));
}

void Result::flatten(const std::string& path, const c10::IValue& value, bool root) {
  if (value.isNone()) return;
  if (value.isTensor()) {
    if (value.toTensor().defined()) add(path, value.toTensor());
  } else if (value.isTuple()) {
    const auto& tuple = value.toTupleRef();
    const auto type = tuple.type();
    const auto& elements = tuple.elements();
    for (size_t i = 0; i < elements.size(); ++i) {
      const bool has_names = type->schema() != nullptr;
      const auto part = has_names ? type->schema()->arguments()[i].name() : std::to_string(i);
      flatten(child(path, part, root && has_names), elements[i], false);
    }
  } else if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict()) {
      const auto& key = entry.key();
      if (!key.isString() && !key.isInt()) {
        throw BackendError(INF_OUTPUT_UNSUPPORTED,
                           "Output \"" + path + "\" is a dict whose keys are neither str nor int");
      }
      const auto part = key.isString() ? key.toStringRef() : std::to_string(key.toInt());
      flatten(child(path, part, root), entry.value(), false);
    }
  } else if (value.isList()) {
    flatten_list(path, value);
  } else if (value.isInt()) {
    add(path, at::scalar_tensor(value.toInt(), at::kLong));
  } else if (value.isDouble()) {
    add(path, at::scalar_tensor(value.toDouble(), at::kDouble));
  } else if (value.isBool()) {
    add(path, at::scalar_tensor(value.toBool(), at::kBool));
  } else if (value.isString()) {
    add_strings(path, {value.toStringRef()}, {});
  } else {
    throw BackendError(INF_OUTPUT_UNSUPPORTED,
                       "Output \"" + path + "\" is a " + value.tagKind() + ", which no tensor carries");
  }
}

void Result::flatten_list(const std::string& path, const c10::IValue& value) {
  if (value.isIntList()) return add(path, at::tensor(value.toIntVector(), at::kLong));
  if (value.isDoubleList()) return add(path, at::tensor(value.toDoubleVector(), at::kDouble));
  const auto elements = value.toListRef();
  const auto type = value.toList().elementType();
  if (type->kind() == c10::TypeKind::StringType) {
    std::vector<std::string> strings;
    for (const auto& element : elements) strings.push_back(element.toStringRef());
    const auto size = static_cast<int64_t>(strings.size());
    return add_strings(path, std::move(strings), {size});
  }
  if (type->kind() == c10::TypeKind::BoolType) {
    auto flags = at::empty({static_cast<int64_t>(elements.size())}, at::kBool);
    for (size_t i = 0; i < elements.size(); ++i) flags.data_ptr<bool>()[i] = elements[i].toBool();
    return add(path, std::move(flags));
  }
  for (size_t i = 0; i < elements.size(); ++i) flatten(path + "." + std::to_string(i), elements[i], false);
}

void Result::add(std::string name, at::Tensor tensor) {
  auto owner = std::make_unique<Owner>();
  owner->tensor = to_plain(std::move(tensor), name);
  names_.push_back(std::move(name));
  owners_.push_back(std::move(owner));
}

void Result::add_strings(std::string name, std::vector<std::string> strings, std::vector<int64_t> shape) {
  auto owner = std::make_unique<Owner>();
  owner->strings = std::move(strings);
  owner->shape = std::move(shape);
  for (const auto& text : owner->strings) owner->views.push_back({text.data(), text.size()});
  names_.push_back(std::move(name));
  owners_.push_back(std::move(owner));
}

// Makes every tensor dense and its memory exclusive, and fills the C structs. Runs when the returned structure is gone:
// only then does a use count above one mean that the model itself holds the memory.
void Result::publish() {
  outputs_storage_.resize(owners_.size());
  for (size_t i = 0; i < owners_.size(); ++i) {
    auto& owner = *owners_[i];
    auto& output = outputs_storage_[i];
    if (owner.tensor.defined()) {
      if (!owner.tensor.is_contiguous() || owner.tensor.is_conj() || owner.tensor.is_neg()) {
        owner.tensor = owner.tensor.clone(at::MemoryFormat::Contiguous).resolve_conj().resolve_neg();
      } else if (is_shared(owner.tensor)) {
        owner.tensor = owner.tensor.clone();
      }
      owner.shape = owner.tensor.sizes().vec();
      output.tensor.dtype = *to_dtype(owner.tensor.scalar_type());
      output.tensor.data = owner.tensor.data_ptr();
      output.tensor.bytes = owner.tensor.nbytes();
    } else {
      output.tensor.dtype = INF_STRING;
      output.tensor.data = owner.views.data();
      output.tensor.bytes = owner.views.size() * sizeof(inf_string);
    }
    output.name = {names_[i].data(), names_[i].size()};
    output.tensor.rank = static_cast<int32_t>(owner.shape.size());
    output.tensor.shape = owner.shape.data();
    output.owner = owners_[i].release();
  }
  outputs = outputs_storage_.data();
  count = outputs_storage_.size();
}

}  // namespace infernode::torch_backend
