#include "outputs.h"

#include <cstring>

namespace infernode {
namespace {

// Below this size a copy costs less than the bookkeeping of foreign memory.
constexpr size_t kCopyLimit = 16384;

struct ArrayKind {
  napi_typedarray_type type;
  size_t width;
};

ArrayKind array_kind(inf_dtype dtype) {
  switch (dtype) {
    case INF_FLOAT32:
      return {napi_float32_array, 4};
    case INF_FLOAT64:
      return {napi_float64_array, 8};
    case INF_INT8:
      return {napi_int8_array, 1};
    case INF_INT16:
      return {napi_int16_array, 2};
    case INF_INT32:
      return {napi_int32_array, 4};
    case INF_INT64:
      return {napi_bigint64_array, 8};
    case INF_FLOAT16:
    case INF_BFLOAT16:
    case INF_UINT16:
      return {napi_uint16_array, 2};
    case INF_UINT32:
      return {napi_uint32_array, 4};
    case INF_UINT64:
      return {napi_biguint64_array, 8};
    case INF_UINT8:
    case INF_BOOL:
    case INF_STRING:
      break;
  }
  return {napi_uint8_array, 1};
}

void check(Napi::Env env, napi_status status) {
  if (status != napi_ok) throw Napi::Error::New(env);
}

napi_value copy_buffer(Napi::Env env, const inf_tensor& tensor) {
  void* memory = nullptr;
  napi_value buffer = nullptr;
  check(env, napi_create_arraybuffer(env, tensor.bytes, &memory, &buffer));
  if (tensor.bytes > 0) std::memcpy(memory, tensor.data, tensor.bytes);
  return buffer;
}

struct Release {
  const inf_backend_api* api;
  void* owner;
};

void release_external(napi_env /*env*/, void* /*data*/, void* hint) {
  const std::unique_ptr<Release> release(static_cast<Release*>(hint));
  release->api->output_release(release->owner);
}

// Null where the engine takes no foreign memory (Electron): then the caller copies.
napi_value adopt_buffer(Napi::Env env, const inf_backend_api& api, inf_output& output) {
  auto release = std::make_unique<Release>(Release{&api, output.owner});
  napi_value buffer = nullptr;
  const auto status = napi_create_external_arraybuffer(env, output.tensor.data, output.tensor.bytes, release_external,
                                                       release.get(), &buffer);
  if (status != napi_ok) return nullptr;
  static_cast<void>(release.release());  // the engine holds it now
  output.owner = nullptr;
  return buffer;
}

}  // namespace

Napi::Array Outputs::to_js(Napi::Env env) {
  auto flat = Napi::Array::New(env, result_->count * 4 + 1);
  uint32_t slot = 0;
  for (size_t i = 0; i < result_->count; ++i) {
    auto& output = result_->outputs[i];
    auto shape = Napi::Array::New(env, static_cast<size_t>(output.tensor.rank));
    for (int32_t axis = 0; axis < output.tensor.rank; ++axis) {
      shape.Set(static_cast<uint32_t>(axis), static_cast<double>(output.tensor.shape[axis]));
    }
    flat.Set(slot++, Napi::String::New(env, output.name.data, output.name.size));
    flat.Set(slot++, static_cast<double>(output.tensor.dtype));
    flat.Set(slot++, shape);
    flat.Set(slot++, data_to_js(env, output));
  }
  flat.Set(slot, milliseconds_);
  return flat;
}

Napi::Value Outputs::data_to_js(Napi::Env env, inf_output& output) {
  const auto& tensor = output.tensor;
  if (tensor.dtype == INF_STRING) {
    const auto* texts = static_cast<const inf_string*>(tensor.data);
    const auto count = tensor.bytes / sizeof(inf_string);
    auto array = Napi::Array::New(env, count);
    for (size_t i = 0; i < count; ++i) {
      array.Set(static_cast<uint32_t>(i), Napi::String::New(env, texts[i].data, texts[i].size));
    }
    return array;
  }
  napi_value buffer = nullptr;
  if (tensor.bytes > kCopyLimit) buffer = adopt_buffer(env, *api_, output);
  if (buffer == nullptr) buffer = copy_buffer(env, tensor);
  const auto kind = array_kind(tensor.dtype);
  napi_value array = nullptr;
  check(env, napi_create_typedarray(env, kind.type, tensor.bytes / kind.width, buffer, 0, &array));
  return {env, array};
}

}  // namespace infernode
