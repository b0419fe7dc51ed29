#include "formats/torch/unpickle.h"

#include <fmt/format.h>

#include <string>

#include "core/error.h"

namespace pliant::pickle {
namespace {

constexpr std::size_t max_values = std::size_t{1} << 20;

enum Opcode : std::uint8_t {  // as in Python's pickletools
  mark = '(',
  stop = '.',
  none = 'N',
  binint = 'J',
  binint1 = 'K',
  binint2 = 'M',
  binfloat = 'G',
  binunicode = 'X',
  empty_dict = '}',
  empty_list = ']',
  empty_tuple = ')',
  append = 'a',
  appends = 'e',
  setitem = 's',
  setitems = 'u',
  tuple = 't',
  binget = 'h',
  long_binget = 'j',
  binput = 'q',
  long_binput = 'r',
  global = 'c',
  reduce = 'R',
  build = 'b',
  binpersid = 'Q',
  proto = 0x80,
  tuple1 = 0x85,
  tuple3 = 0x87,
  newtrue = 0x88,
  newfalse = 0x89,
  long1 = 0x8a
};

struct Known {
  std::string_view module, name;
  Named value;
};
constexpr Known known[] = {
    {"collections", "OrderedDict", {Global::ordered_dict, DType::f32}},
    {"torch._utils", "_rebuild_tensor_v2", {Global::rebuild_tensor, DType::f32}},
    {"torch._utils", "_rebuild_parameter", {Global::rebuild_parameter, DType::f32}},
    {"torch", "FloatStorage", {Global::storage, DType::f32}},
    {"torch", "HalfStorage", {Global::storage, DType::f16}},
    {"torch", "BFloat16Storage", {Global::storage, DType::bf16}},
    {"torch", "DoubleStorage", {Global::storage, DType::f64}},
    {"torch", "CharStorage", {Global::storage, DType::i8}},
    {"torch", "ByteStorage", {Global::storage, DType::u8}},
    {"torch", "ShortStorage", {Global::storage, DType::i16}},
    {"torch", "IntStorage", {Global::storage, DType::i32}},
    {"torch", "LongStorage", {Global::storage, DType::i64}},
    {"torch", "BoolStorage", {Global::storage, DType::boolean}}};

class Unpickler {
 public:
  Unpickler(std::span<const std::byte> pickle, std::string_view place)
      : pickle_(pickle), place_(place) {}

  std::pair<Values, Id> run() {
    header();
    while (true) {
      opcode_at_ = at_;
      const auto opcode = static_cast<std::uint8_t>(unsigned_number(1));
      if (opcode == stop) break;
      if (!constant(opcode) && !container(opcode) && !memo(opcode) && !object(opcode))
        fail(
            fmt::format("the opcode 0x{:02x} is not one that dictionaries of tensors need", opcode),
            ErrorKind::unsupported);
    }
    const Id result = pop();
    if (!stack_.empty() || !marks_.empty()) fail("values are left on the stack");
    return {std::move(values_), result};
  }

 private:
  [[noreturn]] void fail(const std::string& problem, ErrorKind kind = ErrorKind::format) const {
    throw Error(kind, std::string(place_), fmt::format("byte {}: {}", opcode_at_, problem));
  }

  void header() {
    const std::uint64_t opcode = unsigned_number(1), version = unsigned_number(1);
    if (opcode != proto) fail("no pickle");
    if (version != 2)
      fail(fmt::format("pickle protocol {}; 2 is read", version), ErrorKind::unsupported);
  }

  // --- the pickle's bytes ---

  std::span<const std::byte> take(std::size_t count) {
    if (count > pickle_.size() - at_) fail("the pickle is cut");
    at_ += count;
    return pickle_.subspan(at_ - count, count);
  }
  std::uint64_t unsigned_number(std::size_t bytes) {
    std::uint64_t value = 0;
    const auto taken = take(bytes);
    for (std::size_t i = 0; i < bytes; ++i)
      value |= std::to_integer<std::uint64_t>(taken[i]) << (8 * i);
    return value;
  }
  std::int64_t signed_number(std::size_t bytes) {
    if (bytes == 0) return 0;
    const std::size_t unused = 64 - 8 * bytes;
    return static_cast<std::int64_t>(unsigned_number(bytes) << unused) >> unused;
  }
  std::string_view text(std::size_t bytes) {
    const auto taken = take(bytes);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  std::string_view line() {
    const std::size_t start = at_;
    while (take(1)[0] != std::byte{'\n'}) {
    }
    return {reinterpret_cast<const char*>(pickle_.data()) + start, at_ - start - 1};
  }

  // --- the stack ---

  void push(Value value) {
    if (values_.size() == max_values)
      fail(fmt::format("more than {} values", max_values), ErrorKind::capacity);
    values_.push_back(std::move(value));
    push_id(values_.size() - 1);
  }
  void push_id(Id id) {
    if (stack_.size() == max_values)
      fail(fmt::format("more than {} values on the stack", max_values), ErrorKind::capacity);
    stack_.push_back(id);
  }
  std::size_t bottom() const { return marks_.empty() ? 0 : marks_.back(); }
  Id pop() {
    if (stack_.size() <= bottom()) fail("takes a value from an empty stack");
    const Id id = stack_.back();
    stack_.pop_back();
    return id;
  }
  // The values above the last mark, which goes away.
  std::vector<Id> pop_to_mark() {
    if (marks_.empty()) fail("goes back to a mark that is not there");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<Id> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }
  template <typename T>
  T& as(Id id, std::string_view what) {
    auto* value = std::get_if<T>(&values_[id]);
    if (value == nullptr) fail(fmt::format("{} expected", what));
    return *value;
  }
  template <typename T>
  T& top(std::string_view what) {
    if (stack_.size() <= bottom()) fail(fmt::format("{} expected on an empty stack", what));
    return as<T>(stack_.back(), what);
  }

  // --- opcodes: true if it was one of these ---

  bool constant(std::uint8_t opcode) {
    switch (opcode) {
      case newtrue:
      case newfalse:
      case none: push({}); return true;
      case binfloat:
        take(8);
        push({});
        return true;
      case binint: push(signed_number(4)); return true;
      case binint1: push(static_cast<std::int64_t>(unsigned_number(1))); return true;
      case binint2: push(static_cast<std::int64_t>(unsigned_number(2))); return true;
      case long1: {
        const std::size_t bytes = unsigned_number(1);
        if (bytes > 8) fail(fmt::format("a number of {} bytes", bytes), ErrorKind::unsupported);
        push(signed_number(bytes));
        return true;
      }
      case binunicode: push(text(unsigned_number(4))); return true;
      default: return false;
    }
  }

  bool container(std::uint8_t opcode) {
    switch (opcode) {
      case mark: return add_mark();
      case empty_dict: push(Mapping{}); return true;
      case empty_list: push(Sequence{}); return true;
      case empty_tuple: push(Sequence{{}, true}); return true;
      case tuple: {
        std::vector<Id> items = pop_to_mark();
        count(items.size());
        push(Sequence{std::move(items), true});
        return true;
      }
      case append: return add_items({pop()});
      case appends: return add_items(pop_to_mark());
      case setitems: return add_entries(pop_to_mark());
      case setitem: {
        const Id value = pop(), key = pop();
        return add_entries({key, value});
      }
      default: break;
    }
    if (opcode < tuple1 || opcode > tuple3) return false;
    std::vector<Id> items(opcode - tuple1 + 1);
    for (std::size_t i = items.size(); i-- > 0;) items[i] = pop();
    push(Sequence{std::move(items), true});
    return true;
  }

  bool add_mark() {
    if (marks_.size() == max_values) fail("too many marks", ErrorKind::capacity);
    marks_.push_back(stack_.size());
    return true;
  }
  void count(std::size_t items) {
    held_ += items;
    if (held_ > max_values)
      fail(fmt::format("more than {} values in tuples, lists and dictionaries", max_values),
           ErrorKind::capacity);
  }
  bool add_items(const std::vector<Id>& items) {
    auto& list = top<Sequence>("a list");
    if (list.tuple) fail("a list expected, not a tuple");
    count(items.size());
    list.items.insert(list.items.end(), items.begin(), items.end());
    return true;
  }
  bool add_entries(const std::vector<Id>& items) {
    auto& dictionary = top<Mapping>("a dictionary");
    if (items.size() % 2 != 0) fail("a key without a value");
    count(items.size());
    for (std::size_t i = 0; i < items.size(); i += 2) {
      const Value& key = values_[items[i]];
      if (!std::holds_alternative<std::string_view>(key) &&
          !std::holds_alternative<std::int64_t>(key))
        fail("a key that is neither text nor a whole number");
      dictionary.entries.emplace_back(items[i], items[i + 1]);
    }
    return true;
  }

  bool memo(std::uint8_t opcode) {
    const bool wide = opcode == long_binget || opcode == long_binput;
    if (opcode != binget && opcode != binput && !wide) return false;
    const std::size_t index = unsigned_number(wide ? 4 : 1);
    if (opcode == binget || opcode == long_binget) {
      if (index >= memo_.size() || memo_[index] == unset)
        fail(fmt::format("takes the value number {}, which was not kept", index));
      push_id(memo_[index]);
      return true;
    }
    if (index >= max_values) fail(fmt::format("keeps a value as number {}", index));
    if (stack_.size() <= bottom()) fail("keeps a value of an empty stack");
    if (memo_.size() <= index) memo_.resize(index + 1, unset);
    memo_[index] = stack_.back();
    return true;
  }

  bool object(std::uint8_t opcode) {
    switch (opcode) {
      case global: push(find_global()); return true;
      case binpersid: push(storage(as<Sequence>(pop(), "a tuple").items)); return true;
      case reduce: {
        const Id arguments = pop(), function = pop();
        call(as<Named>(function, "a function"), arguments);
        return true;
      }
      case build: {  // attributes of a dictionary: versions of the modules
        as<Mapping>(pop(), "a dictionary");
        top<Mapping>("a dictionary");
        return true;
      }
      default: return false;
    }
  }

  Named find_global() {
    const std::string_view module = line(), name = line();
    for (const Known& each : known)
      if (each.module == module && each.name == name) return each.value;
    throw Error(ErrorKind::unsupported, std::string(place_),
                fmt::format("byte {}: the global '{}.{}' is not one that dictionaries of tensors "
                            "need",
                            opcode_at_, module, name),
                "save the model's state_dict() alone");
  }

  StorageValue storage(const std::vector<Id>& parts) {
    if (parts.size() != 5 || as<std::string_view>(parts[0], "a text") != "storage")
      fail("a storage is ('storage', type, key, device, elements)");
    const Named type = as<Named>(parts[1], "a type of storage");
    if (type.global != Global::storage) fail("a type of storage expected");
    const std::int64_t elements = as<std::int64_t>(parts[4], "a number of elements");
    if (elements < 0) fail(fmt::format("a storage of {} elements", elements));
    return {type.dtype, as<std::string_view>(parts[2], "a key"), elements};
  }

  void call(Named function, Id arguments) {
    const std::vector<Id>& given = as<Sequence>(arguments, "arguments").items;
    switch (function.global) {
      case Global::ordered_dict:
        if (!given.empty()) fail("an OrderedDict with arguments", ErrorKind::unsupported);
        return push(Mapping{});
      case Global::rebuild_tensor: return push(tensor(given));
      case Global::rebuild_parameter: {  // (data, requires_grad, hooks)
        if (given.empty()) fail("a parameter without a tensor");
        as<TensorValue>(given[0], "a tensor");
        return push_id(given[0]);
      }
      case Global::storage: fail("calls a type of storage");
    }
  }

  // (storage, offset, sizes, strides, requires_grad, hooks), maybe with metadata
  TensorValue tensor(const std::vector<Id>& given) {
    if (given.size() != 6 && given.size() != 7)
      fail(fmt::format("a tensor of {} arguments", given.size()));
    TensorValue made{as<StorageValue>(given[0], "a storage"),
                     as<std::int64_t>(given[1], "an offset"), numbers(given[2]), numbers(given[3])};
    if (made.offset < 0) fail(fmt::format("a tensor at offset {}", made.offset));
    if (made.shape.size() != made.strides.size())
      fail(fmt::format("{} sizes and {} strides", made.shape.size(), made.strides.size()));
    return made;
  }

  Shape numbers(Id id) {
    constexpr std::size_t max_axes = 64;  // PyTorch's own
    const std::vector<Id>& items = as<Sequence>(id, "a tuple").items;
    if (items.size() > max_axes) fail(fmt::format("{} axes", items.size()));
    count(items.size());
    Shape result;
    for (const Id each : items) {
      const std::int64_t size = as<std::int64_t>(each, "a whole number");
      if (size < 0) fail(fmt::format("a size or stride of {}", size));
      result.push_back(size);
    }
    return result;
  }

  static constexpr Id unset = max_values;

  std::span<const std::byte> pickle_;
  std::string_view place_;
  std::size_t at_ = 0, opcode_at_ = 0;
  std::size_t held_ = 0;  // in tuples, lists, dictionaries and shapes
  Values values_;
  std::vector<Id> stack_, memo_;
  std::vector<std::size_t> marks_;  // heights of the stack
};

}  // namespace

std::pair<Values, Id> unpickle(std::span<const std::byte> pickle, std::string_view place) {
  return Unpickler(pickle, place).run();
}

}  // namespace pliant::pickle
