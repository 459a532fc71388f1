// The arguments of one call, decoded from what src/backends/torch/encode.ts wrote.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

#include "infernode/backend.h"

namespace infernode {

// Crossing into native code is paid per property read, so a call's structure comes as one run of numbers that both
// sides share, and only the arrays and strings themselves as values:
//
//   call    = number of arguments, then each argument
//   NONE    = 0
//   TENSOR  = 1, dtype, rank, each dimension     (one typed array)
//   INT     = 2, high 32 bits, low 32 bits
//   FLOAT   = 3, value
//   BOOL    = 4, 0 or 1
//   TEXT    = 5                                  (one string)
//   LIST    = 6, count, each element
//   TUPLE   = 7, count, each element
//   DICT    = 8, count, each element             (one string before each: its key)
//
// Tensor memory is borrowed from JavaScript, which keeps the arrays until the call has completed. Not copyable: values
// point into each other.
class Arguments {
 public:
  // Throws Napi::Error with `code` if the numbers and the arrays disagree.
  Arguments(const double* numbers, size_t length, const Napi::Array& values);
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;
  ~Arguments() = default;

  const inf_value* data() const { return values_.data(); }
  size_t size() const { return count_; }

 private:
  double next_number();
  Napi::Value next_value();
  inf_string next_text();
  size_t next_count();
  void decode(inf_value& value);
  void decode_tensor(inf_tensor& tensor);
  inf_value* allocate(size_t count);

  const double* numbers_;
  size_t length_;
  size_t position_ = 0;
  const Napi::Array& given_;
  uint32_t given_position_ = 0;

  // Sized for the longest possible call at once, so that pointers into them stay.
  std::vector<inf_value> values_;
  std::vector<int64_t> dims_;
  std::vector<std::string> texts_;
  std::vector<inf_string> keys_;
  size_t count_ = 0;
};

}  // namespace infernode
