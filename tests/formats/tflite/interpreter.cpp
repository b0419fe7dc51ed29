#include "formats/tflite/interpreter.h"

#include <flatbuffers/flatbuffers.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <stdexcept>

namespace pliant::tflite {
namespace {

using flatbuffers::Table;
template <typename T>
using Vector = flatbuffers::Vector<T>;
using Tables = Vector<flatbuffers::Offset<Table>>;

flatbuffers::voffset_t at(int field) {
  return flatbuffers::FieldIndexToOffset(static_cast<flatbuffers::voffset_t>(field));
}

template <typename T>
std::vector<T> list(const Table* table, int field) {
  const auto* vector = table->GetPointer<const Vector<T>*>(at(field));
  if (!vector) return {};
  return {vector->begin(), vector->end()};
}

struct Values {
  Shape shape;
  std::vector<double> data;

  std::int64_t size() const { return elements(shape); }
};

// Every index of a shape, in order.
void for_each(const Shape& shape, const std::function<void(const Shape&)>& visit) {
  if (std::ranges::count(shape, 0) > 0) return;
  Shape index(shape.size(), 0);
  while (true) {
    visit(index);
    std::size_t k = shape.size();
    while (k > 0 && ++index[k - 1] == shape[k - 1]) index[--k] = 0;
    if (k == 0) return;
  }
}

// The element of `x` that an index of a shape of the same or higher rank broadcasts to.
double pick(const Values& x, const Shape& index) {
  const auto steps = strides(x.shape);
  const std::size_t skipped = index.size() - x.shape.size();
  std::int64_t flat = 0;
  for (std::size_t i = 0; i < x.shape.size(); ++i)
    if (x.shape[i] != 1) flat += index[i + skipped] * steps[i];
  return x.data[flat];
}

Shape wholes(const Values& x) { return {x.data.begin(), x.data.end()}; }

class Interpreter {
 public:
  Interpreter(const std::string& file, const std::vector<std::vector<double>>& inputs) {
    if (file.size() < 8 || file.compare(4, 4, "TFL3") != 0) throw std::runtime_error("no TFL3");
    const auto* model = flatbuffers::GetRoot<Table>(file.data());
    if (model->GetField<std::uint32_t>(at(0), 0) != 3) throw std::runtime_error("version");
    for (const auto* code : *model->GetPointer<const Tables*>(at(1)))
      codes_.push_back(static_cast<Code>(code->GetField<std::int32_t>(at(3), 0)));
    graph_ = model->GetPointer<const Tables*>(at(2))->Get(0);
    read_tensors(*model->GetPointer<const Tables*>(at(4)));
    const auto ids = list<std::int32_t>(graph_, 1);
    if (ids.size() != inputs.size()) throw std::runtime_error("number of inputs");
    for (std::size_t i = 0; i < ids.size(); ++i) tensors_[ids[i]].data = inputs[i];
  }

  Interpreted run() {
    Interpreted result;
    if (const auto* operators = graph_->GetPointer<const Tables*>(at(3)))
      for (const Table* op : *operators) {
        now_ = op;
        const Code code = codes_.at(op->GetField<std::uint32_t>(at(0), 0));
        result.codes.push_back(code);
        in_ = list<std::int32_t>(op, 1);
        Values& out = tensors_.at(list<std::int32_t>(op, 2).at(0));
        out.data.assign(out.size(), 0);
        compute(code, out);
      }
    for (const std::int32_t id : list<std::int32_t>(graph_, 2)) {
      result.output_names.push_back(names_[id]);
      result.shapes.push_back(tensors_[id].shape);
      result.outputs.push_back(tensors_[id].data);
    }
    return result;
  }

 private:
  void read_tensors(const Tables& buffers) {
    for (const Table* tensor : *graph_->GetPointer<const Tables*>(at(0))) {
      const auto shape = list<std::int32_t>(tensor, 0);
      Values values{Shape(shape.begin(), shape.end()), {}};
      const auto type = static_cast<Type>(tensor->GetField<std::int8_t>(at(1), 0));
      const auto bytes =
          list<std::uint8_t>(buffers.Get(tensor->GetField<std::uint32_t>(at(2), 0)), 0);
      for (std::int64_t i = 0; !bytes.empty() && i < values.size(); ++i)
        values.data.push_back(element(type, bytes, i));
      names_.push_back(tensor->GetPointer<const flatbuffers::String*>(at(3))->str());
      tensors_.push_back(std::move(values));
    }
  }

  static double element(Type type, const std::vector<std::uint8_t>& bytes, std::int64_t i) {
    const auto as = [&](auto value) {
      std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
      return static_cast<double>(value);
    };
    switch (type) {
      case Type::f32: return as(0.0F);
      case Type::i32: return as(std::int32_t{});
      case Type::i64: return as(std::int64_t{});
      case Type::i16: return as(std::int16_t{});
      case Type::i8: return as(std::int8_t{});
      default: return as(std::uint8_t{});
    }
  }

  const Values& in(std::size_t i) const { return tensors_.at(in_.at(i)); }
  template <typename T>
  T option(int field, T otherwise) const {
    const Table* options = now_->GetPointer<const Table*>(at(4));
    return options ? options->GetField<T>(at(field), otherwise) : otherwise;
  }

  void compute(Code code, Values& out) {
    if (pointwise(code, out) || moved(code, out) || reduced(code, out)) return;
    switch (code) {
      case Code::softmax: return softmax(out);
      case Code::fully_connected: return matrix_product(out, true);
      case Code::batch_matmul: return matrix_product(out, false);
      case Code::convolve: return convolve(out, false);
      case Code::depthwise: return convolve(out, true);
      case Code::average_pool: return pool(out, false);
      case Code::max_pool: return pool(out, true);
      default: throw std::runtime_error("operator " + std::to_string(static_cast<int>(code)));
    }
  }

  void map(Values& out, const std::function<double(const Shape&)>& f) {
    std::size_t i = 0;
    for_each(out.shape, [&](const Shape& index) { out.data[i++] = f(index); });
  }

  static double function(Code code, double a, double b) {
    switch (code) {
      case Code::add: return a + b;
      case Code::subtract: return a - b;
      case Code::multiply: return a * b;
      case Code::divide: return a / b;
      case Code::maximum: return std::max(a, b);
      case Code::minimum: return std::min(a, b);
      case Code::power: return std::pow(a, b);
      case Code::equal: return a == b;
      case Code::not_equal: return a != b;
      case Code::less: return a < b;
      case Code::less_equal: return a <= b;
      case Code::logical_and: return a != 0 && b != 0;
      case Code::logical_or: return a != 0 || b != 0;
      case Code::logical_not: return a == 0;
      case Code::negate: return -a;
      case Code::absolute: return std::abs(a);
      case Code::sign: return (a > 0) - (a < 0);
      case Code::sqrt: return std::sqrt(a);
      case Code::rsqrt: return 1 / std::sqrt(a);
      case Code::exp: return std::exp(a);
      case Code::log: return std::log(a);
      case Code::sin: return std::sin(a);
      case Code::cos: return std::cos(a);
      case Code::tanh: return std::tanh(a);
      case Code::logistic: return 1 / (1 + std::exp(-a));
      case Code::floor: return std::floor(a);
      case Code::ceil: return std::ceil(a);
      case Code::round: return std::nearbyint(a);
      case Code::relu: return std::max(a, 0.0);
      default: return std::numeric_limits<double>::quiet_NaN();
    }
  }

  bool pointwise(Code code, Values& out) {
    if (code == Code::cast || code == Code::broadcast_to) {
      map(out, [&](const Shape& i) { return pick(in(0), i); });
    } else if (code == Code::select) {
      map(out,
          [&](const Shape& i) { return pick(in(0), i) != 0 ? pick(in(1), i) : pick(in(2), i); });
    } else if (code == Code::gelu) {
      const bool tanh = option<std::uint8_t>(0, 0) != 0;
      map(out, [&](const Shape& i) {
        const double x = pick(in(0), i);
        return tanh ? x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)))
                    : x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
      });
    } else if (!std::isnan(function(code, 0.5, 0.5))) {
      const std::size_t second = in_.size() > 1 ? 1 : 0;
      map(out, [&](const Shape& i) { return function(code, pick(in(0), i), pick(in(second), i)); });
    } else {
      return false;
    }
    return true;
  }

  bool moved(Code code, Values& out) {
    const auto source = [&](const std::function<Shape(const Shape&)>& from, double outside = 0) {
      map(out, [&](const Shape& i) {
        const Shape index = from(i);
        for (std::size_t k = 0; k < index.size(); ++k)
          if (index[k] < 0 || index[k] >= in(0).shape[k]) return outside;
        return pick(in(0), index);
      });
    };
    const auto shifted = [](Shape index, const Shape& by, std::int64_t sign) {
      for (std::size_t k = 0; k < index.size(); ++k) index[k] += sign * by[k];
      return index;
    };
    switch (code) {
      case Code::reshape: out.data = in(0).data; return true;
      case Code::transpose: {
        const Shape order = wholes(in(1));
        source([&](const Shape& i) {
          Shape index(i.size());
          for (std::size_t k = 0; k < i.size(); ++k) index[order[k]] = i[k];
          return index;
        });
        return true;
      }
      case Code::slice:
        source([&](const Shape& i) { return shifted(i, wholes(in(1)), 1); });
        return true;
      case Code::strided_slice:
        source([&](const Shape& i) {
          const Shape begin = wholes(in(1)), step = wholes(in(3));
          Shape index(i.size());
          for (std::size_t k = 0; k < i.size(); ++k) index[k] = begin[k] + i[k] * step[k];
          return index;
        });
        return true;
      case Code::pad:
      case Code::pad_value:
      case Code::mirror_pad: {
        const Shape both = wholes(in(1));
        Shape low;
        for (std::size_t k = 0; k < both.size(); k += 2) low.push_back(both[k]);
        source(
            [&](const Shape& i) {
              Shape index = shifted(i, low, -1);
              for (std::size_t k = 0; code == Code::mirror_pad && k < index.size(); ++k) {
                index[k] = std::abs(index[k]);
                const std::int64_t last = in(0).shape[k] - 1;
                if (index[k] > last) index[k] = 2 * last - index[k];
              }
              return index;
            },
            code == Code::pad_value ? in(2).data[0] : 0);
        return true;
      }
      case Code::concatenation: {
        const auto axis = option<std::int32_t>(0, 0);
        map(out, [&](const Shape& i) {
          Shape index = i;
          std::size_t part = 0;
          while (index[axis] >= in(part).shape[axis]) index[axis] -= in(part++).shape[axis];
          return pick(in(part), index);
        });
        return true;
      }
      case Code::gather: {
        const auto axis = option<std::int32_t>(0, 0), batch = option<std::int32_t>(1, 0);
        const std::size_t indices = in(1).shape.size() - batch;
        map(out, [&](const Shape& i) {
          Shape which(i.begin(), i.begin() + batch);
          which.insert(which.end(), i.begin() + axis, i.begin() + axis + indices);
          Shape index(i.begin(), i.begin() + axis);
          index.push_back(static_cast<std::int64_t>(pick(in(1), which)));
          index.insert(index.end(), i.begin() + axis + indices, i.end());
          return pick(in(0), index);
        });
        return true;
      }
      default: return false;
    }
  }

  bool reduced(Code code, Values& out) {
    const bool sums = code == Code::sum || code == Code::mean;
    if (!sums && code != Code::reduce_max && code != Code::reduce_min &&
        code != Code::reduce_product && code != Code::arg_max)
      return false;
    const Shape axes = wholes(in(1));
    const Values& x = in(0);
    Shape left = x.shape;
    for (const auto axis : axes) left[axis] = 1;
    Values result{left, std::vector<double>(elements(left), code == Code::reduce_product ? 1 : 0)};
    std::vector<double> best(result.data.size(), std::numeric_limits<double>::quiet_NaN());
    const auto steps = strides(left);
    for_each(x.shape, [&](const Shape& i) {
      std::int64_t flat = 0;
      for (std::size_t k = 0; k < i.size(); ++k) flat += left[k] == 1 ? 0 : i[k] * steps[k];
      const double value = pick(x, i);
      double& y = result.data[flat];
      const bool first = std::isnan(best[flat]);
      const bool better =
          first || (code == Code::reduce_min ? value < best[flat] : value > best[flat]);
      if (better) best[flat] = value;
      if (sums) y += value;
      else if (code == Code::reduce_product) y *= value;
      else if (better) y = code == Code::arg_max ? static_cast<double>(i[axes[0]]) : value;
    });
    if (code == Code::mean)
      for (double& y : result.data) y /= static_cast<double>(x.size()) / elements(left);
    out.data = result.data;
    return true;
  }

  void softmax(Values& out) {
    const std::int64_t n = out.shape.back();
    for (std::size_t row = 0; row < out.data.size(); row += n) {
      const double* x = in(0).data.data() + row;
      const double most = *std::max_element(x, x + n);
      double sum = 0;
      for (std::int64_t i = 0; i < n; ++i) sum += out.data[row + i] = std::exp(x[i] - most);
      for (std::int64_t i = 0; i < n; ++i) out.data[row + i] /= sum;
    }
  }

  // [.., m, k] with [.., k, n], or of a fully connected layer with [n, k]
  void matrix_product(Values& out, bool by_rows) {
    const Values &a = in(0), &b = in(1);
    const std::int64_t k = a.shape.back();
    map(out, [&](const Shape& i) {
      double sum = 0;
      Shape left = i, right = i;
      for (std::int64_t p = 0; p < k; ++p) {
        left.back() = p;
        if (by_rows) right = {i.back(), p};
        else right[right.size() - 2] = p;
        sum += pick(a, left) * pick(b, right);
      }
      return sum;
    });
  }

  struct Axis {
    std::int64_t stride, dilation, low;
  };

  // Where "same" begins.
  Axis axis(std::size_t i, std::int64_t size, std::int64_t stride, std::int64_t dilation) const {
    if (option<std::int8_t>(0, 0) == static_cast<std::int8_t>(Padding::valid))
      return {stride, dilation, 0};
    const std::int64_t length = in(0).shape[i], count = (length + stride - 1) / stride;
    const std::int64_t total = (count - 1) * stride + (size - 1) * dilation + 1 - length;
    return {stride, dilation, std::max<std::int64_t>(total, 0) / 2};
  }

  void convolve(Values& out, bool depthwise) {
    const Values &x = in(0), &w = in(1);
    const int more = depthwise ? 1 : 0;
    const Axis rows = axis(1, w.shape[1], option<std::int32_t>(2, 1),
                           option<std::int32_t>(5 + more, 1)),
               columns = axis(2, w.shape[2], option<std::int32_t>(1, 1),
                              option<std::int32_t>(4 + more, 1));
    const std::int64_t multiplier = depthwise ? option<std::int32_t>(3, 0) : 0,
                       inner = depthwise ? 1 : w.shape[3],
                       per_group = depthwise ? 1 : out.shape[3] / (x.shape[3] / inner);
    map(out, [&](const Shape& i) {
      double sum = in_.size() > 2 ? in(2).data[i[3]] : 0;
      for (std::int64_t r = 0; r < w.shape[1]; ++r)
        for (std::int64_t c = 0; c < w.shape[2]; ++c) {
          const std::int64_t y = i[1] * rows.stride + r * rows.dilation - rows.low,
                             z = i[2] * columns.stride + c * columns.dilation - columns.low;
          if (y < 0 || z < 0 || y >= x.shape[1] || z >= x.shape[2]) continue;
          for (std::int64_t k = 0; k < inner; ++k) {
            const std::int64_t channel =
                depthwise ? i[3] / multiplier : i[3] / per_group * inner + k;
            sum += pick(x, {i[0], y, z, channel}) *
                   (depthwise ? pick(w, {0, r, c, i[3]}) : pick(w, {i[3], r, c, k}));
          }
        }
      return sum;
    });
  }

  void pool(Values& out, bool largest) {
    const Values& x = in(0);
    const std::int64_t height = option<std::int32_t>(4, 0), width = option<std::int32_t>(3, 0);
    const Axis rows = axis(1, height, option<std::int32_t>(2, 1), 1),
               columns = axis(2, width, option<std::int32_t>(1, 1), 1);
    map(out, [&](const Shape& i) {
      double sum = 0, most = -std::numeric_limits<double>::infinity(), count = 0;
      for (std::int64_t r = 0; r < height; ++r)
        for (std::int64_t c = 0; c < width; ++c) {
          const std::int64_t y = i[1] * rows.stride + r - rows.low,
                             z = i[2] * columns.stride + c - columns.low;
          if (y < 0 || z < 0 || y >= x.shape[1] || z >= x.shape[2]) continue;
          const double value = pick(x, {i[0], y, z, i[3]});
          sum += value, most = std::max(most, value), ++count;
        }
      return largest ? most : sum / count;
    });
  }

  const Table* graph_ = nullptr;
  const Table* now_ = nullptr;
  std::vector<std::int32_t> in_;
  std::vector<Code> codes_;
  std::vector<Values> tensors_;
  std::vector<std::string> names_;
};

}  // namespace

Interpreted interpret(const std::string& file, const std::vector<std::vector<double>>& inputs) {
  return Interpreter(file, inputs).run();
}

}  // namespace pliant::tflite
