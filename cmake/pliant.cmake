# One library target per folder. A target sees the headers of a folder only when it names that folder (or one that
# names it) in DEPENDS: each folder exports an include root of its own that holds links to its headers alone. An
# include against the order of docs/design.md therefore does not compile.

add_library(pliant_warnings INTERFACE)
target_compile_options(pliant_warnings INTERFACE -Wall -Wextra -Werror -fno-math-errno -ffp-contract=off)
add_library(pliant_flags INTERFACE)
add_library(pliant_kernel_flags INTERFACE)
target_link_libraries(pliant_flags INTERFACE pliant_warnings)
target_link_libraries(pliant_kernel_flags INTERFACE pliant_warnings)
if(PLIANT_SANITIZE)  # by clang
  target_link_options(pliant_warnings INTERFACE -fsanitize=address,undefined)
  target_compile_options(pliant_warnings INTERFACE -fsanitize=address -fno-omit-frame-pointer)
  target_compile_definitions(pliant_warnings INTERFACE PLIANT_SANITIZED)
  # Left out, since they double the time of compiling: checks of null and sizes, which the address sanitizer does as well,
  # of virtual tables, of the types of functions, and of alignment.
  target_compile_options(pliant_flags INTERFACE -fsanitize=undefined,fuzzer-no-link -fno-sanitize-recover=all
                         -fno-sanitize=null,vptr,object-size,alignment,function)
  # Kernels: in unrolled loops checks of arithmetic, and inlined ones of addresses, cost minutes for each file.
  target_compile_options(pliant_kernel_flags INTERFACE "SHELL:-mllvm -asan-instrumentation-with-call-threshold=0")
endif()

# fmt's library, not its headers alone: those cost every file three seconds.
find_package(fmt REQUIRED)
add_library(pliant_fmt INTERFACE)
target_link_libraries(pliant_fmt INTERFACE $<IF:$<BOOL:${PLIANT_FMT_HEADER_ONLY}>,fmt::fmt-header-only,fmt::fmt>)

function(pliant_export_headers target folder)
  string(REPLACE "/" "-" tag ${folder})
  set(root ${CMAKE_BINARY_DIR}/include/${tag})
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.h)
  file(MAKE_DIRECTORY ${root}/${folder})
  foreach(header ${headers})
    get_filename_component(name ${header} NAME)
    file(CREATE_LINK ${header} ${root}/${folder}/${name} SYMBOLIC)
  endforeach()
  target_include_directories(${target} PUBLIC ${root})
endfunction()

# pliant_embed(RESULT FOLDER): a source file for each file of src/FOLDER/assets, made anew when it changes; their names go
# to RESULT. FOLDER/assets.h declares NAME_EXTENSION of each as std::string_view in pliant::FOLDER::assets.
function(pliant_embed result folder)
  string(REPLACE "/" "::" namespace pliant/${folder}/assets)
  set(sources)
  file(GLOB assets CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/assets/*)
  foreach(asset ${assets})
    get_filename_component(name ${asset} NAME)
    string(REPLACE "." "_" variable ${name})
    set(source ${CMAKE_BINARY_DIR}/assets/${folder}/${variable}.cpp)
    add_custom_command(
      OUTPUT ${source}
      COMMAND ${CMAKE_COMMAND} -DASSET=${asset} -DHEADER=${folder}/assets.h -DNAMESPACE=${namespace} -DVARIABLE=${variable}
              -DOUTPUT=${source} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
      DEPENDS ${asset} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
      COMMENT "Embedding src/${folder}/assets/${name}"
      VERBATIM)
    list(APPEND sources ${source})
  endforeach()
  set(${result} ${sources} PARENT_SCOPE)
endfunction()

# pliant_library(FOLDER [KERNELS] [DEPENDS folder ...] [LINK library ...] [SUBFOLDERS folder ...] [ALONE source ...])
#   KERNELS: inner loops, sanitized less
#   SUBFOLDERS: folders below FOLDER that belong to the same library (their headers are exported with it)
#   The files of FOLDER/assets become strings of the library (pliant_embed).
#   ALONE: sources kept out of unity builds (kernels compiled once per instruction set, which include themselves)
function(pliant_library folder)
  cmake_parse_arguments(ARG "KERNELS" "" "DEPENDS;LINK;SUBFOLDERS;ALONE" ${ARGN})
  string(REPLACE "/" "-" target ${folder})
  set(folders ${folder})
  foreach(sub ${ARG_SUBFOLDERS})
    list(APPEND folders ${folder}/${sub})
  endforeach()
  set(sources)
  foreach(each ${folders})
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${each}/*.cpp)
    list(APPEND sources ${found})
  endforeach()
  if(EXISTS ${CMAKE_SOURCE_DIR}/src/${folder}/assets)
    pliant_embed(assets ${folder})
    list(APPEND sources ${assets})
  endif()
  add_library(${target} STATIC ${sources})
  foreach(each ${folders})
    pliant_export_headers(${target} ${each})
  endforeach()
  foreach(source ${ARG_ALONE})
    get_filename_component(own ${CMAKE_SOURCE_DIR}/src/${folder}/${source} DIRECTORY)
    set_source_files_properties(${CMAKE_SOURCE_DIR}/src/${folder}/${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON
                                INCLUDE_DIRECTORIES ${own})
  endforeach()
  string(REPLACE "/" "-" depends "${ARG_DEPENDS}")
  target_link_libraries(${target} PUBLIC ${depends} PRIVATE ${ARG_LINK} $<IF:$<BOOL:${ARG_KERNELS}>,pliant_kernel_flags,pliant_flags>)
endfunction()

# pliant_tests(FOLDER [DEPENDS folder ...] [SUBFOLDERS folder ...] [LINK library ...] [TIMEOUT seconds] [LABELS label ...]
# [LONG test ...]):
# tests/FOLDER/*.cpp, and those of its SUBFOLDERS, as one executable and one ctest entry. ctest runs them from the source folder's tests/, so "golden/..." is a relative
# path. The label "slow" keeps an entry out of the sanitized and emulated runs; LONG names single tests that the sanitized run leaves out: searches whose code other tests of
# the entry run too.
function(pliant_tests folder)
  cmake_parse_arguments(ARG "" "TIMEOUT" "DEPENDS;SUBFOLDERS;LINK;LABELS;LONG" ${ARGN})
  string(REPLACE "/" "-" tag ${folder})
  set(sources)
  foreach(each . ${ARG_SUBFOLDERS})
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${folder}/${each}/*.cpp)
    list(APPEND sources ${found})
  endforeach()
  add_executable(test-${tag} ${sources})
  string(REPLACE "/" "-" depends "${ARG_DEPENDS}")
  target_link_libraries(test-${tag} PRIVATE ${depends} ${ARG_LINK} GTest::gtest GTest::gtest_main pliant_flags)
  target_include_directories(test-${tag} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  if(PLIANT_SANITIZE)  # what is tested keeps its checks; the tests themselves compile faster
    target_compile_options(test-${tag} PRIVATE -O0)
  elseif(CMAKE_BUILD_TYPE STREQUAL Release)
    target_compile_options(test-${tag} PRIVATE -O1)
  endif()
  set(filter)
  if(PLIANT_SANITIZE AND ARG_LONG)
    list(JOIN ARG_LONG ":" long)
    set(filter --gtest_filter=-${long})
  endif()
  add_test(NAME ${tag} COMMAND test-${tag} --gtest_brief=1 ${filter} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/tests)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
    if(PLIANT_SANITIZE)  # five to ten times slower, perhaps on busy processors
      set(ARG_TIMEOUT 1200)
    endif()
  endif()
  # libtorch's threads would spin on processors that other tests need
  set_tests_properties(${tag} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}" ENVIRONMENT OMP_WAIT_POLICY=passive)
endfunction()
