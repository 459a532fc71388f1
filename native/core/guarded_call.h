// The way in from JavaScript.
#pragma once

#include <napi.h>

#include <type_traits>

namespace infernode {

// Throws the error in JavaScript, or does nothing in an environment that is being ended: there nothing can be thrown,
// and node-addon-api's own wrapper, which insists, aborts the process.
inline void throw_in_js(napi_env env, const Napi::Error& error) noexcept {
  try {
    bool pending = false;
    if (napi_is_exception_pending(env, &pending) != napi_ok || pending) return;
    static_cast<void>(napi_throw(env, error.Value()));
  } catch (const Napi::Error&) {
    // The environment ended in between.
  }
}

// A function of the add-on as Node-API calls it. worker.terminate() ends an environment in the middle of any call, so
// every Node-API function in it may fail at any time.
template <auto function>
napi_value guarded_call(napi_env env, napi_callback_info raw) noexcept {
  try {
    const Napi::CallbackInfo info(env, raw);
    if constexpr (std::is_void_v<decltype(function(info))>) {
      function(info);
      return nullptr;
    } else {
      return function(info);
    }
  } catch (const Napi::Error& error) {
    throw_in_js(env, error);
    return nullptr;
  }
}

template <auto function>
void export_function(Napi::Object exports, const char* name) {
  napi_value made = nullptr;
  if (napi_create_function(exports.Env(), name, NAPI_AUTO_LENGTH, guarded_call<function>, nullptr, &made) != napi_ok) {
    throw Napi::Error::New(exports.Env());
  }
  exports.Set(name, made);
}

}  // namespace infernode
