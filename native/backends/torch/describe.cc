#include "describe.h"

#include <ATen/native/quantized/PackedParams.h>

#include <unordered_set>

#include "dtype.h"

namespace infernode::torch_backend {
namespace {

const char* kind_name(const c10::Type& type) {
  switch (type.kind()) {
    case c10::TypeKind::TensorType:
      return "tensor";
    case c10::TypeKind::IntType:
      return "int";
    case c10::TypeKind::FloatType:
      return "float";
    case c10::TypeKind::BoolType:
      return "bool";
    case c10::TypeKind::StringType:
    case c10::TypeKind::DeviceObjType:
      return "string";
    case c10::TypeKind::ListType:
      return "list";
    case c10::TypeKind::TupleType:
      return "tuple";
    case c10::TypeKind::DictType:
      return "dict";
    default:
      return "any";
  }
}

c10::TypePtr without_optional(const c10::TypePtr& type) {
  return type->kind() == c10::TypeKind::OptionalType ? type->expectRef<c10::OptionalType>().getElementType() : type;
}

void write_shape(JsonWriter& json, const InputDemand& demand) {
  json.begin_array();
  if (demand.any_leading) json.value("...");
  for (const auto dim : *demand.shape) {
    if (dim < 0) {
      json.null();
    } else {
      json.value(dim);
    }
  }
  json.end_array();
}

void write_value(JsonWriter& json, const std::string& name, const c10::TypePtr& declared, bool has_default,
                 const InputDemand* demand) {
  const auto type = without_optional(declared);
  json.begin_object();
  json.key("name").value(name);
  json.key("kind").value(kind_name(*type));
  json.key("type").value(declared->annotation_str());
  json.key("optional").value(has_default || declared->kind() == c10::TypeKind::OptionalType);
  json.key("dtype");
  const bool known = demand != nullptr && demand->dtype.has_value() && dtype_name(*demand->dtype) != nullptr;
  if (known) {
    json.value(dtype_name(*demand->dtype));
  } else {
    json.null();
  }
  json.key("shape");
  if (demand != nullptr && demand->shape.has_value()) {
    write_shape(json, *demand);
  } else {
    json.null();
  }
  if (type->kind() == c10::TypeKind::TupleType) {
    json.key("items").begin_array();
    const auto elements = type->expectRef<c10::TupleType>().elements();
    for (size_t i = 0; i < elements.size(); ++i) {
      write_value(json, name + "." + std::to_string(i), elements[i], false, nullptr);
    }
    json.end_array();
  } else if (type->kind() == c10::TypeKind::ListType || type->kind() == c10::TypeKind::DictType) {
    const auto element = type->kind() == c10::TypeKind::ListType ? type->expectRef<c10::ListType>().getElementType()
                                                                 : type->expectRef<c10::DictType>().getValueType();
    json.key("items").begin_array();
    write_value(json, name + ".*", element, false, nullptr);
    json.end_array();
  }
  json.end_object();
}

// The names that Result gives, as far as the type tells them.
void write_outputs(JsonWriter& json, const std::string& path, const c10::TypePtr& type, bool root) {
  if (type->kind() == c10::TypeKind::NoneType) return;
  if (type->kind() != c10::TypeKind::TupleType) return write_value(json, path, type, false, nullptr);
  const auto& tuple = type->expectRef<c10::TupleType>();
  for (size_t i = 0; i < tuple.elements().size(); ++i) {
    const bool has_names = tuple.schema() != nullptr;
    const auto part = has_names ? tuple.schema()->arguments()[i].name() : std::to_string(i);
    write_outputs(json, root && has_names ? part : path + "." + part, tuple.elements()[i], false);
  }
}

template <typename Packed>
void count_packed(const c10::IValue& value, ParameterCount& count) {
  const auto [weight, bias] = value.toCustomClass<Packed>()->unpack();
  count_tensor(weight, count);
  if (bias.has_value() && bias->defined()) count_tensor(*bias, count);
}

// Packed weights are opaque objects; each kind knows how to unpack itself.
void count_object(const c10::IValue& value, ParameterCount& count) {
  const auto name = value.type()->annotation_str();
  if (name.ends_with("LinearPackedParamsBase")) count_packed<LinearPackedParamsBase>(value, count);
  if (name.ends_with("Conv2dPackedParamsBase")) count_packed<ConvPackedParamsBase<2>>(value, count);
  if (name.ends_with("Conv3dPackedParamsBase")) count_packed<ConvPackedParamsBase<3>>(value, count);
}

}  // namespace

void count_tensor(const at::Tensor& tensor, ParameterCount& count) {
  const auto elements = tensor.numel();
  count.elements += elements;
  count.bytes += elements * static_cast<int64_t>(tensor.element_size());
  const auto type = tensor.scalar_type();
  const char* name = dtype_name(type);
  count.by_dtype[tensor.is_quantized() ? "int8" : name != nullptr ? name : c10::toString(type)] += elements;
}

ParameterCount count_parameters(const torch::jit::Module& module) {
  ParameterCount count;
  std::unordered_set<const void*> seen;  // tied weights count once
  for (const auto& tensor : module.parameters()) {
    if (seen.insert(tensor.unsafeGetTensorImpl()).second) count_tensor(tensor, count);
  }
  for (const auto& tensor : module.buffers()) {
    if (seen.insert(tensor.unsafeGetTensorImpl()).second) count_tensor(tensor, count);
  }
  for (const auto& attribute : module.named_attributes(true)) {
    const auto& value = attribute.value;
    if (value.isTensor() && value.toTensor().defined() && seen.insert(value.toTensor().unsafeGetTensorImpl()).second) {
      count_tensor(value.toTensor(), count);
    }
    if (value.isCustomClass() && seen.insert(value.toObjectRef().getSlot(0).toCapsule().get()).second) {
      count_object(value, count);
    }
  }
  return count;
}

void write_parameters(JsonWriter& json, const ParameterCount& parameters) {
  json.begin_object();
  json.key("count").value(parameters.elements);
  json.key("bytes").value(parameters.bytes);
  json.key("dtypes");
  write_ops(json, parameters.by_dtype);
  json.end_object();
}

void write_ops(JsonWriter& json, const std::map<std::string, int64_t>& ops) {
  json.begin_object();
  for (const auto& [name, number] : ops) json.key(name).value(number);
  json.end_object();
}

void write_signature(JsonWriter& json, const c10::FunctionSchema& schema, const GraphFacts* facts) {
  json.begin_object();
  json.key("inputs").begin_array();
  const auto& arguments = schema.arguments();
  for (size_t i = 1; i < arguments.size(); ++i) {
    const bool inspected = facts != nullptr && i - 1 < facts->demands.size();
    write_value(json, arguments[i].name(), arguments[i].type(), arguments[i].default_value().has_value(),
                inspected ? &facts->demands[i - 1] : nullptr);
  }
  json.end_array();
  json.key("outputs").begin_array();
  for (const auto& result : schema.returns()) write_outputs(json, "output", result.type(), true);
  json.end_array();
  json.end_object();
}

}  // namespace infernode::torch_backend
