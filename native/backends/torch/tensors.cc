#include "tensors.h"

#include <ATen/core/Dict.h>
#include <ATen/core/List.h>

#include <utility>
#include <vector>

namespace infernode::torch_backend {

c10::IValue map_tensors(const c10::IValue& value, const std::function<at::Tensor(const at::Tensor&)>& change) {
  if (value.isTensor()) return value.toTensor().defined() ? c10::IValue(change(value.toTensor())) : value;
  if (value.isTuple()) {
    std::vector<c10::IValue> elements;
    for (const auto& element : value.toTupleRef().elements()) elements.push_back(map_tensors(element, change));
    const auto type = value.toTuple()->type<c10::TupleType>();
    return type->schema() == nullptr ? c10::ivalue::Tuple::create(std::move(elements))
                                     : c10::ivalue::Tuple::createNamed(std::move(elements), type);
  }
  if (value.isList()) {
    const auto list = value.toList();
    c10::impl::GenericList mapped(list.elementType());
    for (const c10::IValue& element : list) mapped.push_back(map_tensors(element, change));
    return mapped;
  }
  if (value.isGenericDict()) {
    const auto dict = value.toGenericDict();
    c10::impl::GenericDict mapped(dict.keyType(), dict.valueType());
    for (const auto& entry : dict) mapped.insert(entry.key(), map_tensors(entry.value(), change));
    return mapped;
  }
  return value;
}

}  // namespace infernode::torch_backend
