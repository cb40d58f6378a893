#include "finetune/report/inference.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "core/ops.h"
#include "core/random.h"
#include "finetune/common/units.h"

namespace thaw {
namespace {

constexpr double kPower = 0.8;
constexpr std::int64_t kBlock = 256;  // draws at once

// The mean of a table [R, I], how well it is known, and by how much information.
struct Estimate {
  double mean = 0, error = 0, degrees = 1;
};

// For a variance with few degrees of freedom: its upper 90 % bound as a multiple of its estimate. By Wilson
// and Hilferty's normal approximation of the cube root (1931), with z the 90 % quantile of the normal
// distribution:
//   1 / (1 - 2 / (9 degrees) - z sqrt(2 / (9 degrees)))^3
// With one degree of freedom that goes too far, and the exact value is taken.
double upper_bound(double degrees) {
  constexpr double kNormal90 = 1.2816, kOfOneDegree = 0.251;
  const double part = 2 / (9 * degrees);
  return 1 / std::pow(std::max(1 - part - kNormal90 * std::sqrt(part), kOfOneDegree), 3);
}

struct MeanSquares {
  double seeds = 0, examples = 0, rest = 0;
  double seed_degrees = 1, example_degrees = 1;

  // R I times the variance of the mean:
  //   MS_seed + MS_example - MS_rest
  // MS_seed is a lower bound. So is MS_example, but taking the larger of it and what is seen would make
  // intervals too wide where seeds hardly differ.
  double variance() const { return std::max(seeds + examples - rest, seeds); }
  double satterthwaite() const {
    const double spread = seeds * seeds / seed_degrees + examples * examples / example_degrees +
                          rest * rest / (seed_degrees * example_degrees);
    const double least = std::min(seed_degrees, example_degrees);
    return spread > 0 ? std::max(variance() * variance() / spread, least) : least;
  }
  // Few seeds can agree by chance; the degrees would then be those of the many examples. So the seeds count
  // by what their part may well be.
  double degrees() const {
    MeanSquares cautious = *this;
    cautious.seeds *= upper_bound(seed_degrees);
    return cautious.satterthwaite();
  }
};

MeanSquares mean_squares(const Scores& d) {
  const auto seeds = static_cast<double>(d.seeds), examples = static_cast<double>(d.examples);
  std::vector<double> by_seed(static_cast<std::size_t>(d.seeds)),
      by_example(static_cast<std::size_t>(d.examples));
  for (std::size_t r = 0, at = 0; r < by_seed.size(); ++r)
    for (std::size_t i = 0; i < by_example.size(); ++i, ++at) {
      by_seed[r] += d.values[at] / examples;
      by_example[i] += d.values[at] / seeds;
    }
  const double mean = d.mean();
  MeanSquares squares;
  squares.seed_degrees = std::max(seeds - 1, 1.0);
  squares.example_degrees = std::max(examples - 1, 1.0);
  for (const double value : by_seed)
    squares.seeds += examples * (value - mean) * (value - mean) / squares.seed_degrees;
  for (const double value : by_example)
    squares.examples += seeds * (value - mean) * (value - mean) / squares.example_degrees;
  for (std::size_t r = 0, at = 0; r < by_seed.size(); ++r)
    for (std::size_t i = 0; i < by_example.size(); ++i, ++at) {
      const double rest = d.values[at] - by_seed[r] - by_example[i] + mean;
      squares.rest += rest * rest / (squares.seed_degrees * squares.example_degrees);
    }
  return squares;
}

// `one_example`: how much one example's score may differ. Where few examples differ, or none, what was seen
// is no measure of what may be: one more example could have.
Estimate estimate(const Scores& d, double one_example) {
  const auto seeds = static_cast<double>(d.seeds), examples = static_cast<double>(d.examples);
  const MeanSquares squares = mean_squares(d);
  const double least_error = one_example / examples;
  if (d.seeds == 1)
    return {d.mean(), std::max(std::sqrt(squares.examples / examples), least_error), squares.example_degrees};
  return {d.mean(), std::max(std::sqrt(squares.variance() / (seeds * examples)), least_error),
          squares.degrees()};
}

// Of the strategies, the reference last, the first one with the answers of `strategy`; the reference where it
// has them.
std::size_t first_equal(const std::vector<Scores>& all, std::size_t strategy) {
  const auto same = [&](const Scores& scores) { return scores.values == all[strategy].values; };
  if (same(all.back())) return all.size() - 1;
  return static_cast<std::size_t>(std::find_if(all.begin(), all.end(), same) - all.begin());
}

double range_of(const Scores& scores) {
  const auto [least, most] = std::minmax_element(scores.values.begin(), scores.values.end());
  return *most - *least;
}

// How much one example's score may differ: as much as any does or, where none does, as much as scores can.
double largest_difference(const Scores& d, double range) {
  float largest = 0;
  for (const float value : d.values) largest = std::max(largest, std::abs(value));
  return largest > 0 ? largest : range;
}

Scores difference(const Scores& a, const Scores& b) {
  if (a.seeds != b.seeds || a.examples != b.examples || a.values.size() != b.values.size() ||
      a.values.empty())
    fail("[conclude] scores of ", a.seeds, " seeds and ", a.examples, " examples beside ", b.seeds, " and ",
         b.examples, "; give the same ones to every strategy");
  Scores d{a.seeds, a.examples, a.values};
  for (std::size_t at = 0; at < d.values.size(); ++at) d.values[at] -= b.values[at];
  return d;
}

// How often each of n things is drawn in n draws with replacement, added to `counts`.
void draw_counts(RandomKey key, std::int64_t draw, std::int64_t n, float* counts) {
  const auto count = static_cast<std::uint64_t>(n);
  for (std::uint64_t i = 0; i < count; ++i)
    ++counts[random_below(key, static_cast<std::uint64_t>(draw) * count + i, count)];
}

// [examples, strategies * seeds]
Tensor table_of(const std::vector<Scores>& all) {
  const std::int64_t seeds = all[0].seeds, examples = all[0].examples;
  Tensor rows = empty({static_cast<std::int64_t>(all.size()) * seeds, examples});
  float* to = rows.data<float>();
  for (const Scores& scores : all) to = std::copy(scores.values.begin(), scores.values.end(), to);
  return rows.transpose(0, 1);
}

// means[draw][strategy] of resampled seeds and examples. Draws of examples are the rows of a matrix of
// counts, so that all means of a block of draws are one product.
std::vector<std::vector<double>> resample(const std::vector<Scores>& all, const InferenceOptions& options) {
  const RandomKey seed_key = random_key(options.seed, "bootstrap.seeds");
  const RandomKey example_key = random_key(options.seed, "bootstrap.examples");
  const std::int64_t seeds = all[0].seeds, examples = all[0].examples;
  const Tensor table = table_of(all);
  std::vector<std::vector<double>> means;
  for (std::int64_t begin = 0; begin < options.draws; begin += kBlock) {
    const std::int64_t size = std::min(kBlock, options.draws - begin);
    Tensor counts = zeros({size, examples});
    for (std::int64_t i = 0; i < size; ++i)
      draw_counts(example_key, begin + i, examples, counts.data<float>() + i * examples);
    const Tensor sums = matmul(counts, table);  // [size, strategies * seeds]
    const float* sum = std::as_const(sums).data<float>();
    for (std::int64_t i = 0; i < size; ++i) {
      std::vector<float> weights(static_cast<std::size_t>(seeds));
      draw_counts(seed_key, begin + i, seeds, weights.data());
      means.emplace_back();
      for (std::size_t s = 0; s < all.size(); ++s, sum += seeds)
        means.back().push_back(std::inner_product(weights.begin(), weights.end(), sum, 0.0) /
                               static_cast<double>(seeds * examples));
    }
  }
  return means;
}

// ties[draw][strategy], the reference last: who is the better one where resampled means are equal. Each, the
// reference too, has the same chance.
std::vector<std::vector<double>> draw_ties(const std::vector<std::vector<double>>& draws,
                                           std::uint64_t seed) {
  std::mt19937_64 random(mix64(seed ^ hash_text("bootstrap.ties")));
  std::uniform_real_distribution<double> uniform;
  std::vector<std::vector<double>> ties(draws.size());
  for (auto& of_draw : ties)
    for (std::size_t s = 0; s < draws.front().size(); ++s) of_draw.push_back(uniform(random));
  return ties;
}

// Turns resampled differences of one strategy into draws of Student's t, in place. Standard normals take the
// order of the differences (Iman and Conover 1982), for means over few seeds have few values and no tails.
void studentise(std::vector<std::vector<double>>& draws, const std::vector<std::vector<double>>& ties,
                std::size_t strategy, double degrees, std::uint64_t seed) {
  std::mt19937_64 random(mix64(seed + strategy));
  std::normal_distribution<double> normal;
  std::chi_squared_distribution<double> chi_squared(degrees);
  std::vector<double> normals(draws.size());
  for (double& value : normals) value = normal(random);
  std::sort(normals.begin(), normals.end());
  std::vector<std::tuple<double, double, std::size_t>> order;  // the difference, its tie, the draw
  order.reserve(draws.size());
  for (std::size_t i = 0; i < draws.size(); ++i)
    order.emplace_back(draws[i][strategy], ties[i][strategy] - ties[i].back(), i);
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i)
    draws[std::get<2>(order[i])][strategy] = normals[i] / std::sqrt(chi_squared(random) / degrees);
}

Interval around(const Estimate& e, double critical) {
  return {e.mean, e.mean - critical * e.error, e.mean + critical * e.error};
}

// The interval of all mu with
//   (mean - mu)^2 <= fixed + of_examples (mu - low) (high - mu) / ((mean - low) (high - mean))
// where the denominator is at least that of one example.
Interval score_interval(double mean, double fixed, double of_examples, double one_example,
                        const Bounds& bounds) {
  const double width = bounds.high - bounds.low;
  const double m = std::clamp((mean - bounds.low) / width, 0.0, 1.0);
  const double share = of_examples / (width * width) / std::max(m * (1 - m), one_example / width);
  const double middle = (m + share / 2) / (1 + share);
  const double constant = (m * m - fixed / (width * width)) / (1 + share);
  const double half = std::sqrt(std::max(middle * middle - constant, 0.0));
  const double low = bounds.low + width * (middle - half), high = bounds.low + width * (middle + half);
  return within({mean, std::min(low, mean), std::max(high, mean)}, bounds);
}

Verdict judge(const Contrast& contrast, const Interval& narrow, bool higher_is_better) {
  const Interval& interval = contrast.simultaneous;
  if (interval.low > 0) return higher_is_better ? Verdict::better : Verdict::worse;
  if (interval.high < 0) return higher_is_better ? Verdict::worse : Verdict::better;
  const bool within = narrow.low > -contrast.margin && narrow.high < contrast.margin;
  return within ? Verdict::equivalent : Verdict::undetected;
}

// The tail that every strategy's interval leaves so that with `probability` all of them hold: balanced, each
// errs as often (Beran 1988), whatever its degrees of freedom. Rounded down: never above the share.
double balanced_tail(std::vector<double> least_tails, double probability) {
  const double rank = (1 - probability) * static_cast<double>(least_tails.size() + 1);
  const auto at = static_cast<std::ptrdiff_t>(std::max(rank - 1, 0.0));
  std::nth_element(least_tails.begin(), least_tails.begin() + at, least_tails.end());
  return least_tails[static_cast<std::size_t>(at)];
}

// `t`: draws of Student's t, [draw][strategy].
std::vector<Contrast> contrasts_of(const std::vector<Estimate>& estimates,
                                   const std::vector<std::vector<double>>& t,
                                   const std::vector<double>& ranges, const InferenceOptions& options) {
  std::vector<double> least_tails;
  for (const auto& draw : t) {
    least_tails.push_back(1);
    for (std::size_t s = 0; s < draw.size(); ++s)
      least_tails.back() = std::min(least_tails.back(), t_tail(std::abs(draw[s]), estimates[s].degrees));
  }
  const double tail_95 = balanced_tail(least_tails, 0.95), tail_90 = balanced_tail(least_tails, 0.9);
  std::vector<Contrast> contrasts;
  for (std::size_t s = 0; s < estimates.size(); ++s) {
    const Estimate& e = estimates[s];
    const double critical = t_quantile(tail_95, e.degrees);
    Contrast contrast;
    contrast.standard_error = e.error;
    contrast.degrees = e.degrees;
    contrast.pointwise = within(around(e, t_quantile(0.05, e.degrees)), options.difference);
    contrast.simultaneous = within(around(e, critical), options.difference);
    contrast.detectable = t_shift(kPower, critical, e.degrees) * e.error;
    if (contrast.detectable > ranges[s]) contrast.detectable = INFINITY;
    contrast.margin = options.margin;
    contrast.verdict = judge(contrast, around(e, t_quantile(tail_90, e.degrees)), options.higher_is_better);
    contrasts.push_back(contrast);
  }
  return contrasts;
}

std::vector<std::vector<double>> rank_probabilities(const std::vector<std::vector<double>>& draws,
                                                    bool higher_is_better) {
  const std::size_t strategies = draws.front().size();
  std::vector<std::vector<double>> probability(strategies, std::vector<double>(strategies));
  for (const auto& draw : draws)
    for (std::size_t s = 0; s < strategies; ++s) {
      std::size_t better = 0, equal = 0;
      for (const double other : draw) {
        better += higher_is_better ? other > draw[s] : other < draw[s];
        equal += other == draw[s];
      }
      for (std::size_t rank = better; rank < better + equal; ++rank)
        probability[s][rank] += 1 / static_cast<double>(equal * draws.size());
    }
  return probability;
}

}  // namespace

double Scores::mean() const {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

Conclusions conclude(const std::vector<Scores>& strategies, const Scores& reference,
                     const InferenceOptions& options) {
  std::vector<Scores> all = strategies;
  all.push_back(reference);
  std::vector<Estimate> estimates;
  std::vector<double> ranges;
  for (const Scores& scores : strategies) {
    const Scores d = difference(scores, reference);
    ranges.push_back(options.range > 0 ? options.range : std::max(range_of(scores), range_of(reference)));
    estimates.push_back(estimate(d, largest_difference(d, ranges.back())));
  }
  std::vector<std::vector<double>> draws = resample(all, options);
  const std::vector<std::vector<double>> ties = draw_ties(draws, options.seed);
  for (auto& draw : draws) {
    const double of_reference = draw.back();
    draw.pop_back();
    for (double& mean : draw) mean -= of_reference;
  }
  for (std::size_t s = 0; s < estimates.size(); ++s)
    studentise(draws, ties, s, estimates[s].degrees, options.seed);
  Conclusions conclusions;
  conclusions.contrasts = contrasts_of(estimates, draws, ranges, options);
  // What the differences may be: more spread than the resampled means, which few seeds make too alike.
  std::vector<std::size_t> equal_to;
  for (std::size_t s = 0; s < estimates.size(); ++s) equal_to.push_back(first_equal(all, s));
  for (auto& draw : draws) {
    for (std::size_t s = 0; s < estimates.size(); ++s)
      draw[s] = estimates[s].mean + estimates[s].error * draw[s];
    draw.push_back(0);
    // The same answers are the same draw, and share its rank.
    for (std::size_t s = 0; s < estimates.size(); ++s) draw[s] = draw[equal_to[s]];
  }
  conclusions.rank_probability = rank_probabilities(draws, options.higher_is_better);
  return conclusions;
}

Interval mean_interval(const Scores& scores, double range, const Bounds& bounds) {
  const auto cells = static_cast<double>(scores.seeds * scores.examples);
  const MeanSquares squares = mean_squares(scores);
  const double one_example = (range > 0 ? range : range_of(scores)) / static_cast<double>(scores.examples);
  const double t_seeds = t_quantile(0.05, squares.seed_degrees);
  const double t_examples = t_quantile(0.05, squares.example_degrees);
  const double of_seeds = scores.seeds > 1 ? t_seeds * t_seeds * squares.seeds / cells : 0;
  const double of_examples = t_examples * t_examples *
                             std::max((squares.examples - squares.rest) / cells, one_example * one_example);
  const double mean = scores.mean();
  if (bounds.both()) return score_interval(mean, of_seeds, of_examples, one_example, bounds);
  const double half = std::sqrt(of_seeds + of_examples);
  return within({mean, mean - half, mean + half}, bounds);
}

std::string detectable_text(const Contrast& contrast) {
  if (!std::isfinite(contrast.detectable)) return "none is detectable";
  return "detectable: ±" + short_number(contrast.detectable, 2);
}

std::string verdict_text(const Contrast& contrast) {
  switch (contrast.verdict) {
    case Verdict::better:
      return "better";
    case Verdict::worse:
      return "worse";
    case Verdict::equivalent:
      return "equivalent within ±" + short_number(contrast.margin, 2);
    case Verdict::undetected:
      break;
  }
  return "no detected difference (" + detectable_text(contrast) + ")";
}

}  // namespace thaw
