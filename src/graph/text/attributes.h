// The attributes of each kind by name, once: graph text is written and read through these.
#pragma once

#include <string_view>

#include "core/ids.h"
#include "graph/kinds/kinds.h"

namespace pliant {

// fields(visitor, kind) calls visitor(name, member) for every attribute in order; `K` may be const.
template <typename Visitor, typename K>
void fields(Visitor& visit, K& k) {
  using T = std::remove_const_t<K>;
  if constexpr (std::same_as<T, kind::Einsum>) {
    visit("in", k.in), visit("out", k.out);
  } else if constexpr (std::same_as<T, kind::Map>) {
    visit("expr", k.expr), visit("dtype", k.dtype);
  } else if constexpr (std::same_as<T, kind::Reduce>) {
    visit("fn", k.fn), visit("axes", k.axes), visit("keep", k.keep);
  } else if constexpr (std::same_as<T, kind::Gather>) {
    visit("axis", k.axis), visit("batch_axes", k.batch_axes);
  } else if constexpr (std::same_as<T, kind::Reshape>) {
    visit("shape", k.shape);
  } else if constexpr (std::same_as<T, kind::Slice>) {
    visit("start", k.start), visit("size", k.size), visit("step", k.step);
  } else if constexpr (std::same_as<T, kind::Concat> || std::same_as<T, kind::Softmax>) {
    visit("axis", k.axis);
  } else if constexpr (std::same_as<T, kind::Pad>) {
    visit("low", k.low), visit("high", k.high), visit("interior", k.interior);
    visit("mode", k.mode), visit("value", k.value);
  } else if constexpr (std::same_as<T, kind::Window>) {
    visit("axes", k.axes), visit("size", k.size), visit("stride", k.stride),
        visit("dilation", k.dilation);
  } else if constexpr (std::same_as<T, kind::Opaque>) {
    visit("domain", k.domain), visit("type", k.type), visit("text", k.text),
        visit("results", k.results);
  } else if constexpr (std::same_as<T, kind::Normalize>) {
    visit("axes", k.axes), visit("eps", k.eps), visit("centre", k.centre);
  } else if constexpr (std::same_as<T, kind::Rotary>) {
    visit("dims", k.dims), visit("base", k.base), visit("scaling", k.scaling),
        visit("style", k.style);
  } else if constexpr (std::same_as<T, kind::Attention>) {
    visit("scale", k.scale), visit("causal", k.causal), visit("window", k.window),
        visit("cache", k.cache);
    visit("bias", k.has_bias), visit("tree", k.has_tree), visit("cap", k.cap);
  } else if constexpr (std::same_as<T, kind::Convolve>) {
    visit("stride", k.stride), visit("low", k.low), visit("high", k.high),
        visit("dilation", k.dilation);
    visit("groups", k.groups), visit("transposed", k.transposed);
  } else if constexpr (std::same_as<T, kind::Pool>) {
    visit("fn", k.fn), visit("size", k.size), visit("stride", k.stride), visit("low", k.low),
        visit("high", k.high);
    visit("dilation", k.dilation), visit("divide_by_valid", k.divide_by_valid);
  } else {
    static_assert(std::same_as<T, kind::CrossEntropy>);
  }
}

template <typename Enum>
inline constexpr ByEnum<Enum, std::string_view, 0> enum_names{};
template <>
inline constexpr ByEnum<kind::ReduceFn, std::string_view, 7> enum_names<kind::ReduceFn>{
    {{"sum", "mean", "max", "min", "product", "logsumexp", "argmax"}}};
template <>
inline constexpr ByEnum<kind::PadMode, std::string_view, 3> enum_names<kind::PadMode>{
    {{"constant", "edge", "reflect"}}};
template <>
inline constexpr ByEnum<kind::RotaryStyle, std::string_view, 2> enum_names<kind::RotaryStyle>{
    {{"halves", "pairs"}}};
template <>
inline constexpr ByEnum<kind::PoolFn, std::string_view, 2> enum_names<kind::PoolFn>{
    {{"max", "mean"}}};

}  // namespace pliant
