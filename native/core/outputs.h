// The outputs of a call, on their way to JavaScript.
#pragma once

#include <napi.h>

#include <memory>

#include "infernode/backend.h"

namespace infernode {

// Owns a backend's result.
class Outputs {
 public:
  Outputs(const inf_backend_api& api, inf_result* result, double milliseconds)
      : api_(&api), result_(result, Free{&api}), milliseconds_(milliseconds) {}

  // A flat array: name, dtype code, shape, data of each output, and the milliseconds that the model computed. Data is a
  // typed array, or an array of strings. Memory of large outputs passes to JavaScript without a copy, so this can be
  // called once.
  Napi::Array to_js(Napi::Env env);

 private:
  struct Free {
    const inf_backend_api* api;
    void operator()(inf_result* result) const { api->result_free(result); }
  };

  Napi::Value data_to_js(Napi::Env env, inf_output& output);

  const inf_backend_api* api_;
  std::unique_ptr<inf_result, Free> result_;
  double milliseconds_;
};

}  // namespace infernode
