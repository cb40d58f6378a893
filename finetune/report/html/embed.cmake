# Text files inside a library.
#
# thaw_embed(TARGET HEADER NAMESPACE FILE...): for each file, such as page.css, TARGET gets a source that defines
# `const char* page_css()`, the file's text, in NAMESPACE. HEADER declares it. The source stands in the build folder and
# is made anew when the file changes, by this very file, which then runs as a script.

if(NOT DEFINED CMAKE_SCRIPT_MODE_FILE)
  function(thaw_embed target header namespace)
    set(script ${CMAKE_CURRENT_FUNCTION_LIST_FILE})
    foreach(file IN LISTS ARGN)
      cmake_path(GET file FILENAME name)
      string(MAKE_C_IDENTIFIER ${name} function)
      set(source ${PROJECT_BINARY_DIR}/embedded/${function}.cpp)
      add_custom_command(
        OUTPUT ${source}
        COMMAND ${CMAKE_COMMAND} -D file=${PROJECT_SOURCE_DIR}/${file} -D header=${header} -D namespace=${namespace}
                -D function=${function} -D source=${source} -P ${script}
        DEPENDS ${PROJECT_SOURCE_DIR}/${file} ${script}
        COMMENT "Embedding ${file}"
        VERBATIM)
      target_sources(${target} PRIVATE ${source})
      # Not part of a unity source: clang-tidy reads those before a build, when this file does not exist yet.
      set_source_files_properties(${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endforeach()
  endfunction()
  return()
endif()

cmake_minimum_required(VERSION 3.25)

# Compilers need not take a literal of more than 64 KiB in all, and some take no piece of more than 16.
set(most 65000)
set(most_of_piece 16000)

file(READ ${file} text)
string(LENGTH "${text}" left)
if(left GREATER most)
  message(FATAL_ERROR "${file} has more than ${most} bytes; make two files of it")
endif()
string(FIND "${text}" ")embed\"" at)
if(NOT at EQUAL -1)
  message(FATAL_ERROR "${file} has )embed\" in it, which ends the literal; write it otherwise")
endif()

set(literals "")
while(left GREATER 0)
  set(size ${left})
  if(size GREATER most_of_piece)  # up to a line's end, so that no character is cut in two
    string(SUBSTRING "${text}" 0 ${most_of_piece} piece)
    string(FIND "${piece}" "\n" end REVERSE)
    math(EXPR size "${end} + 1")
    if(size EQUAL 0)
      message(FATAL_ERROR "${file} has a line of more than ${most_of_piece} bytes; break it")
    endif()
  endif()
  string(SUBSTRING "${text}" 0 ${size} piece)
  string(SUBSTRING "${text}" ${size} -1 text)
  math(EXPR left "${left} - ${size}")
  string(APPEND literals "\nR\"embed(${piece})embed\"")
endwhile()
if(literals STREQUAL "")
  set(literals " \"\"")
endif()

file(WRITE ${source} "// Made from ${file}.
#include \"${header}\"

namespace ${namespace} {

const char* ${function}() {
  return${literals};
}

}  // namespace ${namespace}
")
