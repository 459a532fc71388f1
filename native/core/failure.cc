#include "failure.h"

namespace infernode {
namespace {

// The codes of src/errors.ts.
const char* code_of(inf_status status) {
  switch (status) {
    case INF_MODEL_INVALID:
      return "INF_MODEL_INVALID";
    case INF_MODEL_FAILED:
      return "INF_MODEL_FAILED";
    case INF_METHOD_UNKNOWN:
      return "INF_METHOD_UNKNOWN";
    case INF_INPUT_TYPE:
      return "INF_INPUT_TYPE";
    case INF_OUTPUT_UNSUPPORTED:
      return "INF_OUTPUT_UNSUPPORTED";
    case INF_DEVICE_UNAVAILABLE:
      return "INF_DEVICE_UNAVAILABLE";
    case INF_OUT_OF_MEMORY:
      return "INF_OUT_OF_MEMORY";
    case INF_PRECISION_UNSUPPORTED:
      return "INF_PRECISION_UNSUPPORTED";
    case INF_CALIBRATION_INVALID:
      return "INF_CALIBRATION_INVALID";
    case INF_QUANTIZE_NOTHING:
      return "INF_QUANTIZE_NOTHING";
    case INF_QUANTIZED_ALREADY:
      return "INF_QUANTIZED_ALREADY";
    case INF_CONVERSION_FAILED:
      return "INF_CONVERSION_FAILED";
    case INF_DEVICE_FAILED:
      return "INF_DEVICE_FAILED";
    case INF_OK:
    case INF_INTERNAL:
      break;
  }
  return "INF_INTERNAL";
}

}  // namespace

Failure Failure::from(const inf_backend_api& api, inf_error* error) {
  Failure failure{error->status, error->message, error->trace};
  api.error_free(error);
  return failure;
}

Napi::Error Failure::to_js(Napi::Env env) const {
  auto error = Napi::Error::New(env, message);
  error.Set("code", code_of(status));
  if (!trace.empty()) error.Set("trace", trace);
  return error;
}

}  // namespace infernode
