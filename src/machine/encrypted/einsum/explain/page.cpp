#include <fmt/format.h>

#include "machine/encrypted/einsum/explain/drawing.h"
#include "report/html.h"

namespace pliant::einsum {
namespace {

// The joint layout that it was chosen by, without its estimated cost.
std::string name(const Plan& plan) {
  if (plan.reasons.empty() || !plan.reasons[0].starts_with("joint layout")) return plan.expression;
  const std::string& reason = plan.reasons[0];
  return reason.substr(0, reason.rfind(": "));
}

report::Table compared_table(std::span<const Plan> compared) {
  report::Table table{{{"plan"},
                       {"rotations", true},
                       {"key switches", true},
                       {"products", true},
                       {"plaintext products", true},
                       {"levels", true},
                       {"keys", true}},
                      {}};
  for (std::size_t i = 0; i < compared.size(); ++i) {
    const Counts c = counts(compared[i].program);
    const auto number = [](std::int64_t count) { return fmt::format("{}", count); };
    table.rows.push_back(
        {{(i == 0 ? "chosen: " : "rejected: ") + name(compared[i]), number(c.rotations),
          number(c.key_switches), number(c.products), number(c.diagonals + c.plain_products),
          number(compared[i].levels()), number(c.keys)},
         i == 0 ? report::Row::Look::strong : report::Row::Look::plain});
  }
  return table;
}

report::Table step_table(const Program& program) {
  report::Table table{{{"step"}}, {}};
  const std::string text = to_text(program);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    table.rows.push_back({{text.substr(at, end - at)}});
    at = end + 1;
  }
  return table;
}

void cards(const Plan& plan, report::HtmlPage& page) {
  const Counts c = counts(plan.program);
  const auto number = [](std::int64_t count) { return fmt::format("{}", count); };
  page.begin_cards();
  page.card("rotations", number(c.rotations), fmt::format("{} key switches", c.key_switches));
  page.card("products", number(c.products),
            fmt::format("and {} by plaintexts", c.diagonals + c.plain_products));
  page.card("levels", number(plan.levels()), "of the highest input");
  page.card("keys", number(c.keys), "");
  page.end_cards();
}

}  // namespace

std::string compared_text(std::span<const Plan> compared) {
  return report::table_text(compared_table(compared));
}

std::string plan_page(const Drawing& drawing, std::span<const Plan> compared) {
  const Plan& plan = compared.front();
  report::HtmlPage page(plan.expression);
  page.note(fmt::format("in ciphertexts of {} slots", plan.program.slots));
  cards(plan, page);
  page.heading("Plans");
  page.note("The chosen one and the cheapest of those that it was preferred to.");
  page.table(compared_table(compared));
  page.heading("Slots");
  page.note("What the slots hold before and after every step, worked out from the program.");
  page.picture(stages_picture(drawing));
  page.heading("Steps");
  page.table_below("every operation, with the level of its result", step_table(plan.program), 0);
  return page.finish();
}

}  // namespace pliant::einsum
