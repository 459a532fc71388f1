#include "cuda/call_signature.h"

#include <bit>
#include <cstdint>
#include <string_view>

namespace infernode::torch_backend {
namespace {

constexpr size_t kLongest = 1024;
constexpr const char* kDtypeNames[] = {"",      "float32", "float64", "float16", "bfloat16", "int8",   "int16",
                                       "int32", "int64",   "uint8",   "uint16",  "uint32",   "uint64", "bool"};

std::string_view text_of(const inf_string& text) {
  return {text.data, text.size};
}

// False if the call has no signature.
bool write(const inf_value& value, std::string& text) {
  switch (value.kind) {
    case INF_KIND_NONE:
      text += "none";
      break;
    case INF_KIND_TENSOR:
      if (value.tensor.dtype == INF_STRING) return false;
      text += kDtypeNames[value.tensor.dtype];
      text += '[';
      for (int32_t axis = 0; axis < value.tensor.rank; ++axis) {
        if (axis > 0) text += ',';
        text += std::to_string(value.tensor.shape[axis]);
      }
      text += ']';
      break;
    case INF_KIND_INT:
      text += std::to_string(value.integer);
      break;
    case INF_KIND_FLOAT:
      // Its bits: two numbers that print alike may differ.
      text += 'f' + std::to_string(std::bit_cast<uint64_t>(value.number));
      break;
    case INF_KIND_BOOL:
      text += value.integer != 0 ? "true" : "false";
      break;
    case INF_KIND_TEXT:
      text += std::to_string(value.text.size) + '"';
      text += text_of(value.text);
      break;
    case INF_KIND_LIST:
    case INF_KIND_TUPLE:
    case INF_KIND_DICT:
      text += value.kind == INF_KIND_LIST ? "list(" : value.kind == INF_KIND_TUPLE ? "tuple(" : "dict(";
      for (size_t i = 0; i < value.count; ++i) {
        if (value.kind == INF_KIND_DICT) {
          text += std::to_string(value.keys[i].size) + '"';
          text += text_of(value.keys[i]);
          text += ':';
        }
        if (!write(value.items[i], text)) return false;
        text += ',';
      }
      text += ')';
      break;
  }
  return text.size() <= kLongest;
}

void collect(const inf_value* values, size_t count, std::vector<const inf_tensor*>& tensors) {
  for (size_t i = 0; i < count; ++i) {
    if (values[i].kind == INF_KIND_TENSOR) tensors.push_back(&values[i].tensor);
    collect(values[i].items, values[i].items == nullptr ? 0 : values[i].count, tensors);
  }
}

}  // namespace

std::optional<std::string> call_signature(uint32_t method, const inf_value* arguments, size_t count) {
  std::string text = std::to_string(method) + '(';
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) text += ',';
    if (!write(arguments[i], text)) return std::nullopt;
  }
  return text + ')';
}

std::vector<const inf_tensor*> tensors_of(const inf_value* arguments, size_t count) {
  std::vector<const inf_tensor*> tensors;
  collect(arguments, count, tensors);
  return tensors;
}

int64_t rows_of(const inf_value* arguments, size_t count) {
  for (const auto* tensor : tensors_of(arguments, count)) {
    if (tensor->rank > 0) return tensor->shape[0];
  }
  return -1;
}

}  // namespace infernode::torch_backend
