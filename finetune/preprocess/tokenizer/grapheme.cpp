#include "finetune/preprocess/tokenizer/grapheme.h"

#include "finetune/common/utf8.h"

namespace thaw {
namespace {

bool extends(ClusterRole role) {
  return role == ClusterRole::extend || role == ClusterRole::conjunct_extend || role == ClusterRole::linker;
}

// The cluster that is open, as far as the rules look back.
class Cluster {
 public:
  explicit Cluster(ClusterRole first) { add(first); }

  void add(ClusterRole role) {
    using enum ClusterRole;
    joins_emoji_ = role == zwj && after_emoji_;
    after_emoji_ = role == pictographic || (after_emoji_ && extends(role));
    odd_indicators_ = role == regional_indicator && !odd_indicators_;
    if (role == consonant)
      conjunct_ = Conjunct::consonant;
    else if (role == linker && conjunct_ != Conjunct::none)
      conjunct_ = Conjunct::linked;
    else if (role != linker && role != conjunct_extend && role != zwj)
      conjunct_ = Conjunct::none;
    last_ = role;
  }

  // Whether the character belongs to it.
  bool takes(ClusterRole role) const {
    using enum ClusterRole;
    if (is_control(last_) || is_control(role)) return last_ == cr && role == lf;
    if (extends(role) || role == zwj || role == spacing_mark || last_ == prepend) return true;
    switch (role) {
      case lead:
      case lead_vowel:
      case lead_vowel_tail:
        return last_ == lead;
      case vowel:
        return last_ == lead || last_ == vowel || last_ == lead_vowel;
      case tail:
        return last_ == vowel || last_ == lead_vowel || last_ == tail || last_ == lead_vowel_tail;
      case consonant:
        return conjunct_ == Conjunct::linked;
      case pictographic:
        return joins_emoji_;
      case regional_indicator:
        return odd_indicators_;
      default:
        return false;
    }
  }

 private:
  enum class Conjunct { none, consonant, linked };

  static bool is_control(ClusterRole role) {
    return role == ClusterRole::control || role == ClusterRole::cr || role == ClusterRole::lf;
  }

  ClusterRole last_ = ClusterRole::other;
  bool after_emoji_ = false, joins_emoji_ = false, odd_indicators_ = false;
  Conjunct conjunct_ = Conjunct::none;
};

}  // namespace

const char* next_grapheme(const CharTable& table, const char* at, const char* end) {
  for (Cluster cluster(table.cluster_role(next_scalar(at))); at != end;) {
    const char* ahead = at;
    const ClusterRole role = table.cluster_role(next_scalar(ahead));
    if (!cluster.takes(role)) break;
    cluster.add(role);
    at = ahead;
  }
  return at;
}

}  // namespace thaw
