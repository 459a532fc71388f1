// A look at the GPUs off the JavaScript thread: opening the driver's library may take a second.
#pragma once

#include <napi.h>

#include <string>

#include "gpu_monitor.h"

namespace infernode {

// Runs once on libuv's pool, which is made for short waits like this, and settles its promise with JSON text.
class GpuQuery final : public Napi::AsyncWorker {
 public:
  explicit GpuQuery(Napi::Env env) : AsyncWorker(env), promise_(Napi::Promise::Deferred::New(env)) {}
  Napi::Promise promise() const { return promise_.Promise(); }

 private:
  void Execute() override { figures_ = gpu_figures(); }
  void OnOK() override { promise_.Resolve(Napi::String::New(Env(), figures_)); }
  void OnError(const Napi::Error& error) override { promise_.Reject(error.Value()); }

  Napi::Promise::Deferred promise_;
  std::string figures_;
};

}  // namespace infernode
