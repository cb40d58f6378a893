// What a comparison's numbers allow one to say: intervals, verdicts and ranks for strategies that were all
// run with the same seeds and scored on the same test examples.
//
// The paired differences to the reference, for seed r of R and example i of I, are a two-way table in which
// both seeds and examples are random effects:
//   d[r, i] = mu + seed_r + example_i + rest[r, i]
// So a new seed and a new example both count. With the table's mean squares (Cornfield & Tukey 1956)
//   var(mean) = (MS_seed + MS_example - MS_rest) / (R I)
// and with Satterthwaite's degrees of freedom (1946)
//   degrees = (MS_seed + MS_example - MS_rest)^2
//       / (MS_seed^2 / (R - 1) + MS_example^2 / (I - 1) + MS_rest^2 / ((R - 1) (I - 1)))
// taken cautiously: few seeds may agree by chance.
//
// How the differences of several strategies vary together comes from a hierarchical bootstrap: seeds and
// examples are drawn with replacement, the same ones for every strategy (Owen 2007), and each strategy's
// draws become draws of Student's t in the same order. The simultaneous intervals leave the same tail for
// every strategy, such that in 95 % of the draws none is outside (Beran 1988): a strategy with few degrees of
// freedom widens only its own interval. They are cut at what a difference can be.
//
// A strategy's own mean is not judged. Its interval holds every mu with
//   (mean - mu)^2 <= half_seeds^2 + half_examples^2
// where each half-width is by Student's t with its own degrees of freedom (Zou & Donner 2008):
//   half_seeds^2 = t[R - 1]^2 MS_seed / (R I)
//   half_examples^2 = t[I - 1]^2 (MS_example - MS_rest) / (R I)
// Where the metric lies between two bounds, half_examples^2 is multiplied by
//   (mu - low) (high - mu) / ((mean - low) (high - mean))
// so that it is what it would be at mu. For one seed and right or wrong answers that is Wilson's interval
// (1927) with t[I - 1]^2 / (I - 1) in place of z^2 / I. So it stays within the bounds, and is wider on the
// side away from the nearer one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "finetune/common/statistics.h"

namespace thaw {

// One strategy's scores, [seeds, examples] row-major, whose mean over examples is the seed's metric.
struct Scores {
  std::int64_t seeds = 0, examples = 0;
  std::vector<float> values;
  double mean() const;
};

enum class Verdict { better, worse, equivalent, undetected };

struct Contrast {
  double standard_error = 0, degrees = 0;
  Interval pointwise;     // 95 %, of this strategy alone
  Interval simultaneous;  // 95 %, of all strategies at once
  double margin = 0;      // within which a difference counts as none
  // The true difference that this comparison would call with probability 0.8; infinite where that is more
  // than the scores' range.
  double detectable = 0;
  Verdict verdict = Verdict::undetected;
};

struct Conclusions {
  std::vector<Contrast> contrasts;  // to the reference, in the order of the strategies
  // [strategy][rank], the reference last: the share of the draws of what the differences may be in which so
  // many are better; ties share their ranks.
  std::vector<std::vector<double>> rank_probability;
};

struct InferenceOptions {
  bool higher_is_better = true;
  double margin = 0.01;  // differences within it count as none: "equivalent"
  double range = 0;      // how far apart two scores can be; 0: not known, as far as any two are
  Bounds difference;     // what a true difference can be
  std::int64_t draws = 2000;
  std::uint64_t seed = 0;
};

// All have the reference's seeds and examples, at least one of each. With one seed the intervals speak of new
// examples alone. "Better" and "worse" need a simultaneous 95 % interval without zero, so that one of them is
// wrong for any strategy with probability 0.05 at most; "equivalent" needs a simultaneous 90 % interval
// within the margin (two one-sided tests, Schuirmann 1987), which has an error of 0.05 of its own. No
// standard error is less than one example's worth.
Conclusions conclude(const std::vector<Scores>& strategies, const Scores& reference,
                     const InferenceOptions& options);

// The 95 % interval of a strategy's own mean over new seeds and examples, or over new examples alone where
// there is one seed. `bounds`: what a mean can be.
Interval mean_interval(const Scores& scores, double range = 0, const Bounds& bounds = {});

// "detectable: ±0.034", or "none is detectable".
std::string detectable_text(const Contrast& contrast);

// "better", "worse", "equivalent within ±0.01", "no detected difference (detectable: ±0.034)".
std::string verdict_text(const Contrast& contrast);

}  // namespace thaw
