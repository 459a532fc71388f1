#include "arguments.h"

#include <ATen/ATen.h>

#include "error.h"

namespace infernode::torch_backend {
namespace {

[[noreturn]] void wrong_kind(const std::string& name, const c10::TypePtr& type) {
  throw BackendError(INF_INPUT_TYPE, "Input \"" + name + "\" must be " + type->repr_str());
}

std::string text_of(const inf_string& text) {
  return {text.data, text.size};
}

// A bare number where the type leaves the kind open.
c10::IValue open_scalar(const inf_value& value, const std::string& name, const c10::TypePtr& type) {
  switch (value.kind) {
    case INF_KIND_INT:
      return value.integer;
    case INF_KIND_FLOAT:
      return value.number;
    case INF_KIND_BOOL:
      return value.integer != 0;
    case INF_KIND_TEXT:
      return text_of(value.text);
    default:
      wrong_kind(name, type);
  }
}

c10::IValue to_list(const inf_value& value, const c10::TypePtr& element, const std::string& name, TensorPlace& place,
                    bool copy) {
  c10::impl::GenericList list(element);
  list.reserve(value.count);
  for (size_t i = 0; i < value.count; ++i) {
    list.push_back(to_ivalue(value.items[i], element, name + "." + std::to_string(i), place, copy));
  }
  return list;
}

c10::IValue to_tuple(const inf_value& value, const c10::TupleTypePtr& type, const std::string& name, TensorPlace& place,
                     bool copy) {
  const auto elements = type->elements();
  if (value.count != elements.size()) wrong_kind(name, type);
  std::vector<c10::IValue> items;
  items.reserve(elements.size());
  for (size_t i = 0; i < elements.size(); ++i) {
    items.push_back(to_ivalue(value.items[i], elements[i], name + "." + std::to_string(i), place, copy));
  }
  if (type->schema() != nullptr) return c10::ivalue::Tuple::createNamed(std::move(items), type);
  return c10::ivalue::Tuple::create(std::move(items));
}

c10::IValue to_dict(const inf_value& value, const c10::DictTypePtr& type, const std::string& name, TensorPlace& place,
                    bool copy) {
  c10::impl::GenericDict dict(type->getKeyType(), type->getValueType());
  const bool text_keys = type->getKeyType()->kind() == c10::TypeKind::StringType;
  if (!text_keys && type->getKeyType()->kind() != c10::TypeKind::IntType) wrong_kind(name, type);
  for (size_t i = 0; i < value.count; ++i) {
    const auto key = text_of(value.keys[i]);
    auto item = to_ivalue(value.items[i], type->getValueType(), name + "." + key, place, copy);
    if (text_keys) {
      dict.insert(key, std::move(item));
    } else {
      size_t used = 0;
      const int64_t number = key.empty() ? 0 : std::stoll(key, &used);
      if (used == 0 || used != key.size()) wrong_kind(name, type);
      dict.insert(number, std::move(item));
    }
  }
  return dict;
}

// Any, Union and the like: whatever the caller gave, as it is.
c10::IValue to_anything(const inf_value& value, const c10::TypePtr& type, const std::string& name, TensorPlace& place,
                        bool copy) {
  if (value.kind == INF_KIND_TENSOR) return place.place(value.tensor, copy);
  if (value.kind == INF_KIND_LIST) return to_list(value, c10::TensorType::get(), name, place, copy);
  return open_scalar(value, name, type);
}

}  // namespace

c10::IValue to_ivalue(const inf_value& value, const c10::TypePtr& type, const std::string& name, TensorPlace& place,
                      bool copy) {
  switch (type->kind()) {
    case c10::TypeKind::OptionalType:
      if (value.kind == INF_KIND_NONE) return {};
      return to_ivalue(value, type->expectRef<c10::OptionalType>().getElementType(), name, place, copy);
    case c10::TypeKind::NoneType:
      if (value.kind != INF_KIND_NONE) wrong_kind(name, type);
      return {};
    case c10::TypeKind::TensorType:
      if (value.kind != INF_KIND_TENSOR) wrong_kind(name, type);
      return place.place(value.tensor, copy);
    case c10::TypeKind::IntType:
      if (value.kind != INF_KIND_INT) wrong_kind(name, type);
      return value.integer;
    case c10::TypeKind::FloatType:
      if (value.kind == INF_KIND_INT) return static_cast<double>(value.integer);
      if (value.kind != INF_KIND_FLOAT) wrong_kind(name, type);
      return value.number;
    case c10::TypeKind::BoolType:
      if (value.kind != INF_KIND_BOOL) wrong_kind(name, type);
      return value.integer != 0;
    case c10::TypeKind::StringType:
      if (value.kind != INF_KIND_TEXT) wrong_kind(name, type);
      return text_of(value.text);
    case c10::TypeKind::DeviceObjType:
      if (value.kind != INF_KIND_TEXT) wrong_kind(name, type);
      return c10::Device(text_of(value.text));
    case c10::TypeKind::TupleType:
      if (value.kind != INF_KIND_TUPLE && value.kind != INF_KIND_LIST) wrong_kind(name, type);
      return to_tuple(value, type->cast<c10::TupleType>(), name, place, copy);
    case c10::TypeKind::ListType:
      if (value.kind != INF_KIND_LIST && value.kind != INF_KIND_TUPLE) wrong_kind(name, type);
      return to_list(value, type->expectRef<c10::ListType>().getElementType(), name, place, copy);
    case c10::TypeKind::DictType:
      if (value.kind != INF_KIND_DICT) wrong_kind(name, type);
      return to_dict(value, type->cast<c10::DictType>(), name, place, copy);
    default:
      return to_anything(value, type, name, place, copy);
  }
}

}  // namespace infernode::torch_backend
