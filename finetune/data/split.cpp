#include "finetune/data/split.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <numeric>
#include <string_view>
#include <unordered_map>

#include "core/error.h"
#include "core/random.h"
#include "finetune/common/text.h"

namespace thaw {
namespace {

using Rows = std::vector<int64_t>;

// The place of a sample in the random order of one use of the seed.
struct RandomOrder {
  RandomOrder(uint64_t seed, std::string_view use) : key(mix64(seed ^ hash_text(use))) {}

  uint64_t rank(const Dataset& data, int64_t row) const {
    return mix64(key ^ mix64(static_cast<uint64_t>(data[row].id)));
  }

  uint64_t key;
};

// The classes as strata; one stratum for regression.
struct Strata {
  explicit Strata(const Dataset& data)
      : of_row(data.targets == Targets::classes ? data.labels() : Rows(data.size(), 0)),
        counts(data.targets == Targets::classes ? data.class_counts() : Rows{data.size()}) {}

  Rows of_row;
  Rows counts;
};

// Integers that add up to `total` in the proportion of `counts`, by largest remainder, none above its cap.
Rows proportional_shares(const Rows& counts, const Rows& caps, int64_t total) {
  const int64_t whole = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  Rows shares, order;
  std::vector<double> remainder;
  for (size_t c = 0; c < counts.size(); ++c) {
    const double exact =
        static_cast<double>(counts[c]) * static_cast<double>(total) / static_cast<double>(whole);
    shares.push_back(std::min(caps[c], static_cast<int64_t>(exact)));
    remainder.push_back(exact - static_cast<double>(shares[c]));
    order.push_back(static_cast<int64_t>(c));
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return remainder[a] > remainder[b]; });
  int64_t left = total - std::accumulate(shares.begin(), shares.end(), int64_t{0});
  while (left > 0) {
    for (int64_t c : order) {
      if (left == 0 || shares[c] == caps[c]) continue;
      ++shares[c];
      --left;
    }
  }
  return shares;
}

// How many samples of each stratum a split takes. Each stratum keeps one, unless there are too few to do so.
Rows split_shares(const Rows& counts, int64_t total) {
  Rows caps = counts;
  for (int64_t& cap : caps) cap = std::max<int64_t>(cap - 1, 0);
  const bool fits = std::accumulate(caps.begin(), caps.end(), int64_t{0}) >= total;
  return proportional_shares(counts, fits ? caps : counts, total);
}

bool same_row(const Dataset& a, int64_t i, const Dataset& b, int64_t j) {
  const bool same_answer =
      a.targets != b.targets ||
      (a[i].label == b[j].label && a[i].target == b[j].target && a[i].transcript == b[j].transcript);
  return same_answer && a.inputs->same(i, *b.inputs, j);
}

// The same for rows that same_row() finds the same. `by_answer`: both sets have answers of one kind.
uint64_t hash_row(const Dataset& data, int64_t row, bool by_answer) {
  const uint64_t hash = data.inputs->hash(row);
  if (!by_answer) return hash;
  const double target = data[row].target + 0.0;  // -0 equals 0
  return hash ^ mix64(static_cast<uint64_t>(data[row].label)) ^ mix64(~std::bit_cast<uint64_t>(target)) ^
         hash_text(data[row].transcript);
}

// Finds rows of a data set by the content of those of `other`.
class RowIndex {
 public:
  RowIndex(const Dataset& data, const Dataset& other, bool by_answer = true)
      : data_(data), other_(other), by_answer_(by_answer && data.targets == other.targets) {
    for (int64_t row = 0; row < data.size(); ++row)
      entries_.emplace_back(hash_row(data, row, by_answer_), row);
    std::sort(entries_.begin(), entries_.end());
  }

  // The first row here that equals this row of the other, or -1.
  int64_t find(int64_t row) const {
    const uint64_t hash = hash_row(other_, row, by_answer_);
    auto at = std::lower_bound(entries_.begin(), entries_.end(), std::pair(hash, int64_t{0}));
    for (; at != entries_.end() && at->first == hash; ++at) {
      if (by_answer_ ? same_row(data_, at->second, other_, row)
                     : data_.inputs->same(at->second, *other_.inputs, row))
        return at->second;
    }
    return -1;
  }

 private:
  const Dataset& data_;
  const Dataset& other_;
  bool by_answer_;
  std::vector<std::pair<uint64_t, int64_t>> entries_;
};

// Union-find over rows, where a set's root is its first row.
class RowSets {
 public:
  explicit RowSets(int64_t rows) : parent_(rows) { std::iota(parent_.begin(), parent_.end(), 0); }

  int64_t root(int64_t row) {
    while (parent_[row] != row) row = parent_[row] = parent_[parent_[row]];
    return row;
  }

  void join(int64_t a, int64_t b) {
    a = root(a);
    b = root(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  Rows parent_;
};

// The rows in sets that no split may part: identical ones and those of one group.
std::vector<Rows> inseparable_units(const Dataset& data) {
  RowSets sets(data.size());
  const RowIndex index(data, data);
  std::unordered_map<std::string_view, int64_t> group_start;
  for (int64_t row = 0; row < data.size(); ++row) {
    sets.join(row, index.find(row));
    const std::string& group = data[row].group;
    if (!group.empty()) sets.join(row, group_start.emplace(group, row).first->second);
  }
  std::vector<Rows> by_root(data.size());
  for (int64_t row = 0; row < data.size(); ++row) by_root[sets.root(row)].push_back(row);
  by_root.erase(std::remove_if(by_root.begin(), by_root.end(), [](const Rows& r) { return r.empty(); }),
                by_root.end());
  return by_root;
}

// What is still missing of each stratum's share.
class Shortfall {
 public:
  Shortfall(const Strata& strata, Rows shares) : strata_(strata), missing_(std::move(shares)) {}

  // How taking these rows changes the squared distance to the shares; negative is nearer. Each row adds
  //   (missing - 1)^2 - missing^2 = 1 - 2 * missing
  int64_t change(const Rows& rows) {
    int64_t change = 0;
    for (int64_t row : rows) change += 1 - 2 * missing_[strata_.of_row[row]]--;
    for (int64_t row : rows) ++missing_[strata_.of_row[row]];
    return change;
  }

  void take(const Rows& rows) {
    for (int64_t row : rows) --missing_[strata_.of_row[row]];
  }

 private:
  const Strata& strata_;
  Rows missing_;
};

void sort_by_rank(std::vector<Rows>& units, const Dataset& data, const RandomOrder& order) {
  std::sort(units.begin(), units.end(), [&](const Rows& a, const Rows& b) {
    return order.rank(data, a.front()) < order.rank(data, b.front());
  });
}

// Which units a split takes, by place: at least one and never all.
std::vector<bool> choose_units(const std::vector<Rows>& units, Shortfall shortfall) {
  std::vector<bool> taken(units.size(), false);
  size_t count = 0;
  for (size_t u = 0; u < units.size() && count + 1 < units.size(); ++u) {
    if (shortfall.change(units[u]) >= 0) continue;
    shortfall.take(units[u]);
    taken[u] = true;
    ++count;
  }
  if (count == 0) {
    const auto nearest = std::min_element(units.begin(), units.end(), [&](const Rows& a, const Rows& b) {
      return shortfall.change(a) < shortfall.change(b);
    });
    taken[nearest - units.begin()] = true;
  }
  return taken;
}

// The `shares[c]` rows of each stratum that come first in the random order, ascending.
Rows draw(const Dataset& data, const Strata& strata, const Rows& shares, const RandomOrder& order) {
  std::vector<Rows> rows_of(shares.size());
  for (int64_t row = 0; row < data.size(); ++row) rows_of[strata.of_row[row]].push_back(row);
  Rows drawn;
  for (size_t c = 0; c < shares.size(); ++c) {
    std::sort(rows_of[c].begin(), rows_of[c].end(),
              [&](int64_t a, int64_t b) { return order.rank(data, a) < order.rank(data, b); });
    drawn.insert(drawn.end(), rows_of[c].begin(), rows_of[c].begin() + shares[c]);
  }
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

}  // namespace

Split split_dataset(const Dataset& data, double fraction, uint64_t seed) {
  if (!(fraction > 0 && fraction < 1)) {
    fail_input("a split fraction of ", fraction, "; give one above 0 and below 1");
  }
  std::vector<Rows> units = inseparable_units(data);
  if (units.size() < 2) {
    fail_input("the data cannot be split: ", data.size(), " samples are ", units.size(),
               " distinct rows or groups; give more data, or a file for each part");
  }
  sort_by_rank(units, data, RandomOrder(seed, "data.split"));
  const auto wanted = static_cast<int64_t>(std::llround(fraction * static_cast<double>(data.size())));
  const Strata strata(data);
  const Rows shares = split_shares(strata.counts, std::clamp<int64_t>(wanted, 1, data.size() - 1));
  const std::vector<bool> taken = choose_units(units, Shortfall(strata, shares));

  Split split;
  for (size_t u = 0; u < units.size(); ++u) {
    Rows& side = taken[u] ? split.taken : split.rest;
    side.insert(side.end(), units[u].begin(), units[u].end());
  }
  std::sort(split.rest.begin(), split.rest.end());
  std::sort(split.taken.begin(), split.taken.end());
  return split;
}

Rows draw_per_class(const Dataset& data, int64_t count, uint64_t seed) {
  if (count <= 0) fail_input("data.samples_per_class = ", count, "; give a positive number");
  if (data.classes.empty()) fail_input("data.samples_per_class needs classes; use data.limit for regression");
  const Strata strata(data);
  for (size_t c = 0; c < data.classes.size(); ++c) {
    if (strata.counts[c] < count) {
      fail_input("class ", in_quotes(data.classes[c]), " has ", strata.counts[c], " samples of the ", count,
                 " wanted; set data.samples_per_class to no more than that");
    }
  }
  return draw(data, strata, Rows(data.classes.size(), count), RandomOrder(seed, "data.draw"));
}

Rows draw_rows(const Dataset& data, int64_t count, uint64_t seed) {
  if (count <= 0) fail_input("data.limit = ", count, "; give a positive number");
  assert(data.size() > 0);
  const Strata strata(data);
  const Rows shares = proportional_shares(strata.counts, strata.counts, std::min(count, data.size()));
  return draw(data, strata, shares, RandomOrder(seed, "data.draw"));
}

namespace {

std::vector<Duplicate> find_rows(const RowIndex& index, const Dataset& second) {
  std::vector<Duplicate> found;
  for (int64_t row = 0; row < second.size(); ++row) {
    const int64_t match = index.find(row);
    if (match >= 0) found.push_back({match, row});
  }
  return found;
}

}  // namespace

std::vector<Duplicate> find_duplicates(const Dataset& first, const Dataset& second) {
  return find_rows(RowIndex(first, second), second);
}

std::vector<Duplicate> find_same_inputs(const Dataset& first, const Dataset& second) {
  return find_rows(RowIndex(first, second, false), second);
}

}  // namespace thaw
