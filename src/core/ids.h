// Ids that cannot be mistaken for one another, and tables that only their own ids or enumerators
// open. They cost what an integer and a vector cost.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace pliant {

// `enum class ValueId : std::int32_t { none = -1 };` counts from 0.
template <typename T>
concept Id = std::is_enum_v<T> && std::same_as<std::underlying_type_t<T>, std::int32_t>;

template <Id I>
constexpr std::int32_t to_int(I id) {
  return static_cast<std::int32_t>(id);
}
template <Id I>
constexpr I& operator++(I& id) {
  return id = static_cast<I>(to_int(id) + 1);
}

// The ids 0 to count - 1, for a range-for.
template <Id I>
class Ids {
 public:
  struct Iterator {
    I id;
    I operator*() const { return id; }
    Iterator& operator++() { return ++id, *this; }
    bool operator==(const Iterator&) const = default;
  };
  explicit Ids(std::size_t count) : end_(static_cast<I>(count)) {}
  Iterator begin() const { return {I{}}; }
  Iterator end() const { return {end_}; }

 private:
  I end_;
};

// A vector whose elements have ids. Iterates over the elements; ids() gives their ids.
template <Id I, typename T>
class ById {
 public:
  using Items = std::vector<T>;
  ById() = default;
  explicit ById(std::size_t count, const T& value = T()) : items_(count, value) {}
  explicit ById(Items items) : items_(std::move(items)) {}

  typename Items::reference operator[](I id) { return items_[static_cast<std::size_t>(id)]; }
  typename Items::const_reference operator[](I id) const {
    return items_[static_cast<std::size_t>(id)];
  }
  bool contains(I id) const {
    return std::cmp_greater_equal(to_int(id), 0) && std::cmp_less(to_int(id), size());
  }
  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  Ids<I> ids() const { return Ids<I>(size()); }
  I next() const { return static_cast<I>(size()); }  // what push_back() will give

  I push_back(T item) {
    items_.push_back(std::move(item));
    return static_cast<I>(size() - 1);
  }
  void resize(std::size_t count) { items_.resize(count); }
  void assign(std::size_t count, const T& value) { items_.assign(count, value); }
  auto begin() { return items_.begin(); }
  auto end() { return items_.end(); }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  typename Items::reference back() { return items_.back(); }
  typename Items::const_reference back() const { return items_.back(); }
  bool operator==(const ById&) const = default;

 private:
  Items items_;
};

// One row per enumerator of an enum that counts from 0, in their order: {{{first row, second row
// ...}}}.
template <typename Enum, typename T, std::size_t Count>
struct ByEnum : std::array<T, Count> {
  constexpr const T& operator[](Enum of) const {
    return std::array<T, Count>::operator[](static_cast<std::size_t>(of));
  }
  template <typename Test>
  constexpr std::optional<Enum> find(const Test& test) const {  // whose row passes
    for (std::size_t i = 0; i < Count; ++i)
      if (test(this->data()[i])) return static_cast<Enum>(i);
    return std::nullopt;
  }
};
template <typename Enum, typename T, std::size_t Count>
constexpr ByEnum<Enum, T, Count> by_enum(const std::array<T, Count>& rows) {
  return {rows};
}

}  // namespace pliant
