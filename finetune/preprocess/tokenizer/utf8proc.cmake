# The target thaw_utf8proc: the static utf8proc of this machine. Used while thaw is built, and again by a project that
# finds an installed thaw, since a static library does not contain what it stands on.
find_path(THAW_UTF8PROC_INCLUDE_DIR utf8proc.h)
find_library(THAW_UTF8PROC_LIBRARY NAMES libutf8proc.a utf8proc_static)
if(NOT THAW_UTF8PROC_INCLUDE_DIR OR NOT THAW_UTF8PROC_LIBRARY)
  message(FATAL_ERROR "The static library utf8proc was not found (on Debian: apt-get install libutf8proc-dev)")
endif()
if(NOT TARGET thaw_utf8proc)
  add_library(thaw_utf8proc STATIC IMPORTED GLOBAL)
  set_target_properties(thaw_utf8proc PROPERTIES
    IMPORTED_LOCATION "${THAW_UTF8PROC_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${THAW_UTF8PROC_INCLUDE_DIR}"
    INTERFACE_COMPILE_DEFINITIONS UTF8PROC_STATIC)
endif()
