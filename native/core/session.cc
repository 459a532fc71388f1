#include "session.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

#include "heap.h"

namespace infernode {
namespace {

// What this thread has computed; of systems that do not tell, the time of day.
std::chrono::nanoseconds thread_time() {
#ifdef CLOCK_THREAD_CPUTIME_ID
  timespec now{};
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0)
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
#endif
  return std::chrono::steady_clock::now().time_since_epoch();
}

}  // namespace

Session::Session(const inf_backend_api& api, std::vector<Executor*> executors, LoadOptions options)
    : api_(api), executors_(std::move(executors)), options_(std::move(options)) {}

Session::~Session() {
  unload();
}

void Session::load() {
  const inf_load_options plain{options_.path.c_str(), options_.format.c_str(),    options_.device.c_str(),
                               options_.threads,      options_.precision.c_str(), options_.channels_last,
                               options_.fuse ? 1 : 0, options_.graphs ? 1 : 0,    options_.memory_limit};
  inf_model* loaded = nullptr;
  const auto keep = [&] {
    const std::lock_guard lock(mutex_);
    model_ = Model(loaded, [free = api_.model_free](inf_model* model) {
      free(model);
      give_back_freed_heap();
    });
  };
  if (!options_.recipe.has_value()) {
    if (inf_error* error = api_.model_load(&plain, &loaded)) throw Failure::from(api_, error);
    keep();
    // What reading and rewriting the model left behind is often as large as the model.
    give_back_freed_heap();
    return;
  }
  const auto& recipe = *options_.recipe;
  std::vector<const char*> exclude;
  for (const auto& name : recipe.exclude) exclude.push_back(name.c_str());
  const inf_recipe plain_recipe{recipe.mode.c_str(), recipe.observer.c_str(), recipe.reduce_range ? 1 : 0,
                                exclude.data(), exclude.size()};
  if (inf_error* error = api_.model_observe(&plain, &plain_recipe, &loaded)) throw Failure::from(api_, error);
  keep();
}

Session::Model Session::model() const {
  const std::lock_guard lock(mutex_);
  if (model_ == nullptr) throw Failure{INF_INTERNAL, "The model is not loaded", ""};
  return model_;
}

std::string Session::description() const {
  return api_.model_describe(model().get());
}

std::string Session::state() const {
  const std::lock_guard lock(mutex_);
  if (model_ == nullptr) return "{}";
  const std::unique_ptr<char, decltype(api_.text_free)> text(api_.model_state(model_.get()), api_.text_free);
  return text == nullptr ? "{}" : text.get();
}

std::string Session::convert(const std::string& target) {
  const auto held = model();
  const char* report = nullptr;
  if (inf_error* error = api_.model_convert(held.get(), target.c_str(), &report)) throw Failure::from(api_, error);
  return report;
}

Outputs Session::run(uint32_t method, QuickCalls::Kind kind, const inf_value* arguments, size_t count) {
  const auto held = model();
  inf_result* result = nullptr;
  // Of others it means nothing: their threads and devices compute too.
  const bool learns = runs_anywhere();
  const auto begin = learns ? thread_time() : std::chrono::nanoseconds::zero();
  const auto called = std::chrono::steady_clock::now();
  if (inf_error* error = api_.model_run(held.get(), method, arguments, count, &result))
    throw Failure::from(api_, error);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - called;
  if (learns) quick_calls_.took(kind, thread_time() - begin);
  return {api_, result, took.count()};
}

void Session::unload() {
  Model freed;  // outside the lock
  const std::lock_guard lock(mutex_);
  freed.swap(model_);
}

Executor& Session::next_executor() const {
  return **std::min_element(executors_.begin(), executors_.end(),
                            [](const Executor* a, const Executor* b) { return a->load() < b->load(); });
}

bool Session::cancel(const void* owner, uint32_t ticket) const {
  return std::any_of(executors_.begin(), executors_.end(),
                     [&](Executor* executor) { return executor->cancel(owner, ticket); });
}

}  // namespace infernode
