// Drives the torch backend through its C boundary: every kind of argument and answer, errors, damaged files, two
// threads. Meant to run under AddressSanitizer. Usage: torch_backend_test BACKEND FIXTURES LIBRARY...
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "infernode/backend.h"

namespace {

const inf_backend_api* api = nullptr;
std::string fixtures;
int passed = 0;
int failed = 0;

void check(bool ok, const std::string& what) {
  ok ? ++passed : ++failed;
  if (!ok) std::fprintf(stderr, "FAILED: %s\n", what.c_str());
}

void* open_library(const char* path, int flags) {
  void* handle = dlopen(path, flags);
  if (handle == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    std::exit(2);
  }
  return handle;
}

// One model, freed at the end of its scope.
class Model {
 public:
  explicit Model(const std::string& path) {
    const inf_load_options options{path.c_str(), "torchscript", "cpu", 1, "auto", -1, 1, 0, 0};
    error_ = api->model_load(&options, &model_);
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  ~Model() {
    if (error_ != nullptr) api->error_free(error_);
    if (model_ != nullptr) api->model_free(model_);
  }
  static std::string fixture(const char* name) { return fixtures + "/" + name + ".pt"; }

  bool loaded() const { return model_ != nullptr; }
  const inf_error* error() const { return error_; }
  inf_model* get() const { return model_; }

 private:
  inf_model* model_ = nullptr;
  inf_error* error_ = nullptr;
};

// A float vector argument over memory of its own.
struct Vector {
  explicit Vector(std::vector<float> values) : data(std::move(values)), shape{static_cast<int64_t>(data.size())} {}
  inf_value value() {
    inf_value result{};
    result.kind = INF_KIND_TENSOR;
    result.tensor = {INF_FLOAT32, 1, shape, data.data(), data.size() * sizeof(float)};
    return result;
  }
  std::vector<float> data;
  int64_t shape[1];
};

inf_value integer(int64_t number) {
  inf_value value{};
  value.kind = INF_KIND_INT;
  value.integer = number;
  return value;
}

inf_value sequence(inf_kind kind, const std::vector<inf_value>& items, const inf_string* keys = nullptr) {
  inf_value value{};
  value.kind = kind;
  value.items = items.data();
  value.keys = keys;
  value.count = items.size();
  return value;
}

// Runs a method and hands its outputs, or its error, to `inspect`; frees both.
template <typename Inspect>
void run(const Model& model, uint32_t method, const std::vector<inf_value>& arguments, const Inspect& inspect) {
  inf_result* result = nullptr;
  inf_error* error = api->model_run(model.get(), method, arguments.data(), arguments.size(), &result);
  inspect(result, error);
  if (error != nullptr) api->error_free(error);
  if (result != nullptr) api->result_free(result);
}

float first(const inf_result* result) {
  return static_cast<const float*>(result->outputs[0].tensor.data)[0];
}

void test_outputs() {
  const Model model(Model::fixture("outputs"));
  check(model.loaded(), "outputs loads");
  Vector x({1, 2, 3});
  // More methods than there are: the last ones must be refused, not read.
  for (uint32_t method = 0; method < 16; ++method) {
    run(model, method, {x.value()}, [&](inf_result* result, inf_error* error) {
      check((result == nullptr) != (error == nullptr), "an answer or an error");
      for (size_t i = 0; result != nullptr && i < result->count; ++i) {
        const auto& output = result->outputs[i];
        check(output.name.size > 0, "every output has a name");
        if (output.tensor.dtype == INF_STRING) continue;
        // Reads every byte, so that the sanitizer sees memory that is too short or gone.
        std::string copy(static_cast<const char*>(output.tensor.data), output.tensor.bytes);
        check(copy.size() == output.tensor.bytes, "the memory is there");
      }
    });
  }
  // An output that is taken outlives its result and its model.
  void* owner = nullptr;
  inf_tensor taken{};
  run(model, 0, {x.value()}, [&](inf_result* result, inf_error*) {
    owner = result->outputs[0].owner;
    taken = result->outputs[0].tensor;
    result->outputs[0].owner = nullptr;
  });
  check(static_cast<float*>(taken.data)[2] == 3, "a taken output stays");
  api->output_release(owner);
}

void test_arguments() {
  const Model model(Model::fixture("containers"));
  Vector a({10});
  Vector b({1});
  const std::vector<inf_value> pair{a.value(), b.value()};
  const std::vector<inf_value> items{b.value(), b.value()};
  const std::vector<inf_value> sizes{integer(5)};
  const inf_string keys[] = {{"k", 1}};
  const std::vector<inf_value> table{a.value()};
  const std::vector<inf_value> good{sequence(INF_KIND_TUPLE, pair), sequence(INF_KIND_LIST, items),
                                    sequence(INF_KIND_DICT, table, keys), sequence(INF_KIND_LIST, sizes)};
  run(model, 0, good, [](inf_result* result, inf_error*) {
    check(result != nullptr && first(result) == 10 - 1 + 1 + 1 + 10 + 5, "containers add up");
  });
  run(model, 0, {a.value(), a.value(), a.value(), a.value()}, [](inf_result*, inf_error* error) {
    check(error != nullptr && error->status == INF_INPUT_TYPE, "the wrong kinds are refused");
  });
  run(model, 0, {}, [](inf_result*, inf_error* error) { check(error != nullptr, "missing arguments are refused"); });
}

void test_errors() {
  const Model throws(Model::fixture("throws"));
  Vector x({1, 2, 3, 4});
  run(throws, 0, {x.value()}, [](inf_result*, inf_error* error) {
    check(error != nullptr && error->status == INF_MODEL_FAILED, "a throwing model fails");
    check(std::strstr(error->trace, "Traceback") != nullptr, "its trace is kept");
  });
  const Model grows(Model::fixture("grows"));
  run(grows, 0, {integer(1 << 20)}, [](inf_result*, inf_error* error) {
    check(error != nullptr && error->status == INF_OUT_OF_MEMORY, "an impossible allocation is told as such");
  });
  const Model missing("/nowhere/model.pt");
  check(!missing.loaded() && missing.error()->status == INF_MODEL_INVALID, "a missing file");
}

void test_damaged_files() {
  std::ifstream file(Model::fixture("norms"), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::string path = std::string(std::getenv("TMPDIR") != nullptr ? std::getenv("TMPDIR") : "/tmp") +
                           "/infernode-damaged-" + std::to_string(getpid()) + ".pt";
  uint32_t state = 1;
  for (int round = 0; round < 60; ++round) {
    std::string damaged = whole;
    for (int i = 0; i < 8; ++i) {
      state = state * 1664525U + 1013904223U;
      damaged[state % damaged.size()] = static_cast<char>(state >> 24);
    }
    if (round % 4 == 0) damaged.resize(state % damaged.size());
    std::ofstream(path, std::ios::binary).write(damaged.data(), static_cast<std::streamsize>(damaged.size()));
    const Model model(path);
    check(model.loaded() != (model.error() != nullptr), "a damaged file is loaded or refused");
  }
  std::remove(path.c_str());
}

void test_threads() {
  const Model model(Model::fixture("tiny"));
  const Model counter(Model::fixture("counter"));
  const auto work = [&] {
    api->enter_thread(1);
    for (int i = 0; i < 500; ++i) {
      Vector x({static_cast<float>(i)});
      Vector one({1, 1});
      run(model, 0, {x.value()}, [&](inf_result* result, inf_error*) {
        check(result != nullptr && first(result) == 2.0F * static_cast<float>(i) + 1, "each thread has its own answer");
      });
      run(counter, 0, {one.value()}, [](inf_result* result, inf_error*) { check(result != nullptr, "counted"); });
    }
  };
  std::thread other(work);
  // `check` counts without a lock, so the other thread counts alone.
  other.join();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      api->enter_thread(1);
      for (int call = 0; call < 500; ++call) {
        Vector one({1, 1});
        run(counter, 0, {one.value()}, [](inf_result*, inf_error*) {});
      }
    });
  }
  for (auto& thread : threads) thread.join();
  Vector zero({0, 0});
  run(counter, 0, {zero.value()},
      [](inf_result* result, inf_error*) { check(first(result) == 2500, "a stateful model lost no call"); });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  fixtures = argv[2];
  for (int i = 3; i < argc; ++i) open_library(argv[i], RTLD_NOW | RTLD_GLOBAL);
  const auto entry = reinterpret_cast<inf_backend_entry>(dlsym(open_library(argv[1], RTLD_NOW), INF_BACKEND_ENTRY));
  check(entry(INF_BACKEND_ABI + 1) == nullptr, "another ABI is refused");
  api = entry(INF_BACKEND_ABI);
  if (inf_error* error = api->initialize()) {
    std::fprintf(stderr, "%s\n", error->message);
    return 2;
  }
  api->enter_thread(1);
  test_outputs();
  test_arguments();
  test_errors();
  test_damaged_files();
  test_threads();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
