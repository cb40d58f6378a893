// Where in a training step this thread is: which part of the step, and for which module. Kernel observers
// (the ledger, the profiler) read it to attribute a kernel's cost.
#pragma once

#include <string>

namespace thaw {

enum class Section : unsigned char { forward, input_gradient, weight_gradient, optimizer };
inline constexpr int kSections = 4;
const char* section_name(Section section);

struct TraceState {
  Section section = Section::forward;
  int scope = 0;  // a module's number, see scope_id; graph nodes keep the one they were recorded in
};

inline thread_local TraceState trace_state;

// A number for a module path such as "layers.0"; the same path has the same number in the whole process.
int scope_id(const std::string& path);
std::string scope_path(int scope);

// Sets the section, the scope or both while it lives.
class TraceScope {
 public:
  explicit TraceScope(TraceState state) : previous_(trace_state) { trace_state = state; }
  explicit TraceScope(Section section) : TraceScope(TraceState{section, trace_state.scope}) {}
  explicit TraceScope(int scope) : TraceScope(TraceState{trace_state.section, scope}) {}
  ~TraceScope() { trace_state = previous_; }
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  TraceState previous_;
};

}  // namespace thaw
