#include "observers.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace infernode::torch_backend {
namespace {

namespace jit = torch::jit;

// The passes copy an observer for every value that they watch, by its pickled state.
const auto kActivationClass =
    torch::class_<ActivationWatch>("infernode", "ActivationWatch")
        .def("observe", &ActivationWatch::observe)
        .def("parameters", &ActivationWatch::parameters)
        .def_pickle(
            [](const c10::intrusive_ptr<ActivationWatch>& watch) {
              return std::make_tuple(static_cast<int64_t>(watch->method()), watch->reduce_range());
            },
            [](std::tuple<int64_t, bool> state) {
              const auto& [method, reduce_range] = state;
              return c10::make_intrusive<ActivationWatch>(static_cast<RangeMethod>(method), reduce_range);
            });

const auto kWeightClass = torch::class_<WeightWatch>("infernode", "WeightWatch")
                              .def("observe", &WeightWatch::observe)
                              .def("parameters", &WeightWatch::parameters)
                              .def_pickle([](const c10::intrusive_ptr<WeightWatch>&) { return true; },
                                          [](bool) { return c10::make_intrusive<WeightWatch>(); });

// What the passes ask of every observer. They take dtype and scheme as numbers.
jit::Module observer(const char* name, at::ScalarType dtype, at::QScheme scheme) {
  jit::Module module(name);
  module.register_attribute("dtype", c10::IntType::get(), static_cast<int64_t>(dtype));
  module.register_attribute("qscheme", c10::IntType::get(), static_cast<int64_t>(scheme));
  return module;
}

void define_watch(jit::Module& module) {
  module.define(R"(
def forward(self, x: Tensor) -> Tensor:
    return self.watch.observe(x)

def calculate_qparams(self) -> Tuple[Tensor, Tensor]:
    return self.watch.parameters()
)");
}

}  // namespace

at::Tensor ActivationWatch::observe(const at::Tensor& values) {
  histogram_.add(values);
  return values;
}

std::tuple<at::Tensor, at::Tensor> ActivationWatch::parameters() const {
  const int levels = reduce_range_ ? 128 : 256;
  Range range;
  if (!histogram_.empty()) {
    switch (method_) {
      case RangeMethod::kMinMax:
        range = histogram_.full();
        break;
      case RangeMethod::kPercentile:
        range = histogram_.percentile(0.9999);
        break;
      case RangeMethod::kLeastSquares:
        range = histogram_.least_squares(levels);
        break;
    }
  }
  // Zero must be a step of its own: padding and relu stay exact.
  const float low = std::min(range.low, 0.0F);
  const float high = std::max(range.high, 0.0F);
  const float scale = std::max((high - low) / static_cast<float>(levels - 1), 1e-8F);
  const auto zero_point = std::clamp<int64_t>(std::lround(-low / scale), 0, levels - 1);
  return {at::full({1}, scale, at::kFloat), at::full({1}, zero_point, at::kLong)};
}

at::Tensor WeightWatch::observe(const at::Tensor& values) {
  auto absolute = values.detach().to(at::kFloat).abs();
  greatest_ = absolute.flatten(1).amax(1);
  return values;
}

std::tuple<at::Tensor, at::Tensor> WeightWatch::parameters() const {
  if (!greatest_.defined()) return {at::ones({1}), at::zeros({1}, at::kLong)};
  auto scale = (greatest_ / 127.5).clamp_min(1e-8);
  return {scale, at::zeros(scale.sizes(), at::kLong)};
}

jit::Module activation_observer(RangeMethod method, bool reduce_range) {
  auto module = observer("ActivationObserver", at::kQUInt8, at::kPerTensorAffine);
  auto watch = c10::make_intrusive<ActivationWatch>(method, reduce_range);
  module.register_attribute("watch", c10::getCustomClassType<c10::intrusive_ptr<ActivationWatch>>(), watch);
  define_watch(module);
  return module;
}

jit::Module weight_observer() {
  auto module = observer("WeightObserver", at::kQInt8, at::kPerChannelSymmetric);
  module.register_attribute("ch_axis", c10::IntType::get(), static_cast<int64_t>(0));
  auto watch = c10::make_intrusive<WeightWatch>();
  module.register_attribute("watch", c10::getCustomClassType<c10::intrusive_ptr<WeightWatch>>(), watch);
  define_watch(module);
  return module;
}

jit::Module dynamic_observer(bool reduce_range) {
  auto module = observer("DynamicObserver", at::kQUInt8, at::kPerTensorAffine);
  module.register_attribute("is_dynamic", c10::BoolType::get(), true);
  module.register_attribute("compute_dtype", c10::IntType::get(), static_cast<int64_t>(at::kQUInt8));
  module.register_attribute("reduce_range", c10::BoolType::get(), reduce_range);
  // The passes call calculate_qparams of every observer; here nobody reads the answer.
  module.define(R"(
def forward(self, x: Tensor) -> Tensor:
    return x

def calculate_qparams(self) -> Tuple[Tensor, Tensor]:
    return torch.ones([1]), torch.zeros([1])
)");
  return module;
}

}  // namespace infernode::torch_backend
