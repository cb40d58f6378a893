# The target thaw_sndfile: the libsndfile of this machine, if there is one. Used while thaw is built, and again by a
# project that finds an installed thaw. Debian's package has no CMake files of its own.
find_path(THAW_SNDFILE_INCLUDE_DIR sndfile.h)
find_library(THAW_SNDFILE_LIBRARY NAMES sndfile)
if(THAW_SNDFILE_INCLUDE_DIR AND THAW_SNDFILE_LIBRARY AND NOT TARGET thaw_sndfile)
  add_library(thaw_sndfile UNKNOWN IMPORTED GLOBAL)
  set_target_properties(thaw_sndfile PROPERTIES
    IMPORTED_LOCATION "${THAW_SNDFILE_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${THAW_SNDFILE_INCLUDE_DIR}")
endif()
