// What decides over CUDA graphs and their memory, without CUDA: which calls are equal, which are computed, recorded or
// replayed, and the memory that copies pass through. Usage: graphs_test
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "cuda/call_signature.h"
#include "cuda/graph_cache.h"
#include "cuda/staging_arena.h"

namespace {

using infernode::test::check;
using infernode::torch_backend::call_signature;
using infernode::torch_backend::GraphCache;
using infernode::torch_backend::rows_of;
using infernode::torch_backend::StagingArena;
using infernode::torch_backend::tensors_of;

using Cache = GraphCache<std::unique_ptr<int>>;
using Action = Cache::Action;

inf_value tensor(inf_dtype dtype, const std::vector<int64_t>& shape) {
  inf_value value{};
  value.kind = INF_KIND_TENSOR;
  value.tensor = {dtype, static_cast<int32_t>(shape.size()), shape.data(), nullptr, 0};
  return value;
}

inf_value text(inf_kind kind, const std::string& content) {
  inf_value value{};
  value.kind = kind;
  value.text = {content.data(), content.size()};
  return value;
}

inf_value scalar(inf_kind kind, int64_t integer, double number = 0) {
  inf_value value{};
  value.kind = kind;
  value.integer = integer;
  value.number = number;
  return value;
}

inf_value sequence(inf_kind kind, const std::vector<inf_value>& items, const std::vector<inf_string>& keys = {}) {
  inf_value value{};
  value.kind = kind;
  value.items = items.data();
  value.keys = keys.data();
  value.count = items.size();
  return value;
}

std::string signature(const std::vector<inf_value>& arguments, uint32_t method = 0) {
  return call_signature(method, arguments.data(), arguments.size()).value_or("none at all");
}

void signatures_tell_calls_apart() {
  const std::vector<int64_t> picture{8, 3, 224, 224};
  const std::vector<int64_t> one{1, 3, 224, 224};
  const auto float_picture = tensor(INF_FLOAT32, picture);
  check(signature({float_picture, scalar(INF_KIND_BOOL, 1)}) == "0(float32[8,3,224,224],true)", "a signature reads");
  check(signature({tensor(INF_BOOL, {})}) == "0(bool[])", "a tensor of no dimensions has a signature");
  check(signature({float_picture}) != signature({tensor(INF_FLOAT32, one)}), "shapes differ");
  check(signature({float_picture}) != signature({tensor(INF_FLOAT16, picture)}), "dtypes differ");
  check(signature({float_picture}) != signature({float_picture}, 1), "methods differ");
  check(signature({float_picture}) != signature({float_picture, float_picture}), "counts differ");
  check(signature({scalar(INF_KIND_FLOAT, 0, 0.1)}) != signature({scalar(INF_KIND_FLOAT, 0, 0.1 + 1e-17 + 1e-16)}),
        "numbers differ that print alike");
  check(signature({scalar(INF_KIND_INT, 1)}) != signature({scalar(INF_KIND_BOOL, 1)}), "kinds differ");
  const std::vector<inf_value> pair{float_picture, float_picture};
  check(signature({sequence(INF_KIND_LIST, pair)}) != signature({sequence(INF_KIND_TUPLE, pair)}), "structures differ");
  const std::vector<inf_value> outer{sequence(INF_KIND_LIST, pair), float_picture};
  const std::vector<inf_value> three{float_picture, float_picture, float_picture};
  check(signature(outer) != signature({sequence(INF_KIND_LIST, three)}), "nesting differs");
  const std::string a = "a";
  const std::string b = "b";
  const std::vector<inf_value> item{float_picture};
  const std::vector<inf_string> key_a{{a.data(), 1}};
  const std::vector<inf_string> key_b{{b.data(), 1}};
  check(signature({sequence(INF_KIND_DICT, item, key_a)}) != signature({sequence(INF_KIND_DICT, item, key_b)}),
        "keys differ");
  check(signature({text(INF_KIND_TEXT, "a"), text(INF_KIND_TEXT, "b")}) != signature({text(INF_KIND_TEXT, "a,1\"b")}),
        "text cannot pass for structure");
  check(signature({text(INF_KIND_TEXT, std::string(5000, 'x'))}) == "none at all", "a long text has none");
  check(signature({tensor(INF_STRING, one)}) == "none at all", "strings have none");
}

void tensors_come_in_order() {
  const std::vector<int64_t> rows{5, 2};
  const std::vector<int64_t> other{7};
  const auto first = tensor(INF_FLOAT32, {});
  const std::vector<inf_value> inner{tensor(INF_INT64, rows), scalar(INF_KIND_INT, 3)};
  const std::vector<inf_value> arguments{scalar(INF_KIND_NONE, 0), first, sequence(INF_KIND_TUPLE, inner),
                                         tensor(INF_UINT8, other)};
  const auto found = tensors_of(arguments.data(), arguments.size());
  check(found.size() == 3, "every tensor is found");
  check(found[0]->dtype == INF_FLOAT32 && found[1]->dtype == INF_INT64 && found[2]->dtype == INF_UINT8, "in order");
  check(rows_of(arguments.data(), arguments.size()) == 5, "rows are those of the first tensor that has some");
  check(rows_of(arguments.data(), 2) == -1, "without one there are none");
}

// Computes until the signature is to be recorded, and records it.
void record(Cache& cache, const std::string& signature, int value) {
  for (int i = 0; i < 100; ++i) {
    if (cache.choose(signature).action == Action::kRecord) {
      cache.keep(signature, std::make_unique<int>(value));
      return;
    }
  }
  check(false, signature + " is recorded at some time");
}

bool is_recorded(const Cache& cache, const std::string& signature) {
  for (const auto& entry : cache.entries()) {
    if (entry.signature == signature) return entry.graph.has_value();
  }
  return false;
}

void calls_are_computed_then_recorded_then_replayed() {
  Cache cache(4, 3, 3);
  for (int i = 0; i < 3; ++i) check(cache.choose("a").action == Action::kCompute, "a cold call is computed");
  check(cache.choose("b").action == Action::kCompute, "each signature warms up by itself");
  check(cache.choose("a").action == Action::kRecord, "a warm one is recorded");
  cache.keep("a", std::make_unique<int>(7));
  const auto choice = cache.choose("a");
  check(choice.action == Action::kReplay && **choice.graph == 7, "a recorded one is replayed");
  check(cache.choose("b").action == Action::kCompute, "the other is not");
  check(cache.replays() == 1 && cache.computed() == 6 && cache.graphs() == 1, "calls are counted");
}

void the_least_recently_used_goes() {
  Cache cache(2, 0, 3);
  record(cache, "a", 1);
  record(cache, "b", 2);
  check(cache.choose("a").action == Action::kReplay, "a is used");
  record(cache, "c", 3);
  check(cache.graphs() == 2 && cache.evicted() == 1, "two are kept");
  check(is_recorded(cache, "a") && is_recorded(cache, "c") && !is_recorded(cache, "b"), "b has gone");
  check(**cache.choose("a").graph == 1 && **cache.choose("c").graph == 3, "the others are what they were");
  record(cache, "b", 4);
  check(**cache.choose("b").graph == 4, "b comes back");
  cache.choose("b");
  cache.keep("b", std::make_unique<int>(5));
  check(**cache.choose("b").graph == 5 && cache.graphs() == 2, "a graph that is replaced counts once");
}

void failures_are_remembered() {
  Cache cache(4, 0, 3);
  check(cache.choose("a").action == Action::kRecord, "a is to be recorded");
  cache.fail("a", "it draws lots");
  for (int i = 0; i < 10; ++i) check(cache.choose("a").action == Action::kCompute, "a is not tried again");
  check(cache.entries().front().failure == "it draws lots", "with the reason");
  check(cache.choose("b").action == Action::kRecord, "others are");
  cache.fail("b", "too");
  cache.choose("c");
  cache.fail("c", "too");
  check(cache.choose("d").action == Action::kCompute, "after three failures none is");
  Cache lucky(4, 0, 1);
  record(lucky, "a", 1);
  lucky.choose("b");
  lucky.fail("b", "no");
  check(lucky.choose("c").action == Action::kRecord, "unless one has succeeded");
}

void memory_of_signatures_is_bounded() {
  Cache cache(2, 1, 3);
  record(cache, "kept", 1);
  for (int i = 0; i < 10000; ++i) cache.choose("shape " + std::to_string(i));
  check(cache.entries().size() <= 258, "shapes that come once are forgotten");
  check(**cache.choose("kept").graph == 1, "graphs are not");
  cache.choose("shape 9999");
  check(cache.choose("shape 9999").action == Action::kRecord, "the last ones are remembered");
}

void staging_is_used_again() {
  int allocations = 0;
  size_t largest = 0;
  StagingArena arena(
      [&](size_t bytes) {
        ++allocations;
        largest = std::max(largest, bytes);
        return StagingArena::Block(new char[bytes], [](void* memory) { delete[] static_cast<char*>(memory); });
      },
      1 << 20);
  const auto call = [&](const std::vector<size_t>& sizes) {
    arena.reset();
    std::vector<char*> parts;
    for (const auto size : sizes) {
      parts.push_back(static_cast<char*>(arena.take(size)));
      std::memset(parts.back(), static_cast<int>(parts.size()), size);
    }
    for (size_t i = 0; i < sizes.size(); ++i) {
      for (size_t at = 0; at < sizes[i]; ++at) {
        if (parts[i][at] != static_cast<char>(i + 1)) return false;
      }
    }
    return true;
  };
  check(call({10, 0, 1000, 200000, 70000}), "parts do not overlap");
  check(arena.blocks() > 1, "a call that needs more gets more blocks");
  check(call({10, 0, 1000, 200000, 70000}), "nor in the next call");
  check(arena.blocks() == 1, "which has one block");
  const int before = allocations;
  for (int i = 0; i < 100; ++i) call({10, 0, 1000, 200000, 70000});
  check(allocations == before, "and from then on the same");
  check(call({3 << 20}), "more than is kept is there");
  arena.reset();
  check(arena.blocks() == 0, "and goes with the call");
  check(call({5}) && largest == 3 << 20, "small calls go on");
}

}  // namespace

int main() {
  signatures_tell_calls_apart();
  tensors_come_in_order();
  calls_are_computed_then_recorded_then_replayed();
  the_least_recently_used_goes();
  failures_are_remembered();
  memory_of_signatures_is_bounded();
  staging_is_used_again();
  return infernode::test::report("graphs");
}
