#include "cuda/cuda_runner.h"

#include <c10/cuda/CUDAGuard.h>

#include <exception>
#include <utility>

#include "cuda/call_signature.h"
#include "cuda/device_errors.h"
#include "cuda/tf32_scope.h"
#include "cuda/transfer.h"
#include "error.h"
#include "json.h"

namespace infernode::torch_backend {
namespace {

// Of one model and executor: as many as sizes that batches are filled up to, and some for callers that send others.
constexpr size_t kMostGraphs = 32;
// TorchScript looks at two runs before it specializes, and cuDNN and cuBLAS make up their minds at first use.
constexpr size_t kWarmRuns = 3;
constexpr size_t kPatience = 3;

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

CudaRunner::Recordings::Recordings() : graphs(kMostGraphs, kWarmRuns, kPatience), pool(at::cuda::graph_pool_handle()) {}

c10::IValue CudaRunner::run(const Call& call, Compute compute) {
  auto& context = StreamContext::current(device_.index());
  const c10::cuda::CUDAStreamGuard on_stream(context.stream());
  // The call before has ended, or has been recovered from.
  context.staging().reset();
  try {
    const auto signature = use_.graphs ? call_signature(call.method, call.arguments, call.count) : std::nullopt;
    if (signature.has_value()) return run_with_graphs(*signature, call, compute, context);
    DevicePlace place(context);
    return download(compute_once(place, compute), context);
  } catch (...) {
    recover_and_rethrow(device_);
  }
}

c10::IValue CudaRunner::compute_once(TensorPlace& place, Compute compute) {
  const Tf32Scope scope(use_.tf32);
  return compute(place);
}

c10::IValue CudaRunner::run_with_graphs(const std::string& signature, const Call& call, Compute compute,
                                        StreamContext& context) {
  auto& recordings = recordings_of(context);
  Graphs::Choice choice{};
  {
    const std::lock_guard lock(recordings.mutex);
    choice = recordings.graphs.choose(signature);
  }
  if (choice.action == Graphs::Action::kReplay) return (*choice.graph)->replay(call, context);
  if (choice.action == Graphs::Action::kRecord) return record(signature, call, compute, context, recordings);
  DevicePlace place(context);
  return download(compute_once(place, compute), context);
}

// Answers the call by computing it, so that a recording that fails costs it nothing but time.
c10::IValue CudaRunner::record(const std::string& signature, const Call& call, Compute compute, StreamContext& context,
                               Recordings& recordings) {
  DevicePlace place(context);
  auto answer = download(compute_once(place, compute), context);
  std::unique_ptr<RecordedCall> recorded;
  std::string failure;
  try {
    if (place.placed().size() != tensors_of(call.arguments, call.count).size()) {
      failure = "the method does not use all of its inputs";
    } else {
      const Tf32Scope scope(use_.tf32);
      recorded = std::make_unique<RecordedCall>(compute, place.placed(), recordings.pool, context);
    }
    if (recorded != nullptr && !agree(answer, recorded->replay(call, context))) {
      recorded.reset();
      failure = "a replay answers otherwise than the model";
    }
  } catch (const c10::Error& error) {
    recorded.reset();
    failure = first_line(error.what_without_backtrace());
  } catch (const std::exception& error) {
    recorded.reset();
    failure = first_line(error.what());
  }
  const std::lock_guard lock(recordings.mutex);
  if (recorded != nullptr) {
    recordings.graphs.keep(signature, std::move(recorded));
  } else {
    recordings.graphs.fail(signature, failure);
  }
  return answer;
}

CudaRunner::Recordings& CudaRunner::recordings_of(const StreamContext& context) {
  const std::lock_guard lock(mutex_);
  auto& recordings = recordings_[context.id()];
  if (recordings == nullptr) recordings = std::make_unique<Recordings>();
  return *recordings;
}

std::string CudaRunner::state() const {
  if (!use_.graphs) return "{}";
  const std::lock_guard lock(mutex_);
  uint64_t replays = 0;
  uint64_t computed = 0;
  uint64_t evicted = 0;
  JsonWriter json;
  json.begin_object().key("graphs").begin_object();
  json.key("executors").begin_array();
  for (const auto& [context, recordings] : recordings_) {
    const std::lock_guard inner(recordings->mutex);
    const auto& graphs = recordings->graphs;
    replays += graphs.replays();
    computed += graphs.computed();
    evicted += graphs.evicted();
    json.begin_object().key("recorded").begin_array();
    for (const auto& entry : graphs.entries()) {
      if (entry.graph.has_value()) json.value(entry.signature);
    }
    json.end_array().key("failures").begin_array();
    for (const auto& entry : graphs.entries()) {
      if (entry.failure.empty()) continue;
      json.begin_object().key("signature").value(entry.signature).key("reason").value(entry.failure).end_object();
    }
    json.end_array().end_object();
  }
  json.end_array();
  json.key("replays").value(static_cast<int64_t>(replays));
  json.key("computed").value(static_cast<int64_t>(computed));
  json.key("evicted").value(static_cast<int64_t>(evicted));
  json.end_object().end_object();
  return json.text();
}

}  // namespace infernode::torch_backend
