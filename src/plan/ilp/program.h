// A mixed integer program being written down, and its solution by CBC.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace pliant::plan {

using Terms = std::vector<std::pair<int, double>>;  // column, coefficient

class IntegerProgram {
 public:
  int binary(double cost = 0) { return integer(0, 1, cost); }
  int integer(double lower, double upper, double cost = 0);
  void at_most(const Terms& terms, double bound) { row(terms, -1e30, bound); }
  void at_least(const Terms& terms, double bound) { row(terms, bound, 1e30); }
  void equal(const Terms& terms, double value) { row(terms, value, value); }

  void fix(int column, double value) { lower_[column] = upper_[column] = value; }

  int columns() const { return lower_.size(); }
  int rows() const { return row_lower_.size(); }

  struct Solution {
    bool optimal = false, infeasible = false;
    double bound = 0;            // the least the objective can be
    std::vector<double> values;  // per column; empty when no solution was found
  };
  Solution minimise(double seconds) const;

 private:
  void row(const Terms& terms, double lower, double upper);

  std::vector<double> lower_, upper_, cost_, row_lower_, row_upper_;
  struct Entry {
    int column, row;
    double value;
  };
  std::vector<Entry> entries_;
};

}  // namespace pliant::plan
