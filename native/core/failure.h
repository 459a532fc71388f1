// A failed call, on its way from a backend to JavaScript.
#pragma once

#include <napi.h>

#include <string>

#include "infernode/backend.h"

namespace infernode {

struct Failure {
  inf_status status = INF_INTERNAL;
  std::string message;
  std::string trace;  // the framework's full text; empty if there is none

  // Takes the error over and frees it.
  static Failure from(const inf_backend_api& api, inf_error* error);

  // An Error with `code` (INF_...) and, if there is one, `trace`.
  Napi::Error to_js(Napi::Env env) const;
};

}  // namespace infernode
