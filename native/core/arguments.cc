#include "arguments.h"

#include <string>

namespace infernode {
namespace {

size_t element_bytes(inf_dtype dtype) {
  switch (dtype) {
    case INF_FLOAT64:
    case INF_INT64:
    case INF_UINT64:
      return 8;
    case INF_FLOAT32:
    case INF_INT32:
    case INF_UINT32:
      return 4;
    case INF_FLOAT16:
    case INF_BFLOAT16:
    case INF_INT16:
    case INF_UINT16:
      return 2;
    case INF_INT8:
    case INF_UINT8:
    case INF_BOOL:
      return 1;
    case INF_STRING:
      break;
  }
  return 0;
}

[[noreturn]] void malformed(Napi::Env env, const char* what) {
  auto error = Napi::Error::New(env, std::string("Malformed call: ") + what);
  error.Set("code", "INF_INTERNAL");
  throw error;
}

}  // namespace

Arguments::Arguments(const double* numbers, size_t length, const Napi::Array& values)
    : numbers_(numbers), length_(length), given_(values) {
  values_.reserve(length);
  dims_.reserve(length);
  texts_.reserve(values.Length());
  keys_.reserve(values.Length());
  count_ = next_count();
  auto* roots = allocate(count_);
  for (size_t i = 0; i < count_; ++i) decode(roots[i]);
}

double Arguments::next_number() {
  if (position_ == length_) malformed(given_.Env(), "too few numbers");
  return numbers_[position_++];
}

size_t Arguments::next_count() {
  const double count = next_number();
  if (!(count >= 0) || count > static_cast<double>(length_)) malformed(given_.Env(), "bad count");
  return static_cast<size_t>(count);
}

Napi::Value Arguments::next_value() {
  return given_.Get(given_position_++);
}

inf_string Arguments::next_text() {
  const auto value = next_value();
  if (!value.IsString() || texts_.size() == texts_.capacity()) malformed(given_.Env(), "a string is missing");
  texts_.push_back(value.As<Napi::String>().Utf8Value());
  return {texts_.back().data(), texts_.back().size()};
}

inf_value* Arguments::allocate(size_t count) {
  if (count > values_.capacity() - values_.size()) malformed(given_.Env(), "too few numbers");
  auto* block = values_.data() + values_.size();
  values_.resize(values_.size() + count);
  return block;
}

void Arguments::decode(inf_value& value) {
  value.kind = static_cast<inf_kind>(next_number());
  switch (value.kind) {
    case INF_KIND_NONE:
      return;
    case INF_KIND_TENSOR:
      return decode_tensor(value.tensor);
    case INF_KIND_INT: {
      const auto high = static_cast<int64_t>(next_number());
      const auto low = static_cast<int64_t>(next_number());
      value.integer = static_cast<int64_t>((static_cast<uint64_t>(high) << 32) | static_cast<uint64_t>(low));
      return;
    }
    case INF_KIND_FLOAT:
      value.number = next_number();
      return;
    case INF_KIND_BOOL:
      value.integer = next_number() != 0;
      return;
    case INF_KIND_TEXT:
      value.text = next_text();
      return;
    case INF_KIND_LIST:
    case INF_KIND_TUPLE:
    case INF_KIND_DICT: {
      value.count = next_count();
      auto* items = allocate(value.count);
      value.items = items;
      const size_t first_key = keys_.size();
      const bool is_dict = value.kind == INF_KIND_DICT;
      if (is_dict) {
        if (value.count > keys_.capacity() - keys_.size()) malformed(given_.Env(), "a key is missing");
        keys_.resize(keys_.size() + value.count);
        value.keys = keys_.data() + first_key;
      }
      for (size_t i = 0; i < value.count; ++i) {
        if (is_dict) keys_[first_key + i] = next_text();
        decode(items[i]);
      }
      return;
    }
  }
  malformed(given_.Env(), "unknown kind");
}

void Arguments::decode_tensor(inf_tensor& tensor) {
  tensor.dtype = static_cast<inf_dtype>(next_number());
  const size_t width = element_bytes(tensor.dtype);
  const size_t rank = next_count();
  tensor.rank = static_cast<int32_t>(rank);
  tensor.shape = dims_.data() + dims_.size();
  // The caller checked the shape; this guards memory, whatever the caller did.
  constexpr double kMost = 9007199254740991;  // the largest safe integer of JavaScript
  double elements = 1;
  for (size_t axis = 0; axis < rank; ++axis) {
    const double dim = next_number();
    if (!(dim >= 0) || dim > kMost) malformed(given_.Env(), "bad dimension");
    dims_.push_back(static_cast<int64_t>(dim));
    elements *= dim;
  }
  const auto value = next_value();
  if (!value.IsTypedArray()) malformed(given_.Env(), "a typed array is missing");
  napi_typedarray_type type{};
  size_t length = 0;
  size_t offset = 0;
  napi_value buffer = nullptr;
  const auto status = napi_get_typedarray_info(value.Env(), value, &type, &length, &tensor.data, &buffer, &offset);
  if (status != napi_ok) malformed(given_.Env(), "unreadable typed array");
  tensor.bytes = value.As<Napi::TypedArray>().ByteLength();
  if (width == 0 || static_cast<double>(tensor.bytes) != elements * static_cast<double>(width)) {
    malformed(given_.Env(), "data and shape disagree");
  }
}

}  // namespace infernode
