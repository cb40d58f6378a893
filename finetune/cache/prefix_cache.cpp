#include "finetune/cache/prefix_cache.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/autograd.h"
#include "core/error.h"
#include "core/random.h"
#include "finetune/common/clock.h"
#include "finetune/data/batch.h"
#include "kernels/kernel.h"
#include "kernels/kernels.h"
#include "nn/io/files.h"
#include "nn/io/sha256.h"

namespace thaw {
namespace {

// Another build of the program may compute other bits.
const std::string& program_digest() {
  static const std::string digest = [] {
    try {
      return sha256_hex(read_file("/proc/self/exe", std::int64_t{1} << 32)) + product_instructions();
    } catch (const std::exception&) {  // then no other process shares what this one computes
      return concat("process ", ::getpid(), ' ', Clock::now().time_since_epoch().count());
    }
  }();
  return digest;
}

void add_weight(Sha256& hash, const std::string& name, const Tensor& tensor) {
  hash.update(name.c_str(), name.size() + 1);
  for (int d = 0; d < tensor.rank(); ++d) hash.update(concat(tensor.size(d), ' '));
  hash.update(dtype_name(tensor.dtype()));
  const Tensor values = tensor.detach().contiguous();
  const ConstView view = values;
  hash.update(view.data, static_cast<std::size_t>(values.bytes()));
}

// In Samples::used.
std::uint64_t bit(int stages) { return std::uint64_t{1} << std::min(stages, 63); }

// Whether one of its names is of the group: a tied weight is in several.
bool is_in_group(const Model& model, const Parameter& parameter, int group) {
  return parameter.group == group ||
         std::any_of(parameter.aliases.begin(), parameter.aliases.end(),
                     [&](const std::string& alias) { return model.group_of(alias) == group; });
}

}  // namespace

PrefixCache::PrefixCache(Model& model, std::string network, std::string origin, PrefixStore& store)
    : model_(model), network_(std::move(network)), origin_(std::move(origin)), store_(store) {
  store_.begin_run();
}

void PrefixCache::use(const Use& in_training, const Use& in_evaluation) {
  const Use* asked[] = {&in_training, &in_evaluation};
  int most = 0;
  for (int i = 0; i < 2; ++i) {
    uses_[i] = *asked[i];
    uses_[i].stages = std::min(uses_[i].stages, constant_prefix(model_, i == 0).stages);
    std::erase_if(uses_[i].kept, [&](int stages) { return stages < 1 || stages >= uses_[i].stages; });
    std::sort(uses_[i].kept.begin(), uses_[i].kept.end());
    most = std::max(most, uses_[i].stages);
  }
  const auto is_below = [&](int group) {
    return group < std::min(most, model_.head()) ||
           (most == model_.stages() && model_.pools_with_parameters());
  };
  parameters_.clear();
  buffers_.clear();
  for (const ParameterPtr& parameter : model_.parameters())
    for (int group = 0; group <= model_.head(); ++group)
      if (is_below(group) && is_in_group(model_, *parameter, group)) {
        parameters_.push_back(parameter);
        break;
      }
  for (const BufferPtr& buffer : model_.buffers())
    if (is_below(model_.group_of(buffer->name))) buffers_.push_back(buffer);
  named_state_ = 0;
}

int PrefixCache::stages_for(const Dataset& data) const {
  return model_.training() && data.inputs->draws_in_training() ? 0 : current().stages;
}

Tensor PrefixCache::forward(const Dataset& data, const std::vector<std::int64_t>& rows) {
  const int stages = stages_for(data);
  return model_.forward_after(stages, state_after(stages, data, rows));
}

ModelState PrefixCache::encoded(const Dataset& data, const std::vector<std::int64_t>& rows) {
  const int stages = current().stages;
  ModelState state = state_after(stages, data, rows);
  model_.run_stages(stages, model_.encoder_stages(), state);
  return state;
}

Tensor PrefixCache::features(const Dataset& data, const std::vector<std::int64_t>& rows) {
  const int stages = stages_for(data);
  return model_.features_after(stages, state_after(stages, data, rows));
}

ModelState PrefixCache::state_after(int stages, const Dataset& data, const std::vector<std::int64_t>& rows) {
  if (stages == 0)
    return model_.begin(model_.training() ? training_input_of(data, rows) : input_of(data, rows));
  make_names();
  const PrefixEntries& known = entries(stages);
  const std::vector<SampleKey>& keys = keys_of(data);
  std::vector<std::int64_t> missing;
  for (const std::int64_t row : rows)
    if (!known.rows(keys[static_cast<std::size_t>(row)])) missing.push_back(row);
  Computed computed;
  if (!missing.empty()) computed = compute(stages, data, missing);
  Tensor h = missing.size() == rows.size() ? computed.h : assemble(stages, data, rows, computed);
  if (!h.defined()) h = compute(stages, data, rows).h;
  count_use(stages, data, rows, counts_of(stages, h, data, rows), missing);
  // After pooling nothing is asked of the samples themselves.
  ModelState state = stages == model_.stages() ? ModelState{} : model_.begin(input_of(data, rows));
  state.h = h;
  return state;
}

// From the highest stage of which all of the rows have entries.
PrefixCache::Computed PrefixCache::compute(int stages, const Dataset& data,
                                           const std::vector<std::int64_t>& rows) {
  const Unobserved unobserved;
  const auto start = Clock::now();
  int done = highest_known(stages, data, rows);
  ModelState state = model_.begin(input_of(data, rows));
  double seconds = 0;  // that the stages below took when they were computed
  if (done > 0) {
    const Tensor below = assemble(done, data, rows, {});
    if (below.defined()) {
      state.h = below;
      seconds = entries(done).seconds_per_row() * static_cast<double>(below.size(0));
    } else {
      done = 0;
    }
  }
  Computed computed;
  computed.rows = rows;
  std::vector<int> stops = current().kept;
  stops.push_back(stages);
  for (const int stop : stops) {
    if (stop <= done) continue;
    model_.run_stages(done, stop, state);
    done = stop;
    if (needs_grad(state.h))
      fail("stage ", name_of_stage(model_, stop),
           " of a constant prefix needs a gradient: this is a mistake in thaw");
    computed.h = state.h.contiguous();
    computed.counts = counts_of(stop, computed.h, data, rows);
    put(stop, computed, data, seconds + seconds_since(start));
  }
  account().spent_seconds += seconds_since(start);
  return computed;
}

int PrefixCache::highest_known(int below, const Dataset& data, const std::vector<std::int64_t>& rows) {
  const std::vector<SampleKey>& keys = keys_of(data);
  for (int stages = below - 1; stages > 0; --stages) {
    const PrefixEntries& known = entries(stages);
    if (std::all_of(rows.begin(), rows.end(), [&](std::int64_t row) {
          return known.rows(keys[static_cast<std::size_t>(row)]).has_value();
        }))
      return stages;
  }
  return 0;
}

// A text has a row for each token until it is pooled, a sequence to its end; an image has as many as any other.
std::vector<std::int64_t> PrefixCache::counts_of(int stages, const Tensor& h, const Dataset& data,
                                                 const std::vector<std::int64_t>& rows) const {
  std::vector<std::int64_t> counts(rows.size(), 1);
  if (stages == model_.stages() && !model_.gives_sequences()) return counts;
  std::int64_t total = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) total += counts[i] = data.inputs->length(rows[i]);
  for (std::int64_t& count : counts) count *= h.size(0) / total;
  return counts;
}

void PrefixCache::put(int stages, const Computed& computed, const Dataset& data, double seconds) {
  PrefixEntries& to = entries(stages);
  const std::vector<SampleKey>& keys = keys_of(data);
  std::vector<std::int64_t> row_shape;
  for (int d = 1; d < computed.h.rank(); ++d) row_shape.push_back(computed.h.size(d));
  const std::int64_t row_size = computed.h.numel() / computed.h.size(0);
  const float* values = computed.h.data<float>();
  to.add_cost(seconds, computed.h.size(0));
  for (std::size_t i = 0; i < computed.rows.size(); ++i) {
    to.add(keys[static_cast<std::size_t>(computed.rows[i])], values, computed.counts[i], row_shape);
    values += computed.counts[i] * row_size;
  }
}

Tensor PrefixCache::assemble(int stages, const Dataset& data, const std::vector<std::int64_t>& rows,
                             const Computed& computed) {
  PrefixEntries& known = entries(stages);
  const std::vector<SampleKey>& keys = keys_of(data);
  // Those that were computed come in the order of `rows`.
  std::vector<std::int64_t> counts;
  std::int64_t total = 0;
  std::size_t next = 0;
  for (const std::int64_t row : rows) {
    const bool is_new = next < computed.rows.size() && computed.rows[next] == row;
    const std::optional<std::int64_t> count = known.rows(keys[static_cast<std::size_t>(row)]);
    if (!is_new && !count) return {};
    counts.push_back(is_new ? computed.counts[next] : *count);
    total += counts.back();
    if (is_new) ++next;
  }
  if (computed.h.defined() && computed.h.numel() / computed.h.size(0) != known.row_size()) return {};
  std::vector<std::int64_t> shape{total};
  shape.insert(shape.end(), known.row_shape().begin(), known.row_shape().end());
  Tensor h = empty(Shape(shape));
  float* to = h.data<float>();
  const float* from = computed.h.defined() ? computed.h.data<float>() : nullptr;
  next = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int64_t size = counts[i] * known.row_size();
    if (next < computed.rows.size() && computed.rows[next] == rows[i]) {
      std::copy_n(from, size, to);
      from += size;
      ++next;
    } else {
      const SampleKey& key = keys[static_cast<std::size_t>(rows[i])];
      if (!known.read(key, to)) return {};
    }
    to += size;
  }
  return h;
}

// What a run with an empty store would have computed now.
void PrefixCache::count_use(int stages, const Dataset& data, const std::vector<std::int64_t>& rows,
                            const std::vector<std::int64_t>& counts,
                            const std::vector<std::int64_t>& computed) {
  Samples& samples = samples_of(data);
  const auto cost = [&](int n, const SampleKey& key, std::int64_t otherwise) {
    const PrefixEntries& known = entries(n);
    return known.seconds_per_row() * static_cast<double>(known.rows(key).value_or(otherwise));
  };
  std::size_t next = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::size_t>(rows[i]);
    std::uint64_t& used = samples.used[row];
    const bool was_computed = next < computed.size() && computed[next] == rows[i];
    if (was_computed) ++next;
    const bool was_used = (used & bit(stages)) != 0;
    if (was_used && !was_computed) continue;  // what found no room is computed again in a run of its own too
    int below = stages - 1;
    while (below > 0 && (used & bit(below)) == 0) --below;
    const SampleKey& key = samples.keys[row];
    account().alone_seconds += cost(stages, key, counts[i]) - (below > 0 ? cost(below, key, 0) : 0);
    used |= bits_in_use();
  }
}

std::uint64_t PrefixCache::bits_in_use() const {
  std::uint64_t bits = bit(current().stages);
  for (const int kept : current().kept) bits |= bit(kept);
  return bits;
}

void PrefixCache::assume_used(const Dataset& data) {
  if (current().stages == 0) return;
  make_names();
  for (std::uint64_t& used : samples_of(data).used) used |= bits_in_use();
}

// ---- names

PrefixEntries& PrefixCache::entries(int stages) {
  PrefixEntries*& found = entries_[static_cast<std::size_t>(stages)];
  if (found == nullptr) found = &store_.open(names_[static_cast<std::size_t>(stages)]);
  return *found;
}

std::uint64_t PrefixCache::state_of_weights() const {
  std::uint64_t state = 1;
  const auto add = [&](const Tensor& tensor) {
    state = mix64(state ^ reinterpret_cast<std::uintptr_t>(&tensor.storage())) + tensor.storage().version();
  };
  for (const ParameterPtr& parameter : parameters_) {
    if (parameter->requires_grad())
      fail("'", parameter->name, "' of a constant prefix trains: this is a mistake in thaw");
    add(parameter->tensor);
  }
  for (const BufferPtr& buffer : buffers_) add(buffer->tensor);
  return state;
}

// Each stage's name holds those below it. Weights may change although nothing trains them, as when a snapshot is restored.
void PrefixCache::make_names() {
  const std::uint64_t state = state_of_weights();
  if (state == named_state_) return;
  named_state_ = state;
  const std::vector<PrefixName> before = std::move(names_);
  const int most = std::max(uses_[0].stages, uses_[1].stages);
  names_.assign(1, {});
  entries_.assign(static_cast<std::size_t>(most) + 1, nullptr);
  std::string below = sha256_hex(program_digest() + network_);
  for (int stages = 1; stages <= most; ++stages) {
    Sha256 hash;
    hash.update(below);
    hash.update(name_of_stage(model_, stages));
    // Of pooling: the head's, which it may compute with.
    const int group = stages - 1;
    if (stages < model_.stages() || model_.pools_with_parameters()) {
      for (const ParameterPtr& parameter : parameters_)
        if (is_in_group(model_, *parameter, group)) add_weight(hash, parameter->name, parameter->tensor);
      for (const BufferPtr& buffer : buffers_)
        if (model_.group_of(buffer->name) == group) add_weight(hash, buffer->name, buffer->tensor);
    }
    below = hash.hex();
    names_.push_back(
        {hash.digest(), concat(model_.architecture(), " from ", origin_), name_of_stage(model_, stages)});
  }
  // Of other weights this run has used no entry yet.
  std::uint64_t same = 0;
  for (std::size_t i = 1; i < std::min(before.size(), names_.size()) && before[i].key == names_[i].key; ++i)
    same |= bit(static_cast<int>(i));
  for (auto& [inputs, samples] : samples_)
    for (std::uint64_t& used : samples.used) used &= same;
}

PrefixCache::Samples& PrefixCache::samples_of(const Dataset& data) {
  Samples& samples = samples_[data.inputs.get()];
  if (samples.inputs != nullptr) return samples;
  samples.inputs = data.inputs;
  samples.used.resize(static_cast<std::size_t>(data.size()));
  for (std::int64_t row = 0; row < data.size(); ++row) {
    Sha256 hash;
    data.inputs->hash_sample(row, hash);
    const Digest digest = hash.digest();
    samples.keys.push_back({front_of(digest), std::uint64_t{digest[2]} << 32 | digest[3]});
  }
  return samples;
}

}  // namespace thaw
