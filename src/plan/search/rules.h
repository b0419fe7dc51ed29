// The rules that keep the search small. None changes an answer.
#pragma once

namespace pliant::plan {

struct Rules {
  bool free_operators = true;  // run an operator at once where that can only help
  // let operators without planned inputs wait for their first consumer, addresses left open
  bool waiting = true;
  bool dominance = true;    // drop states that another can be turned into at no loss
  bool lower_bound = true;  // prune by what must be off chip at operators still ahead
};

}  // namespace pliant::plan
