#include "finetune/inference.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <utility>

#include "core/error.h"
#include "core/ops.h"
#include "core/random.h"
#include "finetune/units.h"

namespace thaw {
namespace {

constexpr double kPower = 0.8;
constexpr std::int64_t kBlock = 256;  // draws at once

// The mean of a table [R, I], how well it is known, and by how much information. `range` is that of the
// scores.
struct Estimate {
  double mean = 0, error = 0, degrees = 1;
};

Estimate estimate(const Scores& d, double range) {
  const auto seeds = static_cast<double>(d.seeds), examples = static_cast<double>(d.examples);
  std::vector<double> by_seed(static_cast<std::size_t>(d.seeds)),
      by_example(static_cast<std::size_t>(d.examples));
  for (std::size_t r = 0, at = 0; r < by_seed.size(); ++r)
    for (std::size_t i = 0; i < by_example.size(); ++i, ++at) {
      by_seed[r] += d.values[at] / examples;
      by_example[i] += d.values[at] / seeds;
    }
  const double mean = d.mean();
  double seed_squares = 0, example_squares = 0, rest_squares = 0;
  for (const double value : by_seed) seed_squares += examples * (value - mean) * (value - mean);
  for (const double value : by_example) example_squares += seeds * (value - mean) * (value - mean);
  for (std::size_t r = 0, at = 0; r < by_seed.size(); ++r)
    for (std::size_t i = 0; i < by_example.size(); ++i, ++at) {
      const double rest = d.values[at] - by_seed[r] - by_example[i] + mean;
      rest_squares += rest * rest;
    }
  // Where few examples differ, or none, what was seen is no measure of what may be: one more example could
  // have.
  const double least_error = range / examples;
  const double seed_degrees = seeds - 1, example_degrees = std::max(examples - 1, 1.0);
  const double of_examples = example_squares / example_degrees;
  if (d.seeds == 1) return {mean, std::max(std::sqrt(of_examples / examples), least_error), example_degrees};
  const double of_seeds = seed_squares / seed_degrees;
  const double of_rest = rest_squares / (seed_degrees * example_degrees);
  // Each of the two parts alone is a lower bound; their sum less the rest can fall below it by chance.
  const double variance = std::max({of_seeds + of_examples - of_rest, of_seeds, of_examples});
  const double spread = of_seeds * of_seeds / seed_degrees + of_examples * of_examples / example_degrees +
                        of_rest * of_rest / (seed_degrees * example_degrees);
  const double least_degrees = std::min(seed_degrees, example_degrees);
  const double degrees = spread > 0 ? std::max(variance * variance / spread, least_degrees) : least_degrees;
  return {mean, std::max(std::sqrt(variance / (seeds * examples)), least_error), degrees};
}

// From the least to the greatest score of any strategy: 1 for right and wrong.
double range_of(const std::vector<Scores>& all) {
  float least = all[0].values[0], most = least;
  for (const Scores& scores : all)
    for (const float value : scores.values) least = std::min(least, value), most = std::max(most, value);
  return most - least;
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

// Turns resampled means of one strategy into draws of Student's t, in place.
void studentise(std::vector<std::vector<double>>& draws, std::size_t strategy, const Estimate& estimate,
                std::uint64_t seed) {
  double squares = 0;
  for (const auto& draw : draws) squares += std::pow(draw[strategy] - estimate.mean, 2);
  const double deviation = std::sqrt(squares / static_cast<double>(draws.size()));
  std::mt19937_64 random(mix64(seed + strategy));
  std::chi_squared_distribution<double> chi_squared(estimate.degrees);
  std::normal_distribution<double> normal;  // where every draw is the same: no example differs
  for (auto& draw : draws) {
    const double z = deviation > 0 ? (draw[strategy] - estimate.mean) / deviation : normal(random);
    draw[strategy] = z / std::sqrt(chi_squared(random) / estimate.degrees);
  }
}

// Rounded up: never below the share.
double quantile(std::vector<double> values, double share) {
  const auto last = static_cast<double>(values.size()) - 1;
  const auto at = static_cast<std::ptrdiff_t>(std::min(std::ceil(share * (last + 2)) - 1, last));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

Interval around(const Estimate& e, double critical) {
  return {e.mean, e.mean - critical * e.error, e.mean + critical * e.error};
}

Verdict judge(const Contrast& contrast, const Estimate& e, double critical_90,
              const InferenceOptions& options) {
  const Interval& interval = contrast.simultaneous;
  if (interval.low > 0) return options.higher_is_better ? Verdict::better : Verdict::worse;
  if (interval.high < 0) return options.higher_is_better ? Verdict::worse : Verdict::better;
  const Interval narrow = around(e, critical_90);
  const bool within = narrow.low > -options.margin && narrow.high < options.margin;
  return within ? Verdict::equivalent : Verdict::undetected;
}

// `draws` holds the means of the strategies and, last, of the reference.
std::vector<Contrast> contrasts_of(const std::vector<Scores>& differences,
                                   std::vector<std::vector<double>> draws, double range,
                                   const InferenceOptions& options) {
  for (auto& draw : draws) {
    const double reference = draw.back();
    draw.pop_back();
    for (double& mean : draw) mean -= reference;
  }
  std::vector<Estimate> estimates;
  for (std::size_t s = 0; s < differences.size(); ++s) {
    estimates.push_back(estimate(differences[s], range));
    studentise(draws, s, estimates.back(), options.seed);
  }
  std::vector<double> largest;
  for (const auto& draw : draws) {
    largest.push_back(0);
    for (const double t : draw) largest.back() = std::max(largest.back(), std::abs(t));
  }
  const double critical = quantile(largest, 0.95), critical_90 = quantile(largest, 0.9);
  std::vector<Contrast> contrasts;
  for (std::size_t s = 0; s < estimates.size(); ++s) {
    const Estimate& e = estimates[s];
    std::vector<double> sizes, values;
    for (const auto& draw : draws) values.push_back(draw[s]), sizes.push_back(std::abs(draw[s]));
    Contrast contrast;
    contrast.standard_error = e.error;
    contrast.degrees = e.degrees;
    contrast.pointwise = around(e, quantile(sizes, 0.95));
    contrast.simultaneous = around(e, critical);
    contrast.detectable = (critical + quantile(values, kPower)) * e.error;
    contrast.margin = options.margin;
    contrast.verdict = judge(contrast, e, critical_90, options);
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
  std::vector<Scores> differences, all = strategies;
  for (const Scores& scores : strategies) differences.push_back(difference(scores, reference));
  all.push_back(reference);
  const std::vector<std::vector<double>> draws = resample(all, options);
  return {contrasts_of(differences, draws, range_of(all), options),
          rank_probabilities(draws, options.higher_is_better)};
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
  return "no detected difference (detectable: ±" + short_number(contrast.detectable, 2) + ")";
}

}  // namespace thaw
